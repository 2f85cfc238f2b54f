"""Rows that are lost, new or exchanged, of arrays and of tables: said once, with their places, and never wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.core.errors import HarnessError
from harness.judge.comparison import compare_artifact
from harness.judge.explanations import explain_difference
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule
from harness.report.differences.folding import folded
from harness.verify.checks.document import checked_document, named_value

RNG = np.random.default_rng(11)
SERIES, TABLE, STACK = RNG.normal(10, 0.3, 30), RNG.normal(10, 0.3, (6, 8)), RNG.normal(10, 0.3, (5, 6, 7))
GAP = np.where(np.arange(30) == 3, np.nan, SERIES)
TEXT = np.array(list("abcdefgh"))
FRAME = pd.DataFrame({"star": TEXT[:6], "mag": TABLE[:, 0], "err": TABLE[:, 1] / 99, "n": np.arange(6) ** 2})
RULE = read_rule("**", {"rtol": 1e-9}, Path("t.toml"), "t.toml")

ARRAYS = {
    "one of a series": (SERIES, np.delete(SERIES, 7), "element 7 of 30 is lost; the other 29 are equal"),
    "one twice": (SERIES, np.insert(SERIES, 5, SERIES[9]), "element 5 is new; the other 30 are equal"),
    "several": (SERIES, np.delete(SERIES, [3, 4, 9]), "elements 3, 4, 9 of 30 are lost; the other 27 are equal"),
    "a row": (TABLE, np.delete(TABLE, 2, 0), "row 2 of 6 is lost; the other 5 are equal"),
    "a column": (TABLE, np.delete(TABLE, 3, 1), "column 3 of 8 is lost; the other 7 are equal"),
    "a new column": (TABLE, np.insert(TABLE, 3, 1.5, 1), "column 3 is new; the other 8 are equal"),
    "a slice": (STACK, np.delete(STACK, 3, 1), "slice 3 of 6 along axis 1 is lost; the other 5 are equal"),
    "a frame": (STACK, np.insert(STACK, 2, 0, 2), "slice 2 along axis 2 is new; the other 7 are equal"),
    "with a gap": (GAP, np.delete(GAP, 7), "element 7 of 30 is lost; the other 29 are equal"),
    "of text": (TEXT, np.delete(TEXT, 2), "element 2 of 8 is lost; the other 7 are equal"),
    "of integers": (np.arange(30), np.delete(np.arange(30), 7), "element 7 of 30 is lost; the other 29 are equal"),
    "and one came": (SERIES, np.append(np.delete(SERIES, 7), 3.0),
                     "element 7 of 30 is lost and element 29 is new; the other 29 are equal"),
    "and rounding": (TABLE, np.delete(TABLE, 2, 0) * (1 + 1e-15),
                     "row 2 of 6 is lost; the other 5 are equal but for rounding"),
    "two columns": (TABLE, TABLE[:, [1, 0, *range(2, 8)]],
                    "2 of 8 columns are in another order: 0 and 1 are in each other's place"),
    "two channels": (STACK, STACK[:, [0, 1, 3, 2, 4, 5]],
                     "2 of 6 slices of axis 1 are in another order: 2 and 3 are in each other's place"),
    "lost, the others twice as large": (SERIES, 2 * np.delete(SERIES, 7), None),
    "other rows": (TABLE, RNG.normal(10, 0.3, (5, 8)), None),
    "most of them": (SERIES, SERIES[[2, 9, 7, 1]], None),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_slices_that_are_lost_or_new_are_told_wherever_they_were(name):
    golden, obtained, said = ARRAYS[name]
    explanation = explain_difference(golden, obtained)
    assert (explanation and explanation.text) == said


def told(golden, obtained):
    sides = [checked_document({"t": named_value("t", value, "a test")}, {}) for value in (golden, obtained)]
    rules = Rules((RULE,), (Path("t.toml"),), Path())
    verdicts = compare_artifact(*sides, rules, "main/cpu/t/", {}, "deterministic")
    return [(v.path, v.explanation.text if v.explanation else "") for v in folded(verdicts)]


LOST = "row 2 of 6 is lost; the other 5 are equal"
TABLES = {
    "a row lost, counted anew": (FRAME.drop(2).reset_index(drop=True), LOST),
    "a row lost": (FRAME.drop(2), LOST),
    "the last row lost": (FRAME[:-1], "row 5 of 6 is lost; the other 5 are equal"),
    "a row twice": (pd.concat([FRAME[:2], FRAME[5:], FRAME[2:]], ignore_index=True),
                    "row 2 is new; the other 6 are equal"),
    "sorted": (FRAME.sort_values("mag"), "rows are in another order"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_whose_rows_are_others_tells_of_rows_and_not_of_its_index(name):
    obtained, words = TABLES[name]
    ((path, said),) = told(FRAME, obtained)
    assert path.startswith("t/")
    assert words in said


@pytest.mark.parametrize(("golden", "obtained", "expected"), [
    (FRAME, FRAME.assign(mag=FRAME.err, err=FRAME.mag), ("t/columns/mag and t/columns/err", "mag and err")),
    ({"a": 1.5, "b": 2.5, "c": 3.5}, {"a": 2.5, "b": 1.5, "c": 3.5}, ("t/a and t/b", "a and b")),
    ([{"a": 1.5, "b": i / 2} for i in range(6)], [{"a": i / 2, "b": 1.5} for i in range(6)],
     ("t/*/a and t/*/b", "a and b")),
])  # fmt: skip
def test_two_that_changed_places_are_told(golden, obtained, expected):
    assert told(golden, obtained) == [(expected[0], f"{expected[1]} are in each other's place")]


def test_rows_are_not_blamed_where_something_else_changed_too():
    both = FRAME.drop(2).reset_index(drop=True).assign(err=1.0)
    assert all(path.startswith("t/") and said != LOST for path, said in told(FRAME, both) if "err" in path)
    assert ("t/index/stop", "") in told(FRAME, both)


def test_an_index_that_is_another_is_still_told_where_rows_are_lost():
    other = FRAME.drop(2).set_index(np.array([7, 8, 9, 10, 11]))
    assert any(path.startswith("t/index/") and not said for path, said in told(FRAME, other))


@pytest.mark.parametrize("names", [[("m", "mean"), ("m", "std")], [("m", 1), ("m", 2)]])
def test_of_column_names_in_levels_the_cure_is_one_that_works(names):
    table = pd.DataFrame([[1.0, 2.0]], columns=pd.MultiIndex.from_tuples(names))
    with pytest.raises(HarnessError, match="names in several levels") as refused:
        named_value("t", table, "a test")
    cure = str(refused.value).rpartition("give ")[2]
    assert named_value("t", eval(cure, {"x": table}), "a test").arrays  # what the sentence says
