"""What the commands of a verification print: stages, verdicts, and what a machine lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from harness.cli.console import FAILED, PASSED, out, show_line, show_markup, show_page
from harness.core import text
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status
from harness.report.summary import verdict_line

if TYPE_CHECKING:
    from harness.cli.doctor import Check
    from harness.verify.suite import Suite

LISTED_MISMATCHES = 8  # of an artifact; artifacts without a golden are listed while there are no more of them either


def show_scenarios(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table of ``harness list``."""
    table = Table("scenario", "what it is", "goldens")
    for row in rows:
        counts = ", ".join(f"{track} {n}" for track, n in sorted(row["goldens"].items()))
        table.add_row(row["scenario"], escape(row["title"]), counts or "none yet")
    out.print(table)


def show_stages(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table of ``harness run``."""
    table = Table("stage", "artifact", "time", "")
    for row in rows:
        trouble = row["error"] or (f"{row['blocked']} failed" if row["blocked"] else "")
        outcome = f"[red]{escape(trouble)}[/red]" if trouble else "cached" if row["cached"] else "computed"
        table.add_row(row["stage"], row["artifact"], text.seconds(row["seconds"]), outcome)
    out.print(table)


def show_scenario(scenario: ScenarioReport) -> None:
    """Print one scenario, stage by stage, and what is wrong."""
    if scenario.skipped:
        show_markup(f"[yellow]skipped[/yellow] {escape(scenario.scenario)}: {escape(scenario.skipped)}")
        return
    title = f"{scenario.scenario} ({scenario.profile})"
    table = Table("stage", "artifact", "track", "", "values", "tolerance used", "time", title=title)
    for artifact in scenario.artifacts:
        table.add_row(*_row(artifact))
    if n := len(scenario.invariants):
        held = sum(not v.status.failed for v in scenario.invariants)
        table.add_row("", "invariants", "", PASSED if held == n else FAILED, f"{held} of {n}", "", "")
    out.print(table)
    new = [a for a in scenario.artifacts if [(v.status, v.path) for v in a.verdicts] == [(Status.MISSING, "")]]
    for artifact in scenario.artifacts:
        if artifact not in new or len(new) <= LISTED_MISMATCHES:
            show_mismatches(artifact)
    for verdict in scenario.invariants:
        if verdict.status.failed:
            show_line(f"  invariant {verdict.path} does not hold: {verdict.message}")
    if scenario.causes:
        show_line(f"  diagnosis: {scenario.analysis['verdict']}")
    if scenario.failed:
        show_markup(f"[bold]{escape(scenario.diagnosis.headline)}[/bold]")
        for note in scenario.diagnosis.notes:
            show_line(f"  {note}")


def _row(artifact: ArtifactReport) -> tuple[str, ...]:
    passed = sum(not v.status.failed for v in artifact.verdicts)
    used = max((v.used for v in artifact.verdicts if v.used is not None), default=None)
    time = "[dim]cached[/dim]" if artifact.cached else text.seconds(artifact.seconds) if artifact.seconds else ""
    improved = any(v.status is Status.IMPROVED for v in artifact.verdicts)
    state = FAILED if artifact.failed else "[cyan]improved[/cyan]" if improved else PASSED
    values = f"{passed} of {len(artifact.verdicts)}"
    return artifact.stage, artifact.artifact, artifact.track, state, values, text.used(used), time


def show_mismatches(artifact: ArtifactReport) -> None:
    """Print why an artifact fails: its first mismatches."""
    name = f"{artifact.track}/{artifact.artifact}"
    if artifact.error:
        show_line(f"  {name}: the stage raised {artifact.error}")
    elif artifact.blocked:
        show_line(f"  {name}: no input, {artifact.blocked} failed")
    failing = [v for v in artifact.verdicts if v.status.failed]
    for verdict in failing[:LISTED_MISMATCHES]:
        show_line(f"  {name}: {verdict_line(verdict)}")
    if len(failing) > LISTED_MISMATCHES:
        show_line(f"  {name}: and {len(failing) - LISTED_MISMATCHES} more")


def show_summary(suite: Suite, paths: Mapping[str, Path]) -> None:
    """Print the end of ``harness verify``."""
    show_conclusion(suite.report)
    if suite.candidates:
        show_line(f"{text.count(len(suite.candidates), 'candidate')} kept: see `harness pending`, `harness review ID`")
    show_page(paths["report.html"])


def show_conclusion(report: Report) -> None:
    """Print whether all is as accepted, in one line, and what is wrong with the store."""
    for problem in report.problems:
        show_markup(f"[red]problem:[/red] {escape(problem)}")
    for sentence in report.omitted:
        show_markup(f"[yellow]left out:[/yellow] {escape(sentence)}")
    counts = ", ".join(f"{report.count(s)} {s.value}" for s in Status if report.count(s))
    skipped = sum(bool(s.skipped) for s in report.scenarios)
    artifacts = [a for s in report.scenarios for a in s.artifacts if a.stage not in (CONFIGURATION, INVARIANTS)]
    cached = sum(a.cached for a in artifacts)
    more = f", {text.count(skipped, 'scenario')} skipped" if skipped else ""
    verdict = "[green]as accepted[/green]" if report.passed else "[red]not as accepted[/red]"
    show_markup(
        f"{verdict}: {text.count(report.compared, 'value')} ({counts}){more}; {cached} of {len(artifacts)} artifacts "
        f"from the cache; {text.seconds(report.seconds)}"
    )


def show_checks(checks: Sequence[Check]) -> None:
    """Print the table of ``harness doctor``."""
    table = Table("what", "", "found", "remedy")
    for check in checks:
        missing = "[red]missing[/red]" if check.needed else "[yellow]missing[/yellow]"
        state = "[green]ok[/green]" if check.held else missing
        table.add_row(check.name, state, escape(check.state), escape(check.remedy))
    out.print(table)
