"""What ``harness history`` prints: a table for each value, with a line through its steps."""

from __future__ import annotations

from collections.abc import Sequence

from harness.cli.console import Styled, Words, show_line, show_table
from harness.core import text
from harness.study.history.drift import per_cent
from harness.study.history.steps import Approved, ValueHistory

_BARS = "▁▂▃▄▅▆▇█"
_COMMIT, _DAY, _REASON = 10, 10, 80  # characters that are shown of a commit, a time and a reason


def show_histories(found: Sequence[ValueHistory]) -> None:
    """Print every value's steps, the oldest first, and how far they lead together."""
    for history in found:
        rows = [_row(step) for step in history.steps]
        columns = ("approval", "when", "commit", "value", "step", "since the first", "rule of the time", "reason")
        show_table(columns, rows, history.address)
        drift = f"{per_cent(history.drift)} since the first golden" if history.drift is not None else ""
        line = sparkline(history.numbers())
        if line or drift:
            show_line("  ".join(filter(None, (line, drift))))
        if history.unread:
            show_line(f"{text.count(len(history.unread), 'step')} cannot be read any more, as the table says")


def _row(step: Approved) -> tuple[Words, ...]:
    about = step.approval
    change, drift = (per_cent(v) if v is not None else "" for v in (step.change, step.drift))
    shown: Words = text.value(step.shown, 8) if step.shown is not None else step.disposition
    if step.not_finite:
        shown = f"{shown} ({step.not_finite:,} not finite)"
    if step.problem:
        shown = Styled(f"cannot be read: {step.problem}", "yellow")
    rule, reason = step.tolerance.partition(" = {")[2], text.clipped(about.reason, _REASON)
    terms = f"{{{rule}" if rule else step.tolerance
    return about.id, about.when[:_DAY], about.commit[:_COMMIT], shown, change, drift, terms, reason


def sparkline(numbers: Sequence[float]) -> str:
    """Numbers as a line of bars, the lowest and the highest as low and high as bars are; empty for fewer than two."""
    finite = [n for n in numbers if abs(n) < float("inf")]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((n - low) * scale)] if abs(n) < float("inf") else " " for n in numbers)
