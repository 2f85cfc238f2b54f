"""An array as a plane of pixels: which plane, on which scale, and how it shrinks to the size of a picture."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_FLAT = 0.7  # of the neighbours of a label image are of one label, at least
Reals: TypeAlias = NDArray[np.float64]
_TAILS = (0.5, 99.5)  # percentiles that the common scale spans: one hot pixel must not hide the rest
_SAMPLES = 65_536  # elements that are enough to place percentiles


def common_limits(arrays: list[Reals]) -> tuple[float, float]:
    """The common scale: the percentiles of all arrays together, those that are finite."""
    samples = [a.ravel()[:: max(1, a.size // _SAMPLES)] for a in arrays]
    samples = [s[np.isfinite(s)] for s in samples]
    tails = [np.percentile(s, _TAILS, method="nearest") for s in samples if s.size]
    if not tails:
        return 0.0, 1.0
    low, high = float(min(t[0] for t in tails)), float(max(t[1] for t in tails))
    if low == high:  # nearly all of it is one value: the rest may be what matters
        low, high = float(min(s.min() for s in samples if s.size)), float(max(s.max() for s in samples if s.size))
    return low, high


def shown_plane(array: NDArray[Any]) -> tuple[int, str]:
    """Which plane of an array to show, and a note that says so; 0 where there is only one."""
    if array.ndim <= 2:
        return 0, ""
    planes = array.reshape(-1, *array.shape[-2:])
    if len(planes) == 1:
        return 0, ""
    most = np.abs(planes).max(axis=(1, 2))
    chosen = int(np.where(np.isnan(most), np.inf, most).argmax())
    index = ", ".join(map(str, np.unravel_index(chosen, array.shape[:-2])))
    return chosen, f"Plane [{index}] of {len(planes):,}: the one that differs most."


def flat_plane(array: NDArray[Any], plane: int) -> NDArray[Any]:
    """One plane of an array, by its place among all; a list of numbers is a plane of one row."""
    if array.ndim < 2:
        return array.reshape(1, -1)
    planes = array.reshape(-1, *array.shape[-2:])
    return np.asarray(planes[min(plane, len(planes) - 1)])


def modulus(array: NDArray[Any]) -> Reals:
    """Real numbers to show: the modulus where an array is complex."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.abs(array) if array.dtype.kind == "c" else array, np.float64)


def _blocks(array: Reals, side: int) -> Reals:
    """Blocks of equal pixels on each side, ``(rows, columns, n * n)``; the edge is repeated to fill the last."""
    n = block_size(array, side)
    rows, columns = -(-array.shape[0] // n), -(-array.shape[1] // n)
    padded = np.pad(array, ((0, rows * n - array.shape[0]), (0, columns * n - array.shape[1])), mode="edge")
    return padded.reshape(rows, n, columns, n).swapaxes(1, 2).reshape(rows, columns, n * n)


def block_means(array: Reals, side: int) -> Reals:
    """Each block's mean, so that the plane is at most ``side`` pixels wide and high."""
    if max(array.shape) <= side:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(_blocks(array, side).mean(axis=2))


def block_samples(array: Reals, side: int) -> Reals:
    """The pixel in the middle of each block: a mean of two labels would be a third."""
    n = block_size(array, side)
    return array[(n - 1) // 2 :: n, (n - 1) // 2 :: n] if n > 1 else array


def holds_labels(array: NDArray[Any]) -> bool:
    """Whether the numbers of an array are names, as in masks and label images: most neighbours share one."""
    if array.dtype.kind == "b":
        return True
    if array.dtype.kind not in "iu" or array.ndim < 2 or array.shape[-1] < 2:
        return False
    step = max(1, array.size // _SAMPLES)
    before, after = (array[..., part].reshape(-1)[::step] for part in (slice(None, -1), slice(1, None)))
    return bool(np.mean(before == after) >= _FLAT)


def block_extremes(array: Reals, side: int) -> Reals:
    """Each block's largest deviation with its sign: a mean would hide a single wrong pixel."""
    if max(array.shape) <= side:
        return array
    blocks = _blocks(array, side)
    most = np.where(np.isfinite(blocks), np.abs(blocks), np.inf).argmax(axis=2)
    return np.asarray(np.take_along_axis(blocks, most[..., None], axis=2)[..., 0])


def reduction_note(array: Reals, side: int, labels: bool = False) -> list[str]:
    """A note that says how an array was reduced; none where it is shown as it is."""
    n = block_size(array, side)
    size = f"{array.shape[0]} \u00d7 {array.shape[1]}"
    how = f"one of every {n} \u00d7 {n} pixels" if labels else f"means of {n} \u00d7 {n} pixels"
    return [f"Shown of {size}: {how}."] if n > 1 else []


def block_size(array: Reals, side: int) -> int:
    """How many pixels, in each direction, one that is shown stands for."""
    longest: int = max(array.shape)
    return math.ceil(longest / side)
