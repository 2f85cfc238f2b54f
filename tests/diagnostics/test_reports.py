"""What is said of each real report, of the whole folder, of a stale configuration, and of two runs side by side."""

from __future__ import annotations

import copy
import json

import pytest

from ptycho.diagnostics import analyze, audit, compare, contrast, diagnose, geometry, hypotheses, intensity, read
from ptycho.diagnostics.run import Run
from ptycho.errors import DataError

STALE = 494.1046142578125
RUNS = ("dose_legacy_gs2", "gs2_base", "gs2_ne60")
REPORTS = (
    "comparison_diff",
    "grouping_dose_experiments_legacy",
    "grouping_gs2_custom_default",
    "grouping_gs2_custom_neighbor1",
    "intensity_scaler_gs2_ideal",
    "loss_config_diff",
    "probe_stats_gs1_custom",
    "probe_stats_gs1_ideal",
    "reassembly_gs1_custom",
    "reassembly_gs2_custom",
)
SCENARIOS = ("gs1_custom", "gs1_ideal", "gs2_custom", "gs2_ideal")


@pytest.fixture(scope="module")
def upstream(shared):
    return shared / "upstream_artifacts"


@pytest.fixture(scope="module")
def runs(upstream) -> dict[str, Run]:
    return {run.name: run for run in read(upstream)}


@pytest.fixture(scope="module")
def told(runs):
    """The diagnosis of each run and report by its name."""
    return {run["name"]: run for run in diagnose(list(runs.values()))["runs"]}


def figures(diagnosis, name):
    return next(a["figures"] for a in diagnosis["analyses"] if a["name"] == name)


def causes(diagnosis):
    return [f["cause"] for f in diagnosis["findings"]]


def status(diagnosis, name):
    return next(h["status"] for h in diagnosis["hypotheses"] if h["id"] == name)


def evidence(diagnosis, name):
    return next(h["evidence"] for h in diagnosis["hypotheses"] if h["id"] == name)


def changed(run: Run, part: str, *path: str, to) -> Run:
    """A copy of ``run`` with another value at ``path`` of one part."""
    parts = copy.deepcopy(dict(run.parts))
    place = parts[part]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return Run(run.name, run.layout, parts, run.missing, run.beside)


# The whole folder


def test_the_folder_holds_three_runs_and_ten_reports(runs):
    assert tuple(runs) == (*RUNS, *REPORTS)
    assert [run.layout for run in runs.values()] == ["upstream"] * 3 + ["report"] * 10


def test_what_is_missing_is_said(runs):
    elsewhere = "is missing; run_metadata.json holds what it would say"
    assert runs["gs2_ne60"].missing == (f"intensity_stats.json {elsewhere}",)
    assert runs["gs2_base"].missing == (
        f"comparison_metrics.json {elsewhere}",
        "train_outputs/history.json is missing",
        f"train_outputs/history_summary.json {elsewhere}",
    )
    assert runs["dose_legacy_gs2"].missing == ()


def test_runs_of_one_scan_know_one_another(runs):
    beside = {name: [other.name for other in runs[name].beside] for name in RUNS}
    assert beside == {"dose_legacy_gs2": [], "gs2_base": ["gs2_ne60"], "gs2_ne60": ["gs2_base"]}


def test_there_is_one_bias_summary_of_all_runs(upstream):
    (together,) = analyze([upstream])["together"]
    assert [s["name"] for s in together["figures"]["scenarios"]] == list(RUNS)


def test_a_diagnosis_is_strict_json(runs):
    text = json.dumps(diagnose(list(runs.values())), allow_nan=False)
    assert json.loads(text)["version"] == 1


@pytest.mark.parametrize("name", [*RUNS, *REPORTS])
def test_every_hypothesis_has_a_status_and_evidence(told, name):
    found = told[name]["hypotheses"]
    assert [h["id"] for h in found] == [h.id for h in hypotheses.HYPOTHESES]
    assert {h["status"] for h in found} <= {"confirmed", "ruled out", "untestable here"}
    assert all(h["evidence"] and "n/a" not in h["evidence"] for h in found)


