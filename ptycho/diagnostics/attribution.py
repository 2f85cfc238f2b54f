"""The ratio of truth to prediction as a product of named factors, each with its evidence.

With ``P`` the mean of the prediction as reported and ``T`` that of the truth, over the same pixels,

    T / P = 1/coverage * 1/gain * 1/ceiling * 1/configuration * 1/applied scale * residual

where a factor that is not at work is 1. What no factor explains stays in ``residual``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ptycho.diagnostics import bias, coverage, intensity
from ptycho.diagnostics.findings import Analysis, Finding, Table, percent, properties
from ptycho.diagnostics.run import FARTHEST, Run

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


def factors(run: Run) -> list[Factor] | None:
    """Every factor of the run, the residual last; None where prediction or truth is not recorded."""
    reported, true = bias.predicted(run), bias.truth(run)
    if reported is None or true is None or reported < 1 / FARTHEST:
        return None
    # The gain is judged by what the others leave.
    cover, applied, ceiling, configuration = (f(run) for f in (_coverage, _applied, _ceiling, _configuration))
    inside = reported * math.prod(f.value for f in (cover, applied, ceiling, configuration))
    found = [cover, applied, _gain(run, inside, true), ceiling, configuration]
    total = true / reported
    residual = total / math.prod(f.value for f in found)
    return [*found, Factor("residual", residual, f"what the others leave of {total:.3f}")]


def unscaled_mean(run: Run) -> float | None:
    """Mean amplitude of the network's own output where it reconstructed something."""
    reported = bias.predicted(run)
    if reported is None or reported < 1 / FARTHEST:
        return None
    return reported * _coverage(run).value * _applied(run).value


def _coverage(run: Run) -> Factor:
    found = coverage.of(run)
    if found is None:
        return Factor("coverage", 1.0, "not recorded: taken as complete")
    if found.share >= COVERED:
        return Factor("coverage", 1.0, found.evidence)
    return Factor("coverage", 1 / found.share, found.evidence)


def _applied(run: Run) -> Factor:
    scale = bias.applied_scale(run)
    if scale["applied"] and scale["value"]:
        value = scale["value"]
        return Factor(
            "applied_scale",
            1 / value,
            f"the prediction was multiplied by {value:.3f} ({scale['mode']}) before its metrics",
        )
    return Factor("applied_scale", 1.0, "none was applied")


def _gain(run: Run, inside: float, true: float) -> Factor:
    """Whether the network's output is still in normalised units, ``gain * O``, and should not be."""
    gain = intensity.gain(run)
    if gain is None:
        return Factor("gain", 1.0, "no gain is recorded")
    undone = intensity.rung(run, "predicted_to_object")
    if undone is not None:
        measured, expected = undone.measured, undone.expected
        missing = abs(math.log(measured)) < abs(math.log(measured * gain)) and abs(math.log(gain)) > AT_WORK
        if missing:
            return Factor(
                "gain",
                1 / gain,
                f"the step to object units measures {measured:.3f}, and 1/gain is {expected:.3f}: it was not taken",
            )
        return Factor(
            "gain", 1.0, f"undone: the step to object units measures {measured:.3f}, 1/gain is {expected:.3f}"
        )
    if abs(math.log(gain)) < AT_WORK:
        return Factor("gain", 1.0, f"{gain:.4f}, too near 1 to tell")
    # Without a ladder: does dividing by the gain bring the output to the truth, where leaving it does not?
    left, divided = abs(math.log(true / inside)), abs(math.log(true * gain / inside))
    if divided < left and divided < AT_WORK:
        said = (
            f"1/{gain:.4f} = {1 / gain:.3f}\u00d7: the output averages {inside:.4f}, "
            f"divided by the gain {inside / gain:.4f}, the truth {true:.4f}"
        )
        return Factor("gain", 1 / gain, said)
    return Factor("gain", 1.0, f"dividing by {gain:.4f} would not bring {inside:.4f} to the truth's {true:.4f}")


def _ceiling(run: Run) -> Factor:
    head = run.table("intensity", "amplitude_head")
    place = ("intensity", "amplitude_head")
    top, required, reached = (run.positive(*place, key) for key in ("ceiling", "required_rms", "predicted_rms"))
    share = run.finite(*place, "saturated_share") or 0.0
    if not top or not required:
        unscaled = run.finite("metrics", "amplitude", "pred_stats", "max")
        scale = 1 / _applied(run).value
        if unscaled is not None and head == {}:
            return Factor("ceiling", 1.0, f"none is recorded; the output reaches {unscaled / scale:.3f}")
        return Factor("ceiling", 1.0, "the amplitude has none")
    said = (
        f"{(run.words(*place, 'kind') or 'the head')[:20]} ends at {top:g}, the data require {required:.3f} rms; "
        f"{percent(share, 1)} of the pixels are at it"
    )
    if reached and reached < required and (required > top or share > SATURATED):
        # A ceiling explains what lies above it, and no undershoot below.
        return Factor("ceiling", required / (max(reached, top) if required > top else reached), said)
    return Factor("ceiling", 1.0, said)


def _configuration(run: Run) -> Factor:
    """The output scaler at another scale than the configuration's multiplies the amplitude by their ratio."""
    state = intensity.scaler(run)
    ratio = state["ratio"]
    if (
        ratio
        and math.isfinite(ratio)
        and abs(math.log(ratio)) > EXPLAINED
        and intensity.rung(run, "predicted_to_object") is None
    ):
        return Factor(
            "configuration",
            1 / ratio,
            f"the scaler runs at {state['exp_log_scale']:.3f}, "
            f"the configuration says {state['config_intensity_scale']:.3f}",
        )
    return Factor("configuration", 1.0, "the scaler runs at the configured scale" if ratio else "not recorded")


