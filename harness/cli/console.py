"""What the commands print: lines of prose, tables, errors, pages and JSON. Nothing else prints.

Words are shown as they are, never as markup, with whatever a terminal or a log would obey taken out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.cli.process.streams import FALLBACK
from harness.core import text
from harness.core.files import json_to_print
from harness.report.summary import page_line

FILE_WIDTH = 140  # columns of tables in a file or a log
_NARROWEST = 40  # columns that a table needs to be read


@dataclass(frozen=True)
class Styled:
    """Words in a colour or weight."""

    words: str
    style: str


Words: TypeAlias = str | Styled
"""Words of a line or a table, whoever wrote them."""

PASSED, FAILED = Styled("pass", "green"), Styled("FAIL", "red")
out = Console()
if not out.is_terminal:
    out.width = FILE_WIDTH
error_console = Console(stderr=True)


def show_line(*parts: Words) -> None:
    """Print one line of prose; a part keeps the blanks before it, and one after it."""
    _print_line(out, *parts)


def complain(message: str) -> None:
    """Print one sentence on standard error."""
    _print_line(error_console, Styled("error: ", "red"), message)


def remark(words: str) -> None:
    """Print other words than errors, of one line or many, on standard error."""
    many = text.clean_lines(words)
    for each in many:
        _print_line(error_console, *([Styled("  | ", "dim")] if len(many) > 1 else []), each)


def _print_line(console: Console, *parts: Words) -> None:
    """Print one line on a console."""
    console.print(Text.assemble(*(_shown(part, console) for part in parts)), highlight=False, soft_wrap=True)


def show_text(words: str) -> None:
    """Print a text of many lines, such as a traceback, beside a rule."""
    for each in text.clean_lines(words):
        show_line(Styled("  | ", "dim"), each)


def show_table(columns: Sequence[Words], rows: Iterable[Sequence[Words]], title: str = "") -> None:
    """Print a table; no word of it is lost, however narrow the terminal is."""
    heads = (Column(_shown(name, out), overflow="fold") for name in columns)
    table = Table(*heads, title=_shown(title, out) if title else None)
    for row in rows:
        table.add_row(*(_shown(cell, out) for cell in row))
    out.print(table)


def show_rule(words: str) -> None:
    """Print a heading."""
    out.rule(_shown(Styled(words, "bold"), out), align="left", style="dim")


def show_markdown(blocks: Iterable[str]) -> None:
    """Print Markdown as a terminal shows it."""
    from rich.markdown import Markdown

    body = "\n\n".join("\n".join(text.clean_lines(block)) for block in blocks)
    out.print(Markdown(spelled(body, out), hyperlinks=False))


def show_ids(ids: Iterable[str]) -> None:
    """Print ids for a shell, one a line."""
    print("\n".join(text.line(identity) for identity in ids))


def show_page(path: Path) -> None:
    """Say where a page lies."""
    show_line(page_line(path))


def show_notes(notes: Sequence[str], quiet: bool) -> None:
    """Print what a reader should know and nothing depends on; ``quiet``: on standard error, as JSON takes the other."""
    for note in notes:
        _print_line(error_console if quiet else out, "note: ", note)


def show_commands(lines: Iterable[str], quiet: bool) -> None:
    """Print whole lines that a CI run obeys, whose words are escaped; ``quiet``: on standard error."""
    for each in lines:
        console = error_console if quiet else out
        console.file.write(f"{spelled(each, console)}\n")
        console.file.flush()


def print_json(value: Any, sort: bool = True) -> None:
    """Print a JSON value on standard output: in UTF-8, or in ASCII where something else is read there."""
    plain = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    sys.stdout.buffer.write(json_to_print(value, sort, plain))
    sys.stdout.flush()


def print_json_line(value: Any) -> None:
    """Print a JSON value on one line of standard output, at once: one of many."""
    sys.stdout.buffer.write(f"{json.dumps(value, allow_nan=False)}\n".encode("ascii"))
    sys.stdout.flush()


def _shown(part: Words, console: Console) -> Text:
    """Words as a console can show them."""
    words, style = (part.words, part.style) if isinstance(part, Styled) else (part, "")
    whole = f"{text.indent(words)}{text.clipped(words, text.LONGEST_MESSAGE)}{' ' * words[-1:].isspace()}"
    return Text(spelled(whole, console), style)


def spelled(words: str, console: Console) -> str:
    """``words`` with nothing that the console's encoding lacks, so that columns stay in line."""
    return words.encode(console.encoding, FALLBACK).decode(console.encoding)
