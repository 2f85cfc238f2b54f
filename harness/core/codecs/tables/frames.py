"""Tables and columns of pandas: columns by their names, the index beside them."""

from __future__ import annotations

from typing import Any

from harness.core.codecs.codec import Codec, Parted, Parts, UnkeptError, imported_library, values_alone
from harness.core.codecs.tables.columns import column, column_values, given_name
from harness.core.codecs.tables.side_by_side import column_parts, table_parts


def _split_frame(value: Any) -> Parts:
    names = value.columns
    if names.nlevels > 1:
        texts = all(isinstance(part, str) for name in names for part in name)
        flat = 'x.columns.map("_".join)' if texts else '["_".join(map(str, name)) for name in x.columns]'
        raise UnkeptError("a table whose columns have names in several levels", f"give x.set_axis({flat}, axis=1)")
    if not all(isinstance(name, str) for name in names):
        raise UnkeptError("a table whose columns have names that are no texts", "give x.rename(columns=str)")
    if not names.is_unique:
        raise UnkeptError("a table with two columns of one name", "give one of them another name")
    if not value.flags.allows_duplicate_labels:
        raise UnkeptError("a table that forbids labels twice", "give x.set_flags(allows_duplicate_labels=True)")
    columns = {str(name): column(value[name], f"columns/{name}") for name in names}
    parts = {name: each.parts if isinstance(each, Parted) else {"values": each} for name, each in columns.items()}
    return {**table_parts(parts), "index": value.index, "names": names, **_attributes(value)}


def _restore_frame(parts: Parts) -> Any:
    pandas = imported_library("pandas", "tables")
    names, index = parts["names"], parts["index"]
    columns = column_parts(parts, list(names))
    series = {i: _series(pandas, column_values(columns[name]), index) for i, name in enumerate(names)}
    frame = pandas.DataFrame(series, index=index, copy=True)
    frame.columns = names
    frame.attrs = dict(parts.get("attributes", {}))
    return frame


def _split_series(value: Any) -> Parts:
    if not value.flags.allows_duplicate_labels:
        raise UnkeptError("a column that forbids labels twice", "give x.set_flags(allows_duplicate_labels=True)")
    return {
        "name": given_name(value.name),
        "values": column(value, "values"),
        "index": value.index,
        **_attributes(value),
    }


def _restore_series(parts: Parts) -> Any:
    pandas = imported_library("pandas", "tables")
    series = _series(pandas, parts["values"], parts["index"], parts["name"])
    series.attrs = dict(parts.get("attributes", {}))
    return series


def _series(pandas: Any, values: Any, index: Any, name: Any = None) -> Any:
    return pandas.Series(values, index=index, name=name, dtype=values.dtype, copy=True)


def _attributes(value: Any) -> dict[str, Any]:
    return {"attributes": dict(value.attrs)} if value.attrs else {}


CODECS = (
    Codec("pandas.DataFrame", ("pandas.DataFrame",), _split_frame, _restore_frame, "tables"),
    Codec("pandas.Series", ("pandas.Series",), _split_series, _restore_series, "tables", picture=values_alone),
)
