"""What an explanation states reproduces the obtained numbers, within the remainder that it states or to rounding."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judge.explanations import explain_difference

MAGNITUDES = np.array([13.9218, 13.9238, 13.9480, 14.0560, 13.7971, 13.9094])
NUMBER = r"([-+]?[\d.]*\d(?:e[-+]?\d+)?)(\.\.\.)?"


def stated(explanation, golden):
    """The golden after the change that is stated, and how far the digits that are not shown could take it."""
    by = re.search(rf"× {NUMBER}", explanation.sentence)
    then = re.search(rf"(?:and then|is) {NUMBER}(?: \([^)]*\))?(?: off|$)", explanation.sentence)
    if explanation.kind == "sign":
        return -golden, 0.0
    ratio, more = (float(found[1]) if found else neutral for found, neutral in ((by, 1.0), (then, 0.0)))
    unsaid = _last_place(by) * np.abs(golden).max() + _last_place(then)
    return ratio * golden + more, unsaid


def _last_place(found):
    """One unit of the last digit that is shown, where dots follow it."""
    if not found or not found[2]:
        return 0.0
    mantissa, _, power = found[1].partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def assert_true(golden, obtained):
    explanation = explain_difference(golden, obtained)
    if explanation is None or explanation.kind not in ("factor", "offset", "factor and offset", "sign"):
        return explanation
    if (
        explanation.sentence.startswith(("the type", "every number has lost"))
        or "beginning again" in explanation.sentence
    ):
        return explanation
    fine = 16 * max(np.finfo(a.dtype).eps if a.dtype.kind == "f" else 0 for a in (golden, obtained, np.zeros(1)))
    golden, obtained = (a.astype(np.float64) for a in (golden, obtained))
    changed, unsaid = stated(explanation, golden)
    rest, size = changed - obtained, np.linalg.norm(obtained)
    allowed = 1.2 * explanation.residual * size + fine * (
        size + np.linalg.norm(changed - golden) + np.linalg.norm(golden)
    )
    assert np.linalg.norm(rest) <= allowed + unsaid * math.sqrt(rest.size), explanation
    assert ("is left" in explanation.text) == (explanation.residual > 0)
    return explanation


@pytest.mark.parametrize("by", [0.001, -0.001, 0.019, -0.019, 1e-5, 0.25, 100])
def test_an_offset_of_numbers_with_little_spread_is_no_factor(by):
    explanation = assert_true(MAGNITUDES, MAGNITUDES + by)
    assert explanation.text == f"every number is {by:+g} off"


@pytest.mark.parametrize("by", [0.9999282, 1.0001, 0.998636, 1.1, 3])
def test_a_factor_of_numbers_with_little_spread_is_no_offset(by):
    assert assert_true(MAGNITUDES, MAGNITUDES * by).text == f"every number is × {by:g}" or by == 0.9999282
    assert assert_true(MAGNITUDES, MAGNITUDES * by).kind == "factor"


def test_of_both_at_once_neither_is_stated_alone():
    golden = 1e3 + np.random.default_rng(3).normal(size=40)
    explanation = assert_true(golden, golden * 1.01 - 3)
    assert explanation.text == "every number is × 1.01, and then -3"


def test_what_is_nearly_a_factor_states_what_it_leaves():
    noisy = MAGNITUDES * 1.5 + 1e-8 * np.arange(6)
    explanation = assert_true(MAGNITUDES, noisy)
    assert re.fullmatch(r"every number is × 1\.50+\d*(\.\.\.)?; \S+e-10 of it is left", explanation.text)


KINDS = st.sampled_from(["f8", "f4", "i8"])


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(4, 60),
    KINDS,
    st.sampled_from([0.0, 1.0, 14.0, -1e4, 1e7]),
    st.sampled_from([1e-6, 1e-3, 1.0, 300.0]),
    st.sampled_from([1.0, 1 + 1e-9, 1.0001, 1.5, -2.0, math.pi / 180, 0.9743217391]),
    st.sampled_from([0.0, 1e-6, -0.019, 3.0, 273.15, 1 / 3]),
    st.sampled_from([0.0, 0.0, 1e-12, 1e-9, 1e-6, 1e-3]),
)
def test_what_is_stated_reproduces_what_was_obtained(seed, size, kind, far, spread, by, more, noise):
    rng = np.random.default_rng(seed)
    golden = (far + spread * rng.normal(size=size)).astype(kind)
    obtained = (golden * by + more + noise * rng.normal(size=size)).astype(kind if kind != "i8" else "f8")
    assert_true(golden, obtained)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 30), st.integers(-9, 9), st.integers(-3, 3))
def test_of_integers_too(seed, size, more, by):
    golden = np.random.default_rng(seed).integers(-50, 50, size)
    explanation = assert_true(golden, golden * by + more)
    if explanation and explanation.kind in ("factor", "offset"):
        assert explanation.residual > 0 or by == 1 or more == 0


NAMED = {
    "× 57.29577... (180/π, degrees for radians)": 180 / math.pi,
    "× 0.01745329... (π/180, radians for degrees)": math.pi / 180,
    "× 1.414213... (√2)": math.sqrt(2),
    "× 0.7071067... (1/√2)": 1 / math.sqrt(2),
    "× 6.283185... (2π)": 2 * math.pi,
    "× 0.1591549... (1/(2π))": 1 / (2 * math.pi),
    "× 2.354820... (√(8 ln 2), the FWHM in standard deviations)": math.sqrt(8 * math.log(2)),
    "× 0.0009765625 (1/1024)": 1 / 1024,
    "× 0.0002777777... (1/3600)": 1 / 3600,
    "× 0.3333333... (1/3)": 1 / 3,
    "× -57.29577... (-(180/π, degrees for radians))": -180 / math.pi,
    "× 2": 2,
    "× 0.5": 0.5,
    "× 1000": 1e3,
    "× 0.001": 1e-3,
    "× 1024": 1024,
    "× 57.2957": 57.2957,
    "× 57.29577951": 57.29577951,
}


@pytest.mark.parametrize("words", NAMED)
def test_a_known_factor_is_named_where_it_holds_to_the_precision(words):
    said = assert_true(MAGNITUDES, MAGNITUDES * NAMED[words]).text
    assert said == f"every number is {words}" or (words == "× 57.29577951" and said == "every number is × 57.29577...")


def test_a_factor_that_is_only_near_a_known_one_is_not_named():
    noisy = MAGNITUDES * np.pi * (1 + 1e-5 * np.random.default_rng(5).normal(size=6))
    assert "(" not in assert_true(MAGNITUDES, noisy).text
    assert explain_difference(MAGNITUDES.astype("f4"), np.degrees(MAGNITUDES.astype("f4"))).text.endswith(
        "(180/π, degrees for radians)"
    )
