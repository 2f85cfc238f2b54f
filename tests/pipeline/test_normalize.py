"""The scales: one gain from the training data, undone once.

See docs/explanation/physics.md, "Scales that must never be mixed".
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho.data.frames import Frames
from ptycho.data.grouping import make_groups
from ptycho.data.normalization import compute_scales
from ptycho.data.splitting import split_frames
from ptycho.errors import DataError


def frames_of_energy(*energies):
    """Frames of 4 x 4 pixels with these ``sum A**2``."""
    energies = np.array(energies, float)
    amplitude = np.sqrt(energies / 16)[:, None, None] * np.ones((1, 4, 4))
    at = np.arange(2.0 * len(energies)).reshape(-1, 2)
    return Frames(amplitude.astype(np.float32), at, np.arange(len(energies)))


def pairs(frames, *members):
    """Groups with these members, of the record that normalize takes."""
    groups = make_groups(frames.positions, 1, 1, np.random.default_rng(0), 1)
    return dataclasses.replace(groups, members=np.array(members))


@pytest.fixture
def scales():
    frames = frames_of_energy(8, 24)
    return compute_scales(frames, pairs(frames, [0, 1]), probe_norm=5.0, nphotons=1e6)


def test_scales_by_hand(scales):
    """A mean energy of 16, to be brought to (4/2)**2 = 4."""
    assert scales.gain == pytest.approx(0.5, rel=1e-6)
    assert scales.counts_scale == pytest.approx(500, rel=1e-6)  # sqrt(1e6 / 4)
    assert scales.closed_form_intensity_scale == 500
    assert scales.dataset_intensity_scale == pytest.approx(250, rel=1e-6)  # sqrt(1e6 / 16)
    assert scales.required_amplitude == pytest.approx(0.4)
    assert scales.log_scale == pytest.approx(math.log(500))
    assert (scales.N, scales.nphotons) == (4, 1e6)


def test_the_gain_is_of_the_grouped_data_each_frame_as_often_as_it_is_used():
    frames = frames_of_energy(8, 24, 1000)
    scales = compute_scales(frames, pairs(frames, [0, 1], [0, 1], [0, 0]), 1.0, 1e6)
    assert scales.gain == pytest.approx(math.sqrt(4 / ((4 * 8 + 2 * 24) / 6)), rel=1e-6)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=6), st.floats(1, 1e12))
def test_normalized_data_have_the_target_energy_at_any_dose(energies, nphotons):
    frames = frames_of_energy(*energies)
    scales = compute_scales(frames, pairs(frames, list(range(len(energies)))), 1.0, nphotons)
    assert np.mean(frames.energy()) * scales.gain**2 == pytest.approx((4 / 2) ** 2, rel=1e-6)
    assert scales.counts_scale == pytest.approx(scales.closed_form_intensity_scale, rel=1e-6)


def test_smoke_data_normalize_to_a_quarter_of_n_squared(gs2):
    config, dataset = gs2
    train = split_frames(dataset.frames, config.split).train
    groups = make_groups(train.positions, 2, 4, np.random.default_rng(0))
    scales = compute_scales(train, groups, float(np.linalg.norm(dataset.probe)), dataset.nphotons)
    normalized = train.diffraction[groups.members].astype(np.float64) * scales.gain
    assert np.mean(np.sum(normalized**2, axis=(-2, -1))) == pytest.approx(32**2, rel=1e-6)
    assert scales.required_amplitude == pytest.approx(32 / np.linalg.norm(dataset.probe), rel=1e-6)


def test_object_units_undo_the_gain_once(scales):
    assert scales.prediction_to_object_units(scales.log_scale) == pytest.approx(1 / scales.gain)


@given(st.floats(-2, 2))
def test_object_units_follow_a_log_scale_that_training_moved(moved):
    frames = frames_of_energy(8, 24)
    scales = compute_scales(frames, pairs(frames, [0, 1]), 5.0, 1e6)
    back = scales.prediction_to_object_units(scales.log_scale + moved)
    assert back == pytest.approx(math.exp(moved) / scales.gain)


def test_test_frames_of_other_energy_do_not_change_the_scales(gs2):
    """The fault of two normalisations: each split with a gain of its own."""
    config, dataset = gs2
    axis = dataset.frames.positions[:, 1]
    upper = np.where(axis > np.sort(axis)[63], 3, 1).astype(np.float32)[:, None, None]
    brighter = dataclasses.replace(dataset.frames, diffraction=dataset.frames.diffraction * upper)
    result = []
    for frames in (dataset.frames, brighter):
        parts = split_frames(frames, config.split)
        groups = make_groups(parts.train.positions, 2, 4, np.random.default_rng(0), 32)
        result.append((compute_scales(parts.train, groups, 20.0, 1e9), parts.test.energy().mean()))
    assert result[0][0] == result[1][0]
    assert result[1][1] == pytest.approx(9 * result[0][1], rel=1e-4)


def test_dark_training_frames_are_refused():
    frames = frames_of_energy(0, 0)
    with pytest.raises(DataError, match="the training frames hold no photons"):
        compute_scales(frames, pairs(frames, [0, 1]), 1.0, 1e6)
