"""Attribution: the ratio of truth to prediction falls into the factors that made it, and into nothing else."""

from __future__ import annotations

import math
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho.diagnostics import attribution, coverage, diagnose, read
from ptycho.diagnostics.run import Run

PIXELS = 10_000
TRUTH = 2.7
NAMES = ("coverage", "applied_scale", "gain", "ceiling", "configuration", "residual")


@pytest.fixture(scope="module")
def ne60(shared) -> Run:
    return read(shared / "upstream_artifacts" / "gs2_ne60")[0]


@pytest.fixture
def alone(shared, tmp_path) -> Run:
    """gs2_ne60 without the run that covered the same pixels."""
    shutil.copytree(shared / "upstream_artifacts" / "gs2_ne60", tmp_path / "gs2_ne60")
    return read(tmp_path / "gs2_ne60")[0]


def synthetic(
    *, covered=PIXELS, gain=None, undone=True, ceiling=None, reached=None, scale=None, drift=None, residual=1.0
) -> Run:
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
    return Run("synthetic", "upstream", parts)


def values(run: Run) -> dict[str, float]:
    found = attribution.factors(run)
    assert found is not None
    return {f.name: f.value for f in found}


def finding(run: Run, cause: str):
    return next(f for f in attribution.analyze(run).findings if f.cause == cause)


# gs2_ne60


def test_the_coverage_is_that_of_the_run_beside_it(ne60):
    found = coverage.of(ne60)
    assert (found.covered, found.pixels, found.exact) == (21737, 153664, True)
    assert "gs2_base" in found.evidence
    assert "21,737 of 153,664 pixels (14.15 %)" in found.evidence
    assert "coverage 14.15 % explains 7.07\u00d7" in finding(ne60, "coverage").statement


def test_the_network_gives_the_truth_times_the_gain(ne60):
    assert attribution.unscaled_mean(ne60) == pytest.approx(1.5567, abs=5e-5)
    said = finding(ne60, "gain_not_undone")
    assert "1/0.5774 = 1.732\u00d7" in said.statement
    assert said.evidence[0] == "unscaled in-support mean 1.5567, true mean 2.7082"


def test_the_scale_applied_is_taken_back(ne60):
    assert values(ne60)["applied_scale"] == pytest.approx(1 / 1.8231637936267855)
    assert "multiplied by 1.823" in finding(ne60, "applied_scale").statement


def test_less_than_a_percent_stays_unexplained(ne60):
    residual = attribution.analyze(ne60).figures["residual"]
    assert 0 < residual < 0.01
    assert finding(ne60, "residual").statement == (
        "The factors leave a residual of 0.46 %: the prediction is that much below the truth."
    )
    assert finding(ne60, "residual").level == "info"


def test_nothing_else_is_at_work(ne60):
    assert {name for name, value in values(ne60).items() if value == 1} == {"ceiling", "configuration"}


def test_the_factors_multiply_to_the_whole_ratio(ne60):
    figures = attribution.analyze(ne60).figures
    assert [f["name"] for f in figures["factors"]] == list(NAMES)
    product = math.prod(f["value"] for f in figures["factors"])
    assert product == pytest.approx(figures["prediction_to_truth"], rel=1e-12)
    assert f"{figures['prediction_to_truth']:.3f}" == "6.746"


def test_the_verdict_begins_with_the_coverage(ne60):
    told = diagnose([ne60])["runs"][0]
    assert told["verdict"].startswith("Most probable cause: The metrics are taken over pixels where nothing was")
    assert told["findings"][0]["cause"] == "coverage"


# gs2_ne60 alone


def test_without_a_neighbour_the_coverage_is_a_bound(alone, ne60):
    found = coverage.of(alone)
    assert not found.exact
    assert found.covered is None
    assert found.evidence.startswith("at least ")
    assert found.share <= coverage.of(ne60).share
    assert found.share == pytest.approx(coverage.of(ne60).share, rel=0.03)


def test_a_bound_is_said_to_be_one(alone):
    said = finding(alone, "coverage").statement
    assert "coverage of at least 13." in said
    assert "explains at most 7." in said
    assert finding(alone, "residual").evidence == ("a bounded coverage bounds this too",)


def test_a_bound_leaves_no_more_than_three_percent(alone):
    figures = attribution.analyze(alone).figures
    assert abs(figures["residual"]) < 0.03
    assert values(alone)["gain"] == pytest.approx(1.732, abs=5e-4)
    product = math.prod(f["value"] for f in figures["factors"])
    assert product == pytest.approx(figures["prediction_to_truth"], rel=1e-12)


def test_a_neighbour_of_another_scan_is_not_asked(shared, tmp_path):
    for name in ("gs2_ne60", "dose_legacy_gs2"):
        shutil.copytree(shared / "upstream_artifacts" / name, tmp_path / name)
    (run,) = read(tmp_path / "gs2_ne60")
    assert run.beside == ()
    assert not coverage.of(run).exact


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
    found = values(synthetic(**fault))
    assert found.pop(name) == pytest.approx(value)
    assert found == pytest.approx(dict.fromkeys(found, 1.0))


