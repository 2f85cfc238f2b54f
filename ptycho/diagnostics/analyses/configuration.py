"""Configuration audit: stale scales, stages that ran under different configurations, parameters side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptycho.data.normalization import closed_form_scale
from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table, filled, properties
from ptycho.diagnostics.quantities.legacy_weights import legacy_loss_weights
from ptycho.diagnostics.quantities.parameters import OUR_NAMES, affected_by, recorded_parameters
from ptycho.diagnostics.quantities.scales import (
    configured_scale,
    exponential_of,
    intensity_scales,
    recorded_scale,
    scaler_state,
)
from ptycho.diagnostics.records import RunRecord, at_path, cell_or_none
from ptycho.diagnostics.wording import figure_words

SIDES = (16, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
FITS = 1e-3  # relative; a scale this near a closed form is that closed form
FAR = 0.05
FIRST_WEIGHT = 11.0  # a stale configuration is reported before the NaN that it may cause


@dataclass(frozen=True)
class ConfigurationAudit:
    """The scales, the digests and the parameters of one run.

    ``stale``: scales that are the closed form of another patch side; ``own``: the one that the model was saved with.
    """

    N: int | None
    nphotons: float | None
    scales: list[dict[str, Any]]
    digests: dict[str, str]
    own: float | None
    dataset: float | None

    @property
    def stale(self) -> list[dict[str, Any]]:
        """Scales of another patch side; none where the run's own side or photons are not known."""
        return [r for r in self.scales if self.N and self.nphotons and r["fits_N"] not in (None, self.N)]

    @property
    def expected(self) -> float:
        """The closed-form scale of the run's own patch side."""
        assert self.N
        assert self.nphotons
        return closed_form_scale(self.nphotons, self.N)

    @property
    def stages_by_digest(self) -> dict[str, list[str]]:
        """The stages that ran under each configuration."""
        stages: dict[str, list[str]] = {}
        for stage, digest in self.digests.items():
            stages.setdefault(digest, []).append(stage)
        return stages


def audit_configuration(run: RunRecord) -> ConfigurationAudit:
    """What the run records of its configuration and of the scales that were derived from it."""
    dataset = intensity_scales(run)["dataset_scale"]
    return ConfigurationAudit(run.N, run.nphotons, scale_table(run), stage_digests(run), recorded_scale(run), dataset)


def fitting_side(scale: float, nphotons: float) -> int | None:
    """The patch side whose closed-form intensity scale ``scale`` is, or None."""
    return next((N for N in SIDES if abs(scale / closed_form_scale(nphotons, N) - 1) < FITS), None)


def stage_digests(run: RunRecord) -> dict[str, str]:
    """The digest of the configuration that each stage ran under."""
    stages = run.get("metadata", "stages")
    digests = {}
    for stage in stages[:100] if isinstance(stages, list) else ():
        name, digest = at_path(stage, "stage"), at_path(stage, "config_digest")
        if isinstance(name, str) and isinstance(digest, str):
            digests[name[:80]] = digest[:64]
    return digests


def scale_table(run: RunRecord) -> list[dict[str, Any]]:
    """Each recorded intensity scale, and the patch side whose closed form it is."""
    photons, state = run.nphotons, scaler_state(run)
    scales = {
        "bundle_intensity_scale": recorded_scale(run),
        "config_intensity_scale": configured_scale(run),
        "log_scale_initial": exponential_of(state["log_scale_initial"]),
        "exp_log_scale": state["exp_log_scale"],
    }
    return [
        {"name": name, "value": value, "fits_N": fitting_side(value, photons) if photons else None}
        for name, value in scales.items()
        if value is not None
    ]


def analyze_configuration(run: RunRecord) -> Analysis | None:
    """The audit of one run."""
    audit, parameters = audit_configuration(run), recorded_parameters(run)
    report = run.table("parameters")
    if not audit.scales and not audit.digests and not parameters and not report:
        return None
    figures = {
        "N": audit.N,
        "nphotons": audit.nphotons,
        "scales": audit.scales,
        "digests": audit.digests,
        "parameters": parameters,
    }
    tables = [
        Table(
            "Recorded intensity scales",
            ("Scale", "Value", "Closed form of N"),
            tuple((r["name"], r["value"], r["fits_N"]) for r in audit.scales),
        ),
        Table(
            "Digest of the configuration by stage",
            ("Stage", "Digest"),
            tuple((stage, digest[:12]) for stage, digest in audit.digests.items()),
        ),
        properties("Parameters", [(k, parameters[k]) for k in sorted(parameters)]),
    ]
    if report:
        weights = legacy_loss_weights(report)
        tables = [_differing_parameters(report), _weights_table(weights)]
        figures["loss_parity"] = weights
    findings = tuple(evaluate(CONFIGURATION_CHECKS, audit))
    return Analysis("configuration_audit", "Configuration audit", figures, filled(tables), (), findings)


