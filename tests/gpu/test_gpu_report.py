"""The one report of a GPU run, and the goldens that may be accepted from it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import gpu_goldens
import gpu_report
import pytest
from gpu_case import Case
from gpu_plan import Sight, decide
from jsonschema import Draft202012Validator

VERSIONS = {"python": "3.12.1", "backend": "jax", "jax": "0.10.2", "keras": "3.15.1", "numpy": "2.4.6"}
MEASURED = {
    "place": "gpu:0", "device": "Some GPU X1", "versions": VERSIONS, "config_digest": "0" * 64,
    "precision": "float32", "object_px": 392, "images": 8000, "groups": 1000, "group_size": 4, "epochs": 60,
    "batch_size": 16, "metrics": {"pearson_r": 0.99, "relative_bias": 0.001, "phase_mae_rad": 0.001},
    "oracle_pearson_r": 0.999, "first_loss": 9.0, "final_loss": 0.6, "invariants_missed": [], "training_seconds": 60.0,
    "total_seconds": 90.0, "seconds_an_epoch": 0.9, "groups_per_second": 1000.0, "images_per_second": 4000.0,
    "device_busy": 0.83, "peak_host_memory_mb": 3000.0, "peak_device_memory_mb": 900.0,
}  # fmt: skip
HOST = {"platform": "Linux", "processor": "x86_64", "cpus": 16, "load_average": 0.5}
NAME = "gs2_ideal-N64-float32"


@pytest.fixture
def measured():
    return copy.deepcopy(MEASURED)


def report(measured, reduced=False, clean=True, error="", verification=None):
    sight = Sight("jax", () if reduced else ("gpu:0",), "cpu:0" if reduced else "gpu:0", "Some GPU X1")
    look = {"sight": {**vars(sight), "accelerators": list(sight.accelerators)}, "host": HOST, "versions": VERSIONS}
    case = gpu_report.record(Case(64, "float32", reduced), measured, error, "none")
    whole = gpu_report.assemble(look, decide(sight, True), [case], verification)
    return {**whole, "source": {"commit": "a" * 40, "clean": clean}}


@pytest.fixture(autouse=True)
def _not_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


# The report


def inner(schema):
    """Every schema of an object within ``schema``."""
    if isinstance(schema, dict):
        if "object" in (schema.get("type") or ()):
            yield schema
        for value in schema.values():
            yield from inner(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from inner(value)


def test_the_schema_is_valid_and_closed_and_every_property_is_described():
    schema = json.loads(gpu_report.SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    for result in inner(schema):
        if "properties" in result:
            assert result["additionalProperties"] is False
            assert set(result["required"]) == set(result["properties"])
            assert all(p.get("description") or "$ref" in p for p in result["properties"].values())


def test_a_report_of_full_and_of_reduced_runs_meets_its_schema(measured):
    assert gpu_report.problems(report(measured)) == []
    assert gpu_report.problems(report(measured, reduced=True)) == []
    assert gpu_report.problems(report(None, error="it broke")) == []


@pytest.mark.parametrize("wrong", [float("nan"), "fast", True])
def test_what_is_not_a_number_is_refused(measured, wrong):
    measured["training_seconds"] = wrong
    with pytest.raises(ValueError, match=r"measured\.training_seconds"):
        report(measured)


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("pearson_r", 0.95, True), ("pearson_r", 0.9499, False), ("pearson_r", None, False),
        ("relative_bias", -0.02, True), ("relative_bias", 0.0201, False), ("relative_bias", -0.0201, False),
        ("phase_mae_rad", 0.02, True), ("phase_mae_rad", 0.0201, False), ("phase_mae_rad", float("nan"), False),
    ],
)  # fmt: skip
def test_the_bars_are_the_projects(measured, name, value, met):
    measured["metrics"][name] = value
    result = gpu_report.record(Case(64, "float32", reduced=False), measured)
    assert result["bars"] == {**dict.fromkeys(gpu_report.BARS, True), name: met}
    assert result["passed"] == met


def test_what_was_not_measured_has_passed_nothing():
    result = gpu_report.record(Case(64, "float32", reduced=False), None, "it broke")
    assert not result["passed"]
    assert not any(result["bars"].values())


def test_people_read_whether_it_was_reduced_and_what_was_missed(measured):
    assert gpu_report.markdown(report(measured)).startswith("# Full runs: Some GPU X1\n")
    measured["metrics"]["pearson_r"] = 0.5
    text = gpu_report.markdown(report(measured, reduced=True))
    assert text.startswith("# Reduced runs on the CPU")
    assert "missed: pearson_r" in text
    text = gpu_report.markdown(report(None, error="it broke"))
    assert "not measured" in text
    assert f"{NAME}: it broke" in text


def test_people_read_what_the_device_says_of_the_goldens(measured):
    said = {"scenario": "gs2_ideal", "passed": False, "sentence": "not as accepted: 3 values", "seconds": 40.0}
    text = gpu_report.markdown(report(measured, verification=said))
    assert "Without training, gs2_ideal: not as accepted: 3 values.\n" in text
    alone = {**report(measured, verification=said), "cases": []}
    assert gpu_report.problems(alone) == []
    assert "| case |" not in gpu_report.markdown(alone)


def test_people_read_what_ran_side_by_side(measured):
    whole = report(measured)
    whole["cases"][0]["beside"] = ["another"]
    assert gpu_report.problems(whole) == []
    assert f"{NAME} ran beside another.\n" in gpu_report.markdown(whole)
    assert "beside" not in gpu_report.markdown(report(measured))


def test_every_row_has_every_column(measured):
    for built in (report(measured), report(None)):
        rows = [line for line in gpu_report.markdown(built).splitlines() if line.startswith("|")]
        assert {row.count("|") for row in rows} == {16}


def test_a_carried_tree_says_which_commit_it_was(tmp_path):
    (tmp_path / gpu_report.CARRIED).write_text(json.dumps({"commit": "b" * 40, "clean": True}))
    assert gpu_report.source(tmp_path) == {"commit": "b" * 40, "clean": True}
    assert gpu_report.source(tmp_path / "nowhere") == {"commit": "", "clean": False}


def test_where_no_report_can_be_left_is_told(tmp_path):
    assert gpu_report.unwritable(tmp_path / "new/report.json") == ""
    assert gpu_report.unwritable(tmp_path) == "it is a folder"
    (tmp_path / "file").write_text("")
    assert gpu_report.unwritable(tmp_path / "file/report.json")


@pytest.mark.parametrize("content", [None, "no json", '{"schema": "gpu/report-1"}'])
def test_another_file_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "x.json"
    if content:
        path.write_text(content)
    line = [sys.executable, str(Path(gpu_report.__file__)), str(path)]
    done = subprocess.run(
        line, capture_output=True, text=True, cwd=gpu_report.ROOT, env=os.environ | {"PYTHONPATH": str(gpu_report.ROOT)}
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(path) in done.stderr


# Goldens


def test_no_golden_is_here_that_was_not_measured():
    """Every golden names the device of its folder, and came out of a clean tree's full run."""
    for path in gpu_goldens.FOLDER.rglob("*.json"):
        golden = json.loads(path.read_text())
        assert golden["source"]["clean"]
        assert (
            path.parts[-3]
            == gpu_goldens.path_of(
                {"measured": {"device": golden["values"]["device"], "versions": golden["versions"]}, "name": path.stem}
            ).parts[-3]
        )


