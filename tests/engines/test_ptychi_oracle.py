"""pty-chi as the oracle: its results in our conventions, and what it can beside the built-in one.

``python -m tox run -e ptychi`` runs these tests; where the library is not installed, they are skipped.
"""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

from ptycho.config.pipeline import ReferenceConfig
from ptycho.config.scenario import load_scenario
from ptycho.data.frames import Frames
from ptycho.data.simulation import detect
from ptycho.optics import objects, probes
from ptycho.quality import metrics
from ptycho.reconstruction.engines import engine_versions, reconstruct
from ptycho.reconstruction.oracle import fourier_error

pytest.importorskip("ptychi", reason="pty-chi is not installed; tox -e ptychi installs it")
pytestmark = [pytest.mark.ptychi, pytest.mark.slow]

SETTINGS = ReferenceConfig(
    sweeps=15, step=0.9, seed=3, update_probe_from=0, damping=0.1, oracle="ptychi", probe_modes=1
)
SHAPE = (128, 144)  # not square, so that exchanged axes show


@pytest.fixture(scope="module")
def truth():
    """A complex object without symmetry, a probe without one, and 150 sub-pixel positions."""
    obj = objects.complex_field(144, 3, 6.0, 0.5)[: SHAPE[0]]
    probe = probes.normalize_probe(probes.idealized(64), 10.0, True)
    return obj, probe, np.random.default_rng(0).uniform((28, 28), (116, 100), (150, 2))


def recorded(obj, probe, positions, mask=None):
    amplitude, _ = detect(obj, probe, positions, 1e9, np.random.default_rng(1), "fourier")
    return Frames(amplitude, positions, np.arange(len(positions)), mask)


@pytest.fixture(scope="module")
def frames(truth):
    return recorded(*truth)


def last(frames, probe, **settings):
    *_, iterate = reconstruct(frames, probe, SHAPE, dataclasses.replace(SETTINGS, **settings))
    return iterate


def quality(result, truth):
    support = np.zeros(SHAPE, bool)
    support[36:92, 36:108] = True
    aligned, _ = metrics.align_objects(result, truth, support)
    return metrics.quality_scores(aligned, truth, support)


@pytest.fixture(scope="module")
def plain(truth, frames):
    return list(reconstruct(frames, truth[1], SHAPE, SETTINGS))


def error_of(iterate, frames):
    return fourier_error(iterate.object, iterate.probe, frames, iterate.positions, iterate.levels)


# Our conventions


def test_the_object_is_the_truth_without_any_scale_shift_or_turn(plain, truth):
    scores = quality(plain[-1].object, truth[0])
    assert scores["amplitude"]["pearson_r"] > 0.99
    assert abs(scores["amplitude"]["relative_bias"]) < 0.005
    assert scores["phase"]["pearson_r"] > 0.99
    assert plain[-1].object.shape == SHAPE
    assert plain[-1].object.dtype == plain[-1].probe.dtype == np.complex64


def test_the_built_in_oracle_gives_the_same_object(plain, truth, frames):
    *_, ours = reconstruct(frames, truth[1], SHAPE, SETTINGS.builtin())
    scores = quality(plain[-1].object, ours.object)
    assert min(scores[part]["pearson_r"] for part in ("amplitude", "phase")) > 0.99
    assert abs(scores["amplitude"]["relative_bias"]) < 0.005


def test_every_sweep_tells_the_error_of_its_own_object(plain, frames):
    assert [iterate.sweep for iterate in plain] == list(range(1, 16))
    assert plain[-1].fourier_error < 0.2 * plain[0].fourier_error
    for iterate in (plain[0], plain[-1]):
        assert iterate.fourier_error == pytest.approx(error_of(iterate, frames), rel=1e-6)
    assert (plain[-1].positions, plain[-1].levels) == (None, None)


def test_the_probe_stays_until_it_is_asked_to_change_and_keeps_its_energy(plain, truth, frames):
    probe = truth[1]
    np.testing.assert_allclose(plain[-1].probe, probe, atol=1e-6 * np.abs(probe).max())
    settings = dataclasses.replace(SETTINGS, sweeps=3, update_probe_from=3)
    second, third = list(reconstruct(frames, 0.9 * probe, SHAPE, settings))[1:]
    np.testing.assert_allclose(second.probe, 0.9 * probe, atol=1e-6 * np.abs(probe).max())
    assert np.abs(third.probe - 0.9 * probe).max() > 1e-3 * np.abs(probe).max()
    assert np.linalg.norm(third.probe) == pytest.approx(np.linalg.norm(0.9 * probe), rel=1e-5)
    assert quality(third.object, truth[0])["amplitude"]["relative_bias"] == pytest.approx(1 / 0.9 - 1, abs=0.02)


@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_no_unit_of_the_data_changes_anything(plain, truth, frames, factor):
    """Amplitudes times any factor, of the data and the probe, are the same experiment."""
    scaled = dataclasses.replace(frames, diffraction=frames.diffraction * np.float32(factor))
    other = last(scaled, truth[1] * np.float32(factor), sweeps=3)
    assert other.fourier_error == pytest.approx(plain[2].fourier_error, rel=1e-3)
    np.testing.assert_allclose(other.object, plain[2].object, atol=1e-3)


