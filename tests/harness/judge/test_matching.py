"""Which item is held against which: ``key``, ``unordered`` and ``length``, and that none of them hides a difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_comparison import FAIL, MISSING, PASS, UNEXPECTED, judged

from harness.core.errors import RuleError
from harness.core.verdicts import Status
from harness.judge.ensemble import Interval
from harness.judge.matching.pairs import Columns, paired_rows
from harness.judge.policies.registry import policy_named
from harness.judge.tolerances import read_rule

KEYED = {"rtol": 1e-6, "key": "label"}
UNORDERED = {"rtol": 1e-6, "unordered": True}
CITIES = [
    {"label": "Paris", "area": 105.4},
    {"label": "Rome", "area": 1285.0},
    {"label": "Oslo", "area": 454.0},
]


def failing(found):
    return {path: v for path, v in found.items() if v.status.failed}


def rows(golden, obtained, **terms):
    return judged({"rows": golden}, {"rows": obtained}, by={"rows/**": terms or KEYED})


def table(golden, obtained, **terms):
    sides = [{f"t/{name}": np.array(column) for name, column in side.items()} for side in (golden, obtained)]
    return judged({"t": {}}, {"t": {}}, by={"t/**": terms or KEYED}, arrays=tuple(sides))


# key: lists of mappings


def test_rows_are_matched_by_their_key_wherever_they_stand():
    found = rows(CITIES, CITIES[::-1])
    assert not failing(found)
    assert found["rows/1/area"].expected == found["rows/1/area"].obtained == 1285.0
    assert found["rows"].status is PASS
    assert len(found) == 7


def test_rows_that_are_lost_or_added_are_told_by_their_key():
    found = failing(rows(CITIES, [{"label": "Bern", "area": 51.6}, *CITIES[1:]]))
    assert set(found) == {"rows"}
    assert found["rows"].message == "row label=Paris is missing; row label=Bern is not in the golden"
    assert found["rows"].status is MISSING
    assert (found["rows"].expected, found["rows"].obtained) == ("3 rows", "3 rows")
    (added,) = failing(rows(CITIES[1:], CITIES)).values()
    assert (added.status, added.message) == (UNEXPECTED, "row label=Paris is not in the golden")
    many = [{"label": str(i)} for i in range(50)]
    (lost,) = failing(rows(many, many[:10])).values()
    assert lost.message.endswith("row label=14 and 35 more rows are missing")


def test_a_row_that_differs_is_named_and_keeps_its_place_in_the_golden():
    changed = [{"label": "Oslo", "area": 460.0}, CITIES[1]]
    found = failing(rows(CITIES, changed))
    assert found["rows/2/area"].message.startswith("row label=Oslo: expected 454.0, obtained 460.0")
    assert found["rows"].message == "row label=Paris is missing"
    (gone,) = failing(rows(CITIES[:1], [{"label": "Paris"}])).values()
    assert gone.message == "row label=Paris: the value vanished"


@pytest.mark.parametrize(
    ("golden", "obtained", "why"),
    [
        (CITIES, [*CITIES, CITIES[0]], "what was obtained has row label=Paris twice (rows 0 and 3)"),
        ([*CITIES, CITIES[1]], CITIES, "the golden has row label=Rome twice (rows 1 and 3)"),
        (CITIES, [*CITIES[:2], {"area": 1.0}], "row 2 of what was obtained has no 'label'"),
        ([1.0, 2.0], [1.0, 2.0], "row 0 of the golden is float: key is for mappings that all have it"),
        (
            [{"label": 1.5}],
            [{"label": 1.5}],
            "label of row 0 is float: rows are matched by texts, integers or booleans",
        ),
        ([{"label": [1]}], [{"label": [1]}], "is list"),
    ],
)
def test_a_key_that_tells_no_rows_apart_is_refused_in_a_sentence(golden, obtained, why):
    found = rows(golden, obtained)
    assert set(found) == {"rows"}
    assert found["rows"].status is FAIL
    assert why in found["rows"].message


def test_the_types_of_keys_do_not_mix():
    assert rows([{"label": 1}], [{"label": True}])["rows"].status is MISSING
    assert rows([{"label": 1}], [{"label": "1"}])["rows"].status is MISSING
    assert not failing(rows([{"label": 1}, {"label": 2}], [{"label": 2}, {"label": 1}]))


def test_a_key_speaks_of_the_outermost_list_and_lists_inside_a_row_keep_their_order():
    golden = [{"label": "a", "peaks": [1.0, 2.0]}]
    assert not failing(rows(golden, golden))
    assert set(failing(rows(golden, [{"label": "a", "peaks": [2.0, 1.0]}]))) == {"rows/0/peaks/0", "rows/0/peaks/1"}
    by = {"rows/**": KEYED, "rows/*/peaks/**": {"exact": True, "unordered": True}}
    other = [{"label": "a", "peaks": [2.0, 1.0]}]
    assert not failing(judged({"rows": golden}, {"rows": other}, by=by))


def test_arrays_within_rows_go_with_their_rows():
    arrays = ({"rows/0/f": np.zeros(2), "rows/1/f": np.ones(2)}, {"rows/0/f": np.ones(2), "rows/1/f": np.zeros(2)})
    sides = [[{"label": name} for name in names] for names in ("ab", "ba")]
    by = {"rows/**": KEYED}
    found = judged({"rows": sides[0]}, {"rows": sides[1]}, by=by, arrays=arrays)
    assert not failing(found)
    assert {"rows/0/f", "rows/1/f"} <= set(found)
    arrays[1]["rows/0/f"] = np.full(2, 5.0)
    wrong = failing(judged({"rows": sides[0]}, {"rows": sides[1]}, by=by, arrays=arrays))
    assert set(wrong) == {"rows/1/f"}
    assert wrong["rows/1/f"].message.startswith("row label=b: ")


@given(st.permutations(range(6)))
def test_any_order_of_keyed_rows_gives_the_same_verdicts(order):
    many = [{"label": f"n{i}", "x": float(i), "in": [i]} for i in range(6)]
    assert rows(many, [many[i] for i in order]) == rows(many, many)


# key: tables of columns

TABLE = {"label": ["a", "b", "c"], "area": [1.0, 2.0, 3.0], "centre": [[0, 1], [2, 3], [4, 5]]}


def picked(order):
    return {name: [column[i] for i in order] for name, column in TABLE.items()}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_the_rows_of_a_table_of_arrays_are_matched_by_a_column(order):
    assert not failing(table(TABLE, picked(order)))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_a_table_of_lists_is_a_table_too(order):
    found = judged({"t": TABLE}, {"t": picked(order)}, by={"t/**": KEYED})
    assert not failing(found)
    assert found["t/area/2"].obtained == 3.0


def test_the_whole_artifact_may_be_a_table():
    sides = [{name: np.array(c) for name, c in side.items()} for side in (TABLE, picked([2, 1, 0]))]
    found = judged({}, {}, by={"made/**": KEYED}, prefix="made/", arrays=tuple(sides))
    assert not failing(found)
    sides[1]["area"][0] = 9.0
    found = failing(judged({}, {}, by={"made/**": KEYED}, prefix="made/", arrays=tuple(sides)))
    assert "the worst in row label=c" in found["area"].message


def test_rows_of_a_table_that_are_lost_are_told_by_key_and_the_others_are_compared():
    found = failing(table(TABLE, picked([2, 0])))
    assert {path: v.message for path, v in found.items()} == {"t": "row label=b is missing"}
    long = TABLE | {"label": ["a", "a long name", "c"]}
    assert set(failing(table(long, picked([2, 0])))) == {"t"}  # whose dtype is of narrower text
    wrong = picked([2, 1, 0]) | {"area": [3.0, 7.0, 1.0]}
    (verdict,) = failing(table(TABLE, wrong)).values()
    assert verdict.path == "t/area"
    assert "row label=b" in verdict.message
    lists = failing(judged({"t": TABLE}, {"t": wrong}, by={"t/**": KEYED}))
    assert lists["t/area/1"].message.startswith("row label=b: ")


def test_a_table_whose_columns_are_not_of_one_length_is_refused():
    (short,) = table(TABLE, TABLE | {"area": [1.0]}).values()
    assert "in what was obtained area has 1 rows and label has 3" in short.message
    (twice,) = table(TABLE, TABLE | {"label": ["a", "b", "a"]}).values()
    assert "twice (rows 0 and 2)" in twice.message
    odd = judged({"t": TABLE | {"unit": "m"}}, {"t": TABLE}, by={"t/**": KEYED})
    assert "unit is no column" in odd["t"].message
    assert failing(table(TABLE, {k: v for k, v in TABLE.items() if k != "area"}))["t/area"].status is MISSING
    assert "has no column 'label'" in table(TABLE, {"area": [1.0]})["t"].message


# unordered


def test_an_unordered_list_is_a_multiset_under_its_tolerance():
    found = rows([1.0, 2.0, 2.0, 5.0], [5.0 + 1e-7, 2.0, 1.0, 2.0], **UNORDERED)
    assert not failing(found)
    assert found["rows/3"].obtained == 5.0 + 1e-7
    (short,) = failing(rows([1.0, 2.0, 2.0], [2.0, 1.0, 1.0], **UNORDERED)).values()
    assert short.message == "1 of 3 items have no counterpart: 2.0; in their place: 1.0"
    assert (short.status, short.path) == (FAIL, "rows")
    assert failing(rows([1.0, 2.0], [2.0], **UNORDERED))["rows"].status is MISSING
    assert failing(rows([2.0], [2.0, 1.0], **UNORDERED))["rows"].status is UNEXPECTED


def test_no_matching_is_overlooked_where_the_nearest_would_take_anothers_counterpart():
    terms = {"atol": 1.0, "unordered": True}
    golden = [{"x": 0.0, "y": 0.0}, {"x": 0.8, "y": 5.0}, {"x": 0.9, "y": 0.0}]
    obtained = [{"x": 1.7, "y": 0.0}, {"x": 0.85, "y": 0.5}, {"x": 0.7, "y": 5.0}]
    assert not failing(rows(golden, obtained, **terms))
    assert not failing(rows(golden, obtained[::-1], **terms))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6), st.randoms())
def test_as_many_pairs_are_found_as_there_can_be(points, random):
    """Against every permutation, by brute force."""
    from itertools import permutations

    moved = [(x + random.choice([-1, 0, 1, 2]), y + random.choice([-1, 0, 1])) for x, y in points]
    random.shuffle(moved)
    g, o = np.array(points), np.array(moved)
    close = (np.abs(g[:, None] - o[None]) <= 1).all(axis=2)
    best = max(sum(close[i, j] for i, j in enumerate(order)) for order in permutations(range(len(points))))
    block = Columns(g, o, policy_named("rtol/atol"), {"atol": 1.0})
    pairs = paired_rows([block], len(points), len(points))
    assert len(pairs) == best
    assert all(close[i, j] for i, j in pairs)
    assert pairs == paired_rows([block], len(points), len(points))


def test_unordered_rows_keep_the_order_within_them():
    golden = [[1.0, 2.0], [3.0, 4.0]]
    assert not failing(rows(golden, golden[::-1], **UNORDERED))
    assert failing(rows(golden, [[2.0, 1.0], [3.0, 4.0]], **UNORDERED))
    mixed = [{"n": "a", "v": 1.0}, {"n": "b", "v": 1.0}]
    assert not failing(rows(mixed, mixed[::-1], **UNORDERED))
    assert failing(rows(mixed, [{"n": "a", "v": 1.0}, {"n": "a", "v": 1.0}], **UNORDERED))
    assert failing(rows([1, 2.0], [1.0, 2], **UNORDERED))  # types do not mix
    assert not failing(rows([None, "x", True], [True, None, "x"], **UNORDERED))


@pytest.mark.parametrize(
    ("golden", "obtained", "passes"),
    [
        ([3.0, 1.0, 2.0], [1.0, 2.0, 3.0], True),
        ([3.0, 1.0, 2.0], [1.0, 2.0, 2.0], False),
        ([[1, 2], [3, 4]], [[3, 4], [1, 2]], True),
        ([[1, 2], [3, 4]], [[2, 1], [3, 4]], False),
        (["b", "a"], ["a", "b"], True),
        (["b", "a"], ["a", "a"], False),
        ([True, False], [False, True], True),
        ([1 + 1j, 2 - 1j], [2 - 1j, 1 + 1j], True),
        ([1.0, 2.0], [1.0, 2.0, 3.0], False),
    ],
)
def test_an_unordered_array_is_a_multiset_of_its_rows(golden, obtained, passes):
    arrays = ({"rows": np.array(golden)}, {"rows": np.array(obtained)})
    found = judged({}, {}, by={"rows/**": UNORDERED}, arrays=arrays)
    assert failing(found) is not passes


def test_unordered_numbers_that_are_not_finite_need_their_rule():
    terms = UNORDERED | {"nan": "match"}
    arrays = ({"rows": np.array([np.nan, 1.0])}, {"rows": np.array([1.0, np.nan])})
    assert not failing(judged({}, {}, by={"rows/**": terms}, arrays=arrays))
    assert failing(judged({}, {}, by={"rows/**": UNORDERED}, arrays=arrays))
    assert not failing(rows(["NaN", 1.0], [1.0, "NaN"], **terms))
    assert failing(rows(["NaN", 1.0], [1.0, "NaN"], **UNORDERED))


def test_many_unordered_numbers_are_matched_by_sorting():
    noise = np.random.default_rng(0).standard_normal(50_000)
    arrays = ({"rows": noise}, {"rows": np.random.default_rng(1).permutation(noise) * (1 + 1e-9)})
    assert not failing(judged({}, {}, by={"rows/**": UNORDERED}, arrays=arrays))
    arrays[1]["rows"][7] += 1.0
    assert failing(judged({}, {}, by={"rows/**": UNORDERED}, arrays=arrays))


# length


def free(golden, obtained, **terms):
    return rows(golden, obtained, length="free", **terms)


def test_a_list_of_free_length_is_judged_item_by_item():
    assert not failing(free([1.0, 2.0], [1.5, 0.5, 2.5], min=0.0, max=3.0))
    assert set(failing(free([1.0], [1.5, 9.5, 2.5], min=0.0, max=3.0))) == {"rows/1"}
    assert not failing(free([1.0, 2.0, 3.0], [1.0], min=0.0))
    assert failing(rows([1.0], [1.0, 2.0], min=0.0))
    assert not failing(free(["run 1"], ["run 1", "run 22"], matches=r"run \d+"))
    assert set(failing(free(["run 1"], ["run 1", "walk"], matches=r"run \d+"))) == {"rows/1"}


def test_a_list_of_free_length_may_not_vanish_nor_change_its_type():
    (gone,) = failing(free([1.0, 2.0], [], min=0.0)).values()
    assert (gone.status, gone.message) == (MISSING, "had 2 items, has none: nothing of it is left")
    (odd,) = failing(free([1.0], [1.0, "x"], min=0.0)).values()
    assert "item 1 is text, which no item of the golden is" in odd.message


def test_an_ignored_list_of_free_length_is_ignored_as_such():
    found = judged({"n": 1, "rows": [1.0]}, {"n": 1, "rows": [2.0, 3.0]}, by={"n": {"exact": True}, "rows/**": IGNORE})
    assert {found[p].status for p in found if p != "n"} == {Status.IGNORED}
    alone = judged({"rows": [1.0]}, {"rows": [2.0, 3.0]}, by={"rows/**": IGNORE})
    assert failing(alone)


IGNORE = {"ignore": "varies", "length": "free"}


def test_rows_with_a_key_may_come_and_go_where_the_length_is_free():
    terms = KEYED | {"length": "free"}
    found = rows(CITIES, [*CITIES[1:], {"label": "Bern", "area": 51.6}], **terms)
    assert not failing(found)
    assert found["rows"].message == "row label=Paris is missing; row label=Bern is not in the golden"
    assert set(failing(rows(CITIES, [{"label": "Rome", "area": 1.0}], **terms))) == {"rows/1/area"}
    (none,) = failing(rows(CITIES, [{"label": "Bern", "area": 51.6}], **terms)).values()
    assert none.message.startswith("no row of the golden is left")
    assert not failing(table(TABLE, picked([2, 0]), **terms))
    wrong = picked([2, 0]) | {"area": [9.0, 1.0]}
    assert set(failing(table(TABLE, wrong, **terms))) == {"t/area"}


def test_the_length_of_a_list_is_free_under_an_interval():
    near = Interval(0.0, 2.0, 1.0, 0.1, 8, 1e-3, 1)
    length = Interval(1.5, 2.5, 2.0, 0.1, 8, 1e-3, 1, shortest=2)
    intervals = {"rows": length, "rows/0": near, "rows/1": near}
    strict, loose = ({"rows/**": {"interval": True} | more} for more in ({}, {"length": "free"}))
    five = {"rows": [1.0] * 5}
    assert set(failing(judged({"rows": [1.0, 1.0]}, five, by=strict, intervals=intervals))) == {"rows"}
    assert not failing(judged({"rows": [1.0, 1.0]}, five, by=loose, intervals=intervals))
    wrong = {"rows": [9.0, *[1.0] * 4]}
    assert set(failing(judged({"rows": [1.0, 1.0]}, wrong, by=loose, intervals=intervals))) == {"rows/0"}


def test_the_length_of_an_array_is_free_within_bounds():
    def found(golden, obtained, **terms):
        arrays = ({"rows": np.array(golden)}, {"rows": np.array(obtained)})
        return failing(judged({}, {}, by={"rows/**": {"length": "free"} | terms}, arrays=arrays))

    assert not found([1.0, 2.0], [1.0, 2.0, 2.5], min=0.0, max=3.0)
    assert found([1.0, 2.0], [1.0, 2.0, 3.5], min=0.0, max=3.0)
    assert not found([1.0, 2.0], [1.0], min=0.0, max=3.0)
    assert found([1.0, 2.0], np.empty(0), min=0.0, max=3.0)
    assert found([1.0, 2.0], [1, 2, 3], min=0.0, max=3.0)
    assert found([[1.0, 2.0]], [[1.0, 2.0, 3.0]], min=0.0, max=3.0)
    assert not found(["run 1"], ["run 1", "run 22"], matches=r"run \d+")
    assert found(["run 1"], ["run 1", "walk on"], matches=r"run \d+")


def test_texts_that_vary_may_vary_in_length():
    arrays = ({"rows": np.array(["run 9"])}, {"rows": np.array(["run 10"])})
    assert not failing(judged({}, {}, by={"rows": {"matches": r"run \d+"}}, arrays=arrays))


# What has no meaning


@pytest.mark.parametrize("terms", [KEYED, UNORDERED, {"min": 0.0, "length": "free"}])
@pytest.mark.parametrize("value", [1.0, "a", {"b": 1.0}])
def test_a_term_of_lists_where_there_is_none_is_told(terms, value):
    (verdict,) = failing(judged({"x": value}, {"x": value}, by={"x/**": terms})).values()
    assert "is for lists and tables, and this is in none: give it a rule of its own" in verdict.message


def test_an_array_without_rows_or_of_no_table_is_told():
    for terms, why in ((KEYED, "an array of no table"), (UNORDERED, "it has no rows")):
        arrays = ({"x": np.array(1.0)}, {"x": np.array(1.0)})
        (verdict,) = judged({}, {}, by={"x": terms}, arrays=arrays).values()
        assert why in verdict.message


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (KEYED | {"unordered": True}, "unordered beside key has no meaning"),
        ({"interval": True, "key": "a"}, "key beside interval has no meaning"),
        ({"interval": True, "unordered": True}, "unordered beside interval has no meaning"),
        (UNORDERED | {"length": "free"}, "length beside unordered has no meaning"),
        ({"min": 0, "unordered": True}, "unordered beside min/max has no meaning: each item is judged by itself"),
        ({"matches": "a", "unordered": True}, "unordered beside matches has no meaning"),
        ({"ignore": "r", "unordered": True}, "unordered beside ignore has no meaning"),
        ({"rtol": 1, "length": "free"}, "length beside rtol/atol has no meaning: an item beyond the golden's"),
        ({"exact": True, "length": "free"}, "length beside exact has no meaning"),
        ({"ulp": 1, "length": "free"}, "length beside ulp has no meaning"),
        (UNORDERED | {"l2": 0.5}, "l2 beside unordered has no meaning"),
        (UNORDERED | {"share": 0.5, "times": 2}, "share beside unordered has no meaning"),
        ({"rtol": 1, "length": 3}, "length = 3 is none of free"),
        ({"rtol": 1, "unordered": False}, "unordered = false has no meaning but true"),
        ({"rtol": 1, "key": ""}, 'key = "" is not a line of text'),
        ({"key": "label"}, "it has no policy"),
    ],
)
def test_what_does_not_go_together_is_refused_with_file_rule_and_remedy(terms, why):
    with pytest.raises(RuleError) as error:
        read_rule("a/b", terms, Path("t.toml"), "goldens/t.toml")
    assert str(error.value).startswith('goldens/t.toml: "a/b"')
    assert why in str(error.value)


# Tables of pandas, by their parts


def frame(labels, areas, index=None):
    """The parts of a table, as its codec gives them: values, and arrays by path."""
    n = len(labels)
    indexes = {"kind": "pandas.RangeIndex", "name": None, "start": 0, "stop": n, "step": 1}
    arrays = {"df/columns/label/values": np.array(labels), "df/columns/area": np.array(areas)}
    if index is not None:
        indexes = {"kind": "pandas.Index", "name": "id"}
        arrays["df/index/values"] = np.array(index)
    names = {"kind": "pandas.Index", "name": None, "values": {"kind": "pandas.array", "dtype": "str"}}
    arrays["df/names/values/values"] = np.array(["label", "area"])
    columns = {"label": {"kind": "pandas.array", "dtype": "str"}}
    return {"df": {"kind": "pandas.DataFrame", "columns": columns, "index": indexes, "names": names}}, arrays


def framed(golden, obtained, **terms):
    return judged(golden[0], obtained[0], by={"df/**": terms}, arrays=(golden[1], obtained[1]))


@pytest.mark.parametrize(("key", "index"), [("label", None), ("label", [7, 8, 9]), ("id", [7, 8, 9])])
def test_the_rows_of_a_table_of_pandas_are_matched_by_a_column_or_its_index(key, index):
    def shown(order, areas):
        moved = None if index is None else [index[i] for i in order]
        return frame([["a", "bb", "c"][i] for i in order], [areas[i] for i in order], moved)

    golden, terms = shown([0, 1, 2], [1.0, 2.0, 3.0]), {"rtol": 1e-6, "key": key}
    assert not failing(framed(golden, shown([2, 0, 1], [1.0, 2.0, 3.0]), **terms))
    (wrong,) = failing(framed(golden, shown([2, 0, 1], [1.0, 2.0, 9.0]), **terms)).values()
    assert wrong.path == "df/columns/area"
    name = "row label=c" if key == "label" else "row id=9"
    assert f"the worst in {name}" in wrong.message
    (lost,) = failing(framed(golden, shown([2, 0], [1.0, 2.0, 3.0]), **terms)).values()
    assert lost.message == ("row label=bb is missing" if key == "label" else "row id=8 is missing")
    assert not failing(framed(golden, shown([2, 0], [1.0, 2.0, 3.0]), length="free", **terms))


def test_a_mask_of_nothing_is_no_difference_where_the_row_without_a_value_is_gone():
    golden, obtained = frame(["a", "b"], [1.0, 2.0]), frame(["b"], [2.0])
    golden[1]["df/columns/area:missing"] = np.array([True, False])
    terms = {"rtol": 1e-6, "key": "label", "length": "free"}
    assert not failing(framed(golden, obtained, **terms))
    golden[1]["df/columns/area:missing"] = np.array([True, True])
    assert set(failing(framed(golden, obtained, **terms))) == {"df/columns/area:missing"}


def test_a_table_of_pandas_without_such_a_key_is_refused():
    golden = frame(["a", "b"], [1.0, 2.0])
    (odd,) = framed(golden, golden, exact=True, key="name").values()
    assert "it has no column, and no index, called 'name'" in odd.message
    twice = frame(["a", "a"], [1.0, 2.0])
    assert "row label=a twice" in framed(golden, twice, exact=True, key="label")["df"].message
