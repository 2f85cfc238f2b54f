"""The JSON type of a value, and the number that it means."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.protocol import Json
from harness.core.trees import ARRAY, FLOAT, NON_FINITE
from harness.judge.judgement import Number

_NAMES = {type(None): "null", bool: "boolean", int: "integer", float: "float", list: "list", tuple: "list"}


def kind_of(value: Json) -> str:
    """The JSON type of a value; what stands for an array or for a float that is not finite counts as that."""
    if (kind := _NAMES.get(type(value))) is not None:
        return kind
    if isinstance(value, str):
        return "float" if value in NON_FINITE else "text"
    if isinstance(value, Mapping):
        if set(value) == {FLOAT} and kind_of(value[FLOAT]) == "float":
            return "float"
        return "array" if set(value) == {ARRAY} else "mapping"
    return next((_NAMES[base] for base in type(value).__mro__ if base in _NAMES), type(value).__name__)


def as_number(value: Json) -> Number:
    """The number that JSON's integer, float or stand-in for what is not finite means."""
    if isinstance(value, Mapping):
        value = value[FLOAT]
    if isinstance(value, str):
        return NON_FINITE[value]
    return float(value) if isinstance(value, float) else int(value)
