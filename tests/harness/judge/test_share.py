"""A share or a number of elements outside the tolerance, each bounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import RuleError
from harness.core.verdicts import Status
from harness.judge.arrays import compare_array
from harness.judge.numbers import judge_number
from harness.judge.tolerances import read_rule

GOLDEN = np.linspace(1, 2, 200)


def rule(**terms):
    return read_rule("x", terms, Path("t.toml"), "t.toml")


def judge(obtained, golden=GOLDEN, **terms):
    return compare_array("x", golden, obtained, rule(**terms), "deterministic")


def moved(elements, by):
    """The golden with its first ``elements`` elements off by ``by``."""
    obtained = GOLDEN.copy()
    obtained[:elements] += by
    return obtained


FEW = {"atol": 0.01, "share": 0.02, "times": 10}  # 4 of 200 elements, each by at most 0.1


def test_few_and_near_enough_pass_and_say_how_much_was_used():
    verdict = judge(moved(2, 0.05), **FEW)
    assert verdict.status is Status.PASS
    assert verdict.message == ""
    assert verdict.used == pytest.approx(0.5)  # 2 of 4, and 5 of 10 times
    assert verdict.share == 0.01
    assert verdict.allowed == "±0.01; at most 2 % of the elements outside, each within 10 times that"
    assert verdict.rule == '"x" = { atol = 0.01, share = 0.02, times = 10.0 }'


def test_where_none_is_outside_the_tolerance_is_what_is_used():
    assert judge(moved(150, 0.005), **FEW).used == pytest.approx(0.5)


def test_too_many_fail():
    verdict = judge(moved(5, 0.05), **FEW)
    assert verdict.status is Status.FAIL
    assert verdict.message.startswith("5 of 200 elements (2.5 %) out of tolerance, the worst: ")
    assert verdict.message.endswith("; 5 are out, and 4 may be")
    assert verdict.used == pytest.approx(1.25)


def test_one_too_far_fails():
    verdict = judge(moved(1, 0.2), **FEW)
    assert verdict.status is Status.FAIL
    assert verdict.message.endswith("; the furthest uses more than 10 times its tolerance")
    assert verdict.used == pytest.approx(2)


def test_one_that_is_not_finite_fails():
    obtained = GOLDEN.copy()
    obtained[0] = np.nan
    verdict = judge(obtained, **FEW)
    assert verdict.status is Status.FAIL
    assert "1 not finite" in verdict.message


@pytest.mark.parametrize(("elements", "status"), [(3, Status.PASS), (4, Status.FAIL)])
def test_a_count_is_a_number_of_elements(elements, status):
    verdict = judge(moved(elements, 0.02), atol=0.01, count=3, times=5)
    assert verdict.status is status
    assert "at most 3 of the elements outside, each within 5 times that" in verdict.allowed


def test_a_share_of_less_than_one_element_lets_none_pass():
    assert judge(moved(1, 0.02), atol=0.01, share=0.004, times=5).status is Status.FAIL
    assert judge(GOLDEN, atol=0.01, share=0.004, times=5).status is Status.PASS


def test_an_element_whose_tolerance_is_zero_is_never_near_enough():
    golden = np.array([0.0, 1.0, 1.0, 1.0])
    obtained = golden.copy()
    obtained[0] = 1e-9
    assert judge(obtained, golden, rtol=1e-6, count=2, times=100).status is Status.FAIL


def test_it_stands_beside_ulp_and_other_conditions():
    obtained = np.nextafter(np.nextafter(GOLDEN, 9), 9)
    assert judge(obtained, ulp=1, count=200, times=2).status is Status.PASS
    assert judge(obtained, ulp=1, count=199, times=2).status is Status.FAIL
    verdict = judge(moved(2, 0.05), **FEW, l2=1e-6)
    assert verdict.status is Status.FAIL
    assert verdict.message.startswith("its relative L2 distance is ")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"rtol": 1, "share": 0.1}, "share and count need times"),
        ({"rtol": 1, "times": 3}, "exactly one of share and count"),
        ({"rtol": 1, "share": 0.1, "count": 3, "times": 3}, "exactly one of share and count"),
        ({"exact": True, "share": 0.1, "times": 3}, "share and count beside exact have no meaning"),
        ({"min": 0, "share": 0.1, "times": 3}, "share and count beside min/max have no meaning"),
        ({"interval": True, "count": 1, "times": 3}, "share and count beside interval have no meaning"),
        ({"share": 0.1, "times": 3}, "it has no policy"),
        ({"rtol": 1, "share": 1.5, "times": 3}, "share = 1.5 is not above 0 and at most 1"),
        ({"rtol": 1, "count": 0, "times": 3}, "count = 0 is not a whole number above zero"),
        ({"rtol": 1, "count": 1, "times": 1}, "times = 1 is not above 1"),
    ],
)
def test_a_mistaken_rule_is_named(terms, message):
    with pytest.raises(RuleError, match=message):
        rule(**terms)


def test_single_values_and_booleans_are_refused():
    judgement = judge_number(1.0, 1.0, rule(**FEW), "x", None)
    assert judgement.status is Status.FAIL
    assert "share is for arrays" in judgement.message
    booleans = np.zeros(4, bool)
    assert "share and count are for numbers" in judge(booleans, booleans, **FEW).message


@given(st.integers(0, 200), st.floats(0.0, 0.3), st.integers(1, 200), st.floats(1.1, 30))
def test_it_passes_exactly_where_few_enough_are_near_enough(elements, by, count, times):
    verdict = judge(moved(elements, by), atol=0.01, count=count, times=times)
    off = np.abs(moved(elements, by) - GOLDEN)
    within = bool((off > 0.01).sum() <= count and (off / 0.01 <= times).all())
    assert (verdict.status is Status.PASS) is within
    assert verdict.used is not None
    assert (verdict.used <= 1) is within
