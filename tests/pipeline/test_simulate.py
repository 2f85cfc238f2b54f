"""Simulation: Parseval, photon scale and photon noise (docs/explanation/physics.md, "Forward model")."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho.config.experiment import MeasuredConfig, ScanConfig
from ptycho.config.scenario import load_scenario
from ptycho.data import simulation
from ptycho.data.simulation import detect, diffraction_amplitude, scan_positions, simulate_scan
from ptycho.errors import ConfigError, DataError
from ptycho.optics import objects, probes
from ptycho.optics.geometry import extract_patches


@pytest.fixture(scope="module")
def scene():
    """A small complex object, a probe and 40 positions."""
    obj = objects.complex_field(128, 3, 6.0, 0.5)
    probe = probes.normalize_probe(probes.idealized(64), 10.0, True)
    return obj, probe, np.random.default_rng(1).uniform(20, 108, (40, 2))


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 8, 16]))
def test_amplitudes_hold_the_exit_wave_s_energy(seed, N):
    """Parseval: sum A**2 = sum |psi|**2."""
    rng = np.random.default_rng(seed)
    psi = rng.standard_normal((3, N, N)) + 1j * rng.standard_normal((3, N, N))
    energy = np.sum(diffraction_amplitude(psi, N) ** 2, axis=(1, 2))
    np.testing.assert_allclose(energy, np.sum(np.abs(psi) ** 2, axis=(1, 2)), rtol=1e-12)


@pytest.mark.parametrize(("kx", "ky"), [(0, 0), (3, 0), (0, -2), (-4, 1)])
def test_a_plane_wave_diffracts_into_one_pixel_counted_from_the_middle(kx, ky):
    rows, columns = np.indices((16, 16))
    wave = np.exp(2j * np.pi * (kx * columns + ky * rows) / 16)
    wanted = np.zeros((16, 16))
    wanted[8 + ky, 8 + kx] = 16
    np.testing.assert_allclose(diffraction_amplitude(wave, 16), wanted, atol=1e-12)


def test_positions_take_all_x_first_and_stay_inside_the_margin():
    at = scan_positions(ScanConfig(images=500, seed=42, margin_px=10.0), 392)
    draws = np.random.RandomState(42).uniform(10, 382, 1000)
    np.testing.assert_array_equal(at, np.stack([draws[:500], draws[500:]], axis=-1))
    assert at.min() >= 10
    assert at.max() <= 382


def test_mean_counts_are_the_asked_photons(scene):
    amplitude, s = detect(*scene, 1e6, np.random.default_rng(0))
    counts = np.sum((s * amplitude.astype(np.float64)) ** 2, axis=(1, 2))
    assert counts.mean() == pytest.approx(1e6, rel=5 / np.sqrt(40 * 1e6))
    assert counts.std() > 0.05 * 1e6  # only the mean is scaled: bright places stay brighter


def test_the_scale_is_that_of_the_mean_exit_wave(scene):
    obj, probe, at = scene
    energy = np.mean(np.sum(np.abs(extract_patches(obj, at, 64) * probe) ** 2, axis=(1, 2)))
    _, s = detect(obj, probe, at, 1e7, np.random.default_rng(0))
    assert s == pytest.approx(np.sqrt(1e7 / energy), rel=1e-5)


def test_detected_photons_are_whole(scene):
    amplitude, s = detect(*scene, 1e5, np.random.default_rng(0))
    counts = (s * amplitude.astype(np.float64)) ** 2
    assert counts.max() > 100
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-3)


def test_another_fft_s_rounding_leaves_no_trace(scene, another_fft):
    """One photon that is counted otherwise changes all draws after it."""
    result, scale = detect(*scene, 1e9, np.random.default_rng(0))
    another_fft()
    again, same = detect(*scene, 1e9, np.random.default_rng(0))
    np.testing.assert_array_equal(again, result)
    assert same == pytest.approx(scale, rel=1e-12)


def test_noise_is_poisson_s(scene):
    """sqrt of a Poisson variable with many photons has variance 1/4; the counts' is their mean."""
    obj, probe, _ = scene
    at = np.repeat([[60.3, 64.8]], 400, axis=0)
    amplitude, s = detect(obj, probe, at, 1e5, np.random.default_rng(0))
    roots = s * amplitude.astype(np.float64)
    mean = np.mean(roots**2, axis=0)
    bright, dim = mean > 30, (mean > 0.1) & (mean < 5)
    assert min(bright.sum(), dim.sum()) > 100
    assert roots.var(axis=0)[bright].mean() == pytest.approx(0.25, rel=0.03)
    for part in (bright, dim):
        assert np.mean((roots**2).var(axis=0)[part] / mean[part]) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("nphotons", [1e5, 1e9])
