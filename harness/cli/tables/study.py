"""What the commands of studies print: diagnoses, comparisons, trials and the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.cli.console import FAILED, PASSED, Styled, Words, show_line, show_markdown, show_rule, show_table
from harness.core import text

if TYPE_CHECKING:
    from harness.study.ab import Trial
    from harness.study.matrix import Matrix

LEVEL_STYLES = {"fault": "red", "warning": "yellow", "info": "dim"}


def show_diagnosis(run: Mapping[str, Any], explain: bool) -> None:
    """Print what is wrong with one run: its findings, or an expert's whole report."""
    show_rule(run["name"])
    if explain:
        from harness.study.analysis_page import explained

        show_markdown(explained(run))
        return
    show_line(run["verdict"])
    rows = [(Styled(f["level"], LEVEL_STYLES[f["level"]]), f["cause"], f["statement"]) for f in run["findings"]]
    if rows:
        show_table(("", "cause", "what"), rows)
    for sentence in run["missing"]:
        show_line(f"  {sentence}")


def show_contrast(answer: Mapping[str, Any]) -> None:
    """Print two runs side by side."""
    show_line(answer["verdict"])
    for analysis in answer["analyses"]:
        for figures in analysis["tables"]:
            rows = [[text.cell(value) for value in row] for row in figures["rows"]]
            show_table(figures["columns"], rows, figures["title"])
        for note in analysis["notes"]:
            show_line(note)


def show_trial(trial: Trial) -> None:
    """Print the table of ``harness ab``: what differs clearly comes first."""
    from harness.study.ab_page import difference_cells

    title = f"{trial.scenario} ({trial.profile}), {trial.pairs} pairs, {100 * trial.confidence:g} % intervals"
    rows: list[tuple[Words, ...]] = []
    for difference in sorted(trial.differences, key=lambda d: not d.clear):
        a, b, mean, interval = difference_cells(difference)
        rows.append((difference.path, a, b, Styled(mean, "bold") if difference.clear else mean, interval))
    show_table(("figure", "A", "B", "B \u2212 A", "interval of its mean"), rows, title)


def show_matrix(matrix: Matrix) -> None:
    """Print environments side by side, and what their failures move with."""
    from harness.study.matrix_page import axis_levels, environment_state

    levels_of = axis_levels(matrix)
    rows: list[tuple[Words, ...]] = []
    for i, e in enumerate(matrix.environments):
        used = [c.used for (name, _, _), c in matrix.cells.items() if name == e.name and c.used is not None]
        levels = (levels[i] for _, levels in levels_of)
        word = environment_state(matrix, e.name)
        state = FAILED if word == "failed" else PASSED if word == "passed" else Styled(word, "yellow")
        rows.append((e.name, state, *levels, text.used(max(used, default=None)), text.seconds(e.seconds)))
    show_table(("environment", "", *(axis for axis, _ in levels_of), "most used", "time"), rows)
    for finding in matrix.findings:
        show_line(f"{text.count(finding.values, 'value')} from {finding.first} on: {finding.movement.sentence}")
    for remark in matrix.remarks:
        show_line(remark)
    show_line(Styled(matrix.headline, "bold"))
