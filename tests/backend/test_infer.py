"""Stitching: right pixels, object units, aligned phases, and memory that does not grow with the scan."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pytest
from scipy import fft

from ptycho.model.features import FeatureMaker
from ptycho.optics.geometry import extract_patches
from ptycho.reconstruction.stitching import predict, stitch_object

COMPLEX = (
    "simulate.object.kind=complex_field",
    "simulate.object.correlation_px=6.0",
    "simulate.object.phase_std_rad=0.5",
)


@dataclass(frozen=True)
class Perfect(FeatureMaker):
    """Gives the truth itself as the estimate, every group turned by a phase of its own."""

    truth: Any = None
    turns: dict[tuple[int, ...], complex] = field(default_factory=dict)

    def __call__(self, frames, groups):
        inputs = replace(self, sweeps=0)._bare(frames, groups)
        w = self.window
        patches = np.stack([extract_patches(self.truth, at, w) for at in groups.centers[:, None] + groups.shifts])
        turns = np.array([self.turns.get(tuple(m), 1.0) for m in groups.members.tolist()])[:, None, None, None]
        patches = patches * turns * self.scales.counts_scale * self.scales.gain
        zero = np.zeros(patches.shape)
        inputs["estimate"] = np.stack([patches.real, patches.imag, zero, zero], axis=2).astype(np.float32)
        return inputs

    def _bare(self, frames, groups):
        return super().__call__(frames, groups)


def perfect(small, turned=False):
    """An untrained model, which returns its estimate, and a maker that knows the truth."""
    model, maker = small.model()
    rng = np.random.default_rng(0)
    members = small.group.infer.members.tolist()
    turns = {tuple(m): np.exp(1j * rng.uniform(-np.pi, np.pi)) for m in members} if turned else {}
    given = {f.name: getattr(maker, f.name) for f in fields(maker)}
    return model, Perfect(**given, truth=small.dataset.truth, turns=turns)


def stitch(small, model, maker, **options):
    settings = {"batch_size": 16, "align_phases": False} | options
    return stitch_object(model, maker, small.group.frames, small.group.infer, **settings)


def shift_between(a, b):
    """The whole-pixel shift ``(rows, columns)`` at which ``b`` fits ``a`` best."""
    cross = np.abs(fft.ifft2(fft.fft2(a) * fft.fft2(b).conj()))
    peak = np.unravel_index(np.argmax(cross), cross.shape)
    return tuple(int((p + n // 2) % n - n // 2) for p, n in zip(peak, a.shape, strict=True))


def well_covered(result, shape):
    """Where the stitched weight is not a trace."""
    canvas = replace(result, object=result.weight.astype(np.complex64))
    return canvas.on(shape).real > 0.1


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.slow
def test_a_perfect_estimate_is_stitched_onto_its_own_pixels_in_object_units(scene, aligned):
    small = scene(*COMPLEX)
    model, maker = perfect(small)
    result = stitch(small, model, maker, align_phases=aligned)
    truth = small.dataset.truth
    obtained, known = result.on(truth.shape), well_covered(result, truth.shape)
    assert 0.2 < known.mean() < 0.9
    detail = np.where(known, np.abs(truth) - np.abs(truth[known]).mean(), 0)
    assert shift_between(detail, np.where(known, np.abs(obtained) - np.abs(obtained[known]).mean(), 0)) == (0, 0)
    np.testing.assert_allclose(np.abs(obtained[known]), np.abs(truth[known]), rtol=2e-4)
    turn = np.vdot(obtained[known], truth[known])
    np.testing.assert_allclose(obtained[known] * turn / abs(turn), truth[known], atol=1e-3 * np.abs(truth).mean())
    if not aligned:
        assert abs(np.angle(turn)) < 1e-4


@pytest.mark.slow
def test_the_origin_is_the_object_coordinate_of_the_first_pixel(scene):
    """The grid moves under the same scan: only the origin may change."""
    small = scene(*COMPLEX)
    model, maker = perfect(small)
    step = np.array([5, -3])
    there = replace(small.group.infer, centers=small.group.infer.centers + step)
    frames = replace(small.group.frames, positions=small.group.frames.positions + step)
    base = stitch(small, model, maker)
    maker = replace(maker, truth=np.roll(small.dataset.truth, (-3, 5), (0, 1)))
    moved = stitch_object(model, maker, frames, there, batch_size=16, align_phases=False)
    assert moved.origin == (base.origin[0] + 5, base.origin[1] - 3)
    np.testing.assert_allclose(moved.object, base.object, atol=1e-5)


@pytest.mark.slow
def test_on_cuts_and_pads_at_every_edge(scene):
    small = scene()
    result = replace(
        stitch(small, *small.model()),
        object=np.arange(1, 10).reshape(3, 3).astype(np.complex64),
        weight=np.array([[0, 1, 1], [1, 1, 1], [1, 1, 1]], np.float32),
    )
    early, late = replace(result, origin=(-1, -2)), replace(result, origin=(1, 2))
    np.testing.assert_array_equal(early.on((2, 3)).real, [[8, 9, 0], [0, 0, 0]])
    np.testing.assert_array_equal(late.on((4, 3)).real, [[0, 0, 0], [0, 0, 0], [0, 1, 2], [0, 4, 5]])
    np.testing.assert_array_equal(late.support((4, 3))[2:], [[False, False, True], [False, True, True]])
    assert not replace(result, origin=(50, 0)).on((4, 4)).any()


def test_object_units_follow_a_trained_log_scale(scene):
    """Predictions scale with exp(log_scale); the way back uses the trained value, not the initial one."""
    small = scene()
    model, maker = perfect(small)
    before = stitch(small, model, maker)
    model.scaler.log_scale.assign(small.scales.log_scale + 0.3)
    after = stitch(small, model, maker)
    covered = before.weight > 0.1
    np.testing.assert_allclose(after.object[covered], before.object[covered], rtol=1e-4, atol=1e-5)


def test_phases_of_groups_are_aligned_when_asked_and_only_then(scene):
    small = scene(*COMPLEX)
    model, maker = perfect(small, turned=True)
    truth = small.dataset.truth
    error = {}
    for aligned in (True, False):
        result = stitch(small, model, maker, align_phases=aligned)
        known = well_covered(result, truth.shape)
        obtained = result.on(truth.shape)[known]
        turn = np.vdot(obtained, truth[known])
        error[aligned] = np.abs(obtained * turn / abs(turn) - truth[known]).mean() / np.abs(truth[known]).mean()
        assert (result.synchronization is not None) == aligned
        if aligned:
            obtained = result.synchronization
            assert obtained.disagreement_before > 1.0
            assert obtained.disagreement_after < 1e-3
            assert obtained.components == 1
    assert error[True] < 1e-3
    assert error[False] > 0.3


@pytest.mark.slow
def test_untrained_reconstruction_is_already_in_object_units(scene):
    small = scene()
    result = stitch(small, *small.model(), align_phases=True)
    truth = small.dataset.truth
    known = well_covered(result, truth.shape)
    assert np.abs(result.on(truth.shape)[known]).mean() == pytest.approx(np.abs(truth[known]).mean(), rel=0.05)
    assert (result.support(truth.shape) >= known).all()


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.slow
def test_stitching_does_not_depend_on_the_batch_size(scene, aligned):
    small = scene(*COMPLEX)
    model, maker = small.model()
    obtained = [stitch(small, model, maker, batch_size=size, align_phases=aligned) for size in (1, 7, 36)]
    scale = np.abs(obtained[0].object[obtained[0].weight > 0.1]).mean()
    for other in obtained[1:]:
        assert other.origin == obtained[0].origin
        np.testing.assert_allclose(other.weight, obtained[0].weight, atol=1e-5)
        covered = obtained[0].weight > 0.1
        np.testing.assert_allclose(other.object[covered], obtained[0].object[covered], atol=1e-5 * scale)


def test_progress_counts_groups_to_the_end(scene):
    small = scene()
    seen = []
    stitch(small, *small.model(), batch_size=16, progress=lambda *r: seen.append(r))
    assert [r[:2] for r in seen] == [(16, 36), (32, 36), (36, 36)]


def test_every_batch_has_the_same_shape_inside(scene, monkeypatch):
    """The last batch is padded, so a backend compiles once; what is yielded is not padded."""
    small = scene()
    model, maker = small.model()
    sizes, inner = [], model.predict_on_batch
    monkeypatch.setattr(model, "predict_on_batch", lambda x: sizes.append(len(x["offsets"])) or inner(x))
    parts = [
        (which, len(obj), len(weight))
        for which, obj, weight in predict(model, maker, small.group.frames, small.group.infer, 16)
    ]
    assert sizes == [16, 16, 16]
    assert [p[1:] for p in parts] == [(16, 16), (16, 16), (4, 4)]


def peak(small, groups, aligned):
    """Traced bytes at the worst moment of a reconstruction; a first run compiles, untraced."""
    model, maker = small.model()
    frames = small.group.frames

    def run(part):
        stitch_object(model, maker, frames, part, batch_size=8, align_phases=aligned)

    run(groups.take(slice(0, 8)))
    tracemalloc.start()
    try:
        run(groups)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.slow
def test_ten_times_the_groups_need_hardly_more_memory(scene, aligned):
    """The same frames, so the same extent: all 400 groups, and every tenth."""
    small = scene("simulate.scan.images=400", "infer.frames=all", "model.features=amplitude")
    groups = small.group.infer
    assert len(groups) == 400
    few, many = (peak(small, part, aligned) for part in (groups.take(slice(None, None, 10)), groups))
    assert many <= 1.3 * few, f"{few / 1e6:.2f} MB for 40 groups, {many / 1e6:.2f} MB for 400"
