"""Attribution: which factors make up the ratio of truth to prediction, and a finding for each that is at work."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table, properties
from ptycho.diagnostics.quantities.amplitudes import predicted_mean, true_mean
from ptycho.diagnostics.quantities.coverage import Coverage, metrics_coverage
from ptycho.diagnostics.quantities.factors import (
    COVERED,
    EXPLAINED,
    Factor,
    amplitude_factors,
    step_to_object_units,
    unscaled_mean,
)
from ptycho.diagnostics.quantities.gains import normalize_gain
from ptycho.diagnostics.records import RunRecord
from ptycho.diagnostics.wording import percent

FACTOR_TITLES = {
    "coverage": "Coverage: pixels compared / pixels reconstructed",
    "gain": "Normalisation gain that was not undone",
    "ceiling": "Amplitude ceiling",
    "configuration": "Configuration mismatch",
    "applied_scale": "Scale applied to the prediction, inverted",
    "residual": "Residual",
}


@dataclass(frozen=True)
class Attribution:
    """The factors of one run, the residual last, and what their findings need beside them."""

    factors: list[Factor]
    reported: float
    true: float
    coverage: Coverage | None
    unscaled: float | None
    required_rms: float | None
    ladder: bool

    def factor(self, name: str) -> Factor:
        """One factor."""
        return next(f for f in self.factors if f.name == name)

    def at_work(self, name: str) -> bool:
        """Whether a factor differs from 1."""
        return self.factor(name).value != 1

    def size(self, name: str) -> float:
        """``|ln factor|``: how much it explains."""
        return abs(math.log(self.factor(name).value))

    @property
    def bounded(self) -> bool:
        """Whether the coverage is a bound."""
        return self.coverage is not None and not self.coverage.exact

    @property
    def gain_is_sure(self) -> bool:
        """Whether a gain that was not undone is more than probable."""
        return self.ladder or not self.bounded or (self.coverage is not None and self.coverage.share >= COVERED)

    @property
    def residual(self) -> float:
        """What no factor explains."""
        return self.factor("residual").value


def read_attribution(run: RunRecord) -> Attribution | None:
    """The factors of the run; None where prediction or truth is not recorded."""
    factors, reported, true = amplitude_factors(run), predicted_mean(run), true_mean(run)
    if factors is None or reported is None or true is None:
        return None
    return Attribution(
        factors,
        reported,
        true,
        metrics_coverage(run),
        unscaled_mean(run),
        run.positive("intensity", "amplitude_head", "required_rms"),
        step_to_object_units(run) is not None,
    )


def analyze_attribution(run: RunRecord) -> Analysis | None:
    """The attribution of one run."""
    facts = read_attribution(run)
    if facts is None:
        return None
    total, gain = facts.true / facts.reported, normalize_gain(run)
    coverage = facts.coverage
    figures: dict[str, Any] = {
        "prediction_to_truth": total,
        "predicted_mean": facts.reported,
        "truth_mean": facts.true,
        "coverage": None
        if coverage is None
        else {
            "share": coverage.share,
            "pixels": coverage.pixels,
            "covered": coverage.covered,
            "exact": coverage.exact,
            "evidence": coverage.evidence,
        },
        "unscaled_mean": facts.unscaled,
        "normalize_gain": gain,
        "factors": [asdict(f) for f in facts.factors],
        "residual": facts.residual - 1,
    }
    tables = (
        Table(
            "Factors of truth / prediction",
            ("Factor", "Value", "Evidence"),
            tuple((FACTOR_TITLES[f.name], f.value, f.evidence) for f in facts.factors),
        ),
        properties(
            "Means",
            [
                ("Prediction, as reported", facts.reported),
                ("Truth, over the same pixels", facts.true),
                ("Truth / prediction", total),
                ("Prediction, unscaled, inside the support", facts.unscaled),
                ("Gain", gain),
                ("Residual", percent(facts.residual - 1)),
            ],
        ),
    )
    product = " \u00d7 ".join(
        f"{f.value:.4g} ({f.name})" for f in facts.factors if abs(f.value - 1) > 5e-4 or f.name == "residual"
    )
    notes = (f"Truth / prediction = {total:.3f} = {product}",)
    return Analysis(
        "attribution",
        "Attribution of the amplitude ratio",
        figures,
        tables,
        notes,
        tuple(evaluate(ATTRIBUTION_CHECKS, facts)),
    )


def _coverage_statement(a: Attribution) -> str:
    assert a.coverage is not None
    return (
        f"The metrics are taken over pixels where nothing was reconstructed: coverage "
        f"{'of at least ' if a.bounded else ''}{percent(a.coverage.share)} explains "
        f"{'at most ' if a.bounded else ''}{a.factor('coverage').value:.2f}\u00d7 of the ratio of truth to prediction."
    )


def _gain_statement(a: Attribution) -> str:
    gain = a.factor("gain").value
    return (
        f"The prediction is {'still' if a.gain_is_sure else 'probably'} in normalised units: "
        f"the gain was never undone, a factor of 1/{1 / gain:.4f} = {gain:.3f}\u00d7."
    )


def _gain_evidence(a: Attribution) -> tuple[str, ...]:
    unscaled = a.unscaled or math.nan
    return f"unscaled in-support mean {unscaled:.4f}, true mean {a.true:.4f}", a.factor("gain").evidence


def _residual_statement(a: Attribution) -> str:
    side = "below" if a.residual > 1 else "above"
    size = percent(abs(a.residual - 1))
    return f"The factors leave a residual of {size}: the prediction is that much {side} the truth."


def _others_at_work(a: Attribution) -> tuple[str, ...]:
    return tuple(f"{FACTOR_TITLES[f.name]}: {f.value:.4g}" for f in a.factors[:-1] if f.value != 1)


ATTRIBUTION_CHECKS: tuple[CauseCheck[Attribution], ...] = (
    CauseCheck(
        cause="coverage",
        level="fault",
        when=lambda a: a.at_work("coverage"),
        statement=_coverage_statement,
        evidence=lambda a: (a.factor("coverage").evidence,),
        remedy="Take every metric over the covered support, with the coverage beside it.",
        weight=lambda a: math.log(a.factor("coverage").value),
    ),
    CauseCheck(
        cause="gain_not_undone",
        level=lambda a: "fault" if a.gain_is_sure else "warning",
        when=lambda a: a.at_work("gain"),
        statement=_gain_statement,
        evidence=_gain_evidence,
        remedy="Divide the prediction by the gain once, at the end, and record it.",
        weight=lambda a: a.size("gain"),
    ),
    CauseCheck(
        cause="amplitude_ceiling",
        level="fault",
        when=lambda a: a.at_work("ceiling"),
        statement=lambda a: (
            "The amplitude head cannot represent the answer: "
            f"its ceiling alone costs {a.factor('ceiling').value:.2f}\u00d7."
        ),
        evidence=lambda a: (a.factor("ceiling").evidence,),
        remedy=lambda a: f"Use an unbounded head that starts at {a.required_rms:.3f}, for example positive.",
        weight=lambda a: 1 + a.size("ceiling"),
    ),
    CauseCheck(
        cause="applied_scale",
        level="warning",
        when=lambda a: a.at_work("applied_scale"),
        statement=lambda a: (
            f"The prediction was multiplied by {1 / a.factor('applied_scale').value:.3f} before its metrics were taken."
        ),
        evidence=lambda a: (a.factor("applied_scale").evidence,),
        remedy="Report metrics of what the network gives; show a fitted scale beside them.",
        weight=lambda a: a.size("applied_scale"),
    ),
    CauseCheck(
        cause="configuration_mismatch",
        level="fault",
        when=lambda a: a.at_work("configuration"),
        statement=lambda a: (
            "The intensity scaler runs at another scale than the configuration's: "
            f"{1 / a.factor('configuration').value:.3f}\u00d7."
        ),
        evidence=lambda a: (a.factor("configuration").evidence,),
        remedy="Derive the scale once and keep it with the model.",
        weight=lambda a: a.size("configuration"),
    ),
    CauseCheck(
        cause="residual",
        level="warning",
        when=lambda a: abs(a.residual - 1) > EXPLAINED,
        statement=_residual_statement,
        evidence=_others_at_work,
        remedy="Look at the quality of the reconstruction itself: compare it with the oracle's.",
        weight=lambda a: 0.1 * a.size("residual"),
    ),
    CauseCheck(
        cause="residual",
        level="info",
        when=lambda a: not abs(a.residual - 1) > EXPLAINED,
        statement=_residual_statement,
        evidence=lambda a: ("a bounded coverage bounds this too",) if a.bounded else (),
    ),
)
