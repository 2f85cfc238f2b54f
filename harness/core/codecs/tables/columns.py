"""The values of a column of pandas: a plain array where NumPy has its dtype, else the parts of pandas' own array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.codecs.arrays.dates import time_dtype
from harness.core.codecs.codec import Codec, Parted, Parts, UnkeptError, imported_library, part, values_alone
from harness.core.codecs.tables.side_by_side import texts_array

_NULLABLE = {"boolean", *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)), "Float32", "Float64"}
_TEXTS = ("str", "string", "object")


def given_name(name: Any) -> Any:
    """The name of a column or an index, if it has one that JSON knows."""
    if name is None or type(name) in (str, int, float, bool, np.str_):
        return name
    if isinstance(name, np.integer):
        return int(name)
    raise UnkeptError(f"the name {name!r:.40} of {type(name).__name__}", "give it a text as its name")


def column(labelled: Any, at: str = "") -> Any:
    """The values of a column or an index as data, ``at`` its place; raises UnkeptError for dtypes that have no form."""
    dtype, array = labelled.dtype, labelled.array
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        parts = {"values": labelled.to_numpy().view(np.int64), "unit": str(dtype)}
        return Parted("pandas.array", {"dtype": "dates", **parts})
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return labelled.to_numpy()
    name = "object" if isinstance(dtype, np.dtype) else str(dtype)
    if type(dtype).__name__ == "StringDtype":
        name = "string" if _is_na(dtype.na_value) else "str"
    if name in _TEXTS:
        return Parted("pandas.array", {"dtype": name, **_texts(array, name, at)})
    if name in _NULLABLE:
        numpys = dtype.numpy_dtype
        values = np.asarray(array.to_numpy(numpys, na_value=numpys.type(0)))
        return Parted("pandas.array", {"dtype": name, "values": values, **_gaps(np.asarray(array.isna()))})
    if name == "category":
        parts = {"values": np.asarray(array.codes), "categories": array.categories, "ordered": bool(array.ordered)}
        return Parted("pandas.array", {"dtype": name, **parts})
    if type(dtype).__name__ == "DatetimeTZDtype":
        utc = array.tz_convert("UTC").tz_localize(None).to_numpy()
        parts = {"values": utc.view(np.int64), "unit": str(utc.dtype), "zone": _zone(array, at)}
        return Parted("pandas.array", {"dtype": "dates", **parts})
    raise UnkeptError(f"a column of {name[:80]}", 'give it as numbers or text, x.astype("str")', at)


def _is_na(value: Any) -> bool:
    """Whether it is pandas.NA, and no NaN."""
    return type(value).__name__ == "NAType"


def _texts(array: Any, dtype: str, at: str) -> dict[str, Any]:
    """Texts as an array, and which of them are missing, where some are."""
    missing = np.asarray(array.isna())
    gaps = {type(item).__name__ for item, gone in zip(array, missing, strict=True) if gone}
    if dtype == "object" and gaps not in (set(), {"NoneType"}, {"float"}):
        raise UnkeptError("a column of objects that are missing in several ways", 'give x.astype("string")', at)
    as_nan = {"missing_as": "NaN"} if dtype == "object" and "float" in gaps else {}
    return {"values": texts_array(list(array), missing, at), **as_nan, **_gaps(missing)}


def _gaps(missing: NDArray[np.bool_]) -> dict[str, Any]:
    return {"missing": missing} if missing.any() else {}


def _zone(array: Any, at: str) -> str:
    """The name of a column's time zone, such that it gives that zone again."""
    zone = str(array.dtype.tz)
    plain = array.tz_convert("UTC").tz_localize(None)
    try:
        same = plain.tz_localize("UTC").tz_convert(zone).dtype == array.dtype
    except Exception:  # what a library of time zones raises has no common base
        same = False
    if not same:
        raise UnkeptError(f"a column in the time zone {zone[:40]!r}, which has no name", 'give x.tz_convert("UTC")', at)
    return zone


def column_values(parts: Parts) -> Any:
    """The values of a column of its parts: an array of NumPy, or of pandas where it has a dtype of its own."""
    if "dtype" not in parts:
        return part(parts, "values", np.ndarray)
    pandas = imported_library("pandas", "tables")
    dtype = part(parts, "dtype", str)
    values = part(parts, "values", np.ndarray)
    if dtype == "category":
        return pandas.Categorical.from_codes(values, parts["categories"], ordered=part(parts, "ordered", bool))
    if dtype == "dates":
        dates = values.view(time_dtype(parts))
        return pandas.array(dates).tz_localize("UTC").tz_convert(parts["zone"]) if "zone" in parts else dates
    if dtype in _TEXTS:
        gap = np.nan if parts.get("missing_as") == "NaN" else None
        return _restored_texts(pandas, values, parts.get("missing"), dtype, gap)
    if dtype not in _NULLABLE:
        raise ValueError(f"{dtype!r:.40} is no dtype of a column")
    made = pandas.array(values, dtype=dtype)
    if "missing" in parts:
        made[part(parts, "missing", np.ndarray).astype(bool)] = pandas.NA
    return made


def _restored_texts(pandas: Any, values: NDArray[Any], missing: Any, dtype: str, gap: Any) -> Any:
    items = values.astype(object)
    if missing is not None:
        items[missing.astype(bool)] = gap
    if dtype == "object":
        return items
    return pandas.array(items, dtype="string" if dtype == "string" else pandas.StringDtype(na_value=np.nan))


CODECS = (Codec("pandas.array", (), column, column_values, "tables", picture=values_alone),)
