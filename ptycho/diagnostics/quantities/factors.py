"""The ratio of truth to prediction as a product of named factors, each with its evidence.

With ``P`` the mean of the prediction as reported and ``T`` that of the truth, over the same pixels,

    T / P = 1/coverage * 1/gain * 1/ceiling * 1/configuration * 1/applied scale * residual

where a factor that is not at work is 1. What no factor explains stays in ``residual``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ptycho.diagnostics.quantities.amplitudes import applied_scale, predicted_mean, true_mean
from ptycho.diagnostics.quantities.coverage import metrics_coverage
from ptycho.diagnostics.quantities.gains import Rung, normalize_gain, rung_named
from ptycho.diagnostics.quantities.scales import scaler_state
from ptycho.diagnostics.records import RunRecord
from ptycho.diagnostics.records.json_values import FARTHEST
from ptycho.diagnostics.wording import percent

EXPLAINED = 0.05  # a residual within this is small
COVERED = 0.99  # more than this counts as all
AT_WORK = 0.1  # |ln factor| from which a gain that was not undone can be told from noise
SATURATED = 0.01  # share of pixels at the ceiling


@dataclass(frozen=True)
class Factor:
    """One factor of the ratio of truth to prediction; ``value`` is 1 where it is not at work."""

    name: str
    value: float
    evidence: str


def amplitude_factors(run: RunRecord) -> list[Factor] | None:
    """Every factor of the run, the residual last; None where prediction or truth is not recorded."""
    reported, true = predicted_mean(run), true_mean(run)
    if reported is None or true is None or reported < 1 / FARTHEST:
        return None
    # The gain is judged by what the others leave.
    cover, applied, ceiling, configuration = (f(run) for f in (_coverage, _applied, _ceiling, _configuration))
    inside = reported * math.prod(f.value for f in (cover, applied, ceiling, configuration))
    known = [cover, applied, _gain(run, inside, true), ceiling, configuration]
    total = true / reported
    residual = total / math.prod(f.value for f in known)
    return [*known, Factor("residual", residual, f"what the others leave of {total:.3f}")]


def unscaled_mean(run: RunRecord) -> float | None:
    """Mean amplitude of the network's own output where it reconstructed something."""
    reported = predicted_mean(run)
    if reported is None or reported < 1 / FARTHEST:
        return None
    return reported * _coverage(run).value * _applied(run).value


def step_to_object_units(run: RunRecord) -> Rung | None:
    """The last step of the ladder of gains, where it is recorded: it says whether the gain was undone."""
    return rung_named(run, "predicted_to_object")


def _coverage(run: RunRecord) -> Factor:
    coverage = metrics_coverage(run)
    if coverage is None:
        return Factor("coverage", 1.0, "not recorded: taken as complete")
    if coverage.share >= COVERED:
        return Factor("coverage", 1.0, coverage.evidence)
    return Factor("coverage", 1 / coverage.share, coverage.evidence)


def _applied(run: RunRecord) -> Factor:
    scale = applied_scale(run)
    if scale["applied"] and scale["value"]:
        value = scale["value"]
        return Factor(
            "applied_scale",
            1 / value,
            f"the prediction was multiplied by {value:.3f} ({scale['mode']}) before its metrics",
        )
    return Factor("applied_scale", 1.0, "none was applied")


def _gain(run: RunRecord, inside: float, true: float) -> Factor:
    """Whether the network's output is still in normalised units, ``gain * O``, and should not be."""
    gain = normalize_gain(run)
    if gain is None:
        return Factor("gain", 1.0, "no gain is recorded")
    undone = step_to_object_units(run)
    if undone is not None:
        return _gain_by_ladder(gain, undone)
    if abs(math.log(gain)) < AT_WORK:
        return Factor("gain", 1.0, f"{gain:.4f}, too near 1 to tell")
    # Without a ladder: does dividing by the gain bring the output to the truth, where leaving it does not?
    left, divided = abs(math.log(true / inside)), abs(math.log(true * gain / inside))
    if divided < left and divided < AT_WORK:
        evidence = (
            f"1/{gain:.4f} = {1 / gain:.3f}\u00d7: the output averages {inside:.4f}, "
            f"divided by the gain {inside / gain:.4f}, the truth {true:.4f}"
        )
        return Factor("gain", 1 / gain, evidence)
    return Factor("gain", 1.0, f"dividing by {gain:.4f} would not bring {inside:.4f} to the truth's {true:.4f}")


def _gain_by_ladder(gain: float, undone: Rung) -> Factor:
    measured, expected = undone.measured, undone.expected
    missing = abs(math.log(measured)) < abs(math.log(measured * gain)) and abs(math.log(gain)) > AT_WORK
    if missing:
        return Factor(
            "gain",
            1 / gain,
            f"the step to object units measures {measured:.3f}, and 1/gain is {expected:.3f}: it was not taken",
        )
    return Factor("gain", 1.0, f"undone: the step to object units measures {measured:.3f}, 1/gain is {expected:.3f}")


def _ceiling(run: RunRecord) -> Factor:
    place = ("intensity", "amplitude_head")
    top, required, reached = (run.positive(*place, key) for key in ("ceiling", "required_rms", "predicted_rms"))
    share = run.finite(*place, "saturated_share") or 0.0
    if not top or not required:
        unscaled = run.finite("metrics", "amplitude", "pred_stats", "max")
        scale = 1 / _applied(run).value
        if unscaled is not None and run.table(*place) == {}:
            return Factor("ceiling", 1.0, f"none is recorded; the output reaches {unscaled / scale:.3f}")
        return Factor("ceiling", 1.0, "the amplitude has none")
    evidence = (
        f"{(run.words(*place, 'kind') or 'the head')[:20]} ends at {top:g}, the data require {required:.3f} rms; "
        f"{percent(share, 1)} of the pixels are at it"
    )
    if reached and reached < required and (required > top or share > SATURATED):
        # A ceiling explains what lies above it, and no undershoot below.
        return Factor("ceiling", required / (max(reached, top) if required > top else reached), evidence)
    return Factor("ceiling", 1.0, evidence)


def _configuration(run: RunRecord) -> Factor:
    """The output scaler at another scale than the configuration's multiplies the amplitude by their ratio."""
    state = scaler_state(run)
    ratio = state["ratio"]
    if ratio and math.isfinite(ratio) and abs(math.log(ratio)) > EXPLAINED and step_to_object_units(run) is None:
        return Factor(
            "configuration",
            1 / ratio,
            f"the scaler runs at {state['exp_log_scale']:.3f}, "
            f"the configuration says {state['config_intensity_scale']:.3f}",
        )
    return Factor("configuration", 1.0, "the scaler runs at the configured scale" if ratio else "not recorded")
