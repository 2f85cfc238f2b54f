"""Photon noise by inversion: a pixel's count is a quantile of the Poisson distribution, at a uniform of its own.

A generator that rejects (NumPy's ``poisson``) takes as many random numbers as it happens to need, so that a rate
which differs in its last bit can change every draw after it. Here each pixel has one uniform number at a fixed
place of the stream, and its count never falls when its rate rises: a rate that moves by a millionth of itself
moves the count by no more than that and a photon, and no other pixel.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, pdtr

from ptycho.arrays import Integer, Real

FEW = 16.0  # photons; below, the probabilities are summed
NEAR = 0.75  # of the deviate over sqrt(rate); beyond, the series is not trusted and the quantile is bisected
# r(s) - 1 with s^2 / 2 = 1 - r + r ln r, and ln(s sqrt(r) / (r - 1)) / ln r, as power series of s.
_RATIO: tuple[float, ...] = (
    0,
    1,
    1 / 6,
    -1 / 72,
    1 / 270,
    -23 / 17280,
    19 / 34020,
    -2.580513300999412e-4,
    1.2737605330197924e-4,
)
_RATIO += (-6.598050961818484e-05, 3.545877482777345e-05, -1.9616975974429186e-05, 1.1110503184882091e-05)
_RATIO += (-6.415829591770127e-06, 3.7656594239141905e-06, -2.2410437386755235e-06, 1.3497389011821444e-06)
_SHIFT: tuple[float, ...] = (
    1 / 3,
    -1 / 36,
    7 / 810,
    -137 / 38880,
    5 / 3024,
    -8.460045969691032e-4,
    4.5877152873037645e-4,
)
_SHIFT += (-2.592788640804973e-4, 1.510991101087885e-4, -9.015553057123253e-05, 5.480333590250778e-05)
_SLACK = 0.2  # over the rate: four times what is left out of the expansion, in photons
_ROUNDING = 1e-15  # times the rate: of the expansion itself
_BLOCK = 2**17  # elements that are worked on at one time: they fit in a core's cache
_LAST = 1 - 2.0**-40  # nearer to 1, sums of probabilities have not the digits to tell one uniform from another


def poisson_quantile(rate: Real, uniform: Real) -> Integer:
    """The smallest count whose Poisson probability of no more photons is at least ``uniform``, element by element.

    ``rate`` from 0 to 1e12, float64; ``uniform`` from 0 up to, not including, 1. Exact but for the rounding of the
    distribution function, and but for the last 1e-12 of the tail, which is cut off. Few photons: a sum of
    probabilities. Many: Temme's uniform expansion of the incomplete gamma function, solved for the count (M. B.
    Giles, Algorithm 955: Approximation of the inverse Poisson cumulative distribution function, ACM TOMS 42, 2016);
    wherever that lies too near to a whole number to round it safely, the distribution function decides.
    """
    counts = np.empty(rate.size, np.int64)
    for i in range(0, rate.size, _BLOCK):
        part = slice(i, i + _BLOCK)
        mean, u = rate.ravel()[part], np.minimum(uniform.ravel()[part], _LAST)
        many = mean >= FEW
        for which, solve in ((np.flatnonzero(~many), _summed), (np.flatnonzero(many), _expanded)):
            counts[part][which] = solve(mean[which], u[which])
    return counts.reshape(rate.shape)


def _summed(rate: Real, uniform: Real) -> Integer:
    """By adding probabilities until they reach the uniform; those that have reached it are left behind."""
    counts = np.zeros(rate.shape, np.int64)
    probability = np.exp(-rate)
    which = np.flatnonzero(uniform > probability)
    rate, uniform, probability = rate[which], uniform[which], probability[which]
    reached, count = probability.copy(), 0
    while which.size:
        count += 1
        probability *= rate / count
        reached += probability
        counts[which] = count
        above = uniform > reached
        if not above.all():
            which, rate, uniform = which[above], rate[above], uniform[above]
            probability, reached = probability[above], reached[above]
    return counts


def _expanded(rate: Real, uniform: Real) -> Integer:
    """By the expansion: ``x`` solves ``Q(x, rate) = uniform``, and the count is ``ceil(x) - 1``."""
    s = ndtri(uniform) / np.sqrt(rate)
    beyond = np.abs(s) > NEAR
    s[beyond] = 0.0
    x = rate + rate * _series(s, _RATIO) + _series(s, _SHIFT)
    nearest = np.rint(x)
    counts = np.ceil(x).astype(np.int64) - 1
    unsure = np.flatnonzero(np.abs(x - nearest) < _SLACK / rate + _ROUNDING * rate)
    below = nearest[unsure] - 1
    counts[unsure] = np.where(pdtr(below, rate[unsure]) >= uniform[unsure], below, below + 1).astype(np.int64)
    counts[beyond] = _bisected(rate[beyond], uniform[beyond])
    return counts


def _series(s: Real, coefficients: tuple[float, ...]) -> Real:
    """Horner's rule in place; NumPy's ``polyval`` makes two arrays a term."""
    total = np.full(s.shape, coefficients[-1])
    for c in coefficients[-2::-1]:
        total *= s
        total += c
    return total


def _bisected(rate: Real, uniform: Real) -> Integer:
    """By halving an interval that holds the quantile of any uniform that double precision has."""
    low = np.full(rate.shape, -1.0)
    high = np.ceil(rate + 10 * np.sqrt(rate) + 50)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = pdtr(np.maximum(middle, 0), rate) >= uniform
        low, high = np.where(enough | (middle < 0), low, middle), np.where(enough & (middle >= 0), middle, high)
    return high.astype(np.int64)
