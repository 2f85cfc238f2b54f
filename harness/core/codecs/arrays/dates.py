"""Dates and durations of NumPy, arrays and scalars: whole numbers of a unit. A date counts from 1970."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, part

_UNIT = re.compile(r"(datetime64|timedelta64)(\[\d{0,9}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?")


def _split_array(value: Any) -> Parts:
    return {"values": value.astype(value.dtype.newbyteorder("=")).view(np.int64), "unit": str(value.dtype)}


def _split_scalar(value: Any) -> Parts:
    return {"value": int(value.view(np.int64)), "unit": str(value.dtype)}


def time_dtype(parts: Parts) -> np.dtype[Any]:
    """The dtype that the ``unit`` of some parts names; raises ValueError where it names none of dates or durations."""
    unit: str = part(parts, "unit", str)
    if not _UNIT.fullmatch(unit):
        raise ValueError(f"{unit!r:.40} is no unit of time")
    return np.dtype(unit)


def _restore_array(parts: Parts) -> Any:
    values = part(parts, "values", np.ndarray)
    if values.dtype != np.int64:
        raise ValueError(f"its values are {values.dtype}")
    return values.view(time_dtype(parts))


def _restore_scalar(parts: Parts) -> Any:
    return np.array(part(parts, "value", int), np.int64).view(time_dtype(parts))[()]


def _is_of_time(value: Any) -> bool:
    return value.dtype.kind in "mM" and value.dtype.isnative and not value.dtype.metadata


CODECS = (
    Codec("numpy.dates", ("numpy.ndarray",), _split_array, _restore_array, takes=_is_of_time),
    Codec("numpy.date", ("numpy.datetime64", "numpy.timedelta64"), _split_scalar, _restore_scalar, takes=_is_of_time),
)
