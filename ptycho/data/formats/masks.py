"""Masks of detector pixels, True where a pixel is valid, from what files say of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ptycho.arrays import Mask
from ptycho.data.containers.tree import Tree
from ptycho.errors import DataError

_BLOCK = 256  # frames' masks held at one time


def from_array(bad: Any, side: int | None, path: Path, what: str) -> Mask:
    """The mask ``(n, n)`` of an array that is not zero at bad pixels, for frames of ``side`` pixels (None: any)."""
    bad = np.asarray(bad)
    shape = bad.shape
    while bad.ndim > 2 and len(bad) == 1:
        bad = bad[0]
    _check(bad.shape, shape, side, path, what)
    return np.asarray(bad == 0)


def from_bits(tree: Tree, name: str, side: int | None, bits: int) -> Mask | None:
    """The mask of a bit field ``(n, n)`` or, for every frame, ``(M, n, n)``; a pixel with any of ``bits`` is bad.

    Of masks that change from frame to frame those pixels are valid that are valid in each.
    """
    item = tree.dataset(name)
    if item is None or item.shape is None:
        return None
    if item.dtype.kind not in "biu":
        raise DataError(f"{tree.path.name}: {name} has type {item.dtype}, expected a bit field that is 0 where valid")
    _check(item.shape[-2:], item.shape, side, tree.path, name)
    if item.ndim == 2:
        return (tree.array(name).astype(np.int64) & bits) == 0
    rows, columns = item.shape[-2:]
    stack = tree.stack(name, (int(np.prod(item.shape[:-2])), rows, columns))
    valid = np.ones((rows, columns), bool)
    for start in range(0, len(stack), _BLOCK):
        valid &= ((stack[start : start + _BLOCK].astype(np.int64) & bits) == 0).all(axis=0)
    return valid


def _check(mask: tuple[int, ...], shape: tuple[int, ...], side: int | None, path: Path, what: str) -> None:
    if len(mask) != 2 or mask[0] != mask[1] or (side is not None and mask[0] != side):
        expected = "(n, n)" if side is None else str((side, side))
        raise DataError(f"{path.name}: {what} has shape {shape}, expected {expected} as the frames have")
