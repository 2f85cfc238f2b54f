"""The comment on a pull request, and the pieces of Markdown that every table is made of."""

from __future__ import annotations

import re

import pytest
from small_reports import EVIL

from harness.report import markdown, markup


def cells(line):
    line = re.sub(r"(`+)(.*?)\1", lambda m: m[0].replace("\\|", "!"), line)
    return re.split(r"(?<!\\)\|", line)


def test_a_comment_has_headline_diagnosis_tables_and_the_first_failing_values(failing):
    comment = markdown.render_markdown(failing.report)
    assert comment.startswith("## ❌ night-sky: 3 of 8 scenarios failed")
    assert "normalized is wrong even on its stored, correct input" in comment
    assert "| `star_sharp` | `normalized/gain` | fail | `0.01131` | `0.019227` | ± 1.13e-08 | 700,000× |" in comment
    assert r"and 36 more of trained/loss/\*: see report.html" in comment
    assert "- `normalized` **wrong**: replayed alone" in comment
    assert "- sound: `simulation`, `split`, `groups`\n" in comment
    assert len(re.findall(r"\| `\w+` \| `.*\| (?:fail|missing|unexpected) \|", comment)) == 13
    assert len(comment) < 60_000
    for block in comment.split("\n\n"):
        widths = {len(cells(line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block


def test_a_healthy_comment_is_short(healthy):
    comment = markdown.render_markdown(healthy.report)
    assert comment.startswith("## ✅ night-sky: All 8 scenarios passed")
    assert "closest call" in comment
    assert "failing" not in comment
    assert "skipped" in comment


@pytest.mark.parametrize("words", [EVIL, "`", "``a`", "a|b", "", " ", "\\|"])
def test_code_spans_hold_anything(words):
    span = markup.code(words)
    fence = re.match("`+", span)[0]
    assert span.endswith(fence)
    assert fence not in span[len(fence) : -len(fence)].replace("`" * (len(fence) + 1), "")
    assert len(cells(f"| {span} |")) == 3
    assert "\n" not in span


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\|b"),
        ("|", r"\|"),
        ("||", r"\|\|"),
        ("a\r\nb\n", "a b "),
        (markup.code("a|b"), r"`a\|b`"),
    ],
)
def test_a_cell_ends_where_its_table_says(cell, escaped):
    table = markup.markdown_table(("name|", "value"), [(cell, "1"), ("x", "2")], numeric=(1,))
    assert table == f"| name\\| | value |\n| --- | ---: |\n| {escaped} | 1 |\n| x | 2 |"
    assert [len(cells(line)) for line in table.splitlines()] == [4] * 4
