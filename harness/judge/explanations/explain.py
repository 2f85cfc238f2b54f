"""The explanations in their order, and what is done to two arrays before they are tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.judge.elements import Array
from harness.judge.explanations.explanation import Explanation
from harness.judge.explanations.geometric import displaced, permuted, resized, transposed
from harness.judge.explanations.local import few_elements, noise, one_slice
from harness.judge.explanations.pointwise import conjugate, constant, factor, offset, rounded

KINDS = (
    *("type", "constant", "sign", "factor", "global phase", "offset", "conjugate", "transposition", "reversal"),
    *("roll", "shift", "crop", "padding", "permutation", "rounding", "sub-pixel shift"),
    *("few elements", "one slice", "noise"),
)
"""Everything that an explanation can be."""

_WHOLE: tuple[Callable[[Array, Array], Explanation | None], ...] = (
    *(constant, factor, offset, conjugate, transposed, displaced, permuted, rounded),
)
_SAME_SHAPE = (*_WHOLE, lambda golden, obtained: one_slice(golden, obtained, _WHOLE), few_elements, noise)
_OTHER_SHAPE = (transposed, resized)


def explain_difference(golden: Array, obtained: Array) -> Explanation | None:
    """The first simple change of ``golden`` that accounts for ``obtained``, two arrays of numbers; None without one.

    Elements that are not finite must be so in both at the same places, and count as equal. What is said is always
    true of these two arrays to within the residual that is given; whether it is the cause is for people to say.
    Arrays whose squares would be no numbers of their type have no explanation.
    """
    if golden.dtype.kind not in "biufc" or obtained.dtype.kind not in "biufc" or not golden.size or not obtained.size:
        return None
    g, o = _wide(golden), _wide(obtained)
    if not _ordinary(g) or not _ordinary(o):
        return None
    of_type = "" if golden.dtype == obtained.dtype else f"the type is {obtained.dtype}, was {golden.dtype}"
    if of_type and g.shape == o.shape and np.array_equal(obtained, _as(golden, obtained.dtype)):
        return Explanation("type", f"{of_type}, and nothing else changed", 0.0)
    if g.shape == o.shape:
        odd = ~(np.isfinite(g) & np.isfinite(o))
        if not np.array_equal(np.isfinite(g), np.isfinite(o)):
            return few_elements(np.isfinite(g), np.isfinite(o))
        g, o = np.where(odd, 0, g), np.where(odd, 0, o)
        if np.array_equal(g, o):
            return None
    elif not (np.isfinite(g).all() and np.isfinite(o).all()):
        return None
    found = next(filter(None, (way(g, o) for way in (_SAME_SHAPE if g.shape == o.shape else _OTHER_SHAPE))), None)
    if found and of_type:
        return Explanation(found.kind, f"{of_type}, and {found.sentence}", found.residual)
    return found


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


def _as(array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(all="ignore"):
        return array.astype(dtype)
