"""Changes of where elements are: transposed, mirrored, rolled, moved, permuted, cut or padded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations, product

import numpy as np
from scipy import fft, ndimage

from harness.judge.elements import Array
from harness.judge.explanations.explanation import LEAST, Explanation, accounted, norm

_AXES = 4  # of an array, at most: beyond, there are too many ways
_MOST = 1 << 22  # elements that are searched for a displacement
_FINE = 0.1  # of the difference, that a displacement by parts of a pixel may leave: interpolation is not unique


def transposed(golden: Array, obtained: Array) -> Explanation | None:
    """The axes in another order, or some of them backwards, or both."""
    if not 1 <= golden.ndim <= _AXES or golden.size < LEAST:
        return None
    axes = range(golden.ndim)
    for order in permutations(axes):
        if tuple(golden.shape[a] for a in order) != obtained.shape:
            continue
        turned = golden.transpose(order)
        for count in range(golden.ndim + 1):
            for mirrored in combinations(axes, count):
                if count == 0 and order == tuple(axes):
                    continue
                changed = np.flip(turned, mirrored) if mirrored else turned
                if _promises(obtained, changed) and (left := accounted(golden, obtained, changed)) is not None:
                    return Explanation(*_turn(order, mirrored), left)
    return None


def _promises(obtained: Array, changed: Array) -> bool:
    """Whether a sample of at most some thousand elements is alike: there are hundreds of ways to turn an array."""
    some = tuple(slice(None, None, max(1, n // 8)) for n in obtained.shape)
    seen = obtained[some]
    return norm(seen - changed[some]) <= _FINE * norm(seen)


def _turn(order: tuple[int, ...], mirrored: tuple[int, ...]) -> tuple[str, str]:
    words = [] if list(order) == sorted(order) else [f"transposed (axes {', '.join(map(str, order))})"]
    words += [f"reversed along {_axes(mirrored)}"] if mirrored else []
    return "transposition" if list(order) != sorted(order) else "reversal", "it is " + " and ".join(words)


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else "axes " + ", ".join(map(str, axes))


def displaced(golden: Array, obtained: Array) -> Explanation | None:
    """Rolled by whole elements, or moved by them with something else at the edges, or moved by parts of one.

    The displacement is the largest correlation of the two (by Fourier transforms); all of it is tried on the
    golden then.
    """
    if golden.shape != obtained.shape or not LEAST <= golden.size <= _MOST or not 1 <= golden.ndim <= _AXES:
        return None
    steps = _steps(golden, obtained)
    if any(steps):
        left = accounted(golden, obtained, np.roll(golden, steps, tuple(range(golden.ndim))))
        if left is not None:
            return Explanation("roll", _rolled(steps, golden.shape), left)
        inner = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(steps, golden.shape, strict=True))
        came = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(steps, golden.shape, strict=True))
        seen, before = obtained[inner], golden[came]
        if 2 * seen.size >= golden.size and (left := accounted(golden[inner], seen, before)) is not None:
            return Explanation("shift", f"it is moved by {list(steps)} elements, with other edges", left)
    return _moved_finely(golden, obtained, steps)


def _steps(golden: Array, obtained: Array) -> tuple[int, ...]:
    g, o = golden - golden.mean(), obtained - obtained.mean()
    spectrum = fft.fftn(o) * fft.fftn(g).conj()
    peak = np.unravel_index(int(np.argmax(np.abs(fft.ifftn(spectrum)))), golden.shape)
    return tuple(int(p) - n * (2 * int(p) > n) for p, n in zip(peak, golden.shape, strict=True))


def _rolled(steps: tuple[int, ...], shape: tuple[int, ...]) -> str:
    moved = tuple(axis for axis, step in enumerate(steps) if step)
    if all(abs(steps[a]) == shape[a] // 2 for a in moved) and moved[-1] == len(shape) - 1:
        return f"it is shifted by half its size along {_axes(moved)}, as fftshift does"
    return f"it is rolled by {', '.join(str(steps[a]) for a in moved)} along {_axes(moved)}"


def _moved_finely(golden: Array, obtained: Array, steps: tuple[int, ...]) -> Explanation | None:
    """By the slope of the cross spectrum's phase at low frequencies, refined once."""
    if golden.dtype.kind not in "fc" or min(golden.shape) < 8 or golden.ndim > 2:
        return None
    shifts = np.array(steps, dtype=float)
    source, target = fft.fftn(golden), fft.fftn(obtained)
    grids = np.meshgrid(*(fft.fftfreq(n) for n in golden.shape), indexing="ij")
    near = (np.sqrt(sum(g * g for g in grids)) < 0.25) & (np.abs(source) > 0)
    for _ in range(4):
        phase = -2j * np.pi * sum(g * s for g, s in zip(grids, shifts, strict=True))
        cross = target * (source * np.exp(phase)).conj()
        weight = np.abs(cross)[near]
        columns = np.stack([g[near] for g in grids], axis=1)
        slope, *_ = np.linalg.lstsq(
            columns * np.sqrt(weight)[:, None], np.angle(cross)[near] * np.sqrt(weight), rcond=None
        )
        shifts = shifts - slope / (2 * np.pi)
    if np.all(np.abs(shifts - np.rint(shifts)) < 0.02) or np.any(np.abs(shifts) > np.array(golden.shape) / 4):
        return None
    phase = -2j * np.pi * sum(g * s for g, s in zip(grids, shifts, strict=True))
    sharp = fft.ifftn(source * np.exp(phase))
    sharp = sharp if golden.dtype.kind == "c" else sharp.real
    edge = tuple(slice(m, n - m) for m, n in zip((np.abs(shifts).astype(int) + 2).tolist(), golden.shape, strict=True))
    seen, difference = obtained[edge], norm((obtained - golden)[edge])
    left = min(norm(seen - moved[edge]) for moved in (sharp, ndimage.shift(golden, shifts, order=1, mode="grid-wrap")))
    if difference == 0 or left > _FINE * min(difference, norm(seen - seen.mean())):
        return None
    words = ", ".join(f"{s:+.2f}" for s in shifts)
    return Explanation("sub-pixel shift", f"it is moved by about ({words}) elements", left / norm(seen))


