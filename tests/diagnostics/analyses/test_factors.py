"""The factors of truth over prediction: each fault is told apart from the others, and their product is the ratio."""

from __future__ import annotations

import math

import pytest
from faulty_runs import PIXELS, TRUTH, synthetic, values
from hypothesis import given
from hypothesis import strategies as st

from ptycho.diagnostics.analyses.attribution import analyze_attribution
from ptycho.diagnostics.quantities.factors import amplitude_factors

# One factor


@pytest.mark.parametrize(
    ("fault", "name", "value"),
    [
        ({"covered": 1415}, "coverage", PIXELS / 1415),
        ({"covered": 1415, "gain": 0.5774}, "coverage", PIXELS / 1415),
        ({"gain": 0.5774, "undone": False}, "gain", 1 / 0.5774),
        ({"gain": 1.6, "undone": False}, "gain", 1 / 1.6),
        ({"ceiling": 0.9, "reached": 0.9}, "ceiling", TRUTH / 0.9),
        ({"ceiling": 0.9, "reached": 0.9, "gain": 0.5774}, "ceiling", TRUTH / 0.9),
        ({"ceiling": 0.9, "reached": 0.9, "gain": 0.9 / TRUTH}, "ceiling", TRUTH / 0.9),
        ({"drift": 0.5}, "configuration", 2.0),
        ({"drift": 0.5, "gain": 0.5}, "configuration", 2.0),
        ({"scale": 1.823}, "applied_scale", 1 / 1.823),
        ({"scale": 0.5774, "gain": 0.5774}, "applied_scale", 1 / 0.5774),
        ({"residual": 1.3}, "residual", 1.3),
        ({"residual": 1.3, "gain": 0.5774}, "residual", 1.3),
    ],
)
def test_a_single_fault_is_found_and_no_other(fault, name, value):
    """A gain that is recorded, and was undone, must not take the blame."""
    factors = values(synthetic(**fault))
    assert factors.pop(name) == pytest.approx(value)
    assert factors == pytest.approx(dict.fromkeys(factors, 1.0))


@pytest.mark.parametrize("measured", [1.0, 1 / 0.5774])
def test_the_ladder_decides_whether_the_gain_was_undone(measured):
    """Where the step is measured, the means are not asked: here they would say the opposite."""
    run = synthetic(gain=0.5774, undone=measured == 1.0)
    run.parts["intensity"]["gain_ladder"] = [
        {"gain": "predicted_to_object", "measured": measured, "expected": 1 / 0.5774}
    ]
    assert values(run)["gain"] == pytest.approx(1 / 0.5774 if measured == 1.0 else 1.0)


@pytest.mark.parametrize("predicted", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_prediction_that_is_no_amplitude_is_not_attributed(predicted):
    run = synthetic()
    run.parts["metrics"]["amplitude"]["pred_stats"]["mean"] = predicted
    assert amplitude_factors(run) is None
    assert analyze_attribution(run) is None


def test_an_undershoot_below_the_ceiling_is_not_the_ceilings():
    """A head that ends at 1 and reached 0.5 cost the data's 2.7 no more than 2.7; the rest is residual."""
    factors = values(synthetic(ceiling=1.0, reached=0.5))
    assert factors["ceiling"] == pytest.approx(TRUTH)
    assert factors["residual"] == pytest.approx(2.0)


# Several factors

share = st.integers(50, 9_800)
gains = st.floats(0.2, 0.8)
scales = st.one_of(st.none(), st.floats(0.3, 3.0))
reaches = st.one_of(st.none(), st.floats(0.2, 0.99))
drifts = st.one_of(st.none(), st.floats(0.3, 0.9), st.floats(1.1, 3.0))


@given(share, st.one_of(st.none(), gains), st.booleans(), reaches, scales, drifts, st.floats(0.1, 10.0))
def test_the_product_of_the_factors_is_the_ratio(covered, gain, undone, reached, scale, drift, residual):
    run = synthetic(
        covered=covered,
        gain=gain,
        undone=undone,
        ceiling=reached,
        reached=reached,
        scale=scale,
        drift=drift,
        residual=residual,
    )
    figures = analyze_attribution(run).figures
    product = math.prod(f["value"] for f in figures["factors"])
    assert product == pytest.approx(figures["prediction_to_truth"], rel=1e-12)
    assert figures["residual"] == figures["factors"][-1]["value"] - 1


@given(share, gains, st.booleans(), reaches, scales, drifts)
def test_faults_together_are_told_apart(covered, gain, undone, reached, scale, drift):
    """All else known, a gain is undone or not: nothing of one fault may hide another or be counted twice."""
    run = synthetic(
        covered=covered,
        gain=gain,
        undone=undone,
        ceiling=reached,
        reached=reached,
        scale=scale,
        drift=drift,
    )
    assert values(run) == pytest.approx(
        {
            "coverage": PIXELS / covered,
            "applied_scale": 1 / scale if scale else 1.0,
            "gain": 1.0 if undone else 1 / gain,
            "ceiling": TRUTH / reached if reached else 1.0,
            "configuration": 1 / drift if drift else 1.0,
            "residual": 1.0,
        }
    )
