"""The commands that study runs instead of verifying them: diagnose, set side by side, try two variants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.project import find_project
from harness.terminal import Json, Profile, say, watching

A = Annotated[list[str], typer.Option("--a", help="What variant A changes, e.g. train.epochs=3. Repeatable.")]
B = Annotated[list[str], typer.Option("--b", help="What variant B changes. Repeatable.")]
Both = Annotated[list[str], typer.Option("--set", help="What both change. Repeatable.")]


def analyze(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, folders of such folders, or single reports.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="An expert's report: causes, evidence, what next.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Also write every analysis into this folder, as JSON and Markdown.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what is wrong with finished runs, from their artifacts alone; exits 1 where anything is."""
    from harness import analysis, console

    answer = analysis.analyze(find_project(), runs)
    if out is not None:
        analysis.write(answer, out, "diagnosis")
    if json:
        say(answer)
    else:
        for run in answer["runs"]:
            console.diagnosis(run, explain)
    raise typer.Exit(0 if analysis.sound(answer) else 1)


def compare(
    a: Annotated[Path, typer.Argument(help="A run's folder.")],
    b: Annotated[Path, typer.Argument(help="Another's.")],
    out: Annotated[
        Path | None, typer.Option(help="Also write the comparison into this folder, figures side by side.")
    ] = None,
    json: Json = False,
) -> None:
    """Show two runs side by side: configuration, stages, metrics, figures."""
    from harness import analysis, console
    from harness.report import beside

    answer = analysis.contrast(find_project(), a, b)
    if out is not None:
        analysis.write(answer, out, "comparison")
        beside.write(answer, out / "comparison.html")
    if json:
        say(answer)
    else:
        console.contrast(answer)
        if out is not None:
            console.page(out / "comparison.html")


def matrix(
    folder: Annotated[
        Path | None, typer.Argument(help="Where ENVIRONMENT/report.json lie (default: .harness/matrix).")
    ] = None,
    expect: Annotated[list[str], typer.Option(help="An environment that must have left a report. Repeatable.")] = [],  # noqa: B006
    may_fail: Annotated[list[str], typer.Option(help="An environment that may fail, or be missing. Repeatable.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Folder of matrix.html, .md and .json (default: FOLDER).")] = None,
    json: Json = False,
) -> None:
    """Collect the reports of several environments, and say what their failures move with.

    Without FOLDER, they must be of the source and the goldens that are here now; with one, of the same as its newest.
    """
    from harness import console
    from harness import matrix as matrices
    from harness.report import across
    from harness.verify import subject

    project = find_project()
    mine = project.state / "matrix"  # reports from elsewhere need be of the same source as each other alone
    reports, of = matrices.read(folder or mine), "" if folder else subject(project)
    found = matrices.collect(reports, project.pipeline.axes, [*expect, *may_fail], may_fail, of)
    answer, out = matrices.to_json(found), out or folder or mine
    _leave(out / "matrix", answer, md=across.markdown(found), html=across.html(found))
    if json:
        say(answer)
    else:
        console.matrix(found)
        console.page(out / "matrix.html")
    raise typer.Exit(0 if found.passed else 1)


def ab(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    a: A = [],  # noqa: B006 (typer reads the default, nothing changes it)
    b: B = [],  # noqa: B006
    set_: Both = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(help="Pairs of runs, each pair with a seed of its own.")] = 5,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.95,
    profile: Profile = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder of ab.json and ab.md (default: .harness/ab/SCENARIO).")
    ] = None,
    json: Json = False,
) -> None:
    """Train two variants over the same seeds, and report their paired differences with intervals."""
    from harness import ab as trials
    from harness import console
    from harness.verify import open_cache

    project = find_project()
    with open_cache(project) as cache, watching(project, json) as progress:
        trial = trials.ab(project, cache, scenario, profile or project.profile, set_, a, b, seeds, confidence, progress)
    answer, folder = trials.to_json(trial), out or project.state / "ab" / scenario
    _leave(folder / "ab", answer, md=trials.markdown(trial))
    if json:
        say(answer)
    else:
        console.trial(trial)
        console.page(folder / "ab.md")


def _leave(path: Path, answer: Mapping[str, Any], **pages: str) -> None:
    """Write an answer as JSON, and its pages beside it, each by its suffix."""
    from harness import storage

    storage.write(path.with_name(f"{path.name}.json"), storage.dump_json(answer))
    for suffix, page in pages.items():
        storage.write(path.with_name(f"{path.name}.{suffix}"), page.encode())
