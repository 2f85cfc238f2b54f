"""The dialect of JSON Schema that artifacts are held to: draft 2020-12, in which no word goes unheard.

A keyword that nobody knows, and one that nobody checks, would let everything pass; either is refused.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.errors import ProjectError
from harness.core.protocol import Json

FORMATS = ("date", "email", "idn-email", "ipv4", "ipv6", "regex", "uuid")
"""The formats that are checked wherever jsonschema is installed; what the others need may be there or not."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VOCABULARIES = ("core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content")
_ANNOTATION = "x-"  # what begins with it is for people
_UNCHECKED = {
    "contentEncoding": "describe it in words",
    "contentMediaType": "describe it in words",
    "contentSchema": "give the content as values of their own",
}
_IN_MAPPINGS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_IN_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_ALONE = (
    *("items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_IDLE_WITHOUT = {"then": "if", "else": "if", "minContains": "contains", "maxContains": "contains"}


def strict_validator(content: Json, path: Path) -> Any:
    """The validator of a schema; raises ProjectError where the schema is none, or says what would not be checked."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import extend
    from referencing.jsonschema import EMPTY_REGISTRY

    try:
        Draft202012Validator.check_schema(content)
    except SchemaError as error:
        raise ProjectError(f"{path} is not a valid JSON Schema: {error.message}") from error
    if problem := next(_problems(content, "#"), ""):
        raise ProjectError(f"{path}: {problem}")
    # jsonschema lets NaN pass every bound, and Python takes True for a number.
    checker = Draft202012Validator.TYPE_CHECKER.redefine("number", lambda _, value: is_finite_number(value))
    rules = {"multipleOf": _multiple_of}
    strict = extend(Draft202012Validator, rules, type_checker=checker)  # type: ignore[no-untyped-call]
    # Without a registry of its own, a $ref may fetch what it names.
    return strict(content, registry=EMPTY_REGISTRY, format_checker=FormatChecker(FORMATS))


def is_finite_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _multiple_of(validator: Any, divisor: Any, value: Any, schema: Any) -> Iterator[Any]:
    """In the decimals that stand in the files: 0.3 is a multiple of 0.1, whatever their floats are."""
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "number") and Fraction(repr(value)) % Fraction(repr(divisor)):
        yield ValidationError(f"{value!r} is not a multiple of {divisor!r}")


@cache
def _keywords() -> tuple[str, ...]:
    """The keywords of the dialect, from its own meta-schemas."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    meta = "https://json-schema.org/draft/2020-12/meta/"
    own = {keyword for name in _VOCABULARIES for keyword in REGISTRY.contents(meta + name)["properties"]}
    return tuple(sorted({*own, "definitions"}))  # which is what older drafts call $defs


def _problems(schema: Json, place: str) -> Iterator[str]:
    """What a schema says that would not be checked, and what to write instead."""
    if not isinstance(schema, Mapping):  # true and false are schemas too
        return
    for key, value in schema.items():
        if key in _UNCHECKED:
            yield f"at {place}, {key!r} is not checked: {_UNCHECKED[key]}"
        elif key not in _keywords() and not key.startswith(_ANNOTATION):
            near = difflib.get_close_matches(key, _keywords(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f'call a remark "{_ANNOTATION}{key}"'
            yield f"at {place}, the keyword {key!r} is unknown: {hint}"
        elif key == "format" and value not in FORMATS:
            yield f"at {place}, the format {value!r} is not checked: use one of {', '.join(FORMATS)}, or a pattern"
        elif key == "$schema" and str(value).rstrip("#") != _DIALECT:
            yield f"at {place}, $schema is {value!r}: schemas are read as {_DIALECT}"
        elif (other := _IDLE_WITHOUT.get(key)) and other not in schema:
            yield f"at {place}, {key!r} says nothing without {other!r}: add it, or take {key!r} out"
        yield from _below(key, value, f"{place}/{key}")


def _below(key: str, value: Json, place: str) -> Iterator[str]:
    """The problems of the schemas that stand under a keyword."""
    if key in _IN_MAPPINGS:
        for name, schema in value.items():
            yield from _problems(schema, f"{place}/{name}")
    elif key in _IN_LISTS:
        for i, schema in enumerate(value):
            yield from _problems(schema, f"{place}/{i}")
    elif key in _ALONE:
        yield from _problems(value, place)
