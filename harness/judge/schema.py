"""JSON Schema (draft 2020-12), one file an artifact, versioned by ``$id``; every error at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core.artifacts import array_layouts
from harness.core.errors import ProjectError
from harness.core.files import parse_json
from harness.core.protocol import Artifact, Json
from harness.core.trees import ARRAY, NON_FINITE, plain_values, unwrapped
from harness.judge.certain import Certain, certainty
from harness.judge.descriptions.units import Units
from harness.judge.kinds import kind_of

SCHEMA_SUFFIX = ".schema.json"
OUTPUT_SCHEMA = "harness/output-1"  # of a replay: any output, whole; its golden fixes the names


@dataclass(frozen=True)
class SchemaProblem:
    """One rule that a document breaks: where, what is there, and what the rule says."""

    path: str
    value: Json
    rule: str
    message: str


class Schema:
    """One schema. Raises ProjectError where its file is not a valid schema with an ``$id``."""

    def __init__(self, content: Json, path: Path) -> None:
        self.content, self.path = content, path
        self.identity = str(content.get("$id", "")) if isinstance(content, dict) else ""
        if not self.identity:
            raise ProjectError(f'{path} has no "$id": give it a name with a version, such as "project/energy-1"')

    @cached_property
    def _validator(self) -> Any:
        from harness.judge.dialect import strict_validator

        return strict_validator(self.content, self.path)

    @cached_property
    def units(self) -> Units:
        """The units of what it describes."""
        return Units(self.content)

    @cached_property
    def _certain(self) -> Certain:
        _ = self._validator  # so that a schema that is none is told whatever the document is
        return certainty(self.content)

    def problems(self, document: Json) -> list[SchemaProblem]:
        """Every rule that ``document`` breaks, in the order of their paths."""
        if self._certain(document):
            return []
        from referencing.exceptions import Unresolvable

        try:
            problems = [_problem(leaf) for error in self._validator.iter_errors(document) for leaf in _leaves(error)]
        except Unresolvable as error:
            raise ProjectError(f"{self.path}: $ref {error.ref!r} leads nowhere: schemas stand alone") from error
        except RecursionError as error:
            raise ProjectError(f"{self.path}: a $ref leads back to itself: let it end somewhere") from error
        return sorted(problems, key=lambda problem: (problem.path, problem.rule))


def _leaves(error: Any) -> Iterator[Any]:
    """The rules that are broken: of alternatives, those of the branch that breaks deepest down, then least often."""
    branches: dict[Any, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    if not branches:
        yield error
        return
    nearest = min(branches.values(), key=lambda errors: (-min(len(e.absolute_path) for e in errors), len(errors)))
    for inner in nearest:
        yield from _leaves(inner)


def _problem(leaf: Any) -> SchemaProblem:
    path = "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in leaf.absolute_path)
    rule = f"{leaf.validator} = {_short(leaf.validator_value)}"
    return SchemaProblem(path, _short(leaf.instance), rule, leaf.message if len(leaf.message) < 300 else rule)


def _short(value: Json) -> Json:
    text = repr(value)
    return value if len(text) <= 120 else text[:117] + "..."


class Schemas:
    """The schemas of a folder, by the artifact that each is for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, Schema] = {}

    def of(self, artifact: str) -> Schema:
        """The schema of an artifact; raises ProjectError where there is none."""
        if artifact not in self._read:
            path = self.folder / f"{artifact}{SCHEMA_SUFFIX}"
            if not path.is_file():
                raise ProjectError(
                    f"{path} is missing: every artifact has a schema; `harness schema SCENARIO {artifact}` drafts one"
                )
            self._read[artifact] = Schema(parse_json(path.read_bytes(), str(path)), path)
        return self._read[artifact]

    def files(self) -> Iterator[Path]:
        """Every schema's file."""
        yield from sorted(self.folder.glob(f"*{SCHEMA_SUFFIX}"))


def schema_document(artifact: Artifact, identity: str) -> dict[str, Json]:
    """What a schema judges: the artifact as it is written to its file, without markers."""
    return {"schema": identity, "values": plain_values(artifact.values), "arrays": array_layouts(artifact.arrays)}


def draft_schema(artifact: Artifact, identity: str) -> dict[str, Json]:
    """A closed schema that ``artifact`` meets, to start from: units and meanings are left to its author."""
    arrays = {
        name: _closed(
            {"dtype": {"const": str(a.dtype)}, "shape": {"type": "array", "minItems": a.ndim, "maxItems": a.ndim}}
        )
        for name, a in artifact.arrays.items()
    }
    parts = {"schema": {"const": identity}, "values": _drafted(artifact.values), "arrays": _closed(arrays)}
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identity}
    return {**about, "description": "TODO: what this artifact says, and in which units", **_closed(parts)}


def _closed(properties: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(properties),
        "properties": dict(properties),
    }


def _drafted(value: Json) -> dict[str, Json]:
    if kind_of(value) == "float" and isinstance(value, str):  # which a number may be that is not finite
        return {"anyOf": [{"type": "number"}, {"enum": [*NON_FINITE]}], "description": "TODO"}
    marker, value = unwrapped(value)
    if marker == ARRAY:  # in a list, where it keeps its place
        return _closed({ARRAY: {"type": "string"}})
    if isinstance(value, Mapping):
        return _closed({key: _drafted(item) for key, item in value.items()})
    if isinstance(value, list):
        kinds: list[dict[str, Json]] = []
        for drafted in map(_drafted, value):
            kinds += [] if drafted in kinds else [drafted]
        return {"type": "array", "items": {"anyOf": kinds} if len(kinds) > 1 else kinds[0] if kinds else {}}
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return {"type": names[type(value)], "description": "TODO"}
