"""The command that looks back: what became of values over all approvals."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.console import complain, print_json
from harness.cli.options import JsonOption
from harness.host.project import open_project

_Addresses = Annotated[
    list[str],
    typer.Argument(help="A golden's id and a value in it, such as my_scenario/cpu/energy/total; * and ** as in rules."),
]


def history(addresses: _Addresses, json: JsonOption = False) -> None:
    """Show values over all approvals: each step, by which rule, and how far they lead from the first golden."""
    from harness.cli.tables.history import show_histories
    from harness.store.approval_check import chain_problems
    from harness.store.goldens import Goldens
    from harness.study.history.lookup import histories_to_json, look_up

    project = open_project()
    Goldens.of(project).manifest()  # what cannot be read at all is an error of the input, as for every command
    found = look_up(project, addresses)
    print_json(histories_to_json(project, found)) if json else show_histories(found)
    problems = chain_problems(project)
    for problem in problems:
        complain(problem)
    raise typer.Exit(1 if problems else 0)
