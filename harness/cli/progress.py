"""What a command shows while it computes: progress on standard error, and what libraries print in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from rich.console import Console
from rich.text import Text

from harness.cli.console import spelled
from harness.cli.process.streams import FALLBACK, TolerantStream
from harness.core import text
from harness.core.errors import HarnessError
from harness.core.project import Project


@contextmanager
def watching(project: Project, quiet: bool) -> Iterator[Any]:
    """Show progress of the stages on standard error; what libraries print there goes to ``stages.log``.

    Libraries write to the file descriptor, below Python's own ``sys.stderr``.
    """
    log = open_log(project.state / "stages.log")
    sys.stderr.flush()
    with log, os.fdopen(os.dup(2), "w", buffering=1, errors=FALLBACK) as terminal:
        os.dup2(log.fileno(), 2)
        try:
            with stage_progress(Console(file=cast(TextIO, TolerantStream("progress", terminal))), quiet) as report:
                yield report
        finally:
            sys.stderr.flush()
            os.dup2(terminal.fileno(), 2)


def open_log(path: Path) -> BinaryIO:
    """The log at ``path``, empty; raises HarnessError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise HarnessError(
            f"cannot write {path} ({error.strerror or error}): the state of the harness needs a folder that can be "
            "written, so make it writable, or name another as `state` in [tool.harness]"
        ) from error


@contextmanager
def stage_progress(console: Console, quiet: bool) -> Iterator[Any]:
    """Show a bar for each running stage on a terminal, and elsewhere a line for each finished one."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    words, notes = (TextColumn(of, markup=False) for of in ("{task.description}", "{task.fields[note]}"))
    columns = (words, BarColumn(), notes, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[tuple[str, str, str], Any] = {}

        def report(scenario: str, track: str, stage: str, done: int, total: int, note: str) -> None:
            key = (scenario, track, stage)
            if key not in tasks:
                tasks[key] = bars.add_task(spelled(text.clipped(f"{scenario} {track} {stage}"), console), note="")
            bars.update(tasks[key], total=total, completed=done, note=spelled(text.clipped(note), console))
            if done == total == 1:
                bars.remove_task(tasks.pop(key))
                if not quiet:
                    place = f"{text.clipped(scenario):>16} {text.clipped(track):>8} {text.clipped(stage):<12}"
                    bars.console.print(Text(spelled(f"{place} {text.clipped(note)}", console)), soft_wrap=True)

        yield report
