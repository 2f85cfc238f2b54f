"""The Fourier errors that photon noise makes of the frames of a trial."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from ptycho.arrays import Real
from ptycho.preflight.survey import Survey
from ptycho.preflight.trials.rivals import Evidence

NOISE_EVEN = 20.0  # photons: from here on the variance of their root is a quarter


def sample_floor(seen: Survey, evidence: Evidence) -> float:
    """What photon noise alone leaves as Fourier error, ``sqrt(sum var(sqrt n) / sum n)``."""
    intensity = evidence.amplitude.astype(np.float64) ** 2
    photons = intensity.sum() * _photons_a_value(seen)
    return float(np.sqrt(0.25 * (intensity > 0).sum() / max(photons, 1e-30)))


def noise_level(seen: Survey, evidence: Evidence) -> float:
    """The Fourier error of the mean frame against counts of its rates, ``sqrt(sum E(sqrt n - sqrt mu)**2 / sum mu)``.

    It is above the floor where pixels see less than a photon a frame, which a fit of few sweeps follows.
    """
    rates = (evidence.amplitude.astype(np.float64) ** 2).mean(axis=0) * _photons_a_value(seen)
    return float(np.sqrt(_missed_by_noise(rates).sum() / max(float(rates.sum()), 1e-30)))


def _photons_a_value(seen: Survey) -> float:
    return float(np.median(seen.photons_about / np.maximum(seen.energy, 1e-30)))


def _missed_by_noise(rate: Real) -> Real:
    """``E(sqrt n - sqrt mu)**2 = 2 mu - 2 sqrt(mu) E sqrt(n)`` of Poisson counts of the given rates, 1/4 for many."""
    known = np.concatenate([[0.0], np.geomspace(1e-4, NOISE_EVEN, 200)])
    n = np.arange(4 * int(NOISE_EVEN))
    often = np.exp(n * np.log(np.maximum(known, 1e-300))[:, None] - known[:, None] - gammaln(n + 1))
    missed = 2 * known - 2 * np.sqrt(known) * (np.sqrt(n) * often).sum(axis=1)
    return np.where(rate < NOISE_EVEN, np.interp(rate, known, missed), 0.25)
