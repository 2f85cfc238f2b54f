"""The layout of measured data: from what a file holds to centred frames, and positions in pixels, order [x, y]."""

from __future__ import annotations

import numpy as np

from ptycho.arrays import Real
from ptycho.config.experiment import MeasuredConfig


def centred_frames(frames: Real, config: MeasuredConfig) -> Real:
    """``(..., n, n)`` frames or images of a detector, transposed where declared, their zero frequency in the middle."""
    if config.transpose:
        frames = np.swapaxes(frames, -2, -1)
    return frames if config.centred else np.fft.fftshift(frames, axes=(-2, -1))


def positions_xy(scan: Real, config: MeasuredConfig) -> Real:
    """``(M, 2)`` positions of the probe in pixels of the object grid, ``[x, y]``, from the file's two columns."""
    xy = scan[:, ::-1] if config.order == "yx" else scan
    signs = np.array([-1.0 if config.flip_x else 1.0, -1.0 if config.flip_y else 1.0])
    return np.asarray(xy * (signs * config.position_scale))