# What each says of the hypotheses; what is not listed is untestable there.
STATUSES = {
    "gs2_base": {
        "H-INTENSITY-SCALE": "ruled out",
        "H-OFFSET-OVERFLOW": "ruled out",
        "H-GROUPING-KDTREE": "ruled out",
    },
    "gs2_ne60": {
        "H-INTENSITY-SCALE": "ruled out",
        "H-OFFSET-OVERFLOW": "ruled out",
        "H-GROUPING-KDTREE": "ruled out",
        "H-NORMALIZATION": "confirmed",
        "H-TRAINING-PARAMS": "ruled out",
    },
    "dose_legacy_gs2": {
        "H-OFFSET-OVERFLOW": "ruled out",
        "H-GROUPING-KDTREE": "ruled out",
        "H-NORMALIZATION": "confirmed",
    },
    "grouping_dose_experiments_legacy": {"H-GROUPING-KDTREE": "confirmed"},
    "grouping_gs2_custom_default": {"H-GROUPING-KDTREE": "ruled out"},
    "grouping_gs2_custom_neighbor1": {},  # the data set is not small, its neighbours are too few
    "intensity_scaler_gs2_ideal": {"H-INTENSITY-SCALE": "ruled out"},
    "loss_config_diff": {"H-LOSS-WEIGHT": "ruled out"},
    "reassembly_gs1_custom": {"H-OFFSET-OVERFLOW": "confirmed"},
    "reassembly_gs2_custom": {"H-OFFSET-OVERFLOW": "confirmed"},
}
ABOUT_THE_RUN = ("H-SEED-DIVERGENCE",)  # a report that records seeds may say so


@pytest.mark.parametrize("name", STATUSES)
def test_the_hypotheses_are_answered_by_what_is_there(told, name):
    found = {h["id"]: h["status"] for h in told[name]["hypotheses"] if h["status"] != "untestable here"}
    if told[name]["layout"] == "report":
        found = {k: v for k, v in found.items() if k not in ABOUT_THE_RUN}
    assert found == STATUSES[name]


# Runs


def test_nan_in_training_is_the_verdict(told):
    found = told["gs2_base"]
    assert causes(found)[0] == "nan_in_training"
    assert "in epoch 1" in found["findings"][0]["statement"]
    assert "step" not in found["findings"][0]["statement"]
    assert found["verdict"].startswith("Most probable cause: Training became non-finite")


def test_metrics_that_failed_in_the_same_epoch_are_not_ranked(told):
    """All seven became NaN in epoch 1: none of them was first."""
    assert "intensity_scaler_inv_loss first" not in told["gs2_base"]["findings"][0]["statement"]


def test_a_weight_that_never_moved_is_found(told):
    said = next(f for f in told["gs2_ne60"]["findings"] if f["cause"] == "untrained_weight")
    assert "log_scale" in said["statement"]
    assert said["evidence"][0].startswith("50 epochs")


@pytest.mark.parametrize("name", ["gs2_base", "gs2_ne60"])
def test_offsets_beyond_the_object_were_never_centred(told, name):
    said = next(f for f in told[name]["findings"] if f["cause"] == "offsets_not_centred")
    assert "817 px" in said["statement"]
    assert "offsets reach 376.3 px" in said["evidence"][0]


def test_the_stages_shape_says_the_patch_side(runs):
    """dose_legacy_gs2 records N nowhere else; each of its stages has the shape (..., 64, 64, 4) or (..., 64, 64)."""
    assert runs["dose_legacy_gs2"].N == 64


# Probes


def test_a_two_pixel_spot_is_flagged(told):
    found = told["probe_stats_gs1_ideal"]
    assert causes(found) == ["narrow_probe"]
    area = figures(found, "probe_report")["probes"]["sim_lines"]["effective_area_px"]
    assert f"{area:.2f}" == "5.97"
    assert "The probe is a spot: 6.0 pixels hold its energy" in found["verdict"]
    assert "maximum 42.063 at a mean of 0.1, L2 102.769" in found["findings"][0]["evidence"][0]


