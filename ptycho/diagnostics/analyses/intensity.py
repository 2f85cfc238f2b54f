"""Intensity statistics: both intensity scales, the scaler's state, and what each stage did to the mean."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table, filled, properties
from ptycho.diagnostics.quantities.gains import STAGES, TRANSITIONS, normalize_gain, over, stage_means, stage_ratios
from ptycho.diagnostics.quantities.scales import configured_scale, intensity_scales, recorded_scale, scaler_state
from ptycho.diagnostics.records import RunRecord, at_path, number_or_none
from ptycho.diagnostics.wording import figure_words, percent

SAME_SCALE = 0.02  # relative; two records of one scale are no further apart
FAR_SCALE = 0.05  # relative; a scale further from another is another
STAGE_COLUMNS = (
    *("Stage", "Source", "Count", "Mean", "Std", "Min", "Max", "NaN"),
    *("Shape", "Type", "Finite", "Pixels"),
)
STAGE_TITLES = ("Raw diffraction", "Grouped diffraction", "Grouped X (normalized)", "Container X")


def analyze_intensity(run: RunRecord) -> Analysis | None:
    """The intensity statistics of one run; None where it holds no intensity at all."""
    if "intensity" not in run.parts and "scaler" not in run.parts:
        return None
    ratios = stage_ratios(run)
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    drop = min(known, key=lambda name: known[name]) if known else None
    bundle, configured = recorded_scale(run), configured_scale(run)
    figures: dict[str, Any] = {
        "bundle_intensity_scale": bundle,
        "config_intensity_scale": configured,
        "scale_delta": bundle - configured if bundle and configured else None,
        "normalize_gain": normalize_gain(run),
        "dataset_scale_info": intensity_scales(run),
        "intensity_scaler_state": scaler_state(run),
        "stage_means": dict(zip(STAGES, stage_means(run), strict=True)),
        "ratios": ratios,
        "largest_drop": {"transition": drop, "ratio": known[drop]} if drop else None,
        "container": container_statistics(run),
    }
    tables = filled([*_scale_tables(figures), *_stage_tables(figures, run)])
    return Analysis(
        "intensity_stats", "Intensity statistics", figures, tables, (), tuple(evaluate(INTENSITY_CHECKS, run))
    )


def _scale_tables(figures: dict[str, Any]) -> list[Table]:
    both, state = figures["dataset_scale_info"], figures["intensity_scaler_state"]
    return [
        properties(
            "Intensity scales",
            [
                ("Bundle intensity_scale", figures["bundle_intensity_scale"]),
                ("Configuration's intensity_scale", figures["config_intensity_scale"]),
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
    ]


def _stage_tables(figures: dict[str, Any], run: RunRecord) -> list[Table]:
    means, ratios, drop = figures["stage_means"].values(), figures["ratios"].values(), figures["largest_drop"]
    at = TRANSITIONS.index(drop["transition"]) if drop else 0
    return [
        Table("Stage means", ("Stage", "Mean"), tuple(zip(STAGE_TITLES, means, strict=True))),
        Table(
            "Stage ratios",
            ("Transition", "Ratio"),
            tuple((f"{a} \u2192 {b}", r) for (a, b), r in zip(pairwise(STAGE_TITLES), ratios, strict=True)),
        ),
        Table(
            "Largest drop",
            ("From", "To", "Ratio"),
            ((STAGE_TITLES[at], STAGE_TITLES[at + 1], drop["ratio"]),) if drop else (),
        ),
        properties("Training container X", list(figures["container"].items())),
        Table("Stages", STAGE_COLUMNS, tuple(stage_rows(run))),
    ]


def container_statistics(run: RunRecord) -> dict[str, Any]:
    """Statistics of what the network was given."""
    listed = next((s for s in run.stages if s.get("name") == "container_X"), {})
    stats = run.table("intensity", "training_container_stats") or at_path(listed, "stats")
    shape = at_path(stats, "shape")
    sides = (
        [int(n) for v in shape[:8] if (n := number_or_none(v)) is not None and 0 <= n < 1e12]
        if isinstance(shape, list)
        else None
    )
    dtype = at_path(stats, "dtype")
    rest = {key: number_or_none(at_path(stats, key)) for key in ("min", "max", "mean", "std", "nan_count")}
    return {"shape": sides, "dtype": dtype[:20] if isinstance(dtype, str) else None, **rest}


def stage_rows(run: RunRecord) -> list[tuple[Any, ...]]:
    """One row a stage, for a table."""
    rows = []
    for stage in run.stages[:20]:
        names = [at_path(stage, "name"), at_path(stage, "metadata", "source")]
        words = [v[:80] if isinstance(v, str) else None for v in names]
        count = number_or_none(at_path(stage, "metadata", "count"))
        figures = [_statistic(stage, key) for key in ("mean", "std", "min", "max", "nan_count")]
        shape, dtype = at_path(stage, "stats", "shape"), at_path(stage, "stats", "dtype")
        numbers = [n for v in shape[:8] if (n := number_or_none(v)) is not None] if isinstance(shape, list) else None
        sides = None if numbers is None else figure_words(numbers)
        kind = dtype[:20] if isinstance(dtype, str) else None
        pixels = [_statistic(stage, key) for key in ("finite_count", "total_count")]
        rows.append((*words, count, *figures, sides, kind, *pixels))
    return rows


def _statistic(stage: dict[str, Any], key: str) -> float | None:
    return number_or_none(at_path(stage, "stats", key))


def _nan_count(run: RunRecord) -> float:
    return sum(n for s in run.stages if (n := _statistic(s, "nan_count")) is not None and n > 0)


def _bundle_ratio(run: RunRecord) -> float | None:
    return over(recorded_scale(run), configured_scale(run))


def _dataset_ratio(run: RunRecord) -> float | None:
    return intensity_scales(run)["ratio"]


def _scaler_ratio(run: RunRecord) -> float | None:
    ratio: float | None = scaler_state(run)["ratio"]
    return ratio


def _beyond(ratio: float | None, tolerance: float) -> bool:
    return bool(ratio) and abs(ratio - 1) > tolerance  # type: ignore[operator]


def _size(ratio: float | None) -> float:
    """``|ln ratio|``: how much a scale explains."""
    assert ratio
    return abs(math.log(ratio))


def _dataset_evidence(run: RunRecord) -> tuple[str, ...]:
    both = intensity_scales(run)
    return (
        f"dataset-derived {both['dataset_scale']:.3f}, closed form {both['fallback_scale']:.3f}; "
        f"an image holds {both['batch_mean_sum_intensity'] or 0:.1f} on average, "
        "the closed form assumes (N/2)^2",
    )


def _scaler_evidence(run: RunRecord) -> tuple[str, ...]:
    state = scaler_state(run)
    return (f"exp(log_scale) {state['exp_log_scale']:.3f}, configured {state['config_intensity_scale']:.3f}",)


INTENSITY_CHECKS: tuple[CauseCheck[RunRecord], ...] = (
    CauseCheck(
        cause="nan_in_data",
        level="fault",
        when=_nan_count,
        statement=lambda run: f"The stages before training hold {_nan_count(run):.0f} NaN.",
        evidence=lambda run: tuple(f"{row[0]}: {row[-1]:.0f}" for row in stage_rows(run) if row[-1]),
        remedy="Look at the data itself: nothing after it can be right.",
        weight=9.0,
    ),
    CauseCheck(
        cause="two_scales",
        level="fault",
        when=lambda run: _beyond(_bundle_ratio(run), SAME_SCALE),
        statement=lambda run: f"The model's intensity scale is {_bundle_ratio(run):.3f} of the configuration's.",
        evidence=lambda run: (f"bundle {recorded_scale(run):.3f}, configuration {configured_scale(run):.3f}",),
        remedy="One of them is stale: derive the scale where it is used, once.",
        weight=lambda run: _size(_bundle_ratio(run)),
    ),
    CauseCheck(
        cause="dataset_scale",
        level="info",
        when=lambda run: _beyond(_dataset_ratio(run), FAR_SCALE),
        statement=lambda run: (
            f"The data's own intensity scale is {_dataset_ratio(run):.3f} of the closed form, "
            "as long as nothing is normalised."
        ),
        evidence=_dataset_evidence,
        remedy="No fault: the closed form holds for normalised data only.",
        weight=lambda run: _size(_dataset_ratio(run)),
    ),
    CauseCheck(
        cause="log_scale_drift",
        level="warning",
        when=lambda run: _beyond(_scaler_ratio(run), FAR_SCALE),
        statement=lambda run: (
            f"log_scale stands {percent((_scaler_ratio(run) or 1) - 1, 1)} from the scale that it started at."
        ),
        evidence=_scaler_evidence,
        remedy="It trades against the amplitude: divide by what it became, or fix it.",
        weight=lambda run: _size(_scaler_ratio(run)),
    ),
)
