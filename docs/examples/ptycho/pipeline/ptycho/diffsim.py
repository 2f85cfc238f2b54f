"""Simulated data: an object, the scan, and the diffraction amplitudes that a detector would count."""

import numpy as np

from ptycho import params
from ptycho.params import cfg


def sim_object_image():
    """A complex object with a few smooth blobs."""
    size = cfg["N"] + cfg["offset"] * (cfg["gridsize"] - 1)
    rng = np.random.default_rng(cfg["seed"])
    y, x = np.mgrid[:size, :size] / size
    phase = sum(
        rng.uniform(-1, 1) * np.exp(-((x - rng.random()) ** 2 + (y - rng.random()) ** 2) / 0.02) for _ in range(12)
    )
    return (1 - 0.2 * np.abs(phase)) * np.exp(1j * phase)


def scan_positions():
    """The upper left corner of each frame, row by row."""
    steps = params.get("offset") * np.arange(params.get("gridsize"))
    return np.array([(row, column) for row in steps for column in steps])


def illuminate_and_diffract(obj, probe, positions):
    """Noisy amplitudes, and the scale that turns them into roots of photon counts."""
    N, rng = cfg["N"], np.random.default_rng(cfg["seed"] + 1)
    patches = np.array([obj[r : r + N, c : c + N] for r, c in positions])
    amplitude = np.abs(np.fft.fft2(patches * probe, norm="ortho"))
    scale = np.sqrt(cfg["nphotons"])
    return np.sqrt(rng.poisson((scale * amplitude) ** 2)) / scale, scale
