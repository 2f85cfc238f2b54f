"""Nested mappings of JSON values and arrays are taken apart into one JSON tree and flat arrays, and put together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.protocol import Json

ARRAY, FLOAT = "$array", "$float"
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def split_tree(tree: Mapping[str, Any]) -> tuple[dict[str, Json], dict[str, NDArray[Any]]]:
    """``tree`` as strict JSON and its arrays by path; ``join_tree`` is the inverse, to the bit."""
    arrays: dict[str, NDArray[Any]] = {}

    def take(value: Any, path: str) -> Json:
        if isinstance(value, np.ndarray):
            arrays[path] = value
            return {ARRAY: path}
        if isinstance(value, Mapping):
            return {str(k): take(v, f"{path}/{k}" if path else str(k)) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [take(v, f"{path}/{i}") for i, v in enumerate(value)]
        value = python_scalar(value)
        if isinstance(value, float) and not math.isfinite(value):
            return {FLOAT: non_finite_name(value)}
        return value

    return take(tree, ""), arrays


def join_tree(values: Json, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The tree that ``split_tree`` took apart."""

    def put(value: Json) -> Any:
        if isinstance(value, dict):
            if set(value) == {ARRAY}:
                return arrays[value[ARRAY]]
            if set(value) == {FLOAT}:
                return NON_FINITE[value[FLOAT]]
            return {k: put(v) for k, v in value.items()}
        return [put(v) for v in value] if isinstance(value, list) else value

    return dict(put(values))


def plain_json(value: Any) -> Json:
    """``value`` as an artifact's strict JSON: ``"NaN"``, ``"Infinity"``, ``"-Infinity"`` for what is not finite."""
    if isinstance(value, Mapping):
        return {str(k): plain_json(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_json(v) for v in value]
    value = python_scalar(value)
    return non_finite_name(value) if isinstance(value, float) and not math.isfinite(value) else value


def numeric_json(value: Json) -> Json:
    """JSON of ``plain_json`` with numbers again for ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``."""
    if isinstance(value, Mapping):
        return {k: numeric_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [numeric_json(v) for v in value]
    return NON_FINITE.get(value, value) if isinstance(value, str) else value


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every scalar of a JSON tree with its path; empty lists and mappings count as leaves."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}/{i}" if path else str(i))
    else:
        yield path, value


def value_at(value: Json, path: str) -> Json:
    """The part of a JSON tree at ``path``; raises KeyError where there is none."""
    for part in path.split("/") if path else ():
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (IndexError, ValueError, TypeError) as error:
            raise KeyError(path) from error
    return value


def non_finite_name(value: float) -> str:
    """The name of a float that is not finite."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def python_scalar(value: Any) -> Any:
    """A NumPy scalar as Python's own; raises TypeError for what JSON has no form for."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} is neither JSON nor a NumPy array: stages return data, not objects")
