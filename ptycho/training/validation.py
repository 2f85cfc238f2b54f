"""Groups that are held out of training, none of whose frames is ever trained on."""

from __future__ import annotations

import numpy as np

from ptycho.config.network import TrainConfig
from ptycho.config.validation import require
from ptycho.data.grouping import Groups


def hold_out(groups: Groups, config: TrainConfig) -> tuple[Groups, Groups | None]:
    """The groups to train on, and those to validate with, or None where ``validation_fraction`` asks for none.

    Groups share frames with their neighbours, so a choice at random would validate on frames that are trained on.
    The groups nearest to one of them, which ``train.seed`` chooses, are held out, and those that share a frame
    with one that is held out serve neither. Where that would leave less than half of the groups to train on,
    fewer are held out, and none in a scan so small that every group touches the others. Raises ConfigError where
    the fraction itself leaves nothing.
    """
    fraction, count = config.validation_fraction, len(groups)
    held = round(fraction * count)
    require(held < count, "train.validation_fraction", fraction, f"it leaves none of {count} groups to train on")
    rng = np.random.default_rng(config.seed)
    distance = np.linalg.norm(groups.centers - groups.centers[rng.integers(count)], axis=1)
    nearest = np.argsort(distance, kind="stable")
    while held:
        frames = np.unique(groups.members[nearest[:held]])
        kept = np.flatnonzero(~np.isin(groups.members, frames).any(axis=1))
        if 2 * len(kept) >= count - held:
            return groups.take(kept), groups.take(np.sort(nearest[:held]))
        held //= 2
    return groups, None
