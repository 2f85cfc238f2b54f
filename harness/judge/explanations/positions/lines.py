"""Rows, columns or other slices that are lost or new, wherever they were, while all others are as they were."""

from __future__ import annotations

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.items import lost_or_new
from harness.judge.explanations.measures import norm, resolution

_MANY = 1 << 17  # slices that are compared as a whole
_SEARCHED = 1 << 12  # slices that are compared number by number
_LARGEST = 1 << 24  # elements
_FEW = 0.1  # of the slices, that may be lost where as many are new
_NEAR = 1e-9  # of a slice's largest number: what differs by less is the same slice, and what is left is said


def added_or_lost(golden: Array, obtained: Array) -> Explanation | None:
    """Slices along one axis that only one side has, where those that both have are in the same order."""
    if golden.ndim != obtained.ndim or not golden.ndim or max(golden.size, obtained.size) > _LARGEST:
        return None
    others = [axis for axis, (g, o) in enumerate(zip(golden.shape, obtained.shape, strict=True)) if g != o]
    if len(others) > 1:
        return None
    for axis in others or range(golden.ndim):
        if max(golden.shape[axis], obtained.shape[axis]) <= _MANY and (found := _along(golden, obtained, axis)):
            return found
    return None


def _along(golden: Array, obtained: Array, axis: int) -> Explanation | None:
    kind = np.result_type(golden, obtained)
    before, after = (np.moveaxis(a.astype(kind), axis, 0).reshape(a.shape[axis], -1) for a in (golden, obtained))
    was, is_now = ([row.tobytes() for row in np.ascontiguousarray(rows)] for rows in (before, after))
    thing, where = _words(golden.ndim, axis)
    few = len(before) * _FEW if len(before) == len(after) else max(len(was), len(is_now))
    if found := lost_or_new(was, is_now, thing, where, int(max(1, few))):
        return Explanation("items", found, 0.0)
    if len(before) == len(after) or kind.kind not in "fc" or max(len(before), len(after)) > _SEARCHED:
        return None
    return _nearly(before, after, (thing, where))


def _words(dimensions: int, axis: int) -> tuple[str, str]:
    things = {1: ("element",), 2: ("row", "column")}.get(dimensions)
    return (things[axis], "") if things else ("slice", f" along axis {axis}")


def _nearly(before: Array, after: Array, words: tuple[str, str]) -> Explanation | None:
    """The same where all that both sides have differs by rounding: the shorter is found in the longer, in its order."""
    longer, shorter = (before, after) if len(before) > len(after) else (after, before)
    places: list[int] = []
    start = 0
    for row in shorter:
        near = np.abs(longer[start:] - row).max(axis=1, initial=0) <= _NEAR * np.abs(row).max(initial=0)
        if not near.any():
            return None
        places.append(start + int(np.argmax(near)))
        start = places[-1] + 1
    kept = [str(place) for place in places]
    every = [str(i) for i in range(len(longer))]
    was, is_now = (every, kept) if longer is before else (kept, every)
    found = lost_or_new(was, is_now, words[0], words[1], len(every))
    if found is None:
        return None
    left = norm(longer[places] - shorter) / (norm(after) or 1.0)
    return Explanation("items", f"{found} but for rounding", left if left > 8 * resolution(before, after) else 0.0)
