"""What the commands of a verification print: stages, verdicts, and what a machine lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.console import (
    FAILED,
    PASSED,
    Styled,
    Words,
    show_commands,
    show_line,
    show_notes,
    show_page,
    show_table,
    show_text,
)
from harness.core import text
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.verdicts import NOT_COMPARED, ArtifactReport, Report, ScenarioReport, Status
from harness.report.differences.folding import folded
from harness.report.differences.lines import line_difference
from harness.report.github import annotation_lines, append_summary, on_github
from harness.report.selection import remarks
from harness.report.summary import verdict_line, where_to_look

if TYPE_CHECKING:
    from harness.cli.places import Check
    from harness.core.project import Project
    from harness.verify.suite import Suite

LISTED_MISMATCHES = 8  # of an artifact; artifacts without a golden are listed while there are no more of them either

LISTED_REMARKS = 20  # rules that ignore values or warn of them


def show_scenarios(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table of ``harness list``."""
    shown = []
    for row in rows:
        counts = ", ".join(f"{track} {n}" for track, n in sorted(row["goldens"].items()))
        shown.append((row["scenario"], row["title"], counts or "none yet"))
    show_table(("scenario", "what it is", "goldens"), shown)


def show_stages(rows: Sequence[Mapping[str, Any]], details: bool) -> None:
    """Print the table of ``harness run``; ``details``: and the tracebacks of the stages that failed."""
    shown: list[tuple[Words, ...]] = []
    for row in rows:
        trouble = row["error"] or (f"{row['blocked']} failed" if row["blocked"] else "")
        outcome = Styled(trouble, "red") if trouble else "cached" if row["cached"] else "computed"
        shown.append((row["stage"], row["artifact"], text.seconds(row["seconds"]), outcome))
    show_table(("stage", "artifact", "time", ""), shown)
    for row in rows:
        for problem in row["problems"]:
            show_line(Styled("problem: ", "red"), f"{row['stage']} {problem}")
        if details and row["details"]:
            show_traceback(row["stage"], row["details"])


def show_traceback(stage: str, details: str) -> None:
    """Print what a stage raised, whole."""
    show_line(f"  traceback of {stage}:")
    show_text(details)


def show_early(scenario: str, failed: Sequence[ArtifactReport]) -> None:
    """Tell of stages that are not as accepted as soon as that is known, before the rest of the scenario is judged."""
    stages = text.joined(list(dict.fromkeys(f"{report.stage} ({report.track})" for report in failed)))
    show_line(Styled("not as accepted: ", "red"), f"{scenario}, stage {stages}")


def show_scenario(scenario: ScenarioReport, details: bool = False) -> None:
    """Print one scenario, stage by stage, and what is wrong; ``details``: with the tracebacks of what was raised."""
    if scenario.skipped:
        show_line(Styled("skipped", "yellow"), f" {scenario.scenario}: {scenario.skipped}")
        return
    rows = [_row(artifact) for artifact in scenario.artifacts]
    if n := len(scenario.invariants):
        held = sum(not v.status.failed for v in scenario.invariants)
        rows.append(("", "invariants", "", PASSED if held == n else FAILED, f"{held} of {n}", "", ""))
    columns = ("stage", "artifact", "track", "", "values", "tolerance used", "time")
    show_table(columns, rows, f"{scenario.scenario} ({scenario.profile})")
    new = [a for a in scenario.artifacts if _is_new(a)]
    for artifact in scenario.artifacts:
        if artifact not in new or len(new) <= LISTED_MISMATCHES:
            show_mismatches(artifact)
        if details and artifact.details:
            show_traceback(artifact.stage, artifact.details)
    for verdict in scenario.invariants:
        if verdict.status.failed:
            show_line(f"  invariant {verdict.path} does not hold: {verdict.message}")
        elif verdict.status is Status.WARNING:
            show_line(f"  warning: {verdict.path}: {verdict.message}")
    if scenario.causes:
        show_line(f"  diagnosis: {scenario.analysis['verdict']}")
    for i, line in enumerate(where_to_look(scenario)):
        show_line(*([f"  {line}"] if i else [Styled(line, "bold")]))


def _is_new(artifact: ArtifactReport) -> bool:
    """Whether nothing was accepted of it yet, and no more is wrong."""
    return [(v.status, v.path) for v in artifact.verdicts[:2]] == [(Status.MISSING, "")]