def test_the_custom_probe_is_none(told):
    found = told["probe_stats_gs1_custom"]
    assert causes(found) == []
    area = figures(found, "probe_report")["probes"]["sim_lines"]["effective_area_px"]
    assert f"{area:.1f}" == "127.6"
    assert found["verdict"] == "Nothing is wrong that these artifacts could show."


@pytest.mark.parametrize("name", ["probe_stats_gs1_ideal", "probe_stats_gs1_custom"])
def test_both_ways_of_making_a_probe_agree(told, name):
    """Seed 004, B2 and B0f: they agree to 5e-7, and the regression is ruled out; a spot is another fault."""
    assert figures(told[name], "probe_report")["comparison"]["max_abs_delta"] < 5e-7
    assert status(told[name], "H-PROBE-IDEAL-REGRESSION") == "ruled out"


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
def test_groups_that_could_not_be_made(told, name, cause, words, remedy):
    found = told[name]
    assert causes(found) == [cause, cause]
    assert all(words in f["statement"] and remedy in f["remedy"] for f in found["findings"])
    assert [f["level"] for f in found["findings"]] == ["fault", "fault"]
    assert words in evidence(found, "H-GROUPING-KDTREE")
    subsets = figures(found, "grouping_summary")["subsets"]
    assert {s["status"] for s in subsets.values()} == {"error"}
    assert {s["achieved"] for s in subsets.values()} == {None}


def test_groups_that_were_made(told):
    found = told["grouping_gs2_custom_default"]
    assert causes(found) == []
    train = figures(found, "grouping_summary")["subsets"]["train"]
    assert [train[k] for k in ("points", "requested", "achieved", "members_each")] == [4000, 1000, 1000, 4]
    assert f"{train['reach']:.3f}" == "9.850"
    assert [f"{a['mean']:.2f}" for a in train["axes"]] == ["190.73", "99.16"]
    assert evidence(found, "H-GROUPING-KDTREE") == "1000 of 1000 groups were made"


def test_fewer_groups_than_asked_for_are_a_warning(runs):
    run = changed(runs["grouping_gs2_custom_default"], "grouping", "subsets", "train", "actual_groups", to=900)
    found = diagnose([run])["runs"][0]
    assert causes(found) == ["fewer_groups"]
    assert "Only 900 of 1000 groups were made of train" in found["verdict"]


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
    assert audit.gridsize_of(runs[name]) == gridsize


# Canvas


@pytest.mark.parametrize(
    ("name", "needed", "centred", "given", "lost"),
    [
        ("reassembly_gs1_custom", 828, (437, 438), 74, ("100.00", "94.56")),
        ("reassembly_gs2_custom", 831, (450, 449), 78, ("100.00", "99.25")),
    ],
)
def test_a_canvas_for_absolute_offsets(told, name, needed, centred, given, lost):
    found = told[name]
    assert causes(found) == ["offsets_not_centred", "clipped"]
    assert f"canvas of {needed} px, where {centred[0]} px would do" in found["verdict"]
    subsets = figures(found, "reassembly_limits")["subsets"]
    for subset, side in zip(("test", "train"), centred, strict=True):
        assert subsets[subset]["required_canvas"] == needed
        assert subsets[subset]["required_canvas_centred"] == side
        assert subsets[subset]["given_canvas"] == given
        assert subsets[subset]["fits_canvas"] is False
    clipped = found["findings"][1]["evidence"]
    assert [f"{s}: {v} % of the energy is lost" for s, v in zip(("test", "train"), lost, strict=True)] == clipped[:2]


def test_only_the_larger_canvas_counts_as_required():
    assert geometry.canvas(64, 192.58220230354567) == 450
    assert geometry.canvas(64, 383.1471172660616) == 831
    assert geometry.canvas(64, 0) == 64


def test_a_report_whose_patches_fit_rules_the_overflow_out_with_its_own_figures(runs):
    run = runs["reassembly_gs2_custom"]
    for subset in ("test", "train"):
        run = changed(run, "reassembly", "subsets", subset, "canvas", "fits_canvas", to=True)
        run = changed(run, "reassembly", "subsets", subset, "canvas", "padded_size", to=840)
        run = changed(run, "reassembly", "subsets", subset, "reassembly", "loss_fraction", to=0.0)
    found = diagnose([run])["runs"][0]
    assert status(found, "H-OFFSET-OVERFLOW") == "ruled out"
    assert "831" in evidence(found, "H-OFFSET-OVERFLOW")
    assert "840" in evidence(found, "H-OFFSET-OVERFLOW")


