"""What a command shows while it computes: progress on standard error, and what libraries print in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from harness.core.files import check_writable
from harness.core.project import Project


@contextmanager
def watching(project: Project, quiet: bool) -> Iterator[Any]:
    """Show progress of the stages on standard error; what libraries print there goes to ``stages.log``.

    Libraries write to the file descriptor, below Python's own ``sys.stderr``.
    """
    check_writable(project.state / "stages.log")
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", buffering=1) as terminal, (project.state / "stages.log").open("wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            with stage_progress(Console(file=terminal), quiet) as report:
                yield report
        finally:
            sys.stderr.flush()
            os.dup2(terminal.fileno(), 2)


@contextmanager
def stage_progress(console: Console, quiet: bool) -> Iterator[Any]:
    """Show a bar for each running stage on a terminal, and elsewhere a line for each finished one."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[tuple[str, str, str], Any] = {}

        def report(scenario: str, track: str, stage: str, done: int, total: int, note: str) -> None:
            key = (scenario, track, stage)
            if key not in tasks:
                tasks[key] = bars.add_task(f"{scenario} {track} {stage}", note="")
            bars.update(tasks[key], total=total, completed=done, note=note)
            if done == total == 1:
                bars.remove_task(tasks.pop(key))
                if not quiet:
                    bars.console.print(f"{scenario:>16} {track:>8} {stage:<12} {note}", highlight=False)

        yield report
