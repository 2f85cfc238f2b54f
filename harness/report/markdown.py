"""The report as a comment on a pull request: what failed first, a table of scenarios, the failing values."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core import text
from harness.core.verdicts import Report, ScenarioReport, Status
from harness.report import selection, summary
from harness.report.differences import folding
from harness.report.markup import FAILED_ICON, IMPROVED_ICON, NEUTRAL_ICON, PASSED_ICON, code, markdown_table, prose
from harness.report.rows import numbers_of, shown_numbers
from harness.report.selection import Place

LISTED_FAILURES = 20  # scenarios, values and problems, of each
_ICONS = {
    "pass": PASSED_ICON,
    "first": FAILED_ICON,
    "down": FAILED_ICON,
    "improved": IMPROVED_ICON,
    "skipped": NEUTRAL_ICON,
}


def render_markdown(report: Report) -> str:
    """``report`` as GitHub's Markdown, well under the size that a comment may have."""
    return "\n\n".join(block for block in _blocks(report) if block) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    passed = report.passed
    yield f"## {PASSED_ICON if passed else FAILED_ICON} {prose(report.project)}: {prose(summary.headline(report))}"
    yield _figures(report, passed)
    yield "\n".join(f"- {prose(problem, 500)}" for problem in report.problems[:LISTED_FAILURES])
    yield _rest(len(report.problems) - LISTED_FAILURES, "problem")
    yield "\n".join(f"- left out: {prose(sentence, 500)}" for sentence in report.omitted[:LISTED_FAILURES])
    yield from _remarks(report)
    failed = [s for s in report.scenarios if s.failed]
    for scenario in failed[:LISTED_FAILURES]:
        yield _diagnosis(scenario)
    yield _scenarios(report)
    places = [place for scenario in failed for place in folding.folded_places(scenario)]
    if places:
        count = sum(len(selection.failing_places(scenario)) for scenario in failed)
        yield f"### {text.count(count, 'failing value')}"
        shown, rest = selection.thinned(places, LISTED_FAILURES)
        rows = [_row(place) for place in shown]
        yield markdown_table(("scenario", "value", "status", "expected", "obtained", "allowed", "used"), rows)
        yield f"\u2026 and {prose(', '.join(rest), 1000)}: see report.html" if rest else ""


def _figures(report: Report, passed: bool) -> str:
    figures = [text.count(report.compared, "value") + " compared", f"profile {prose(report.profile)}"]
    told = (Status.IMPROVED, Status.SKIPPED, Status.WARNING, Status.IGNORED)
    figures += [f"{count} {s.value}" for s in told if (count := report.count(s))]
    figures.append(text.seconds(report.seconds))
    if passed and (near := selection.closest_calls(report.scenarios, 1)):
        place = near[0]
        used = text.used(place.verdict.used)
        figures.append(f"closest call: {code(f'{place.scenario.scenario}/{place.name}')} used {used} of its tolerance")
    return " \u00b7 ".join(figures)


def _remarks(report: Report) -> Iterator[str]:
    for status in (Status.WARNING, Status.IGNORED):
        found = selection.remarks(report.scenarios, status)
        yield "\n".join(f"- {status.value}: {prose(remark.sentence, 500)}" for remark in found[:LISTED_FAILURES])
        yield _rest(len(found) - LISTED_FAILURES, "rule")


def _diagnosis(scenario: ScenarioReport) -> str:
    lines = [f"### {prose(scenario.scenario)}", "", prose(scenario.diagnosis.headline, 500), ""]
    sound = [code(f.stage) for f in scenario.diagnosis.findings if f.verdict == "sound"]
    lines += [f"- sound: {', '.join(sound)}"] if sound else []
    findings = [f for f in scenario.diagnosis.findings if f.verdict != "sound"]
    lines += [f"- {code(f.stage)} **{prose(f.verdict)}**: {prose(f.reason, 300)}" for f in findings]
    lines += [f"- {prose(note, 300)}" for note in scenario.diagnosis.notes]
    lines += [f"- probable cause: {prose(f['statement'], 300)}" for f in scenario.causes[:1]]
    for artifact in scenario.artifacts:
        if trouble := artifact.error or artifact.blocked:
            what = "raised" if artifact.error else "blocked"
            lines.append(f"- {code(artifact.stage)} ({prose(artifact.track)}) {what}: {prose(trouble, 300)}")
    return "\n".join(lines)


def _scenarios(report: Report) -> str:
    rows = []
    for scenario in report.scenarios:
        state = summary.scenario_state(scenario)
        failed = state.word == "failed"
        first = scenario.diagnosis.first if failed else None
        closest = [] if failed else selection.closest_calls((scenario,), 1)
        place = selection.culprit_place(scenario) if failed else next(iter(closest), None)
        used = text.used(place.verdict.told_share) if place else ""
        status = f"{_ICONS.get(state.kind, '')} {state.word}"
        seconds = text.seconds(sum(a.seconds for a in scenario.artifacts)) if scenario.artifacts else ""
        rows.append((code(scenario.scenario), status, prose(state.detail), code(first) if first else "", used, seconds))
    return markdown_table(("scenario", "", "", "look first at", "most used", "time"), rows) if rows else ""


def _row(place: Place) -> tuple[str, ...]:
    verdict = place.verdict
    *_, at = numbers_of(verdict)
    expected, obtained = shown_numbers(verdict)
    used = text.used(verdict.told_share)
    if verdict.share is not None:
        used = f"{used}, {text.portion(verdict.share)} out" if used else f"{text.portion(verdict.share)} out"
    cells = (code(value) if value != "\u2013" else "" for value in (expected, obtained))
    allowed = prose(verdict.allowed or verdict.sentence, 120)
    how = f": {prose(verdict.explanation.text, 300)}" if verdict.explanation else ""
    how += f", the worst at {prose(at)}" if at else ""
    return code(place.scenario.scenario), f"{code(place.name)}{how}", verdict.status.value, *cells, allowed, prose(used)


def _rest(n: int, noun: str) -> str:
    return f"\u2026 and {text.count(n, f'more {noun}')}: see report.html" if n > 0 else ""
