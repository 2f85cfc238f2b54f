"""Small counts: how neighbouring pixels split them, and which never occur.

``s`` photons on three pixels of a like rate fall on each with a third, whatever that rate is: the mean square of
``a - 2b + c`` over ``2s`` is 1, and a little more where rates differ. Where a constant was subtracted and the rest
set to zero, a count says less of its neighbour's: it is 1.5 for a constant of three. Where counts below a threshold
were set to zero, values are missing that photons cannot leave out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho.arrays import Mask, Real

LARGEST = 64
TRIPLES = 2  # photons that three neighbours share


@dataclass(frozen=True)
class SmallCounts:
    """``split``: of two photons over three pixels, 1 for Poisson's; ``triples`` are so many. ``missing``: the largest
    count that never occurs while all above it do; ``above``: how often the next does."""

    split: float
    triples: int
    missing: int
    above: int


def small_counts(photons: Real, known: Mask) -> SmallCounts:
    """What frames ``(S, n, n)`` in photons tell by their small counts in ``known`` pixels."""
    square, count = 0.0, 0
    for axis in (1, 2):
        first, middle, last = (_along(photons, axis, k) for k in range(3))
        fine = np.logical_and.reduce([_along(known[None], axis, k) for k in range(3)])
        two = (first + middle + last == TRIPLES) & fine
        square += float(np.square(first - 2 * middle + last)[two].sum(dtype=np.float64))
        count += int(two.sum())
    low = photons[:, known]
    often = np.bincount(low[low < LARGEST].astype(np.int64), minlength=LARGEST)
    missing = _missing(often) if often[0] else 0  # without zeros a pedestal lies under all
    return SmallCounts(square / max(count, 1) / (2 * TRIPLES), count, missing, int(often[missing + 1]))


def _along(image: Real, axis: int, start: int) -> Real:
    """Every pixel's ``start``-th neighbour along an axis, where all three exist."""
    return np.take(image, range(start, image.shape[axis] - 2 + start), axis=axis)


def _missing(often: Real) -> int:
    """The largest of the counts from 1 on that never occur, while twice as many above them all do; else 0.

    Values in other units than photons, rounded, leave out counts among those above as well.
    """
    first = int(np.argmax(often[1:] > 0)) + 1
    reach = often[first : 2 * first + 2]
    return first - 1 if first > 1 and reach.size == first + 2 and reach.min() > 0 else 0
