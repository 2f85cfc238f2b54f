"""What a simulated experiment may have that the plain ones have not: modes, a gap, an absorber, exact shifts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ptycho.config.experiment import DetectorConfig, ProbeConfig
from ptycho.config.pipeline import ReferenceConfig
from ptycho.config.scenario import list_scenarios, load_scenario
from ptycho.data.frames import Frames
from ptycho.data.simulation import detect, diffraction_amplitude, make_mask, make_modes, simulate_scan
from ptycho.errors import ConfigError
from ptycho.optics import objects, probes
from ptycho.optics.geometry import extract_patches
from ptycho.reconstruction.oracle import epie, fourier_error

SHARES = ("simulate.probe.second_mode=0.2", "simulate.probe.third_mode=0.1")
GAP = ("simulate.detector.gap_px=4", "simulate.detector.gap_offset_px=3", "simulate.detector.bad_pixels=20")


def generator():
    return np.random.default_rng(7)


@pytest.fixture(scope="module")
def probe():
    return probes.normalize_probe(probes.idealized(64), 10.0, True)


@pytest.fixture(scope="module")
def scene(probe):
    obj = objects.complex_field(128, 3, 6.0, 0.5)
    return obj, probe, np.random.default_rng(1).uniform(34, 94, (60, 2))


def simulated(*overrides):
    return simulate_scan(load_scenario("gs2_ideal", "replay", overrides).config)


def test_what_is_spelled_out_is_what_it_was(scene):
    """The defaults are no option: the same bits as a call that knows of none."""
    plain, s = detect(*scene, 1e6, generator())
    same, t = detect(
        scene[0], make_modes(scene[1], ProbeConfig("idealized", 1.0, True, 0.7)), scene[2], 1e6, generator()
    )
    np.testing.assert_array_equal(plain, same)
    assert s == t
    assert make_mask(DetectorConfig(), 64) is None
    assert simulated().frames.mask is None


# Partial coherence


def test_modes_share_the_light_and_are_orthogonal(probe):
    modes = probes.incoherent_modes(probe, (0.2, 0.1)).astype(complex)
    gram = np.einsum("aij,bij->ab", modes.conj(), modes)
    energy = np.linalg.norm(probe) ** 2
    np.testing.assert_allclose(gram, energy * np.diag([0.7, 0.2, 0.1]), atol=1e-5 * energy)
    np.testing.assert_allclose(modes[0], np.sqrt(0.7) * probe, atol=1e-6)


def test_intensities_of_modes_add(scene):
    obj, probe, at = scene
    modes = probes.incoherent_modes(probe, (0.2, 0.1))
    amplitude, _ = detect(obj, modes, at, 1e12, generator())
    patches = extract_patches(obj, at, 64)
    wanted = np.sqrt(sum(diffraction_amplitude(patches * mode, 64) ** 2 for mode in modes))
    assert np.linalg.norm(amplitude - wanted) < 1e-3 * np.linalg.norm(wanted)


def test_a_partially_coherent_beam_is_told_by_the_oracle_s_error(scene):
    """It knows one mode, and no coherent wave has such diffraction."""
    obj, probe, at = scene
    settings = ReferenceConfig(sweeps=3, step=1.0, seed=0, update_probe_from=0)
    error = {}
    for name, beam in {"one": probe, "three": probes.incoherent_modes(probe, (0.2, 0.1))}.items():
        frames = Frames(detect(obj, beam, at, 1e8, generator())[0], at, np.arange(len(at)))
        *_, last = epie(frames, probe, obj.shape, settings)
        error[name] = last.fourier_error
    assert error["three"] > 2 * error["one"]


@pytest.mark.parametrize("wrong", [(0.3, 0.3), (-0.1, 0.0), (0.0, 0.6)])
def test_shares_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"probe\.(second|third)_mode"):
        ProbeConfig("idealized", 1.0, True, 0.7, second_mode=wrong[0], third_mode=wrong[1])


# The detector


def test_a_gap_and_bad_pixels_are_masked():
    mask = make_mask(DetectorConfig(gap_px=4, gap_offset_px=3, bad_pixels=20, seed=1), 64)
    assert not mask[:, 35:39].any()
    elsewhere = np.delete(~mask, np.s_[35:39], axis=1).sum()
    assert 10 <= elsewhere <= 20
    np.testing.assert_array_equal(mask, make_mask(DetectorConfig(4, 3, 20, 1), 64))
    assert (mask != make_mask(DetectorConfig(4, 3, 20, 2), 64)).any()


@pytest.mark.parametrize("offset", [-33, 29, 64])
def test_a_gap_outside_the_frame_is_refused(offset):
    with pytest.raises(ConfigError, match=r"detector\.gap_offset_px"):
        make_mask(DetectorConfig(4, offset), 64)


def test_a_masked_data_set_counts_the_photons_that_it_sees():
    whole, seen = simulated(), simulated(*GAP)
    mask = seen.frames.mask
    np.testing.assert_array_equal(seen.frames.diffraction, np.where(mask, whole.frames.diffraction, 0))
    assert seen.photon_scale == whole.photon_scale
    assert seen.nphotons == pytest.approx(seen.photon_scale**2 * seen.frames.energy().mean())
    assert 0.5 * whole.nphotons < seen.nphotons < whole.nphotons


# The object, the probe, and the shift


@pytest.mark.parametrize("transmission", [0.0, 0.3])
def test_the_star_lets_as_little_through_as_it_says(transmission):
    star = objects.opaque_star(128, transmission)
    assert np.abs(star).min() == pytest.approx(transmission, abs=1e-3)
    assert np.abs(star).max() == pytest.approx(1)
    assert (np.angle(star) == 0).all()
    assert 0.1 < (np.abs(star) < 0.5 * (1 + transmission)).mean() < 0.4


def test_exact_shifts_are_the_oracle_s_own_model(scene):
    """Without noise, nothing is left of the difference that bilinear data have."""
    obj, probe, at = scene
    error = {}
    for shift in ("bilinear", "fourier"):
        frames = Frames(detect(obj, probe, at, 1e12, generator(), shift)[0], at, np.arange(len(at)))
        error[shift] = fourier_error(obj, probe, frames)
    assert error["fourier"] < 1e-3 < error["bilinear"] < 0.02


def test_on_whole_pixels_both_shifts_agree(scene):
    obj, probe, at = scene
    whole = np.rint(at)
    one, other = (detect(obj, probe, whole, 1e6, generator(), shift)[0] for shift in ("bilinear", "fourier"))
    assert np.mean(one == other) > 0.999


def test_every_option_is_in_the_configuration_s_words():
    config = load_scenario("gs2_ideal", "replay", (*SHARES, *GAP, "simulate.shift=fourier")).config.simulate
    assert config.shift == "fourier"
    assert dataclasses.astuple(config.detector)[:3] == (4, 3, 20)
    assert simulate_scan(load_scenario("gs2_ideal", "replay", (*SHARES, "simulate.shift=fourier")).config)


# Scenarios


@pytest.mark.parametrize("name", ["masked_detector", "opaque_star", "partial_coherence", "asymmetric_probe"])
@pytest.mark.parametrize("profile", ["smoke", "replay", "cpu", "full"])
def test_the_scenarios_load(name, profile):
    assert load_scenario(name, profile).config.simulate is not None


def test_each_scenario_is_about_what_it_says():
    replay = {name: load_scenario(name, "replay").config.simulate for name in list_scenarios()}
    assert {name for name, sim in replay.items() if sim and sim.detector.gap_px} == {"masked_detector"}
    assert {name for name, sim in replay.items() if sim and sim.object.kind == "opaque_star"} == {"opaque_star"}
    assert {name for name, sim in replay.items() if sim and sim.probe.second_mode} == {"partial_coherence"}
    assert {name for name, sim in replay.items() if sim and sim.shift == "fourier"} == {"asymmetric_probe"}
    masked = simulate_scan(load_scenario("masked_detector", "replay").config).frames.mask
    assert (~masked).sum() > 4 * 64
