"""The commands that take in what came about elsewhere: candidates of CI, and what other tools kept of tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.console import Styled, print_json, show_line
from harness.cli.options import JsonOption
from harness.core import text
from harness.host.project import open_project

if TYPE_CHECKING:
    from harness.verify.migration.taking_over import Takeover

_Folder = Annotated[Path, typer.Argument(help="What `harness verify --keep FOLDER` left there, such as CI's artifact.")]
_WORDS = {
    "candidate": Styled("kept as candidate", "green"),
    "golden": Styled("left alone", "dim"),
    "differs": Styled("DIFFERS", "red"),
    "refused": Styled("refused", "red"),
    "waiting": Styled("waits", "yellow"),
    "other": Styled("passed over", "dim"),
}


def import_goldens(
    places: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of pytest-regressions and syrupy (default: all).")
    ] = None,
    test: Annotated[str, typer.Option(help="The id of the test that one file is of, if its name does not tell.")] = "",
    json: JsonOption = False,
) -> None:
    """Take over what pytest-regressions or syrupy kept of tests that are rewritten to check, as candidates."""
    from harness.verify.migration.taking_over import take_over

    missing = [place for place in places or [] if not place.exists()]
    if missing:
        raise typer.BadParameter(f"{missing[0]} does not exist", param_hint="PLACES")
    taken = take_over(open_project(), [place.resolve() for place in places or []], test)
    print_json([dataclasses.asdict(each) for each in taken]) if json else _show(taken)
    raise typer.Exit(0 if all(each.outcome in ("candidate", "golden", "other") for each in taken) else 1)


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


def _show(taken: list[Takeover]) -> None:
    """Print a line for each test, and what comes next."""
    for each in taken:
        about = f": {each.message}" if each.message else ""
        whose = f"{each.identity} ← " if each.identity else ""
        show_line(_WORDS[each.outcome], f"  {whose}{', '.join(each.files)}{about}")
    kept = [each.identity for each in taken if each.outcome == "candidate"]
    if kept:
        ids = kept[0] if len(kept) == 1 else "$(harness pending --ids)"
        show_line(
            f'{text.count(len(kept), "candidate")}: `harness accept {ids} --reason "..."`, then remove the old files'
        )
