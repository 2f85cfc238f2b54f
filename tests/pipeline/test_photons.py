"""Photon noise by inversion: it is Poisson's, it rises with the rate, and rounding moves next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincc, ndtr
from scipy.stats import chi2, poisson

from ptycho.data import photons
from ptycho.data.photons import FEW, NEAR, poisson_quantile
from ptycho.data.simulation import detect
from ptycho.optics import objects, probes

DECADES = [0.0, 1e-6, 0.03, 0.7, 3.0, 12.0, FEW - 1e-9, FEW, 25.0, 80.0, 700.0, 1e4, 1e6, 1e9]
uniforms = st.floats(0, 1, exclude_max=True)


def drawn(rate, count, seed=0):
    uniform = np.random.default_rng(seed).random(count)
    return poisson_quantile(np.full(count, float(rate)), uniform), uniform


@pytest.mark.parametrize("rate", DECADES)
def test_the_count_is_the_quantile(rate):
    """The least count whose distribution function reaches the uniform, as SciPy's says but for its rounding."""
    counts, uniform = drawn(rate, 20_000)
    if rate > 1e5:  # beyond 4.5 deviations SciPy's own is off there: at 1e9 by 2e-6, which are thousands of photons
        near = np.abs(counts - rate) < 4.4 * np.sqrt(rate)
        assert near.mean() > 0.999
        counts, uniform = counts[near], uniform[near]
    assert (poisson.cdf(counts, rate) >= uniform - 1e-12).all()
    assert (poisson.cdf(counts - 1, rate)[counts > 0] < uniform[counts > 0] + 1e-12).all()


@pytest.mark.parametrize("rate", DECADES[1:])
def test_mean_and_variance_are_the_rate(rate):
    counts, _ = drawn(rate, 100_000, seed=3)
    error = np.sqrt(rate / counts.size)
    assert abs(counts.mean() - rate) < 5 * error
    spread = np.sqrt((2 * rate**2 + rate) / counts.size)
    assert abs(np.mean((counts - rate) ** 2) - rate) < 5 * spread


@pytest.mark.parametrize("rate", [0.3, 2.0, 15.5, 16.5, 60.0, 2e3, 3e7])
def test_the_distribution_is_poisson_s(rate):
    """Chi-square over fifty bins of about equal probability."""
    counts, _ = drawn(rate, 200_000, seed=4)
    edges = np.unique(poisson.ppf(np.linspace(0, 1, 51)[1:-1], rate))
    seen = np.bincount(np.searchsorted(edges, counts), minlength=len(edges) + 1)
    wanted = np.diff(np.concatenate([[0], poisson.cdf(edges, rate), [1]])) * counts.size
    keep = wanted > 5
    statistic = np.sum((seen - wanted)[keep] ** 2 / wanted[keep])
    assert chi2.sf(statistic, keep.sum() - 1) > 1e-4


@given(st.floats(0, 1e9), st.floats(0, 0.5), uniforms)
def test_more_light_never_leaves_fewer_photons(rate, more, uniform):
    rates = np.array([rate, rate * (1 + 1e-12), rate * (1 + 1e-7), rate * (1 + more), rate + more])
    counts = poisson_quantile(np.sort(rates), np.full(5, uniform))
    assert (np.diff(counts) >= 0).all()


@given(st.floats(0, 1e9), uniforms)
def test_a_rate_moved_by_a_ten_millionth_moves_a_photon_at_most(rate, uniform):
    """Or, in the brightest pixels, as many as the rate itself moved by, and one."""
    before, after = poisson_quantile(np.array([rate, rate * (1 + 1e-7)]), np.full(2, uniform))
    assert 0 <= after - before <= 1 + np.ceil(1.1e-7 * rate)


