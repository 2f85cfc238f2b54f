"""How a detector counted, told on rates that are known: photons are independent, and what spoils that is named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ptycho.preflight.counting.dim import dim_noise
from ptycho.preflight.counting.small import small_counts
from ptycho.preflight.counting.spectrum import noise_spectrum
from ptycho.preflight.counting.steps import gain_step
from ptycho.preflight.encoder import wrapped_bits
from ptycho.preflight.trials.rows import rows_of

FRAMES, SIDE = 60, 48
KNOWN = np.ones((SIDE, SIDE), bool)
NUMBERS = np.arange(FRAMES)


@pytest.fixture(scope="module")
def rates():
    """Smooth rates ``(M, n, n)`` from a hundredth of a photon to ten, which change by a third from frame to frame."""
    rng = np.random.default_rng(2)
    y, x = np.indices((SIDE, SIDE)) - SIDE / 2
    shape = 10 * np.exp(-np.hypot(x, y) / 4)
    change = gaussian_filter(rng.normal(size=(FRAMES, SIDE, SIDE)), (0, 4, 4))
    return shape * np.exp(0.3 * change / change.std())


@pytest.fixture(scope="module")
def counts(rates):
    """Poisson counts of these rates."""
    return np.random.default_rng(3).poisson(rates).astype(float)


def test_two_photons_split_as_photons_do(counts):
    found = small_counts(counts, KNOWN)
    assert found.split == pytest.approx(1, abs=0.06)
    assert found.missing == 0


@pytest.mark.parametrize("constant", [2, 3])
def test_what_a_subtracted_constant_leaves_splits_unevenly(rates, constant):
    counts = np.random.default_rng(3).poisson(rates + 1)
    assert small_counts(counts.astype(float), KNOWN).split == pytest.approx(1, abs=0.06)
    assert small_counts(np.maximum(counts - constant, 0).astype(float), KNOWN).split > 1.3


@pytest.mark.parametrize("threshold", [2, 3, 5])
def test_counts_below_a_threshold_are_missed(counts, threshold):
    assert small_counts(np.where(counts < threshold, 0, counts), KNOWN).missing == threshold - 1


def test_a_pedestal_is_no_threshold(counts):
    assert small_counts(counts + 5, KNOWN).missing == 0


@pytest.mark.parametrize("gain", [0.3, 1.5, 1.7, 2.7])
def test_a_gain_that_was_rounded_leaves_no_threshold(counts, gain):
    assert small_counts(np.rint(gain * counts), KNOWN).missing == 0


@pytest.mark.parametrize("photon", [1.0, None])
def test_photons_share_no_noise(counts, photon):
    found = dim_noise(counts, KNOWN, NUMBERS, photon)
    assert found.between_pixels == pytest.approx(0, abs=0.08)
    assert -0.2 < found.between_frames < 0.05  # what the light changes is no share
    assert found.unit == pytest.approx(1, abs=0.15)


def test_averaged_frames_share_half_of_it(counts):
    found = dim_noise((counts + np.roll(counts, -1, axis=0)) / 2, KNOWN, NUMBERS, None)
    assert found.between_frames == pytest.approx(0.5, abs=0.08)
    assert found.between_pixels == pytest.approx(0, abs=0.08)


def test_frames_that_are_no_neighbours_tell_nothing_of_each_other(counts):
    assert dim_noise(counts, KNOWN, 2 * NUMBERS, 1.0).between_frames is None


def test_a_point_spread_shares_it_between_pixels():
    dim = np.broadcast_to(0.002 * 2 ** (6 * np.arange(SIDE) / SIDE), (FRAMES, SIDE, SIDE))
    counts = np.random.default_rng(3).poisson(dim).astype(float)
    assert abs(dim_noise(counts, KNOWN, NUMBERS, None).between_pixels) < 0.08
    found = dim_noise(gaussian_filter(counts, (0, 0.6, 0.6)), KNOWN, NUMBERS, None)
    assert found.between_pixels == pytest.approx(np.exp(-1 / (4 * 0.6**2)), abs=0.12)  # a Gaussian's autocorrelation
    assert abs(found.between_frames) < 0.08


def test_rates_without_noise_and_few_frames_tell_nothing(rates, counts):
    assert dim_noise(rates, KNOWN, NUMBERS, None) is None
    assert dim_noise(counts[:20], KNOWN, NUMBERS[:20], 1.0) is None
    assert dim_noise(0 * counts, KNOWN, NUMBERS, 1.0) is None


def test_the_noise_of_photons_is_one_at_every_frequency(counts, rates):
    far = rates.mean(axis=0)
    found = noise_spectrum(counts, NUMBERS, far)
    assert found.level == pytest.approx(1, abs=0.1)
    assert found.step == pytest.approx(1, abs=0.1)
    assert noise_spectrum((counts + np.roll(counts, -1, axis=0)) / 2, NUMBERS, far).step == pytest.approx(
        0.25, abs=0.05
    )
    assert noise_spectrum(gaussian_filter(counts, (0, 1, 1)), NUMBERS, far).level < 0.01
    assert noise_spectrum(counts, 2 * NUMBERS, far).step is None


@pytest.mark.parametrize("side", ["columns", "rows"])
@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_step_is_found_where_it_is_and_as_large_as_it_is(rates, side, factor):
    mean = 1e3 * (rates.mean(axis=0) + 1)
    mean *= 1 + 0.01 * np.random.default_rng(0).normal(size=mean.shape)
    assert gain_step(mean, KNOWN, FRAMES, 1.0).score < 4
    half = np.where(np.arange(SIDE) < SIDE // 2, 1, factor)
    found = gain_step(mean * (half if side == "columns" else half[:, None]), KNOWN, FRAMES, 1.0)
    assert np.exp(found.change) == pytest.approx(factor, rel=0.03)
    assert found.score > 5
    assert found.where.startswith(f"between {side} {SIDE // 2 - 1}")


def test_no_light_tells_of_no_step(rates):
    assert gain_step(rates.mean(axis=0), np.zeros_like(KNOWN), FRAMES, 1.0) is None


@pytest.mark.parametrize(
    ("column", "bits"),
    [
        (np.arange(0, 200, 5.0), 0),
        (np.arange(-120, 120, 5.0), 0),
        ((np.arange(60, 200, 5) + 128) % 256 - 128, 8),
        (np.arange(-40, 100, 5) % 256, 8),
        (np.arange(-4000, 9000, 50) % 2**16, 16),
        (np.arange(-40, 100, 5) % 256 + 0.5, 0),
        (np.array([0, 5, 10, 200, 205, 210]), 0),
        (np.zeros(9), 0),
    ],
)
def test_whole_numbers_that_ran_over_their_bits(column, bits):
    assert wrapped_bits(np.asarray(column, float)) == bits


@pytest.mark.parametrize("snake", [False, True])
@pytest.mark.parametrize("fast", [0, 1])
def test_rows_are_those_of_the_raster(snake, fast):
    row, column = np.divmod(np.arange(90), 10)
    column = np.where(row % 2, 9 - column, column) if snake else column
    at = np.stack([column, row] if fast == 0 else [row, column], -1) * 5.0
    axis, found = rows_of(at + np.random.default_rng(0).uniform(-0.5, 0.5, at.shape))
    assert axis == fast
    assert (found == row).all()


def test_a_spiral_has_no_rows():
    index = np.arange(90)
    angle = index * 2.4
    assert rows_of(np.sqrt(index)[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)) is None
    assert rows_of(np.zeros((3, 2))) is None
