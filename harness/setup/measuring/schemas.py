"""One schema an artifact that what every scenario gives meets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from harness.core.protocol import Artifact, Json
from harness.judge.schema import draft_schema


def drafted_schema(artifacts: Sequence[Artifact], identity: str) -> dict[str, Json]:
    """The draft of a closed schema that all ``artifacts`` meet; what only some of them have is not required."""
    return dict(reduce(united, (draft_schema(artifact, identity) for artifact in artifacts)))


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
