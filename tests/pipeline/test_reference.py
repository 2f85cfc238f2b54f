"""The oracle: it converges where the data are right, and says so where they are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from ptycho.config.experiment import MeasuredConfig
from ptycho.config.pipeline import ReferenceConfig
from ptycho.data.frames import Frames
from ptycho.data.measured import load_measured
from ptycho.data.simulation import detect, diffraction_amplitude
from ptycho.optics import objects, probes
from ptycho.optics.geometry import extract_patches
from ptycho.optics.projections import Projections, correction
from ptycho.quality import metrics
from ptycho.reconstruction.oracle import diffracted_energy, epie, fourier_error

ONCE = ReferenceConfig(sweeps=1, step=1.0, seed=0, update_probe_from=0)
TEN = dataclasses.replace(ONCE, sweeps=10)


@pytest.fixture(scope="module")
def scene():
    """A complex object of 128 pixels, a probe, and 100 frames of 1e9 photons at sub-pixel positions."""
    obj = objects.complex_field(128, 3, 6.0, 0.5)
    probe = probes.normalize_probe(probes.idealized(64), 10.0, True)
    return obj, probe, recorded(obj, probe, np.random.default_rng(0).uniform(28, 100, (100, 2)))


@pytest.fixture(scope="module")
def iterates(scene):
    obj, probe, frames = scene
    return list(epie(frames, probe, obj.shape, TEN))


def recorded(obj, probe, at):
    amplitude, _ = detect(obj, probe, at, 1e9, np.random.default_rng(1))
    return Frames(amplitude, at, np.arange(len(at)))


def quality(result, truth):
    """Metrics over the part that every seed position of the scene illuminates."""
    support = np.zeros(truth.shape, bool)
    support[36:92, 36:92] = True
    aligned, _ = metrics.align_objects(result, truth, support)
    return metrics.quality_scores(aligned, truth, support)


@pytest.mark.slow
def test_the_fourier_error_falls_sweep_by_sweep(iterates):
    errors = [iterate.fourier_error for iterate in iterates]
    assert errors[0] > 0.1
    assert errors[-1] < 0.02
    assert sum(after < before for before, after in pairwise(errors)) >= 8


def test_the_object_is_found_without_any_scale(scene, iterates):
    result = quality(iterates[-1].object, scene[0])
    assert result["amplitude"]["pearson_r"] > 0.99
    assert abs(result["amplitude"]["relative_bias"]) < 0.005
    assert result["phase"]["pearson_r"] > 0.99
    assert result["phase"]["mae"] < 0.05


@pytest.mark.slow
def test_a_probe_with_phase_serves_as_well(scene):
    obj, at = scene[0], scene[2].positions
    probe = probes.normalize_probe(probes.defocused(64), 10.0, False)
    frames = recorded(obj, probe, at)
    *_, last = epie(frames, probe, obj.shape, TEN)
    assert last.fourier_error < 0.05
    assert quality(last.object, obj)["amplitude"]["pearson_r"] > 0.9


def test_one_iterate_is_streamed_after_every_sweep(scene):
    obj, probe, frames = scene
    stream = epie(frames.take(np.arange(20)), probe, obj.shape, dataclasses.replace(ONCE, sweeps=3))
    assert isinstance(stream, Iterator)
    first = next(stream)
    kept = first.object.copy()
    rest = list(stream)
    assert [first.sweep, *(iterate.sweep for iterate in rest)] == [1, 2, 3]
    np.testing.assert_array_equal(first.object, kept)  # an iterate is a copy, later sweeps leave it alone
    assert (rest[-1].object != kept).any()
    assert first.object.shape == obj.shape
    assert first.object.dtype == np.complex64


def test_the_same_seed_gives_the_same_object_and_another_does_not(scene):
    obj, probe, frames = scene
    part = frames.take(np.arange(20))
    one, again, other = (next(epie(part, probe, obj.shape, dataclasses.replace(ONCE, seed=seed))) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.object, again.object)
    assert (one.object != other.object).any()


def test_frames_and_probe_are_left_as_they_were(scene):
    obj, probe, frames = scene
    before = probe.copy(), frames.diffraction.copy()
    list(epie(frames, probe, obj.shape, dataclasses.replace(ONCE, update_probe_from=1)))
    np.testing.assert_array_equal(probe, before[0])
    np.testing.assert_array_equal(frames.diffraction, before[1])


def test_what_no_frame_saw_keeps_the_flat_start(scene):
    """The start is the amplitude that the data's energy demands, sqrt(mean sum A**2) / ||P||."""
    obj, probe, frames = scene
    one = frames.take(np.array([0]))
    result = next(epie(one, probe, obj.shape, ONCE)).object
    start = np.sqrt(one.energy()[0]) / np.linalg.norm(probe)
    x, y = frames.positions[0]
    rows, columns = np.indices(obj.shape)
    far = np.hypot(rows - y, columns - x) > 48
    np.testing.assert_allclose(result[far], start, rtol=1e-5)
    assert np.abs(result[~far] - start).max() > 0.1


