"""Comparison of values: what passes, what fails, and what it says."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import RuleError
from harness.core.protocol import Artifact
from harness.core.trees import split_tree
from harness.core.verdicts import Status
from harness.judge.comparison import COMPARATOR, compare_artifact
from harness.judge.ensemble import Interval
from harness.judge.numbers import judge_number
from harness.judge.rules import Rules
from harness.judge.statistics.power import minimum_detectable
from harness.judge.tolerances import read_rule

ROOT = Path("/anywhere/goldens")
FILE = ROOT / "one" / "tolerances.toml"
PASS, FAIL, MISSING, UNEXPECTED, IMPROVED = (
    Status.PASS, Status.FAIL, Status.MISSING, Status.UNEXPECTED, Status.IMPROVED
)  # fmt: skip


def rules(**patterns):
    built = [read_rule(pattern, terms, FILE, "t") for pattern, terms in patterns.items()]
    return Rules(tuple(sorted(built, key=lambda r: r.specificity, reverse=True)), (FILE,), ROOT)


def judged(golden, obtained, *, intervals=None, prefix="", tier="deterministic", by=None, arrays=({}, {}), **terms):
    """Every verdict by path; ``terms`` rule everything, unless ``by`` has the rules."""
    built = rules(**(by or {"**": terms or {"exact": True}}))
    result = compare_artifact(
        Artifact(golden, arrays[0]), Artifact(obtained, arrays[1]), built, prefix, intervals or {}, tier
    )
    assert len({v.path for v in result}) == len(result)
    return {v.path: v for v in result}


def one(golden, obtained, **terms):
    """The only verdict on a single value."""
    (verdict,) = judged({"x": golden}, {"x": obtained}, **terms).values()
    return verdict


def test_the_comparator_has_a_version():
    assert COMPARATOR == "1"


# Numbers


def test_a_value_within_tolerance_passes_and_says_how_much_was_used():
    verdict = one(2.0, 2.000001, rtol=1e-6)
    assert verdict.status is PASS
    assert verdict.message == ""
    assert verdict.rule == '"**" = { rtol = 1e-06 }'
    assert (verdict.expected, verdict.obtained) == (2.0, 2.000001)
    assert verdict.allowed == "±2e-06 (rtol 1e-06)"
    assert verdict.used == pytest.approx(0.5)
    assert verdict.tier == "deterministic"


def test_a_value_out_of_tolerance_says_how_far_over():
    verdict = one(2.0, 2.001, rtol=1e-4, atol=1e-4)
    assert verdict.status is FAIL
    assert verdict.message == (
        "expected 2.0, obtained 2.001: off by 0.001, 3.33 times its tolerance of ±0.0003 (atol 0.0001, rtol 0.0001)"
    )
    assert verdict.used == pytest.approx(10 / 3)


def test_a_value_at_its_limit_passes_and_the_next_float_fails():
    assert one(0.0, 0.5, atol=0.5).used == 1
    over = one(0.0, math.nextafter(0.5, 1), atol=0.5)
    assert over.status is FAIL
    assert over.used > 1
    assert "just over its tolerance of ±0.5" in over.message


def test_a_golden_of_zero_needs_an_absolute_bound():
    assert one(0.0, -0.0, rtol=1e-6).status is PASS
    verdict = one(0.0, 1e-300, rtol=1e-6)
    assert verdict.status is FAIL
    assert verdict.used is None
    assert verdict.message == (
        "expected 0.0, obtained 1e-300: off by 1e-300, "
        "where the golden is zero rtol alone allows nothing: give the rule an atol"
    )
    assert one(0.0, 1e-300, rtol=1e-6, atol=1e-299).status is PASS
    assert "give the rule an atol" not in one(0.0, 1.0, atol=0.5).message


def test_exact_numbers_are_equal():
    assert one(1.5, 1.5, exact=True).used is None
    assert one(1.5, 1.5, exact=True).allowed == "exactly"
    verdict = one(3, 5, exact=True)
    assert (verdict.status, verdict.tier) == (FAIL, "exact")
    assert verdict.message == "expected 3, obtained 5: off by 2, and must be equal"


def test_large_integers_are_not_rounded():
    large = 2**62
    assert one(large, large + 1, exact=True).status is FAIL
    assert one(large, large + 1, atol=0).status is FAIL
    assert one(large, large + 1, atol=1).status is PASS
    assert one(10**400, 10**400, rtol=0.5).status is PASS
    assert one(10**400, 10**400 + 1, rtol=0.5).status is FAIL
    assert "more than 1e+308" in one(0, 10**400, exact=True).message


def test_ulp_counts_floats():
    near = math.nextafter(math.nextafter(1.0, 2), 2)
    assert one(1.0, near, ulp=2).used == 1
    verdict = one(1.0, near, ulp=1)
    assert verdict.message == f"expected 1.0, obtained {near!r}: 2 ulp apart, 2 times its tolerance of 1 ulp"
    assert verdict.allowed == "1 ulp"
    assert one(0.0, -0.0, ulp=1).used == 0
    assert one(-5e-324, 5e-324, ulp=2).used == 1
    assert one(-1.0, 1.0, ulp=10**6).status is FAIL
    assert one(1, 1, ulp=4).message == "its rule cannot judge it: ulp is for floats, and this is an integer"
    for term in ("l2", "ssim"):
        result = one(1.0, 1.0, atol=1, **{term: 0.5})
        assert result.message == f"its rule cannot judge it: {term} is for arrays, and this is a single value"


# Intervals and bounds


RANGE = Interval(0.8, 1.0, 0.91, 0.02, 8, 0.01, 4)


def test_an_interval_is_of_the_address():
    verdict = one(0.9, 0.95, interval=True, prefix="result/", intervals={"result/x": RANGE})
    assert (verdict.status, verdict.tier) == (PASS, "statistical")
    assert verdict.used == pytest.approx(0.5)
    shift = f"{minimum_detectable(RANGE):.3g}"
    assert verdict.allowed == f"0.8 to 1 (8 members, mean 0.91; a shift of {shift} is caught 9 times in 10)"
    assert one(0.9, 0.95, interval=True, prefix="replay/", intervals={"result/x": RANGE}).status is FAIL


def test_a_value_outside_its_interval_fails_on_either_side():
    for obtained, side, used in ((0.7, "lower", 2), (1.15, "higher", 2.5)):
        verdict = one(0.9, obtained, interval=True, intervals={"x": RANGE})
        assert verdict.status is FAIL
        assert (
            f"{side} than the ensemble's interval 0.8 to 1 (8 members, mean 0.91), {used} times its half"
            in verdict.message
        )
        assert verdict.used == pytest.approx(used)


@pytest.mark.parametrize(
    ("better", "obtained", "status"),
    [("higher", 1.1, IMPROVED), ("higher", 0.7, FAIL), ("lower", 0.7, IMPROVED), ("lower", 1.1, FAIL)],
)
def test_only_the_better_side_of_an_interval_improves(better, obtained, status):
    verdict = one(0.9, obtained, interval=True, better=better, intervals={"x": RANGE})
    assert verdict.status is status
    assert ("`harness calibrate`" in verdict.message) is (status is IMPROVED)
    assert (f"{better} is better" in verdict.message) is (status is IMPROVED)


def test_a_value_without_an_interval_fails_and_says_what_makes_one():
    verdict = one(0.9, 0.9, interval=True, prefix="a/")
    assert verdict.status is FAIL
    assert verdict.message.startswith("the ensemble has no interval for 'a/x': run `harness calibrate`")


def test_an_interval_of_no_width_allows_its_value_alone():
    point = Interval(1.0, 1.0, 1.0, 0.0, 8, 0.01, 4)
    assert one(1.0, 1.0, interval=True, intervals={"x": point}).used == 0
    verdict = one(1.0, 1.1, interval=True, intervals={"x": point})
    assert (verdict.status, verdict.used) == (FAIL, None)
    assert "beyond its half width" in verdict.message


def test_bounds_gate_whatever_the_golden_is():
    assert one(0.5, 0.01, min=-0.02, max=0.02).status is PASS
    assert one(0.5, 0.01, min=-0.02, max=0.02).used == pytest.approx(0.5)
    assert one(0.5, 0.01, min=-0.02, max=0.02).allowed == "-0.02 to 0.02"
    low = one(0.0, -0.03, min=-0.02, max=0.02)
    assert (low.status, low.tier) == (FAIL, "statistical")
    assert low.message == "expected 0.0, obtained -0.03: below min = -0.02 by 0.01"
    high = one(0.03, 0.03, min=-0.02, max=0.02)
    assert high.message == "expected 0.03, obtained 0.03: above max = 0.02 by 0.01"
    assert one(1, 3, max=3).status is PASS
    assert one(1, 4, max=3).status is FAIL
    assert one(1, 4, max=3).allowed == "at most 3"
    assert one(5, 4, min=3).allowed == "at least 3"


def test_a_one_sided_bound_tells_how_much_of_the_room_is_gone():
    assert one(1.0, 0.95, min=0.9).used == pytest.approx(0.5)
    assert one(1.0, 1.5, min=0.9).used == 0
    assert one(1.0, 0.8, min=0.9).used == pytest.approx(2)
    assert one(1.0, 1.5, max=2.0).used == pytest.approx(0.5)
    assert one(0.5, 0.95, min=0.9).used is None  # the golden itself is out


@pytest.mark.parametrize(
    ("terms", "obtained", "status"),
    [
        ({"min": 0.5, "rtol": 0.1}, 1.2, IMPROVED),
        ({"min": 0.5, "rtol": 0.1}, 1.05, PASS),
        ({"min": 0.5, "rtol": 0.1}, 0.6, PASS),
        ({"min": 0.5, "rtol": 0.1}, 0.4, FAIL),
        ({"min": 0.5}, 1.2, PASS),
        ({"max": 2.0, "atol": 0.1}, 0.8, IMPROVED),
        ({"max": 2.0, "atol": 0.1}, 0.95, PASS),
        ({"max": 2.0, "atol": 0.1}, 1.8, PASS),
        ({"max": 2.0, "atol": 0.1}, 2.1, FAIL),
    ],
)
def test_better_than_a_one_sided_bound_and_outside_the_golden_is_improved(terms, obtained, status):
    verdict = one(1.0, obtained, **terms)
    assert verdict.status is status
    assert ("refresh the golden" in verdict.message) is (status is IMPROVED)


# What is not finite


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("terms", [{"exact": True}, {"rtol": 1.0}, {"atol": 1.0}, {"ulp": 4}])
def test_what_is_not_finite_never_passes_by_accident(name, terms):
    same = one(name, name, **terms)
    assert same.status is FAIL
    assert same.message == f'expected {name}, obtained {name}: nan = "forbid" allows nothing that is not finite'
    assert one(1.0, name, **terms).status is FAIL
    gone = one(name, 1.0, **terms)
    assert gone.status is FAIL
    assert "a golden that is not finite has no tolerance" in gone.message
    assert one(name, name, **terms, nan="match").status is PASS
    assert one(name, 1.0, **terms, nan="match").status is FAIL
    assert one(1.0, name, **terms, nan="match").status is FAIL


@pytest.mark.parametrize("pair", [("NaN", "Infinity"), ("Infinity", "-Infinity"), ("-Infinity", "NaN")])
def test_only_the_same_kind_of_not_finite_matches(pair):
    verdict = one(*pair, rtol=1.0, nan="match")
    assert verdict.status is FAIL
    assert verdict.message == f"expected {pair[0]}, obtained {pair[1]}"


def test_nothing_that_is_not_finite_lies_within_bounds():
    for name in ("NaN", "Infinity", "-Infinity"):
        for terms in ({"min": 0}, {"max": 0}, {"min": 0, "max": 1}, {"interval": True, "intervals": {"x": RANGE}}):
            verdict = one(0.9, name, **terms)
            assert verdict.status is FAIL
            assert verdict.message == f"obtained {name}, which lies within no bounds"


def test_a_bound_holds_where_the_golden_was_not_finite():
    assert one("NaN", 0.5, min=0, max=1).status is PASS
    assert one("NaN", 0.5, min=0, rtol=0.1).status is PASS
    assert one("NaN", -0.5, min=0).used is None
    assert one("NaN", 0.9, interval=True, intervals={"x": RANGE}).status is PASS


def test_floats_and_their_names_are_one_thing():
    assert one("NaN", math.nan, exact=True, nan="match").status is PASS
    assert one({"$float": "NaN"}, {"$float": "NaN"}, exact=True, nan="match").status is PASS
    assert one(1.0, {"$float": "NaN"}, exact=True, nan="match").obtained == "NaN"
    assert one(1.0, {"$float": "NaN"}, exact=True, nan="match").message == "expected 1.0, obtained NaN"


# Types


@pytest.mark.parametrize(
    ("golden", "obtained", "sentence"),
    [
        (0.0, 0, "was a float (0.0), is an integer (0)"),
        (1, 1.0, "was an integer (1), is a float (1.0)"),
        (1, True, "was an integer (1), is a boolean (True)"),
        (False, 0, "was a boolean (False), is an integer (0)"),
        (1.0, None, "was a float (1.0), is null (None)"),
        (1.0, "1.0", "was a float (1.0), is text ('1.0')"),
        ("NaN", "nan", "was a float ('NaN'), is text ('nan')"),
        (3, "NaN", "was an integer (3), is a float ('NaN')"),
        ({"a": 1, "b": 2}, [1, 2], "was a mapping ('2 keys'), is a list ('2 items')"),
        ({"a": 1}, None, "was a mapping ('1 key'), is null (None)"),
        ([1], 1, "was a list ('1 item'), is an integer (1)"),
        ([], {}, "was a list ([]), is a mapping ({})"),
        (1.0, np.float32(1), "was a float (1.0), is a float32 ('float32')"),
    ],
)
@pytest.mark.parametrize("terms", [{"exact": True}, {"rtol": 10, "atol": 10}, {"min": -9, "max": 9}])
def test_a_type_never_changes(golden, obtained, sentence, terms):
    verdict = one(golden, obtained, **terms)
    assert verdict.status is FAIL
    assert verdict.message == sentence
    assert verdict.allowed == "the golden's type"


def test_a_branch_that_became_a_value_needs_no_rule_to_fail():
    result = judged({"x": {"a": 1}}, {"x": 1}, by={"x/*": {"exact": True}})
    assert result["x"].message == "was a mapping ('1 key'), is an integer (1)"
    assert result["x"].rule == ""


@pytest.mark.parametrize("terms", [{"exact": True}, {"atol": 9}, {"min": 5}, {"interval": True}, {"ulp": 9}])
def test_what_is_no_number_is_equal_under_any_rule(terms):
    for value in (True, False, None, "text", "", [], {}):
        assert one(value, value, **terms).status is PASS
    assert one([], (), **terms).status is PASS
    assert one(True, False, **terms).status is FAIL
    verdict = one("one", "two", **terms)
    assert verdict.status is FAIL
    assert verdict.message == "expected 'one', obtained 'two': nothing but equality will do"


def test_numpy_scalars_that_are_floats_read_as_floats():
    verdict = one(1.0, np.float64(2.0), rtol=0.1)
    assert "np." not in verdict.message


# Trees


def test_both_sides_are_walked():
    result = judged({"a": 1, "gone": 2, "in": {"x": 1}}, {"in": {"x": 1, "y": 2}, "new": 3, "a": 1})
    assert {p: v.status for p, v in result.items()} == {
        "a": PASS, "gone": MISSING, "in/x": PASS, "in/y": UNEXPECTED, "new": UNEXPECTED
    }  # fmt: skip
    assert list(result) == ["a", "gone", "in/x", "in/y", "new"]
    assert result["gone"].message == "the value vanished"
    assert (result["gone"].expected, result["gone"].obtained) == (2, None)
    assert result["in/y"].message == "the golden has no such value"
    assert (result["in/y"].expected, result["in/y"].obtained) == (None, 2)


def test_a_branch_on_one_side_is_one_verdict():
    branch = {"many": [{"a": 1, "b": [1, 2, 3]}] * 10}
    gone = judged({"x": branch, "y": 1}, {"y": 1})
    assert gone["x"].message == "the value vanished, with the 40 below it"
    assert gone["x"].expected == "1 key"
    new = judged({"y": 1}, {"x": branch, "y": 1})
    assert new["x"].message == "the golden has no such value, nor the 40 below it"
    assert len(gone) == len(new) == 2


def test_a_value_that_vanished_fails_whatever_its_rule():
    assert judged({"x": None}, {})["x"].status is MISSING
    assert judged({"x": None}, {}, by={"y": {"exact": True}})["x"].status is MISSING
    assert judged({}, {"x": None}, by={"y": {"exact": True}})["x"].status is UNEXPECTED
    assert judged({"x": {}}, {})["x"].status is MISSING
    assert judged({"x": []}, {})["x"].status is MISSING


def test_a_list_that_became_shorter_or_longer_is_one_verdict():
    long, short = [float(i) for i in range(500)], [0.0, 1.0, 9.0]
    result = judged({"x": long}, {"x": short}, rtol=1e-6)
    assert {p: v.status for p, v in result.items()} == {"x": MISSING, "x/0": PASS, "x/1": PASS, "x/2": FAIL}
    assert result["x"].message == "had 500 items, has 3 items: items 3 to 499 are missing"
    assert (result["x"].expected, result["x"].obtained) == ("500 items", "3 items")
    result = judged({"x": short[:2]}, {"x": short}, rtol=1e-6)
    assert result["x"].status is UNEXPECTED
    assert result["x"].message == "had 2 items, has 3 items: item 2 is not in the golden"
    assert judged({"x": []}, {"x": [1]})["x"].message == "had 0 items, has 1 item: item 0 is not in the golden"
    assert judged({"x": [1]}, {"x": []})["x"].status is MISSING


def test_items_of_a_list_have_their_own_rules():
    by = {"x/*": {"rtol": 1e-6}, "x/0": {"exact": True}}
    result = judged({"x": [1.0, 1.0, {"a": 1.0}]}, {"x": [1.0, 1.1, {"a": 1.0}]}, by={**by, "x/2/a": {"ulp": 1}})
    assert [v.rule for v in result.values()] == [
        '"x/0" = { exact = true }', '"x/*" = { rtol = 1e-06 }', '"x/2/a" = { ulp = 1 }'
    ]  # fmt: skip
    assert result["x/1"].status is FAIL


def test_a_value_without_a_rule_fails_and_says_where_to_put_one():
    result = judged({"x": 1.0, "y": {}}, {"x": 1.0, "y": {}}, by={"z": {"exact": True}}, prefix="replay/a/")
    assert result["x"].status is FAIL
    assert result["x"].message == (
        'no rule matches "replay/a/x": add one to goldens/one/tolerances.toml, such as "replay/a/x" = { rtol = 1e-6 }'
    )
    assert result["y"].status is FAIL


def test_rules_speak_of_addresses_and_verdicts_of_paths():
    result = judged({"x": 1}, {"x": 2}, by={"replay/a/*": {"atol": 1}}, prefix="replay/a/")
    assert result["x"].status is PASS


def test_two_rules_of_one_rank_stop_the_comparison():
    with pytest.raises(RuleError, match="matches two rules equally well"):
        judged({"x": {"y": 1}}, {"x": {"y": 1}}, by={"x/**": {"exact": True}, "**/y": {"exact": True}})


def test_no_golden_is_one_missing_verdict():
    (verdict,) = compare_artifact(None, Artifact({"x": 1}), rules(), "a/", {}, "pinned")
    assert (verdict.status, verdict.tier, verdict.path) == (MISSING, "pinned", "")
    assert verdict.message.startswith("there is no golden: run `harness verify`")
    assert "`harness review`" in verdict.message
    assert "`harness accept`" in verdict.message


def test_nothing_against_nothing_has_no_verdict():
    assert judged({}, {}) == {}


# Arrays among values


def test_arrays_are_walked_from_both_sides():
    ones, twos = np.ones(3, np.float32), np.full(3, 2, np.float32)
    result = judged(
        {"v": 1}, {"v": 1}, arrays=({"a": ones, "gone": ones, "b/c": ones}, {"b/c": twos, "a": ones, "new": ones})
    )
    assert {p: v.status for p, v in result.items()} == {
        "v": PASS, "a": PASS, "gone": MISSING, "b/c": FAIL, "new": UNEXPECTED
    }  # fmt: skip
    assert result["gone"].message == "the array vanished"
    assert result["gone"].expected == "float32 [3]"
    assert result["new"].message == "the golden has no such array"
    unruled = judged({}, {}, arrays=({"a": ones}, {"a": ones}), by={"z": {"exact": True}}, prefix="p/")
    assert unruled["a"].message.startswith('no rule matches "p/a": add one to goldens/one/tolerances.toml')


def test_what_stands_for_an_array_is_the_array():
    whole = split_tree({"x": np.ones(2), "in": {"y": np.ones(2), "z": 1.5, "n": math.nan}})
    by = {
        "x": {"exact": True},
        "in/y": {"exact": True},
        "in/z": {"exact": True},
        "in/n": {"exact": True, "nan": "match"},
    }
    same = judged(whole[0], whole[0], arrays=(whole[1], whole[1]), by=by)
    assert {p: v.status for p, v in same.items()} == dict.fromkeys(("x", "in/y", "in/z", "in/n"), PASS)
    less = split_tree({"in": {"y": 3.0, "z": 1.5, "n": math.nan}})
    built = rules(**by)
    result = compare_artifact(Artifact(*whole), Artifact(*less), built, "", {}, "exact")
    sentence = {(v.path, v.status.value, v.message) for v in result if v.status is not PASS}
    assert sentence == {
        ("in/y", "fail", "was an array ('in/y'), is a float (3.0)"),
        ("x", "missing", "the array vanished"),
        ("in/y", "missing", "the array vanished"),
    }


def test_a_stand_in_that_names_another_array_fails():
    ones = {"x": np.ones(2), "y": np.ones(2)}
    result = compare_artifact(
        Artifact({"k": {"$array": "x"}}, ones),
        Artifact({"k": {"$array": "y"}}, ones),
        rules(**{"**": {"exact": True}}),
        "",
        {},
        "exact",
    )
    assert [v.path for v in result if v.status is FAIL] == ["k"]


# Properties

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=3) | st.sampled_from(["NaN", "-Infinity"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), TREES, max_size=4))
def test_every_tree_equals_itself(tree):
    for terms in ({"exact": True, "nan": "match"}, {"rtol": 0, "nan": "match"}):
        assert {v.status for v in judged(tree, tree, **terms).values()} <= {PASS}


@given(TREES, TREES)
def test_a_tree_passes_exactly_when_it_is_equal(golden, obtained):
    def same(a, b):
        if type(a) is not type(b):
            return False
        if isinstance(a, dict):
            return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
        return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, list) else a == b

    result = judged({"x": golden}, {"x": obtained}, exact=True, nan="match").values()
    assert all(v.status is PASS for v in result) is same(golden, obtained)
    back = judged({"x": obtained}, {"x": golden}, exact=True, nan="match").values()
    assert all(v.status is PASS for v in result) is all(v.status is PASS for v in back)


@given(
    golden=FLOATS | st.floats(-10, 10),
    step=st.floats(-3, 3),
    rtol=st.sampled_from([0.0, 1e-12, 1e-6, 0.1]),
    atol=st.sampled_from([0.0, 1e-9, 1.0]),
)
def test_a_number_is_out_exactly_when_the_difference_is(golden, step, rtol, atol):
    obtained = golden + step * (atol + rtol * abs(golden))
    if not math.isfinite(obtained):
        return
    outcome = judge_number(golden, obtained, read_rule("x", {"rtol": rtol, "atol": atol}, FILE, "t"), "x", None)
    allowed, difference = atol + rtol * abs(golden), abs(obtained - golden)
    assert (outcome.status is PASS) is (difference <= allowed)
    if outcome.used is not None:
        assert math.isfinite(outcome.used)
        assert (outcome.used > 1) is (outcome.status is FAIL)
        if allowed > sys.float_info.min:
            assert outcome.used == pytest.approx(difference / allowed)
