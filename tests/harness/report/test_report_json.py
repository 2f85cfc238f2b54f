"""A report as JSON: nothing is lost, and what is damaged is refused."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from report_example import example
from small_reports import BAD, GOOD, a_report, an_artifact, same

from harness.core.errors import HarnessError
from harness.core.reports import dump_report, read_report, report_from_json, report_to_json
from harness.core.verdicts import Status, Verdict, Worst

SCHEMA = Path(__file__).parents[3] / "schemas" / "harness" / "report.schema.json"
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["$float", "$map", "$"]), inner),
    max_leaves=5,
)
floats = st.none() | st.floats(allow_nan=False)
verdicts = st.builds(
    Verdict,
    path=st.text(),
    status=st.sampled_from(Status),
    tier=st.sampled_from(["exact", "invariant"]),
    message=st.text(),
    expected=jsons,
    obtained=jsons,
    used=floats,
    share=floats,
    worst=st.lists(st.builds(Worst, st.tuples(st.integers(0)), jsons, jsons, st.floats(allow_nan=False))).map(tuple),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(verdicts, max_size=3))
@pytest.mark.slow
def test_json_loses_nothing(verdicts):
    report = a_report(an_artifact(*verdicts, cached=True, error="\udce4"), invariants=tuple(verdicts), skipped="why")
    again = report_from_json(json.loads(dump_report(report)))
    assert again == report
    assert same(again, report)


def test_json_keeps_what_is_not_finite():
    verdict = replace(
        BAD, expected=math.nan, obtained="NaN", used=math.inf, worst=(Worst((1,), -math.inf, 0, math.nan),)
    )
    report = a_report(an_artifact(verdict))
    content = dump_report(report)
    assert same(report_from_json(json.loads(content, parse_constant=pytest.fail)), report)


def test_what_equals_a_default_and_is_of_another_type_is_kept():
    report = a_report(an_artifact(replace(GOOD, expected=False, obtained=0), seconds=0))
    assert same(report_from_json(json.loads(dump_report(report))), report)


def test_numpy_scalars_become_numbers():
    verdict = replace(BAD, expected=np.float32(0.5), obtained=np.int64(3))
    again = report_from_json(json.loads(dump_report(a_report(an_artifact(verdict)))))
    assert same([(v.expected, v.obtained) for v in again.scenarios[0].verdicts()], [(0.5, 3)])


@pytest.mark.parametrize("which", [True, False])
def test_json_meets_its_schema(which):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    report = example(which, values=4).report
    odd = replace(
        BAD,
        expected={"$a": math.nan},
        obtained=[None, {"b": math.inf}],
        used=math.nan,
        worst=(Worst((1, 2), 1, 2.0, 3.0),),
    )
    report = replace(report, problems=("x",), scenarios=(*report.scenarios, *a_report(an_artifact(odd)).scenarios))
    value = json.loads(dump_report(report))
    assert not [e.message for e in check.iter_errors(value)]
    assert same(report_from_json(value), report)
    value["scenarios"][0]["artifacts"][0]["verdicts"][0]["usd"] = 1
    assert [e.message for e in check.iter_errors(value)]


def test_the_schema_is_closed_and_says_what_everything_means():
    def walk(node, place):
        if isinstance(node, dict):
            if "properties" in node:
                assert node.get("additionalProperties") is False, place
                for name, inner in node["properties"].items():
                    assert inner.get("description"), f"{place}/{name}"
            for name, inner in node.items():
                walk(inner, f"{place}/{name}")
        elif isinstance(node, list):
            for i, inner in enumerate(node):
                walk(inner, f"{place}/{i}")

    walk(json.loads(SCHEMA.read_text()), "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, "version 2"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"project": None}, None),
        ({"scenarios": {}}, "scenarios of report is not a list"),
        ({"scenarios": [{"scenario": "s"}]}, "scenarios/0 of report lacks 'profile'"),
        ({"scenarios": [1]}, "damaged"),
        ({"environment": None}, "this is damaged (environment of report is None)"),
        ({"environment": {"keras": 3}}, "environment of report is {'keras': 3}"),
        ({"seconds": "a"}, "seconds of report is 'a'"),
        ({"started": 5}, "started of report is 5"),
        ({"problems": [5]}, "problems of report is [5]"),
        ({"timings": {"a": "x"}}, "timings of report is {'a': 'x'}"),
    ],
)
def test_a_damaged_report_is_refused(change, message):
    value = {**report_to_json(a_report(an_artifact(GOOD))), **change}
    if message is None:
        del value["project"]
        message = "report lacks 'project'"
    with pytest.raises(HarnessError, match=re.escape(message)):
        report_from_json(value)


@pytest.mark.parametrize(("key", "value"), [("status", "fine"), ("tier", "loose"), ("worst", 3)])
def test_a_verdict_of_another_kind_is_refused(key, value):
    whole = report_to_json(a_report(an_artifact(GOOD)))
    whole["scenarios"][0]["artifacts"][0]["verdicts"][0][key] = value
    with pytest.raises(HarnessError, match=r"harness verify"):
        report_from_json(whole)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read"), ("{", "not strict JSON"), ('{"version": NaN}', "NaN")]
)
def test_a_report_that_cannot_be_read_says_where(tmp_path, content, message):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(HarnessError, match=message) as caught:
        read_report(path)
    assert str(path) in str(caught.value)
