"""The explanations in their order, and what is done to two arrays before they are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array, same_elements
from harness.judge.explanations.coarse import held_at_bounds, rounded
from harness.judge.explanations.labels import relabelled, wrapped
from harness.judge.explanations.local import differing, few_elements, noise, not_finite, one_slice
from harness.judge.explanations.measures import norm, resolution
from harness.judge.explanations.pointwise import absolute, affine, conjugate, constant, linear
from harness.judge.explanations.positions.geometric import (
    displaced,
    permuted,
    reshaped,
    resized,
    taken_along,
    transposed,
)
from harness.judge.explanations.positions.lines import added_or_lost
from harness.judge.explanations.positions.subpixel import moved_finely

_NEARLY = 1e-12  # of the obtained numbers: what leaves no more needs no better one

Way = Callable[[Array, Array], Explanation | None]

_WHOLE: tuple[Way, ...] = (
    *(
        constant,
        absolute,
        linear,
        conjugate,
        transposed,
        displaced,
        permuted,
        rounded,
        held_at_bounds,
        affine,
        moved_finely,
    ),
)
_SAME_SHAPE: tuple[Way, ...] = (
    *_WHOLE,
    lambda golden, obtained: one_slice(golden, obtained, _whole),
    few_elements,
    added_or_lost,
)
_EXACTLY = (absolute, permuted, rounded, held_at_bounds, affine, few_elements)  # of which some hold and leave nothing
_ELEMENTWISE = (constant, absolute, linear, conjugate, rounded, held_at_bounds, affine)
_PART = 1 << 16  # elements that are looked at before all are
_OTHER_SHAPE: tuple[Way, ...] = (transposed, reshaped, resized, added_or_lost)


def explain_difference(golden: Array, obtained: Array) -> Explanation | None:
    """The first simple change of ``golden`` that accounts for ``obtained``, two arrays; None without one.

    What is said is always true of these two arrays to within the residual that is given; whether it is the cause is
    for people to say. Elements that are not finite in the same way are equal. Numbers whose squares would be none of
    their type have no explanation, and of text and dates no more is said than where they are.
    """
    kinds = golden.dtype.kind + obtained.dtype.kind
    if not golden.size or not obtained.size:
        return None
    if kinds in ("UU", "SS", "MM", "mm"):
        ways = (permuted, few_elements, added_or_lost) if golden.shape == obtained.shape else (added_or_lost,)
        return _first(ways, golden, obtained)
    if kinds.strip("biufc"):
        return None
    of_type = "" if golden.dtype == obtained.dtype else f"the type is {obtained.dtype}, was {golden.dtype}"
    if of_type and golden.shape == obtained.shape and (what := _retyped(golden, obtained)):
        return Explanation("type", f"{of_type}, and {what}")
    try:
        with np.errstate(all="ignore"):  # what is no number accounts for nothing
            found = _of_numbers(golden, obtained)
    except (np.linalg.LinAlgError, MemoryError):  # the verdict does not depend on it
        return None
    return Explanation(found.kind, f"{of_type}, and {found.sentence}", found.residual) if found and of_type else found


def _of_numbers(golden: Array, obtained: Array) -> Explanation | None:
    g, o = _wide(golden), _wide(obtained)
    if g.dtype.kind != o.dtype.kind:
        g, o = (a if a.dtype.kind == "c" else a.astype(f"c{2 * a.dtype.itemsize}") for a in (g, o))
    if not _ordinary(g) or not _ordinary(o):
        return None
    finite = np.isfinite(g), np.isfinite(o)
    if g.shape != o.shape:
        return _first(_OTHER_SHAPE, g, o) if finite[0].all() and finite[1].all() else taken_along(g, o)
    both = finite[0] & finite[1]
    odd = ~both & ~same_elements(g, o)
    if odd.any():
        return taken_along(g, o) or _of_others(g, o, odd, finite)
    if not both.all():
        return _beside_gaps(g, o, both)
    if np.array_equal(g, o):
        return None
    as_they_are = [lambda *_: wrapped(golden, obtained), lambda *_: relabelled(golden, obtained)]
    masks = golden.dtype.kind == "b"  # of which every change is one of a few elements, or a factor
    return _first((*as_they_are[masks:][:masks], *_SAME_SHAPE, *as_they_are, noise), g, o)


def _of_others(golden: Array, obtained: Array, odd: Array, finite: tuple[Array, Array]) -> Explanation:
    """What became of elements that are or were not finite, and what holds for the others."""
    both = finite[0] & finite[1]
    g, o = np.where(both, golden, 0), np.where(both, obtained, 0)
    differs = differing(g, o)
    if not differs.any():
        return not_finite(odd, finite, "no other differs")
    if rest := _beside_gaps(golden, obtained, both):
        return not_finite(odd, finite, f"of the others {rest.sentence}", rest.residual)
    some = int(np.count_nonzero(differs))
    left = norm(o - g) / (norm(o) or norm(g))
    return not_finite(odd, finite, f"{some} of the others differ{'s' * (some == 1)}", min(left, 1.0))


def _beside_gaps(golden: Array, obtained: Array, both: Array) -> Explanation | None:
    """What accounts for the elements that are finite on ``both`` sides; zeros stand for the others, or none do."""
    g, o = np.where(both, golden, 0), np.where(both, obtained, 0)
    if np.array_equal(g, o):
        return None
    found = _first((*_SAME_SHAPE, noise), g, o)
    if found is None or found.kind == "noise" or found.residual:
        alone = _first((*_ELEMENTWISE, noise), golden[both], obtained[both])
        better = alone and (found is None or alone.residual < found.residual)
        return alone if better else found
    return found


def _first(ways: Iterable[Way], golden: Array, obtained: Array) -> Explanation | None:
    """The first that leaves nothing but rounding, else what leaves less; of large arrays a part is asked before."""
    found: Explanation | None = None
    parts = _parts(golden, obtained)
    for way in ways:
        if (found and way not in _EXACTLY) or (way in parts and way(*parts[way]) is None):
            continue
        if explanation := way(golden, obtained):
            if explanation.residual <= max(_NEARLY, 8 * resolution(golden, obtained)):
                return explanation
            found = explanation if found is None or 2 * explanation.residual < found.residual else found
    return found


def _whole(golden: Array, obtained: Array) -> Explanation | None:
    """What accounts for a part of an array, as for a whole one."""
    return _first(_WHOLE, golden, obtained)


def _parts(golden: Array, obtained: Array) -> dict[Way, tuple[Array, Array]]:
    """Of large arrays, what tells each way fast that it does not hold: scattered elements, or those in the middle."""
    if golden.size <= _PART or golden.shape != obtained.shape:
        return {}
    step = golden.size // _PART | 1
    scattered = golden.ravel()[::step], obtained.ravel()[::step]
    side = int(_PART ** (1 / golden.ndim))
    middle = tuple(slice(max(0, (n - side) // 2), max(0, (n - side) // 2) + side) for n in golden.shape)
    return {**dict.fromkeys(_ELEMENTWISE, scattered), noise: (golden[middle], obtained[middle])}


def _retyped(golden: Array, obtained: Array) -> str:
    """What a conversion alone accounts for; empty where more than the type is another."""
    if golden.dtype.kind == "c" and obtained.dtype.kind != "c":
        parts = (("real part", golden.real), ("modulus", np.abs(golden)), ("phase", np.angle(golden)))
        return next((f"it is the {name}" for name, part in parts if np.allclose(part, obtained, 1e-6, 0)), "")
    with np.errstate(all="ignore"):
        same = np.array_equal(obtained, golden.astype(obtained.dtype), equal_nan=obtained.dtype.kind in "fc")
    return "nothing else changed" if same else ""


def _ordinary(array: Array) -> bool:
    """Whether the squares of its elements, and the sums of these, are numbers of its type."""
    with np.errstate(over="ignore"):
        largest = np.abs(array[np.isfinite(array)]).max(initial=0)
    limit = 1e15 if array.real.dtype.itemsize == 4 else 1e100
    return bool(largest == 0 or 1 / limit < largest < limit)


def _wide(array: Array) -> Array:
    """Numbers in which differences, sums and transforms are what they say; complex64 and float32 stay what they are."""
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    return array if array.dtype.itemsize >= (8 if array.dtype.kind == "c" else 4) else array.astype(np.float32)
