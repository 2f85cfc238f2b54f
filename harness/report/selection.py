"""Which verdicts a report shows, and in which order: what failed first, the worst value, the closest calls."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.core.ids import INVARIANTS
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status, Verdict

_INDEX = re.compile(r"(?<![^/])\d+(?![^/])")  # a part of a path that is a number


_SIBLINGS = 3  # elements that are shown of a list that has more than two beyond these


@dataclass(frozen=True)
class Place:
    """A verdict and where it belongs; ``artifact`` is None for an invariant."""

    scenario: ScenarioReport
    artifact: ArtifactReport | None
    verdict: Verdict

    @property
    def name(self) -> str:
        """Artifact and path, as people look for it."""
        if self.artifact is None:
            return f"{INVARIANTS}/{self.verdict.path}"
        replay = "" if self.artifact.track == self.scenario.profile else f"{self.artifact.track}/"
        return f"{replay}{self.artifact.artifact}/{self.verdict.path}"


def list_of(path: str) -> str:
    """The pattern of the lists that a path is in: each part of it that is a number as ``*``."""
    return _INDEX.sub("*", path)


def notable(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts that did not simply pass: they are few, so that whoever looks closer looks at these alone."""
    return [v for v in verdicts if v.status is not Status.PASS]


def failing(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Failing verdicts, the furthest out first, and those without a measure before them."""

    def rank(verdict: Verdict) -> float:
        return -math.inf if verdict.used is None or math.isnan(verdict.used) else -verdict.used

    return sorted((v for v in notable(verdicts) if v.status.failed), key=rank)


def failing_places(scenario: ScenarioReport) -> list[Place]:
    """Every failing verdict: in the pipeline's order, the furthest out first within an artifact, invariants last."""
    places = [Place(scenario, a, v) for a in scenario.artifacts for v in failing(a.notable)]
    return places + [Place(scenario, None, v) for v in failing(scenario.invariants)]


def thinned(places: list[Place], most: int) -> tuple[list[Place], tuple[str, ...]]:
    """The places to show, at most ``most`` and the first few of each long list; and in words what is left out."""
    lists = [f"{p.scenario.scenario}/{list_of(p.name)}" for p in places]
    sizes, seen, hidden = Counter(lists), Counter[str](), Counter[str]()
    shown: list[Place] = []
    for place, name in zip(places, lists, strict=True):
        seen[name] += 1
        if sizes[name] > _SIBLINGS + 2 and seen[name] > _SIBLINGS:
            hidden[name.partition("/")[2]] += 1
        elif len(shown) >= most:
            hidden["values"] += 1
        else:
            shown.append(place)
    return shown, tuple(f"{n:,} more of {name}" for name, n in hidden.items())


def places_of_status(scenario: ScenarioReport, status: Status) -> list[Place]:
    """Every verdict of one status."""
    places = [Place(scenario, a, v) for a in scenario.artifacts for v in a.notable if v.status is status]
    return places + [Place(scenario, None, v) for v in scenario.invariants if v.status is status]


@dataclass(frozen=True)
class Remark:
    """Values that one rule ignores, or warns of: how many, why, the first of them, and the one nearest its limit."""

    status: Status
    rule: str
    message: str
    count: int
    first: str

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        more = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"{self.first}{more}: {self.message}" + (f"; by {self.rule}" if self.rule else "")


def remarks(scenarios: Iterable[ScenarioReport], status: Status) -> list[Remark]:
    """What has a status without failing, by its rule: of warnings the one that used most of its tolerance is named."""
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in (place for scenario in scenarios for place in places_of_status(scenario, status)):
        why = place.verdict.message if status is Status.IGNORED else ""
        groups.setdefault((place.verdict.rule, why), []).append(place)
    found = []
    for (rule, _), places in groups.items():
        first = max(places, key=lambda place: _used(place.verdict))
        name = f"{first.scenario.scenario}/{first.name}".rstrip("/")
        found.append(Remark(status, rule, first.verdict.message, len(places), name))
    return found


def most_used(scenario: ScenarioReport, status: Status, n: int) -> list[Place]:
    """The ``n`` verdicts of one status that use most of their tolerance."""
    return heapq.nlargest(n, places_of_status(scenario, status), key=lambda place: _used(place.verdict))


def closest_calls(scenarios: tuple[ScenarioReport, ...], n: int) -> list[Place]:
    """The ``n`` passing values that use most of their tolerance, those that use none left out."""
    closest = [
        Place(scenario, artifact, verdict)
        for scenario in scenarios
        for artifact, verdicts in [*((a, a.most_used) for a in scenario.artifacts), (None, scenario.invariants)]
        for verdict in heapq.nlargest(n, (v for v in verdicts if v.used and v.status is Status.PASS), key=_used)
    ]
    return heapq.nlargest(n, closest, key=lambda place: _used(place.verdict))


def _used(verdict: Verdict) -> float:
    return verdict.used or 0.0


def broken_artifact(scenario: ScenarioReport) -> ArtifactReport | None:
    """The artifact to look at first: of the diagnosed stage, else the first that failed."""
    failed = [a for a in scenario.artifacts if a.failed]
    named = [a for a in failed if a.stage == scenario.diagnosis.first]
    return next(iter(named or failed), None)


def culprit_place(scenario: ScenarioReport) -> Place | None:
    """The failing value to show first: one that says by how much it is out, if there is any."""
    artifact = broken_artifact(scenario)
    failures = failing_places(scenario)
    candidates = [p for p in failures if p.artifact is artifact] or failures
    # What is explained tells most, and a value that is out by a factor more than one without a measure.
    candidates = [p for p in candidates if p.verdict.explanation] or candidates
    measured = (p for p in candidates if p.verdict.used is not None and math.isfinite(p.verdict.used))
    return next(measured, next(iter(candidates), None))
