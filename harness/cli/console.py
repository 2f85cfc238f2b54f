"""Standard output and standard error: lines of prose, errors, pages and JSON. Tables lie in files of their own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.core.files import dump_json

FILE_WIDTH = 140  # columns of tables in a file or a log
PASSED, FAILED = "[green]pass[/green]", "[red]FAIL[/red]"

out = Console()
if not out.is_terminal:
    out.width = FILE_WIDTH
error_console = Console(stderr=True)


def show_line(words: str) -> None:
    """Print one line of prose, its own brackets kept."""
    show_markup(escape(words))


def show_markup(line: str) -> None:
    """Print one line whose brackets are the terminal's colours."""
    out.print(line, highlight=False, soft_wrap=True)


def show_page(path: Path) -> None:
    """Say where a page lies."""
    show_line(f"report: {path}")


def show_notes(notes: Sequence[str], quiet: bool) -> None:
    """Print what a reader should know and nothing depends on; ``quiet``: on standard error, as JSON takes the other."""
    for note in notes:
        (error_console if quiet else out).print(f"note: {escape(note)}", highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """Print one sentence on standard error, its own brackets kept."""
    error_console.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a JSON value on standard output."""
    sys.stdout.buffer.write(dump_json(value))
    sys.stdout.flush()
