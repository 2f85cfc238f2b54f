"""What the network is given: right units, each group alone, and an estimate that is worth having."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups, make_groups
from ptycho.data.normalization import compute_scales
from ptycho.data.simulation import diffraction_amplitude
from ptycho.errors import DataError
from ptycho.model.features import FeatureMaker
from ptycho.optics import probes
from ptycho.optics.geometry import extract_patches
from ptycho.pipeline import stages


def fourier_error(maker, groups, canvas, corners, measured):
    """``sqrt(sum (A - |F|)**2 / sum A**2)`` of the groups' canvases, whole images at once."""
    N, w = maker.probe.shape[-1], maker.window
    crop = slice((N - w) // 2, (N + w) // 2)
    error = 0.0
    for b in range(len(groups)):
        moved = probes.shift_probe(maker.probe, groups.offsets[b] - groups.shifts[b])[:, crop, crop]
        for c, (row, column) in enumerate(corners[b]):
            psi = moved[c] * canvas[b, row : row + w, column : column + w]
            error += np.sum((measured[b, c] - diffraction_amplitude(np.pad(psi, (N - w) // 2), N)) ** 2)
    return float(np.sqrt(error / np.sum(measured.astype(float) ** 2)))


def test_inputs_have_the_stated_shapes_and_units(scene):
    small = scene()
    _, maker = small.model()
    groups = small.group.train
    inputs = maker(small.split.train, groups)
    shapes = {name: (value.shape, value.dtype) for name, value in inputs.items()}
    single = np.dtype(np.float32)
    assert shapes == {
        "diffraction": ((24, 4, 64, 64), single),
        "offsets": ((24, 4, 2), single),
        "estimate": ((24, 4, 4, 32, 32), single),
    }
    photons = inputs["diffraction"].astype(float) ** 2
    counted = (small.split.train.diffraction[groups.members] * small.dataset.photon_scale) ** 2
    ratio = photons.sum() / counted.sum()
    np.testing.assert_allclose(photons, ratio * counted, atol=1e-6 * photons.max())
    assert photons.sum((-2, -1)).mean() == pytest.approx(small.scales.nphotons, rel=1e-5)


def test_amplitude_features_have_no_estimate(scene):
    small = scene("model.features=amplitude")
    inputs = small.model()[1](small.split.train, small.group.train.take(slice(0, 2)))
    assert sorted(inputs) == ["diffraction", "offsets"]


def test_batches_are_all_groups_in_order(scene):
    small = scene()
    _, maker = small.model()
    frames, groups = small.group.frames, small.group.infer
    parts = list(maker.batches(frames, groups, 10))
    assert [len(inputs["offsets"]) for _, inputs in parts] == [10, 10, 10, 6]
    whole = maker(frames, groups)
    for which, inputs in parts:
        for name, value in inputs.items():
            np.testing.assert_allclose(value, whole[name][which], atol=1e-6 * np.abs(whole[name]).max())


def test_what_a_batch_raises_is_raised_where_it_is_wanted_and_nothing_goes_on_behind(scene, monkeypatch):
    """The next batch is made ahead, in a thread that ends with whoever wanted the batches."""
    small = scene()
    _, maker = small.model()
    made = []

    def make(self, frames, groups):
        made.append(len(groups))
        if len(made) == 2:
            raise DataError("the second batch")
        return {}

    monkeypatch.setattr(FeatureMaker, "__call__", make)
    before = threading.active_count()
    batches = maker.batches(small.group.frames, small.group.infer, 10)
    assert next(batches)[0] == slice(0, 10)
    with pytest.raises(DataError, match="the second batch"):
        next(batches)
    assert len(made) <= 3
    del made[:]
    stopped = maker.batches(small.group.frames, small.group.infer, 1)
    next(stopped)
    stopped.close()
    assert len(made) <= 2
    assert threading.active_count() == before


def test_a_groups_estimate_is_the_same_alone_and_in_company(scene):
    small = scene()
    _, maker = small.model()
    frames, groups = small.group.frames, small.group.infer
    together = maker(frames, groups)["estimate"]
    scale = np.abs(together[:, :, :2]).mean()
    assert len(groups) > 2 * 16  # more than two chunks
    for k in (0, 15, 16, 35):
        alone = maker(frames, groups.take(slice(k, k + 1)))["estimate"][0]
        assert np.abs(alone - together[k]).max() <= 1e-6 * scale


def test_another_fft_s_rounding_is_below_single_precision(scene, another_fft):
    small = scene()
    _, maker = small.model()
    result = maker(small.group.frames, small.group.infer)["estimate"]
    another_fft()
    again = maker(small.group.frames, small.group.infer)["estimate"]
    assert np.linalg.norm(again - result) <= 1e-7 * np.linalg.norm(result)


def test_a_perfect_flat_object_stays_at_the_required_amplitude():
    """On whole pixels the flat start predicts such data exactly: there is nothing to correct."""
    rng = np.random.default_rng(0)
    probe = probes.normalize_probe(probes.idealized(64), 10.0, mask=True)
    positions = 64.0 + rng.integers(-8, 9, (20, 2))
    frames = Frames(
        np.repeat(diffraction_amplitude(2.3 * probe, 64)[None], 20, 0).astype(np.float32), positions, np.arange(20)
    )
    built = make_groups(positions, 2, 4, rng)
    groups = Groups(built.members, built.centers, np.rint(built.offsets))
    scales = compute_scales(frames, groups, float(np.linalg.norm(probe)), 1e6)
    maker = FeatureMaker(probe, scales, 32, 4)
    estimate = maker(frames, groups)["estimate"] / scales.counts_scale
    assert scales.required_amplitude == pytest.approx(2.3 * scales.gain, rel=1e-5)
    np.testing.assert_allclose(estimate[:, :, 0], scales.required_amplitude, rtol=1e-4)
    np.testing.assert_allclose(estimate[:, :, 1:], 0, atol=1e-4 * scales.required_amplitude)


def test_sweeps_lower_the_fourier_error(scene):
    small = scene()
    _, maker = small.model()
    groups = small.group.train.take(slice(0, 8))
    measured = maker(small.split.train, groups)["diffraction"]
    canvas, _, corners = maker.project(groups, measured)
    flat = np.full_like(canvas, small.scales.counts_scale * small.scales.required_amplitude)
    errors = [fourier_error(maker, groups, flat, corners, measured)]
    for sweeps in (1, 3, 9):
        canvas, _, corners = replace(maker, sweeps=sweeps).project(groups, measured)
        errors.append(fourier_error(maker, groups, canvas, corners, measured))
    assert errors[0] > 0.1
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]
    assert errors[3] < 0.6 * errors[2]


def test_the_change_is_what_the_last_sweep_did(scene):
    """More sweeps, less left to change; and with one sweep it is the estimate less the flat start."""
    small = scene()
    _, maker = small.model()
    frames, groups = small.split.train, small.group.train.take(slice(0, 4))
    once = replace(maker, sweeps=1)(frames, groups)["estimate"]
    start = small.scales.counts_scale * small.scales.required_amplitude
    np.testing.assert_allclose(once[:, :, 2], once[:, :, 0] - start, atol=1e-4 * start)
    np.testing.assert_allclose(once[:, :, 3], once[:, :, 1], atol=1e-4 * start)
    later = replace(maker, sweeps=8)(frames, groups)["estimate"]
    assert np.abs(later[:, :, 2:]).mean() < 0.2 * np.abs(once[:, :, 2:]).mean()


def test_estimates_of_gs2_lie_near_the_truth(gs2):
    """Where the probe is bright: in object units, right scale, right pixels, nearly real and positive."""
    config, dataset = gs2
    config = replace(config, model=replace(config.model, sweeps=8))
    split = stages.split(config, print, dataset)
    groups = make_groups(split.train.positions, 2, 4, np.random.default_rng(0)).take(slice(0, 32))
    scales = compute_scales(split.train, groups, float(np.linalg.norm(dataset.probe)), dataset.nphotons)
    maker = FeatureMaker(dataset.probe, scales, 32, 8)
    estimate = maker(split.train, groups)["estimate"] / (scales.counts_scale * scales.gain)
    result = estimate[:, :, 0] + 1j * estimate[:, :, 1]
    bright = np.abs(dataset.probe[16:48, 16:48]) > 0.5 * np.abs(dataset.probe).max()
    pixels = groups.centers[:, None] + groups.shifts
    truth = np.stack([extract_patches(dataset.truth, at, 32) for at in pixels])
    f, t = result[..., bright], truth[..., bright].real
    assert np.corrcoef(np.abs(f).ravel(), t.ravel())[0, 1] > 0.9
    assert np.abs(f).mean() == pytest.approx(t.mean(), rel=0.02)
    assert np.sqrt(np.mean(np.abs(f - t) ** 2)) < 0.2 * t.mean()
    assert f.real.min() > 0
