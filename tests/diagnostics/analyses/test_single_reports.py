"""What is said of training, probes, groups, canvas and scaler, of the original project's runs and single reports."""

from __future__ import annotations

import pytest
from answers import causes, changed, evidence, figures, status

from ptycho.diagnostics import diagnose
from ptycho.diagnostics.analyses.canvas import canvas_side
from ptycho.diagnostics.quantities.parameters import recorded_gridsize

# Runs


def test_nan_in_training_is_the_verdict(diagnoses):
    diagnosis = diagnoses["gs2_base"]
    assert causes(diagnosis)[0] == "nan_in_training"
    assert "in epoch 1" in diagnosis["findings"][0]["statement"]
    assert "step" not in diagnosis["findings"][0]["statement"]
    assert diagnosis["verdict"].startswith("Most probable cause: Training became non-finite")


def test_metrics_that_failed_in_the_same_epoch_are_not_ranked(diagnoses):
    """All seven became NaN in epoch 1: none of them was first."""
    assert "intensity_scaler_inv_loss first" not in diagnoses["gs2_base"]["findings"][0]["statement"]


def test_a_weight_that_never_moved_is_found(diagnoses):
    finding = next(f for f in diagnoses["gs2_ne60"]["findings"] if f["cause"] == "untrained_weight")
    assert "log_scale" in finding["statement"]
    assert finding["evidence"][0].startswith("50 epochs")


@pytest.mark.parametrize("name", ["gs2_base", "gs2_ne60"])
def test_offsets_beyond_the_object_were_never_centred(diagnoses, name):
    finding = next(f for f in diagnoses[name]["findings"] if f["cause"] == "offsets_not_centred")
    assert "817 px" in finding["statement"]
    assert "offsets reach 376.3 px" in finding["evidence"][0]


# Probes


def test_a_two_pixel_spot_is_flagged(diagnoses):
    diagnosis = diagnoses["probe_stats_gs1_ideal"]
    assert causes(diagnosis) == ["narrow_probe"]
    area = figures(diagnosis, "probe_report")["probes"]["sim_lines"]["effective_area_px"]
    assert f"{area:.2f}" == "5.97"
    assert "The probe is a spot: 6.0 pixels hold its energy" in diagnosis["verdict"]
    assert "maximum 42.063 at a mean of 0.1, L2 102.769" in diagnosis["findings"][0]["evidence"][0]


def test_the_custom_probe_is_none(diagnoses):
    diagnosis = diagnoses["probe_stats_gs1_custom"]
    assert causes(diagnosis) == []
    area = figures(diagnosis, "probe_report")["probes"]["sim_lines"]["effective_area_px"]
    assert f"{area:.1f}" == "127.6"
    assert diagnosis["verdict"] == "Nothing is wrong that these artifacts could show."


@pytest.mark.parametrize("name", ["probe_stats_gs1_ideal", "probe_stats_gs1_custom"])
def test_both_ways_of_making_a_probe_agree(diagnoses, name):
    """They agree to 5e-7, as the investigation plan says, and rule the regression out; a spot is another fault."""
    assert figures(diagnoses[name], "probe_report")["comparison"]["max_abs_delta"] < 5e-7
    assert status(diagnoses[name], "H-PROBE-IDEAL-REGRESSION") == "ruled out"


def test_probes_that_differ_confirm_the_regression(runs):
    run = changed(runs["probe_stats_gs1_custom"], "probe", "comparison", "max_abs_delta", to=0.01)
    assert status(diagnose([run])["runs"][0], "H-PROBE-IDEAL-REGRESSION") == "confirmed"


# Groups


@pytest.mark.parametrize(
    ("name", "cause", "words", "remedy"),
    [
        (
            "grouping_dose_experiments_legacy",
            "too_few_points",
            "only 2 points but 4 coordinates per group requested",
            "as many frames",
        ),
        ("grouping_gs2_custom_neighbor1", "too_few_neighbors", "K=1 must be >= C=4", "number of neighbours"),
    ],
)
def test_groups_that_could_not_be_made(diagnoses, name, cause, words, remedy):
    diagnosis = diagnoses[name]
    assert causes(diagnosis) == [cause, cause]
    assert all(words in f["statement"] and remedy in f["remedy"] for f in diagnosis["findings"])
    assert [f["level"] for f in diagnosis["findings"]] == ["fault", "fault"]
    assert words in evidence(diagnosis, "H-GROUPING-KDTREE")
    subsets = figures(diagnosis, "grouping_summary")["subsets"]
    assert {s["status"] for s in subsets.values()} == {"error"}
    assert {s["achieved"] for s in subsets.values()} == {None}


