"""A matrix of environments as one HTML file that needs nothing else, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core import text
from harness.report.html import template
from harness.report.markup import FAILED_ICON, NEUTRAL_ICON, PASSED_ICON, code, markdown_table, prose
from harness.study.matrix import Cell, ConditionalRule, Environment, Matrix

SHOWN_FINDINGS = 12  # findings that are shown


@dataclass(frozen=True)
class ShownCell:
    """A cell as it is shown: ``kind`` is pass, down or none; ``fill``: percent of the bar, None without one."""

    kind: str
    words: str
    fill: float | None
    title: str


def matrix_html(matrix: Matrix) -> str:
    """The matrix as a page."""
    rows = [
        (scenario, [(tier, [shown_cell(cell) for cell in cells]) for tier, cells in tiers])
        for scenario, tiers in _rows(matrix)
    ]
    return template(Path(__file__).parent / "matrix.html.j2").render(
        matrix=matrix, rows=rows, axes=axis_levels(matrix), most=SHOWN_FINDINGS, state=environment_state
    )


def matrix_markdown(matrix: Matrix) -> str:
    """The same for a comment: what fails with what, the environments, and a row for each tier of a scenario."""
    return "\n\n".join(block for block in _blocks(matrix) if block) + "\n"


def environment_state(matrix: Matrix, name: str) -> str:
    """What became of an environment, in a word."""
    if not matrix.failed(name):
        return "passed"
    return "failed, which it may" if name in matrix.may_fail else "failed"


def shown_cell(cell: Cell | None) -> ShownCell:
    """How a cell reads: the share of its tolerance, or how many values fail."""
    if cell is None:
        return ShownCell("none", "", None, "not compared")
    title = f"{text.count(cell.compared, 'value')} compared; the most: {cell.address}"
    used = text.used(cell.used)
    if cell.failed:
        return ShownCell("down", f"{cell.failed:,} fail" + (f", {used}" if used else ""), None, title)
    if cell.used is None:
        return ShownCell("pass", "equal", None, title)
    return ShownCell("pass", used, 100 * min(cell.used, 1.0), title)


def _rows(matrix: Matrix) -> Iterator[tuple[str, list[tuple[str, list[Cell | None]]]]]:
    """The tiers of each scenario, and in each tier a cell for each environment."""
    for scenario in matrix.scenarios:
        tiers = [(t, [matrix.cells.get((e.name, scenario, t)) for e in matrix.environments]) for t in matrix.tiers]
        yield scenario, [(tier, cells) for tier, cells in tiers if any(cells)]


def axis_levels(matrix: Matrix) -> list[tuple[str, list[str]]]:
    """Every axis with each environment's level; empty where it has none."""
    names = dict.fromkeys(axis for e in matrix.environments for axis in e.axes)
    return [(axis, [e.axes.get(axis, "") for e in matrix.environments]) for axis in names]


def _blocks(matrix: Matrix) -> Iterator[str]:
    yield f"## {PASSED_ICON if matrix.passed else FAILED_ICON} {prose(matrix.headline)}"
    yield "\n".join(f"- {prose(remark, 300)}" for remark in matrix.remarks)
    if matrix.findings:
        rows = [
            (prose(f.movement.sentence, 400), f"{f.values:,}", code(f.first), prose(text.used(f.used)))
            for f in matrix.findings[:SHOWN_FINDINGS]
        ]
        yield markdown_table(("moves with", "values", "first", "of its tolerance"), rows)
        if (rest := len(matrix.findings) - SHOWN_FINDINGS) > 0:
            yield f"… and {text.count(rest, 'more group')}, in matrix.json."
    if matrix.conditional:
        shown = [(code(c.rule), *(_judged_by(c, e.name) for e in matrix.environments)) for c in matrix.conditional]
        yield markdown_table(("rule that holds in some alone", *(code(e.name) for e in matrix.environments)), shown)
    yield markdown_table(
        ("environment", "", *(prose(axis) for axis, _ in axis_levels(matrix)), "time"), [*_environments(matrix)]
    )
    head = ("scenario", "tier", *(code(e.name) for e in matrix.environments))
    cells_of = [
        (code(scenario) if i == 0 else "", tier, *(_cell(shown_cell(cell)) for cell in cells))
        for scenario, tiers in _rows(matrix)
        for i, (tier, cells) in enumerate(tiers)
    ]
    yield markdown_table(head, cells_of)


def _judged_by(rule: ConditionalRule, name: str) -> str:
    return text.count(rule.values[name], "value") if name in rule.values else ""


def _environments(matrix: Matrix) -> Iterator[tuple[str, ...]]:
    levels = axis_levels(matrix)
    for i, e in enumerate(matrix.environments):
        yield code(e.name), _icon(matrix, e), *(prose(names[i]) for _, names in levels), text.seconds(e.seconds)


def _icon(matrix: Matrix, environment: Environment) -> str:
    failed, may = matrix.failed(environment.name), environment.name in matrix.may_fail
    icon = (NEUTRAL_ICON if may else FAILED_ICON) if failed else PASSED_ICON
    return f"{icon} {environment_state(matrix, environment.name)}"


def _cell(cell: ShownCell) -> str:
    return f"**{prose(cell.words)}**" if cell.kind == "down" else prose(cell.words)
