"""What the commands of studies print: diagnoses, comparisons, trials and the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Column, Table

from harness.cli.console import FAILED, PASSED, out, show_line
from harness.core import text

if TYPE_CHECKING:
    from harness.study.ab import Trial
    from harness.study.matrix import Matrix

LEVEL_STYLES = {"fault": "[red]fault[/red]", "warning": "[yellow]warning[/yellow]", "info": "[dim]info[/dim]"}


def show_diagnosis(run: Mapping[str, Any], explain: bool) -> None:
    """Print what is wrong with one run: its findings, or an expert's whole report."""
    out.rule(f"[bold]{escape(run['name'])}[/bold]", align="left", style="dim")
    if explain:
        from rich.markdown import Markdown

        from harness.study.analysis_page import explained

        out.print(Markdown("\n\n".join(explained(run))))
        return
    show_line(run["verdict"])
    table = Table("", "cause", Column("what", overflow="fold"))
    for finding in run["findings"]:
        table.add_row(LEVEL_STYLES[finding["level"]], escape(finding["cause"]), escape(finding["statement"]))
    if run["findings"]:
        out.print(table)
    for sentence in run["missing"]:
        show_line(f"  {sentence}")


def show_contrast(answer: Mapping[str, Any]) -> None:
    """Print two runs side by side."""
    show_line(answer["verdict"])
    for analysis in answer["analyses"]:
        for figures in analysis["tables"]:
            columns = (Column(escape(name), overflow="fold") for name in figures["columns"])
            table = Table(*columns, title=escape(figures["title"]))
            for row in figures["rows"]:
                table.add_row(*(escape(text.cell(value)) for value in row))
            out.print(table)
        for note in analysis["notes"]:
            show_line(note)


def show_trial(trial: Trial) -> None:
    """Print the table of ``harness ab``: what differs clearly comes first."""
    from harness.study.ab_page import difference_cells

    title = f"{trial.scenario} ({trial.profile}), {trial.pairs} pairs, {100 * trial.confidence:g} % intervals"
    table = Table("figure", "A", "B", "B \u2212 A", "interval of its mean", title=title)
    for difference in sorted(trial.differences, key=lambda d: not d.clear):
        a, b, mean, interval = difference_cells(difference)
        table.add_row(escape(difference.path), a, b, f"[bold]{mean}[/bold]" if difference.clear else mean, interval)
    out.print(table)


def show_matrix(matrix: Matrix) -> None:
    """Print environments side by side, and what their failures move with."""
    from harness.study.matrix_page import axis_levels, environment_state

    levels_of = axis_levels(matrix)
    table = Table("environment", "", *(Column(axis, overflow="fold") for axis, _ in levels_of), "most used", "time")
    for i, e in enumerate(matrix.environments):
        used = [c.used for (name, _, _), c in matrix.cells.items() if name == e.name and c.used is not None]
        levels = (escape(levels[i]) for _, levels in levels_of)
        state = environment_state(matrix, e.name)
        state = FAILED if state == "failed" else PASSED if state == "passed" else f"[yellow]{state}[/yellow]"
        table.add_row(escape(e.name), state, *levels, text.used(max(used, default=None)), text.seconds(e.seconds))
    out.print(table)
    for finding in matrix.findings:
        show_line(f"{text.count(finding.values, 'value')} from {finding.first} on: {finding.movement.sentence}")
    for remark in matrix.remarks:
        show_line(remark)
    out.print(f"[bold]{escape(matrix.headline)}[/bold]")
