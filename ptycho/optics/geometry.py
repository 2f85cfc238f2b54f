"""Patches and canvases: where a patch lies on the object grid, in NumPy.

A patch of side ``N`` at scan position ``(x, y)`` holds ``patch[i, j] = O(y - N/2 + i, x - N/2 + j)``:
bilinear between pixels, zero outside the object. ``Canvas.add`` puts patches back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ptycho.arrays import Complex, Integer, Mask, Real

Kernel: TypeAlias = Literal["linear", "cubic"]


def extract_patches(obj: Complex, positions: Real, N: int) -> Complex:
    """Patches ``(B, N, N)`` of ``obj`` at ``positions`` ``(B, 2)``, pixels, order ``[x, y]``."""
    corner, (fx, fy) = _corners(positions, N)
    low = np.minimum(corner.min(0), 0)
    high = np.maximum(corner.max(0) + N + 1 - obj.shape[::-1], 0)
    padded = np.pad(obj, ((-low[1], high[1]), (-low[0], high[0])))
    windows = sliding_window_view(padded, (N + 1, N + 1))
    w = windows[corner[:, 1] - low[1], corner[:, 0] - low[0]]
    rows = w[:, :-1] + fy * (w[:, 1:] - w[:, :-1])
    return rows[:, :, :-1] + fx * (rows[:, :, 1:] - rows[:, :, :-1])


def _corners(positions: Real, N: int) -> tuple[Integer, tuple[Real, Real]]:
    """The pixel at each patch's first element, and the fraction beyond it as ``(B, 1, 1)`` arrays."""
    start = np.asarray(positions, np.float64) - N / 2
    corner = np.floor(start).astype(int)
    fraction = (start - corner).astype(np.float32)[:, :, None, None]
    return corner, (fraction[:, 0], fraction[:, 1])


@dataclass
class Canvas:
    """A weighted average of patches, accumulated as they come.

    ``origin`` is the object coordinate ``[x, y]`` of the first pixel. Numerator and denominator
    use the same weights, so patches that agree with an object average to that object.
    """

    shape: tuple[int, int]
    origin: tuple[int, int] = (0, 0)
    weighted: Complex = field(init=False)
    weight: Real = field(init=False)

    def __post_init__(self) -> None:
        self.weighted = np.zeros(self.shape, np.complex64)
        self.weight = np.zeros(self.shape, np.float32)

    def add(self, patches: Complex, weights: Real, positions: Real, kernel: Kernel = "linear") -> None:
        """Add ``patches`` ``(B, n, n)`` centred at ``positions`` ``(B, 2)``.

        ``weights`` are ``(n, n)`` or ``(B, n, n)``.
        Patches that lie on whole pixels are added as they are, others are spread by ``kernel``:
        ``linear`` is the adjoint of ``extract``; ``cubic`` (Keys 1981) hardly blurs, but its weights
        can cancel at the rim: average over a ``support``. What falls outside the canvas is dropped.
        """
        corner, (fx, fy) = _corners(positions, patches.shape[-1])
        weights = np.broadcast_to(weights, patches.shape)
        values = (patches * weights).astype(np.complex64, copy=False)
        shares = weights.astype(np.float32, copy=False)
        if fx.any() or fy.any():
            values, shares = (_spread(_spread(a, fx, -1, kernel), fy, -2, kernel) for a in (values, shares))
            corner = corner - (len(_taps(fx, kernel)) // 2 - 1)
        for (x, y), value, share in zip(corner - self.origin, values, shares, strict=True):
            target, source = _overlap(self.shape, (y, x), value.shape)
            self.weighted[target] += value[source]
            self.weight[target] += share[source]

    def average(self, support: Mask | None = None) -> Complex:
        """The object: the weighted mean where there is weight (or ``support``), zero elsewhere."""
        covered = self.weight > 0 if support is None else support
        safe = np.where(covered, self.weight, 1)
        return np.where(covered, self.weighted / safe, 0).astype(np.complex64)

    def support(self, threshold: float) -> Mask:
        """Pixels that gathered at least ``threshold`` of weight."""
        return self.weight >= threshold


def _taps(f: Real, kernel: Kernel) -> list[Real]:
    """Interpolation weights of the pixels around a point that lies ``f`` beyond the middle-left one."""
    if kernel == "linear":
        return [1 - f, f]
    return [
        ((2 - f) * f - 1) * f / 2,
        ((3 * f - 5) * f * f + 2) / 2,
        ((4 - 3 * f) * f + 1) * f / 2,
        (f - 1) * f * f / 2,
    ]


def _spread(patches: Complex | Real, f: Real, axis: int, kernel: Kernel) -> Complex | Real:
    """Share every pixel among the whole pixels around it; the axis grows by the taps less one."""
    taps = _taps(f, kernel)
    n = patches.shape[axis]
    shape = list(patches.shape)
    shape[axis] += len(taps) - 1
    out = np.zeros(shape, patches.dtype)
    for k, tap in enumerate(taps):
        part = (slice(None),) * (patches.ndim + axis) + (slice(k, k + n),)
        out[part] += patches * tap
    return out


def _overlap(
    shape: tuple[int, int], corner: tuple[int, int], size: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The slices of a canvas and of a patch at ``corner`` (row, column) that coincide."""
    target, source = [], []
    for extent, start, length in zip(shape, corner, size, strict=True):
        first, last = max(start, 0), max(min(start + length, extent), 0)
        target.append(slice(first, max(last, first)))
        source.append(slice(first - start, max(last, first) - start))
    return (target[0], target[1]), (source[0], source[1])


def required_canvas(offsets: Real, N: int) -> int:
    """The smallest square canvas for patches at ``offsets`` ``(M, 2)``: ``N + 2 max|offset - mean|``, rounded up."""
    centred = np.asarray(offsets) - np.mean(offsets, axis=0)
    return int(N + 2 * np.ceil(np.abs(centred).max()))
