"""Configuration audit: stale scales, stages that ran under different configurations, parameters side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ptycho.diagnostics import intensity
from ptycho.diagnostics.findings import Analysis, Finding, Table, properties, shown
from ptycho.diagnostics.run import Run, get, number, scalar

SIDES = (16, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
FITS = 1e-3  # relative; a scale this near a closed form is that closed form
FAR = 0.05
CAUSE = 11.0  # a stale configuration is told before the NaN that it may cause
MOST = 500  # parameters that are told

# What a legacy configuration means where it says nothing (seed 004, D1).
LEGACY_DEFAULTS = {"mae_weight": 0.0, "nll_weight": 1.0, "realspace_weight": 0.0, "realspace_mae_weight": 0.0}
WEIGHTS = tuple(LEGACY_DEFAULTS)

# Upstream's names of what the configuration here calls otherwise.
NAMES = {
    "nphotons": "simulate.nphotons",
    "probe_scale": "simulate.probe.scale",
    "probe_mask": "simulate.probe.mask",
    "probe_mode": "simulate.probe.kind",
    "object_seed": "simulate.object.seed",
    "sim_seed": "simulate.scan.seed",
    "total_images": "simulate.scan.images",
    "buffer": "simulate.scan.margin_px",
    "split_fraction": "split.fraction",
    "group_count": "group.train_groups",
    "neighbor_count": "group.neighbors",
    "nepochs": "train.epochs",
    "gridsize": "gridsize",
    "probe_big": "probe_big",
    "group_limit": "group_limit",
}

# What a difference can move, by the longest prefix of its name.
AFFECTS = {
    "N": "patch side: closed-form scale, gain and canvas",
    "gridsize": "patches a group, hence overlap within it and the network's channels",
    "simulate.nphotons": "photon noise, the Poisson likelihood's weight, every intensity scale",
    "simulate.object": "the truth, and every figure measured against it",
    "simulate.probe": "illumination: gain, required amplitude, whether a ceiling is reached",
    "simulate.probe.mask": "energy outside the mask: gain and required amplitude",
    "simulate.scan": "positions: overlap, coverage, canvas",
    "simulate.noise_seed": "the photons drawn; nothing systematic",
    "measured": "the data themselves",
    "split": "which frames train and which test",
    "group": "groups that train and are stitched: coverage, overlap",
    "group_limit": "groups that are stitched: coverage",
    "model.amplitude_head": "range of amplitudes that can be represented",
    "model.log_scale_trainable": "whether log_scale may trade against the amplitude",
    "model.init_seed": "initial weights; nothing systematic",
    "model.precision": "rounding inside the network; nothing systematic",
    "model": "what the network can represent",
    "loss": "what training minimises",
    "loss.amplitude_l2_mae": "whether the MAE sees the amplitude's scale at all",
    "train.seed": "order of the batches; nothing systematic",
    "train": "how far and how steadily training goes",
    "infer": "what is reconstructed, and how groups are joined",
    "reference": "the oracle only",
    "compare": "the metrics only",
    "probe_big": "part of a patch where the object is predicted",
}


def fitting_side(scale: float, nphotons: float) -> int | None:
    """The patch side whose closed-form intensity scale ``scale`` is, or None."""
    return next((N for N in SIDES if abs(scale / intensity.closed_form(nphotons, N) - 1) < FITS), None)


def digests(run: Run) -> dict[str, str]:
    """The digest of the configuration that each stage ran under."""
    stages = run.get("metadata", "stages")
    found = {}
    for stage in stages[:100] if isinstance(stages, list) else ():
        name, digest = get(stage, "stage"), get(stage, "config_digest")
        if isinstance(name, str) and isinstance(digest, str):
            found[name[:80]] = digest[:64]
    return found


def parameters(run: Run) -> dict[str, Any]:
    """Everything that the run was told, by this pipeline's names where it has one."""
    config = run.table("metadata", "config")
    if config:
        return dict(islice(flat(config), MOST))
    told = {
        NAMES[k]: scalar(v) for k, v in run.table("metadata").items() if k in NAMES and not isinstance(v, dict | list)
    }
    if (N := run.N) is not None:
        told["N"] = N
    batch = run.finite("metadata", "profile", "effective_batch_size") or run.finite(
        "metadata", "cli_args", "batch_size"
    )
    if batch is not None:
        told["train.batch_size"] = batch
    gridsize = gridsize_of(run)
    if gridsize is not None:
        told["gridsize"] = gridsize
    return told


