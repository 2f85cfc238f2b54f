"""Group: neighbouring frames that constrain one another through their overlap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy.spatial import KDTree

from ptycho.arrays import Integer, Real
from ptycho.errors import DataError

LARGEST_CHOICE = 100_000  # ways to choose a frame's neighbours, listed when oversampling


@dataclass(frozen=True)
class Groups:
    """``G`` groups of ``C`` frames.

    ``members`` ``(G, C)``: indices of frames, the seed first. ``centers`` ``(G, 2)``: each group's
    mean position, rounded to whole pixels so that a group lies on the object grid. ``offsets``
    ``(G, C, 2)``: positions relative to the centre, ``[x, y]`` pixels, zero-centred to half a pixel.
    """

    members: Integer
    centers: Integer
    offsets: Real

    def __len__(self) -> int:
        return len(self.members)

    @property
    def shifts(self) -> Integer:
        """``offsets`` rounded to whole pixels: where a patch lies on its group's canvas."""
        return np.rint(self.offsets).astype(int)

    @property
    def reach(self) -> int:
        """The largest whole-pixel shift of any member."""
        return int(np.abs(self.shifts).max())

    def take(self, which: Integer | slice) -> Groups:
        """Some of the groups."""
        return Groups(self.members[which], self.centers[which], self.offsets[which])


def make_groups(
    positions: Real,
    gridsize: int,
    neighbors: int,
    rng: np.random.Generator,
    count: int | None = None,
    oversample: bool = False,
) -> Groups:
    """Groups of ``gridsize**2`` frames: a seed and a random choice of its nearest ``neighbors``.

    ``count`` None makes one group a frame, so that every frame is a seed once. More groups than
    frames need ``oversample``, which draws distinct (seed, choice of neighbours) pairs, at most
    ``frames * comb(neighbors, C - 1)``. Raises DataError when the frames do not suffice.
    """
    C, M = gridsize**2, len(positions)
    count = M if count is None else count
    if C > M:
        raise DataError(
            f"Dataset has only {M} points but {C} coordinates per group requested: a group needs {C} different frames"
        )
    neighbors = min(neighbors, M - 1)
    available = M * comb(neighbors, C - 1)
    if neighbors < C - 1:
        raise DataError(
            f"K = {neighbors} neighbours are fewer than the {C - 1} that a group of C = {C} needs "
            "beside its seed (K < C)"
        )
    if count > M and not oversample:
        raise DataError(f"{count} groups asked of {M} frames: allow group.oversample, or ask for at most {M}")
    if count > available:
        raise DataError(
            f"{count} groups asked, but {M} frames with K = {neighbors} choose {C - 1} make only {available}"
        )
    if count > M:
        seeds, chosen = _distinct_choices(M, neighbors, C - 1, count, rng)
    else:
        seeds = np.arange(M) if count == M else np.sort(rng.choice(M, count, replace=False))
        ranks = np.tile(np.arange(1, neighbors + 1), (count, 1))
        chosen = np.sort(rng.permuted(ranks, axis=1)[:, : C - 1], axis=1)
    members = seeds[:, None]
    if C > 1:
        others = np.take_along_axis(_nearest(positions, neighbors)[seeds], chosen, axis=1)
        members = np.concatenate([members, others], axis=1)
    placed = np.asarray(positions, np.float64)[members]
    centers = np.rint(placed.mean(axis=1)).astype(int)
    return Groups(members, centers, (placed - centers[:, None]).astype(np.float32))


def _distinct_choices(
    M: int, neighbors: int, size: int, count: int, rng: np.random.Generator
) -> tuple[Integer, Integer]:
    """``count`` distinct pairs of a seed and ``size`` ranks of its neighbours (K choose C)."""
    ways = comb(neighbors, size)
    if ways > LARGEST_CHOICE:
        raise DataError(
            f"K = {neighbors} choose {size} gives {ways} choices a frame: group.neighbors is too large to oversample"
        )
    ranks = np.array(list(combinations(range(1, neighbors + 1), size)), int).reshape(ways, size)
    seeds, chosen = np.divmod(rng.choice(M * ways, count, replace=False), ways)
    return seeds, ranks[chosen]


def _nearest(positions: Real, neighbors: int) -> Integer:
    """``(M, neighbors + 1)``: each frame itself, then its nearest others.

    Frames at equal positions may come in any order from the tree, so the frame is put first.
    """
    nearest: Integer = np.asarray(KDTree(positions).query(positions, neighbors + 1)[1])
    own = np.arange(len(nearest))
    for row in np.flatnonzero(nearest[:, 0] != own):
        others = nearest[row][nearest[row] != row]
        nearest[row] = np.r_[row, others[:neighbors]]
    return nearest
