"""One schema an artifact that what every scenario gives meets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from harness.core.protocol import Artifact, Json
from harness.judge.schema import draft_schema
from harness.verify.pinned import OF_DEFAULTS


def drafted_schema(artifacts: Sequence[Artifact], identity: str) -> dict[str, Json]:
    """The draft of a closed schema that all ``artifacts`` meet; what only some of them have is not required."""
    schema = dict(reduce(united, (draft_schema(artifact, identity) for artifact in artifacts)))
    return _opened(schema) if identity.rpartition("/")[2].rpartition("-")[0] == OF_DEFAULTS else schema


def _opened(schema: dict[str, Json]) -> dict[str, Json]:
    """The schema of defaults: what is in each table comes and goes with a parameter or a step of the program."""
    parts = schema["properties"]
    told = "open: parameters, options and steps of the program come and go; the golden has each of them"
    tables = {
        name: {"type": "object", "description": told} if table.get("type") == "object" else table
        for name, table in parts["values"].get("properties", {}).items()
    }
    return {**schema, "properties": {**parts, "values": {**parts["values"], "properties": tables}}}


def next_version(draft: Callable[[str], dict[str, Json]], identity: str, earlier: Json) -> dict[str, Json]:
    """The draft under the id that ``earlier`` has, or under one with a version more where it says something else."""
    named = earlier.get("$id") if isinstance(earlier, Mapping) else None
    found = re.fullmatch(r"(.*?)(\d+)", named) if isinstance(named, str) else None
    if found is None:
        return draft(identity)
    same = draft(str(named))
    return same if same == earlier else draft(f"{found[1]}{int(found[2]) + 1}")


def united(one: Json, other: Json) -> Json:
    """A drafted schema that allows what either of two allows, and little else."""
    if one == other:
        return one
    if one == {} or other == {}:  # items of an empty list, of which nothing is known
        return one or other
    kinds = {one.get("type"), other.get("type")}
    if kinds == {"object"}:
        return _objects(one, other)
    if kinds == {"array"} and "items" in one and "items" in other:
        return {"type": "array", "items": united(one["items"], other["items"])}
    if kinds == {"integer", "number"}:
        return {**one, "type": "number"}
    choices: list[Json] = []
    for choice in (*_choices(one), *_choices(other)):
        choices += [] if choice in choices else [choice]
    return {"anyOf": choices}


def _objects(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Json]:
    ours, theirs = one.get("properties", {}), other.get("properties", {})
    names = [*ours, *(name for name in theirs if name not in ours)]
    both = {
        name: united(ours[name], theirs[name]) if name in ours and name in theirs else ours.get(name) or theirs[name]
        for name in names
    }
    required = sorted({*one.get("required", ())} & {*other.get("required", ())})
    return {**other, **one, "required": required, "properties": both}


def _choices(schema: Mapping[str, Any]) -> Iterable[Json]:
    return schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
