"""What a report says in a few words: its headline, the state of every stage and scenario, a verdict in one line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core import text
from harness.core.ids import INVARIANTS
from harness.core.verdicts import FOR_REVIEW, NOT_COMPARED, ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.report.selection import failing_places, places_of_status


@dataclass(frozen=True)
class State:
    """A stage within a scenario, or all of it. ``kind`` is the style, ``symbol`` and ``word`` say it without colour."""

    kind: str
    symbol: str
    word: str
    detail: str = ""
    cached: bool = False


_FINDINGS = {"wrong": "wrong", "input already wrong": "input wrong", "differs here": "differs"}


def stages_run(report: Report) -> tuple[str, ...]:
    """Every stage that any scenario ran, in the pipeline's order."""
    return tuple(dict.fromkeys(a.stage for s in report.scenarios for a in s.artifacts))


def stage_state(scenario: ScenarioReport, stage: str) -> State:
    """What became of a stage of a scenario, all its tracks together."""
    return _state(scenario, [a for a in scenario.artifacts if a.stage == stage])


def artifact_state(scenario: ScenarioReport, artifact: ArtifactReport) -> State:
    """What became of one artifact in one track."""
    return _state(scenario, [artifact])


def _state(scenario: ScenarioReport, artifacts: list[ArtifactReport]) -> State:
    if not artifacts:
        return State("none", "", "", "not judged in this scenario")
    stage, total = artifacts[0].stage, sum(len(a.verdicts) for a in artifacts)
    odd = [v for a in artifacts for v in a.notable]
    failed = sum(v.status.failed for v in odd)
    cached = all(a.cached for a in artifacts)
    if any(a.error for a in artifacts):
        return State("first", "\u2715", "error", "it raised")
    if any(a.blocked for a in artifacts):
        return State("down", "\u2298", "blocked", "no input", cached)
    if failed:
        finding = next((f.verdict for f in scenario.diagnosis.findings if f.stage == stage), "")
        first = scenario.diagnosis.first in (stage, None) or finding in ("wrong", "differs here")
        detail = f"{failed:,} of {total:,}"
        if scenario.diagnosis == FOR_REVIEW:
            return State("first", "\u25c6", "differs", detail, cached)
        return State("first" if first else "down", "\u2715", _FINDINGS.get(finding, "fail"), detail, cached)
    if any(v.status is Status.IMPROVED for v in odd):
        return State("improved", "\u25b2", "better", f"{total:,}", cached)
    compared = total - sum(v.status in NOT_COMPARED for v in odd)
    if total and not compared:
        return State("skipped", "\u2013", "skipped", "", cached)
    warned = sum(v.status is Status.WARNING for v in odd)
    detail = f"{compared:,}" + (f", {text.count(warned, 'warning')}" if warned else "")
    return State("pass", "\u2713", "pass", detail, cached)


def invariants_state(scenario: ScenarioReport) -> State:
    """What became of a scenario's invariants: whether they hold, and whether their bounds are as accepted."""
    failed = sum(v.status.failed for v in scenario.invariants)
    if failed:
        return State("first", "\u2715", "broken", f"{failed} of {len(scenario.invariants)}")
    bounds = [a for a in scenario.artifacts if a.stage == INVARIANTS]
    if any(a.failed for a in bounds):
        state = _state(scenario, bounds)
        return state if state.kind == "down" else replace(state, word="bounds", detail=state.detail)
    if not scenario.invariants:
        return State("none", "", "", "none")
    return State("pass", "\u2713", "hold", str(len(scenario.invariants)))


def scenario_state(scenario: ScenarioReport) -> State:
    """What became of a scenario as a whole."""
    n = len(failing_places(scenario))
    if n and scenario.diagnosis == FOR_REVIEW:
        return State("first", "\u25c6", "to review", text.count(n, "value"))
    if n or any(a.error or a.blocked for a in scenario.artifacts):
        return State("first", "\u2715", "failed", text.count(n, "value") if n else "a stage raised")
    if scenario.skipped:
        return State("skipped", "\u2013", "skipped", scenario.skipped)
    n = scenario.counts.total() - sum(scenario.counts[status] for status in NOT_COMPARED)
    if not n:
        return State("skipped", "\u2013", "empty", "nothing was compared")
    counts = [text.count(n, "value"), *counted_remarks(scenario)]
    better = len(places_of_status(scenario, Status.IMPROVED))
    if better:
        return State("improved", "\u25b2", "improved", f"{text.count(better, 'value')}: refresh suggested")
    return State("pass", "\u2713", "passed", ", ".join(counts))


def counted_remarks(scenario: ScenarioReport) -> list[str]:
    """How many values warn, and how many are ignored, where any are."""
    warned, ignored = (len(places_of_status(scenario, status)) for status in (Status.WARNING, Status.IGNORED))
    found = [text.count(warned, "warning")] if warned else []
    return [*found, f"{ignored:,} ignored"] if ignored else found


def headline(report: Report) -> str:
    """The report in a few words."""
    if report.of_candidates:
        return _candidates(report)
    failed = sum(s.failed for s in report.scenarios)
    ran = sum(not s.skipped for s in report.scenarios)
    if failed:
        return f"{failed} of {text.count(ran, 'scenario')} failed"
    if report.problems:
        return f"The store of goldens has {text.count(len(report.problems), 'problem')}"
    if not report.compared:
        return "Nothing was compared"
    return f"{'Both scenarios' if ran == 2 else 'The scenario' if ran == 1 else f'All {ran} scenarios'} passed"


def _candidates(report: Report) -> str:
    """How many there are to decide about, and what they are."""
    waiting = [a for s in report.scenarios for a in s.artifacts]
    new = sum(bool(a.verdicts) and all(v.status is Status.MISSING for v in a.verdicts) for a in waiting)
    differ = sum(a.failed for a in waiting) - new
    parts = [f"{differ} other than {'its golden' if differ == 1 else 'their goldens'}"] if differ else []
    parts += [f"{new} new"] if new else []
    parts += [f"{rest} within tolerance"] if (rest := len(waiting) - differ - new) else []
    return f"{text.count(len(waiting), 'candidate')} to review: {', '.join(parts)}"


def where_to_look(scenario: ScenarioReport) -> list[str]:
    """What the end of a run says of a scenario that failed: where to look first, then notes; nothing of another."""
    return [scenario.diagnosis.headline, *scenario.diagnosis.notes] if scenario.failed else []


def page_line(path: Path) -> str:
    """Where a page lies, as every door says it."""
    return f"report: {path}"


def verdict_line(verdict: Verdict) -> str:
    """A verdict in one line: where, what is wrong or else the figures, and by which rule."""
    name = f"{verdict.path} [{verdict.unit}]" if verdict.unit else verdict.path
    said = verdict.sentence or _figures(verdict)
    parts = [f"{name}: {said}" if name else said]  # what is said of all of an artifact has no path
    parts += [f"by {verdict.rule}"] if verdict.rule else []
    return "; ".join(parts)


def _figures(verdict: Verdict) -> str:
    expected, obtained = text.pair(verdict.expected, verdict.obtained)
    parts = [verdict.status.value]
    if verdict.expected is not None or verdict.obtained is not None:
        parts.append(f"expected {expected}, obtained {obtained}")
    parts += [f"allowed {verdict.allowed}"] if verdict.allowed else []
    if verdict.used is not None:
        parts.append(f"used {text.used(verdict.used)} of it" if math.isfinite(verdict.used) else "beyond it")
    parts += [f"{text.portion(verdict.share)} of the elements out"] if verdict.share is not None else []
    return ", ".join(parts)