def test_the_same_seed_gives_the_same_object_and_another_does_not(plain, truth, frames):
    again, other = (last(frames, truth[1], sweeps=2, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.object, plain[1].object)
    assert (other.object != again.object).any()


def test_masked_pixels_count_nowhere(truth):
    mask = np.ones((64, 64), bool)
    mask[:, 40:44] = False
    frames = recorded(*truth, mask=mask)
    found = last(frames, truth[1])
    assert found.fourier_error < 0.02
    scores = quality(found.object, truth[0])
    assert scores["amplitude"]["pearson_r"] > 0.98
    assert abs(scores["amplitude"]["relative_bias"]) < 0.01


def global_state():
    import torch

    drawn = np.random.get_state()[1].tolist(), random.getstate(), torch.random.get_rng_state().tolist()
    return *drawn, torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()


def test_nothing_global_is_left_behind(truth, frames):
    import torch

    torch.set_default_dtype(torch.float64)
    try:
        before = global_state()
        stream = reconstruct(frames.take(np.arange(8)), truth[1], SHAPE, SETTINGS)
        next(stream)
        assert global_state() == before
    finally:
        torch.set_default_dtype(torch.float32)


# What the built-in oracle cannot


@pytest.fixture(scope="module")
def fine():
    """An object with more detail than the probe is wide, the probe, and 96 positions."""
    obj = objects.gaussian_random_field(144, 3, 5.0)[: SHAPE[0]].astype(np.complex64)
    probe = probes.normalize_probe(probes.idealized(64), 10.0, True)
    return obj, probe, np.random.default_rng(0).uniform((28, 28), (116, 100), (96, 2))


def test_a_partially_coherent_beam_is_explained_by_modes(fine):
    obj, probe, positions = fine
    frames = recorded(obj, probes.incoherent_modes(probe, (0.2, 0.1)), positions)
    found = [last(frames, probe, sweeps=25, probe_modes=modes, update_probe_from=3) for modes in (1, 2, 3)]
    one, two, three = (iterate.fourier_error for iterate in found)
    assert two < 0.5 * one
    assert three < 0.85 * two
    r = [quality(iterate.object, obj)["amplitude"]["pearson_r"] for iterate in found]
    assert min(r[1:]) > r[0] + 0.02
    assert [iterate.probe.shape for iterate in found] == [(64, 64), (2, 64, 64), (3, 64, 64)]
    for iterate in found:
        assert np.linalg.norm(iterate.probe) == pytest.approx(np.linalg.norm(probe), rel=1e-5)
        assert iterate.fourier_error == pytest.approx(error_of(iterate, frames), rel=1e-6)
    light = np.sum(np.abs(found[2].probe) ** 2, axis=(1, 2)) / np.sum(np.abs(probe) ** 2)
    assert light[0] > light[1] > light[2] > 0.05


def test_wrong_positions_are_corrected(fine):
    obj, probe, positions = fine
    frames = recorded(obj, probe, positions)
    jitter = np.random.default_rng(5).normal(0, 1.0, positions.shape)
    wrong = dataclasses.replace(frames, positions=positions + jitter)
    left, mended = (last(wrong, probe, sweeps=25, correct_positions=value) for value in (False, True))
    assert mended.fourier_error < 0.4 * left.fourier_error
    assert (mended.positions - positions).std() < 0.65 * jitter.std()
    r = [quality(iterate.object, obj)["amplitude"]["pearson_r"] for iterate in (left, mended)]
    assert r[1] > r[0] + 0.002
    assert mended.fourier_error == pytest.approx(error_of(mended, wrong), rel=1e-6)
    assert left.positions is None


def test_a_beam_that_decays_is_levelled(truth, frames):
    obj, probe, _ = truth
    decay = np.sqrt(np.linspace(1.3, 0.7, len(frames)))
    dimmed = dataclasses.replace(frames, diffraction=frames.diffraction * decay[:, None, None].astype(np.float32))
    left, mended = (last(dimmed, probe, level_frames=value) for value in (False, True))
    assert mended.fourier_error < 0.5 * left.fourier_error
    assert np.mean(mended.levels**2) == pytest.approx(1)
    assert np.corrcoef(mended.levels, decay)[0, 1] > 0.9
    assert quality(mended.object, obj)["amplitude"]["mae"] < quality(left.object, obj)["amplitude"]["mae"]
    assert mended.fourier_error == pytest.approx(error_of(mended, dimmed), rel=1e-6)


# In the pipeline

SMALL = (
    "simulate.probe.second_mode=0.2",
    "reference.oracle=ptychi",
    "reference.softness=0",
    "reference.update_probe_from=2",
    "reference.probe_modes=2",
    "reference.correct_positions=true",
    "reference.level_frames=true",
    "reference.sweeps=4",
    "train.epochs=1",
)


def test_a_run_has_it_as_its_oracle(tmp_path):
    import ptycho

    done = ptycho.run(load_scenario("gs2_ideal", "replay", SMALL), tmp_path)
    reference = done.outputs["oracle"]
    assert reference.probe.shape == (2, 64, 64)
    assert len(reference.fourier_errors) == 4
    assert done.metrics["fourier_error"]["oracle"] == pytest.approx(reference.fourier_errors[-1], rel=1e-6)
    versions = engine_versions(done.scenario.config.reference)
    assert set(versions) == {"ptychi", "torch"}
    assert versions.items() <= done.metadata["versions"].items()


def test_it_is_in_the_keys_of_the_cache():
    from guard.pipeline import pipeline
    from harness.run.pipeline_source import libraries_of, sources_of

    sources = sources_of(pipeline)
    assert {"ptychi", "torch"} <= set(libraries_of(pipeline, sources))
    assert "ptycho.reconstruction.ptychi_engine:lsqml" in sources.reached("guard.stages:oracle")
    assert "ptycho.reconstruction.ptychi_engine:lsqml" not in sources.reached("guard.stages:probe")
