"""What another machine may round, and how far a value moved in units of its own rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.protocol import Artifact, Json
from harness.core.trees import FLOAT, leaves
from harness.judge.elements import Array
from harness.judge.kinds import as_number, kind_of

_FLOORS = ((1e-12, 1e-9), (1e-5, 1e-5), (1.0, 1e-3))  # by a float's epsilon, as in the first draft of a rule


def moved_by_rounding(artifact: Artifact) -> Artifact:
    """An artifact with every float larger by what another machine may round."""
    return Artifact(_rounded(artifact.values), {name: _rounded_array(a) for name, a in artifact.arrays.items()})


def _rounded(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(_rounded(inner) for inner in value)
    return value * (1 + 1e-9) if type(value) is float else value


def _rounded_array(array: Array) -> Array:
    if array.dtype.kind not in "fc":
        return array
    epsilon = float(np.finfo(array.dtype).eps)
    with np.errstate(over="ignore"):
        return (array * (1 + next(floor for most, floor in _FLOORS if epsilon <= most))).astype(array.dtype)


def relative_movements(base: Artifact, other: Artifact) -> dict[str, tuple[float, float]]:
    """By path, how far a float or an array of them moved relative to it, and that in units of its epsilon.

    An element of an array that is smaller than the median is measured against that. What is not there in both, has
    another shape or is not finite is left out.
    """
    found: dict[str, tuple[float, float]] = {}
    others = _numbers(other)
    for path, value in _numbers(base).items():
        if path in others and others[path].shape == value.shape:
            moved = _relative(value, others[path])
            found[path] = (moved, moved / float(np.finfo(value.dtype).eps))
    return found


def _numbers(artifact: Artifact) -> dict[str, np.ndarray[Any, Any]]:
    """Floats and arrays of floats by path; a narrow float is an array of its type."""
    found: dict[str, np.ndarray[Any, Any]] = {a: x for a, x in artifact.arrays.items() if x.dtype.kind in "fc"}
    for path, value in leaves(artifact.values):
        if path and kind_of(value) == "float":
            found[path.removesuffix(f"/{FLOAT}")] = np.asarray(as_number(value), dtype=np.float64)
    return found


def _relative(base: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    wide = np.complex128 if base.dtype.kind == "c" else np.float64
    one, two = base.astype(wide), other.astype(wide)
    known = np.isfinite(one) & np.isfinite(two)
    sizes, moved = np.abs(one[known]), np.abs(two[known] - one[known])
    some = sizes[sizes > 0]
    least = float(np.median(some)) if some.size else 1.0
    return float(np.max(moved / np.maximum(sizes, least), initial=0.0))
