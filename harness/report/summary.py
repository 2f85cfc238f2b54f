"""What a report says first: the stage to look at, its worst value, closest calls, the state of every stage."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.core import text
from harness.core.ids import INVARIANTS
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict

INDEX = re.compile(r"(?<![^/])\d+(?![^/])")  # a part of a path that is a number
SIBLINGS = 3  # elements that are shown of a list that has more than two beyond these


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


@dataclass(frozen=True)
class State:
    """A stage within a scenario, or all of it. ``kind`` is the style, ``symbol`` and ``word`` say it without colour."""

    kind: str
    symbol: str
    word: str
    detail: str = ""
    cached: bool = False


FINDINGS = {"wrong": "wrong", "input already wrong": "input wrong", "differs here": "differs"}


def notable(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts that did not simply pass: few of many, so that whatever asks for more does so of these."""
    return [v for v in verdicts if v.status is not Status.PASS]


def failing(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Failing verdicts, the furthest out first, and those without a measure before them."""

    def rank(verdict: Verdict) -> float:
        return -math.inf if verdict.used is None or math.isnan(verdict.used) else -verdict.used

    return sorted((v for v in notable(verdicts) if v.status.failed), key=rank)


def failing_places(scenario: ScenarioReport) -> list[Place]:
    """Every failing verdict: in the pipeline's order, the furthest out first within an artifact, invariants last."""
    made = [Place(scenario, a, v) for a in scenario.artifacts for v in failing(a.verdicts)]
    return made + [Place(scenario, None, v) for v in failing(scenario.invariants)]


def thinned(found: list[Place], most: int) -> tuple[list[Place], tuple[str, ...]]:
    """The values to show, at most ``most`` and of each long list the first few; and in words what is left out."""
    lists = [f"{p.scenario.scenario}/{re.sub(INDEX, '*', p.name)}" for p in found]
    sizes, seen, hidden = Counter(lists), Counter[str](), Counter[str]()
    shown: list[Place] = []
    for place, name in zip(found, lists, strict=True):
        seen[name] += 1
        if sizes[name] > SIBLINGS + 2 and seen[name] > SIBLINGS:
            hidden[name.partition("/")[2]] += 1
        elif len(shown) >= most:
            hidden["values"] += 1
        else:
            shown.append(place)
    return shown, tuple(f"{n:,} more of {name}" for name, n in hidden.items())


def places_of_status(scenario: ScenarioReport, status: Status) -> list[Place]:
    """Every verdict of one status."""
    made = [Place(scenario, a, v) for a in scenario.artifacts for v in notable(a.verdicts) if v.status is status]
    return made + [Place(scenario, None, v) for v in scenario.invariants if v.status is status]


def closest_calls(scenarios: tuple[ScenarioReport, ...], n: int) -> list[Place]:
    """The ``n`` passing values that use most of their tolerance, those that use none left out."""
    made = [
        Place(scenario, artifact, verdict)
        for scenario in scenarios
        for artifact, verdicts in [*((a, a.verdicts) for a in scenario.artifacts), (None, scenario.invariants)]
        for verdict in heapq.nlargest(n, (v for v in verdicts if v.used and v.status is Status.PASS), key=_used)
    ]
    return heapq.nlargest(n, made, key=lambda place: _used(place.verdict))


def _used(verdict: Verdict) -> float:
    return verdict.used or 0.0


def broken_artifact(scenario: ScenarioReport) -> ArtifactReport | None:
    """The artifact to look at first: of the diagnosed stage, else the first that failed."""
    failed = [a for a in scenario.artifacts if a.failed]
    named = [a for a in failed if a.stage == scenario.diagnosis.first]
    return next(iter(named or failed), None)


def culprit_place(scenario: ScenarioReport) -> Place | None:
    """The failing value to show first, one with a stated excess if there is any."""
    artifact = broken_artifact(scenario)
    found = [p for p in failing_places(scenario) if p.artifact is artifact] or failing_places(scenario)
    # A value that is out by a factor tells more than one without a measure.
    measured = (p for p in found if p.verdict.used is not None and math.isfinite(p.verdict.used))
    return next(measured, next(iter(found), None))


def stages_run(report: Report) -> tuple[str, ...]:
    """Every stage that any scenario ran, in the pipeline's order."""
    return tuple(dict.fromkeys(a.stage for s in report.scenarios for a in s.artifacts))


def stage_state(scenario: ScenarioReport, stage: str) -> State:
    """What became of a stage of a scenario, all its tracks together."""
    return _state(scenario, [a for a in scenario.artifacts if a.stage == stage])


def artifact_state(scenario: ScenarioReport, artifact: ArtifactReport) -> State:
    """What became of one artifact in one track."""
    return _state(scenario, [artifact])


def _state(scenario: ScenarioReport, found: list[ArtifactReport]) -> State:
    if not found:
        return State("none", "", "", "not in this scenario")
    stage, total = found[0].stage, sum(len(a.verdicts) for a in found)
    odd = notable(v for a in found for v in a.verdicts)
    failed = sum(v.status.failed for v in odd)
    cached = all(a.cached for a in found)
    if any(a.error for a in found):
        return State("first", "\u2715", "error", "it raised")
    if any(a.blocked for a in found):
        return State("down", "\u2298", "blocked", "no input", cached)
    if failed:
        finding = next((f.verdict for f in scenario.diagnosis.findings if f.stage == stage), "")
        first = scenario.diagnosis.first in (stage, None) or finding in ("wrong", "differs here")
        detail = f"{failed:,} of {total:,}"
        return State("first" if first else "down", "\u2715", FINDINGS.get(finding, "fail"), detail, cached)
    if any(v.status is Status.IMPROVED for v in odd):
        return State("improved", "\u25b2", "better", f"{total:,}", cached)
    if len(odd) == total:  # what is odd, and neither fails nor is better, was skipped
        return State("skipped", "\u2013", "skipped", "", cached)
    return State("pass", "\u2713", "pass", f"{total:,}", cached)


def invariants_state(scenario: ScenarioReport) -> State:
    """What became of a scenario's invariants."""
    failed = sum(v.status.failed for v in scenario.invariants)
    if failed:
        return State("first", "\u2715", "broken", f"{failed} of {len(scenario.invariants)}")
    if not scenario.invariants:
        return State("none", "", "", "none")
    return State("pass", "\u2713", "hold", str(len(scenario.invariants)))


def scenario_state(scenario: ScenarioReport) -> State:
    """What became of a scenario as a whole."""
    n = len(failing_places(scenario))
    if n or any(a.error or a.blocked for a in scenario.artifacts):
        return State("first", "\u2715", "failed", text.count(n, "value") if n else "a stage raised")
    if scenario.skipped:
        return State("skipped", "\u2013", "skipped", scenario.skipped)
    n = sum(len(a.verdicts) for a in scenario.artifacts) + len(scenario.invariants)
    if not n:
        return State("skipped", "\u2013", "empty", "nothing was compared")
    better = len(places_of_status(scenario, Status.IMPROVED))
    if better:
        return State("improved", "\u25b2", "improved", f"{text.count(better, 'value')}: refresh suggested")
    return State("pass", "\u2713", "passed", text.count(n, "value"))


def headline(report: Report) -> str:
    """The report in a few words."""
    failed = sum(s.failed for s in report.scenarios)
    ran = sum(not s.skipped for s in report.scenarios)
    if failed:
        return f"{failed} of {text.count(ran, 'scenario')} failed"
    if report.problems:
        return f"The store of goldens has {text.count(len(report.problems), 'problem')}"
    if not report.compared:
        return "Nothing was compared"
    return f"{'Both scenarios' if ran == 2 else 'The scenario' if ran == 1 else f'All {ran} scenarios'} passed"
