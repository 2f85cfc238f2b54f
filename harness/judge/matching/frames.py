"""Tables of pandas by their parts: which arrays have an element a row, and which of them is the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from harness.core.protocol import Json
from harness.judge.matching.items import narrowed_texts
from harness.judge.matching.keyed import MatchedRows, matched_rows

ArraysOfRows: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by their names, each with an element a row."""

FRAME = "pandas.DataFrame"  # the name of its codec
_MASK = ":missing"  # how the name of an array ends that says of which rows a column has no value
_RANGE = "pandas.RangeIndex"
_OF_ROWS = ("values", "mask", "codes")  # the parts of a column, or of an index, that have an element a row


def is_frame(value: Mapping[str, Json]) -> bool:
    """Whether a mapping is the parts of a table of pandas."""
    return value.get("kind") == FRAME and isinstance(value.get("columns"), Mapping)


def row_arrays(path: str, arrays: Mapping[str, NDArray[Any]]) -> ArraysOfRows:
    """The arrays of the table at ``path`` that have an element a row, by their names."""
    found = {}
    for name, array in arrays.items():
        for part in ("columns", "index"):
            below = name.removeprefix(f"{path}/{part}/").split("/") if name.startswith(f"{path}/{part}/") else []
            plain = part == "columns" and len(below) == 1
            if array.ndim and (plain or (below and below[-1] in _OF_ROWS)):
                found[name] = array
    return found


def key_array(path: str, key: str, value: Mapping[str, Json], arrays: Mapping[str, NDArray[Any]]) -> str:
    """The name of the array of the column called ``key``, or of the index of that name; empty where there is none."""
    places = [f"{path}/columns/{key}", f"{path}/columns/{key}/values"]
    index = value.get("index")
    if isinstance(index, Mapping) and index.get("name") == key:
        places += [f"{path}/index/values", f"{path}/index/values/values"]
    return next((place for place in places if place in arrays), "")


def matched_frames(
    path: str,
    key: str,
    sides: tuple[Mapping[str, Json], Mapping[str, Json]],
    rows: tuple[ArraysOfRows, ArraysOfRows],
) -> MatchedRows | str:
    """The rows of two tables at ``path`` by their key; a sentence where it does not tell them apart."""
    names = [key_array(path, key, value, arrays) for value, arrays in zip(sides, rows, strict=True)]
    if not all(names):
        return f"it has no column, and no index, called {key!r}"
    keys = [arrays[name].tolist() for name, arrays in zip(names, rows, strict=True)]
    odd = [n for known, found in zip(keys, rows, strict=True) for n, a in found.items() if len(a) != len(known)]
    return f"{odd[0]} has not one element a row" if odd else matched_rows(keys[0], keys[1], key)


def picked_rows(arrays: ArraysOfRows, places: Sequence[int], narrow: bool) -> ArraysOfRows:
    """Some rows of each array; ``narrow``: rows are left out, so that texts may need less width."""
    picked = {name: array[list(places)] for name, array in arrays.items()}
    return {n: narrowed_texts(a) if narrow and a.dtype.kind == "U" else a for n, a in picked.items()}


def idle_masks(arrays: ArraysOfRows, others: ArraysOfRows, path: str) -> list[str]:
    """The masks of columns of which nothing is missing any more, where the other side has none."""
    masks = [name for name in arrays if name.startswith(f"{path}/columns/") and name.endswith(_MASK)]
    return [name for name in masks if name not in others and not arrays[name].any()]


def without_stop(value: Mapping[str, Json]) -> dict[str, Json]:
    """The parts of a table without the number of rows that an index which counts them has: they are told by key."""
    index = value.get("index")
    if isinstance(index, Mapping) and index.get("kind") == _RANGE:
        return {**value, "index": {name: part for name, part in index.items() if name != "stop"}}
    return dict(value)
