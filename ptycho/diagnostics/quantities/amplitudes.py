"""Prediction against truth: means, bias and errors, the scale that was applied, and scalars that would fit."""

from __future__ import annotations

import math
from typing import Any

from ptycho.diagnostics.records import RunRecord, at_path, number_or_none

SCALARS = ("mean", "median", "p05", "p95", "least_squares")


def error_figures(run: RunRecord, part: str) -> dict[str, float | None]:
    """Bias and errors of "amplitude" or "phase"."""
    summary = {key: run.number("metrics", part, "bias_summary", key) for key in ("mean", "median", "p05", "p95")}
    rest = {key: run.number("metrics", part, key) for key in ("mae", "rmse", "max_abs", "pearson_r", "count")}
    return summary | rest


def predicted_mean(run: RunRecord) -> float | None:
    """Mean predicted amplitude, over whatever the run's metrics are over."""
    return run.finite("metrics", "amplitude", "pred_stats", "mean")


def true_mean(run: RunRecord) -> float | None:
    """Mean true amplitude, over the same pixels."""
    return run.positive("metrics", "amplitude", "truth_stats", "mean")


def applied_scale(run: RunRecord) -> dict[str, Any]:
    """What multiplied the prediction before its metrics were taken: mode, value, and whether it was applied."""
    for place in (
        ("inference", "prediction_scale"),
        ("intensity", "prediction_scale"),
        ("metadata", "prediction_scale"),
    ):
        if run.table(*place):
            return {
                "mode": run.words(*place, "mode"),
                "value": run.positive(*place, "value"),
                "source": run.words(*place, "source"),
                "applied": run.flag(*place, "applied") or False,
            }
    mode = "none" if run.layout == "ptycho" else None
    return {"mode": mode, "value": None, "source": None, "applied": False}


def fitted_scalars(run: RunRecord) -> dict[str, Any]:
    """Prediction to truth by five scalars, and the errors that each would leave."""
    ratio = run.table("scaling") or run.table("metrics", "amplitude", "ratio")
    scalars = {key: number_or_none(ratio.get(key)) for key in SCALARS}
    applied, amplitude = applied_scale(run), error_figures(run, "amplitude")
    errors = {
        key: {error: number_or_none(at_path(ratio, "scaled", key, error)) for error in ("mae", "rmse")}
        for key in SCALARS
    }
    if applied["mode"] == "least_squares" and applied["applied"]:  # the recorded metrics are those after it
        scalars["least_squares"] = applied["value"]
        errors["least_squares"] = {"mae": amplitude["mae"], "rmse": amplitude["rmse"]}
    rated = [(e["rmse"], key) for key, e in errors.items() if e["rmse"] is not None and math.isfinite(e["rmse"])]
    return {
        "count": number_or_none(ratio.get("count")),
        "scalars": scalars,
        "errors": errors,
        "baseline": {"mae": amplitude["mae"], "rmse": amplitude["rmse"]},
        "best": min(rated)[1] if rated else None,
    }
