"""A quick yes to whether a document fits a schema; whatever it is not certain of is for the validator to say.

Most documents fit, and most schemas ask for types and names alone, which this looks at without a validator's books.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from harness.core.protocol import Json

Certain: TypeAlias = Callable[[Json], bool]
"""Whether a value surely fits; False says nothing."""

_SAY_NOTHING = {"$schema", "$id", "$comment", "title", "description", "examples", "default"}
_KNOWN = {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
_TYPES: dict[str, Certain] = {
    "string": lambda v: type(v) is str,
    "integer": lambda v: type(v) is int,
    "number": lambda v: type(v) is int or (type(v) is float and math.isfinite(v)),
    "boolean": lambda v: type(v) is bool,
    "null": lambda v: v is None,
    "object": lambda v: type(v) is dict,
    "array": lambda v: type(v) is list,
}


def certainty(schema: Json) -> Certain:
    """What surely fits ``schema``, which is a valid one; nothing of one with other keywords than types and names."""
    if schema is True:
        return lambda value: True
    if not isinstance(schema, Mapping) or any(
        key not in _KNOWN and key not in _SAY_NOTHING and not key.startswith("x-") for key in schema
    ):
        return lambda value: False
    kind = schema.get("type")
    if not isinstance(kind, str):
        return lambda value: False
    if kind == "object":
        return _object(schema)
    return _array(schema) if kind == "array" else _TYPES[kind]


def _object(schema: Mapping[str, Json]) -> Certain:
    properties = {name: certainty(inner) for name, inner in schema.get("properties", {}).items()}
    required, others = schema.get("required", ()), certainty(schema.get("additionalProperties", True))

    def fits(value: Json) -> bool:
        if type(value) is not dict or not all(name in value for name in required):
            return False
        return all(properties.get(name, others)(inner) for name, inner in value.items())

    return fits


def _array(schema: Mapping[str, Json]) -> Certain:
    item = certainty(schema.get("items", True))
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    return lambda value: type(value) is list and least <= len(value) <= most and all(map(item, value))
