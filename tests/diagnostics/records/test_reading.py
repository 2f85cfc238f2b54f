"""What is at a path: a folder of runs and reports, one run, one report, or what is neither."""

from __future__ import annotations

import json

import pytest
from answers import REPORTS, RUNS, causes, figures

from ptycho.diagnostics import analyze, diagnose, read_runs
from ptycho.errors import DataError


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


def test_there_is_one_bias_summary_of_all_runs(upstream):
    (together,) = analyze([upstream])["together"]
    assert [s["name"] for s in together["figures"]["scenarios"]] == list(RUNS)


def test_a_diagnosis_is_strict_json(runs):
    text = json.dumps(diagnose(list(runs.values())), allow_nan=False)
    assert json.loads(text)["version"] == 1


def test_the_stages_shape_says_the_patch_side(runs):
    """dose_legacy_gs2 records N nowhere else; each of its stages has the shape (..., 64, 64, 4) or (..., 64, 64)."""
    assert runs["dose_legacy_gs2"].N == 64


def test_bare_nan_is_read_as_what_it_says(upstream, tmp_path):
    """Other writers leave it so."""
    (tmp_path / "train_outputs").mkdir()
    history = '{"epochs": [0, 1, 2], "metrics": {"loss": [-1.0, NaN, NaN], "learning_rate": [0.001, 0.001, 0.0005]}}'
    (tmp_path / "train_outputs" / "history.json").write_text(history, "utf-8")
    (tmp_path / "run_metadata.json").write_text('{"scenario": "gs1_ideal", "sim_seed": 42}', "utf-8")
    (run,) = read_runs(tmp_path)
    diagnosis = diagnose([run])["runs"][0]
    assert causes(diagnosis) == ["nan_in_training"]
    assert "in epoch 2" in diagnosis["verdict"]
    assert figures(diagnosis, "training_health")["nan"] == [{"metric": "loss", "epoch": 2, "step": None}]


def test_a_null_keeps_its_place_in_a_series(tmp_path):
    history = {"epochs": [0, 1, 2], "metrics": {"loss": [-1.0, None, "NaN"]}}
    path = tmp_path / "history.json"
    path.write_text(json.dumps(history), "utf-8")
    (event,) = figures(diagnose(read_runs(path))["runs"][0], "training_health")["nan"]
    assert event["epoch"] == 3


@pytest.mark.parametrize("text", ["", "[]", "{", '{"unknown": 1}', "\x00", '{"a":' * 100_000])
def test_what_is_no_report_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert "\n" not in str(caught.value)
