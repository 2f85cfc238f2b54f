"""Outputs of stages with every float moved by one unit in its last place, as another machine may round it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.protocol import Output


def nudged(output: Output, seed: int) -> dict[str, Any]:
    """``output`` with each float one step up or down, by chance; zeros and what is not finite stay as they are."""
    rng = np.random.default_rng(seed)
    return {key: _moved(value, rng) for key, value in output.items()}


def _moved(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, Mapping):
        return {key: _moved(inner, rng) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(inner, rng) for inner in value)
    if isinstance(value, np.ndarray):
        return _array(value, rng)
    if isinstance(value, np.floating):
        return _array(np.asarray(value), rng)[()]
    if isinstance(value, float):
        up = math.inf if rng.random() < 0.5 else -math.inf
        return math.nextafter(value, up) if value and math.isfinite(value) else value
    return value


def _array(array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    if array.dtype.kind == "c":
        moved = np.empty_like(array)
        moved.real, moved.imag = _array(array.real, rng), _array(array.imag, rng)
        return moved
    if array.dtype.kind != "f":
        return array
    towards = np.where(rng.random(array.shape) < 0.5, np.inf, -np.inf).astype(array.dtype)
    fixed = (array == 0) | ~np.isfinite(array)
    # A step beyond the largest float would be infinite.
    moved = np.where(fixed, array, np.nextafter(array, towards))
    return np.where(np.isfinite(moved), moved, array)
