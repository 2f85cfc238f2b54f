"""Tolerance intervals of the statistical tier, from an ensemble of full runs.

A new run of a healthy pipeline is one more draw from the ensemble's distribution. With mean ``m``
and standard deviation ``s`` of ``N`` draws, it falls within ``m +- t_{N-1, 1-alpha/2V} sqrt(1 + 1/N) s``
with probability ``1 - alpha/V`` (a prediction interval; Hahn & Meeker, "Statistical Intervals",
chapter 4); Bonferroni's ``V`` values share the suite's false-alarm rate ``alpha``. A value that was equal in all
members did not show how it varies: its interval is at least its resolution wide on each side.

Errors, losses and distances are positive and skewed: their logarithms are about normal, they are not. So distances, and
numbers of which the members say so, are judged on the scale of their logarithms: the interval is that of logarithms.

The same interval, made of the other members, tells an outlier: some ``k`` members lie outside the interval of the
rest at rate ``alpha / (K C(N, k))``, and Bonferroni's union over every choice of up to ``K`` members keeps the rate at
which a healthy ensemble has any below ``alpha``, without an approximation.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact

SMALLEST_ENSEMBLE = 8  # members
CLOSER = 3.0  # times as narrow: then runs with one seed tell more of a value than runs with many
MEMBERS = "members"  # runs that differ in their seeds
_LARGEST_LOGARITHM = math.log(sys.float_info.max)
LIKELIER = 2.0  # by its logarithm, seven times: then a value is taken for lognormal
RELATIVE_RESOLUTION = 1e-6  # of floats: what another order of summation may do, as the deterministic tier allows


@dataclass(frozen=True)
class Interval:
    """A prediction interval: of ``n`` members, at false-alarm rate ``alpha`` shared by ``values`` values.

    ``shortest``: of a list's length, the shortest member's: items beyond it have no interval of their own. ``of``: what
    the members are. ``logarithmic``: made on the scale of logarithms; ``mean`` is then the geometric one, and
    ``deviation`` that of the logarithms times it.
    """

    low: float
    high: float
    mean: float
    deviation: float
    n: int
    alpha: float
    values: int
    shortest: int | None = None
    of: str = MEMBERS
    logarithmic: bool = False

    @property
    def widened(self) -> bool:
        """Whether it is as wide as its resolution, which the members' scatter does not fill."""
        own = quantile(self.n - 1, self.alpha / self.values) * math.sqrt(1 + 1 / self.n) * self.scatter
        return own < self.half * (1 - 1e-9)

    @property
    def half(self) -> float:
        """Its half width, on its scale."""
        if self.logarithmic:
            return on_scale(self.high, True) - on_scale(self.mean, True)
        return (self.high - self.low) / 2

    @property
    def scatter(self) -> float:
        """The members' standard deviation, on its scale."""
        return self.deviation / self.mean if self.logarithmic else self.deviation

    @property
    def detectable(self) -> float:
        """The shift of the mean that is caught half the time, in the value's own unit."""
        return self.shift(self.half)

    def shift(self, amount: float) -> float:
        """How far up from the mean ``amount`` on its scale is, in the value's own unit."""
        return self.mean * math.expm1(amount) if self.logarithmic else amount

    def away(self, value: float) -> float:
        """How far from the middle a value is, on its scale; infinite where it is none of it."""
        return abs(on_scale(value, self.logarithmic) - on_scale(self.mean, self.logarithmic))


def on_scale(value: float, logarithmic: bool) -> float:
    """A value as it is judged; by logarithms what is not positive is infinitely far from what is."""
    if not logarithmic:
        return value
    return math.log(value) if value > 0 else -math.inf


def as_judged(draws: Sequence[float], logarithmic: bool, step: float = 0.0) -> tuple[Sequence[float], float]:
    """The draws of a value, and its resolution, as they are judged.

    By logarithms a resolution is a share of the largest draw: relative ones are that, and others are not overrated.
    """
    if not logarithmic:
        return draws, step
    return [on_scale(x, True) for x in draws], step / max(draws)


def are_positive(draws: Sequence[float]) -> bool:
    """Whether all draws are finite and above zero, so that each has a logarithm."""
    return all(0 < x < math.inf for x in draws)


def fits_logarithms(draws: Sequence[float]) -> bool:
    """Whether draws are all positive, and far likelier lognormal than normal.

    The ratio is that of Box & Cox, "An analysis of transformations", J. Royal Stat. Soc. B 26 (1964) 211.
    That all are positive says little of a number that may have either sign, such as a small bias: an interval of
    logarithms would end just above zero.
    """
    if not are_positive(draws):
        return False
    logs = [math.log(x) for x in draws]
    spread, log_spread = _moments(draws)[1], _moments(logs)[1]
    if not 0 < spread < math.inf or log_spread == 0:
        return False
    return len(draws) * math.log(spread / log_spread) - math.fsum(logs) > LIKELIER