def test_a_faultless_run_has_only_ones():
    run = synthetic(gain=0.5774)
    assert values(run) == pytest.approx(dict.fromkeys(NAMES, 1.0))
    assert [f.cause for f in attribution.analyze(run).findings] == ["residual"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("coverage", "coverage"),
        ("gain", "gain_not_undone"),
        ("ceiling", "amplitude_ceiling"),
        ("configuration", "configuration_mismatch"),
        ("applied_scale", "applied_scale"),
    ],
)
def test_each_factor_has_its_finding(name, cause):
    faults = {
        "coverage": {"covered": 1415},
        "gain": {"gain": 0.5774, "undone": False},
        "ceiling": {"ceiling": 0.9, "reached": 0.9},
        "configuration": {"drift": 0.5},
        "applied_scale": {"scale": 1.823},
    }
    told = {f.cause: f for f in attribution.analyze(synthetic(**faults[name])).findings}
    assert told.keys() == {cause, "residual"}
    assert told[cause].remedy


def test_a_residual_is_a_warning_that_lists_the_factors():
    said = finding(synthetic(residual=1.3, scale=2.0), "residual")
    assert (said.level, said.statement) == (
        "warning",
        "The factors leave a residual of 30.00 %: the prediction is that much below the truth.",
    )
    assert [e.rpartition(": ")[2] for e in said.evidence] == ["0.5"]  # the factors that are at work


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
    assert attribution.factors(run) is None
    assert attribution.analyze(run) is None


def test_an_undershoot_below_the_ceiling_is_not_the_ceilings():
    """A head that ends at 1 and reached 0.5 cost the data's 2.7 no more than 2.7; the rest is residual."""
    found = values(synthetic(ceiling=1.0, reached=0.5))
    assert found["ceiling"] == pytest.approx(TRUTH)
    assert found["residual"] == pytest.approx(2.0)


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
    figures = attribution.analyze(run).figures
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


# Coverage


def test_the_runs_own_count_comes_first(ne60):
    parts = {**ne60.parts, "inference": {**ne60.parts["inference"], "covered_pixels": 15_366.4}}
    assert coverage.of(Run("counted", "upstream", parts, beside=ne60.beside)).share == pytest.approx(0.1)


def test_pixels_that_became_nan_are_those_reconstructed(shared):
    (run,) = read(shared / "upstream_artifacts" / "gs2_base")
    found = coverage.of(run)
    assert (found.covered, found.pixels) == (21737, 153664)


@given(st.floats(0.01, 1.0), st.floats(0.0, 2.0))
def test_the_bound_is_one(covered, spread):
    """Whatever the amplitudes inside the support are, it is no smaller than said."""
    mean, square = covered, covered * (1 + spread**2)
    stats = {"mean": mean, "std": math.sqrt(square - mean**2), "min": 0.0}
    run = Run("bound", "upstream", {"metrics": {"amplitude": {"count": PIXELS, "pred_stats": stats}}})
    assert coverage.of(run).share <= covered * (1 + 1e-9)
    assert coverage.of(run).share == pytest.approx(covered / (1 + spread**2))


def test_no_bound_without_a_zero_background(ne60):
    amplitude = {"count": PIXELS, "pred_stats": {"mean": 1.0, "std": 1.0, "min": 0.2}}
    assert coverage.of(Run("filled", "upstream", {"metrics": {"amplitude": amplitude}})) is None


# Figures that no run can have


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metrics", "amplitude", "truth_stats", "mean"), 5e-324),
        (("metrics", "amplitude", "truth_stats", "mean"), 1e308),
        (("metrics", "amplitude", "pred_stats", "mean"), 5e-324),
        (("metrics", "amplitude", "pred_stats", "mean"), 1e308),
        (("inference", "prediction_scale", "value"), 5e-324),
        (("intensity", "normalize_gain"), 5e-324),
        (("intensity", "bundle_intensity_scale"), 5e-324),
        (("intensity", "intensity_scaler_state", "params_cfg_intensity_scale"), 5e-324),
        (("intensity", "dataset_scale_info", "batch_mean_sum_intensity"), 5e-324),
        (("intensity", "amplitude_head"), {"ceiling": 1.0, "required_rms": math.inf, "predicted_rms": 0.5}),
        (("intensity", "amplitude_head"), {"ceiling": 1.0, "required_rms": 2.0, "predicted_rms": 5e-324}),
        (("inference", "offsets", "max_abs"), 1e200),
        (("inference", "offsets", "max_abs"), 1e308),
    ],
)
def test_an_absurd_figure_ends_no_diagnosis(ne60, path, value):
    """The reader vouches for numbers, not for their size; a weight must still be one that JSON can hold."""
    parts = dict(ne60.parts)
    place = parts
    for key in path[:-1]:
        place[key] = dict(place[key])
        place = place[key]
    place[path[-1]] = value
    told = diagnose([Run("absurd", "upstream", parts)])["runs"][0]
    assert all(isinstance(f["weight"], float) for f in told["findings"])
