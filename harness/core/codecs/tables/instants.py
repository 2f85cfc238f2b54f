"""One date or duration of pandas: a whole number of its unit, and the time zone of a date that has one."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part

_UNITS = ("s", "ms", "us", "ns")


def _split_date(value: Any) -> Parts:
    parts = _split_duration(value)
    if value.tz is None:
        return parts
    zone = str(value.tz)
    try:
        same = value.tz_convert("UTC").tz_convert(zone).tz == value.tz
    except Exception:  # what a library of time zones raises has no common base
        same = False
    if not same:
        raise UnkeptError(f"a date in the time zone {zone[:40]!r}, which has no name", 'give x.tz_convert("UTC")')
    return {**parts, "zone": zone}


def _split_duration(value: Any) -> dict[str, Any]:
    return {"value": int(value.asm8.view(np.int64)), "unit": value.unit}


def _restore_date(parts: Parts) -> Any:
    date = imported_library("pandas", "tables").Timestamp(_moment(parts, "M8"))
    return date.tz_localize("UTC").tz_convert(part(parts, "zone", str)) if "zone" in parts else date


def _restore_duration(parts: Parts) -> Any:
    return imported_library("pandas", "tables").Timedelta(_moment(parts, "m8"))


def _moment(parts: Parts, kind: str) -> Any:
    unit: str = part(parts, "unit", str)
    if unit not in _UNITS:
        raise ValueError(f"{unit!r:.40} is no unit of time")
    return np.array(part(parts, "value", int), np.int64).view(f"{kind}[{unit}]")[()]


CODECS = (
    Codec("pandas.Timestamp", ("pandas.Timestamp",), _split_date, _restore_date, "tables"),
    Codec("pandas.Timedelta", ("pandas.Timedelta",), _split_duration, _restore_duration, "tables"),
)
