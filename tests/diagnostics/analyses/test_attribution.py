"""Attribution: the ratio of truth to prediction falls into the factors that explain it, and into nothing else."""

from __future__ import annotations

import math

import pytest
from faulty_runs import NAMES, finding, synthetic, values

from ptycho.diagnostics import RunRecord, diagnose
from ptycho.diagnostics.analyses.attribution import analyze_attribution
from ptycho.diagnostics.quantities.factors import unscaled_mean


def test_the_network_gives_the_truth_times_the_gain(ne60):
    assert unscaled_mean(ne60) == pytest.approx(1.5567, abs=5e-5)
    gain = finding(ne60, "gain_not_undone")
    assert "1/0.5774 = 1.732\u00d7" in gain.statement
    assert gain.evidence[0] == "unscaled in-support mean 1.5567, true mean 2.7082"


def test_the_scale_applied_is_taken_back(ne60):
    assert values(ne60)["applied_scale"] == pytest.approx(1 / 1.8231637936267855)
    assert "multiplied by 1.823" in finding(ne60, "applied_scale").statement


def test_less_than_a_percent_stays_unexplained(ne60):
    residual = analyze_attribution(ne60).figures["residual"]
    assert 0 < residual < 0.01
    assert finding(ne60, "residual").statement == (
        "The factors leave a residual of 0.46 %: the prediction is that much below the truth."
    )
    assert finding(ne60, "residual").level == "info"


def test_nothing_else_is_at_work(ne60):
    assert {name for name, value in values(ne60).items() if value == 1} == {"ceiling", "configuration"}


def test_the_factors_multiply_to_the_whole_ratio(ne60):
    figures = analyze_attribution(ne60).figures
    assert [f["name"] for f in figures["factors"]] == list(NAMES)
    product = math.prod(f["value"] for f in figures["factors"])
    assert product == pytest.approx(figures["prediction_to_truth"], rel=1e-12)
    assert f"{figures['prediction_to_truth']:.3f}" == "6.746"


def test_the_verdict_begins_with_the_coverage(ne60):
    diagnosis = diagnose([ne60])["runs"][0]
    assert diagnosis["verdict"].startswith("Most probable cause: The metrics are taken over pixels where nothing was")
    assert diagnosis["findings"][0]["cause"] == "coverage"


def test_a_bound_is_said_to_be_one(alone):
    statement = finding(alone, "coverage").statement
    assert "coverage of at least 13." in statement
    assert "explains at most 7." in statement
    assert finding(alone, "residual").evidence == ("a bounded coverage bounds this too",)


def test_a_bound_leaves_no_more_than_three_percent(alone):
    figures = analyze_attribution(alone).figures
    assert abs(figures["residual"]) < 0.03
    assert values(alone)["gain"] == pytest.approx(1.732, abs=5e-4)
    product = math.prod(f["value"] for f in figures["factors"])
    assert product == pytest.approx(figures["prediction_to_truth"], rel=1e-12)


def test_a_gain_behind_a_bound_is_probable_and_no_fault(ne60, alone):
    """What a bound of the coverage leaves may be the gain: only a coverage that is known makes it a fault."""
    known, bounded = finding(ne60, "gain_not_undone"), finding(alone, "gain_not_undone")
    assert (known.level, bounded.level) == ("fault", "warning")
    assert "is still in normalised units" in known.statement
    assert "is probably in normalised units" in bounded.statement


def test_a_faultless_run_has_only_ones():
    run = synthetic(gain=0.5774)
    assert values(run) == pytest.approx(dict.fromkeys(NAMES, 1.0))
    assert [f.cause for f in analyze_attribution(run).findings] == ["residual"]


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
    findings = {f.cause: f for f in analyze_attribution(synthetic(**faults[name])).findings}
    assert findings.keys() == {cause, "residual"}
    assert findings[cause].remedy


def test_a_residual_is_a_warning_that_lists_the_factors():
    residual = finding(synthetic(residual=1.3, scale=2.0), "residual")
    assert (residual.level, residual.statement) == (
        "warning",
        "The factors leave a residual of 30.00 %: the prediction is that much below the truth.",
    )
    assert [e.rpartition(": ")[2] for e in residual.evidence] == ["0.5"]  # the factors that are at work


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
    diagnosis = diagnose([RunRecord("absurd", "upstream", parts)])["runs"][0]
    assert all(isinstance(f["weight"], float) for f in diagnosis["findings"])
