"""What a report says first: the culprit, the closest calls, the state of each stage."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from report_example import example
from small_reports import BAD, GOOD, a_report, an_artifact, nothing

from harness.core.verdicts import FOR_REVIEW, Diagnosis, StageFinding, Status, Verdict
from harness.report import selection, summary
from harness.report.html import render_html


def test_the_worst_measured_value_of_the_diagnosed_stage_is_the_culprit():
    missing = Verdict("gone", Status.MISSING, "exact")
    hopeless = replace(BAD, path="nan", used=math.inf)
    early = an_artifact(replace(BAD, path="early", used=9.0), stage="early")
    named = an_artifact(GOOD, BAD, missing, hopeless, replace(BAD, path="worse", used=4.0), stage="named")
    scenario = a_report(early, named, diagnosis=Diagnosis("", "named")).scenarios[0]
    assert selection.broken_artifact(scenario) is named
    assert selection.culprit_place(scenario).name == "named/worse"


def test_failing_values_are_listed_from_those_without_a_measure_to_the_closest():
    gone = Verdict("gone", Status.MISSING, "exact")
    failures = selection.failing([BAD, GOOD, replace(BAD, path="worse", used=9.0), gone])
    assert [v.path for v in failures] == ["gone", "worse", "bad"]


def test_without_a_diagnosis_the_first_failing_artifact_is_shown():
    scenario = a_report(an_artifact(GOOD), an_artifact(BAD, stage="b", track="replay")).scenarios[0]
    assert selection.culprit_place(scenario).name == "replay/b/bad"


def test_broken_invariants_are_a_culprit_too():
    scenario = a_report(an_artifact(GOOD), invariants=(replace(BAD, path="product"),)).scenarios[0]
    assert selection.broken_artifact(scenario) is None
    assert selection.culprit_place(scenario).name == "invariants/product"


def test_closest_calls_are_passing_values_in_order():
    values = [replace(GOOD, path=str(i), used=i / 10) for i in range(10)]
    scenario = a_report(an_artifact(BAD, *values), invariants=(replace(GOOD, path="x", used=0.95),)).scenarios[0]
    assert [p.verdict.path for p in selection.closest_calls((scenario,), 3)] == ["x", "9", "8"]
    assert len(selection.closest_calls((scenario,), 99)) == 10  # those that use nothing were never close


@pytest.mark.parametrize(
    ("artifacts", "findings", "kind", "word"),
    [
        ([an_artifact(GOOD)], (), "pass", "pass"),
        ([an_artifact(GOOD, BAD)], (), "first", "fail"),
        ([an_artifact(GOOD), an_artifact(BAD, track="replay")], (("stage", "wrong"),), "first", "wrong"),
        ([an_artifact(BAD)], (("stage", "input already wrong"),), "down", "input wrong"),
        ([an_artifact(BAD)], (("stage", "differs here"),), "first", "differs"),
        ([an_artifact(error="boom")], (), "first", "error"),
        ([an_artifact(blocked="no input")], (), "down", "blocked"),
        ([an_artifact(GOOD, replace(GOOD, status=Status.IMPROVED))], (), "improved", "better"),
        ([an_artifact(replace(GOOD, status=Status.SKIPPED))], (), "skipped", "skipped"),
        ([an_artifact(GOOD, replace(GOOD, status=Status.SKIPPED))], (), "pass", "pass"),
        ([an_artifact(replace(GOOD, status=Status.STALE))], (), "first", "fail"),
    ],
)
def test_a_stage_has_one_state(artifacts, findings, kind, word):
    named = tuple(StageFinding(*f, "why") for f in findings)
    first = "other" if findings else None
    scenario = a_report(*artifacts, diagnosis=Diagnosis("", first, named)).scenarios[0]
    state = summary.stage_state(scenario, "stage")
    assert (state.kind, state.word) == (kind, word)
    assert summary.stage_state(scenario, "absent").kind == "none"


def test_headlines():
    passing = a_report(an_artifact(GOOD))
    assert summary.headline(passing) == "The scenario passed"
    assert summary.headline(replace(passing, problems=("x",))) == "The store of goldens has 1 problem"
    assert summary.headline(a_report()) == "Nothing was compared"
    assert summary.headline(a_report(an_artifact(BAD))) == "1 of 1 scenario failed"
    assert summary.headline(example(failing=False).report) == "All 8 scenarios passed"


def test_candidates_are_no_failure():
    """A page for review: nothing failed, there is something to decide."""
    new = an_artifact(replace(BAD, status=Status.MISSING), stage="other")
    report = a_report(an_artifact(BAD), new, an_artifact(GOOD, stage="third"), diagnosis=FOR_REVIEW)
    assert summary.headline(report) == "3 candidates to review: 1 other than its golden, 1 new, 1 within tolerance"
    assert summary.headline(a_report(new, diagnosis=FOR_REVIEW)) == "1 candidate to review: 1 new"
    assert summary.scenario_state(report.scenarios[0]).word == "to review"
    page = render_html(report, (), nothing)
    assert "1 new" in page
    for word in ("Look first at", "failed</", "scenario failed"):
        assert word not in page, word
    assert "Look first at" in render_html(a_report(an_artifact(BAD)), (), nothing)
