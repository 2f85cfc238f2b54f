"""The command ``harness init --draft``: run everything, write schemas and tolerances, and say what a person has to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from harness.cli.console import Styled, complain, print_json, show_line, show_table
from harness.cli.progress import watching
from harness.core.errors import ProjectError
from harness.host.project import open_project

if TYPE_CHECKING:
    from harness.setup.drafts import Drafts

_RANGE = 'give it a range, { min = ..., max = ... }, or say why not to compare it, { ignore = "..." }'


def draft_all(force: bool, json: bool) -> None:
    """Draft what is lacking; exits with 1 where a stage fails, a value gets no rule, or a kept file does not fit."""
    from harness.setup.drafts import draft_files

    project = open_project()
    if not project.adapter:
        raise ProjectError(f"{project.lacks_adapter}: `harness init MODULE` writes one")
    with watching(project, json) as progress:
        drafts = draft_files(project, progress, force)
    if json:
        lacking = {rule.pattern: rule.remark for rule in drafts.lacking}
        fragile = {rule.pattern: rule.remark for rule in drafts.fragile}
        told = {"fragile": fragile, "problems": drafts.problems, "misfits": drafts.misfits, "without_a_rule": lacking}
        print_json({"files": drafts.files, **told})
    else:
        if drafts.files:
            show_table(("file", ""), [*drafts.files.items()])
        for problem in drafts.problems:
            show_line(Styled("problem: ", "red"), problem)
        for rule in drafts.lacking:
            show_line(Styled("no rule: ", "yellow"), f"{rule.pattern}: {rule.remark}")
        for rule in drafts.fragile:
            show_line(Styled("warning: ", "yellow"), f"{rule.pattern} = {{ {rule.terms} }}: {rule.remark}: {_RANGE}")
        for misfit in drafts.misfits:
            show_line(Styled("does not fit: ", "yellow"), misfit)
        _show_next(drafts)
    if json and drafts.problems:
        complain(drafts.problems[0])
    raise typer.Exit(1 if drafts.problems or drafts.lacking or drafts.misfits else 0)


def _show_next(drafts: Drafts) -> None:
    """Say what to do now."""
    if drafts.lacking:
        show_line(
            "Give a stage that is not reproducible a seed, make an unstable step stable, or write a rule yourself, "
            "such as { rtol = 0.02 } if 2 % is what you want."
        )
    if drafts.misfits:
        show_line("Mend these files, or let `harness init --draft --force` draft all of them anew.")
    if drafts.problems or drafts.lacking or drafts.misfits:
        return
    to_accept = [path for path, state in drafts.files.items() if state in ("new", "replaced")]
    if not to_accept:
        show_line("All of it was there, and it fits what the stages give: nothing was drafted.")
        return
    if len(to_accept) == len(drafts.files):
        to_accept = ["tolerances.toml", "schemas/*.json"]
    names = " ".join("tolerances.toml" if path.endswith("tolerances.toml") else path for path in to_accept)
    show_line(f'Read them, then accept them: harness accept {names} --bulk --reason "..."')
