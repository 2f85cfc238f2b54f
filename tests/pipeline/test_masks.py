"""Masks of detector pixels: they travel with the frames, and what lies under one is seen by nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ptycho.config.pipeline import ReferenceConfig
from ptycho.data.frames import Frames
from ptycho.data.simulation import detect, diffraction_amplitude
from ptycho.errors import DataError
from ptycho.optics import objects, probes
from ptycho.optics.geometry import extract_patches
from ptycho.optics.projections import Projections, correction
from ptycho.quality import metrics
from ptycho.quality.telemetry import array_stats
from ptycho.reconstruction.oracle import diffracted_energy, epie, fourier_error


def some_frames(mask=None, count=5, side=8):
    values = np.random.default_rng(0).random((count, side, side)).astype(np.float32)
    return Frames(values, np.zeros((count, 2)), np.arange(count), mask)


@pytest.fixture
def mask():
    """A gap of two columns, and a hot pixel."""
    valid = np.ones((8, 8), bool)
    valid[:, 3:5] = valid[1, 6] = False
    return valid


@pytest.mark.parametrize("held", [0.0, 65535.0, 2.0**32 - 1, np.nan, np.inf, -1.0])
def test_whatever_lies_under_the_mask_is_zero(mask, held):
    plain = some_frames()
    values = plain.diffraction.copy()
    values[:, ~mask] = held
    frames = Frames(values, plain.positions, plain.ids, mask)
    np.testing.assert_array_equal(frames.diffraction, np.where(mask, plain.diffraction, 0))
    assert frames.diffraction.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(values), np.isnan(values) & ~mask)  # the caller's own are left alone
    wanted = np.sum(plain.diffraction[:, mask].astype(float) ** 2, axis=1)
    np.testing.assert_allclose(frames.energy(), wanted, rtol=1e-6)


def test_the_mask_goes_where_the_frames_go(mask):
    frames = some_frames(mask)
    assert frames.take(np.array([3, 1])).mask is frames.mask
    assert dataclasses.replace(frames, diffraction=2 * frames.diffraction).mask is frames.mask
    assert some_frames().take(np.array([0])).mask is None


def test_without_a_mask_the_frames_are_the_given_array():
    values = np.ones((2, 4, 4), np.float32)
    assert Frames(values, np.zeros((2, 2)), np.arange(2)).diffraction is values


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.ones((4, 4), bool), r"shape \(4, 4\)"),
        (np.ones((8, 8), np.uint8), "type uint8"),
        (np.zeros((8, 8), bool), "invert it"),
    ],
)
def test_a_mask_that_cannot_be_one_is_refused(wrong, says):
    with pytest.raises(DataError, match=says):
        some_frames(wrong)


def test_the_harness_keeps_the_mask_with_the_frames(mask):
    from guard.values import as_dataset

    frames = some_frames(mask)
    output = {
        "diffraction": frames.diffraction,
        "positions": frames.positions,
        "probe": np.ones((8, 8), np.complex64),
        "object_shape": [20, 20],
        "photon_scale": 1.0,
        "nphotons": 1.0,
        "truth": None,
    }
    assert as_dataset(output).frames.mask is None
    np.testing.assert_array_equal(as_dataset({**output, "mask": mask}).frames.mask, mask)


# The oracle, and every Fourier error


@pytest.fixture(scope="module")
def scene():
    """A complex object, a probe, 60 frames of 1e8 photons, and a module gap of four columns beside the middle."""
    obj = objects.complex_field(128, 3, 6.0, 0.5)
    probe = probes.normalize_probe(probes.idealized(64), 10.0, True)
    at = np.rint(np.random.default_rng(0).uniform(36, 92, (60, 2)))
    amplitude, _ = detect(obj, probe, at, 1e8, np.random.default_rng(1))
    gap = np.ones((64, 64), bool)
    gap[:, 35:39] = gap[12, 50] = False
    return obj, probe, Frames(amplitude, at, np.arange(60)), gap


def known(frames, mask):
    return dataclasses.replace(frames, mask=mask)


def as_zero(frames, mask):
    """What an error text once advised: the pixels set to zero, and nothing said."""
    return dataclasses.replace(frames, diffraction=np.where(mask, frames.diffraction, np.float32(0)))


def correlation(result, truth):
    support = np.zeros(truth.shape, bool)
    support[44:84, 44:84] = True
    aligned, _ = metrics.align_objects(result, truth, support)
    return metrics.quality_scores(aligned, truth, support)["amplitude"]["pearson_r"]


SETTINGS = ReferenceConfig(sweeps=12, step=1.0, seed=0, update_probe_from=0)


@pytest.mark.slow
def test_the_oracle_fills_a_gap_that_it_is_told_of(scene):
    obj, probe, frames, gap = scene
    found = {}
    for name, data in {"whole": frames, "masked": known(frames, gap), "zero": as_zero(frames, gap)}.items():
        *_, last = epie(data, probe, obj.shape, SETTINGS)
        found[name] = correlation(last.object, obj), fourier_error(last.object, probe, frames)
    assert found["masked"][0] > found["whole"][0] - 0.02
    assert found["masked"][1] < 2 * found["whole"][1]  # over *all* pixels: what the gap hid is predicted
    assert found["zero"][0] < 0.6
    assert found["zero"][1] > 5 * found["masked"][1]


def test_an_error_is_of_valid_pixels_only(scene):
    obj, probe, frames, gap = scene
    assert fourier_error(obj, probe, known(frames, gap)) < 0.004  # photon noise
    psi = extract_patches(obj, frames.positions, 64) * probe
    had = diffraction_amplitude(1.2 * psi, 64)[:, gap]
    wanted = np.sqrt(np.sum((frames.diffraction[:, gap] - had) ** 2) / np.sum(frames.diffraction[:, gap] ** 2.0))
    assert fourier_error(1.2 * obj, probe, known(frames, gap)) == pytest.approx(wanted, rel=1e-4)
    assert diffracted_energy(1.2 * obj, probe, known(frames, gap)) == pytest.approx(
        np.sum(had**2) / len(frames), rel=1e-5
    )
    first = next(epie(known(frames, gap), probe, obj.shape, SETTINGS))
    assert first.fourier_error < 0.4  # and so is the one that the oracle reports of itself


def test_a_masked_pixel_keeps_what_the_wave_has(scene):
    """One projection of a wave whose visible modulus is right already changes nothing."""
    obj, probe, _, gap = scene
    corner = np.fft.ifftshift(gap)
    canvas, start = (obj[None, 32:96, 32:96].astype(np.complex128) for _ in range(2))
    A = np.abs(np.fft.fft2(canvas * probe)) / 64
    P, measured = probe[None].astype(complex), 64 * A * corner
    seen = Projections(canvas, 64, 64, corner).update(np.zeros((1, 2), int), P, correction(P, 1.0), measured)
    np.testing.assert_allclose(canvas, start, atol=1e-12)
    assert np.sum((measured - seen.modulus) ** 2) / 64**2 < 1e-20
    assert np.sum(seen.modulus**2) / 64**2 == pytest.approx(np.sum(A[0, corner] ** 2))
    assert not seen.modulus[0, ~corner].any()


def test_the_start_is_what_the_visible_energy_demands(scene):
    """A flat object of 1.7 under any mask: energy and probe are seen through the same pixels."""
    _, probe, frames, gap = scene
    flat = np.full((128, 128), 1.7, np.complex64)
    amplitude = diffraction_amplitude(extract_patches(flat, frames.positions, 64) * probe, 64).astype(np.float32)
    data = known(dataclasses.replace(frames, diffraction=amplitude), gap)
    first = next(epie(data.take(np.array([0])), probe, flat.shape, SETTINGS))
    assert np.abs(first.object[0, 0]) == pytest.approx(1.7, rel=1e-5)
    assert np.sqrt(data.energy().mean()) / np.linalg.norm(probe) < 0.99 * 1.7  # as it would be without


def test_without_a_mask_the_norm_is_the_probe_s_own_and_an_empty_mask_changes_nothing(scene):
    obj, probe, frames, _ = scene
    assert probes.seen_norm(probe, None) == np.linalg.norm(probe.astype(np.complex128))
    all_valid = np.ones((64, 64), bool)
    assert probes.seen_norm(probe, all_valid) == pytest.approx(probes.seen_norm(probe, None), rel=1e-12)
    one, other = (next(epie(data, probe, obj.shape, SETTINGS)) for data in (frames, known(frames, all_valid)))
    np.testing.assert_allclose(other.object, one.object, rtol=1e-5)
    assert other.fourier_error == pytest.approx(one.fourier_error, rel=1e-9)


def test_a_mask_that_hides_the_probe_s_own_light_is_refused(scene):
    obj, probe, frames, _ = scene
    stop = np.hypot(*(np.indices((64, 64)) - 32)) > 12
    with pytest.raises(DataError, match=r"hides 9\d\.\d% of what the probe itself diffracts"):
        next(epie(known(frames, stop), probe, obj.shape, SETTINGS))


def test_statistics_count_valid_pixels(mask):
    frames = some_frames(mask)
    stats = array_stats([frames.diffraction], frames.diffraction.shape, mask)
    valid = frames.diffraction[:, mask]
    assert stats["mean"] == pytest.approx(valid.mean(), rel=1e-6)
    assert stats["min"] == valid.min() > 0
    assert stats["total_count"] == valid.size
