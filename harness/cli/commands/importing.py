"""The command that takes in candidates that another machine computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import print_json, show_line
from harness.cli.options import JsonOption
from harness.core import text
from harness.host.project import open_project

_Folder = Annotated[Path, typer.Argument(help="What `harness verify --keep FOLDER` left there, such as CI's artifact.")]


def import_command(folder: _Folder, json: JsonOption = False) -> None:
    """Take in candidates that CI computed, of the commit that is checked out; accepting them runs afresh here."""
    from harness.verify.parcels.opening import open_parcel

    contents, ids = open_parcel(open_project(), folder)
    if json:
        print_json({"ids": ids, "commit": contents.commit, "environment": dict(contents.environment)})
        return
    where = ", ".join(
        f"{name} {contents.environment[name]}"
        for name in ("system", "machine", "python")
        if name in contents.environment
    )
    show_line(f"{text.count(len(ids), 'candidate')} of {contents.commit[:12]} ({where}): {', '.join(ids) or 'nothing'}")
    if ids:
        show_line("see `harness diff`, `harness review`; `harness accept` runs them once more here")
