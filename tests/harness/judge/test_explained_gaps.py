"""What is not finite is taken along by a change of places, and stops no explanation of what is finite."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judge.explanations import explain_difference

RNG = np.random.default_rng(5)
NOISE = RNG.normal(size=40)
SMOOTH = np.exp(-((np.linspace(-3, 3, 60) - 0.4) ** 2)) + 0.2 * np.linspace(0, 1, 60)
IMAGE = RNG.normal(size=(12, 9))


def window(values, before=3, after=3):
    """A moving average whose edges are NaN."""
    result = np.full(values.shape, np.nan)
    for i in range(before, len(values) - after):
        result[i] = values[i - before : i + after + 1].mean()
    return result


def edged(image, top=2, left=1):
    """An image whose upper and left edge is NaN."""
    result = image.copy()
    result[:top], result[:, :left] = np.nan, np.nan
    return result


AVERAGE = window(NOISE)
EDGED = edged(IMAGE)
COMPLEX = np.where(np.isnan(EDGED), np.nan, EDGED) + 1j * IMAGE[::-1]


@pytest.mark.parametrize(
    ("golden", "obtained", "kind", "words"),
    [
        (AVERAGE, np.roll(AVERAGE, 1), "roll", "it is rolled by 1 along axis 0"),
        (window(SMOOTH), np.roll(window(SMOOTH), -1), "roll", "it is rolled by -1 along axis 0"),
        (EDGED, np.roll(EDGED, (0, 2), (0, 1)), "roll", "it is rolled by 2 along axis 1"),
        (EDGED, EDGED[::-1], "reversal", "it is reversed along axis 0"),
        (EDGED, EDGED.T, "transposition", "transposed (axes 1, 0)"),
        (COMPLEX, COMPLEX[:, ::-1], "reversal", "it is reversed along axis 1"),
        (EDGED.astype("f4"), EDGED.astype("f4")[:, ::-1], "reversal", "it is reversed along axis 1"),
        (EDGED, EDGED[1:, :-2], "crop", "[11, 7] is cut out of the golden's [12, 9], from [1, 0] on"),
        (EDGED, np.pad(EDGED, 1, constant_values=np.nan), "padding", "from [1, 1] on"),
        (EDGED, EDGED.reshape(18, 6), "reshaping", "with the elements in the same order"),
        (EDGED, EDGED[RNG.permutation(12)], "permutation", "rows are in another order"),
        (AVERAGE, AVERAGE[RNG.permutation(40)], "permutation", "40 elements are in another order"),
        (np.where(NOISE > 1, np.inf, AVERAGE), np.where(NOISE > 1, np.inf, AVERAGE)[::-1], "reversal", "reversed"),
    ],
)
def test_what_is_not_finite_is_taken_along(golden, obtained, kind, words):
    found = explain_difference(golden, obtained)
    assert found is not None
    assert found.kind == kind
    assert words in found.sentence


@pytest.mark.parametrize("values", [NOISE, SMOOTH])
def test_a_window_that_begins_one_element_later_is_moved_with_its_edges(values):
    """The edge that comes is another: one element is finite that was not, at one end alone."""
    golden = np.where(np.arange(values.size) < 12, np.nan, window(values, 0, 0))
    obtained = np.roll(golden, -1)
    obtained[-1] = 2.85
    found = explain_difference(golden, obtained)
    assert (found.kind, found.sentence) == ("shift", "it is moved by [-1] elements, with other edges")


@pytest.mark.parametrize(
    ("obtained", "words"),
    [
        (AVERAGE + 0.5, "every number is +0.5 off"),
        (1.5 * AVERAGE + 2, "every number is × 1.5, and then +2"),
        (np.where(np.isnan(AVERAGE), np.nan, 7.0), "every number is 7"),
        (np.round(AVERAGE, 1), "every number is rounded to 1 decimal"),
        (1.01 * AVERAGE, "every number is × 1.01"),
    ],
)
@pytest.mark.parametrize("filled", [0, 1])
def test_what_holds_for_what_is_finite_is_said(obtained, words, filled):
    changed = obtained.copy()
    changed[2 : 2 + filled] = 2.85
    found = explain_difference(AVERAGE, changed)
    assert words in found.sentence
    if filled:
        assert found.sentence.startswith("1 of 40 elements is finite now ([2]), and of the others ")


def test_where_nothing_holds_for_the_others_they_are_counted():
    changed = np.where(np.isnan(AVERAGE), np.nan, RNG.normal(size=40))
    changed[2] = 2.85
    found = explain_difference(AVERAGE, changed)
    assert found.sentence == "1 of 40 elements is finite now ([2]), and 34 of the others differ"
    assert found.residual > 0.1


def test_a_nan_that_stays_behind_is_not_taken_along():
    reversed_but_one = EDGED[::-1].copy()
    reversed_but_one[0, 0], reversed_but_one[5, 5] = 1.0, np.nan
    assert explain_difference(EDGED, reversed_but_one).kind == "not finite"
    other_kind = np.where(np.isnan(AVERAGE[::-1]), np.inf, AVERAGE[::-1])
    assert explain_difference(AVERAGE, other_kind).kind == "not finite"
    cut = EDGED[1:, :-2].copy()
    cut[5, 5] = np.nan
    assert explain_difference(EDGED, cut) is None


def test_one_other_number_among_what_is_taken_along_is_no_permutation():
    shuffled = AVERAGE[RNG.permutation(40)].copy()
    shuffled[np.flatnonzero(np.isfinite(shuffled))[0]] += 0.25
    assert explain_difference(AVERAGE, shuffled).kind == "not finite"
