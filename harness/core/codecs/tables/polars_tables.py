"""Tables and columns of Polars: columns by their names, with what is missing beside them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part, values_alone
from harness.core.codecs.tables.side_by_side import column_parts, table_parts, texts_array

_PLAIN = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|Boolean|String|Date|(Datetime|Duration)\(.{0,80}\)")
_TIME = re.compile(r"(Datetime|Duration)\(time_unit='(ms|us|ns)'(?:, time_zone=(?:None|'([\w/+:-]{1,40})'))?\)")


def _split_frame(value: Any) -> Parts:
    names = value.columns
    return {**table_parts({n: _column(value[n], f"columns/{n}") for n in names}), "names": names}


def _restore_frame(parts: Parts) -> Any:
    columns = column_parts(parts, part(parts, "names", list))
    series = [_restore_series({"name": name, **each}) for name, each in columns.items()]
    return imported_library("polars", "polars").DataFrame(series)


def _split_series(value: Any) -> Parts:
    return {"name": value.name, **_column(value, "")}


def _column(value: Any, at: str) -> Parts:
    dtype = str(value.dtype)
    if not _PLAIN.fullmatch(dtype):
        raise UnkeptError(f"a column of {dtype[:80]}", "give x.cast(pl.String), or its parts as columns", at)
    missing = value.is_null().to_numpy()
    if dtype == "String":
        values = texts_array(value.to_list(), missing, at)
    else:
        physical = value.to_physical()
        values = np.array(physical.fill_null(False if dtype == "Boolean" else 0).to_numpy())
    return {"dtype": dtype, "values": values} | ({"missing": missing} if missing.any() else {})


def _restore_series(parts: Parts) -> Any:
    polars = imported_library("polars", "polars")
    name, text, values = part(parts, "name", str), part(parts, "dtype", str), part(parts, "values", np.ndarray)
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r:.40} is no dtype of a column")
    items = values.tolist() if values.dtype.kind == "U" else np.array(values)
    timed = _TIME.fullmatch(text)
    dtype = getattr(polars, text.partition("(")[0])
    if timed:
        zone = {"time_zone": timed[3]} if timed[1] == "Datetime" else {}
        dtype = dtype(timed[2], **zone)
    made = polars.Series(name, items).cast(dtype)
    if str(made.dtype) != text:
        raise ValueError(f"{text!r:.40} is no dtype of a column")
    if "missing" not in parts:
        return made
    frame = polars.DataFrame([made, polars.Series("\0missing", np.array(part(parts, "missing", np.ndarray)))])
    return frame.select(polars.when(~polars.col("\0missing")).then(polars.col(name)).alias(name)).to_series()


CODECS = (
    Codec("polars.DataFrame", ("polars.DataFrame",), _split_frame, _restore_frame, "polars"),
    Codec("polars.Series", ("polars.Series",), _split_series, _restore_series, "polars", picture=values_alone),
)
