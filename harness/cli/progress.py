"""What a command shows while it computes: progress on standard error; what stages print goes into a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from harness.cli.console import error_console
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

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[tuple[str, str, str], Any] = {}
        mentioned: dict[tuple[str, str, str], float] = {}

        def report(scenario: str, track: str, stage: str, done: int, total: int, note: str) -> None:
            key = (scenario, track, stage)
            if key not in tasks:
                tasks[key] = bars.add_task(f"{scenario} {track} {stage}", note="")
                mentioned[key] = time.monotonic()
            bars.update(tasks[key], total=total, completed=done, note=note)
            if not console.is_terminal and not quiet and time.monotonic() - mentioned[key] > _QUIET_S:
                mentioned[key] = time.monotonic()
                bars.console.print(f"{scenario:>16} {track:>8} {stage:<12} {note or 'running'}", highlight=False)
            if done == total == 1:
                bars.remove_task(tasks.pop(key))
                if not quiet:
                    bars.console.print(f"{scenario:>16} {track:>8} {stage:<12} {note}", highlight=False)

        yield report
