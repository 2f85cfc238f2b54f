"""A mutant: one fault, as data, so that it is the same fault wherever it is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Literal

from harness.core.files import json_digest
from harness.core.protocol import Json

MutantKind = Literal["output", "source", "setting", "configuration"]
MUTANT_KINDS: tuple[MutantKind, ...] = ("output", "source", "setting", "configuration")


@dataclass(frozen=True)
class Mutant:
    """One fault.

    ``kind``: in what a stage gives (``output``), in the source, in what one stage is told of the configuration
    (``setting``), or in the ``configuration`` itself. ``stages``: those it is in, so that a diagnosis is right which
    names one of them. ``scenario`` is empty where it is in every scenario. ``place``: the path in the output, the file
    and line, or the setting; ``change``: what became of it, for people; ``data``: what makes it.
    """

    kind: MutantKind
    operator: str
    stages: tuple[str, ...]
    place: str
    change: str
    scenario: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """The digest of what it is."""
        return json_digest([self.kind, self.operator, self.scenario, list(self.stages), self.place, dict(self.data)])[
            :16
        ]

    @property
    def stratum(self) -> tuple[str, str, str, str]:
        """The kind of mutants of which a sample has its share."""
        return self.kind, self.operator, self.stages[0] if self.stages else "", self.scenario

    def as_json(self) -> dict[str, Json]:
        """All of it, for a job."""
        return {**asdict(self), "stages": list(self.stages)}


def mutant_from(value: Mapping[str, Json]) -> Mutant:
    """The mutant that ``as_json`` gave."""
    return Mutant(**{**value, "stages": tuple(value["stages"])})