def test_groups_that_were_made(diagnoses):
    diagnosis = diagnoses["grouping_gs2_custom_default"]
    assert causes(diagnosis) == []
    train = figures(diagnosis, "grouping_summary")["subsets"]["train"]
    assert [train[k] for k in ("points", "requested", "achieved", "members_each")] == [4000, 1000, 1000, 4]
    assert f"{train['reach']:.3f}" == "9.850"
    assert [f"{a['mean']:.2f}" for a in train["axes"]] == ["190.73", "99.16"]
    assert evidence(diagnosis, "H-GROUPING-KDTREE") == "1000 of 1000 groups were made"


def test_fewer_groups_than_asked_for_are_a_warning(runs):
    run = changed(runs["grouping_gs2_custom_default"], "grouping", "subsets", "train", "actual_groups", to=900)
    diagnosis = diagnose([run])["runs"][0]
    assert causes(diagnosis) == ["fewer_groups"]
    assert "Only 900 of 1000 groups were made of train" in diagnosis["verdict"]


@pytest.mark.parametrize(
    ("name", "gridsize"),
    [
        ("grouping_gs2_custom_default", 2),
        ("grouping_gs2_custom_neighbor1", 2),
        ("grouping_dose_experiments_legacy", 2),
        ("reassembly_gs1_custom", 1),
        ("reassembly_gs2_custom", 2),
        ("intensity_scaler_gs2_ideal", 2),
        ("gs2_ne60", 2),
        ("dose_legacy_gs2", 2),
    ],
)
def test_gridsize_is_read_where_it_is_recorded(runs, name, gridsize):
    assert recorded_gridsize(runs[name]) == gridsize


# Canvas


@pytest.mark.parametrize(
    ("name", "needed", "centred", "given", "lost"),
    [
        ("reassembly_gs1_custom", 828, (437, 438), 74, ("100.00", "94.56")),
        ("reassembly_gs2_custom", 831, (450, 449), 78, ("100.00", "99.25")),
    ],
)
def test_a_canvas_for_absolute_offsets(diagnoses, name, needed, centred, given, lost):
    diagnosis = diagnoses[name]
    assert causes(diagnosis) == ["offsets_not_centred", "clipped"]
    assert f"canvas of {needed} px, where {centred[0]} px would do" in diagnosis["verdict"]
    subsets = figures(diagnosis, "reassembly_limits")["subsets"]
    for subset, side in zip(("test", "train"), centred, strict=True):
        assert subsets[subset]["required_canvas"] == needed
        assert subsets[subset]["required_canvas_centred"] == side
        assert subsets[subset]["given_canvas"] == given
        assert subsets[subset]["fits_canvas"] is False
    clipped = diagnosis["findings"][1]["evidence"]
    assert [f"{s}: {v} % of the energy is lost" for s, v in zip(("test", "train"), lost, strict=True)] == clipped[:2]


def test_only_the_larger_canvas_counts_as_required():
    assert canvas_side(64, 192.58220230354567) == 450
    assert canvas_side(64, 383.1471172660616) == 831
    assert canvas_side(64, 0) == 64


def test_a_report_whose_patches_fit_rules_the_overflow_out_with_its_own_figures(runs):
    run = runs["reassembly_gs2_custom"]
    for subset in ("test", "train"):
        run = changed(run, "reassembly", "subsets", subset, "canvas", "fits_canvas", to=True)
        run = changed(run, "reassembly", "subsets", subset, "canvas", "padded_size", to=840)
        run = changed(run, "reassembly", "subsets", subset, "reassembly", "loss_fraction", to=0.0)
    diagnosis = diagnose([run])["runs"][0]
    assert status(diagnosis, "H-OFFSET-OVERFLOW") == "ruled out"
    assert "831" in evidence(diagnosis, "H-OFFSET-OVERFLOW")
    assert "840" in evidence(diagnosis, "H-OFFSET-OVERFLOW")


# The intensity scaler


def test_the_scaler_stands_where_it_was_recorded(diagnoses):
    diagnosis = diagnoses["intensity_scaler_gs2_ideal"]
    assert causes(diagnosis) == []
    state = figures(diagnosis, "intensity_stats")["intensity_scaler_state"]
    assert state["trainable"] is True
    assert f"{state['exp_log_scale']:.3f}" == f"{state['config_intensity_scale']:.3f}" == "988.212"
    assert state["delta"] == pytest.approx(-3.94504286305164e-06, rel=1e-6)
    assert state["ratio"] == pytest.approx(0.9999999960078969, rel=1e-15)
    assert figures(diagnosis, "intensity_stats")["dataset_scale_info"]["dataset_scale"] is None


def test_a_scaler_that_drifted_is_a_warning(runs):
    run = changed(runs["intensity_scaler_gs2_ideal"], "scaler", "log_scale", to=7.2)
    diagnosis = diagnose([run])["runs"][0]
    assert causes(diagnosis) == ["log_scale_drift"]
    assert status(diagnosis, "H-INTENSITY-SCALE") == "confirmed"
