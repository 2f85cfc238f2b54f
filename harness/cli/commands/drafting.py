"""The command ``harness init --draft``: run everything, write schemas and tolerances, and say what a person has to."""

from __future__ import annotations

import typer

from harness.cli.console import Styled, complain, print_json, show_line, show_table
from harness.cli.progress import watching
from harness.core.errors import ProjectError
from harness.host.project import open_project


def draft_all(force: bool, json: bool) -> None:
    """Draft what is lacking; exits with 1 where a stage fails, or some value gets no rule."""
    from harness.setup.drafts import draft_files

    project = open_project()
    if not project.adapter:
        raise ProjectError(f"{project.lacks_adapter}: `harness init MODULE` writes one")
    with watching(project, json) as progress:
        drafts = draft_files(project, progress, force)
    if json:
        lacking = {rule.pattern: rule.remark for rule in drafts.lacking}
        print_json({"files": drafts.files, "problems": drafts.problems, "without_a_rule": lacking})
    else:
        if drafts.files:
            show_table(("file", ""), [*drafts.files.items()])
        for problem in drafts.problems:
            show_line(Styled("problem: ", "red"), problem)
        for rule in drafts.lacking:
            show_line(Styled("no rule: ", "yellow"), f"{rule.pattern}: {rule.remark}")
        if not drafts.problems and not drafts.lacking:
            show_line(
                'Read them, then accept them: harness accept tolerances.toml schemas/*.json --bulk --reason "..."'
            )
    if json and drafts.problems:
        complain(drafts.problems[0])
    raise typer.Exit(1 if drafts.problems or drafts.lacking else 0)
