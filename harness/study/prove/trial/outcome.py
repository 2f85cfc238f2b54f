"""What became of a mutant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from harness.core.protocol import Json
from harness.study.prove.faults.mutant import Mutant, mutant_from

Fate = Literal["caught", "survived", "equivalent", "untried"]
FATES: tuple[Fate, ...] = ("caught", "survived", "equivalent", "untried")
UNCOMPARED = "not compared"  # the tier of what moves where nothing is compared


@dataclass(frozen=True)
class Slack:
    """A value of a scenario that moved and passed: by how much (see ``MovedValue``), and by which rule.

    ``used``: the share of its tolerance. ``rule`` is empty where nothing compares it; ``tightest``: the rule that would
    just not let it pass, empty where another number in the rule would not help.
    """

    address: str
    by: float
    tier: str
    scenario: str = ""
    rule: str = ""
    used: float | None = None
    tightest: str = ""


@dataclass(frozen=True)
class MutantOutcome:
    """A mutant and its fate.

    Of one that was caught, ``tier``, ``track``, ``address`` and ``message`` say by what, and ``first`` which stage the
    diagnosis names. Of one that survived, ``slack`` has what moved, what came nearest to its limit first. ``reason``
    says why one is equivalent, or could not be tried. ``seconds``: how long it took.
    """

    mutant: Mutant
    fate: Fate
    tier: str = ""
    track: str = ""
    scenario: str = ""
    address: str = ""
    message: str = ""
    first: str = ""
    slack: tuple[Slack, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    @property
    def localised(self) -> bool:
        """Whether it was caught, and the diagnosis names a stage that it is in."""
        return self.fate == "caught" and self.first in self.mutant.stages

    def timed(self, seconds: float) -> MutantOutcome:
        """The same, with the time it took."""
        return replace(self, seconds=seconds)

    def as_json(self) -> dict[str, Json]:
        """All of it as strict JSON, by ``schemas/harness/prove.schema.json``."""
        slack = [{**asdict(s), "by": _finite(s.by), "used": _finite(s.used)} for s in self.slack]
        return {**asdict(self), "mutant": self.mutant.as_json(), "slack": slack, "localised": self.localised}


def outcome_from(value: Mapping[str, Json]) -> MutantOutcome:
    """The outcome that ``as_json`` gave."""
    fields = {key: item for key, item in value.items() if key != "localised"}
    slack = tuple(Slack(**{**s, "by": math.inf if s["by"] is None else s["by"]}) for s in value["slack"])
    return MutantOutcome(**{**fields, "mutant": mutant_from(value["mutant"]), "slack": slack})


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
