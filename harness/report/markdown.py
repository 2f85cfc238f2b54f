"""The report as a comment on a pull request: what failed first, a table of scenarios, the failing values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.core import text
from harness.core.verdicts import Report, ScenarioReport, Status
from harness.report import summary
from harness.report.summary import Place

MOST = 20  # failing values that are listed
GOOD, BAD, UP, NEUTRAL = "\u2705", "\u274c", "\u2b06\ufe0f", "\u26aa"
ICONS = {"pass": GOOD, "first": BAD, "down": BAD, "improved": UP, "skipped": NEUTRAL}


def render_markdown(report: Report) -> str:
    """``report`` as GitHub's Markdown, well under the size that a comment may have."""
    return "\n\n".join(block for block in _blocks(report) if block) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    passed = report.passed
    yield f"## {GOOD if passed else BAD} {prose(report.project)}: {prose(summary.headline(report))}"
    yield _figures(report, passed)
    yield "\n".join(f"- {prose(problem, 500)}" for problem in report.problems[:MOST])
    yield _rest(len(report.problems) - MOST, "problem")
    failed = [s for s in report.scenarios if s.failed]
    for scenario in failed[:MOST]:
        yield _diagnosis(scenario)
    yield _scenarios(report)
    places = [place for scenario in failed for place in summary.failing_places(scenario)]
    if places:
        yield f"### {text.count(len(places), 'failing value')}"
        shown, rest = summary.thinned(places, MOST)
        rows = [_row(place) for place in shown]
        yield markdown_table(("scenario", "value", "status", "expected", "obtained", "allowed", "used"), rows)
        yield f"\u2026 and {prose(', '.join(rest), 1000)}: see report.html" if rest else ""


def _figures(report: Report, passed: bool) -> str:
    told = [text.count(report.compared, "value") + " compared", f"profile {prose(report.profile)}"]
    told += [f"{report.count(s)} {s.value}" for s in (Status.IMPROVED, Status.SKIPPED) if report.count(s)]
    told.append(text.seconds(report.seconds))
    if passed and (near := summary.closest_calls(report.scenarios, 1)):
        place = near[0]
        used = text.used(place.verdict.used)
        told.append(f"closest call: {code(f'{place.scenario.scenario}/{place.name}')} used {used} of its tolerance")
    return " \u00b7 ".join(told)


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
        place = summary.culprit_place(scenario) if failed else next(iter(summary.closest_calls((scenario,), 1)), None)
        used = text.used(place.verdict.used) if place else ""
        status = f"{ICONS.get(state.kind, '')} {state.word}"
        seconds = text.seconds(sum(a.seconds for a in scenario.artifacts)) if scenario.artifacts else ""
        rows.append((code(scenario.scenario), status, prose(state.detail), code(first) if first else "", used, seconds))
    return markdown_table(("scenario", "", "", "look first at", "most used", "time"), rows) if rows else ""


def _row(place: Place) -> tuple[str, ...]:
    verdict = place.verdict
    expected, obtained = text.pair(verdict.expected, verdict.obtained)
    used = text.used(verdict.used)
    if verdict.share is not None:
        used = f"{used}, {text.portion(verdict.share)} out" if used else f"{text.portion(verdict.share)} out"
    shown = (code(t) if t != "\u2013" else "" for t in (expected, obtained))
    allowed = prose(verdict.allowed or verdict.message, 120)
    return code(place.scenario.scenario), code(place.name), verdict.status.value, *shown, allowed, prose(used)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(words: str) -> str:
    """Text as a code span that nothing in it can end."""
    words = _plain(text.clipped(words)).replace("|", "\\|")
    longest = max(map(len, re.findall("`+", words)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{words or ' '}{space}{fence}"


def prose(words: str, longest: int = text.LONGEST_LINE) -> str:
    """Text without markup of its own: no link, mention, HTML or table cell can come out of it."""
    words = _plain(text.clipped(words, longest)).replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
    return re.sub(r"([\\`*_\[\]#|~>!])", r"\\\1", words)


def _plain(words: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in words)


def _rest(n: int, noun: str) -> str:
    return f"\u2026 and {text.count(n, f'more {noun}')}: see report.html" if n > 0 else ""
