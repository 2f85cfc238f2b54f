"""What strict JSON with markers says: the tree that was taken apart, its leaves, its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.codecs import Parted, codec_named
from harness.core.errors import GoldenError
from harness.core.protocol import Json
from harness.core.trees.markers import (
    ARRAY,
    FLOAT,
    KIND,
    KIND_NAME,
    NARROW,
    NON_FINITE,
    QUOTED,
    TUPLE,
    non_finite_name,
    unwrapped,
    without_escape,
)

_SCALARS = frozenset({bool, int, float, type(None)})  # which are themselves in every form


def join_tree(values: Json, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The tree that ``split_tree`` took apart, values of other kinds as Parted: ``codecs.restored`` makes them.

    Raises GoldenError where a marker stands for nothing, or for a kind that is unknown.
    """

    def put(value: Json) -> Any:
        if isinstance(value, list):
            return [put(v) for v in value]
        if not isinstance(value, dict):
            return value
        marker, inner = unwrapped(value)
        if marker is None:
            return {without_escape(k, value): put(v) for k, v in value.items()}
        if marker == ARRAY:
            if inner not in arrays:
                raise GoldenError(f"its JSON names an array {inner!r} that is not there: take the file from git again")
            return arrays[inner]
        if marker == TUPLE:
            return tuple(put(v) for v in inner)
        if marker == KIND:
            return _parted(inner, {k: put(v) for k, v in inner.items() if k != KIND_NAME})
        number = NON_FINITE.get(inner, inner) if marker != QUOTED else inner
        return NARROW[marker](number) if marker in NARROW else number

    return dict(put(values))


def _parted(inner: Mapping[str, Json], parts: Mapping[str, Any]) -> Parted:
    """The parts of a value whose kind has a codec; raises GoldenError where it has none."""
    kind: str = inner[KIND_NAME]
    codec = codec_named(kind)
    if codec is None or codec.restore is None:
        raise GoldenError(f"its JSON has a value of kind {kind[:80]!r}, which this harness cannot make")
    return Parted(kind, parts)


def plain_values(value: Json) -> Json:
    """JSON of ``artifact_json`` or ``split_tree`` as schemas and people see it: what is not finite by its name."""
    if type(value) in _SCALARS:
        return value
    marker, inner = unwrapped(value)
    if marker == ARRAY:
        return value
    if isinstance(inner, Mapping):
        return {without_escape(k, inner): plain_values(v) for k, v in inner.items()}
    return [plain_values(v) for v in inner] if isinstance(inner, list | tuple) else inner


def numeric_json(value: Json) -> Json:
    """JSON of ``artifact_json`` with numbers again for ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``."""
    if type(value) in _SCALARS:
        return value
    marker, inner = unwrapped(value)
    if marker == ARRAY:
        return value
    if isinstance(inner, Mapping):
        return {without_escape(k, inner): numeric_json(v) for k, v in inner.items()}
    if isinstance(inner, list | tuple):
        return [numeric_json(v) for v in inner]
    return NON_FINITE.get(inner, inner) if isinstance(inner, str) and marker != QUOTED else inner


def plain_json(value: Any) -> Json:
    """``value`` as strict JSON for people, whatever it is made of: ``"NaN"`` for a NaN, lists for arrays."""
    if isinstance(value, Mapping):
        return {str(k): plain_json(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_json(v) for v in value]
    value = python_scalar(value)
    return non_finite_name(value) if isinstance(value, float) and not math.isfinite(value) else value


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every scalar of a JSON tree with its path; empty lists and mappings count as leaves, arrays do not."""
    marker, value = unwrapped(value)
    if marker == ARRAY:
        return
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}/{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}/{i}" if path else str(i))
    else:
        yield path, value


def value_at(value: Json, path: str) -> Json:
    """The part of a JSON tree at ``path``, without markers; raises KeyError where there is none."""
    for part in path.split("/") if path else ():
        try:
            value = unwrapped(value)[1]
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (IndexError, ValueError, TypeError) as error:
            raise KeyError(path) from error
    return plain_values(value)


def non_finite_counts(values: Json, arrays: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """How many numbers are not finite at each path of what ``split_tree`` gave; finite ones are left out."""
    counts = {}
    for path, value in nodes(values):
        marker, inner = unwrapped(value)
        if marker == FLOAT or (marker in NARROW and isinstance(inner, str)):
            counts[path] = 1
    for path, array in arrays.items():
        if array.dtype.kind in "fc" and (bad := int(np.count_nonzero(~np.isfinite(array)))):
            counts[path] = bad
    return counts


def nodes(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every value below another in a JSON tree, branches too, with its path."""
    marker, value = unwrapped(value)
    if marker in (None, TUPLE, KIND):
        named: Iterable[tuple[str, Json]] = ()
        if isinstance(value, Mapping):
            named = ((without_escape(key, value), item) for key, item in value.items())
        elif isinstance(value, list):
            named = ((str(i), item) for i, item in enumerate(value))
        for name, item in named:
            below = f"{path}/{name}" if path else name
            yield below, item
            yield from nodes(item, below)


def python_scalar(value: Any) -> Any:
    """A NumPy scalar as Python's own; raises TypeError for what JSON has no form for."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} is neither JSON nor a NumPy array: stages return data, not objects")
