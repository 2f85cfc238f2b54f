"""The options and arguments that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.console import remark
from harness.host.cluster.engine import Engine
from harness.host.project import HostedProject, open_project


def folder(words: str) -> Path:
    """A folder that can be written to, there or not; refused before anything is computed where it cannot be."""
    if not words or not words.isprintable():
        raise typer.BadParameter(f"{words!a} is no folder: name one")
    path = Path(words).absolute()
    there = next(place for place in (path, *path.parents) if place.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{there} is a file: name a folder")
    if not os.access(there, os.W_OK):
        raise typer.BadParameter(f"{there} cannot be written: name another folder")
    return Path(words)


def out_option(what: str, name: str = "--out") -> Any:
    """The option ``--out``, or another that names a folder to write to."""
    return typer.Option(name, parser=folder, metavar="FOLDER", help=what)


JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on standard output.")]
ProfileOption = Annotated[str, typer.Option(help="The scenarios' profile (default: that of pyproject.toml).")]
ScenariosArgument = Annotated[list[str] | None, typer.Argument(help="Scenarios (default: all).")]
IdsArgument = Annotated[list[str], typer.Argument(help="Ids of `harness pending`, such as my_scenario/cpu/energy.")]
SetOption = Annotated[
    list[str], typer.Option("--set", help="Change one setting, e.g. --set train.epochs=3. Repeatable.")
]
ReasonOption = Annotated[str, typer.Option(help="Why, for whoever reads the log.")]
IssueOption = Annotated[str, typer.Option(help="A link or number of the issue that this belongs to.")]
KeyOption = Annotated[Path | None, typer.Option(help="An SSH private key to sign the approval with.")]
BulkOption = Annotated[bool, typer.Option("--bulk", help="Allow more than five ids.")]
KeepOption = Annotated[
    Path | None, out_option("Leave the candidates in this empty folder, for `harness import`; in CI, too.", "--keep")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes that compute side by side (default: the project's, or 1).")
]
ExecutorOption = Annotated[str, typer.Option(help="Who computes: processes of this machine, or dask.")]
SchedulerOption = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Dask's scheduler, e.g. tcp://host:8786 (default: one of this machine).")
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first part of a scenario that fails: what follows is left out.")
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew.")]
TracebackOption = Annotated[bool, typer.Option("--traceback", help="Print the whole tracebacks of what was raised.")]


def chosen_engine(workers: int | None, executor: str, scheduler: str) -> tuple[Engine, HostedProject]:
    """Who computes, by the options of a command, and for which project; ProjectError for what does not go together."""
    project = open_project()
    own = 1 if scheduler else project.workers
    return Engine(own if workers is None else workers, executor, scheduler, tell=remark), project
