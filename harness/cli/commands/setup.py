"""The command ``harness init``: the files of a guarded pipeline, and after a first run its schemas and rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.console import print_json
from harness.cli.options import JsonOption
from harness.core.errors import ProjectError

if TYPE_CHECKING:
    from harness.setup.survey.proposal import Proposal


def init(
    module: Annotated[str, typer.Argument(help="The module or package of the pipeline, as it is imported.")] = "",
    adapter: Annotated[str, typer.Option(help="The adapter's module, which is written.")] = "guard",
    scenario: Annotated[str, typer.Option(help="The name of the first scenario.")] = "main",
    stages: Annotated[str, typer.Option(help="Only these functions, with commas (default: all that are found).")] = "",
    ci: Annotated[bool, typer.Option("--ci/--no-ci", help="Whether to write a job for GitHub.")] = True,
    draft: Annotated[
        bool, typer.Option("--draft", help="Run, and draft what is lacking: schemas and tolerances.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: JsonOption = False,
) -> None:
    """Start to guard a pipeline: write an adapter and what belongs to it; with --draft, schemas and tolerances."""
    if draft:
        if module:
            raise ProjectError(f"--draft takes no module: `harness init {module}` writes the files, --draft runs them")
        from harness.cli.commands.drafting import draft_all

        draft_all(force, json)
        return
    from harness.cli.tables.setup import show_planned
    from harness.setup.files.plan import Wanted, plan_files, write_planned
    from harness.setup.libraries import imported_libraries

    root = _root()
    asked = _is_asked(json) and not module
    module = module or _ask_module(root, asked)
    proposal = _chosen(root, module, stages, asked)
    if asked:
        scenario = typer.prompt("Name of the first scenario", scenario)
        ci = typer.confirm("Write a job for GitHub?", ci)
    planned = plan_files(root, proposal, Wanted(adapter, scenario, ci, force), imported_libraries(root, module))
    write_planned(planned)
    if json:
        files = {str(file.path.relative_to(root)): file.state for file in planned}
        found = [{"name": s.name, "needs": s.needs, "reads": s.reads, "notes": s.notes} for s in proposal.stages]
        print_json({"files": files, "stages": found, "lacking": proposal.lacking, "notes": proposal.notes})
    else:
        show_planned(root, proposal, planned, f"{adapter}.py")


def _root() -> Path:
    """The folder of the project: that of its table, or the top of the repository."""
    from harness.core.errors import NoProjectError
    from harness.core.project import find_project

    try:
        return find_project().root
    except NoProjectError as error:
        raise NoProjectError(f"{Path.cwd()} is in no git repository: run `git init` first") from error


def _is_asked(json: bool) -> bool:
    return not json and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _ask_module(root: Path, asked: bool) -> str:
    from harness.setup.survey.code import Library

    names = Library(root).names()
    if not asked:
        raise ProjectError(
            f"name the module of the pipeline: harness init MODULE ({', '.join(names) or 'none is here'})"
        )
    return str(typer.prompt(f"Module of the pipeline ({', '.join(names)})", names[0] if names else None))


def _chosen(root: Path, module: str, stages: str, asked: bool) -> Proposal:
    """The proposal, with all functions or those that are asked for."""
    from harness.setup.survey.proposing import propose

    found = [s.name for s in propose(root, module).stages]
    if asked:
        stages = typer.prompt("Functions that are stages", ",".join(found))
    return propose(root, module, tuple(name.strip() for name in stages.split(",") if name.strip()))
