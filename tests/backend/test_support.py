"""The support: where the scan gave enough light, whatever the probe's brightest pixel is."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.data.frames import Frames
from ptycho.optics import probes
from ptycho.pipeline.comparison import illuminated

SHAPE = (160, 160)


@pytest.fixture(scope="module")
def probe():
    return probes.normalize_probe(probes.idealized(64), 10.0, True)


def scan(step, low=48, high=112):
    """A raster of positions, and frames that nobody looks at."""
    axis = np.arange(low, high + 1, step)
    at = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype(float)
    return Frames(np.zeros((len(at), 1, 1), np.float32), at, np.arange(len(at)))


@pytest.mark.parametrize("step", [2, 4, 8])
def test_what_lies_inside_the_scan_is_covered_and_what_lies_far_off_is_not(probe, step):
    support = illuminated(scan(step), probe, SHAPE, 0.15)
    assert support[48:112, 48:112].all()
    assert not support[:30].any()
    assert not support[:, 130:].any()
    area = (64 + 20) ** 2  # the scan, and about the disk's radius around it, less the corners
    assert 0.75 * area < support.sum() < area


@pytest.mark.parametrize("factor", [3.0, 30.0, 1e3])
@pytest.mark.parametrize("where", [(32, 32), (27, 38), (2, 60)])
def test_a_hot_pixel_of_the_probe_leaves_the_support_as_it_is(probe, factor, where):
    """By the peak one such pixel left 70 of 3,716; here it can only add what it lights itself."""
    hot = probe.copy()
    hot[where] = factor * np.abs(probe).max()
    frames = scan(4)
    plain, spoilt = (illuminated(frames, P, SHAPE, 0.15) for P in (probe, hot))
    assert (spoilt & plain).sum() > 0.95 * plain.sum()
    assert (spoilt & ~plain).sum() <= len(frames)


def test_the_probe_s_scale_and_the_number_of_frames_are_no_matter(probe):
    frames = scan(4)
    wanted = illuminated(frames, probe, SHAPE, 0.15)
    np.testing.assert_array_equal(illuminated(frames, 1e3 * probe, SHAPE, 0.15), wanted)
    twice = frames.take(np.repeat(np.arange(len(frames)), 2))
    np.testing.assert_array_equal(illuminated(twice, probe, SHAPE, 0.15), wanted)


def test_more_is_asked_less_is_covered(probe):
    counts = [illuminated(scan(4), probe, SHAPE, share).sum() for share in (0.05, 0.15, 0.5, 0.9)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_a_place_without_light_is_never_covered(probe):
    """Not even where the middle of the probe is dark and so is every scan position."""
    ring = np.where(np.hypot(*(np.indices((64, 64)) - 31.5)) < 6, 0, probe)
    support = illuminated(scan(64), ring, SHAPE, 0.15)
    assert not support[48, 48]
    assert support.sum() < 0.2 * support.size