def interval(
    draws: Sequence[float], alpha: float, values: int, resolution: float = 0.0, logarithmic: bool = False
) -> Interval:
    """The interval of a value from its ``draws``; raises GoldenError for too few of them, or without bounds.

    ``logarithmic``: made of their logarithms; they must be positive.
    """
    n = len(draws)
    if n < SMALLEST_ENSEMBLE:
        raise GoldenError(
            f"an ensemble of {n} members is too small for an interval: at least {SMALLEST_ENSEMBLE} are needed"
        )
    mean, deviation = _moments([on_scale(x, logarithmic) for x in draws])
    half = quantile(n - 1, alpha / values) * math.sqrt(1 + 1 / n) * deviation
    low, high = mean - half, mean + half
    if logarithmic:
        low, high, mean = (math.exp(x) if x < _LARGEST_LOGARITHM else math.inf for x in (low, high, mean))
        mean = mean if deviation else draws[0]
        deviation *= mean
    low, high = min(low, mean - resolution), max(high, mean + resolution)
    if not math.isfinite(low) or not math.isfinite(high):
        raise GoldenError("the members of an ensemble lie so far apart that no interval holds them: calibrate again")
    return Interval(low, high, mean, deviation, n, alpha, values, logarithmic=logarithmic)


def logarithmic_of(about: Mapping[str, Any]) -> frozenset[str]:
    """The addresses that an ensemble judges by their logarithms."""
    return frozenset(about.get("logarithmic", ()))


def alone_rate(about: Mapping[str, Any]) -> float:
    """The false-alarm rate that single values share: what is judged together has a share of its own."""
    return float(about["alpha"]) * (1.0 - float(about.get("joint", {}).get("share", 0.0)))


def intervals(ensemble: Artifact) -> dict[str, Interval]:
    """Every address's interval, from an accepted ensemble; a list whose length varies has one of its length."""
    about = ensemble.values
    alpha, values, resolution = alone_rate(about), about["values"], about.get("resolution", {})
    logarithmic = logarithmic_of(about)
    found = {
        a: interval(draws, alpha, values, resolution.get(a, 0.0), a in logarithmic)
        for a, draws in about["draws"].items()
    }
    for address, lengths in about.get("lengths", {}).items():
        own = interval(lengths, alpha, values, 1.0)
        found[address] = dataclasses.replace(own, shortest=min(lengths))
    return found


def closer(seeds: Mapping[str, Interval], rounding: Mapping[str, Interval]) -> dict[str, Interval]:
    """By address, the interval that judges: that of runs with one seed where it is ``CLOSER`` than that of other seeds.

    A value that another seed moves, and rounding hardly does, is then held where the same seed leaves it on another
    machine.
    """
    near = {
        address: dataclasses.replace(own, of="runs with its own seed, moved as rounding may")
        for address, own in rounding.items()
        if address not in seeds or CLOSER * own.detectable < seeds[address].detectable
    }
    return {**seeds, **near}


def outliers(draws: Sequence[float], alpha: float, resolution: float = 0.0) -> tuple[int, ...]:
    """The places of draws that a healthy ensemble has at a rate below ``alpha``; what is not finite is always one.

    At most a quarter of the members: more are no outliers but two kinds of runs.
    """
    finite = [i for i, x in enumerate(draws) if math.isfinite(x)]
    lost = [i for i, x in enumerate(draws) if not math.isfinite(x)]
    middle = sorted(draws[i] for i in finite)[len(finite) // 2] if finite else 0.0
    furthest = sorted(finite, key=lambda i: abs(draws[i] - middle), reverse=True)
    most = len(finite) // 4
    for k in range(most, 0, -1):
        away, rest = furthest[:k], [draws[i] for i in furthest[k:]]
        rate = alpha / (most * math.comb(len(finite), k))
        if all(lies_outside(draws[i], rest, rate, resolution) for i in away):
            return tuple(sorted([*lost, *away]))
    return tuple(lost)


def lies_outside(draw: float, others: Sequence[float], rate: float, resolution: float = 0.0) -> bool:
    """Whether a draw lies outside the interval of others, which a healthy one does at ``rate``.

    They scatter at least as much as what is rounded to ``resolution`` does, whose standard deviation is 1 / √12 of it.
    """
    mean, deviation = _moments(others)
    scatter = max(deviation, resolution / math.sqrt(12))
    n = len(others)
    return not abs(draw - mean) <= quantile(n - 1, rate) * math.sqrt(1 + 1 / n) * scatter


def _moments(draws: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; NaN and infinity where the draws are too large for them."""
    n = len(draws)
    try:
        mean = math.fsum(draws) / n
        return mean, math.sqrt(math.fsum((x - mean) ** 2 for x in draws) / (n - 1))
    except (OverflowError, ValueError):
        return math.nan, math.inf


def quantile(freedom: int, rate: float) -> float:
    """Student's t that a draw exceeds, on either side, at ``rate``."""
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return float(stdtrit(freedom, 1 - rate / 2))


def pooled(members: Mapping[int, Mapping[str, float]]) -> dict[str, list[float]]:
    """Each address's draws, in the members' order; raises GoldenError where a member lacks one."""
    first = next(iter(members.values()), {})
    for member, values in members.items():
        if set(values) != set(first):
            other = ", ".join(sorted(set(values) ^ set(first))[:3])
            raise GoldenError(
                f"member {member} of the ensemble has other values than the first ({other}): "
                f"`--exclude {member} --reason ...` leaves it out"
            )
    return {address: [values[address] for values in members.values()] for address in first}
