"""Integers as names: masks that are inverted, labels that are numbered otherwise, numbers that wrapped around."""

from __future__ import annotations

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.measures import LEAST

_MANY = 8  # elements a label, or any integers would be labels
_NAMED = 3  # labels that are named


def relabelled(golden: Array, obtained: Array) -> Explanation | None:
    """Integers whose classes are the same under other numbers, one for one; masks that are each other's opposite."""
    kinds = golden.dtype.kind + obtained.dtype.kind
    if kinds == "bb":
        opposite = golden.size > 1 and bool((golden != obtained).all())
        return Explanation("labels", "it is the opposite mask", 0.0) if opposite else None
    if kinds.strip("iu") or not golden.size:
        return None
    before, where = np.unique(golden, return_inverse=True)
    if _MANY * len(before) > golden.size or len(before) < 2:
        return None
    first = np.zeros(len(before), obtained.dtype)
    first[where.ravel()] = obtained.ravel()
    if len(np.unique(first)) != len(first) or not np.array_equal(first[where.ravel()], obtained.ravel()):
        return None
    moved = [(int(b), int(a)) for b, a in zip(before, first, strict=True) if b != a]
    named = ", ".join(f"{b} is {a}" for b, a in moved[:_NAMED]) + (", ..." if len(moved) > _NAMED else "")
    words = f"{len(moved)} of {len(before)} distinct numbers are others, one for one: {named}"
    return Explanation("labels", words, 0.0)


def wrapped(golden: Array, obtained: Array) -> Explanation | None:
    """Integers that all have one number more, and began again where their type ends."""
    if golden.dtype != obtained.dtype or golden.dtype.kind not in "iu" or golden.size < LEAST:
        return None
    bits = 8 * golden.dtype.itemsize
    unsigned = np.dtype(f"u{golden.dtype.itemsize}")
    more = (obtained.view(unsigned) - golden.view(unsigned)).ravel()
    if not more[0] or not (more == more[0]).all():
        return None
    step = int(more[0]) - (int(more[0]) >= 2 ** (bits - 1)) * 2**bits
    return Explanation("offset", f"every number is {step:+} off, beginning again where {golden.dtype} ends", 0.0)