# The intensity scaler


def test_the_scaler_stands_where_it_was_recorded(told):
    found = told["intensity_scaler_gs2_ideal"]
    assert causes(found) == []
    state = figures(found, "intensity_stats")["intensity_scaler_state"]
    assert state["trainable"] is True
    assert f"{state['exp_log_scale']:.3f}" == f"{state['config_intensity_scale']:.3f}" == "988.212"
    assert state["delta"] == pytest.approx(-3.94504286305164e-06, rel=1e-6)
    assert state["ratio"] == pytest.approx(0.9999999960078969, rel=1e-15)
    assert figures(found, "intensity_stats")["dataset_scale_info"]["dataset_scale"] is None


def test_a_scaler_that_drifted_is_a_warning(runs):
    run = changed(runs["intensity_scaler_gs2_ideal"], "scaler", "log_scale", to=7.2)
    found = diagnose([run])["runs"][0]
    assert causes(found) == ["log_scale_drift"]
    assert status(found, "H-INTENSITY-SCALE") == "confirmed"


# Loss weights


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_nll_modes_weights_are_the_defaults_and_equal(told, scenario):
    """Seed 004, D1: the script sets no weight in its default mode, and the defaults are the scenarios'."""
    rows = [
        r
        for r in figures(told["loss_config_diff"], "configuration_audit")["loss_parity"]
        if r["scenario"] == scenario and r["mode"] == "nll"
    ]
    assert {r["weight"]: (r["legacy"], r["legacy_is"], r["same"]) for r in rows} == {
        "mae_weight": (0.0, "default", True),
        "nll_weight": (1.0, "default", True),
        "realspace_weight": (0.0, "default", True),
        "realspace_mae_weight": (0.0, "default", True),
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_mae_modes_weights_are_conditional(told, scenario):
    rows = [
        r
        for r in figures(told["loss_config_diff"], "configuration_audit")["loss_parity"]
        if r["scenario"] == scenario and r["mode"] == "mae"
    ]
    found = {r["weight"]: (r["legacy"], r["legacy_is"], r["same"]) for r in rows}
    assert found["mae_weight"] == (1.0, "conditional on mae", False)
    assert found["nll_weight"] == (0.0, "conditional on mae", False)
    assert found["realspace_weight"] == (0.0, "default", True)


def test_equal_defaults_rule_the_weights_out(told):
    assert evidence(told["loss_config_diff"], "H-LOSS-WEIGHT") == "the nll mode's weights agree, 16 of them by default"


def test_weights_of_an_unknown_mode_confirm_nothing(told):
    """Seed 004, D1: this earlier report took the script's conditional MAE weights for its own; they are not."""
    assert status(told["comparison_diff"], "H-LOSS-WEIGHT") == "untestable here"


def test_parameters_that_match_are_not_listed(told):
    audits = next(a for a in told["comparison_diff"]["analyses"] if a["name"] == "configuration_audit")
    table = next(t for t in audits["tables"] if t["title"] == "Parameters that differ")
    listed = {(row[0], row[1]): row for row in table["rows"]}
    assert ("gs2_ideal", "gridsize") not in listed
    assert listed["gs1_ideal", "gridsize"][2:4] == [2, 1]
    assert listed["gs2_ideal", "probe_scale"][4] == "not set by the script: its default applies"
    assert listed["gs2_ideal", "probe_scale"][5].startswith("illumination")


# Configuration audit


@pytest.fixture
def stale(runs) -> Run:
    """gs2_base under the scale that was left of N = 128, as seed 002 has it."""
    run = changed(runs["gs2_base"], "intensity", "bundle_intensity_scale", to=STALE)
    run = changed(run, "intensity", "legacy_params_intensity_scale", to=STALE)
    run = changed(run, "intensity", "intensity_scaler_state", "params_cfg_intensity_scale", to=STALE)
    return changed(run, "intensity", "intensity_scaler_state", "log_scale_value", to=6.20275)


def test_a_stale_scale_is_named_by_the_side_it_belongs_to(stale):
    (said,) = audit.findings(stale)
    assert (said.cause, said.level) == ("stale_configuration", "fault")
    assert said.statement == (
        "The recorded intensity scale 494.105 is that of N = 128, the data have N = 64: stale configuration."
    )
    assert said.evidence[-1] == "N = 64 would give 988.212"
    assert [r["fits_N"] for r in audit.scale_table(stale)] == [128, 128, 128]


def test_a_stale_scale_confirms_both_hypotheses(stale):
    found = diagnose([stale])["runs"][0]
    assert status(found, "H-CONFIG") == status(found, "H-INTENSITY-SCALE") == "confirmed"
    assert causes(found)[:2] == ["stale_configuration", "nan_in_training"]


def test_a_sound_scale_is_not_stale(runs):
    assert audit.findings(runs["gs2_base"]) == []
    assert {r["fits_N"] for r in audit.scale_table(runs["gs2_base"])} == {64}


@pytest.mark.parametrize(("scale", "side"), [(988.212, 64), (STALE, 128), (577.738, None), (700.0, None)])
def test_the_side_whose_closed_form_a_scale_is(scale, side):
    assert audit.fitting_side(scale, 1e9) == side
    assert intensity.closed_form(1e9, 64) == pytest.approx(988.2117688026185)


def test_a_scale_that_fits_nothing_is_a_warning(runs):
    run = changed(runs["gs2_base"], "intensity", "bundle_intensity_scale", to=700.0)
    (said,) = audit.findings(run)
    assert (said.cause, said.level) == ("unexplained_scale", "warning")
    assert said.evidence == ("closed form of N = 64: 988.212", "dataset-derived: 577.738")


def test_the_datas_own_scale_is_no_fault(runs):
    run = changed(runs["gs2_base"], "intensity", "bundle_intensity_scale", to=577.738)
    assert audit.findings(run) == []


def test_stages_under_different_configurations_are_reported():
    """The digests of a run of this pipeline, one stage of which came from elsewhere."""
    stages = [{"stage": name, "config_digest": digest * 64} for name, digest in zip("abc", "110", strict=True)]
    run = Run("mixed", "ptycho", {"metadata": {"config": {"N": 64}, "stages": stages}})
    (said,) = audit.findings(run)
    assert (said.cause, said.level) == ("digest_mismatch", "fault")
    assert said.statement == "The stages ran under 2 different configurations."
    assert said.evidence == ("111111111111: a, b", "000000000000: c")
    assert status(diagnose([run])["runs"][0], "H-CONFIG") == "confirmed"


def test_equal_digests_are_no_finding():
    stages = [{"stage": name, "config_digest": "1" * 64} for name in "abc"]
    run = Run("sound", "ptycho", {"metadata": {"config": {"N": 64}, "stages": stages}})
    assert audit.findings(run) == []
    assert audit.digests(run) == dict.fromkeys("abc", "1" * 64)


@pytest.mark.parametrize("name", ["train.epochs", "loss.amplitude_l2_mae", "simulate.probe.mask", "group_limit"])
def test_the_longest_prefix_says_what_a_parameter_affects(name):
    assert audit.affects(name) != "not known here"
    assert audit.affects("loss.amplitude_l2_mae") != audit.affects("loss.mae_weight") == audit.AFFECTS["loss"]


# Two runs


def test_the_two_scenarios_differ_in_their_epochs_alone(runs):
    assert audit.differences(runs["gs2_base"], runs["gs2_ne60"]) == [
        {"name": "train.epochs", "a": 5, "b": 60, "recorded_in": "both", "affects": audit.AFFECTS["train"]}
    ]


def test_runs_of_two_scripts_differ_in_more(runs):
    found = {r["name"]: (r["a"], r["b"]) for r in audit.differences(runs["gs2_base"], runs["dose_legacy_gs2"])}
    assert found.keys() >= {"simulate.probe.kind", "simulate.probe.scale", "simulate.scan.images", "group_limit"}
    assert found["simulate.probe.scale"] == (10.0, 4.0)
    assert found["train.batch_size"] == (4.0, 8.0)
    assert "gridsize" not in found
    assert "N" not in found


def test_a_run_does_not_differ_from_itself(runs):
    assert audit.differences(runs["gs2_ne60"], runs["gs2_ne60"]) == []
    found = compare(runs["gs2_ne60"], runs["gs2_ne60"])
    assert found["verdict"] == "The runs do not differ in anything that both record of their configuration."


@pytest.fixture(scope="module")
def beside(runs):
    return compare(runs["gs2_base"], runs["gs2_ne60"])


def test_the_comparison_says_what_differs(beside):
    assert beside["verdict"] == "The configurations differ in train.epochs."
    assert [a["name"] for a in beside["analyses"]] == ["parameters", "dose_normalization_stats", "metrics"]
    assert (beside["a"], beside["b"]) == ("gs2_base", "gs2_ne60")
    assert len(beside["missing"]["a"]) == 3
    json.dumps(beside, allow_nan=False)


def test_the_stages_before_training_are_the_same(beside):
    found = figures(beside, "dose_normalization_stats")
    assert found["first_apart"] is None
    assert [s["ratio"] for s in found["stages"]] == [1.0] * 4
    assert [s["delta"] for s in found["steps"]] == [0.0] * 3


def test_the_first_step_that_breaks_symmetry_is_the_predictions(beside):
    assert figures(beside, "dose_normalization_stats")["b"]["first_break"] == "prediction_to_truth"


def test_a_prediction_of_nothing_breaks_symmetry_too(beside):
    """gs2_base's prediction is zero: its chain has no product, and is broken all the same."""
    assert figures(beside, "dose_normalization_stats")["a"]["first_break"] == "normalized_to_prediction"


def test_quality_is_compared_with_its_difference(beside):
    found = figures(beside, "metrics")
    assert f"{found['amplitude/mean']['delta']:.3f}" == "0.366"
    assert found["amplitude/pearson_r"]["a"] is None
    assert found["amplitude/pearson_r"]["delta"] is None


def test_two_folders_are_contrasted(upstream):
    found = contrast(upstream / "gs2_base", upstream / "gs2_ne60")
    assert found["verdict"] == "The configurations differ in train.epochs."
    assert found["pictures"] == []


def test_a_folder_of_runs_is_no_run_to_contrast(upstream):
    with pytest.raises(DataError, match=r"holds 13 runs: name one of dose_legacy_gs2, gs2_base, gs2_ne60"):
        contrast(upstream, upstream / "gs2_ne60")


# Reading


def test_bare_nan_is_read_as_what_it_says(upstream, tmp_path):
    """Other writers leave it so."""
    (tmp_path / "train_outputs").mkdir()
    history = '{"epochs": [0, 1, 2], "metrics": {"loss": [-1.0, NaN, NaN], "learning_rate": [0.001, 0.001, 0.0005]}}'
    (tmp_path / "train_outputs" / "history.json").write_text(history, "utf-8")
    (tmp_path / "run_metadata.json").write_text('{"scenario": "gs1_ideal", "sim_seed": 42}', "utf-8")
    (run,) = read(tmp_path)
    found = diagnose([run])["runs"][0]
    assert causes(found) == ["nan_in_training"]
    assert "in epoch 2" in found["verdict"]
    assert figures(found, "training_health")["nan"] == [{"metric": "loss", "epoch": 2, "step": None}]


def test_a_null_keeps_its_place_in_a_series(tmp_path):
    history = {"epochs": [0, 1, 2], "metrics": {"loss": [-1.0, None, "NaN"]}}
    path = tmp_path / "history.json"
    path.write_text(json.dumps(history), "utf-8")
    (event,) = figures(diagnose(read(path))["runs"][0], "training_health")["nan"]
    assert event["epoch"] == 3


@pytest.mark.parametrize("text", ["", "[]", "{", '{"unknown": 1}', "\x00", '{"a":' * 100_000])
def test_what_is_no_report_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