def test_the_probe_stays_until_it_is_asked_to_change(scene):
    obj, probe, frames = scene
    settings = dataclasses.replace(ONCE, sweeps=3, update_probe_from=3)
    result = [iterate.probe for iterate in epie(frames, probe, obj.shape, settings)]
    np.testing.assert_array_equal(result[0], probe)
    np.testing.assert_array_equal(result[1], probe)
    assert np.abs(result[2] - probe).max() > 1e-4


def test_a_changing_probe_keeps_its_energy(scene):
    obj, probe, frames = scene
    settings = dataclasses.replace(ONCE, sweeps=3, update_probe_from=1)
    for iterate in epie(frames, probe, obj.shape, settings):
        assert np.linalg.norm(iterate.probe) == pytest.approx(np.linalg.norm(probe), rel=1e-5)
        assert abs(quality(iterate.object, obj)["amplitude"]["relative_bias"]) < 0.1


@pytest.mark.slow
def test_a_probe_that_is_somewhat_wrong_is_mended(scene):
    obj, probe, frames = scene
    wrong = probes.normalize_probe(probes.idealized(64, 0.8), 1.0, True)
    wrong = (wrong * (np.linalg.norm(probe) / np.linalg.norm(wrong))).astype(np.complex64)
    *_, fixed = epie(frames, wrong, obj.shape, TEN)
    *_, mended = epie(frames, wrong, obj.shape, dataclasses.replace(TEN, update_probe_from=2))
    assert mended.fourier_error < 0.5 * fixed.fourier_error

    def overlap(P):
        return abs(np.vdot(P, probe)) / (np.linalg.norm(P) * np.linalg.norm(probe))

    assert overlap(mended.probe) > overlap(wrong) + 0.005


def test_wrong_positions_are_told_by_the_fourier_error(scene, iterates):
    obj, probe, frames = scene
    swapped = dataclasses.replace(frames, positions=frames.positions[:, ::-1])
    *_, result = epie(swapped, probe, obj.shape, TEN)
    assert result.fourier_error > 5 * iterates[-1].fourier_error


# Errors of a given object


def test_the_truth_leaves_only_photon_noise(scene):
    """Half a photon's square root a pixel: sqrt(N**2 / 4 / nphotons), on whole pixels."""
    obj, probe, frames = scene
    whole = recorded(obj, probe, np.rint(frames.positions))
    assert fourier_error(obj, probe, whole) == pytest.approx(np.sqrt(64**2 / 4 / 1e9), rel=0.05)
    # In between, data by bilinear and probe by Fourier interpolation differ a little more.
    assert fourier_error(obj, probe, frames) < 0.01


def test_a_wrong_scale_is_an_error_of_its_size(scene):
    obj, probe, frames = scene
    assert fourier_error(1.3 * obj, probe, frames) == pytest.approx(0.3, rel=0.01)
    assert fourier_error(0 * obj, probe, frames) == pytest.approx(1)


