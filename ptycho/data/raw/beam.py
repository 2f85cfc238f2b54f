"""The beam over a scan, from the frames' energies alone: dark frames, and a drift."""

from __future__ import annotations

import numpy as np

from ptycho.arrays import Mask, Real

DARK_SHARE = 0.01  # of a bright frame's energy (the 90th percentile): less, and the beam was off
TREND_ORDER = 3


def dark_frames(energy: Real) -> Mask:
    """``(M,)``: True where a frame has next to no energy beside the bright ones."""
    return np.asarray(energy <= DARK_SHARE * np.percentile(energy, 90))


def energy_trend(energy: Real, order: int = TREND_ORDER) -> Real:
    """The smooth course ``(M,)`` of positive energies over the frames' numbers, of geometric mean 1.

    A polynomial in the logarithm: an exponential decay is a straight line there.
    """
    at = np.linspace(-1, 1, len(energy))
    log = np.log(energy)
    course = np.polynomial.Polynomial.fit(at, log, min(order, max(len(energy) - 1, 0)))(at)
    return np.asarray(np.exp(course - course.mean()))
