"""Probe report: amplitude, energy, width; two probes beside one another; a probe that is a spot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table
from ptycho.diagnostics.records import RunRecord, at_path, cell_or_none, number_or_none
from ptycho.diagnostics.wording import figure_words

SPOT_PX = 16.0  # fewer pixels than 4 x 4 hold no structure
SAME_PROBE = 1e-5  # largest difference of amplitudes over the maximum, of two probes that were generated alike


@dataclass(frozen=True)
class ProbeArea:
    """How many pixels one probe of a run fills, by the smaller of two figures."""

    name: str
    area_px: float
    figures: Mapping[str, Any]


def probe_figures(report: Any) -> dict[str, Any]:
    """The figures of one probe. ``effective_area``: ``sum|P|**2 / max|P|**2``, pixels that would hold its energy."""
    amplitude = {key: number_or_none(at_path(report, "amplitude", key)) for key in ("mean", "max", "min", "std", "l2")}
    top, norm = amplitude["max"], amplitude["l2"]
    area = (norm / top) ** 2 if top and norm and 1e-12 < top < 1e12 and 0 < norm < 1e12 else None
    rest = {
        key: number_or_none(at_path(report, key))
        for key in ("normalization_factor", "rms_width_px", "area_above_half_max_px", "mask_energy")
    }
    return {**amplitude, "effective_area_px": area, **rest}


def recorded_probes(run: RunRecord) -> dict[str, dict[str, Any]]:
    """Every probe that the run records: the model's and the data's, or the two that upstream's report compares."""
    return {
        name: probe_figures(run.get("probe", name))
        for name in ("probe", "given", "sim_lines", "legacy")
        if isinstance(at_path(run.get("probe", name), "amplitude"), Mapping)
    }


def analyze_probes(run: RunRecord) -> Analysis | None:
    """The probe report of one run or report."""
    probes = recorded_probes(run)
    if not probes:
        return None
    keys = next(iter(probes.values()))
    compared = {
        "max_abs_delta": run.finite("probe", "comparison", "max_abs_delta"),
        "l2_delta": run.finite("probe", "comparison", "l2_delta"),
        "ratio_mean": run.finite("probe", "comparison", "amp_ratio", "mean"),
        "overlap": run.finite("probe", "comparison", "overlap"),
    }
    metadata = run.table("probe", "metadata")
    about = {
        key: cell_or_none(metadata.get(key))
        for key in ("probe_mode", "probe_scale", "probe_mask", "scenario")
        if not isinstance(metadata.get(key), dict | list)
    }
    tables = [Table("Probes", ("", *probes), tuple((key, *(f[key] for f in probes.values())) for key in keys))]
    if any(v is not None for v in compared.values()):
        tables.append(Table("Compared", ("Property", "Value"), tuple(compared.items())))
    figures = {"probes": probes, "comparison": compared, "about": about}
    findings = [finding for area in probe_areas(probes) for finding in evaluate(PROBE_CHECKS, area)]
    return Analysis("probe_report", "Probe report", figures, tuple(tables), (), tuple(findings[:1]))  # one says it all


def probe_areas(probes: Mapping[str, Mapping[str, Any]]) -> list[ProbeArea]:
    """The area of each of ``probes`` that records one."""
    areas = []
    for name, figures in probes.items():
        recorded = [figures[key] for key in ("effective_area_px", "area_above_half_max_px")]
        known = [area for area in recorded if area is not None and math.isfinite(area)]
        if known:
            areas.append(ProbeArea(name, min(known), figures))
    return areas


def _evidence(probe: ProbeArea) -> tuple[str, ...]:
    top, mean, norm = (figure_words(probe.figures[key]) for key in ("max", "mean", "l2"))
    width = probe.figures["rms_width_px"]
    rest = (f"rms width {width:.2f} px",) if width is not None else ()
    return (f"maximum {top} at a mean of {mean}, L2 {norm}", *rest)


PROBE_CHECKS: tuple[CauseCheck[ProbeArea], ...] = (
    CauseCheck(
        cause="narrow_probe",
        level="fault",
        when=lambda probe: probe.area_px < SPOT_PX,
        statement=lambda probe: (
            f"The probe is a spot: {probe.area_px:.1f} pixels hold its energy at full amplitude ({probe.name})."
        ),
        evidence=_evidence,
        remedy="Check the probe's width: a default slipped. Nothing measured with it tells of the object.",
        weight=4.0,
    ),
)


def probe_rows(a: RunRecord, b: RunRecord) -> list[dict[str, Any]]:
    """The figures of two runs' probes side by side."""
    left, right = (next(iter(recorded_probes(run).values()), {}) for run in (a, b))
    rows = []
    for key in left.keys() | right.keys():
        x, y = left.get(key), right.get(key)
        if x is not None or y is not None:
            rows.append({"name": key, "a": x, "b": y, "ratio": y / x if x and y is not None else None})
    return sorted(rows, key=lambda row: str(row["name"]))
