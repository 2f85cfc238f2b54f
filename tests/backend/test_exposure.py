"""New data under a trained bundle: its exposure is compared with the training's, and its mask joined."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest

from ptycho.data.frames import Dataset, Frames
from ptycho.errors import BundleError
from ptycho.pipeline.reuse import _in_bundle_units

PHOTONS, SCALE = 400.0, 2.0


def dataset(photons, photon_scale=1.0):
    """Two flat frames of 64 pixels that hold ``photons`` each."""
    amplitude = np.full((2, 8, 8), np.sqrt(photons / 64) / photon_scale, np.float32)
    frames = Frames(amplitude, np.array([[0.0, 0], [3, 1]]), np.arange(2))
    return Dataset(frames, np.ones((8, 8), np.complex64), (16, 16), photon_scale, photons, None)


def trained(mask=None):
    """A bundle whose probe diffracts evenly, so that a pixel's share of its light is its share of the detector."""
    valid = 1.0 if mask is None else mask.mean()
    point = np.zeros((8, 8), np.complex64)
    point[4, 4] = 1
    scales = types.SimpleNamespace(nphotons=PHOTONS * valid)
    return types.SimpleNamespace(scales=scales, photon_scale=SCALE, mask=mask, probe=point)


@pytest.mark.parametrize("photon_scale", [1.0, 2.0, 5.0])
def test_frames_come_in_the_units_of_the_bundle_whatever_the_file_states(photon_scale):
    frames, exposure = _in_bundle_units(trained(), dataset(PHOTONS, photon_scale), False, False)
    assert frames.energy()[0] == pytest.approx(PHOTONS / SCALE**2, rel=1e-5)
    assert exposure == {"ratio": pytest.approx(1), "rescaled": False}


@pytest.mark.parametrize("ratio", [0.1, 0.5, 2.0, 10.0])
def test_another_exposure_is_refused_with_both_figures_and_what_mends_it(ratio):
    with pytest.raises(BundleError, match=rf"{ratio:g} times the photons .* --rescale .* --force"):
        _in_bundle_units(trained(), dataset(PHOTONS * ratio), False, False)


def test_rescaled_frames_have_the_training_s_energy_and_forced_ones_their_own():
    rescaled, exposure = _in_bundle_units(trained(), dataset(PHOTONS / 10), True, False)
    assert rescaled.energy()[0] == pytest.approx(PHOTONS / SCALE**2, rel=1e-5)
    assert exposure["ratio"] == pytest.approx(0.1)
    forced, _ = _in_bundle_units(trained(), dataset(PHOTONS / 10), False, True)
    assert forced.energy()[0] == pytest.approx(PHOTONS / 10 / SCALE**2, rel=1e-5)


def test_pixels_that_the_training_masked_stay_masked():
    mask = np.ones((8, 8), bool)
    mask[2, 3] = False
    frames, _ = _in_bundle_units(trained(mask), dataset(PHOTONS), False, False)
    assert np.argwhere(~frames.mask).tolist() == [[2, 3]]
    assert not frames.diffraction[:, 2, 3].any()


@pytest.mark.parametrize("of", ["the training", "the new data", "both"])
def test_an_exposure_is_compared_in_the_pixels_that_both_see(of):
    """Half of the detector hidden, in one or the other, is no half of the exposure."""
    half, other = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    half[:4], other[:, :4] = True, True
    data = dataset(PHOTONS)
    if of != "the training":
        data = dataclasses.replace(data, frames=dataclasses.replace(data.frames, mask=other), nphotons=PHOTONS / 2)
    _, exposure = _in_bundle_units(trained(None if of == "the new data" else half), data, False, False)
    assert exposure["ratio"] == pytest.approx(1)
