"""The JSON type of a value, and the number that it means."""

from __future__ import annotations

from harness.core.protocol import Json
from harness.core.trees import ARRAY, FLOAT, KIND, NARROW, NON_FINITE, QUOTED, TUPLE, unwrapped
from harness.judge.judgement import Number

_NAMES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "float",
    list: "list",
    tuple: "list",
    dict: "mapping",
}
_MARKED = {ARRAY: "array", FLOAT: "float", KIND: "mapping", QUOTED: "text", TUPLE: "list"}
_MARKED |= {marker: marker[1:] for marker in NARROW}
NUMERIC = frozenset({"integer", "float", *(marker[1:] for marker in NARROW)})
"""The kinds that are numbers."""


def kind_of(value: Json) -> str:
    """The JSON type of a value; what stands for an array, a number or a text counts as that."""
    if (kind := _NAMES.get(type(value))) is not None and kind != "mapping":
        return kind
    if isinstance(value, str):
        return "float" if value in NON_FINITE else "text"
    if (marker := unwrapped(value)[0]) is not None:
        return _MARKED[marker]
    return next((_NAMES[base] for base in type(value).__mro__ if base in _NAMES), type(value).__name__)


def as_number(value: Json) -> Number:
    """The number that JSON's integer, float or stand-in for one means."""
    if type(value) is float or type(value) is int:
        return value
    value = unwrapped(value)[1]
    if isinstance(value, str):
        return NON_FINITE[value]
    return float(value) if isinstance(value, float) else int(value)
