"""What a command shows while it computes: progress on standard error; what stages print goes into a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.cli.console import error_console, spelled
from harness.core import text
from harness.core.files import check_writable
from harness.core.project import Project

_QUIET_S = 60.0  # without a terminal a stage that goes on for so long is mentioned, and after as long again


@contextmanager
def watching(project: Project, quiet: bool) -> Iterator[Any]:
    """Show progress of the stages on standard error."""
    check_writable(project.log)
    with stage_progress(error_console, quiet) as report:
        yield report


@contextmanager
def stage_progress(console: Console, quiet: bool) -> Iterator[Any]:
    """Show a bar for each running stage on a terminal, and elsewhere a line for each finished one."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    words, notes = (TextColumn(of, markup=False) for of in ("{task.description}", "{task.fields[note]}"))
    columns = (words, BarColumn(), notes, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[tuple[str, str, str], Any] = {}
        mentioned: dict[tuple[str, str, str], float] = {}

        def report(scenario: str, track: str, stage: str, done: int, total: int, note: str) -> None:
            key = (scenario, track, stage)
            if key not in tasks:
                tasks[key] = bars.add_task(spelled(text.clipped(f"{scenario} {track} {stage}"), console), note="")
                mentioned[key] = time.monotonic()
            bars.update(tasks[key], total=total, completed=done, note=spelled(text.clipped(note), console))
            ended = done == total == 1
            late = not console.is_terminal and time.monotonic() - mentioned[key] > _QUIET_S
            if (ended or late) and not quiet:
                mentioned[key] = time.monotonic()
                place = f"{text.clipped(scenario):>16} {text.clipped(track):>8} {text.clipped(stage):<12}"
                words = f"{place} {text.clipped(note) or 'still running'}"
                bars.console.print(Text(spelled(words, console)), soft_wrap=True)
            if ended:
                bars.remove_task(tasks.pop(key))

        yield report
