"""Numbers, shares and durations as people read them: nothing looks alike that differs."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.core import text


@pytest.mark.parametrize(
    ("expected", "obtained", "shown"),
    [
        (1.0, 2.0, ("1", "2")),
        (0.9971234, 0.9971235, ("0.9971234", "0.9971235")),
        (1.0, 1.0 + 2**-52, ("1", "1.0000000000000002")),
        (3, 3.0000001, ("3", "3.0000001")),
        (float("nan"), 1.0, ("NaN", "1")),
        (-1e-7, None, ("−1e−7", "–")),
        (True, 1, ("true", "1")),
        ("a", [1, 2], ("a", "[1, 2]")),
    ],
)
def test_two_values_are_shown_with_the_digits_that_tell_them_apart(expected, obtained, shown):
    assert text.pair(expected, obtained) == shown


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_different_numbers_never_look_alike(a, b):
    shown = text.pair(a, b)
    assert (shown[0] == shown[1]) == (a == b)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, ""),
        (0.0, "0 %"),
        (1e-9, "< 1 %"),
        (0.43, "43 %"),
        (0.9999, "> 99.5 %"),
        (1.0, "100 %"),
        (1.0000001, "1.0000001×"),
        (3.21, "3.2×"),
        (41.4, "41×"),
        (699_999.0, "700,000×"),
        (3e12, "3e12×"),
        (math.inf, "∞×"),
        (math.nan, "NaN"),
    ],
)
def test_use_of_a_tolerance_is_a_percentage_within_and_a_factor_beyond(share, shown):
    assert text.used(share) == shown


@given(st.floats(min_value=0, exclude_min=True))
def test_a_use_beyond_the_limit_never_looks_as_if_within(share):
    shown = text.used(share)
    assert shown.endswith("×") == (share > 1)
    assert shown != "1×"


def test_shares_that_are_not_none_or_all_are_not_shown_as_such():
    assert [text.portion(v) for v in (0, 1e-9, 0.00123, 0.25, 0.99999999, 1)] == [
        "0 %",
        "< 0.01 %",
        "0.12 %",
        "25.0 %",
        "99.99 %",
        "100 %",
    ]


def test_differences_have_a_sign_and_a_ratio_where_it_tells():
    assert text.difference(1.0, 1.7) == "+0.7 (×1.7)"
    assert text.difference(1.0, 0.999) == "−0.001"
    assert text.difference("a", 1.0) == text.difference(1.0, 1.0) == text.difference(1.0, math.nan) == ""
    assert text.difference(10**400, 1.0) == ""


def test_durations_and_counts():
    assert [text.seconds(v) for v in (0, 0.2, 2.34, 61, 99.7, 204, 7260)] == [
        "0 ms",
        "200 ms",
        "2.3 s",
        "61 s",
        "1 min 40 s",
        "3 min 24 s",
        "2 h 1 min",
    ]
    assert text.count(1, "value") == "1 value"
    assert text.count(13482, "value") == "13,482 values"


def test_ends_of_a_scale_have_no_needless_digits():
    assert text.limits(0.1212826, 1.863459) == ("0.121", "1.86")
    assert text.limits(1.00001, 1.00002) == ("1.00001", "1.00002")
