"""How far what a stage gives has moved, and whether that is more than rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.protocol import Artifact, Json
from harness.core.trees import leaves

ROUNDING_ULPS = 64.0
"""Units in the last place of an array's largest modulus within which a movement is rounding."""


@dataclass(frozen=True)
class MovedValue:
    """A value that moved: ``by``, the largest difference in terms of the largest modulus; infinite for another kind."""

    path: str
    by: float


def movements(before: Artifact, after: Artifact) -> list[MovedValue]:
    """Everything that moved by more than rounding."""
    found = []
    for path in {**before.arrays, **after.arrays}:
        one, other = before.arrays.get(path), after.arrays.get(path)
        by = np.inf if one is None or other is None else _moved(one, other)
        found += [MovedValue(path, float(by))] if by else []
    values, others = _by_path(before.values), _by_path(after.values)
    for path in {**values, **others}:
        if path not in values or path not in others:
            found.append(MovedValue(path, np.inf))
        elif by := _moved_value(values[path], others[path]):
            found.append(MovedValue(path, by))
    return found


def _by_path(values: Mapping[str, Json]) -> dict[str, Json]:
    return dict(leaves(values))


def _moved_value(one: Json, other: Json) -> float:
    if isinstance(one, float) and isinstance(other, float):
        return float(_moved(np.asarray(one), np.asarray(other)))
    return 0.0 if type(one) is type(other) and one == other else np.inf


def _moved(one: NDArray[Any], other: NDArray[Any]) -> float:
    """By how much, relative to the largest modulus; 0 for rounding alone."""
    if one.shape != other.shape or one.dtype.kind != other.dtype.kind:
        return np.inf
    if one.size == 0 or np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"):
        return 0.0
    if one.dtype.kind not in "fc":
        if one.dtype.kind not in "iu":
            return np.inf
        distance = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
        return float(distance / max(np.abs(one.astype(np.float64)).max(), 1.0))
    finite = np.isfinite(one)
    if not np.array_equal(finite, np.isfinite(other)) or not np.array_equal(one[~finite], other[~finite], True):
        return np.inf
    wide = np.result_type(one.dtype, np.float64)
    scale = float(np.abs(one[finite].astype(wide)).max(initial=0.0))
    distance = float(np.abs(other[finite].astype(wide) - one[finite].astype(wide)).max(initial=0.0))
    coarser = max(np.finfo(one.dtype).eps, np.finfo(other.dtype).eps)
    if distance <= ROUNDING_ULPS * float(coarser) * scale:
        return 0.0
    return distance / scale if scale else np.inf