def test_where_the_ways_of_computing_meet_they_agree():
    """At FEW photons, and where the series is left for bisection."""
    uniform = np.linspace(0, 1, 4001)[:-1]
    low, high = (poisson_quantile(np.full(4000, rate), uniform) for rate in (np.nextafter(FEW, 0), FEW))
    np.testing.assert_array_equal(low, high)
    tail = np.concatenate([np.geomspace(1e-12, 1e-2, 500), 1 - np.geomspace(1e-11, 1e-2, 500)])
    counts = poisson_quantile(np.full(1000, 40.0), tail)
    assert np.abs(counts - 40).max() / 40 > NEAR
    np.testing.assert_array_equal(counts, poisson.ppf(tail, 40.0))


def test_the_series_solves_its_equation():
    s = np.linspace(-NEAR, NEAR, 101)
    r = 1 + photons._series(s, photons._RATIO)
    np.testing.assert_allclose(2 * (1 - r + r * np.log(r)), s**2, atol=1e-6)


@pytest.mark.parametrize("rate", [16.0, 40.0, 1e3, 1e5])
def test_what_the_expansion_leaves_out_is_within_the_slack(rate):
    """The count is decided by the distribution function wherever rounding could go wrong."""
    s = np.linspace(-1, 1, 201) * min(NEAR, 4 / np.sqrt(rate))
    x = rate + rate * photons._series(s, photons._RATIO) + photons._series(s, photons._SHIFT)
    density = (gammaincc(x + 1e-3, rate) - gammaincc(x - 1e-3, rate)) / 2e-3
    error = (gammaincc(x, rate) - ndtr(s * np.sqrt(rate))) / density
    assert np.abs(error).max() < photons._SLACK / rate / 3


@given(st.integers(1, 5))
def test_blocks_do_not_change_the_counts(blocks):
    rate, uniform = np.random.default_rng(0).gamma(1.0, 30.0, (7, 31)), np.random.default_rng(1).random((7, 31))
    whole = poisson_quantile(rate, uniform)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photons, "_BLOCK", 217 // blocks)
        np.testing.assert_array_equal(poisson_quantile(rate, uniform), whole)


# In the simulation


@pytest.fixture(scope="module")
def scene():
    obj = objects.complex_field(128, 3, 6.0, 0.5)
    probe = probes.normalize_probe(probes.idealized(64), 10.0, True)
    return obj, probe, np.random.default_rng(1).uniform(20, 108, (40, 2))


def detected(obj, probe, at, nphotons):
    amplitude, s = detect(obj, probe, at, nphotons, np.random.default_rng(7))
    return np.rint((s * amplitude.astype(np.float64)) ** 2)


def test_rounding_moves_few_photons_and_no_draw_after_them(scene):
    """A mathematically equal computation differs by about 1e-7 where it is in single precision."""
    obj, probe, at = scene
    turned = (obj * np.exp(2j)).astype(np.complex64)  # the same diffraction, otherwise rounded
    before, after = detected(obj, probe, at, 1e9), detected(turned, probe, at, 1e9)
    moved, dim = before != after, before < 1e4
    assert moved.sum() > 0
    assert moved[dim].sum() < 1e-3 * dim.sum()
    assert np.abs(before - after)[dim].max() <= 1
    assert (np.abs(before - after) <= 1 + 1e-6 * before).all()


def test_a_frame_s_noise_is_its_own(scene):
    """Another frame may come, go or change: what is drawn in this one depends on its place in the scan alone."""
    obj, probe, at = scene
    other = np.concatenate([at[:20], 64 + 0 * at[20:]])
    few, _ = detect(obj, probe, at, 1e6, np.random.default_rng(7))
    many, _ = detect(obj, probe, other, 1e6, np.random.default_rng(7))
    own = np.random.default_rng(7)
    own.bit_generator.advance(3 * 64 * 64)  # the fourth frame's numbers, without those before
    alone = own.random((64, 64))
    np.testing.assert_array_equal(alone, np.random.default_rng(7).random((4, 64, 64))[3])
    assert np.corrcoef(few[3].ravel(), many[3].ravel())[0, 1] > 0.9999
