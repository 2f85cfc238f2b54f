"""What an analysis says: figures for machines, tables and sentences for people, and findings with a cause."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ptycho.output.artifacts import to_plain

Level = Literal["fault", "warning", "info"]
LEVELS: tuple[Level, ...] = ("fault", "warning", "info")
NONE = "n/a"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    ``weight`` says how much it explains: for a factor on the amplitudes ``|ln factor|``; findings of one
    level are told in its order. ``remedy`` is what to change or to run next.
    """

    cause: str
    level: Level
    statement: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    weight: float = 0.0


@dataclass(frozen=True)
class Table:
    """Rows of figures and words; None is a figure that the run does not hold."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Analysis:
    """One analysis of one run, or of several; its name is also its file's."""

    name: str
    title: str
    figures: dict[str, Any]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Faults first, then warnings, then what is merely good to know; in each the weightiest first."""
    return sorted(findings, key=lambda f: (LEVELS.index(f.level), -f.weight))


def printable(words: str) -> str:
    """``words`` on one line, without control characters and halves of pairs."""
    line = " ".join(words.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def document(value: Any) -> Any:
    """``value`` as strict JSON whose every word can be shown: strangers wrote the names in it."""
    return _printable(to_plain(value))


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def properties(title: str, rows: Sequence[tuple[str, Any]]) -> Table:
    """A table of names and values."""
    return Table(title, ("Property", "Value"), tuple(rows))


def shown(value: Any, digits: int = 6) -> str:
    """A figure as people read it."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if math.isfinite(value) else "NaN" if math.isnan(value) else f"{value:+}".upper()
    if isinstance(value, list | tuple):
        return ", ".join(shown(v, digits) for v in value)
    return " ".join(str(value).split())


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f} %"


def markdown(analysis: Analysis, level: int = 1) -> str:
    """An analysis as Markdown."""
    parts = [f"{'#' * level} {analysis.title}"]
    for table in analysis.tables:
        lines = [f"{'#' * (level + 1)} {table.title}", ""]
        lines.append("| " + " | ".join(table.columns) + " |")
        lines.append("| --- " + "| ---: " * (len(table.columns) - 1) + "|")
        lines += ["| " + " | ".join(shown(cell).replace("|", "\\|") for cell in row) + " |" for row in table.rows]
        parts.append("\n".join(lines))
    if analysis.notes:
        parts.append("\n".join(f"- {note}" for note in analysis.notes))
    return "\n\n".join(parts) + "\n"
