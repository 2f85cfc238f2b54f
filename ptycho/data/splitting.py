"""Split: train and test frames from different parts of the scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho.config.experiment import SplitConfig
from ptycho.data.frames import Frames
from ptycho.errors import DataError


@dataclass(frozen=True)
class Split:
    """The two parts; no frame is in both."""

    train: Frames
    test: Frames


def split_frames(frames: Frames, config: SplitConfig) -> Split:
    """Sort by the axis; the lower ``fraction`` trains, the rest tests.

    Raises DataError when either part would be empty.
    """
    axis = {"x": 0, "y": 1}[config.axis]
    order = np.argsort(frames.positions[:, axis], kind="stable")
    count = round(config.fraction * len(frames))
    if not 0 < count < len(frames):
        raise DataError(f"split.fraction = {config.fraction} of {len(frames)} frames leaves one part empty")
    return Split(frames.take(order[:count]), frames.take(order[count:]))
