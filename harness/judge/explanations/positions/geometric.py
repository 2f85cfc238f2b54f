"""Changes of where elements are: transposed, mirrored, rolled, moved, permuted, cut or padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.measures import LEAST, accounted, is_rounding, norm
from harness.judge.explanations.positions.lines import added_or_lost

_AXES = 4  # of an array, at most: beyond, there are too many ways
_MANY = 1 << 17  # slices that are compared one by one
_MOST = 1 << 22  # elements that are searched for a displacement
_KEYS = 8  # numbers of a slice that tell it from others
_ROUNDING = 1e-6  # of the difference, that rounding may leave
_FINE = 0.1  # of a sample, that may be left of it


def transposed(golden: Array, obtained: Array) -> Explanation | None:
    """The axes in another order, or some of them backwards, or both."""
    if not 1 <= golden.ndim <= _AXES or golden.size < LEAST:
        return None
    for order, mirrored in _turns(golden, obtained):
        changed = _turned(golden, order, mirrored)
        if _promises(obtained, changed) and (left := accounted(golden, obtained, changed)) is not None:
            return Explanation(*_turn(order, mirrored), left)
    return None


def _turns(golden: Array, obtained: Array) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every order of the axes that gives the obtained shape, and which of them are backwards then."""
    axes = tuple(range(golden.ndim))
    for order in permutations(axes):
        if tuple(golden.shape[a] for a in order) == obtained.shape:
            for count in range(order == axes, golden.ndim + 1):
                yield from ((order, mirrored) for mirrored in combinations(axes, count))


def _turned(array: Array, order: tuple[int, ...], mirrored: tuple[int, ...]) -> Array:
    turned = array.transpose(order)
    return np.flip(turned, mirrored) if mirrored else turned


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
    """Rolled by whole elements, or moved by them with something else at the edges.

    The displacement is the largest correlation of the two (by Fourier transforms); all of it is tried on the
    golden then.
    """
    if golden.shape != obtained.shape or not LEAST <= golden.size <= _MOST or not 1 <= golden.ndim <= _AXES:
        return None
    steps = correlated_steps(golden, obtained)
    if any(steps):
        left = accounted(golden, obtained, np.roll(golden, steps, tuple(range(golden.ndim))))
        if left is not None:
            return Explanation("roll", _rolled(steps, golden.shape), left)
        inner, came = moved_parts(steps, golden.shape)
        seen, before = obtained[inner], golden[came]
        if 2 * seen.size >= golden.size and (left := accounted(golden[inner], seen, before)) is not None:
            return Explanation("shift", _moved(steps), left)
    return None


