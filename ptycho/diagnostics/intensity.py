"""Intensity statistics: both intensity scales, the scaler's state, and what each stage did to the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ptycho.diagnostics.findings import Analysis, Finding, Table, percent, properties, shown
from ptycho.diagnostics.run import Run, get, number

MOVED = 1e-6  # relative; float32 tells numbers this far apart
SAME_SCALE = 0.02
STAGES = ("raw_diffraction", "grouped_diffraction", "grouped_X_full", "container_X")
STAGE_COLUMNS = (
    *("Stage", "Source", "Count", "Mean", "Std", "Min", "Max", "NaN"),
    *("Shape", "Type", "Finite", "Pixels"),
)
TITLES = ("Raw diffraction", "Grouped diffraction", "Grouped X (normalized)", "Container X")
TRANSITIONS = ("raw_to_grouped", "grouped_to_normalized", "normalized_to_container")


def closed_form(nphotons: float, N: float) -> float:
    """``sqrt(nphotons) / (N/2)``: the intensity scale of data normalised to ``(N/2)**2`` (PHYSICS.md, "Scales")."""
    return math.sqrt(nphotons) / (N / 2)


def scales(run: Run) -> dict[str, float | None]:
    """Dataset-derived and closed-form intensity scale, computed anew from what each is made of."""
    info = ("intensity", "dataset_scale_info")
    energy, photons, N = run.positive(*info, "batch_mean_sum_intensity"), run.nphotons, run.N
    dataset = math.sqrt(photons / energy) if photons and energy else run.positive(*info, "dataset_scale")
    fallback = closed_form(photons, N) if photons and N else run.positive(*info, "fallback_scale")
    both = dataset is not None and fallback is not None
    return {
        "dataset_scale": dataset,
        "fallback_scale": fallback,
        "nphotons": photons,
        "N": N,
        "batch_mean_sum_intensity": energy,
        "delta": dataset - fallback if both else None,  # type: ignore[operator]
        "ratio": dataset / fallback if both else None,  # type: ignore[operator]
    }


def scaler(run: Run) -> dict[str, Any]:
    """The shared ``log_scale``: raw, its exponential, and what the configuration says."""
    state = ("intensity", "intensity_scaler_state")
    raw = run.finite(*state, "log_scale_value")
    raw = run.finite("scaler", "log_scale") if raw is None else raw
    trainable = run.flag(*state, "trainable")
    configured = run.positive(*state, "config_intensity_scale") or run.positive(*state, "params_cfg_intensity_scale")
    configured = configured or run.positive("scaler", "recorded_params", "intensity_scale")
    exponential = math.exp(raw) if raw is not None and abs(raw) < 300 else None
    both = exponential is not None and configured is not None
    return {
        "log_scale": raw,
        "log_scale_initial": run.finite(*state, "log_scale_initial"),
        "exp_log_scale": exponential,
        "trainable": trainable
        if trainable is not None
        else run.flag("scaler", "recorded_params", "intensity_scale.trainable"),
        "config_intensity_scale": configured,
        "config_trainable": run.flag(*state, "params_cfg_trainable"),
        "delta": exponential - configured if both else None,  # type: ignore[operator]
        "ratio": exponential / configured if both else None,  # type: ignore[operator]
    }


def recorded_scale(run: Run) -> float | None:
    """The intensity scale that the trained model was saved with."""
    return (
        run.positive("intensity", "bundle_intensity_scale")
        or run.positive("intensity", "intensity_scaler_state", "config_intensity_scale")
        or run.positive("scaler", "recorded_params", "intensity_scale")
    )


def configured_scale(run: Run) -> float | None:
    """The intensity scale of the configuration, beside the model's own."""
    return run.positive("intensity", "legacy_params_intensity_scale") or run.positive(
        "intensity", "config_intensity_scale"
    )


def gain(run: Run) -> float | None:
    """The gain that normalisation applied."""
    return run.positive("intensity", "normalize_gain")


