"""What can go wrong with the numbers that a stage gives: each operator is one mistake that people make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FAULT_SIZE = 1e-3  # relative: of a factor, and of an offset in terms of the largest modulus

FaultyArray = NDArray[Any]


@dataclass(frozen=True)
class Operator:
    """A fault of an array: ``fits`` says of which it can be one, ``change`` makes it; neither touches the array."""

    name: str
    words: str
    fits: Callable[[FaultyArray], bool]
    change: Callable[[FaultyArray, int], FaultyArray]


def _inexact(array: FaultyArray) -> bool:
    return array.dtype.kind in "fc" and array.size > 0


def _scale(array: FaultyArray) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def _with(array: FaultyArray, index: int, value: Any) -> FaultyArray:
    changed = array.copy()
    changed.flat[index % array.size] = value
    return changed


def _shortest(array: FaultyArray) -> int:
    """The shortest axis that has two slices: that of channels, where there is one."""
    return min((n, axis) for axis, n in enumerate(array.shape) if n > 1)[1]


def _permuted(array: FaultyArray, _: int) -> FaultyArray:
    order = np.arange(array.shape[axis := _shortest(array)])
    order[[0, 1]] = 1, 0
    return np.take(array, order, axis)


def _stale(array: FaultyArray, index: int) -> FaultyArray:
    changed, row = array.copy(), 1 + index % (len(array) - 1)
    changed[row] = array[row - 1]
    return changed


def _half(array: FaultyArray, _: int) -> FaultyArray:
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype.kind == "c":
            halves = array.real.astype(np.float16), array.imag.astype(np.float16)
            parts = (half.astype(array.real.dtype) for half in halves)
            real, imaginary = parts
            return (real + 1j * imaginary).astype(array.dtype)
        return array.astype(np.float16).astype(array.dtype)


def _several(array: FaultyArray) -> bool:
    return array.ndim > 0 and array.shape[-1] > 1 and array.size > 0 and array.dtype.kind in "fciub"


def _square(array: FaultyArray) -> bool:
    return array.ndim > 1 and array.shape[-1] == array.shape[-2] > 1 and array.dtype.kind in "fciub"


OPERATORS = {
    operator.name: operator
    for operator in (
        Operator("factor", f"times 1 + {FAULT_SIZE:g}", _inexact, lambda a, _: (a * (1 + FAULT_SIZE)).astype(a.dtype)),
        Operator(
            "offset",
            f"plus {FAULT_SIZE:g} of its largest modulus",
            _inexact,
            lambda a, _: (a + FAULT_SIZE * _scale(a)).astype(a.dtype),
        ),
        Operator("sign", "its sign", _inexact, lambda a, _: -a),
        Operator("roll", "rolled by one", _several, lambda a, _: np.roll(a, 1, -1)),
        Operator("transpose", "transposed", _square, lambda a, _: np.swapaxes(a, -1, -2).copy()),
        Operator("conjugate", "conjugated", lambda a: a.dtype.kind == "c" and a.size > 0, lambda a, _: np.conj(a)),
        Operator(
            "permutation",
            "two channels exchanged",
            lambda a: a.ndim > 1 and max(a.shape) > 1 and a.size > 0 and a.dtype.kind in "fciub",
            _permuted,
        ),
        Operator("nan", "one element NaN", _inexact, lambda a, i: _with(a, i, np.nan)),
        Operator("half", "to float16 and back", lambda a: _inexact(a) and a.dtype.itemsize > 2, _half),
        Operator("stale", "one slice that of before", lambda a: a.ndim > 0 and len(a) > 1 and a.size > 0, _stale),
        Operator(
            "count",
            "one element one more",
            lambda a: a.dtype.kind in "iu" and a.size > 0,
            lambda a, i: _with(a, i, a.flat[i % a.size] + a.dtype.type(1)),
        ),
        Operator(
            "flag",
            "one element the opposite",
            lambda a: a.dtype.kind == "b" and a.size > 0,
            lambda a, i: _with(a, i, not a.flat[i % a.size]),
        ),
    )
}
"""By name; ``change`` is given the array and an integer that chooses the element or the slice."""
