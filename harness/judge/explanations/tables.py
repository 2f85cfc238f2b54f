"""What became of tables as a whole: rows that are lost, new or in another order, and columns in each other's place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from harness.core.protocol import Artifact, Json
from harness.core.trees import unwrapped
from harness.core.verdicts import Explanation, Verdict
from harness.judge.elements import Array, same_elements
from harness.judge.explanations.items import lost_or_new
from harness.judge.kinds import kind_of

_COLUMNS, _INDEX = "/columns/", "/index/"
_MANY = 1 << 16  # rows that are compared as a whole
_SIBLINGS = 40  # arrays of one mapping that are tried in each other's place

_ByName = Mapping[str, Array]


def explain_tables(golden: Artifact, obtained: Artifact, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts on an artifact with what became of its tables: it tells of their columns and of their index.

    Arrays beside each other that have changed places are told so, whether they are columns or not.
    """
    failing = {v.path: v for v in verdicts if v.status.failed}
    if not failing:
        return tuple(verdicts)
    found = dict(_exchanged(golden.arrays, obtained.arrays, [p for p in failing if p in golden.arrays]))
    for table in _tables(failing):
        columns, others = (_below(side.arrays, table + _COLUMNS) for side in (golden, obtained))
        if explanation := _of_rows(columns, others, _labels(golden, table), _labels(obtained, table)):
            concerned = [p for p in failing if p.startswith((table + _COLUMNS, table + _INDEX))]
            found |= dict.fromkeys(concerned, explanation)
    return tuple(_told(v, found[v.path]) if v.path in found and v.path in failing else v for v in verdicts)


def _told(verdict: Verdict, explanation: Explanation) -> Verdict:
    """A verdict with an explanation; by how much the number of rows is out is no measure of anything."""
    return replace(verdict, explanation=explanation, used=None if _INDEX in verdict.path else verdict.used)


def _tables(paths: Mapping[str, Verdict]) -> dict[str, None]:
    return dict.fromkeys(p.partition(_COLUMNS)[0] for p in paths if _COLUMNS in p)


def _below(arrays: _ByName, prefix: str) -> dict[str, Array]:
    return {name: array for name, array in arrays.items() if name.startswith(prefix)}


def _exchanged(golden: _ByName, obtained: _ByName, failing: Sequence[str]) -> Iterator[tuple[str, Explanation]]:
    """Two arrays below one name, each of which is what the other was."""
    beside: dict[str, list[str]] = {}
    for name in failing:
        if name in obtained:
            beside.setdefault(name.rpartition("/")[0], []).append(name)
    for names in beside.values():
        for one, other in combinations(names[:_SIBLINGS], 2):
            if _same(golden[one], obtained[other]) and _same(golden[other], obtained[one]):
                explanation = exchange(one, other)
                yield from ((one, explanation), (other, explanation))


def exchange(one: str, other: str) -> Explanation:
    """That two paths have changed places."""
    names = [path.rpartition("/")[2] for path in (one, other)]
    return Explanation("exchange", f"{names[0]} and {names[1]} are in each other's place")


def _same(one: Array, other: Array) -> bool:
    return (
        one.shape == other.shape and one.dtype == other.dtype and one.size > 0 and bool(same_elements(one, other).all())
    )


def _labels(side: Artifact, table: str) -> list[Hashable] | None:
    """The labels of a table's rows; None where they are none of one array or of a range."""
    if (array := side.arrays.get(f"{table}{_INDEX}values")) is not None:
        return [*array.tolist()] if array.ndim == 1 else None
    node: Json = side.values
    for name in [*table.split("/"), "index"]:
        if kind_of(node) != "mapping" or name not in unwrapped(node)[1]:
            return None
        node = unwrapped(node)[1][name]
    parts = unwrapped(node)[1] if kind_of(node) == "mapping" else {}
    start, stop, step = (parts.get(name) for name in ("start", "stop", "step"))
    if not (type(start) is type(stop) is type(step) is int) or not step:
        return None
    counted = range(start, stop, step)
    return [*counted] if abs(stop - start) <= _MANY * abs(step) else None


def _of_rows(
    golden: _ByName, obtained: _ByName, before: Sequence[Hashable] | None, after: Sequence[Hashable] | None
) -> Explanation | None:
    """What became of the rows, where that accounts for every column, and for the index or its being counted anew."""
    if not golden or golden.keys() != obtained.keys() or before is None or after is None:
        return None
    was, is_now = _rows(golden, len(before)), _rows(obtained, len(after))
    if was is None or is_now is None or was == is_now:
        return None
    if all(list(labels) == [*range(len(labels))] for labels in (before, after)):  # every row has a number anew
        return _changed(was, is_now)
    return _changed([*zip(was, before, strict=True)], [*zip(is_now, after, strict=True)])


def _changed(before: Sequence[Hashable], after: Sequence[Hashable]) -> Explanation | None:
    if Counter(before) == Counter(after):
        moved = [i for i, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
        two = f": {moved[0]} and {moved[1]} are in each other's place" if len(moved) == 2 else ""
        return Explanation("permutation", f"{len(moved)} of {len(before)} rows are in another order{two}")
    said = lost_or_new(before, after, "row")
    return Explanation("items", said) if said else None


def _rows(arrays: _ByName, count: int) -> list[bytes] | None:
    """Each row as bytes; None where an array has not an element a row."""
    if not 0 < count <= _MANY or any(not a.ndim or len(a) != count for a in arrays.values()):
        return None
    wide = [a.astype(f"U{max(1, a.dtype.itemsize // 4, 64)}") if a.dtype.kind == "U" else a for a in arrays.values()]
    flat = [np.ascontiguousarray(a).reshape(count, -1) for a in wide]
    return [b"".join(column[i].tobytes() for column in flat) for i in range(count)]
