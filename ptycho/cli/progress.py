"""What a run shows while it goes on: a bar a running stage, and nothing of what libraries print."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def libraries_held_back() -> Iterator[None]:
    """Hold back what TensorFlow's C++ prints while it loads; show it after all if loading fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            file.seek(0)
            os.write(kept, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def stage_bars(console: Console) -> Iterator[Any]:
    """A progress bar on a terminal; one line a finished stage elsewhere."""
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def update(stage: str, done: int, total: int, note: str) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, note="")
            bars.update(tasks[stage], total=total, completed=done, note=note)
            if done == total == 1:
                bars.remove_task(tasks.pop(stage))
                bars.console.print(f"{stage:>10}  {note}", highlight=False)

        yield update
