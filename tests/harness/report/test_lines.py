"""A text of several lines that fails is shown as the unified difference of its lines, wherever a failure is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.tables.verification import show_mismatches
from harness.core.protocol import Artifact
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule
from harness.plugin.results import mismatch_message
from harness.report.differences.lines import SHOWN_LINES, line_difference
from harness.report.html import render_html
from harness.report.junit import render_junit

GOLDEN = "".join(f"line {i}\n" for i in range(1, 31))
OBTAINED = GOLDEN.replace("line 7\n", "line seven\n").replace("line 20\n", "")


def verdict(expected, obtained):
    place = Path("tolerances.toml")
    rules = Rules((read_rule("**", {"exact": True}, place, "t"),), (place,), place.parent)
    artifacts = (Artifact({"log": text}) for text in (expected, obtained))
    return compare_artifact(*artifacts, rules, "", {}, "exact")[0]


def report_of(expected, obtained):
    return ArtifactReport("make", "made", "cpu", (verdict(expected, obtained),))


def test_the_lines_that_differ_are_shown_with_those_around_them():
    assert line_difference(verdict(GOLDEN, OBTAINED)) == (
        "--- golden", "+++ obtained",
        "@@ -5,5 +5,5 @@", " line 5", " line 6", "-line 7", "+line seven", " line 8", " line 9",
        "@@ -18,5 +18,4 @@", " line 18", " line 19", "-line 20", " line 21", " line 22",
    )  # fmt: skip


def test_the_sentence_counts_them_and_shows_the_first():
    assert verdict(GOLDEN, GOLDEN.replace("line 7\n", "x\n")).message == (
        "1 of 30 lines differ, first line 7: 'line 7', now 'x': nothing but equality will do"
    )
    assert verdict(GOLDEN, OBTAINED).message.startswith("30 lines are now 29, first line 7: 'line 7', now 'line seven'")
    assert verdict(GOLDEN, GOLDEN.rstrip()).message.startswith("its lines end in another way: ")
    assert line_difference(verdict(GOLDEN, GOLDEN.rstrip()))[-1] == "+\\ no line end"
    assert line_difference(verdict(GOLDEN, GOLDEN.replace("\n", "\r\n"))) == (
        "the lines are equal: how they end is not",
    )


def test_other_values_have_no_lines():
    for one, other in (("a", "b"), (1, 2), (GOLDEN, 5), (GOLDEN, GOLDEN)):
        assert line_difference(verdict(one, other)) == ()
    assert verdict("a", "b").message == "expected 'a', obtained 'b': nothing but equality will do"


@pytest.mark.parametrize("lines", [1_000, 100_000])
def test_a_long_difference_is_cut_and_counted(lines):
    one, other = ("\n".join(f"{word} {i}" for i in range(lines)) for word in ("a", "b"))
    shown = line_difference(verdict(one, other))
    assert len(shown) == SHOWN_LINES + 1
    assert shown[-1].startswith("\u2026 and ")
    assert {"-a 0", "+b 0"} & set(shown)


def test_every_door_shows_them(capsys):
    artifact = report_of(GOLDEN, OBTAINED)
    scenario = ScenarioReport("one", "cpu", "one", (artifact,))
    report = Report("p", "cpu", {}, "2020-01-01T00:00:00+00:00", 1.0, (scenario,))
    show_mismatches(artifact)
    page = render_html(report, (), lambda *_: (None, None))
    for shown in (mismatch_message("one/cpu/made", artifact), capsys.readouterr().out, render_junit(report), page):
        words = shown if isinstance(shown, str) else shown.decode()
        assert "+line seven" in words
        assert "-line 20" in words


def test_what_a_terminal_would_obey_is_not_in_them():
    shown = mismatch_message("one/cpu/made", report_of("a\nb", "a\n\x1b[31mred\u202e"))
    assert "+red" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
