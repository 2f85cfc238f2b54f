"""A displacement by parts of an element: found in the phases of the two spectra, and by the gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.measures import everywhere, norm
from harness.judge.explanations.positions.geometric import correlated_steps

_FINE = 0.1  # of the difference, that may be left: interpolation is not unique
_PROMISING = 0.8  # of the difference, that the phases may leave
_WIDE = 8  # elements of an axis along which something can move by parts of one
_MOST = 1 << 20  # numbers that are in flight
_LOW = 0.25  # cycles an element, below which phases are looked at
_ROUNDS = 4


def moved_finely(golden: Array, obtained: Array) -> Explanation | None:
    """The golden moved by parts of an element, away from the edges."""
    from scipy import fft, ndimage

    wide = [n >= _WIDE for n in golden.shape]
    if (
        golden.dtype.kind not in "fc"
        or not any(wide)
        or golden.size * golden.ndim > _MOST
        or golden.shape != obtained.shape
    ):
        return None
    steps = correlated_steps(golden, obtained)
    source = fft.fftn(golden)
    lines = (fft.fftfreq(n) if large else np.zeros(n) for n, large in zip(golden.shape, wide, strict=True))
    grids = np.stack(np.meshgrid(*lines, indexing="ij"))
    by_phase = _by_phase(source, fft.fftn(obtained), grids, np.array(steps, dtype=float))
    edge = _inside(by_phase, golden.shape, wide)
    nearly = (fft.ifftn(source * _turn(grids, by_phase)), ndimage.shift(golden, by_phase, order=1, mode="nearest"))
    if min(norm((obtained - moved)[edge]) for moved in nearly) > _PROMISING * norm((obtained - golden)[edge]):
        return None
    by_gradient = by_phase
    for _ in range(_ROUNDS):
        by_gradient = by_gradient + _step(golden, obtained, by_gradient, wide)
    found: list[tuple[float, int, Array, Array]] = []
    for shifts in (by_phase, by_gradient):
        if np.any(np.abs(shifts) > np.array(golden.shape) / 4):
            continue
        edge = _inside(shifts, golden.shape, wide)
        sharp = fft.ifftn(source * _turn(grids, shifts))
        splines = (ndimage.shift(golden, shifts, order=order, mode="grid-wrap") for order in (1, 3))
        for moved in (sharp if golden.dtype.kind == "c" else sharp.real, *splines):
            found.append((norm((obtained - moved)[edge]) / (norm(obtained[edge]) or 1.0), len(found), shifts, moved))
    if not found:
        return None
    left, _, shifts, moved = min(found, key=lambda one: one[:2])
    edge = _inside(shifts, golden.shape, wide)
    seen, away = obtained[edge], (obtained - golden)[edge]
    small = left * norm(seen) <= _FINE * min(norm(away), norm(seen - seen.mean()))
    if np.all(np.abs(shifts - np.rint(shifts)) < 0.02) or not small or not everywhere(seen - moved[edge], away, seen):
        return None
    words = ", ".join(f"{round(s, 2) + 0.0:+.2f}" for s in shifts)
    return Explanation("sub-pixel shift", f"it is moved by about ({words}) elements", left)


def _turn(grids: Array, shifts: Array) -> Array:
    """What a displacement multiplies the spectrum by."""
    turned: Array = np.exp(-2j * np.pi * np.tensordot(shifts, grids, 1))
    return turned


def _by_phase(source: Array, target: Array, grids: Array, shifts: Array) -> Array:
    """By the slope of the cross spectrum's phase at low frequencies, refined by what it leaves."""
    near = (np.sqrt((grids * grids).sum(axis=0)) < _LOW) & (np.abs(source) > 0)
    columns = grids[:, near].T
    for _ in range(_ROUNDS):
        cross = (target * (source * _turn(grids, shifts)).conj())[near]
        weighted = columns * np.abs(cross)[:, None]
        slope, *_ = np.linalg.lstsq(weighted.T @ columns, weighted.T @ np.angle(cross), rcond=None)
        shifts = shifts - slope / (2 * np.pi)
    return shifts


def _inside(shifts: Array, shape: tuple[int, ...], wide: Sequence[bool]) -> tuple[slice, ...]:
    """What a displacement brought nothing to from beyond the edges."""
    margins = [min(int(abs(s)) + 2, n // 3) * large for s, n, large in zip(shifts, shape, wide, strict=True)]
    return tuple(slice(m, n - m) for m, n in zip(margins, shape, strict=True))


def _step(golden: Array, obtained: Array, shifts: Array, wide: Sequence[bool]) -> Array:
    """How much further the golden has to move, to first order, to be nearest to the obtained array."""
    from scipy import ndimage

    edge = _inside(shifts, golden.shape, wide)
    moved = ndimage.shift(golden, shifts, order=3, mode="nearest")
    axes = [axis for axis, large in enumerate(wide) if large]
    slopes = np.stack([np.gradient(moved, axis=axis)[edge].ravel() for axis in axes], axis=1)
    rest = (moved - obtained)[edge].ravel()
    solved, *_ = np.linalg.lstsq((slopes.conj().T @ slopes).real, (slopes.conj().T @ rest).real, rcond=None)
    step = np.zeros(len(wide))
    step[axes] = np.clip(solved, -0.5, 0.5)
    return step