TITLES = {
    "coverage": "Coverage: pixels compared / pixels reconstructed",
    "gain": "Normalisation gain that was not undone",
    "ceiling": "Amplitude ceiling",
    "configuration": "Configuration mismatch",
    "applied_scale": "Scale applied to the prediction, inverted",
    "residual": "Residual",
}


def analyze(run: Run) -> Analysis | None:
    """The attribution of one run."""
    found = factors(run)
    if found is None:
        return None
    reported, true = bias.predicted(run), bias.truth(run)
    assert reported
    assert true
    total, residual = true / reported, found[-1].value
    seen = coverage.of(run)
    unscaled, gain = unscaled_mean(run), intensity.gain(run)
    figures: dict[str, Any] = {
        "prediction_to_truth": total,
        "predicted_mean": reported,
        "truth_mean": true,
        "coverage": None
        if seen is None
        else {
            "share": seen.share,
            "pixels": seen.pixels,
            "covered": seen.covered,
            "exact": seen.exact,
            "evidence": seen.evidence,
        },
        "unscaled_mean": unscaled,
        "normalize_gain": gain,
        "factors": [{"name": f.name, "value": f.value, "evidence": f.evidence} for f in found],
        "residual": residual - 1,
    }
    tables = (
        Table(
            "Factors of truth / prediction",
            ("Factor", "Value", "Evidence"),
            tuple((TITLES[f.name], f.value, f.evidence) for f in found),
        ),
        properties(
            "Means",
            [
                ("Prediction, as reported", reported),
                ("Truth, over the same pixels", true),
                ("Truth / prediction", total),
                ("Prediction, unscaled, inside the support", unscaled),
                ("Gain", gain),
                ("Residual", percent(residual - 1)),
            ],
        ),
    )
    notes = (
        f"Truth / prediction = {total:.3f} = "
        + " \u00d7 ".join(
            f"{f.value:.4g} ({f.name})" for f in found if abs(f.value - 1) > 5e-4 or f.name == "residual"
        ),
    )
    return Analysis(
        "attribution", "Attribution of the amplitude ratio", figures, tables, notes, tuple(findings(run, found))
    )


def _residual(residual: float) -> str:
    side = "below" if residual > 1 else "above"
    return f"{percent(abs(residual - 1))}: the prediction is that much {side} the truth"


def findings(run: Run, found: list[Factor]) -> list[Finding]:
    """A finding for each factor that is at work."""
    cover, applied, gain, ceiling, configuration, rest = found
    seen = coverage.of(run)
    told = []
    if cover.value != 1:
        assert seen is not None
        bound = "" if seen.exact else "at most "
        told.append(
            Finding(
                "coverage",
                "fault",
                f"The metrics are taken over pixels where nothing was reconstructed: coverage "
                f"{'' if seen.exact else 'of at least '}{percent(seen.share)} explains "
                f"{bound}{cover.value:.2f}\u00d7 of the ratio of truth to prediction.",
                (cover.evidence,),
                "Take every metric over the covered support, with the coverage beside it.",
                math.log(cover.value),
            )
        )
    if gain.value != 1:
        unscaled = unscaled_mean(run) or math.nan
        sure = (
            seen is None
            or seen.exact
            or seen.share >= COVERED
            or intensity.rung(run, "predicted_to_object") is not None
        )
        told.append(
            Finding(
                "gain_not_undone",
                "fault" if sure else "warning",
                f"The prediction is {'still' if sure else 'probably'} in normalised units: the gain was never undone, "
                f"a factor of 1/{1 / gain.value:.4f} = {gain.value:.3f}\u00d7.",
                (f"unscaled in-support mean {unscaled:.4f}, true mean {bias.truth(run):.4f}", gain.evidence),
                "Divide the prediction by the gain once, at the end, and record it.",
                abs(math.log(gain.value)),
            )
        )
    if ceiling.value != 1:
        required = run.positive("intensity", "amplitude_head", "required_rms")
        assert required is not None
        told.append(
            Finding(
                "amplitude_ceiling",
                "fault",
                f"The amplitude head cannot represent the answer: its ceiling alone costs {ceiling.value:.2f}\u00d7.",
                (ceiling.evidence,),
                f"Use an unbounded head that starts at {required:.3f}, for example positive.",
                1 + abs(math.log(ceiling.value)),
            )
        )
    if applied.value != 1:
        told.append(
            Finding(
                "applied_scale",
                "warning",
                f"The prediction was multiplied by {1 / applied.value:.3f} before its metrics were taken.",
                (applied.evidence,),
                "Report metrics of what the network gives; show a fitted scale beside them.",
                abs(math.log(applied.value)),
            )
        )
    if configuration.value != 1:
        told.append(
            Finding(
                "configuration_mismatch",
                "fault",
                "The intensity scaler runs at another scale than the configuration's: "
                f"{1 / configuration.value:.3f}\u00d7.",
                (configuration.evidence,),
                "Derive the scale once and keep it with the model.",
                abs(math.log(configuration.value)),
            )
        )
    residual = rest.value
    if abs(residual - 1) > EXPLAINED:
        told.append(
            Finding(
                "residual",
                "warning",
                f"The factors leave a residual of {_residual(residual)}.",
                tuple(f"{TITLES[f.name]}: {f.value:.4g}" for f in found[:-1] if f.value != 1),
                "Look at the quality of the reconstruction itself: compare it with the oracle's.",
                0.1 * abs(math.log(residual)),
            )
        )
    else:
        told.append(
            Finding(
                "residual",
                "info",
                f"The factors leave a residual of {_residual(residual)}.",
                ("a bounded coverage bounds this too",) if seen is not None and not seen.exact else (),
                "",
                0.0,
            )
        )
    return told
