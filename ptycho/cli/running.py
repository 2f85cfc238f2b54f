"""Running a scenario for the command line: bars, tables, exit status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from ptycho.cli.app import console
from ptycho.cli.progress import libraries_held_back, stage_bars
from ptycho.cli.tables import show_run


def run_and_show(scenario: Any, out: Path, forced: bool = False) -> None:
    """Run a scenario, show its tables, and leave with status 0 where all invariants hold, else 1."""
    with libraries_held_back():
        from ptycho.pipeline.execution import run

    console.print(f"[bold]{scenario.name}[/bold] ({scenario.profile}): {scenario.title}", highlight=False)
    with stage_bars(console) as progress:
        finished = run(scenario, out, progress, forced=forced) if forced else run(scenario, out, progress)
    show_run(console, finished)
    raise typer.Exit(0 if finished.passed else 1)
