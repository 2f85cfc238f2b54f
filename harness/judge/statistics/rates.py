"""How often something happened, with the interval that its true rate lies in.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
(1934) 404: of ``k`` in ``n`` trials the limits are quantiles of beta distributions, and hold at least as often as they
say, however small ``n`` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import GoldenError

CONFIDENCE = 0.95


@dataclass(frozen=True)
class MeasuredRate:
    """``count`` of ``trials``, and the interval of the rate at confidence ``CONFIDENCE``."""

    count: int
    trials: int

    @property
    def low(self) -> float:
        """The lower end."""
        return clopper_pearson(self.count, self.trials)[0]

    @property
    def high(self) -> float:
        """The upper end."""
        return clopper_pearson(self.count, self.trials)[1]

    @property
    def text(self) -> str:
        """In words: ``1 of 30 (0.084 % to 17 %)``."""
        return f"{self.count} of {self.trials} ({100 * self.low:.2g} % to {100 * self.high:.2g} %)"


def clopper_pearson(count: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The limits of the rate of something that happened ``count`` times in ``trials``; 0 and 1 without trials."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(count, trials - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, trials - count, 1 - tail)) if count < trials else 1.0
    return low, high


def left_out_alarms(
    draws: Mapping[str, Sequence[float]], rate: float, resolution: Mapping[str, float]
) -> tuple[tuple[str, ...], ...]:
    """Of each member, in order, the values at which it lies outside the interval that all the others give at ``rate``.

    What is not finite in some member is left out: no interval is made of it.
    """
    from harness.judge.ensemble import quantile

    names = [a for a, d in draws.items() if np.isfinite(d).all()]
    if not names:
        return ()
    every = np.array([draws[a] for a in names], dtype=np.float64)  # values, members
    n = every.shape[1]
    if n < 3:
        raise GoldenError(f"of {n} members none can be held against the others: at least 3 are needed")
    mean, deviation = _moments_without_each(every)
    steps = np.array([resolution.get(a, 0.0) for a in names])[:, None]
    half = np.maximum(quantile(n - 2, rate) * np.sqrt(1 + 1 / (n - 1)) * deviation, steps)
    out = ~(np.abs(every - mean) <= half)
    return tuple(tuple(names[i] for i in np.flatnonzero(out[:, member])) for member in range(n))


def _moments_without_each(every: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the other members, for each member; both have the shape of ``every``."""
    n = every.shape[1]
    away = every - every.mean(axis=1, keepdims=True)  # so that nothing cancels
    mean = -away / (n - 1)
    squares = (away**2).sum(axis=1, keepdims=True) - away**2 - (n - 1) * mean**2
    return mean + every - away, np.sqrt(np.maximum(squares, 0.0) / (n - 2))
