"""The intensity scales of a run: the closed form, the data's own, the recorded ones, and the scaler's state."""

from __future__ import annotations

import math
from typing import Any

from ptycho.data.normalization import closed_form_scale
from ptycho.diagnostics.records import RunRecord

MOST_LOG_SCALE = 300.0  # its exponential is still a number


def intensity_scales(run: RunRecord) -> dict[str, float | None]:
    """Dataset-derived and closed-form intensity scale, computed anew from what each is made of."""
    info = ("intensity", "dataset_scale_info")
    energy, photons, N = run.positive(*info, "batch_mean_sum_intensity"), run.nphotons, run.N
    dataset = math.sqrt(photons / energy) if photons and energy else run.positive(*info, "dataset_scale")
    fallback = closed_form_scale(photons, N) if photons and N else run.positive(*info, "fallback_scale")
    delta, ratio = _apart(dataset, fallback)
    return {
        "dataset_scale": dataset,
        "fallback_scale": fallback,
        "nphotons": photons,
        "N": N,
        "batch_mean_sum_intensity": energy,
        "delta": delta,
        "ratio": ratio,
    }


def scaler_state(run: RunRecord) -> dict[str, Any]:
    """The shared ``log_scale``: raw, its exponential, and what the configuration says."""
    state = ("intensity", "intensity_scaler_state")
    raw = run.finite(*state, "log_scale_value")
    raw = run.finite("scaler", "log_scale") if raw is None else raw
    trainable = run.flag(*state, "trainable")
    if trainable is None:
        trainable = run.flag("scaler", "recorded_params", "intensity_scale.trainable")
    configured = run.first_positive(
        (*state, "config_intensity_scale"),
        (*state, "params_cfg_intensity_scale"),
        ("scaler", "recorded_params", "intensity_scale"),
    )
    exponential = exponential_of(raw)
    delta, ratio = _apart(exponential, configured)
    return {
        "log_scale": raw,
        "log_scale_initial": run.finite(*state, "log_scale_initial"),
        "exp_log_scale": exponential,
        "trainable": trainable,
        "config_intensity_scale": configured,
        "config_trainable": run.flag(*state, "params_cfg_trainable"),
        "delta": delta,
        "ratio": ratio,
    }


def exponential_of(log_scale: float | None) -> float | None:
    """``exp(log_scale)``, or None where there is none or it is beyond all numbers."""
    return math.exp(log_scale) if log_scale is not None and abs(log_scale) < MOST_LOG_SCALE else None


def _apart(value: float | None, other: float | None) -> tuple[float | None, float | None]:
    """Difference and ratio of two scales; None where either is not known."""
    return (None, None) if value is None or other is None else (value - other, value / other)


def recorded_scale(run: RunRecord) -> float | None:
    """The intensity scale that the trained model was saved with."""
    return run.first_positive(
        ("intensity", "bundle_intensity_scale"),
        ("intensity", "intensity_scaler_state", "config_intensity_scale"),
        ("scaler", "recorded_params", "intensity_scale"),
    )


def configured_scale(run: RunRecord) -> float | None:
    """The intensity scale of the configuration, beside the model's own."""
    return run.first_positive(("intensity", "legacy_params_intensity_scale"), ("intensity", "config_intensity_scale"))
