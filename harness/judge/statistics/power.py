"""How small a shift an interval sees: the minimum detectable shift, by the noncentral t distribution.

A run whose distribution is shifted by ``d`` lies at ``T = (x - m) / (s sqrt(1 + 1/N))`` of an ensemble of ``N``
members, and ``T`` has Student's distribution with ``N - 1`` degrees of freedom and noncentrality
``d / (sigma sqrt(1 + 1/N))`` (Hahn & Meeker, "Statistical Intervals", chapter 10). It is caught where ``|T|`` exceeds
the interval's t. What is detected with a given probability is the root of that in ``d``, with ``s`` for
``sigma``.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from harness.judge.ensemble import Interval, quantile

POWER = 0.9
"""How often a shift of the minimum detectable size is caught."""
_NODES = 2001


def detection(shift: float, interval: Interval) -> float:
    """How often a run that is shifted by ``shift``, on the interval's scale, lies outside it."""
    from scipy.special import ndtr

    half, scale = interval.half, _scale(interval)
    if scale == 0:
        return float(abs(shift) > half)
    if interval.widened:  # the interval is as wide as its resolution, whatever the members' scatter is
        return float(ndtr((abs(shift) - half) / scale) + ndtr((-abs(shift) - half) / scale))
    return detection_of_t(abs(shift) / scale, interval.n - 1, half / scale)


def detection_of_t(noncentrality: float, freedom: int, limit: float) -> float:
    """The probability that a noncentral t lies beyond ``limit`` on either side.

    Given the chi ``u`` in its denominator it is a normal probability; the integral over ``u`` is a trapezoid's, which
    is as exact as the numbers are where both ends vanish. (SciPy 1.17 gives NaN at some places of its own.)
    """
    from scipy.special import gammaln, ndtr

    u = np.linspace(0.0, 1 + 9 / math.sqrt(freedom), _NODES)[1:]
    log = math.log(2) + freedom / 2 * math.log(freedom / 2) - gammaln(freedom / 2)
    density = np.exp(log + (freedom - 1) * np.log(u) - freedom / 2 * u**2)
    caught = ndtr(noncentrality - limit * u) + ndtr(-noncentrality - limit * u)
    return float(np.sum(density * caught) * (u[1] - u[0]))


def minimum_detectable(interval: Interval, power: float = POWER) -> float:
    """The shift that is caught with probability ``power``, in the value's own unit."""
    return interval.shift(shift_on_scale(interval, power))


def shift_on_scale(interval: Interval, power: float = POWER) -> float:
    """The same on the interval's scale: of logarithms where it is made of them."""
    from scipy.special import ndtri

    half, scale = interval.half, _scale(interval)
    if scale == 0:
        return half
    if interval.widened:
        return half + scale * float(ndtri(power))
    return scale * _noncentrality(interval.n - 1, round(half / scale, 9), power)


@functools.lru_cache(maxsize=256)
def _noncentrality(freedom: int, limit: float, power: float) -> float:
    """The noncentrality at which t lies beyond ``limit`` with probability ``power``; ``limit`` in its units."""
    low, high = 0.0, limit + 4.0
    while detection_of_t(high, freedom, limit) < power:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if detection_of_t(middle, freedom, limit) < power else (low, middle)
    return high


def _scale(interval: Interval) -> float:
    """The standard deviation of a new run's distance from the members' mean."""
    return interval.scatter * math.sqrt(1 + 1 / interval.n)


def shift_in_deviations(members: int, rate: float, power: float = POWER) -> float:
    """The minimum detectable shift of any value, in standard deviations of the ensemble."""
    return math.sqrt(1 + 1 / members) * _noncentrality(members - 1, quantile(members - 1, rate), power)
