"""What one photon is in the values of a file: whether they are counts, amplitudes or logarithms of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ptycho.arrays import Real

SAMPLE_FRAMES = 24
SAMPLE_VALUES = 400_000
FAINT_PERCENT = 10  # of the positive values: where no ladder tells, about what one photon is, or less
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

    Poisson counts leave a ladder: whole numbers, their multiples by a gain, their square roots, or ``log(1 + n)``.
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
        if _all_whole(grown, eps * (grown + 1) * np.maximum(values * base, 1)):
            return Quantum("logarithm", None, False)
    return Quantum("unknown", None, False)


def _all_whole(values: Real, tolerance: Real) -> bool:
    """Whether all values are whole; where the tolerance reaches a quarter nothing can be said, and 100 must tell."""
    tellable = tolerance < 0.25
    off = np.abs(values - np.rint(values))
    distinct = values[tellable].size >= min(100, values.size)
    return bool(distinct and tellable.any() and np.all((off <= tolerance)[tellable]))