def test_the_error_is_blind_to_a_global_phase(scene):
    obj, probe, frames = scene
    one, turned = (fourier_error(o, probe, frames) for o in (obj, obj * np.exp(1.1j)))
    assert one == pytest.approx(turned, rel=1e-3)


def test_the_oracle_s_object_has_the_error_that_it_reports(scene, iterates):
    """The report is taken before each update, so the finished object is a little better."""
    _, probe, frames = scene
    error = fourier_error(iterates[-1].object, probe, frames)
    assert 0.5 * iterates[-1].fourier_error < error <= iterates[-1].fourier_error


def test_diffracted_energy_is_that_of_the_exit_waves(scene):
    obj, probe, frames = scene
    at = np.rint(frames.positions[:20])
    energy = np.sum(diffraction_amplitude(extract_patches(obj, at, 64) * probe, 64) ** 2, axis=(1, 2)).mean()
    part = Frames(frames.diffraction[:20], at, np.arange(20))
    assert diffracted_energy(obj, probe, part) == pytest.approx(energy, rel=1e-5)
    assert diffracted_energy(2 * obj, probe, part) == pytest.approx(4 * energy, rel=1e-5)


@pytest.mark.slow
def test_the_siemens_star_says_which_scan_column_is_the_row(shared):
    """Swapped axes leave a larger error, on real data too (docs/explanation/physics.md, "The oracle")."""
    settings = dataclasses.replace(ONCE, sweeps=4, update_probe_from=2)
    errors = {}
    for order in ("yx", "xy"):
        path = str(shared / "siemens-star-small.npz.bz2")
        star = load_measured(MeasuredConfig(path, "counts", False, order, 0), 64)
        part = star.frames.take(np.arange(250))
        *_, last = epie(part, star.probe, star.object_shape, settings)
        errors[order] = last.fourier_error
    assert errors["yx"] < 0.15
    assert errors["xy"] > 1.5 * errors["yx"]


@pytest.mark.slow
def test_another_fft_s_rounding_is_below_single_precision(scene, iterates, another_fft):
    obj, probe, frames = scene
    another_fft()
    for result, again in zip(iterates, epie(frames, probe, obj.shape, TEN), strict=True):
        assert np.linalg.norm(again.object - result.object) <= 1e-10 * np.linalg.norm(result.object)
        assert again.fourier_error == pytest.approx(result.fourier_error, rel=1e-12)


# One update


def by_the_papers(patch, P, A, damping, mask=None):
    """rPIE, eq. 12, of one patch whose exit wave is padded to the frame's size."""
    n, psi = len(P), np.zeros(A.shape, complex)
    psi[:n, :n] = P * patch
    F = np.fft.fft2(psi)
    put = A * F / np.abs(F)
    change = np.fft.ifft2(put if mask is None else np.where(mask, put, F))[:n, :n] - P * patch
    light = np.abs(P) ** 2
    return patch + P.conj() * change / ((1 - damping) * light + damping * light.max())


@pytest.mark.parametrize(("kind", "rtol"), [(np.complex128, 1e-11), (np.complex64, 1e-4)])
@pytest.mark.parametrize("masked", [False, True])
def test_an_update_is_that_of_the_papers(kind, rtol, masked):
    """Three canvases, two frames each that overlap, so that arrays that are used again are seen to be."""
    rng = np.random.default_rng(0)

    def field(*shape):
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(kind)

    canvas, P, A = field(3, 12, 12), field(2, 3, 8, 8), rng.uniform(1, 2, (2, 3, 16, 16)).astype(kind(0).real.dtype)
    corners = rng.integers(0, 5, (2, 3, 2))
    mask = rng.random((16, 16)) < 0.8 if masked else None
    wanted = canvas.astype(complex)
    for frame, places in zip(zip(P, A, strict=True), corners, strict=True):
        for one, probe, modulus, (y, x) in zip(wanted, *frame, places, strict=True):
            here = slice(y, y + 8), slice(x, x + 8)
            one[here] = by_the_papers(one[here], probe, modulus, 0.3, mask)
    projections = Projections(canvas, 8, 16, mask)
    for probe, modulus, places in zip(P, A, corners, strict=True):
        projections.update(places, probe, correction(probe, 1.0, 0.3), modulus)
    np.testing.assert_allclose(canvas, wanted, rtol=rtol, atol=rtol)