def _row(artifact: ArtifactReport) -> tuple[Words, ...]:
    odd = artifact.notable
    failed, left = sum(v.status.failed for v in odd), sum(v.status in NOT_COMPARED for v in odd)
    compared = len(artifact.verdicts) - left
    told = [v for v in odd if v.status.failed] if artifact.failed else artifact.verdicts
    used = max((share for v in told if (share := v.told_share) is not None), default=None)
    time = Styled("cached", "dim") if artifact.cached else text.seconds(artifact.seconds) if artifact.seconds else ""
    found = {v.status for v in odd}
    notable = {Status.IMPROVED: Styled("improved", "cyan"), Status.WARNING: Styled("warning", "yellow")}
    state = FAILED if artifact.failed else next((word for s, word in notable.items() if s in found), PASSED)
    values = f"{compared - failed} of {compared}"
    if _is_new(artifact) and not artifact.error and not artifact.blocked:
        state, values = Styled("no golden yet", "yellow"), ""
    return artifact.stage, artifact.artifact, artifact.track, state, values, text.used(used), time


def show_mismatches(artifact: ArtifactReport) -> None:
    """Print why an artifact fails: its first mismatches."""
    name = f"{artifact.track}/{artifact.artifact}"
    if artifact.error:
        show_line(f"  {name}: the stage raised {artifact.error}")
    elif artifact.blocked:
        show_line(f"  {name}: no input, {artifact.blocked} failed")
    failing = folded(artifact.verdicts) if any(v.status.failed for v in artifact.notable) else []
    for verdict in failing[:LISTED_MISMATCHES]:
        show_line(f"  {name}: {verdict_line(verdict)}")
        for each in text.clean_lines("\n".join(line_difference(verdict))):
            show_line(f"    | {each}")
    if len(failing) > LISTED_MISMATCHES:
        show_line(f"  {name}: and {len(failing) - LISTED_MISMATCHES} more")


def show_summary(suite: Suite, paths: Mapping[str, Path]) -> None:
    """Print the end of ``harness verify``."""
    show_conclusion(suite.report)
    if suite.candidates:
        show_line(f"{text.count(len(suite.candidates), 'candidate')} kept: see `harness pending`, `harness review ID`")
    show_page(paths["report.html"])


def tell_github(report: Report, project: Project, paths: Mapping[str, Path], quiet: bool) -> None:
    """Annotate what is not as accepted and write the step's summary, where this is a workflow of GitHub's."""
    if on_github():
        show_commands(annotation_lines(report, project.goldens), quiet)
        if problem := append_summary(paths["report.md"].read_text(encoding="utf-8")):
            show_notes([problem], True)


def show_conclusion(report: Report) -> None:
    """Print whether all is as accepted, in one line, and what is wrong with the store."""
    for problem in report.problems:
        show_line(Styled("problem: ", "red"), problem)
    for sentence in report.omitted:
        show_line(Styled("left out: ", "yellow"), sentence)
    for status in (Status.WARNING, Status.IGNORED):
        found = remarks(report.scenarios, status)
        for remark in found[:LISTED_REMARKS]:
            show_line(Styled(f"{status.value}: ", "yellow"), remark.sentence)
        if len(found) > LISTED_REMARKS:
            show_line(Styled(f"{status.value}: ", "yellow"), f"and by {len(found) - LISTED_REMARKS} more rules")
    counts = ", ".join(f"{count} {s.value}" for s in Status if (count := report.count(s)))
    skipped = sum(bool(s.skipped) for s in report.scenarios)
    artifacts = [a for s in report.scenarios for a in s.artifacts if a.stage not in (CONFIGURATION, INVARIANTS)]
    cached = sum(a.cached for a in artifacts)
    more = f", {text.count(skipped, 'scenario')} skipped" if skipped else ""
    verdict = Styled("as accepted", "green") if report.passed else Styled("not as accepted", "red")
    show_line(
        verdict,
        f": {text.count(report.compared, 'value')} ({counts}){more}; {cached} of {len(artifacts)} artifacts "
        f"from the cache; {text.seconds(report.seconds)}",
    )


def show_checks(checks: Sequence[Check]) -> None:
    """Print the table of ``harness doctor``."""
    rows = []
    for check in checks:
        missing = Styled("missing", "red" if check.needed else "yellow")
        rows.append((check.name, Styled("ok", "green") if check.held else missing, check.state, check.remedy))
    show_table(("what", "", "found", "remedy"), rows)
