"""What every format's arrays must be: shapes and types, told in one sentence that names the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.errors import DataError


def frames_shape(shape: Sequence[int], dtype: np.dtype[Any], path: Path) -> tuple[int, int, int]:
    """``(M, n, n)`` of an array of frames, without leading axes of one; raises DataError for anything else."""
    if len(squeezed(shape, 3)) != 3:
        raise DataError(f"{path.name}: data has shape {tuple(shape)}, expected 3 axes")
    if dtype.kind not in "fiu":
        raise DataError(f"{path.name}: data has type {dtype}, expected real numbers")
    count, rows, columns = squeezed(shape, 3)
    if rows != columns or count == 0 or rows == 0:
        raise DataError(f"{path.name}: data has shape {(count, rows, columns)}, expected square frames (M, n, n)")
    return count, rows, columns


def squeezed(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    """A shape without leading axes of one, down to ``ndim`` axes."""
    left = tuple(shape)
    while len(left) > ndim and left[0] == 1:
        left = left[1:]
    return left


def probe_modes(array: Any, path: Path) -> Complex:
    """A probe's modes ``(modes, n, n)``; of further leading axes the first entry is taken."""
    shape = array.shape
    while array.ndim > 3 and len(array):
        array = array[0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[1] != array.shape[2] or array.dtype.kind != "c" or array.size == 0:
        raise DataError(f"{path.name}: probe has shape {shape} and type {array.dtype}, expected a square complex array")
    return np.asarray(array)


def two_columns(array: Any, count: int | None, path: Path) -> Real:
    """Positions ``(M, 2)``, without leading axes of one; raises DataError unless there is a row a frame."""
    shape = array.shape
    array = array.reshape(squeezed(shape, 2))
    if array.ndim != 2:
        raise DataError(f"{path.name}: scan has shape {shape}, expected 2 axes")
    rows = "M" if count is None else count
    if array.shape[1] != 2 or array.dtype.kind not in "fiu" or (count is not None and len(array) != count):
        raise DataError(
            f"{path.name}: scan has shape {array.shape} and type {array.dtype}, "
            f"expected ({rows}, 2) real numbers, one row a frame"
        )
    return np.asarray(array)


def from_axes(x: Any, y: Any, names: tuple[str, str], count: int | None, path: Path) -> Real:
    """Positions ``(M, 2)`` of two arrays of coordinates."""
    x, y = np.ravel(x), np.ravel(y)
    if len(x) != len(y):
        expected = "as many" if count is None else count
        raise DataError(
            f"{path.name}: {names[0]} has {len(x)} values and {names[1]} {len(y)}, expected {expected} of each"
        )
    return two_columns(np.stack([x, y], axis=-1), count, path)