def test_a_golden_is_for_its_device_backend_size_and_precision(tmp_path, measured):
    built = report(measured)
    path = gpu_goldens.accept(built, NAME, "first measurement", tmp_path)
    assert path.relative_to(tmp_path).as_posix() == f"some-gpu-x1/jax/{NAME}.json"
    (case,) = built["cases"]
    assert gpu_goldens.outcome_text(gpu_goldens.judge(case, tmp_path)) == "met"
    case["measured"]["device"] = "Another GPU"
    assert gpu_goldens.outcome_text(gpu_goldens.judge(case, tmp_path)) == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [("pearson_r", 0.987), ("relative_bias", 0.0033), ("phase_mae_rad", 0.0017), ("phase_mae_rad", None)],
)
def test_a_figure_beyond_its_tolerance_is_named(tmp_path, measured, name, value):
    gpu_goldens.accept(report(measured), NAME, "first", tmp_path)
    measured["metrics"][name] = value
    (case,) = report(measured)["cases"]
    assert gpu_goldens.outcome_text(gpu_goldens.judge(case, tmp_path)).startswith(f"metrics/{name}: ")


def test_another_configuration_is_another_golden(tmp_path, measured):
    gpu_goldens.accept(report(measured), NAME, "first", tmp_path)
    measured["config_digest"] = "1" * 64
    (case,) = report(measured)["cases"]
    assert gpu_goldens.outcome_text(gpu_goldens.judge(case, tmp_path)).startswith("config_digest: ")


def test_a_reduced_run_is_neither_judged_nor_accepted(tmp_path, measured):
    gpu_goldens.accept(report(measured), NAME, "first", tmp_path)
    built = report(measured, reduced=True)
    assert gpu_goldens.judge(built["cases"][0], tmp_path) is None
    with pytest.raises(ValueError, match="reduced run on the CPU"):
        gpu_goldens.accept(built, NAME, "it is good", tmp_path)


def test_what_must_not_become_golden_is_refused_in_a_sentence(tmp_path, measured, monkeypatch):
    def refused(match, built=None, name=NAME, reason="because"):
        with pytest.raises(ValueError, match=match):
            gpu_goldens.accept(built or report(measured), name, reason, tmp_path)

    refused("has no case 'gs2'; it has gs2_ideal-N64-float32", name="gs2")
    refused("give a reason", reason=" ")
    refused("was not measured", report(None))
    refused("tree with edits", report(measured, clean=False))
    monkeypatch.setenv("CI", "true")
    refused("in CI nothing is written")
    monkeypatch.delenv("CI")
    measured["metrics"]["pearson_r"] = 0.9
    refused("misses its bars")
    assert not list(tmp_path.iterdir())