def test_stored_data_are_in_units_of_the_exit_wave_at_any_dose(scene, nphotons):
    obj, probe, at = scene
    energy = np.mean(np.sum(np.abs(extract_patches(obj, at, 64) * probe) ** 2, axis=(1, 2)))
    amplitude, _ = detect(obj, probe, at, nphotons, np.random.default_rng(0))
    assert np.mean(np.sum(amplitude.astype(np.float64) ** 2, axis=(1, 2))) == pytest.approx(energy, rel=2e-3)


def test_more_photons_leave_less_noise(scene):
    obj, probe, at = scene
    clean = diffraction_amplitude(extract_patches(obj, at, 64) * probe, 64)
    noise = [
        np.sqrt(np.mean((detect(obj, probe, at, dose, np.random.default_rng(0))[0] - clean) ** 2))
        for dose in (1e7, 1e9)
    ]
    assert 5 < noise[0] / noise[1] < 10.5  # 10 where photons are many


def test_chunks_do_not_change_the_data(scene, monkeypatch):
    whole, s = detect(*scene, 1e6, np.random.default_rng(5))
    monkeypatch.setattr(simulation, "_CHUNK", 7)
    cut, t = detect(*scene, 1e6, np.random.default_rng(5))
    assert s == t
    np.testing.assert_array_equal(whole, cut)


@pytest.mark.parametrize("at", [(-0.1, 60), (60, -0.1), (128.1, 60), (60, 128.1)])
def test_positions_outside_the_object_are_refused_with_their_number(scene, at):
    obj, probe, good = scene
    with pytest.raises(DataError, match=r"1 of 41 scan positions lie outside the object of 128 x 128 pixels"):
        detect(obj, probe, np.concatenate([good, [at]]), 1e5, np.random.default_rng(0))


def test_a_data_set_says_everything_about_itself(gs2):
    config, dataset = gs2
    frames, sim = dataset.frames, config.simulate
    assert frames.diffraction.shape == (sim.scan.images, 64, 64)
    assert frames.diffraction.dtype == np.float32
    assert dataset.object_shape == dataset.truth.shape == (392, 392)
    assert dataset.nphotons == sim.nphotons
    np.testing.assert_array_equal(frames.ids, np.arange(sim.scan.images))
    np.testing.assert_array_equal(frames.positions, scan_positions(sim.scan, 392))
    counted = dataset.photon_scale**2 * frames.energy().mean()
    assert counted == pytest.approx(1e9, rel=1e-5)


@pytest.mark.parametrize("N", [128, 256])
def test_larger_patches_simulate_too(gs2, N):
    config = dataclasses.replace(gs2[0], N=N)
    scan = dataclasses.replace(config.simulate.scan, images=6)
    config = dataclasses.replace(config, simulate=dataclasses.replace(config.simulate, scan=scan))
    dataset = simulate_scan(config)
    assert dataset.frames.diffraction.shape == (6, N, N)
    assert dataset.probe.shape == (N, N)
    wave = extract_patches(dataset.truth, dataset.frames.positions, N) * dataset.probe
    np.testing.assert_allclose(dataset.frames.energy(), np.sum(np.abs(wave) ** 2, axis=(1, 2)), rtol=1e-3)


def test_simulating_twice_gives_the_same_bits(gs2):
    config, first = gs2
    again = simulate_scan(config)
    np.testing.assert_array_equal(first.frames.diffraction, again.frames.diffraction)
    assert first.photon_scale == again.photon_scale


@pytest.mark.parametrize("change", ["noise_seed", "scan", "object"])
def test_every_seed_changes_the_data(gs2, change):
    config, first = gs2
    sim = config.simulate
    old = getattr(sim, change)
    new = old + 1 if change == "noise_seed" else dataclasses.replace(old, seed=old.seed + 1)
    other = simulate_scan(dataclasses.replace(config, simulate=dataclasses.replace(sim, **{change: new})))
    assert np.abs(other.frames.diffraction - first.frames.diffraction).max() > 0


def test_simulating_leaves_numpy_s_global_state_alone(gs2):
    before = np.random.get_state()
    simulate_scan(gs2[0])
    for was, now in zip(before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_measured_scenarios_cannot_be_simulated():
    config = load_scenario("gs2_ideal", "smoke").config
    measured = MeasuredConfig("x.npz", "counts", True, "xy", 0)
    with pytest.raises(ConfigError, match="measured data: there is nothing to simulate"):
        simulate_scan(dataclasses.replace(config, simulate=None, measured=measured))