def means(run: Run) -> list[float | None]:
    """The mean of each of the seeds' four stages."""
    recorded = run.table("intensity", "stage_means")
    listed = {s.get("name"): number(get(s, "stats", "mean")) for s in run.stages if isinstance(s.get("name"), str)}
    return [number(recorded.get(name)) if name in recorded else listed.get(name) for name in STAGES]


def over(later: float | None, earlier: float | None) -> float | None:
    """``later / earlier``, or None where that is no number."""
    if later is None or earlier is None or not earlier or not math.isfinite(later / earlier):
        return None
    return later / earlier


@dataclass(frozen=True)
class Rung:
    """One step of the ladder of gains, from raw data to object units."""

    name: str
    measured: float
    expected: float


def ladder(run: Run) -> list[Rung]:
    """The ladder of gains; empty where the run does not record one whole."""
    steps = run.get("intensity", "gain_ladder")
    made = []
    for step in steps[:100] if isinstance(steps, list) else ():
        name, (measured, expected) = get(step, "gain"), (number(get(step, key)) for key in ("measured", "expected"))
        if not isinstance(name, str) or not measured or not expected:
            return []
        if not 1e-9 < measured < 1e9 or not 1e-9 < expected < 1e9:
            return []
        made.append(Rung(name[:80], measured, expected))
    return made


def rung(run: Run, name: str) -> Rung | None:
    """One step of the ladder."""
    return next((step for step in ladder(run) if step.name == name), None)


def analyze(run: Run) -> Analysis | None:
    """The content of seed 002; None where the run holds no intensity at all."""
    if "intensity" not in run.parts and "scaler" not in run.parts:
        return None
    both, state, found = scales(run), scaler(run), means(run)
    ratios = dict(zip(TRANSITIONS, (over(b, a) for a, b in pairwise(found)), strict=True))
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    drop = min(known, key=lambda name: known[name]) if known else None
    bundle, configured = recorded_scale(run), configured_scale(run)
    figures: dict[str, Any] = {
        "bundle_intensity_scale": bundle,
        "config_intensity_scale": configured,
        "scale_delta": bundle - configured if bundle and configured else None,
        "normalize_gain": gain(run),
        "dataset_scale_info": both,
        "intensity_scaler_state": state,
        "stage_means": dict(zip(STAGES, found, strict=True)),
        "ratios": ratios,
        "largest_drop": {"transition": drop, "ratio": known[drop]} if drop else None,
        "container": container(run),
    }
    at = TRANSITIONS.index(drop) if drop else 0
    tables = [
        properties(
            "Intensity scales",
            [
                ("Bundle intensity_scale", bundle),
                ("Configuration's intensity_scale", configured),
                ("Bundle minus configuration", figures["scale_delta"]),
                ("normalize gain", figures["normalize_gain"]),
                ("Dataset-derived scale", both["dataset_scale"]),
                ("Closed-form scale", both["fallback_scale"]),
                ("nphotons", both["nphotons"]),
                ("N (patch side)", both["N"]),
                ("Mean energy of an image", both["batch_mean_sum_intensity"]),
                ("Delta (dataset - closed form)", both["delta"]),
                ("Ratio (dataset / closed form)", both["ratio"]),
            ],
        ),
        properties(
            "IntensityScaler state",
            [
                ("log_scale (raw)", state["log_scale"]),
                ("exp(log_scale)", state["exp_log_scale"]),
                ("trainable", state["trainable"]),
                ("configuration's intensity_scale", state["config_intensity_scale"]),
                ("configuration's trainable", state["config_trainable"]),
                ("delta (exp - configuration)", state["delta"]),
                ("ratio (exp / configuration)", state["ratio"]),
            ],
        ),
        Table("Stage means", ("Stage", "Mean"), tuple(zip(TITLES, found, strict=True))),
        Table(
            "Stage ratios",
            ("Transition", "Ratio"),
            tuple((f"{a} \u2192 {b}", r) for (a, b), r in zip(pairwise(TITLES), ratios.values(), strict=True)),
        ),
        Table("Largest drop", ("From", "To", "Ratio"), ((TITLES[at], TITLES[at + 1], known[drop]),) if drop else ()),
        properties("Training container X", list(figures["container"].items())),
        Table("Stages", STAGE_COLUMNS, tuple(stage_rows(run))),
    ]
    return Analysis(
        "intensity_stats", "Intensity statistics", figures, tuple(t for t in tables if t.rows), (), tuple(findings(run))
    )