def permuted(golden: Array, obtained: Array) -> Explanation | None:
    """The same slices along one axis in another order, equal to the last bit."""
    if golden.shape != obtained.shape or golden.ndim < 1 or golden.dtype != obtained.dtype or golden.size < LEAST:
        return None
    for axis in range(golden.ndim):
        if golden.shape[axis] < 2:
            continue
        before, after = (_slices(a, axis) for a in (golden, obtained))
        if sorted(before) == sorted(after) and len(set(before)) > 1:
            count = sum(b != a for b, a in zip(before, after, strict=True))
            things = {2: ("rows", "columns")}.get(golden.ndim, ("elements",) if golden.ndim == 1 else ())
            thing = things[axis] if things else f"slices of axis {axis}"
            return Explanation("permutation", f"{count} of {len(before)} {thing} are in another order", 0.0)
    return None


def _slices(array: Array, axis: int) -> list[bytes]:
    rows = np.ascontiguousarray(np.moveaxis(array, axis, 0)).reshape(array.shape[axis], -1)
    return [row.tobytes() for row in rows]


def resized(golden: Array, obtained: Array) -> Explanation | None:
    """A part of the golden, or the golden with something around it; equal but for rounding."""
    if golden.ndim != obtained.ndim or golden.shape == obtained.shape or golden.ndim > _AXES:
        return None
    pairs = tuple(zip(golden.shape, obtained.shape, strict=True))
    cut, grown = all(o <= g for g, o in pairs), all(o >= g for g, o in pairs)
    small, large = (obtained, golden) if cut else (golden, obtained)
    if not (cut or grown) or small.size < LEAST:
        return None
    for start in _starts(large.shape, small.shape):
        window = large[tuple(slice(a, a + n) for a, n in zip(start, small.shape, strict=True))]
        left = accounted(*((small, window, small) if grown else (window, small, window)), exactly=True)
        if left is not None:
            what = "is cut out of the golden's" if cut else "has the golden's inside it"
            return Explanation(
                "crop" if cut else "padding",
                f"{list(obtained.shape)} {what} {list(golden.shape)}, from {list(start)} on",
                left,
            )
    return None


def _starts(large: tuple[int, ...], small: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Where a part may begin: middle, beginning and end of each axis, then everywhere while that is little."""
    room = [n - m for n, m in zip(large, small, strict=True)]
    yield from dict.fromkeys(product(*(((r + 1) // 2, r // 2, 0, r) for r in room)))
    if np.prod([r + 1 for r in room]) <= 4096:
        yield from product(*(range(r + 1) for r in room))
