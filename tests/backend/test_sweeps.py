"""The estimate on the device says what NumPy's does: the sweeps are the same, only their rounding is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ptycho.model.backend import host, ops, repeated
from ptycho.model.sweeps import Sweeps
from ptycho.pipeline import stages


def silent(*_):
    """Progress that no one reads."""


def lit(maker):
    """How much light each pixel of a patch has, relative to the brightest: what is dark decides nothing."""
    N, w = maker.probe.shape[-1], maker.window
    crop = slice((N - w) // 2, (N + w) // 2)
    amplitude = np.abs(maker.probe[crop, crop])
    return amplitude / amplitude.max()


def apart(result, reference, weight):
    """The distance of two estimates relative to one, where there is light: of the object, and of the last change."""
    pairs = [(result[:, :, part], reference[:, :, part]) for part in (slice(0, 2), slice(2, 4))]
    return np.array([np.sqrt(np.sum(weight * (a - b) ** 2) / np.sum(weight * b**2)) for a, b in pairs])


ROUNDING = np.array(
    [2e-4, 2e-3]
)  # of the object, and of a change that is small beside it: one frame alone is touchiest


@pytest.mark.parametrize(
    "overrides", [(), ("gridsize=1",), ("model.window=full",), ("simulate.probe.kind=defocused", "model.window=full")]
)
def test_the_device_s_estimate_is_numpy_s(scene, overrides):
    small = scene(*overrides)
    _, maker = small.model()
    device = replace(maker, sweeps_on="device")
    for frames, groups in ((small.split.train, small.group.train), (small.group.frames, small.group.infer)):
        reference, result = maker(frames, groups), device(frames, groups)
        assert {k: (v.shape, v.dtype) for k, v in result.items()} == {
            k: (v.shape, v.dtype) for k, v in reference.items()
        }
        assert np.all(apart(result["estimate"], reference["estimate"], lit(maker)) < ROUNDING)
        np.testing.assert_array_equal(result["diffraction"], reference["diffraction"])


def test_masked_pixels_keep_the_modulus_that_they_have(scene):
    small = scene()
    _, maker = small.model()
    mask = np.ones((64, 64), bool)
    mask[28:31, 33:40] = False  # not symmetric, and where the light is
    frames = replace(small.split.train, mask=mask)
    spoilt = replace(frames, diffraction=np.where(mask, frames.diffraction, np.float32(100)))
    device = replace(maker, sweeps_on="device")
    reference = maker(frames, small.group.train)["estimate"]
    for given in (frames, spoilt):
        assert np.all(apart(device(given, small.group.train)["estimate"], reference, lit(maker)) < ROUNDING)


def test_a_group_s_estimate_is_the_same_in_any_part(scene, monkeypatch):
    """Parts have one size: the last one is filled up, and canvases of another size change nothing."""
    small = scene()
    _, maker = small.model()
    device = replace(maker, sweeps_on="device")
    frames, groups = small.group.frames, small.group.infer
    whole = device(frames, groups)["estimate"]
    monkeypatch.setattr("ptycho.model.features._PIXELS_TOGETHER", 5 * 4 * 64 * 64)
    assert len(groups) % 5
    sizes, predict = set(), Sweeps.predict_on_batch
    monkeypatch.setattr(Sweeps, "predict_on_batch", lambda self, x: sizes.add(len(x["offsets"])) or predict(self, x))
    parts = replace(device)(frames, groups)["estimate"]
    assert sizes == {5}
    alone = device(frames, groups.take(slice(7, 8)))["estimate"]
    scale = np.abs(whole[:, :, :2]).mean()
    assert np.abs(parts - whole).max() < 1e-4 * scale
    assert np.abs(alone[0] - whole[7]).max() < 1e-4 * scale


@pytest.mark.parametrize("fault", ["sweeps", "momentum", "start"])
def test_what_the_estimate_is_made_of_shows_in_it(scene, monkeypatch, fault):
    """The tests above would pass as well if it made no difference."""
    small = scene()
    _, maker = small.model()
    device = replace(maker, sweeps_on="device")
    right = device(small.split.train, small.group.train)["estimate"]
    if fault == "sweeps":
        device = replace(device, sweeps=maker.sweeps - 1)
    elif fault == "momentum":
        monkeypatch.setattr("ptycho.model.features.MOMENTUM", 0.49)
    else:
        scales = replace(maker.scales, required_amplitude=1.01 * maker.scales.required_amplitude)
        device = replace(device, scales=scales)
    wrong = replace(device)(small.split.train, small.group.train)["estimate"]
    assert np.all(apart(wrong, right, lit(maker)) > ROUNDING)


def test_a_network_trains_and_infers_on_either_estimate(scene):
    """From configuration to object: what the two make of the same frames differs by rounding."""
    objects = []
    for where in ("host", "device"):
        small = scene(f"model.sweeps_on={where}")
        trained = stages.train(small.config, silent, small.prepared, small.scales)
        assert trained.maker.sweeps_on == where
        objects.append(stages.infer(small.config, silent, small.group, trained).object)
    reference, result = objects
    assert np.linalg.norm(result - reference) < 1e-3 * np.linalg.norm(reference)


def test_training_makes_each_batch_on_the_device_where_they_are_not_kept(scene, monkeypatch):
    """What is kept between epochs is what is made for every batch, on whichever thread a backend asks for it."""
    small = scene("model.sweeps_on=device")
    weights = []
    for kept in (512 * 2**20, 0):
        monkeypatch.setattr("ptycho.training.training.CACHE_BYTES", kept)
        trained = stages.train(small.config, silent, small.prepared, small.scales)
        weights.append(trained.model.get_weights())
        assert trained.outcome.history["loss"][-1] > 0
    moved = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(weights[0], trained.initial, strict=True)))
    apart = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(*weights, strict=True)))
    assert apart < 1e-2 * moved


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_step_is_repeated_so_often(count):
    last = repeated(count, lambda _, state: (state[0] + 1.0, state[1] * 2.0), (ops.zeros(()), ops.zeros(()) + 1.0))
    assert [float(host(value)) for value in last] == [count, 2**count]