def _stale_statement(audit: ConfigurationAudit) -> str:
    first = audit.stale[0]
    return (
        f"The recorded intensity scale {first['value']:.3f} is that of N = {first['fits_N']}, "
        f"the data have N = {audit.N}: stale configuration."
    )


def _stale_evidence(audit: ConfigurationAudit) -> tuple[str, ...]:
    photons = audit.nphotons
    return (
        *(f"{r['name']} = {r['value']:.3f} = sqrt({photons:.3g}) / ({r['fits_N']}/2)" for r in audit.stale),
        f"N = {audit.N} would give {audit.expected:.3f}",
    )


def _fits_nothing(audit: ConfigurationAudit) -> bool:
    """Whether the model's own scale is neither the closed form nor the data's own."""
    if not audit.own or not audit.N or not audit.nphotons or audit.stale:
        return False
    return all(abs(audit.own / scale - 1) > FAR for scale in (audit.expected, audit.dataset) if scale)


def _from_expected(scale: float | None, audit: ConfigurationAudit) -> float:
    """``|ln|`` of a scale over the closed form: how much it explains."""
    assert scale
    return abs(math.log(scale / audit.expected))


CONFIGURATION_CHECKS: tuple[CauseCheck[ConfigurationAudit], ...] = (
    CauseCheck(
        cause="stale_configuration",
        level="fault",
        when=lambda audit: audit.stale,
        statement=_stale_statement,
        evidence=_stale_evidence,
        remedy="Hand the configuration to every stage, read no global, and derive the scale from the data's own N.",
        weight=lambda audit: FIRST_WEIGHT + _from_expected(audit.stale[0]["value"], audit),
    ),
    CauseCheck(
        cause="unexplained_scale",
        level="warning",
        when=_fits_nothing,
        statement=lambda audit: (
            f"The recorded intensity scale {audit.own:.3f} is neither the closed form nor the data's own."
        ),
        evidence=lambda audit: (
            f"closed form of N = {audit.N}: {audit.expected:.3f}",
            f"dataset-derived: {figure_words(audit.dataset)}",
        ),
        remedy="Find where it was computed: nphotons, N or a normalisation is not this run's.",
        weight=lambda audit: _from_expected(audit.own, audit),
    ),
    CauseCheck(
        cause="digest_mismatch",
        level="fault",
        when=lambda audit: len(audit.stages_by_digest) > 1,
        statement=lambda audit: f"The stages ran under {len(audit.stages_by_digest)} different configurations.",
        evidence=lambda audit: tuple(
            f"{digest[:12]}: {', '.join(stages)}" for digest, stages in audit.stages_by_digest.items()
        ),
        remedy="Run the whole pipeline again under one configuration.",
        weight=FIRST_WEIGHT,
    ),
)


def _differing_parameters(report: Mapping[str, Any]) -> Table:
    """The parameters of a report of both configurations that do not match."""
    rows = []
    scenarios = report.get("scenarios")
    for name, scenario in list(scenarios.items())[:20] if isinstance(scenarios, dict) else ():
        changes = at_path(scenario, "diff")
        for key, change in list(changes.items())[:100] if isinstance(changes, dict) else ():
            if at_path(change, "delta") == "match":
                continue
            a, b = at_path(change, "dose_experiments"), at_path(change, "sim_lines")
            label = "not set by the script: its default applies" if a is None else "set"
            affected = affected_by(OUR_NAMES.get(str(key), str(key)))
            rows.append((str(name)[:80], str(key)[:80], cell_or_none(a), cell_or_none(b), label, affected))
    columns = ("Scenario", "Parameter", "Legacy", "Scenario's", "Legacy value is", "Can affect")
    return Table("Parameters that differ", columns, tuple(rows))


def _weights_table(weights: list[dict[str, Any]]) -> Table:
    keys = ("scenario", "mode", "weight", "legacy", "legacy_is", "scenario_value", "same")
    return Table(
        "Loss weights by the legacy script's mode",
        ("Scenario", "Mode", "Weight", "Legacy", "It is", "Scenario's", "Same"),
        tuple(tuple(row[key] for key in keys) for row in weights),
    )
