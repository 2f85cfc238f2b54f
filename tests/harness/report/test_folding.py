"""What one explanation accounts for is one entry, and reads the same behind every door."""

from __future__ import annotations

import html
import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from small_reports import a_report, an_artifact, nothing

from harness.cli.tables.approval import show_differences
from harness.cli.tables.verification import show_scenario
from harness.core.protocol import Artifact
from harness.core.reports import report_from_json, report_to_json
from harness.core.verdicts import Diagnosis, Explanation, Status, Verdict
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule
from harness.plugin.results import mismatch_message
from harness.report.differences.folding import common_pattern, culprit, folded, folded_places
from harness.report.html import render_html
from harness.report.junit import render_junit
from harness.report.markdown import render_markdown

FILE = Path("tolerances.toml")
TIMES = Explanation("factor", "every number is × 2")


def out(path, used=3.0, explanation=TIMES, **more):
    return Verdict(path, Status.FAIL, "exact", "out", used=used, explanation=explanation, **more)


def fine(path):
    return Verdict(path, Status.PASS, "exact")


def said(verdicts):
    return [(v.path, v.explanation.text if v.explanation else "") for v in folded(verdicts)]


@pytest.mark.parametrize(("verdicts", "told"), [
    ([out(f"rows/{i}/x") for i in range(5)], [("rows/*/x", "5 of 5, every number is × 2")]),
    ([out("a"), fine("b")], [("a", "every number is × 2")]),
    ([out("a"), out("b"), fine("c")], [("a and b", "2 of 2, every number is × 2")]),
    ([*map(out, "abcd"), fine("e")], [("*", "4 of 5, every number is × 2")]),
    ([*map(out, "abcde"), *map(fine, "fghijklmnop")], [("a, b, c and 2 more", "5 of 5, every number is × 2")]),
    ([out(f"x/{c}/mean") for c in "abcd"], [("x/*/mean", "4 of 4, every number is × 2")]),
    ([out("x/0"), *(fine(f"x/{i}") for i in range(1, 9)), out("x/9")],
     [("x/*", "2 of 10 fail, and of these every number is × 2")]),
    ([out("a"), out("b", explanation=None), out("c", explanation=None)],
     [("a", "every number is × 2"), ("b", ""), ("c", "")]),
    ([out("a", explanation=Explanation("factor", "every number is × 3")), out("b")],
     [("a", "every number is × 3"), ("b", "every number is × 2")]),
    ([fine("a")], []),
])  # fmt: skip
def test_alike_values_are_one(verdicts, told):
    assert said(verdicts) == told


def test_numbers_are_of_the_one_that_is_furthest_out_and_what_is_left_is_the_most():
    group = [out("x/0", 2.0, expected=1.0), out("x/1", 9.0, Explanation("factor", TIMES.sentence, 0.25), expected=5.0)]
    (one,) = folded([*group, out("x/2", None)])
    assert (one.used, one.expected, one.explanation.residual) == (9.0, 5.0, 0.25)
    assert one.message == "furthest out is x/1: out"


@pytest.mark.parametrize(("paths", "pattern"), [
    (["a/0/b", "a/7/b"], "a/*/b"), (["a", "b"], "*"), (["a/b", "a/c/d"], ""), (["a/b", "c/d"], ""), (["a"], "a")
])  # fmt: skip
def test_a_pattern_is_literal_where_all_agree(paths, pattern):
    assert common_pattern(paths) == pattern


@pytest.fixture(scope="module")
def report():
    """A table of grains whose areas are 1.0203 times what they were, and an image beside it that is not explained."""
    rng = np.random.default_rng(3)
    grains = [{"label": f"g{i}", "area_um2": a} for i, a in enumerate(rng.uniform(1, 9, 47))]
    scaled = [{**grain, "area_um2": grain["area_um2"] * 1.0203} for grain in grains]
    images = ({"image": rng.normal(size=(8, 8))} for _ in "ab")
    documents = (Artifact({"rows": v}, next(images)) for v in (grains, scaled))
    rules = Rules((read_rule("**", {"rtol": 1e-6}, FILE, str(FILE)),), (FILE,), Path())
    found = compare_artifact(*documents, rules, "grains/", {}, "deterministic")
    diagnosis = Diagnosis("Look at grains first", "grains")
    return a_report(an_artifact(*found, stage="grains"), diagnosis=diagnosis)


WHERE, WHAT = "rows/*/area_um2", "47 of 47, every number is × 1.0203"


def test_every_door_says_the_same_of_a_column_and_says_it_once(report, capsys):
    (scenario,) = report.scenarios
    show_scenario(scenario)
    terminal = " ".join(capsys.readouterr().out.split())
    junit = " ".join(Xml.fromstring(render_junit(report)).itertext())
    page = html.unescape(render_html(report, (), nothing))
    comment = render_markdown(report).replace("\\", "")
    pytest_message = mismatch_message("s/cpu/grains", scenario.artifacts[0])
    for words in (terminal, junit, pytest_message):
        assert words.count(f"{WHERE}: {WHAT}") == 1
    assert f"| `grains/{WHERE}`: {WHAT} |" in comment
    assert "48 failing values" in comment
    assert WHERE in page
    assert WHAT in page
    assert "rows/3/area_um2:" not in terminal
    assert "48 of 95 values are not as accepted" in pytest_message


def test_the_json_has_the_explanation_of_every_value(report):
    written = json.loads(json.dumps(report_to_json(report)))
    verdicts = written["scenarios"][0]["artifacts"][0]["verdicts"]
    explained = [v["explanation"] for v in verdicts if "explanation" in v]
    assert len(explained) == 47
    assert {(e["kind"], e["sentence"]) for e in explained} == {("factor", "every number is × 1.0203")}
    assert report_from_json(written) == report


def test_the_value_to_look_at_first_is_folded_and_what_is_not_explained_stands_alone(report):
    (scenario,) = report.scenarios
    assert culprit(scenario).name in (f"grains/{WHERE}", "grains/image")
    assert sorted(place.name for place in folded_places(scenario)) == ["grains/image", f"grains/{WHERE}"]


def test_the_command_diff_folds_as_every_other_door_does(capsys):
    rows = [out(f"rows/{i}/x", used=i + 1.0, expected=1.0, obtained=2.0) for i in range(30)]
    show_differences(a_report(an_artifact(*rows, out("alone", explanation=None, expected=1.0, obtained=3.0))))
    said = capsys.readouterr().out
    assert "rows/*/x: 30 of 30, every number is × 2" in said
    assert "furthest out is rows/29/x: out" in said
    assert "rows/3/x" not in said
    assert "alone" in said
    assert "more differ" not in said
