"""Tables of Arrow: columns by their names, with what is missing beside them. How a column is cut into chunks goes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part
from harness.core.codecs.tables.side_by_side import column_parts, table_parts, texts_array

_TIME = re.compile(r"(timestamp|duration)\[(s|ms|us|ns)(?:, tz=([\w/+:-]{1,40}))?\]")
_PLAIN = re.compile(r"u?int(8|16|32|64)|halffloat|float|double|bool|(large_)?string|date32\[day\]")
_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64", "bool": "bool_", "date32[day]": "date32"}


def _split_table(value: Any) -> Parts:
    names = value.column_names
    if len(set(names)) < len(names):
        raise UnkeptError("a table with two columns of one name", "give x.rename_columns(...)")
    if any(field.metadata or not field.nullable for field in value.schema):
        raise UnkeptError(
            "a table whose columns have metadata, or must not be null", "give x.cast(...) to a plain schema"
        )
    columns = {n: _column(value[n], f"columns/{n}") for n in names}
    return table_parts(columns) | {"names": names} | _metadata(value.schema.metadata or {})


def _metadata(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    try:
        return {"metadata": {k.decode(): v.decode() for k, v in metadata.items()}} if metadata else {}
    except UnicodeDecodeError as error:
        raise UnkeptError("a table whose metadata are no text", "give x.replace_schema_metadata(None)") from error


def _column(value: Any, at: str) -> Parts:
    dtype = str(value.type)
    if not (_PLAIN.fullmatch(dtype) or _TIME.fullmatch(dtype)):
        raise UnkeptError(f"a column of {dtype[:80]}", "give x.cast(pa.string()), or its parts as columns", at)
    whole = value.combine_chunks() if hasattr(value, "num_chunks") else value
    missing = np.asarray(whole.is_null().to_numpy(zero_copy_only=False))
    if dtype.endswith("string"):
        values = texts_array(whole.to_pylist(), missing, at)
    else:
        plain = whole.view("int32" if dtype.startswith("date") else "int64") if "[" in dtype else whole
        empty = False if dtype == "bool" else np.float16(0) if dtype == "halffloat" else 0
        values = np.array(plain.fill_null(empty).to_numpy(zero_copy_only=False))
    return {"dtype": dtype, "values": values} | ({"missing": missing} if missing.any() else {})


def _restore_column(parts: Parts) -> Any:
    arrow = imported_library("pyarrow", "arrow")
    text, values = part(parts, "dtype", str), part(parts, "values", np.ndarray)
    missing = np.array(parts["missing"]) if "missing" in parts else None
    if timed := _TIME.fullmatch(text):
        zone = {"tz": timed[3]} if timed[3] else {}
        dtype = getattr(arrow, timed[1])(timed[2], **zone)
    elif _PLAIN.fullmatch(text):
        dtype = getattr(arrow, _NAMES.get(text, text))()
    else:
        raise ValueError(f"{text!r:.40} is no dtype of a column")
    if values.dtype.kind == "U":
        values = values.astype(object)
    made = arrow.array(values, mask=missing)
    return made.view(dtype) if "[" in text else made.cast(dtype)


def _restore_table(parts: Parts) -> Any:
    arrow, names = imported_library("pyarrow", "arrow"), part(parts, "names", list)
    columns = column_parts(parts, names)
    table = arrow.table([_restore_column(columns[name]) for name in names], names=names)
    return table.replace_schema_metadata(parts.get("metadata"))


CODECS = (Codec("pyarrow.Table", ("pyarrow.Table",), _split_table, _restore_table, "arrow"),)
