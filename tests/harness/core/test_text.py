"""Numbers, shares and durations as people read them: nothing looks alike that differs."""

from __future__ import annotations

import json
import math
import re
import time
import unicodedata

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

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
        (math.inf, "beyond"),
        (math.nan, "NaN"),
    ],
)
def test_use_of_a_tolerance_is_a_percentage_within_and_a_factor_beyond(share, shown):
    assert text.used(share) == shown


@given(st.floats(min_value=0, exclude_min=True))
def test_a_use_beyond_the_limit_never_looks_as_if_within(share):
    shown = text.used(share)
    assert (shown.endswith("×") or shown == "beyond") == (share > 1)
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


# Words that somebody else wrote

HOSTILE = (
    "\x1b[31m[/b]\x00\x9b1m\u202e\udc80\u2066\n::error::bad\r\n##[error]x ##vso[task]y\x07"
    "\x1b]8;;http://x\x1b\\z \ufffe"
)


def test_words_keep_nothing_that_a_terminal_or_a_log_obeys():
    assert text.line(HOSTILE) == "[/b]\ufffd\ufffd\ufffd\ufffd : :error::bad # #[error]x # #vso[task]y\ufffdz \ufffd"
    assert text.cleaned("a\n\t::warning::b") == "a\n\t: :warning::b"
    assert text.clean_lines("  File x\n::error::\x1b[0m") == ["  File x", ": :error::"]


@pytest.mark.parametrize(
    "words",
    ["std::vector<int>", "a: b", "C:\\x", "## Title [x]", "− × … ± ∞ é 漢字 👩‍🔬 \u200c", "[/b] :smile:", "#1 [x]"],
)
def test_words_that_nothing_obeys_stay_as_they_are(words):
    assert text.line(words) == text.cleaned(words) == words


@given(st.text(st.characters()) | st.text(st.sampled_from("\x1b[]\x9b0;m:#a \n\r\\\x07\x00\udc80\u202e")))
@example("\x9b\r@ 0")  # an order that a line break had parted
@example(":::\r[")
def test_whatever_the_words_nothing_raw_is_left(words):
    cleaned = text.line(words)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") or "\u202a" <= c <= "\u202e"]
    assert not re.search(r"^\s*::|##\w*\[", cleaned)
    assert text.line(cleaned) == cleaned
    cleaned.encode()


@pytest.mark.parametrize("unit", ["5 MB ", "\x1b[", "\x1b]", "::", "##", "##aaaa", " \x1b\x00", "\n"])
def test_five_megabytes_are_cut_in_no_time(unit):
    words = unit * (5_000_000 // len(unit))
    started = time.perf_counter()
    assert len(text.clipped(words)) <= text.LONGEST_LINE
    assert len("\n".join(text.clean_lines(words))) <= 2 * text.LONGEST_TEXT
    assert time.perf_counter() - started < 10


def test_of_a_long_text_beginning_and_end_are_left():
    words = "".join(f"{i}\n" for i in range(100_000))
    cut = text.bounded(words)
    assert len(cut) <= text.LONGEST_TEXT
    assert cut.startswith("0\n1\n")
    assert cut.endswith("99998\n99999\n")
    assert "characters are left out" in cut
    assert text.bounded(cut) == cut


@pytest.mark.slow
@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_escaped_json_is_the_same_value_and_has_nothing_raw(value):
    for ascii_only in (False, True):
        document = text.escaped(json.dumps(value, ensure_ascii=False, indent=1), ascii_only)
        assert json.loads(document) == value
        assert text.legible(document) == document
        assert "##" not in document
        assert document.isascii() or not ascii_only


def test_halves_of_surrogate_pairs_are_escaped():
    assert text.escaped(json.dumps("a\udc80b", ensure_ascii=False)) == r'"a\udc80b"'


def test_integers_that_python_does_not_write_out_have_a_text():
    assert text.number(10**5000) == "an integer of 16,610 bits"
    assert text.value([10**5000]) == "a list that cannot be shown"
    assert text.number(-(10**300)).endswith("0")


@pytest.mark.parametrize(("words", "said"), [
    ("every number is × 2", "Every number is × 2"), ("it's so", "It's so"), ("main/good is not", "main/good is not"),
    ("rows/*/x: 2 of 2", "rows/*/x: 2 of 2"), ("2 of 5 rows", "2 of 5 rows"), ("[2] differs", "[2] differs"), ("", ""),
])  # fmt: skip
def test_a_sentence_begins_with_a_capital_and_an_address_stays_what_it_is(words, said):
    assert text.capitalized(words) == said


@pytest.mark.parametrize(
    ("number_of_bytes", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (48_210, "48.2 kB"),
        (3_100_000, "3.1 MB"),
        (2 * 10**9, "2.0 GB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(number_of_bytes, said):
    assert text.size(number_of_bytes) == said
