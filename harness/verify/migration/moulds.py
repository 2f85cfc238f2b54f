"""Old data in the form in which a test gives the same data today: dtypes, lists or arrays, numbers or arrays of one.

A CSV file knows no dtype and YAML no array, so the form is the test's and the numbers are the file's. Nothing is filled
in: where the file has no number, or one more, there is no form for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import RefusedDataError
from harness.core.protocol import Artifact, Json
from harness.core.trees import ARRAY, NARROW, NON_FINITE, QUOTED, unwrapped
from harness.core.trees.markers import KIND_NAME


class CsvCell(str):
    """What is written in a cell of a CSV file, whose kind it does not tell."""


class CsvColumn(tuple[CsvCell, ...]):
    """The cells of a column of a CSV file; an empty one is NaN, or beyond the column's end."""

    def __new__(cls, cells: Iterable[str]) -> CsvColumn:
        """A column of these cells."""
        return super().__new__(cls, map(CsvCell, cells))


class CsvTable(dict[str, CsvColumn]):
    """The columns of a CSV file by name, in order; ``index`` is its first, which has no name."""

    def __init__(self, columns: Mapping[str, CsvColumn], index: CsvColumn) -> None:
        super().__init__(columns)
        self.index = index


@dataclass(frozen=True)
class OldPicture:
    """The pixels of a PNG, and their mode."""

    pixels: NDArray[Any]
    mode: str


def tree_of(document: Artifact) -> dict[str, Any]:
    """The values of a test by name, with their arrays where they belong."""
    tree = {name: _tree(value, document) for name, value in document.values.items()}
    for path, array in document.arrays.items():
        parts = path.split("/")
        place: Any = tree
        for part in parts[:-1]:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if not isinstance(place, list):
            place[parts[-1]] = array
    return tree


def _tree(value: Json, document: Artifact) -> Any:
    marker, inner = unwrapped(value)
    if marker == ARRAY:
        return document.arrays[inner]
    if marker == QUOTED:
        return inner
    if marker in NARROW:
        return NARROW[marker](NON_FINITE.get(inner, inner))
    if isinstance(inner, Mapping):
        return {key: _tree(item, document) for key, item in inner.items()}
    if isinstance(inner, list):
        return [_tree(item, document) for item in inner]
    return NON_FINITE.get(inner, inner) if isinstance(inner, str) else inner


def poured(old: Any, form: Any, path: str) -> Any:
    """``old`` in the form of ``form``; raises RefusedDataError where it has none, as the two hold different things."""
    if isinstance(old, OldPicture):
        if not (isinstance(form, Mapping) and form.keys() == {KIND_NAME, "pixels", "mode"}):
            return poured(old.pixels, form, path)  # the test gives the pixels alone
        return {**form, "pixels": poured(old.pixels, form["pixels"], f"{path}/pixels"), "mode": old.mode}
    if isinstance(form, Mapping):
        if isinstance(old, CsvTable) and form.get(KIND_NAME) == "pandas.DataFrame":
            return _frame(old, form, path)
        if isinstance(old, CsvColumn) and _is_plain_column(form):
            return {**form, "values": poured(old, form["values"], path)}
        if not isinstance(old, Mapping):
            _differ(path, old, form)
        if missing := sorted(set(old) ^ set(form)):
            which = "the file" if missing[0] in old else "the test"
            raise RefusedDataError(f"only {which} has {path}/{missing[0]}")
        return {key: poured(old[key], item, f"{path}/{key}") for key, item in form.items()}
    if isinstance(form, np.ndarray):
        return _array(old, form, path)
    if isinstance(form, list):
        items = _cells(old, len(form)) if isinstance(old, CsvColumn) else old
        items = items.tolist() if isinstance(items, np.ndarray) else items
        if not isinstance(items, list | tuple):
            _differ(path, old, form)
        if len(items) != len(form):
            raise RefusedDataError(f"{path} has {len(items)} items in the file and {len(form)} in the test")
        return [poured(item, each, f"{path}/{i}") for i, (item, each) in enumerate(zip(items, form, strict=True))]
    return _scalar(_only(old), form, path)


