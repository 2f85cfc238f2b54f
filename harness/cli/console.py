"""What the ``harness`` command prints. Tables and sentences; no decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from harness.core import text
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict

if TYPE_CHECKING:
    from harness.cli.doctor import Check
    from harness.store.approvals import Approval
    from harness.store.candidates import Pending
    from harness.study.ab import Trial
    from harness.study.matrix import Matrix
    from harness.verify.calibration import Calibration
    from harness.verify.suite import Suite

SHOWN = 8  # mismatches of an artifact
WIDTH = 140  # of tables in a file or a log
out = Console()
if not out.is_terminal:
    out.width = WIDTH
GOOD, BAD, DIM = "[green]pass[/green]", "[red]FAIL[/red]", "[dim]{}[/dim]"


def show_line(words: str) -> None:
    """One line of prose."""
    out.print(escape(words), highlight=False, soft_wrap=True)


def show_page(path: Path) -> None:
    """Where a page lies."""
    out.print(f"report: {escape(str(path))}", highlight=False, soft_wrap=True)


def show_scenarios(rows: Sequence[dict[str, Any]]) -> None:
    """The table of ``harness list``."""
    table = Table("scenario", "what it is", "goldens")
    for row in rows:
        counts = ", ".join(f"{track} {n}" for track, n in sorted(row["goldens"].items()))
        table.add_row(row["scenario"], escape(row["title"]), counts or "none yet")
    out.print(table)


def show_stages(rows: Sequence[dict[str, Any]]) -> None:
    """The table of ``harness run``."""
    table = Table("stage", "artifact", "time", "")
    for row in rows:
        note = (
            f"[red]{escape(row['error'] or row['blocked'] + ' failed')}[/red]" if row["error"] or row["blocked"] else ""
        )
        table.add_row(
            row["stage"],
            row["artifact"],
            text.seconds(row["seconds"]),
            note or ("cached" if row["cached"] else "computed"),
        )
    out.print(table)


LEVELS = {"fault": "[red]fault[/red]", "warning": "[yellow]warning[/yellow]", "info": "[dim]info[/dim]"}


def show_diagnosis(run: Mapping[str, Any], explain: bool) -> None:
    """What is wrong with one run: its findings, or an expert's whole report."""
    out.rule(f"[bold]{escape(run['name'])}[/bold]", align="left", style="dim")
    if explain:
        from rich.markdown import Markdown

        from harness.study.analysis import explained

        out.print(Markdown("\n\n".join(explained(run))))
        return
    show_line(run["verdict"])
    table = Table("", "cause", Column("what", overflow="fold"))
    for finding in run["findings"]:
        table.add_row(LEVELS[finding["level"]], escape(finding["cause"]), escape(finding["statement"]))
    if run["findings"]:
        out.print(table)
    for said in run["missing"]:
        show_line(f"  {said}")


def show_contrast(answer: Mapping[str, Any]) -> None:
    """Two runs side by side."""
    show_line(answer["verdict"])
    for analysis in answer["analyses"]:
        for made in analysis["tables"]:
            table = Table(
                *(Column(escape(name), overflow="fold") for name in made["columns"]), title=escape(made["title"])
            )
            for row in made["rows"]:
                table.add_row(*(escape(text.cell(value)) for value in row))
            out.print(table)
        for note in analysis["notes"]:
            show_line(note)


def show_trial(found: Trial) -> None:
    """The table of ``harness ab``: what differs clearly first."""
    from harness.study.ab import difference_cells

    title = f"{found.scenario} ({found.profile}), {found.pairs} pairs, {100 * found.confidence:g} % intervals"
    table = Table("figure", "A", "B", "B \u2212 A", "interval of its mean", title=title)
    for d in sorted(found.differences, key=lambda d: not d.clear):
        a, b, mean, interval = difference_cells(d)
        table.add_row(escape(d.path), a, b, f"[bold]{mean}[/bold]" if d.clear else mean, interval)
    out.print(table)


