"""Masks of detector pixels: they travel with the frames, and what lies under one is seen by nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ptycho.data.frames import Frames
from ptycho.errors import DataError


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
