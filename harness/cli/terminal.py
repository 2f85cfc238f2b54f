"""What every command shares: its common options, one sentence for an error, progress, and JSON on demand."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from harness.core.project import Project

error_console = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on standard output.")]
ProfileOption = Annotated[str, typer.Option(help="The scenarios' profile (default: that of pyproject.toml).")]


def complain(message: str) -> None:
    """One sentence on standard error, its own brackets kept."""
    error_console.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """A JSON value on standard output."""
    from harness.core.files import dump_json

    sys.stdout.buffer.write(dump_json(value))
    sys.stdout.flush()


@contextmanager
def watching(project: Project, quiet: bool) -> Iterator[Any]:
    """Progress of the stages on standard error; what libraries print there goes to ``stages.log``.

    They write to the file descriptor, below Python's own ``sys.stderr``.
    """
    from harness.cli.console import stage_progress

    project.state.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", buffering=1) as terminal, (project.state / "stages.log").open("wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            with stage_progress(Console(file=terminal), quiet) as report:
                yield report
        finally:
            sys.stderr.flush()
            os.dup2(terminal.fileno(), 2)