def container(run: Run) -> dict[str, Any]:
    """Statistics of what the network was given."""
    listed = next((s for s in run.stages if s.get("name") == "container_X"), {})
    stats = run.table("intensity", "training_container_stats") or get(listed, "stats")
    shape = get(stats, "shape")
    sides = (
        [int(n) for v in shape[:8] if (n := number(v)) is not None and 0 <= n < 1e12]
        if isinstance(shape, list)
        else None
    )
    dtype = get(stats, "dtype")
    rest = {key: number(get(stats, key)) for key in ("min", "max", "mean", "std", "nan_count")}
    return {"shape": sides, "dtype": dtype[:20] if isinstance(dtype, str) else None, **rest}


def stage_rows(run: Run) -> list[tuple[Any, ...]]:
    """One row a stage, for a table."""
    rows = []
    for stage in run.stages[:20]:
        about = [get(stage, "name"), get(stage, "metadata", "source")]
        told = [v[:80] if isinstance(v, str) else None for v in about]
        figures = [number(get(stage, "stats", key)) for key in ("mean", "std", "min", "max", "nan_count")]
        shape, dtype = get(stage, "stats", "shape"), get(stage, "stats", "dtype")
        sides = shown([n for v in shape[:8] if (n := number(v)) is not None]) if isinstance(shape, list) else None
        pixels = [number(get(stage, "stats", key)) for key in ("finite_count", "total_count")]
        kind = dtype[:20] if isinstance(dtype, str) else None
        rows.append((*told, number(get(stage, "metadata", "count")), *figures, sides, kind, *pixels))
    return rows


def findings(run: Run) -> list[Finding]:
    """Non-finite input, two scales in one run, and a scale that fell apart from its data."""
    found = []
    bad = sum(n for s in run.stages if (n := number(get(s, "stats", "nan_count"))) is not None and n > 0)
    if bad:
        found.append(
            Finding(
                "nan_in_data",
                "fault",
                f"The stages before training hold {bad:.0f} NaN.",
                tuple(f"{row[0]}: {row[-1]:.0f}" for row in stage_rows(run) if row[-1]),
                "Look at the data itself: nothing after it can be right.",
                9.0,
            )
        )
    ratio = over(recorded_scale(run), configured_scale(run))
    if ratio and abs(ratio - 1) > SAME_SCALE:
        found.append(
            Finding(
                "two_scales",
                "fault",
                f"The model's intensity scale is {ratio:.3f} of the configuration's.",
                (f"bundle {recorded_scale(run):.3f}, configuration {configured_scale(run):.3f}",),
                "One of them is stale: derive the scale where it is used, once.",
                abs(math.log(ratio)),
            )
        )
    both = scales(run)
    if both["ratio"] and abs(both["ratio"] - 1) > 0.05:
        found.append(
            Finding(
                "dataset_scale",
                "info",
                f"The data's own intensity scale is {both['ratio']:.3f} of the closed form, "
                "as long as nothing is normalised.",
                (
                    f"dataset-derived {both['dataset_scale']:.3f}, closed form {both['fallback_scale']:.3f}; "
                    f"an image holds {both['batch_mean_sum_intensity'] or 0:.1f} on average, "
                    "the closed form assumes (N/2)^2",
                ),
                "No fault: the closed form holds for normalised data only.",
                abs(math.log(both["ratio"])),
            )
        )
    state = scaler(run)
    if state["ratio"] and abs(state["ratio"] - 1) > 0.05:
        found.append(
            Finding(
                "log_scale_drift",
                "warning",
                f"log_scale stands {percent(state['ratio'] - 1, 1)} from the scale that it started at.",
                (f"exp(log_scale) {state['exp_log_scale']:.3f}, configured {state['config_intensity_scale']:.3f}",),
                "It trades against the amplitude: divide by what it became, or fix it.",
                abs(math.log(state["ratio"])),
            )
        )
    return found
