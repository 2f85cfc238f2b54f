"""The unit of a value, from the ``x-unit`` of the schema that describes it or what it lies in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from harness.core.protocol import Json

UNIT = "x-unit"
_BRANCHES = ("allOf", "anyOf", "oneOf")
_DEEPEST = 20  # references, one after the other


class Units:
    """The units of an artifact's values and arrays; ``none``: its schema gives none at all."""

    def __init__(self, content: Json) -> None:
        self.content = content
        text = json.dumps(content)
        self.none = f'"{UNIT}"' not in text
        self._by_place = '"prefixItems"' in text
        self._known: dict[tuple[str, str], str] = {}

    def of(self, path: str, part: str) -> str:
        """The unit at a path of ``part``, which is values or arrays: the innermost one; empty where there is none."""
        key = (part, path if self._by_place else re.sub(r"(?<![^/])\d+(?![^/])", "0", path))
        if key not in self._known:
            self._known[key] = self._found([part, *([path] if part == "arrays" else path.split("/"))])
        return self._known[key]

    def _found(self, parts: list[str]) -> str:
        unit, nodes = "", [*self._meant(self.content, 0)]
        for part in parts:
            nodes = [inner for node in nodes for below in _below(node, part) for inner in self._meant(below, 0)]
            own = [node[UNIT] for node in nodes if isinstance(node.get(UNIT), str)]
            unit = own[0] if own else unit
        return unit

    def _meant(self, node: Json, depth: int) -> Iterator[Mapping[str, Json]]:
        """A schema, what it refers to, and its branches."""
        if not isinstance(node, Mapping) or depth > _DEEPEST:
            return
        yield node
        for branch in (branch for key in _BRANCHES for branch in node.get(key, ())):
            yield from self._meant(branch, depth + 1)
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            target = self.content
            for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
                target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
            yield from self._meant(target, depth + 1)


def _below(node: Mapping[str, Json], part: str) -> Iterator[Json]:
    """The schemas of what lies under a name, or at a place, of what ``node`` describes."""
    properties = node.get("properties", {})
    matched = [inner for pattern, inner in node.get("patternProperties", {}).items() if re.search(pattern, part)]
    if part in properties:
        yield properties[part]
    yield from matched
    if part not in properties and not matched and "additionalProperties" in node:
        yield node["additionalProperties"]
    if part.isdigit():
        before = node.get("prefixItems", ())
        yield before[int(part)] if int(part) < len(before) else node.get("items")
