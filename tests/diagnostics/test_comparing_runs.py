"""Two runs side by side: parameters, stages before training, quality, and the folders that hold them."""

from __future__ import annotations

import json

import pytest
from answers import figures

from ptycho.diagnostics import compare_runs, contrast
from ptycho.diagnostics.quantities.parameters import AFFECTS, parameter_differences
from ptycho.errors import DataError


def test_the_two_scenarios_differ_in_their_epochs_alone(runs):
    assert parameter_differences(runs["gs2_base"], runs["gs2_ne60"]) == [
        {"name": "train.epochs", "a": 5, "b": 60, "recorded_in": "both", "affects": AFFECTS["train"]}
    ]


def test_runs_of_two_scripts_differ_in_more(runs):
    values = {r["name"]: (r["a"], r["b"]) for r in parameter_differences(runs["gs2_base"], runs["dose_legacy_gs2"])}
    assert values.keys() >= {"simulate.probe.kind", "simulate.probe.scale", "simulate.scan.images", "group_limit"}
    assert values["simulate.probe.scale"] == (10.0, 4.0)
    assert values["train.batch_size"] == (4.0, 8.0)
    assert "gridsize" not in values
    assert "N" not in values


def test_a_run_does_not_differ_from_itself(runs):
    assert parameter_differences(runs["gs2_ne60"], runs["gs2_ne60"]) == []
    comparison = compare_runs(runs["gs2_ne60"], runs["gs2_ne60"])
    assert comparison["verdict"] == "The runs do not differ in anything that both record of their configuration."


@pytest.fixture(scope="module")
def beside(runs):
    return compare_runs(runs["gs2_base"], runs["gs2_ne60"])


def test_the_comparison_says_what_differs(beside):
    assert beside["verdict"] == "The configurations differ in train.epochs."
    assert [a["name"] for a in beside["analyses"]] == ["parameters", "dose_normalization_stats", "metrics"]
    assert (beside["a"], beside["b"]) == ("gs2_base", "gs2_ne60")
    assert len(beside["missing"]["a"]) == 3
    json.dumps(beside, allow_nan=False)


def test_the_stages_before_training_are_the_same(beside):
    parity = figures(beside, "dose_normalization_stats")
    assert parity["first_apart"] is None
    assert [s["ratio"] for s in parity["stages"]] == [1.0] * 4
    assert [s["delta"] for s in parity["steps"]] == [0.0] * 3


def test_the_first_step_that_breaks_symmetry_is_the_predictions(beside):
    assert figures(beside, "dose_normalization_stats")["b"]["first_break"] == "prediction_to_truth"


def test_a_prediction_of_nothing_breaks_symmetry_too(beside):
    """gs2_base's prediction is zero: its chain has no product, and is broken all the same."""
    assert figures(beside, "dose_normalization_stats")["a"]["first_break"] == "normalized_to_prediction"


def test_quality_is_compared_with_its_difference(beside):
    quality = figures(beside, "metrics")
    assert f"{quality['amplitude/mean']['delta']:.3f}" == "0.366"
    assert quality["amplitude/pearson_r"]["a"] is None
    assert quality["amplitude/pearson_r"]["delta"] is None


def test_two_folders_are_contrasted(upstream):
    comparison = contrast(upstream / "gs2_base", upstream / "gs2_ne60")
    assert comparison["verdict"] == "The configurations differ in train.epochs."
    assert comparison["pictures"] == []


def test_a_folder_of_runs_is_no_run_to_contrast(upstream):
    with pytest.raises(DataError, match=r"holds 13 runs: name one of dose_legacy_gs2, gs2_base, gs2_ne60"):
        contrast(upstream, upstream / "gs2_ne60")
