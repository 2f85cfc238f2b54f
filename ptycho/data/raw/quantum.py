"""What one photon is in the values of a file: whether they are counts, amplitudes or logarithms of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.ndimage import binary_erosion, convolve, uniform_filter

from ptycho.arrays import Mask, Real

SAMPLE_FRAMES = 24
SAMPLE_VALUES = 400_000
FAINT_PERCENT = 10  # of the positive values: where no ladder tells, about what one photon is, or less
HIGHEST = np.outer([1, -4, 6, -4, 1], [1.0, -4, 6, -4, 1])  # a difference of the highest frequencies of both axes
NEAR_PX, LEAST_VARIED_PERCENT = 5, 10
SQUARES_LEAST = 5  # as many different values above 1 are not all squares by chance
ValueKind = Literal["counts", "amplitude", "squares", "logarithm", "unknown"]


@dataclass(frozen=True)
class Quantum:
    """``kind``: which function of whole numbers the values are; ``unit``: the value of one photon, or None.

    ``faint``: a small positive value among those that were seen, 0 where there are none.
    """

    kind: ValueKind
    unit: float | None
    whole: bool
    faint: float = 0.0


def photon_quantum(data: Any, largest: float = np.inf) -> Quantum:
    """What a sample of frames ``(M, n, n)`` says; values of ``largest`` and above, and what is no number, are left out.

    Poisson counts leave a ladder: whole numbers, their multiples by a gain, their square roots, or ``log(1 + n)`` of
    either.
    """
    step = max(1, data.shape[0] // SAMPLE_FRAMES)
    parts = [np.asarray(data[i : i + 1], np.float64).ravel() for i in range(0, data.shape[0], step)]
    values = np.concatenate(parts)
    values = values[np.isfinite(values) & (values > 0) & (values < largest)][:SAMPLE_VALUES]
    single = data.dtype.kind in "iu" or np.finfo(data.dtype).eps > 1e-10
    eps = 8 * float(np.finfo(np.float32 if single else np.float64).eps)
    if not values.size:
        return Quantum("unknown", None, False)
    return replace(_ladder(values, eps), faint=float(np.percentile(values, FAINT_PERCENT)))


def _ladder(values: Real, eps: float) -> Quantum:
    """Which function of whole numbers positive values are, told to within a relative ``eps``."""
    if _all_whole(values, 0.0 * values):
        if np.unique(values[values > 1]).size > SQUARES_LEAST and _all_whole(np.sqrt(values), eps * np.sqrt(values)):
            return Quantum("squares", None, True)
        return Quantum("counts", 1.0, True)
    unit = float(values.min())
    if _all_whole(values / unit, eps * values / unit):
        return Quantum("counts", unit, False)
    if _all_whole((values / unit) ** 2, eps * (values / unit) ** 2):
        return Quantum("amplitude", unit, False)
    for base in (1.0, np.log(10.0), np.log(2.0)):
        grown = np.expm1(np.minimum(values * base, 40))
        tolerance = eps * (grown + 1) * np.maximum(values * base, 1)
        if _all_whole(grown, tolerance) or _all_whole(grown**2, 2 * grown * tolerance):
            return Quantum("logarithm", None, False)
    return Quantum("unknown", None, False)


def photon_estimate(intensity: Real, valid: Mask) -> float:
    """About the value of one photon in frames ``(M, n, n)`` of intensities whose values are on no ladder; 0 for none.

    Photons make a variance of ``unit * mean`` in every pixel apart. What is diffracted is smooth: its spectrum is the
    autocorrelation of exit waves, which leaves the highest frequencies of both axes empty where the probe is narrower
    than the frame. A difference ``d`` by a kernel ``K`` of those frequencies has ``E d**2 = unit * (K**2 * mean)``. In
    those bright places where it is least, that is right to a fifth up to 1e6 photons in a frame of 64**2, and a few
    times too large for more. Noise of the detector counts like photons.
    """
    mean = intensity.mean(axis=0, dtype=np.float64)
    known = binary_erosion(valid, np.ones(HIGHEST.shape))
    square = np.zeros(mean.shape)
    for frame in intensity:
        square += convolve(np.asarray(frame, np.float64), HIGHEST, mode="constant") ** 2
    due = np.where(known, convolve(mean, HIGHEST**2, mode="constant"), 0)
    square = np.where(known, square / len(intensity), 0)
    if not due.any():
        return 0.0
    bright = due > np.median(due[due > 0])
    near = uniform_filter(square, NEAR_PX) / np.maximum(uniform_filter(due, NEAR_PX), 1e-300)
    return float(np.percentile(near[bright if bright.any() else due > 0], LEAST_VARIED_PERCENT))


def _all_whole(values: Real, tolerance: Real) -> bool:
    """Whether all values are whole; where the tolerance reaches a quarter nothing can be said, and 100 must tell."""
    tellable = tolerance < 0.25
    off = np.abs(values - np.rint(values))
    distinct = values[tellable].size >= min(100, values.size)
    return bool(distinct and tellable.any() and np.all((off <= tolerance)[tellable]))