def show_matrix(found: Matrix) -> None:
    """Environments side by side, and what their failures move with."""
    from harness.study.matrix_page import axis_levels, environment_state

    table = Table(
        "environment", "", *(Column(axis, overflow="fold") for axis, _ in axis_levels(found)), "most used", "time"
    )
    for i, e in enumerate(found.environments):
        used = [c.used for (name, _, _), c in found.cells.items() if name == e.name and c.used is not None]
        levels = (escape(levels[i]) for _, levels in axis_levels(found))
        state = environment_state(found, e.name)
        state = BAD if state == "failed" else GOOD if state == "passed" else f"[yellow]{state}[/yellow]"
        table.add_row(escape(e.name), state, *levels, text.used(max(used, default=None)), text.seconds(e.seconds))
    out.print(table)
    for finding in found.findings:
        show_line(f"{text.count(finding.values, 'value')} from {finding.first} on: {finding.movement.said}")
    for said in found.remarks:
        show_line(said)
    out.print(f"[bold]{escape(found.headline)}[/bold]")


def show_scenario(done: ScenarioReport) -> None:
    """One scenario, stage by stage, and what is wrong."""
    if done.skipped:
        out.print(
            f"[yellow]skipped[/yellow] {escape(done.scenario)}: {escape(done.skipped)}", highlight=False, soft_wrap=True
        )
        return
    table = Table(
        "stage", "artifact", "track", "", "values", "tolerance used", "time", title=f"{done.scenario} ({done.profile})"
    )
    for report in done.artifacts:
        table.add_row(*_row(report))
    if n := len(done.invariants):
        held = sum(not v.status.failed for v in done.invariants)
        table.add_row("", "invariants", "", GOOD if held == n else BAD, f"{held} of {n}", "", "")
    out.print(table)
    new = [r for r in done.artifacts if [(v.status, v.path) for v in r.verdicts] == [(Status.MISSING, "")]]
    for report in done.artifacts:
        if report not in new or len(new) <= SHOWN:
            show_mismatches(report)
    for verdict in done.invariants:
        if verdict.status.failed:
            show_line(f"  invariant {verdict.path} does not hold: {verdict.message}")
    if done.causes:
        show_line(f"  diagnosis: {done.analysis['verdict']}")
    if done.failed:
        out.print(f"[bold]{escape(done.diagnosis.headline)}[/bold]", highlight=False, soft_wrap=True)
        for note in done.diagnosis.notes:
            show_line(f"  {note}")


def _row(report: ArtifactReport) -> tuple[str, ...]:
    passed = sum(not v.status.failed for v in report.verdicts)
    used = max((v.used for v in report.verdicts if v.used is not None), default=None)
    time = DIM.format("cached") if report.cached else text.seconds(report.seconds) if report.seconds else ""
    improved = any(v.status is Status.IMPROVED for v in report.verdicts)
    state = BAD if report.failed else "[cyan]improved[/cyan]" if improved else GOOD
    return (
        report.stage,
        report.artifact,
        report.track,
        state,
        f"{passed} of {len(report.verdicts)}",
        text.used(used),
        time,
    )


def show_mismatches(report: ArtifactReport) -> None:
    """Why an artifact fails: its first mismatches."""
    name = f"{report.track}/{report.artifact}"
    if report.error or report.blocked:
        show_line(
            f"  {name}: "
            + (f"the stage raised {report.error}" if report.error else f"no input, {report.blocked} failed")
        )
    failing = [v for v in report.verdicts if v.status.failed]
    for verdict in failing[:SHOWN]:
        show_line(f"  {name}: {_sentence(verdict)}")
    if len(failing) > SHOWN:
        show_line(f"  {name}: and {len(failing) - SHOWN} more")


def _sentence(verdict: Verdict) -> str:
    from harness.report.junit import verdict_line

    return verdict_line(verdict)


def show_summary(suite: Suite, written: dict[str, Path]) -> None:
    """The end of ``harness verify``."""
    show_conclusion(suite.report)
    if suite.candidates:
        show_line(f"{text.count(len(suite.candidates), 'candidate')} kept: see `harness pending`, `harness review ID`")
    show_page(written["report.html"])


