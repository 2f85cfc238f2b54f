"""The commands about what is too large for git: push, pull and gc."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from harness.cli.console import print_json, remark, show_line
from harness.cli.options import JsonOption
from harness.core import text
from harness.core.project import find_project


def push(
    again: Annotated[bool, typer.Option("--again", help="Whatever the remote has, put there what is here.")] = False,
    json: JsonOption = False,
) -> None:
    """Put large goldens into the remote, by their digest, so that others can pull them."""
    from harness.store.large.transfer import push_large

    done = push_large(find_project(), again, None if json else show_line)
    if json:
        print_json(dataclasses.asdict(done))
    else:
        show_line(f"pushed {text.count(len(done.moved), 'file')}, {text.size(done.size)}; {done.there} were there")


def pull(
    all_: Annotated[bool, typer.Option("--all", help="Also those of earlier commits, for `harness history`.")] = False,
    json: JsonOption = False,
) -> None:
    """Get large goldens from the remote; what is not as it was accepted is refused."""
    from harness.store.large.transfer import pull_large

    done = pull_large(find_project(), all_, None if json else show_line)
    if json:
        print_json(dataclasses.asdict(done))
    else:
        show_line(f"pulled {text.count(len(done.moved), 'file')}, {text.size(done.size)}; {done.there} were here")


def gc(
    remote: Annotated[
        bool, typer.Option("--remote", help="Also in the remote what no commit of any branch here names.")
    ] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Also in the shared cache what was written long ago.")] = False,
    days: Annotated[
        float | None, typer.Option(min=0, help="What is younger stays in the remote and in the cache (default: 30).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove large goldens that no commit here needs, and that the remote has; elsewhere only where it is said."""
    from harness.core.errors import ProjectError
    from harness.store.large.collecting import collect_cache, collect_here, collect_remote

    project = find_project()
    if days is not None and not (remote or cache):
        raise ProjectError("--days is of what --remote and --cache remove: give one of these, or leave it out")
    days = 30.0 if days is None else days
    if cache and not project.cache:
        raise ProjectError(f"{project.root / 'pyproject.toml'}: [tool.harness] names no cache that is shared")
    done = {"here": collect_here(project, dry_run)}
    if remote:
        done["remote"] = collect_remote(project, days, dry_run)
    if cache:
        done["cache"] = collect_cache(project, days, dry_run)
    if json:
        print_json({where: dataclasses.asdict(found) for where, found in done.items()})
        return
    for digest in done["here"].damaged:
        remark(f"{digest[:12]} is damaged in {project.remote}, and kept here: run `harness push --again`")
    for where, found in done.items():
        what = text.count(len(found.removed), "file")
        said = "would be removed" if dry_run else "removed"
        show_line(f"{where}: {what} {said}, {text.size(found.size)}; {found.kept} kept")
