"""What a row of a table cannot say of a value: an array as numbers, a text line by line."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.verdicts import Status, Verdict
from harness.judge.arrays import compare_array
from harness.judge.tolerances import read_rule
from harness.report.differences.lines import text_difference
from harness.report.differences.values import difference_lines


def array(golden, obtained, **terms) -> Verdict:
    rule = read_rule("**", terms or {"rtol": 1e-6}, "tolerances.toml", "tolerances.toml")
    return compare_array("field", np.asarray(golden), np.asarray(obtained), rule, "deterministic")


def test_an_array_shows_what_it_is_how_much_is_out_and_its_worst_elements():
    golden = np.linspace(1, 2, 50)
    lines = difference_lines(array(golden, golden * 1.0101))
    assert "1.0101" in lines[0]
    assert "100 % of the elements out of tolerance" in lines
    first = next(line for line in lines if line.startswith("["))
    assert "→" in first
    assert first.endswith("× of its tolerance")


def test_elements_are_shown_with_the_digits_that_tell_them_apart():
    golden = np.ones(5)
    obtained = golden.copy()
    obtained[3] = 1 + 3e-6
    (line,) = [line for line in difference_lines(array(golden, obtained)) if line.startswith("[3]")]
    assert line == "[3]  1 → 1.000003 (+3e−6), 3× of its tolerance"
    assert "20.0 % of the elements out of tolerance" in difference_lines(array(golden, obtained))


def test_an_array_of_another_shape_has_no_elements_to_show():
    lines = difference_lines(array(np.ones(4), np.ones((2, 3))))
    assert not [line for line in lines if "→" in line or "%" in line]


def test_a_number_needs_no_more_than_its_row():
    assert difference_lines(Verdict("a", Status.FAIL, "exact", "", "", 1.0, 2.0, "", 3.0)) == []


@pytest.mark.parametrize(
    ("old", "new"), [("a", "b"), (1, "a\nb"), (None, "a\nb"), ("a\nb\n", "a\nb\n"), ("float64 [3]", "float64 [4]")]
)
def test_short_texts_and_what_is_no_text_have_no_lines(old, new):
    assert text_difference(old, new) == []


def test_a_text_of_many_lines_is_a_unified_difference():
    old = "".join(f"line {n}\n" for n in range(20))
    found = text_difference(old, old.replace("line 9\n", "line nine\n"))
    assert found[:2] == ["--- golden", "+++ obtained"]
    assert "-line 9" in found
    assert "+line nine" in found
    assert " line 3" not in found


def test_blanks_and_line_ends_that_alone_differ_are_seen():
    assert "+a\u00b7\u00b7b" in text_difference("a b\nc\n", "a  b\nc\n")
    assert "+\u21e5a" in text_difference("a\nc\n", "\ta\nc\n")
    assert "+a\u00b7" in text_difference("a\nc\n", "a \nc\n")
    assert "+\\\u00b7no\u00b7line\u00b7end" in [
        line.replace(" ", "\u00b7") for line in text_difference("a\nb\n", "a\nb")
    ]
    assert text_difference("a\nb\n", "a\r\nb\r\n") == ["the lines are equal: how they end is not"]


def test_a_long_difference_is_bounded_and_says_so():
    found = text_difference("a\n" * 500, "b\n" * 500)
    assert len(found) == 41
    assert found[-1] == "\u2026 and 963 more lines"
