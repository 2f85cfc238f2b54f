"""Tables, lists, single numbers and text that differ are explained together, as the arrays that they are."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from harness.core.protocol import Artifact
from harness.core.trees import artifact_json
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule
from harness.report.differences.folding import folded
from harness.report.summary import verdict_line

FILE = Path("tolerances.toml")
RNG = np.random.default_rng(41)
GRAINS = [
    {"label": f"g{i}", "area_um2": float(a), "perimeter": float(p), "holes": int(n)}
    for i, (a, p, n) in enumerate(
        zip(RNG.uniform(1, 9, 47), RNG.uniform(3, 9, 47), RNG.integers(0, 9, 47), strict=True)
    )
]
ORDER = [int(i) for i in RNG.permutation(47)]
SCORES = {"mae": 0.123, "rmse": 0.456, "worst": 1.2345, "r2": 0.9, "n": 12}
IMAGE = RNG.normal(size=(24, 24))
CURVE = np.cumsum(RNG.normal(size=80)).tolist()
POEM = "\n".join(f"line {i} of the text" for i in range(30))


def told(golden, obtained, arrays=None, others=None, rtol=1e-6):
    """Where each failing value is and its explanation, folded as people read them."""
    rules = Rules((read_rule("**", {"rtol": rtol}, FILE, str(FILE)),), (FILE,), Path())
    documents = (Artifact(artifact_json(v, "it holds"), a or {}) for v, a in ((golden, arrays), (obtained, others)))
    verdicts = folded(compare_artifact(*documents, rules, "a/", {}, "deterministic"))
    return {v.path: v.explanation.text if v.explanation else None for v in verdicts}


def rows(change, table=GRAINS):
    table = copy.deepcopy(table)
    for i, row in enumerate(table):
        change(i, row)
    return {"rows": table}


def scaled(*names, by=1.0203, every=1):
    return rows(lambda i, row: row.update({name: row[name] * by for name in names if i % every == 0}))


def lines(*numbers, new="another"):
    return "\n".join(new if i in numbers else line for i, line in enumerate(POEM.split("\n")))


TABLE = {"rows": GRAINS}
SHUFFLED = {"rows": [GRAINS[i] for i in ORDER]}
CASES = {
    "a column": (TABLE, scaled("area_um2"), {"rows/*/area_um2": "47 of 47, every number is × 1.0203"}),
    "two columns": (
        TABLE,
        scaled("area_um2", "perimeter"),
        {"rows/*/area_um2 and rows/*/perimeter": "94 of 94, every number is × 1.0203"},
    ),
    "every tenth row": (
        TABLE,
        scaled("area_um2", by=2, every=10),
        {"rows/*/area_um2": "5 of 47 fail, and of these every number is × 2"},
    ),
    "rows in another order": (TABLE, SHUFFLED, {"rows/*/*": "47 of 47 items are in another order"}),
    "rows lost": (
        TABLE,
        {"rows": [row for i, row in enumerate(GRAINS) if i not in (3, 8)]},
        {"rows/**": "items 3, 8 of 47 are lost; the other 45 are equal"},
    ),
    "a row is new": (
        TABLE,
        {"rows": [*GRAINS[:5], {**GRAINS[5], "label": "new"}, *GRAINS[5:]]},
        {"rows/**": "item 5 is new; the other 47 are equal"},
    ),
    "a row less and one more": (
        TABLE,
        {"rows": [*GRAINS[1:], {**GRAINS[5], "label": "new"}]},
        {"rows/*/*": "item 0 of 47 is lost and item 46 is new; the other 46 are equal"},
    ),
    "the last rows": (
        TABLE,
        {"rows": GRAINS[:-2]},
        {"rows": "items 45, 46 of 47 are lost; the other 45 are equal"},
    ),
    "one value": (
        TABLE,
        rows(lambda i, row: row.update(area_um2=3e3) if i == 5 else None),
        {"rows/5/area_um2": "only 1 of 47 elements differs: [5]"},
    ),
    "a mapping of lists": (
        {"columns": {"a": CURVE, "b": IMAGE[0].tolist()}},
        {"columns": {"a": CURVE, "b": (-IMAGE[0]).tolist()}},
        {"columns/b/*": "24 of 24, the sign of every number is the other one"},
    ),
    "a matrix": (
        {"m": IMAGE[:8, :8].tolist()},
        {"m": IMAGE[:8, :8].T.tolist()},
        {"m/*/*": "56 of 64, it is transposed (axes 1, 0)"},
    ),
    "a curve": (
        {"loss": CURVE},
        {"loss": [*CURVE[-3:], *CURVE[:-3]]},
        {"loss/*": "80 of 80, it is rolled by 3 along axis 0"},
    ),
    "a curve's end": ({"loss": CURVE}, {"loss": CURVE[:-1]}, {"loss": "item 79 of 80 is lost; the other 79 are equal"}),
    "floats for integers": (
        {"n": list(range(5, 25))},
        {"n": [float(i) for i in range(5, 25)]},
        {"n/*": "20 of 20, the type is float64, was int64, and nothing else changed"},
    ),
    "single precision": (
        {"x": [np.float32(v) for v in CURVE]},
        {"x": [np.float32(v) * np.float32(3) for v in CURVE]},
        {"x/*": "80 of 80, every number is × 3"},
    ),
    "not finite in both": (
        {"x": [1.0, np.nan, 3, 4, 5.5]},
        {"x": [2.0, np.nan, 6, 8, 11]},
        {"x/*": "5 of 5, every number is × 2"},
    ),
    "single numbers": (
        SCORES,
        {**SCORES, "mae": 0.123 * 1.02, "rmse": 0.456 * 1.02, "worst": 1.2345 * 1.02},
        {"mae, rmse and worst": "3 of 3, every number is × 1.02"},
    ),
    "single numbers with an offset": (
        SCORES,
        {**SCORES, "mae": 0.623, "rmse": 0.956},
        {"mae and rmse": "2 of 2, every number is +0.5 off"},
    ),
    "numbers that do not agree": (
        SCORES,
        {**SCORES, "mae": 0.2, "rmse": 0.9, "n": 13},
        dict.fromkeys(("mae", "rmse", "n")),
    ),
    "one number": (SCORES, {**SCORES, "mae": 0.2}, {"mae": None}),
    "another table": (TABLE, rows(lambda i, row: row.update(area_um2=1 + row["perimeter"] ** 2)), None),
    "ends of lines": ({"t": POEM}, {"t": POEM.replace("\n", "\r\n")}, {"t": "nothing but the ends of lines differs"}),
    "blanks": ({"t": POEM}, {"t": POEM.replace(" ", "  ")}, {"t": "nothing but blanks and line breaks differs"}),
    "capitals": ({"t": POEM}, {"t": POEM.upper()}, {"t": "nothing but capital letters differs"}),
    "a line": (
        {"t": POEM},
        {"t": lines(7)},
        {"t": "1 line differs, of 30: first, line 8 was 'line 7 of the text', is 'another'"},
    ),
    "lines lost": (
        {"t": POEM},
        {"t": POEM.replace("line 7 of the text\n", "").replace("line 9 of the text\n", "")},
        {"t": "2 lines are lost, of 30: first, line 8 was 'line 7 of the text'"},
    ),
    "a line more": ({"t": POEM}, {"t": f"new\n{POEM}"}, {"t": "1 line is new, of 30: first, line 1 is 'new'"}),
    "lines in another order": (
        {"t": POEM},
        {"t": "\n".join(reversed(POEM.split("\n")))},
        {"t": "30 of 30 lines are in another order, and no other differs"},
    ),
    "a number in a text": (
        {"t": "it took 1.25 s"},
        {"t": "it took 1.5 s"},
        {"t": "nothing but 1 number in it differs: 1.25 is 1.5"},
    ),
    "another text": ({"t": POEM}, {"t": "\n".join(f"{i}" for i in range(30))}, {"t": None}),
    "another word": ({"t": "iron"}, {"t": "gold"}, {"t": None}),
    "names in another order": (
        {"names": ["iron", "gold", "tin"]},
        {"names": ["gold", "iron", "tin"]},
        {"names/*": "2 of 3 items are in another order"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_explained_together(name):
    golden, obtained, expected = CASES[name]
    found = told(golden, obtained)
    if expected is None:
        assert found
        assert set(found.values()) == {None}
    else:
        assert found == expected


def test_a_number_joins_the_array_that_changed_as_it_did():
    values = ({"mean": float((IMAGE * by).mean()), "n": 3} for by in (1, 1.0101))
    arrays = ({"image": IMAGE * by, "weights": IMAGE**2 * by} for by in (1, 1.0101))
    assert told(*values, *arrays) == {"mean, image and weights": "3 of 3, every number is × 1.0101"}


def test_whatever_passes_has_no_explanation_and_what_passes_of_a_column_counts():
    assert told(TABLE, TABLE) == {}
    half = rows(lambda i, row: row.update(area_um2=row["area_um2"] + 1e-5))
    assert told(TABLE, half, rtol=2e-6) == {"rows/*/area_um2": "18 of 47 fail, and of these every number is +1e-05 off"}


@pytest.mark.parametrize("seed", range(20))
def test_unrelated_tables_are_never_explained(seed):
    rng = np.random.default_rng(seed)
    sides = [[{"a": float(a), "b": float(b)} for a, b in rng.normal(5, 2, (15, 2))] for _ in "xy"]
    assert set(told({"rows": sides[0]}, {"rows": sides[1]}).values()) == {None}


def test_a_few_of_many_numbers_that_agree_by_chance_are_not_said_to():
    rng = np.random.default_rng(5)
    by = rng.choice([*rng.uniform(0.5, 2, 150), 1.25], 300)  # some of the ratios come twice or more often
    sides = ({"x": (IMAGE.ravel()[:300] * ratio).tolist()} for ratio in (1, by))
    assert set(told(*sides).values()) == {None}


KEYED = [*GRAINS[:5], *GRAINS[6:]]


@pytest.mark.parametrize(("change", "expected"), [
    (lambda i, row: row.update(area_um2=row["area_um2"] * 2),
     {"rows": None, "rows/*/area_um2": "46 of 46, every number is × 2"}),
    (lambda i, row: row.update(area_um2=3e3) if row["label"] == "g8" else None,
     {"rows": None, "rows/8/area_um2": None}),
    (lambda i, row: row.update(area_um2=3e3) if row["label"] == "g2" else None,
     {"rows": None, "rows/2/area_um2": None}),
])  # fmt: skip
def test_rows_that_are_matched_by_a_key_are_explained_where_they_stand_in_the_golden(change, expected):
    """Row 5 is lost, and the others are in another order: what is said of an element's index would be of another."""
    rules = [read_rule("**", {"rtol": 1e-6}, FILE, str(FILE))]
    rules.append(read_rule("a/rows", {"rtol": 1e-6, "key": "label"}, FILE, str(FILE)))
    rules = Rules(tuple(sorted(rules, key=lambda rule: rule.specificity, reverse=True)), (FILE,), Path())
    obtained = Artifact({"rows": rows(change, KEYED)["rows"][::-1]})
    verdicts = folded(compare_artifact(Artifact(TABLE), obtained, rules, "a/", {}, "deterministic"))
    assert {v.path: v.explanation.text if v.explanation else None for v in verdicts} == expected


def test_the_line_of_a_column_says_how_many_what_and_the_worst():
    rules = Rules((read_rule("**", {"rtol": 1e-6}, FILE, str(FILE)),), (FILE,), Path())
    found = compare_artifact(Artifact(TABLE), Artifact(scaled("area_um2")), rules, "grains/", {}, "deterministic")
    (line,) = map(verdict_line, folded(found))
    assert line.startswith("rows/*/area_um2: 47 of 47, every number is × 1.0203: furthest out is rows/")
    assert line.endswith('by "**" = { rtol = 1e-06 }')


@pytest.mark.parametrize(
    "numbers", [(5e-324, -2.0), (1e308, -1e308), (5e-324, 1e-323), (-0.0, 1.0), (1e-200, 1e200), (2**1100, 2.0)]
)
def test_numbers_at_the_edge_of_their_type_are_no_trouble(numbers):
    sides = ({"a": n, "b": n, "c": [n] * 5, "d": [n, 2.0, 3.0, 4.0, 5.0]} for n in numbers)
    assert told(*sides)
