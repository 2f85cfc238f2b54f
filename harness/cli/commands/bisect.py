"""The command that looks for the commit that made a verdict fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.console import print_json, remark, show_line, show_notes
from harness.cli.options import JsonOption, ProfileOption, ScenariosArgument, WorkersOption
from harness.host.project import open_project

if TYPE_CHECKING:
    from harness.study.bisection.search import CommitVerdict


def bisect(
    good: Annotated[str, typer.Argument(help="A commit at which everything is as accepted, with the goldens for all.")],
    bad: Annotated[str, typer.Argument(help="A later commit at which something is not.")],
    scenarios: ScenariosArgument = None,
    profile: ProfileOption = "",
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether to train, and to judge what training decides.")
    ] = True,
    address: Annotated[
        list[str], typer.Option(help="Let only these values count, as in `harness history`. Repeatable.")
    ] = [],  # noqa: B006 (typer reads the default, nothing changes it)
    stage: Annotated[list[str], typer.Option(help="Let only these stages count. Repeatable.")] = [],  # noqa: B006
    own_goldens: Annotated[
        bool, typer.Option("--own-goldens", help="Compare each commit with its own goldens, not with those of GOOD.")
    ] = False,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Find the first bad commit between two, and the stage in which it shows first; exits 1 where several may be it."""
    from harness.cli.tables.bisect import finding_line, show_bisection
    from harness.study.bisection.culprit import ask, find_culprit
    from harness.study.bisection.document import bisection_to_json
    from harness.verify.suite import open_cache

    project = open_project()
    tell = remark if json else show_line

    def told(finding: CommitVerdict, left: int) -> None:
        tell(finding_line(finding, left))

    with open_cache(project):  # which is cleaned at the end
        question = ask(
            project,
            good,
            own_goldens=own_goldens,
            names=scenarios or (),
            profile=profile,
            training=training,
            addresses=address,
            stages=stage,
        )
        bisection = find_culprit(project, question, good, bad, workers or project.workers, told)
    print_json(bisection_to_json(bisection)) if json else show_bisection(bisection)
    show_notes(bisection.notes, json)
    raise typer.Exit(0 if bisection.found else 1)
