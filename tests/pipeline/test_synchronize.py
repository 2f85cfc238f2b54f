"""One global phase out of the groups' own (docs/explanation/physics.md, "The phase of a group is a gauge")."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.optics import objects
from ptycho.optics.geometry import Canvas
from ptycho.reconstruction import synchronization
from ptycho.reconstruction.synchronization import synchronize_phases

SIDE = 32


@pytest.fixture(scope="module")
def scene():
    """Sixty windows on a complex object: its canvases, weights and centres."""
    rng = np.random.default_rng(3)
    obj = objects.complex_field(128, 1, 6.0, 0.5)
    centers = rng.integers(SIDE // 2, 128 - SIDE // 2, (60, 2))
    return windows(obj, centers), np.tile(taper(), (60, 1, 1)), centers


def taper():
    return np.outer(np.hanning(SIDE + 2), np.hanning(SIDE + 2))[1:-1, 1:-1].astype(np.float32)


def windows(obj, centers):
    half = SIDE // 2
    return np.stack([obj[y - half : y + half, x - half : x + half] for x, y in centers])


def turned(canvases, phases):
    return (canvases * np.exp(1j * phases)[:, None, None]).astype(np.complex64)


def run(canvases, weights, centers, **settings):
    return synchronize_phases(lambda part: (canvases[part], weights[part]), centers, **settings)


def left_over(phases):
    """The largest phase that remains after taking out the mean one."""
    z = np.exp(1j * phases)
    return np.abs(np.angle(z / z.mean())).max()


def test_random_group_phases_are_recovered_up_to_a_global_one(scene, rng):
    canvases, weights, centers = scene
    phases = rng.uniform(-np.pi, np.pi, len(centers))
    result = run(turned(canvases, phases), weights, centers)
    assert left_over(phases) > 2
    assert left_over(result.phases + phases) < 1e-3
    assert result.components == 1
    assert result.disagreement_before > 1
    assert result.disagreement_after < 1e-4 * result.disagreement_before


def test_stitching_synchronized_groups_gives_the_object_back(scene, rng):
    canvases, weights, centers = scene
    phases = rng.uniform(-np.pi, np.pi, len(centers))
    result = run(turned(canvases, phases), weights, centers)
    objects_ = []
    for added in (phases, phases + result.phases, 0 * phases):
        canvas = Canvas((128, 128))
        canvas.add(turned(canvases, added), weights, centers)
        objects_.append(canvas.average())
    plain, synchronized, truth = objects_
    turn = np.vdot(synchronized, truth)
    np.testing.assert_allclose(synchronized * turn / abs(turn), truth, atol=1e-3)
    assert np.abs(plain).mean() < 0.9 * np.abs(truth).mean()  # without it, groups cancel


def test_noise_on_the_groups_does_not_accumulate(scene, rng):
    canvases, weights, centers = scene
    phases = rng.uniform(-np.pi, np.pi, len(centers))
    noise = rng.standard_normal((2, *canvases.shape)) * np.abs(canvases).mean() / 2
    result = run(turned(canvases + noise[0] + 1j * noise[1], phases), weights, centers)
    assert left_over(result.phases + phases) < 0.2
    assert 1e-4 < result.disagreement_after < 0.1


@pytest.mark.parametrize("chunk", [7, 13, 60])
def test_chunk_borders_do_not_change_the_phases(scene, rng, monkeypatch, chunk):
    canvases, weights, centers = scene
    canvases = turned(canvases, rng.uniform(-np.pi, np.pi, len(centers)))
    whole = run(canvases, weights, centers)
    sizes = []

    def read(part):
        sizes.append(len(canvases[part]))
        return canvases[part], weights[part]

    monkeypatch.setattr(synchronization, "_CHUNK", chunk)
    cut = synchronize_phases(read, centers)
    np.testing.assert_allclose(cut.phases, whole.phases, atol=1e-9)
    assert cut.overlapping_pairs == whole.overlapping_pairs
    assert max(sizes) <= chunk


def test_synchronized_groups_stay_put(scene):
    canvases, weights, centers = scene
    for common in (0.0, 1.3):
        result = run(turned(canvases, np.full(len(centers), common)), weights, centers)
        assert np.abs(result.phases).max() < 1e-5
        assert result.disagreement_before < 1e-5


def test_a_long_chain_of_groups_is_synchronized_end_to_end(rng):
    """Only neighbours overlap, so the phase must travel through all of them."""
    obj = np.exp(1j * rng.normal(0, 0.3, (SIDE, 12 * 80 + SIDE))).astype(np.complex64)
    centers = np.stack([SIDE // 2 + 12 * np.arange(80), np.full(80, SIDE // 2)], axis=-1)
    phases = rng.uniform(-np.pi, np.pi, 80)
    result = run(turned(windows(obj, centers), phases), np.ones((80, SIDE, SIDE), np.float32), centers, neighbors=4)
    assert left_over(result.phases + phases) < 1e-3
    assert result.overlapping_pairs < 5 * 80


def test_islands_are_synchronized_each_for_itself(scene, rng):
    canvases, weights, centers = scene
    phases = rng.uniform(-np.pi, np.pi, len(centers))
    island = np.arange(len(centers)) % 2 == 0
    apart = centers + np.where(island, 0, 1000)[:, None]
    result = run(turned(canvases, phases), weights, apart)
    assert result.components == 2
    for part in (island, ~island):
        assert left_over((result.phases + phases)[part]) < 1e-3
        assert result.disagreement_after < 1e-3


def test_groups_that_touch_nobody_keep_their_phase(scene):
    canvases, weights, _ = scene
    result = run(turned(canvases[:3], np.array([1.0, 2.0, 3.0])), weights[:3], np.array([[0, 0], [500, 0], [0, 500]]))
    np.testing.assert_array_equal(result.phases, 0)
    assert (result.components, result.overlapping_pairs) == (3, 0)
    assert (result.disagreement_before, result.disagreement_after) == (0, 0)


def test_two_groups_meet_in_the_middle(scene):
    canvases, weights, centers = scene
    both = turned(canvases[[0, 0]], np.array([0.0, 1.0]))
    result = run(both, weights[:2], centers[[0, 0]])
    np.testing.assert_allclose(result.phases, [0.5, -0.5], atol=1e-6)
    assert result.disagreement_before == pytest.approx(1, abs=1e-5)


def test_one_group_has_nothing_to_agree_with(scene):
    canvases, weights, centers = scene
    result = run(canvases[:1], weights[:1], centers[:1])
    np.testing.assert_array_equal(result.phases, [0])
    assert (result.components, result.overlapping_pairs) == (1, 0)


def test_the_phase_is_measured_where_the_groups_coincide():
    """By hand: b lies 1 right of and 2 below a; outside the overlap they disagree wildly."""
    world = np.arange(1, 31).reshape(5, 6) + 0j
    a, b = world[0:4, 0:4].copy(), world[2:6, 1:5].copy()
    b = np.pad(b, ((0, 1), (0, 0)))  # the world ends one row early
    a[:2], a[:, 0] = 99j, -99j
    b[2:], b[:, 3] = 99, -99
    canvases = np.stack([a, b * np.exp(0.7j)])
    result = run(canvases, np.ones((2, 4, 4)), np.array([[2, 2], [3, 4]]))
    assert result.phases[0] - result.phases[1] == pytest.approx(0.7)
    assert result.disagreement_after == pytest.approx(0, abs=1e-9)
