"""About how many photons there are, where no ladder of them is left: the noise of the frames says it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from star_scan import N, scan_of

from ptycho.data.frames import Frames
from ptycho.data.raw.quantum import photon_estimate
from ptycho.quality.gates import photon_floor

EVERYWHERE = np.ones((N, N), bool)


@pytest.fixture(scope="module", params=["asymmetric", "disk"])
def rates(request):
    """Frames without noise, of one photon a frame, and what Poisson's draws make of them."""
    scan = scan_of(probe=request.param, photons=1e9)
    return scan.data / scan.data.sum((1, 2)).mean()


@pytest.mark.parametrize("photons", [1e3, 1e4, 1e5, 1e6])
@pytest.mark.parametrize("gain", [1.0, 0.013, 700.0])
def test_a_photon_is_told_to_a_quarter_from_the_noise_alone(rates, photons, gain):
    counts = gain * np.random.default_rng(0).poisson(photons * rates)
    assert photon_estimate(counts, EVERYWHERE) == pytest.approx(gain, rel=0.25)


def test_very_many_photons_make_it_too_large_by_a_small_factor_and_no_noise_next_to_nothing(rates):
    assert 0.8 < photon_estimate(np.random.default_rng(0).poisson(1e8 * rates), EVERYWHERE) < 10
    assert photon_estimate(1e6 * rates, EVERYWHERE) < 0.2
    assert photon_estimate(0 * rates, EVERYWHERE) == 0


def test_bad_pixels_take_no_part(rates):
    counts = np.random.default_rng(0).poisson(1e4 * rates).astype(float)
    valid = EVERYWHERE.copy()
    valid[20:24] = valid[30, 30] = False
    wanted = photon_estimate(counts, valid)
    assert wanted == pytest.approx(1, rel=0.25)
    counts[:, ~valid] = 0
    assert photon_estimate(counts, valid) == wanted


def test_the_floor_of_corrected_counts_is_that_of_the_counts(rates):
    counts = np.random.default_rng(0).poisson(1e4 * rates)
    flat = np.random.default_rng(1).uniform(0.9, 1.1, (N, N))
    whole, corrected = (
        Frames(np.sqrt(values).astype(np.float32), np.zeros((len(counts), 2)), np.arange(len(counts)))
        for values in (counts, counts * flat)
    )
    known = photon_floor(whole)
    assert photon_floor(corrected) == pytest.approx(known, rel=0.15)
    masked = dataclasses.replace(corrected, mask=EVERYWHERE & (np.arange(N) != 30))
    assert photon_floor(masked) == pytest.approx(known, rel=0.15)
