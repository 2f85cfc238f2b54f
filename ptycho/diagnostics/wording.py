"""Figures and strangers' words as people can read them: on one line, printable, in strict JSON or in Markdown."""

from __future__ import annotations

import math
from typing import Any

from ptycho.diagnostics.findings import Analysis
from ptycho.output.artifacts import to_plain


def printable(words: str) -> str:
    """``words`` on one line, without control characters and halves of pairs."""
    line = " ".join(words.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def printable_json(value: Any) -> Any:
    """``value`` as strict JSON whose every word can be shown: strangers wrote the names in it."""
    return _all_printable(to_plain(value))


def _all_printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(key): _all_printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_all_printable(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def figure_words(value: Any, digits: int = 6) -> str:
    """A figure as people read it; "n/a" for one that is not there."""
    if value is None:
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if math.isfinite(value) else "NaN" if math.isnan(value) else f"{value:+}".upper()
    if isinstance(value, list | tuple):
        return ", ".join(figure_words(v, digits) for v in value)
    return " ".join(str(value).split())


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f} %"


def analysis_markdown(analysis: Analysis, level: int = 1) -> str:
    """An analysis as Markdown."""
    parts = [f"{'#' * level} {analysis.title}"]
    for table in analysis.tables:
        lines = [f"{'#' * (level + 1)} {table.title}", ""]
        lines.append("| " + " | ".join(table.columns) + " |")
        lines.append("| --- " + "| ---: " * (len(table.columns) - 1) + "|")
        rows = ([figure_words(cell).replace("|", "\\|") for cell in row] for row in table.rows)
        lines += ["| " + " | ".join(cells) + " |" for cells in rows]
        parts.append("\n".join(lines))
    if analysis.notes:
        parts.append("\n".join(f"- {note}" for note in analysis.notes))
    return "\n\n".join(parts) + "\n"