def _frame(table: CsvTable, form: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A table as the parts of a frame: its columns, their names in the table's order, and its index."""
    for name, about in form["stored"].items():
        if about.get("dtype") in ("category", "dates"):
            raise RefusedDataError(f"{path}/columns/{name} holds codes or dates in the test, which no CSV file tells")
    columns = poured(dict(table), form["columns"], f"{path}/columns")
    names = {**form["names"], "values": {**form["names"]["values"], "values": np.array(list(table))}}
    index = form["index"]
    if index.get(KIND_NAME) == "pandas.RangeIndex":
        counted = [str(i) for i in range(index["start"], index["stop"], index["step"])]
        if counted != list(table.index):
            raise RefusedDataError(f"{path} has another index in the file than in the test")
    elif isinstance(index.get("values"), Mapping | np.ndarray):
        index = {**index, "values": poured(table.index, index["values"], f"{path}/index")}
    else:
        raise RefusedDataError(f"{path} has an index in the test that no CSV file tells: check it as a column")
    return {**form, "columns": columns, "names": names, "index": index}


def _is_plain_column(form: Mapping[str, Any]) -> bool:
    """Whether it is the parts of a column that holds its values as they are."""
    return set(form) == {KIND_NAME, "dtype", "values"} and isinstance(form["values"], np.ndarray)


def _array(old: Any, form: NDArray[Any], path: str) -> NDArray[Any]:
    if isinstance(old, Mapping) or old is None:
        _differ(path, old, form)
    if isinstance(old, CsvColumn):
        cells = _cells(old, form.size) if form.ndim <= 1 else old
        old = [_scalar(cell, form.dtype.type(), path) for cell in cells]
        old = old[0] if form.ndim == 0 and len(old) == 1 else old
    try:
        array = np.asarray(old) if len(np.atleast_1d(old)) else np.empty(0, form.dtype)
    except ValueError:
        _differ(path, old, form)
    if array.shape != form.shape:
        raise RefusedDataError(f"{path} has shape {list(array.shape)} in the file and {list(form.shape)} in the test")
    if array.dtype == form.dtype:
        return array
    kinds = array.dtype.kind + form.dtype.kind
    whole = array.dtype.kind == "f" and form.dtype.kind in "iu" and bool(np.all(array == np.trunc(array)))
    if kinds not in ("ff", "if", "uf", "ii", "iu", "ui", "uu", "cc", "fc", "ic", "UU") and not whole:
        raise RefusedDataError(f"{path} is of {array.dtype} in the file and of {form.dtype} in the test")
    cast = array.astype(form.dtype)
    if form.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise RefusedDataError(f"{path} has numbers in the file that {form.dtype} cannot hold")
    # A longer text than any of the test's today stays as it is, and differs.
    return array if form.dtype.kind == "U" and not np.array_equal(cast, array) else cast


def _cells(column: CsvColumn, length: int) -> tuple[CsvCell, ...]:
    """A column without the empty cells beyond ``length``, which a table of unequal columns ends with."""
    return column[:length] if not any(column[length:]) else tuple(column)


def _only(old: Any) -> Any:
    """The number of an array of one, which num_regression makes of a number."""
    if isinstance(old, CsvColumn):
        cells = _cells(old, 1)
        return cells[0] if len(cells) == 1 else old
    if isinstance(old, np.ndarray) and old.size == 1:
        return old.reshape(-1)[0]
    return old


def _scalar(old: Any, form: Any, path: str) -> Any:
    """A scalar of the file, or the text of a cell, as the kind of scalar that the test gives."""
    if isinstance(old, CsvCell) and not isinstance(form, str):
        old = _read(old)
    if isinstance(old, list | tuple | Mapping | np.ndarray | str) and not isinstance(form, str):
        _differ(path, old, form)
    plain = old.item() if isinstance(old, np.generic) else old
    if isinstance(form, bool | np.bool_) or isinstance(plain, bool) or form is None or plain is None:
        fits = (isinstance(plain, bool) and isinstance(form, bool | np.bool_)) or (plain is None and form is None)
        return plain if fits else _differ(path, old, form)
    if isinstance(form, str):
        return str(plain) if isinstance(plain, str) else _differ(path, old, form)
    if isinstance(form, int | np.integer):
        whole = isinstance(plain, int) or (isinstance(plain, float) and plain.is_integer())
        return int(plain) if whole else _differ(path, old, form)
    if isinstance(form, np.generic):
        return type(form)(plain)
    return float(plain) if isinstance(plain, int | float) else _differ(path, old, form)


def _read(cell: str) -> Any:
    """What a cell of a CSV file says."""
    named = {"": float("nan"), "True": True, "False": False}
    if cell in named:
        return named[cell]
    for kind in (int, float, complex):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def _differ(path: str, old: Any, form: Any) -> Any:
    """Raise the sentence on two things that are not of one kind."""
    raise RefusedDataError(f"{path} is {_kind(old)} in the file and {_kind(form)} in the test")


def _kind(value: Any) -> str:
    if isinstance(value, CsvColumn):
        return f"a column of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {list(value.shape)}"
    if isinstance(value, Mapping):
        return "a dict"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return f"{value!r:.40}"