def show_conclusion(report: Report) -> None:
    """Whether all is as accepted, in one line, and what is wrong with the store."""
    for problem in report.problems:
        out.print(f"[red]problem:[/red] {escape(problem)}", highlight=False, soft_wrap=True)
    counts = ", ".join(f"{report.count(s)} {s.value}" for s in Status if report.count(s))
    skipped = sum(bool(s.skipped) for s in report.scenarios)
    artifacts = [a for s in report.scenarios for a in s.artifacts if a.stage not in (CONFIGURATION, INVARIANTS)]
    cached = sum(a.cached for a in artifacts)
    more = f", {text.count(skipped, 'scenario')} skipped" if skipped else ""
    verdict = "[green]as accepted[/green]" if report.passed else "[red]not as accepted[/red]"
    out.print(
        f"{verdict}: {text.count(report.compared, 'value')} ({counts}){more}; {cached} of {len(artifacts)} artifacts "
        f"from the cache; {text.seconds(report.seconds)}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def show_differences(report: Report) -> None:
    """Candidates beside their goldens."""
    for done in report.scenarios:
        for artifact in done.artifacts:
            shown = [v for v in artifact.verdicts if v.status is not Status.PASS]
            rest = len(artifact.verdicts) - len(shown)
            table = Table(Column("value", overflow="fold"), "golden", "candidate", "difference", "allowed",
                          "tolerance used", title=f"{done.scenario}/{artifact.track}/{artifact.artifact}")  # fmt: skip
            for v in shown[:20]:
                old, new = text.pair(v.expected, v.obtained)
                table.add_row(escape(v.path), escape(old), escape(new), text.difference(v.expected, v.obtained),
                              escape(v.allowed), text.used(v.used))  # fmt: skip
            out.print(table)
            more = [f"{len(shown) - 20} more differ"] if len(shown) > 20 else []
            more += [f"{text.count(rest, 'other value')} within tolerance"] if rest else []
            if more:
                show_line(", ".join(more))


def show_pending(found: Sequence[Pending]) -> None:
    """The table of ``harness pending``."""
    if not found:
        show_line("nothing is pending")
        return
    table = Table("id", "kind", "change", "why")
    for item in found:
        table.add_row(item.identity, item.kind, item.change, escape(item.headline))
    out.print(table)


def show_calibration(identity: str, made: Calibration) -> None:
    """The end of ``harness calibrate``."""
    from harness.judge.ensemble import intervals

    table = Table(Column("value", overflow="fold"), "mean", "standard deviation", "allowed")
    for address, found in sorted(intervals(made.ensemble).items()):
        table.add_row(address, f"{found.mean:.6g}", f"{found.deviation:.3g}", f"{found.low:.6g} to {found.high:.6g}")
    out.print(table)
    for address in made.restless:
        show_line(f"{address} varies by more than its rule: give it `interval = true`, unless only its seed decides it")
    for address in made.still:
        show_line(f"{address} has an interval and does not vary: give it a tighter rule")
    show_line(f"kept as candidate {identity}: see `harness review {identity}`")


def show_approval(made: Approval) -> None:
    """The end of ``harness accept``."""
    show_line(f"accepted, approval {made.id}: {', '.join(made.changes)}")


def show_log(found: Sequence[Approval]) -> None:
    """The table of ``harness log``."""
    table = Table("number", "when", "approver", "what", "reason")
    for item in found:
        ids = sorted(item.changes)
        what = f"{', '.join(ids[:3])}{f' and {len(ids) - 3} more' if len(ids) > 3 else ''}"
        table.add_row(item.id, item.when, escape(item.approver), what, escape(item.reason))
    out.print(table)


def show_checks(found: Sequence[Check]) -> None:
    """The table of ``harness doctor``."""
    table = Table("what", "", "found", "remedy")
    for check in found:
        state = (
            "[green]ok[/green]" if check.held else "[red]missing[/red]" if check.needed else "[yellow]missing[/yellow]"
        )
        table.add_row(check.name, state, escape(check.found), escape(check.remedy))
    out.print(table)


@contextmanager
def stage_progress(console: Console, quiet: bool) -> Iterator[Any]:
    """A bar a running stage on a terminal; elsewhere a line a finished stage; nothing when ``quiet``."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[tuple[str, str, str], Any] = {}

        def report(scenario: str, track: str, stage: str, done: int, total: int, note: str) -> None:
            key = (scenario, track, stage)
            if key not in tasks:
                tasks[key] = bars.add_task(f"{scenario} {track} {stage}", note="")
            bars.update(tasks[key], total=total, completed=done, note=note)
            if done == total == 1:
                bars.remove_task(tasks.pop(key))
                if not quiet:
                    bars.console.print(f"{scenario:>16} {track:>8} {stage:<12} {note}", highlight=False)

        yield report