def moved_parts(steps: tuple[int, ...], shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where, after a displacement, what it brought stands, and where that was before."""
    inner = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(steps, shape, strict=True))
    came = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(steps, shape, strict=True))
    return inner, came


def _moved(steps: tuple[int, ...]) -> str:
    return f"it is moved by {list(steps)} elements, with other edges"


def correlated_steps(golden: Array, obtained: Array) -> tuple[int, ...]:
    """By how many elements the golden has to be rolled for the largest correlation."""
    from scipy import fft  # late: most verdicts explain nothing, and it takes as long as all the rest to import

    g, o = golden - golden.mean(), obtained - obtained.mean()
    spectrum = fft.fftn(o) * fft.fftn(g).conj()
    peak = np.unravel_index(int(np.argmax(np.abs(fft.ifftn(spectrum)))), golden.shape)
    return tuple(int(p) - n * (2 * int(p) > n) for p, n in zip(peak, golden.shape, strict=True))


def _rolled(steps: tuple[int, ...], shape: tuple[int, ...]) -> str:
    moved = tuple(axis for axis, step in enumerate(steps) if step)
    if all(abs(steps[a]) == shape[a] // 2 for a in moved) and moved[-1] == len(shape) - 1:
        return f"it is shifted by half its size along {_axes(moved)}, as fftshift does"
    return f"it is rolled by {', '.join(str(steps[a]) for a in moved)} along {_axes(moved)}"


def permuted(golden: Array, obtained: Array) -> Explanation | None:
    """The same slices along one axis in another order, equal to the last bit."""
    if golden.shape != obtained.shape or golden.ndim < 1 or golden.dtype != obtained.dtype or golden.size < LEAST:
        return None
    if golden.dtype.kind in "fc" and not _same_sum(golden, obtained):
        return None
    if golden.ndim == 1 and golden.dtype.kind not in "c" and np.array_equal(np.sort(golden), np.sort(obtained)):
        moved = np.flatnonzero(golden != obtained).tolist()
        said = f"{len(moved)} of {golden.size} elements are in another order{_exchanged(moved)}"
        return Explanation("permutation", said, 0.0)
    for axis in range(golden.ndim):
        if golden.shape[axis] < 2 or golden.shape[axis] > _MANY:
            continue
        before, after = (_slices(a, axis) for a in (golden, obtained))
        exactly = sorted(before) == sorted(after)
        left = 0.0 if exactly else _left_sorted(golden, obtained, axis)
        if len(set(before)) > 1 and left is not None:
            things = {2: ("rows", "columns")}.get(golden.ndim, ("elements",) if golden.ndim == 1 else ())
            thing = things[axis] if things else f"slices of axis {axis}"
            moved = [i for i, (b, a) in enumerate(zip(before, after, strict=True)) if b != a]
            count = f"{len(moved)} of {len(before)} " if exactly else "the "
            more = _exchanged(moved) if exactly else "" if left else ", and equal but for rounding"
            return Explanation("permutation", f"{count}{thing} are in another order{more}", left)
    return None


def _exchanged(moved: Sequence[int]) -> str:
    """Of two that are in another order, which they are."""
    return f": {moved[0]} and {moved[1]} are in each other's place" if len(moved) == 2 else ""


def _same_sum(golden: Array, obtained: Array) -> bool:
    """Whether both have the same sum but for rounding, as they have in whatever order."""
    sums = [complex(a.sum(dtype=np.complex128 if a.dtype.kind == "c" else np.float64)) for a in (golden, obtained)]
    return abs(sums[1] - sums[0]) <= _ROUNDING * float(np.abs(golden).sum(dtype=np.float64))


def _left_sorted(golden: Array, obtained: Array, axis: int) -> float | None:
    """What another order leaves, of slices that are told by their numbers in turn; None where it is no rounding."""
    if golden.dtype.kind != "f" or golden.size > _MOST:
        return None
    rows = [np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1) for a in (golden, obtained)]
    before, after = (r[np.lexsort(r.T[:_KEYS])] for r in rows)
    if norm(after - before) > _ROUNDING * norm(rows[1] - rows[0]):
        return None
    return 0.0 if is_rounding(after - before, before, after, before) else norm(after - before) / norm(after)


def _slices(array: Array, axis: int) -> list[bytes]:
    rows = np.ascontiguousarray(np.moveaxis(array, axis, 0)).reshape(array.shape[axis], -1)
    return [row.tobytes() for row in rows]


def reshaped(golden: Array, obtained: Array) -> Explanation | None:
    """The same elements in the same order, in another shape."""
    if golden.size != obtained.size or golden.shape == obtained.shape or golden.size < LEAST:
        return None
    left = accounted(*(a.ravel() for a in (np.zeros_like(obtained), obtained, golden)), exactly=True)
    words = f"its shape is {list(obtained.shape)}, was {list(golden.shape)}, with the elements in the same order"
    return None if left is None else Explanation("reshaping", words, left)


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


def taken_along(golden: Array, obtained: Array) -> Explanation | None:
    """A change of places that takes along what is not finite: every NaN has to be where it brings one."""
    gaps = _gaps(golden), _gaps(obtained)
    g, o = (np.where(gap == 0, a, 0) for a, gap in zip((golden, obtained), gaps, strict=True))
    if not (g.any() and o.any()) or not 1 <= golden.ndim <= _AXES or golden.size < LEAST:
        return None
    if found := _turned_along((g, o), gaps) or _displaced_along((g, o), gaps):
        return found
    largest = max(float(np.abs(a).max()) for a in (g, o))
    # Numbers that no element has stand for what is not finite: whatever is equal to the last bit has them in place.
    full = [np.where(gap > 0, (gap + 1) * largest, a).astype(a.dtype) for a, gap in zip((g, o), gaps, strict=True)]
    ways = (permuted,) if golden.shape == obtained.shape else (reshaped, resized, added_or_lost)
    return next(filter(None, (way(*full) for way in ways)), None)


def _gaps(array: Array) -> Array:
    """What elements are instead of a finite number, each kind by its own; 0 for a finite one."""
    kinds = [np.isnan(a) + 2 * np.isposinf(a) + 3 * np.isneginf(a) for a in (array.real, array.imag)]
    return np.asarray(kinds[0] + 4 * kinds[1])


def _turned_along(numbers: tuple[Array, Array], gaps: tuple[Array, Array]) -> Explanation | None:
    golden, obtained = numbers
    for order, mirrored in _turns(golden, obtained):
        changed = _turned(golden, order, mirrored)
        if _promises(obtained, changed) and np.array_equal(_turned(gaps[0], order, mirrored), gaps[1]):
            left = accounted(golden, obtained, changed)
            if left is not None:
                return Explanation(*_turn(order, mirrored), left)
    return None


def _displaced_along(numbers: tuple[Array, Array], gaps: tuple[Array, Array]) -> Explanation | None:
    golden, obtained = numbers
    if golden.shape != obtained.shape or golden.size > _MOST:
        return None
    every = tuple(range(golden.ndim))
    for steps in _steps_along(numbers, gaps):
        left = None
        if np.array_equal(np.roll(gaps[0], steps, every), gaps[1]):
            left = accounted(golden, obtained, np.roll(golden, steps, every))
        if left is not None:
            return Explanation("roll", _rolled(steps, golden.shape), left)
        inner, came = moved_parts(steps, golden.shape)
        if 2 * obtained[inner].size >= golden.size and np.array_equal(gaps[0][came], gaps[1][inner]):
            left = accounted(golden[inner], obtained[inner], golden[came])
        if left is not None:
            return Explanation("shift", _moved(steps), left)
    return None


def _steps_along(numbers: tuple[Array, Array], gaps: tuple[Array, Array]) -> Iterator[tuple[int, ...]]:
    """Displacements to try: by what is finite, by what is not, and by one or two elements along an axis."""
    even = [np.where(gap == 0, a, a[gap == 0].mean()) for a, gap in zip(numbers, gaps, strict=True)]
    masks = [(gap > 0).astype(float) for gap in gaps]
    near = (tuple(s * (a == axis) for a in range(gaps[0].ndim)) for axis in range(gaps[0].ndim) for s in (1, -1, 2, -2))
    found = dict.fromkeys((correlated_steps(*even), correlated_steps(*masks), *near))
    yield from (
        steps for steps in found if any(steps) and all(abs(s) < n for s, n in zip(steps, gaps[0].shape, strict=True))
    )
