"""The rows of a raster: which frames were taken on one pass of the stage, as the positions' steps tell."""

from __future__ import annotations

import numpy as np

from ptycho.arrays import Integer, Real

FLYBACK, TURN = 2.5, 0.5  # steps along and across the rows, in steps of the fast axis: beyond, a row ends
SHORTEST, FEWEST = 5, 4  # frames of a typical row; rows


def rows_of(positions: Real) -> tuple[int, Integer] | None:
    """The fast axis (0 for x) and the number of each frame's row ``(M,)``, or None for a scan without rows."""
    steps = np.diff(positions, axis=0)
    if len(steps) < SHORTEST * FEWEST:
        return None
    fast = int(np.argmax(np.median(np.abs(steps), axis=0)))
    along, across = steps[:, fast], steps[:, 1 - fast]
    usual = float(np.median(np.abs(along)))
    turned = np.r_[False, along[1:] * along[:-1] < 0]
    ends = (np.abs(along) > FLYBACK * usual) | (np.abs(across) > TURN * usual) | turned
    ends &= ~np.r_[False, ends[:-1]]  # a flyback turns twice, and ends one row
    row = np.r_[0, np.cumsum(ends)]
    lengths = np.bincount(row)
    return (fast, row) if len(lengths) >= FEWEST and np.median(lengths) >= SHORTEST else None