def gridsize_of(run: Run) -> int | None:
    """Patches a group along one side, from the configuration or from a stage's shape."""
    places = (
        ("metadata", "config", "gridsize"),
        ("grouping", "metadata", "parameters", "gridsize"),
        ("reassembly", "metadata", "parameters", "gridsize"),
        ("scaler", "recorded_params", "gridsize"),
        ("probe", "metadata", "gridsize"),
    )
    found = next((n for place in places if (n := run.positive(*place))), None)
    if found is None:
        found = next((n for s in run.stages if (n := number(get(s, "metadata", "gridsize")))), None)
    shape = run.series("intensity", "training_container_stats", "shape")
    if found is None and len(shape) == 4 and 0 < shape[3] < 100:
        found = math.sqrt(shape[3])
    return round(found) if found and 0 < found < 100 else None


def flat(tree: Mapping[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every scalar of a nested table by its dotted name."""
    for key, value in islice(tree.items(), MOST):
        name = f"{path}{str(key)[:80]}"
        if isinstance(value, Mapping) and depth < 8:
            yield from flat(value, f"{name}.", depth + 1)
        elif not isinstance(value, dict | list):
            yield name, scalar(value)


def affects(name: str) -> str:
    """What a difference in the parameter ``name`` can move."""
    parts = name[:80].split(".", 4)
    for n in range(len(parts), 0, -1):
        if (found := AFFECTS.get(".".join(parts[:n]))) is not None:
            return found
    return "not known here"


def differences(a: Run, b: Run) -> list[dict[str, Any]]:
    """The parameters in which two runs differ, or which only one of them records."""
    left, right = parameters(a), parameters(b)
    found = []
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right or not _equal(left[name], right[name]):
            recorded = "both" if name in left and name in right else "a" if name in left else "b"
            found.append(
                {
                    "name": name,
                    "a": left.get(name),
                    "b": right.get(name),
                    "recorded_in": recorded,
                    "affects": affects(name),
                }
            )
    return found


def _equal(a: Any, b: Any) -> bool:
    x, y = number(a), number(b)
    return x == y if x is not None and y is not None else a == b


def scale_table(run: Run) -> list[dict[str, Any]]:
    """Each recorded intensity scale, and the patch side whose closed form it is."""
    photons = run.nphotons
    named = {
        "bundle_intensity_scale": intensity.recorded_scale(run),
        "config_intensity_scale": intensity.configured_scale(run),
        "log_scale_initial": _exp(intensity.scaler(run)["log_scale_initial"]),
        "exp_log_scale": intensity.scaler(run)["exp_log_scale"],
    }
    return [
        {"name": name, "value": value, "fits_N": fitting_side(value, photons) if photons else None}
        for name, value in named.items()
        if value is not None
    ]


def _exp(value: float | None) -> float | None:
    return math.exp(value) if value is not None and abs(value) < 300 else None


def analyze(run: Run) -> Analysis | None:
    """The audit of one run."""
    rows, stages, told = scale_table(run), digests(run), parameters(run)
    report = run.table("parameters")
    if not rows and not stages and not told and not report:
        return None
    figures = {"N": run.N, "nphotons": run.nphotons, "scales": rows, "digests": stages, "parameters": told}
    tables = [
        Table(
            "Recorded intensity scales",
            ("Scale", "Value", "Closed form of N"),
            tuple((r["name"], r["value"], r["fits_N"]) for r in rows),
        ),
        Table(
            "Digest of the configuration by stage", ("Stage", "Digest"), tuple((s, d[:12]) for s, d in stages.items())
        ),
        properties("Parameters", [(k, told[k]) for k in sorted(told)]),
    ]
    if report:
        tables = _reported(report)
        figures["loss_parity"] = loss_parity(report)
    return Analysis(
        "configuration_audit",
        "Configuration audit",
        figures,
        tuple(t for t in tables if t.rows),
        (),
        tuple(findings(run)),
    )


def findings(run: Run) -> list[Finding]:
    """A scale of another patch side, one that fits nothing, and stages under different configurations."""
    found = []
    N, photons = run.N, run.nphotons
    stale = [r for r in scale_table(run) if N and r["fits_N"] not in (None, N)]
    if stale and N and photons:
        first, expected = stale[0], intensity.closed_form(photons, N)
        found.append(
            Finding(
                "stale_configuration",
                "fault",
                f"The recorded intensity scale {first['value']:.3f} is that of N = {first['fits_N']}, "
                f"the data have N = {N}: stale configuration.",
                (
                    *(f"{r['name']} = {r['value']:.3f} = sqrt({photons:.3g}) / ({r['fits_N']}/2)" for r in stale),
                    f"N = {N} would give {expected:.3f}",
                ),
                "Hand the configuration to every stage, read no global, and derive the scale from the data's own N.",
                CAUSE + abs(math.log(first["value"] / expected)),
            )
        )
    own = intensity.recorded_scale(run)
    dataset = intensity.scales(run)["dataset_scale"]
    if own and N and photons and not stale:
        allowed = [s for s in (intensity.closed_form(photons, N), dataset) if s]
        if all(abs(own / s - 1) > FAR for s in allowed):
            found.append(
                Finding(
                    "unexplained_scale",
                    "warning",
                    f"The recorded intensity scale {own:.3f} is neither the closed form nor the data's own.",
                    (f"closed form of N = {N}: {allowed[0]:.3f}", f"dataset-derived: {shown(dataset)}"),
                    "Find where it was computed: nphotons, N or a normalisation is not this run's.",
                    abs(math.log(own / allowed[0])),
                )
            )
    if len(set(digests(run).values())) > 1:
        by_digest: dict[str, list[str]] = {}
        for stage, digest in digests(run).items():
            by_digest.setdefault(digest, []).append(stage)
        found.append(
            Finding(
                "digest_mismatch",
                "fault",
                f"The stages ran under {len(by_digest)} different configurations.",
                tuple(f"{digest[:12]}: {', '.join(stages)}" for digest, stages in by_digest.items()),
                "Run the whole pipeline again under one configuration.",
                CAUSE,
            )
        )
    return found


def loss_parity(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The loss weights of a legacy script against a scenario's, by the script's loss mode (D1).

    A weight that the script does not set is the legacy default and is labelled so; one that it sets in
    one mode only is labelled conditional.
    """
    modes = report.get("dose_loss_modes")
    modes = {k: v for k, v in islice(modes.items(), 10) if isinstance(v, dict)} if isinstance(modes, dict) else {}
    base = report.get("dose_experiments")
    legacy = modes or {"as recorded": base if isinstance(base, dict) else {}}
    scenarios = report.get("scenarios")
    found = []
    for name, scenario in list(scenarios.items())[:50] if isinstance(scenarios, dict) else ():
        ours = get(scenario, "parameters")
        for mode, settings in legacy.items():
            for weight in WEIGHTS:
                told, mine = number(settings.get(weight)), number(get(ours, weight))
                if mine is None and told is None:
                    continue
                others = [number(s.get(weight)) for m, s in legacy.items() if m != mode]
                conditional = told is not None and any(o is None for o in others)
                label = "default" if told is None else f"conditional on {mode}" if conditional else "set"
                value = LEGACY_DEFAULTS[weight] if told is None else told
                mine = LEGACY_DEFAULTS[weight] if mine is None else mine
                found.append(
                    {
                        "scenario": str(name)[:80],
                        "mode": str(mode)[:40],
                        "weight": weight,
                        "legacy": value,
                        "legacy_is": label,
                        "scenario_value": mine,
                        "same": value == mine,
                    }
                )
    return found


def _reported(report: Mapping[str, Any]) -> list[Table]:
    rows = []
    scenarios = report.get("scenarios")
    for name, scenario in list(scenarios.items())[:20] if isinstance(scenarios, dict) else ():
        diff = get(scenario, "diff")
        for key, change in list(diff.items())[:100] if isinstance(diff, dict) else ():
            if get(change, "delta") == "match":
                continue
            a, b = get(change, "dose_experiments"), get(change, "sim_lines")
            label = "not set by the script: its default applies" if a is None else "set"
            rows.append(
                (str(name)[:80], str(key)[:80], scalar(a), scalar(b), label, affects(NAMES.get(str(key), str(key))))
            )
    parity = loss_parity(report)
    return [
        Table(
            "Parameters that differ",
            ("Scenario", "Parameter", "Legacy", "Scenario's", "Legacy value is", "Can affect"),
            tuple(rows),
        ),
        Table(
            "Loss weights by the legacy script's mode",
            ("Scenario", "Mode", "Weight", "Legacy", "It is", "Scenario's", "Same"),
            tuple(
                (p["scenario"], p["mode"], p["weight"], p["legacy"], p["legacy_is"], p["scenario_value"], p["same"])
                for p in parity
            ),
        ),
    ]
