"""What an analysis says: figures for machines, tables and sentences for people, and findings with a cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Level = Literal["fault", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """A fault, or something worth knowing.

    ``weight`` says how much it explains: for a factor on the amplitudes ``|ln factor|``; findings of one
    level are listed by it. ``remedy`` is what to change or to run next.
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
    levels = get_args(Level)
    return sorted(findings, key=lambda f: (levels.index(f.level), -f.weight))


def properties(title: str, rows: Sequence[tuple[str, Any]]) -> Table:
    """A table of names and values."""
    return Table(title, ("Property", "Value"), tuple(rows))


def filled(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Those of ``tables`` that have rows."""
    return tuple(table for table in tables if table.rows)