# Damping and softness


def test_one_and_zero_are_epie_itself(scene):
    obj, probe, frames = scene
    part = frames.take(np.arange(20))
    plain, same = (next(epie(part, probe, obj.shape, s)) for s in (ONCE, dataclasses.replace(ONCE, damping=1.0)))
    np.testing.assert_array_equal(plain.object, same.object)


@pytest.mark.parametrize("softness", [0.0, 0.1, 0.5])
def test_a_right_wave_is_left_alone(scene, softness):
    """Neither denominator moves the fixed point: where the modulus is right nothing changes."""
    obj, probe, _ = scene
    canvas, start = (obj[None, 32:96, 32:96].astype(np.complex128) for _ in range(2))
    A = np.abs(np.fft.fft2(canvas * probe)) / 64
    P = probe[None].astype(complex)
    Projections(canvas, 64, 64, softness=softness).update(np.zeros((1, 2), int), P, correction(P, 1.0, 0.25), 64 * A)
    np.testing.assert_allclose(canvas, start, atol=1e-10)


def projected(wave, modulus, softness):
    """A wave with the modulus put in: an object under a probe of one."""
    canvas, ones = wave.copy(), np.ones_like(wave)
    Projections(canvas, 8, 8, softness=softness).update(np.zeros((1, 2), int), ones, correction(ones, 1.0), modulus)
    return canvas


def test_a_node_that_noise_lit_is_not_blown_up():
    """A wave with next to nothing where photons were counted: the hard factor makes 2 A of a change of sign."""
    A, tiny = np.full((1, 8, 8), 3.0), 1e-3
    change = {}
    for softness in (0.0, 0.5):
        waves = [np.fft.ifft2(np.full((1, 8, 8), sign * tiny + 0j)) for sign in (1, -1)]
        there, back = (projected(wave, A, softness) for wave in waves)
        change[softness] = np.abs(np.fft.fft2(there - back)).max()
    assert change[0.0] == pytest.approx(6.0)
    assert change[0.5] < 0.01


@pytest.mark.slow
def test_damping_converges_further_in_as_many_sweeps(scene, iterates):
    obj, probe, frames = scene
    *_, last = epie(frames, probe, obj.shape, dataclasses.replace(TEN, damping=0.1))
    assert last.fourier_error < 0.9 * iterates[-1].fourier_error


@pytest.mark.slow
def test_softness_keeps_rounding_small_where_photons_are_few(scene, another_fft):
    """Noisy frames and a probe that is corrected: as measured data are."""
    obj, probe, frames = scene
    noisy, _ = detect(obj, probe, frames.positions, 3e3, np.random.default_rng(2))
    data = dataclasses.replace(frames, diffraction=noisy)
    hard = dataclasses.replace(TEN, step=0.5, update_probe_from=2)
    both = {"hard": hard, "soft": dataclasses.replace(hard, damping=0.25, softness=0.5)}
    first = {name: list(epie(data, probe, obj.shape, s))[-1] for name, s in both.items()}
    another_fft()
    again = {name: list(epie(data, probe, obj.shape, s))[-1] for name, s in both.items()}
    grown = {k: np.linalg.norm(again[k].object - first[k].object) / np.linalg.norm(first[k].object) for k in both}
    assert grown["soft"] < 1e-7 < grown["hard"]
    assert first["soft"].fourier_error < 1.02 * first["hard"].fourier_error
