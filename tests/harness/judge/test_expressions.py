"""Expressions: they match what ``re`` matches, in linear time, and what would need more is refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.judge.expressions.reading import UnreadablePatternError, compiled_expression

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\W", r"\s", "^", "$", r"\b", r"\B", r"\A", r"\Z", "", "[a-c1]"]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*?", "{0,1}?"])).map(
            lambda p: f"({p[0]}){p[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("ab1 \n_", max_size=6))
def test_an_expression_matches_what_re_matches(pattern, text):
    assume(text or r"\B" not in pattern)  # of which Python 3.14 changed its mind
    assert compiled_expression(pattern).matches(text) is bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [
        ("run of .*", "run of today", True),
        ("run of .*", "a run of today", False),
        (r"\d{4}-\d{2}-\d{2}", "2024-05-06", True),
        (r"\d{4}-\d{2}-\d{2}", "2024-05-06T", False),
        ("a.b", "a\nb", False),
        ("(?s)a.b", "a\nb", True),
        ("(?x) a  b", "ab", True),
        (r"(?a)\d", "٣", False),
        (r"\d", "٣", True),
        (r"a$", "a\n", False),
        (r"a$\n", "a\n", True),
        ("é+", "éé", True),
    ],
)
def test_all_of_a_text_has_to_match(pattern, text, matched):
    assert compiled_expression(pattern).matches(text) is matched is bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+$b", "(a*)*(a*)*b", "(.*)*x", r"(\w+\s?)*!"])
def test_patterns_that_hang_elsewhere_do_not_hang(pattern):
    """Backtracking would take longer than the age of the universe; so this cannot pass by a fast machine."""
    began = time.monotonic()
    assert not compiled_expression(pattern).matches("a" * 5_000)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(a)\1", "a reference back"),
        ("(?=a)a", "a look ahead or behind"),
        ("(?<!a)b", "a look ahead or behind"),
        ("(?i)a", "sets .*IGNORECASE"),
        ("(?i:a)", "sets flags within a group"),
        ("(?m)^a", "sets .*MULTILINE"),
        ("(?P<x>a)(?(x)b|c)", "a choice by whether"),
        ("(", "is no regular expression"),
        ("a{1,99999}", "is too large"),
        ("((a{99}){99}){99}", "is too large"),
        ("((){9999}){9999}", "is too large"),
        ("a" * 2001, "is longer than 2000"),
    ],
)
def test_what_cannot_be_matched_in_linear_time_is_refused_in_a_sentence(pattern, why):
    with pytest.raises(UnreadablePatternError, match=why):
        compiled_expression(pattern)
