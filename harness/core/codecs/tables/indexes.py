"""The indexes of pandas: what labels the rows of a table."""

from __future__ import annotations

from typing import Any

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part, values_alone
from harness.core.codecs.tables.columns import column, given_name

_OF_ONE = ("Index", "CategoricalIndex", "DatetimeIndex", "TimedeltaIndex")


def _split_range(value: Any) -> Parts:
    return {"name": given_name(value.name), "start": value.start, "stop": value.stop, "step": value.step}


def _restore_range(parts: Parts) -> Any:
    steps = [part(parts, name, int) for name in ("start", "stop", "step")]
    return imported_library("pandas", "tables").RangeIndex(*steps, name=parts["name"])


def _split_levels(value: Any) -> Parts:
    levels = [value.get_level_values(i) for i in range(value.nlevels)]
    names = [given_name(name) for name in value.names]
    return {"names": names, "levels": {str(i): level.rename(None) for i, level in enumerate(levels)}}


def _restore_levels(parts: Parts) -> Any:
    levels = part(parts, "levels", dict)
    ordered = [levels[str(i)] for i in range(len(levels))]
    return imported_library("pandas", "tables").MultiIndex.from_arrays(ordered, names=part(parts, "names", list))


def _split_index(value: Any) -> Parts:
    parts = {"name": given_name(value.name), "values": column(value)}
    freq = getattr(value, "freq", None)
    if freq is None:
        return parts
    if imported_library("pandas", "tables").tseries.frequencies.to_offset(value.freqstr) != freq:
        raise UnkeptError(
            f"an index at intervals of {value.freqstr[:40]!r}, of a class of its own", "give x with freq=None"
        )
    return {**parts, "freq": value.freqstr}


def _restore_index(parts: Parts) -> Any:
    pandas = imported_library("pandas", "tables")
    values = parts["values"]
    index = pandas.Index(values, name=parts["name"], dtype=values.dtype, copy=True)
    if "freq" in parts:
        index.freq = part(parts, "freq", str)
    return index


CODECS = (
    Codec("pandas.RangeIndex", ("pandas.RangeIndex",), _split_range, _restore_range, "tables"),
    Codec("pandas.MultiIndex", ("pandas.MultiIndex",), _split_levels, _restore_levels, "tables"),
    Codec(
        "pandas.Index",
        tuple(f"pandas.{name}" for name in _OF_ONE),
        _split_index,
        _restore_index,
        "tables",
        picture=values_alone,
    ),
)
