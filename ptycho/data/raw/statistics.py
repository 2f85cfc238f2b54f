"""What all frames of a detector say together, gathered chunk by chunk, so that memory does not grow with the scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho.arrays import Mask, Real

CHUNK_BYTES = 32 * 2**20
FLAG_RATIO = 1.25  # a type's largest value, this often the largest other one, is a flag and no saturated measurement


@dataclass(frozen=True)
class FrameStatistics:
    """Images ``(n, n)`` over all ``count`` frames, in the file's own values.

    ``mean``, ``variance``, ``largest`` and ``smallest`` are over what is a measurement: a flag (``top``, the largest
    value of the file's type), a negative value or one that is not finite is no part of them. ``flagged``,
    ``negative`` and ``non_finite`` count those, ``at_top`` the values at the type's largest that are measurements:
    saturated ones.
    """

    count: int
    mean: Real
    variance: Real
    largest: Real
    smallest: Real
    flagged: Real
    negative: Real
    non_finite: Real
    at_top: Real
    top: float | None


def chunks(data: Any, bytes_each: int = CHUNK_BYTES) -> Iterator[Real]:
    """Parts ``(m, n, n)`` of frames ``(M, n, n)`` that lie in memory or in an open file."""
    step = max(1, bytes_each // (8 * int(np.prod(data.shape[1:]))))
    for i in range(0, data.shape[0], step):
        yield np.asarray(data[i : i + step])


def frame_statistics(data: Any) -> FrameStatistics:
    """Statistics of frames ``(M, n, n)``, of any real type, in memory or in an open file."""
    shape = data.shape[1:]
    top = float(np.iinfo(data.dtype).max) if data.dtype.kind in "iu" else None
    total, square = np.zeros(shape), np.zeros(shape)
    largest, smallest = np.full(shape, -np.inf), np.full(shape, np.inf)
    counts = np.zeros((3, *shape), np.int64)
    for part in chunks(data):
        bad = _not_measured(part, top)
        counts += [which.sum(axis=0) for which in bad]
        any_bad = bad[0] | bad[1] | bad[2]
        spoilt = bool(any_bad.any())
        values = np.where(any_bad, 0, part) if spoilt else part
        total += values.sum(axis=0, dtype=np.float64)
        square += np.einsum("mij,mij->ij", values, values, dtype=np.float64)
        np.maximum(largest, values.max(axis=0), out=largest)
        np.minimum(smallest, (np.where(any_bad, np.inf, part) if spoilt else part).min(axis=0), out=smallest)
    seen = np.maximum(data.shape[0] - counts.sum(axis=0), 1)
    at_top, flagged = counts[0], counts[0]
    if top is not None and counts[0].any():  # far above all else it is a flag, near it a saturated pixel
        flag = largest.max() * FLAG_RATIO < top
        at_top, flagged = (0 * at_top, flagged) if flag else (at_top, 0 * flagged)
        largest = np.where(at_top > 0, top, largest)
    mean = total / seen
    variance = np.maximum(square / seen - mean**2, 0)
    return FrameStatistics(data.shape[0], mean, variance, largest, smallest, flagged, counts[1], counts[2], at_top, top)


def _not_measured(part: Real, top: float | None) -> tuple[Mask, Mask, Mask]:
    """Where a chunk is at its type's largest value, negative, or not finite."""
    none = np.zeros(part.shape, bool)
    if top is None:
        finite = np.isfinite(part)
        return none, (part < 0) & finite, ~finite
    return part == top, part < 0 if part.dtype.kind == "i" else none, none
