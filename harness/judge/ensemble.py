"""Tolerance intervals of the statistical tier, from an ensemble of full runs.

A new run of a healthy pipeline is one more draw from the ensemble's distribution. With mean ``m``
and standard deviation ``s`` of ``N`` draws, it falls within ``m +- t_{N-1, 1-alpha/2V} sqrt(1 + 1/N) s``
with probability ``1 - alpha/V`` (a prediction interval; Hahn & Meeker, "Statistical Intervals",
chapter 4); Bonferroni's ``V`` values share the suite's false-alarm rate ``alpha``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact

SMALLEST_ENSEMBLE = 8  # members


@dataclass(frozen=True)
class Interval:
    """A prediction interval: of ``n`` members, at false-alarm rate ``alpha`` shared by ``values`` values."""

    low: float
    high: float
    mean: float
    deviation: float
    n: int
    alpha: float
    values: int

    @property
    def detectable(self) -> float:
        """The shift of the mean that is caught half the time: the interval's half width."""
        return (self.high - self.low) / 2


def interval(draws: Sequence[float], alpha: float, values: int) -> Interval:
    """The interval of a value from its ``draws``; raises GoldenError for too few of them."""
    from scipy.special import stdtrit  # t's quantile; scipy.stats would take a second to import

    n = len(draws)
    if n < SMALLEST_ENSEMBLE:
        raise GoldenError(
            f"an ensemble of {n} members is too small for an interval: at least {SMALLEST_ENSEMBLE} are needed"
        )
    mean = math.fsum(draws) / n
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in draws) / (n - 1))
    half = float(stdtrit(n - 1, 1 - alpha / (2 * values))) * math.sqrt(1 + 1 / n) * deviation
    return Interval(mean - half, mean + half, mean, deviation, n, alpha, values)


def intervals(ensemble: Artifact) -> dict[str, Interval]:
    """Every address's interval, from an accepted ensemble."""
    about = ensemble.values
    return {a: interval(draws, about["alpha"], about["values"]) for a, draws in about["draws"].items()}


def pooled(members: Mapping[int, Mapping[str, float]]) -> dict[str, list[float]]:
    """Each address's draws, in the members' order; raises GoldenError where a member lacks one."""
    first = next(iter(members.values()), {})
    for member, values in members.items():
        if set(values) != set(first):
            raise GoldenError(
                f"member {member} of the ensemble has other values than the first: {set(values) ^ set(first)}"
            )
    return {address: [values[address] for values in members.values()] for address in first}
