"""Runs whose prediction is the truth, but for the faults that are asked for."""

from __future__ import annotations

import math

from ptycho.diagnostics import RunRecord
from ptycho.diagnostics.analyses.attribution import analyze_attribution
from ptycho.diagnostics.quantities.factors import amplitude_factors

PIXELS = 10_000
TRUTH = 2.7


NAMES = ("coverage", "applied_scale", "gain", "ceiling", "configuration", "residual")


def synthetic(
    *, covered=PIXELS, gain=None, undone=True, ceiling=None, reached=None, scale=None, drift=None, residual=1.0
) -> RunRecord:
    """A run whose prediction is the truth, but for the faults that are asked for.

    ``ceiling``: where the head ends, with ``reached`` as the rms that it got to; ``drift``: the scaler's own
    scale over the configured one. ``gain`` is recorded, and left in the prediction unless ``undone``.
    """
    predicted = TRUTH * covered / PIXELS / residual
    normalized = {"normalize_gain": gain} if gain else {}
    if gain and not undone:
        predicted *= gain
    if ceiling:
        predicted *= reached / TRUTH
        normalized["amplitude_head"] = {
            "kind": "sigmoid",
            "ceiling": ceiling,
            "required_rms": TRUTH,
            "predicted_rms": reached,
            "saturated_share": 0.4,
        }
    if drift:
        predicted *= drift
        normalized["intensity_scaler_state"] = {
            "log_scale_value": math.log(500 * drift),
            "config_intensity_scale": 500.0,
        }
    if scale:
        predicted *= scale
    amplitude = {"count": PIXELS, "pred_stats": {"mean": predicted}, "truth_stats": {"mean": TRUTH}}
    applied = {"mode": "least_squares", "value": scale, "applied": bool(scale)}
    parts = {
        "metrics": {"amplitude": amplitude},
        "intensity": normalized,
        "inference": {"covered_pixels": covered, "prediction_scale": applied},
    }
    return RunRecord("synthetic", "upstream", parts)


def values(run: RunRecord) -> dict[str, float]:
    factors = amplitude_factors(run)
    assert factors is not None
    return {f.name: f.value for f in factors}


def finding(run: RunRecord, cause: str):
    return next(f for f in analyze_attribution(run).findings if f.cause == cause)
