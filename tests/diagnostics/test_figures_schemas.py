"""Every analysis has a schema of its figures, and the figures of real runs keep to it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from harness.judge.schema import Schema
from ptycho.diagnostics import RunRecord, analyze, compare_runs, diagnose, read_runs
from ptycho.output.artifacts import to_plain

FOLDER = Path(__file__).parents[2] / "schemas/diagnostics"
SCHEMAS = {p.name.removesuffix(".schema.json"): p for p in sorted(FOLDER.glob("*.json"))}
NAMES = {
    "attribution",
    "bias_summary",
    "configuration_audit",
    "dose_normalization_stats",
    "grouping_summary",
    "intensity_stats",
    "measured_quality",
    "metrics",
    "parameters",
    "probe_report",
    "probes",
    "reassembly_limits",
    "training_health",
}


def problems(analysis):
    path = SCHEMAS[analysis["name"]]
    return [
        (analysis["name"], p.path, p.message)
        for p in Schema(json.loads(path.read_text()), path).problems(analysis["figures"])
    ]


@pytest.fixture(scope="module")
def upstream(shared):
    return shared / "upstream_artifacts"


@pytest.fixture(scope="module")
def analyses(upstream):
    diagnosis = analyze([upstream])
    return [a for run in diagnosis["runs"] for a in run["analyses"]] + diagnosis["together"]


def test_there_is_a_schema_for_each_analysis_and_no_other():
    assert set(SCHEMAS) == NAMES
    assert {json.loads(p.read_text())["$id"] for p in SCHEMAS.values()} == {f"ptycho/diagnostics/{n}-1" for n in NAMES}


def test_the_figures_of_upstream_runs_keep_to_them(analyses):
    assert {a["name"] for a in analyses} >= {"attribution", "bias_summary", "configuration_audit", "probe_report"}
    assert [p for a in analyses for p in problems(a)] == []


def test_the_figures_of_comparisons_keep_to_them(upstream):
    runs = {r.name: r for r in read_runs(upstream)}
    pairs = [
        ("gs2_base", "gs2_ne60"),
        ("gs2_ne60", "dose_legacy_gs2"),
        ("probe_stats_gs1_ideal", "probe_stats_gs1_custom"),
    ]
    analyses = [a for x, y in pairs for a in compare_runs(runs[x], runs[y])["analyses"]]
    assert {a["name"] for a in analyses} == {"dose_normalization_stats", "metrics", "parameters", "probes"}
    assert [p for a in analyses for p in problems(a)] == []


def test_what_a_run_does_not_hold_is_null_and_keeps_to_them():
    bare = RunRecord("bare", "upstream", {"intensity": {"normalize_gain": 0.5}, "metrics": {"amplitude": {}}})
    assert [p for a in diagnose([bare])["runs"][0]["analyses"] for p in problems(a)] == []


def test_figures_that_are_not_finite_keep_to_them(upstream):
    run = next(r for r in read_runs(upstream) if r.name == "gs2_ne60")
    parts = copy.deepcopy(dict(run.parts))
    parts["metrics"]["amplitude"] |= {"rmse": float("nan"), "mae": float("inf")}
    analyses = to_plain(diagnose([RunRecord("odd", "upstream", parts)]))["runs"][0]["analyses"]
    assert [p for a in analyses for p in problems(a)] == []


@pytest.mark.parametrize("name", ["attribution", "bias_summary", "training_health"])
def test_an_unknown_figure_is_refused(analyses, name):
    analysis = copy.deepcopy(next(a for a in analyses if a["name"] == name))
    analysis["figures"]["surprise"] = 1.0
    assert problems(analysis) != []
