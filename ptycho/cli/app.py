"""The application of the ``ptycho`` command, its consoles, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="""The ``ptycho`` command: run pipelines on scenarios and on your own data.

Exit status: 0 all invariants hold, 1 one does not (or training diverged), 2 usage or input error.
""",
)
console = Console()
errors = Console(stderr=True)

Out = Annotated[Path, typer.Option("--out", help="Folder for the artifacts.")]
Profile = Annotated[str, typer.Option(help="smoke (seconds), cpu (minutes) or full (the original sizes, for a GPU).")]
Set = Annotated[list[str], typer.Option("--set", help="Change one setting, e.g. --set train.epochs=3. Repeatable.")]
