"""The commands that look beyond pass and fail: diagnose runs, compare two, try two variants, collect a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.console import print_json, show_page
from harness.cli.options import (
    ExecutorOption,
    JsonOption,
    ProfileOption,
    ScenariosArgument,
    SchedulerOption,
    WorkersOption,
    chosen_engine,
    out_option,
)
from harness.cli.progress import watching
from harness.core.files import dump_json, write_file
from harness.host.project import open_project

_VariantA = Annotated[list[str], typer.Option("--a", help="What variant A changes, e.g. train.epochs=3. Repeatable.")]
_VariantB = Annotated[list[str], typer.Option("--b", help="What variant B changes. Repeatable.")]
_BothVariants = Annotated[list[str], typer.Option("--set", help="What both change. Repeatable.")]


def analyze(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, folders of such folders, or single reports.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="An expert's report: causes, evidence, what next.")
    ] = False,
    out: Annotated[Path | None, out_option("Also write every analysis into this folder, as JSON and Markdown.")] = None,
    json: JsonOption = False,
) -> None:
    """Say what is wrong with finished runs, from their artifacts alone; exits 1 where anything is."""
    from harness.cli.tables.study import show_diagnosis
    from harness.study.analysis import diagnose_runs, is_sound, write_analysis

    answer = diagnose_runs(open_project(), runs)
    if out is not None:
        write_analysis(answer, out, "diagnosis")
    if json:
        print_json(answer)
    else:
        for run in answer["runs"]:
            show_diagnosis(run, explain)
    raise typer.Exit(0 if is_sound(answer) else 1)


def compare(
    a: Annotated[Path, typer.Argument(help="A run's folder.")],
    b: Annotated[Path, typer.Argument(help="Another's.")],
    out: Annotated[Path | None, out_option("Also write the comparison into this folder, figures side by side.")] = None,
    json: JsonOption = False,
) -> None:
    """Show two runs side by side: configuration, stages, metrics, figures."""
    from harness.cli.tables.study import show_contrast
    from harness.study.analysis import contrast_runs, write_analysis
    from harness.study.comparison_page import write_comparison_page

    answer = contrast_runs(open_project(), a, b)
    if out is not None:
        write_analysis(answer, out, "comparison")
        write_comparison_page(answer, out / "comparison.html")
    if json:
        print_json(answer)
    else:
        show_contrast(answer)
        if out is not None:
            show_page(out / "comparison.html")


def matrix(
    folder: Annotated[
        Path | None, typer.Argument(help="Where ENVIRONMENT/report.json lie (default: .harness/matrix).")
    ] = None,
    expect: Annotated[list[str], typer.Option(help="An environment that must have left a report. Repeatable.")] = [],  # noqa: B006
    may_fail: Annotated[list[str], typer.Option(help="An environment that may fail, or be missing. Repeatable.")] = [],  # noqa: B006
    out: Annotated[Path | None, out_option("Folder of matrix.html, .md and .json (default: FOLDER).")] = None,
    json: JsonOption = False,
) -> None:
    """Collect the reports of several environments, and say what their failures move with.

    Without FOLDER, they must be of the source and the goldens that are here now; with one, of the same as its newest.
    """
    from harness.cli.tables.study import show_matrix
    from harness.study.matrix import matrix_to_json
    from harness.study.matrix_collection import collect_matrix, read_matrix_reports
    from harness.study.matrix_page import matrix_html, matrix_markdown
    from harness.verify.suite import verification_subject

    project = open_project()
    own = project.state / "matrix"  # reports from elsewhere need be of the same source as each other alone
    reports, subject = read_matrix_reports(folder or own), "" if folder else verification_subject(project)
    collected = collect_matrix(reports, project.pipeline.axes, [*expect, *may_fail], may_fail, subject)
    answer, out = matrix_to_json(collected), out or folder or own
    _write_answer(out / "matrix", answer, md=matrix_markdown(collected), html=matrix_html(collected))
    if json:
        print_json(answer)
    else:
        show_matrix(collected)
        show_page(out / "matrix.html")
    raise typer.Exit(0 if collected.passed else 1)


def ab(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    a: _VariantA = [],  # noqa: B006 (typer reads the default, nothing changes it)
    b: _VariantB = [],  # noqa: B006
    set_: _BothVariants = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(help="Pairs of runs, each pair with a seed of its own.")] = 5,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.95,
    profile: ProfileOption = "",
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    scheduler: SchedulerOption = "",
    out: Annotated[Path | None, out_option("Folder of ab.json and ab.md (default: .harness/ab/SCENARIO).")] = None,
    json: JsonOption = False,
) -> None:
    """Train two variants over the same seeds, and report their paired differences with intervals."""
    from harness.cli.tables.study import show_trial
    from harness.study.ab import run_trial, trial_to_json
    from harness.study.ab_page import trial_markdown
    from harness.verify.suite import open_cache

    engine, project = chosen_engine(workers, executor, scheduler)
    with open_cache(project) as cache, watching(project, json) as progress:
        trial = run_trial(
            project,
            cache,
            scenario=scenario,
            profile=profile or project.profile,
            both=set_,
            a=a,
            b=b,
            pairs=seeds,
            confidence=confidence,
            engine=engine,
            watcher=progress,
        )
    answer, folder = trial_to_json(trial), out or project.state / "ab" / scenario
    _write_answer(folder / "ab", answer, md=trial_markdown(trial))
    if json:
        print_json(answer)
    else:
        show_trial(trial)
        show_page(folder / "ab.md")


def power(
    scenarios: ScenariosArgument = None,
    profile: ProfileOption = "",
    repeats: Annotated[
        int, typer.Option(min=0, help="How often each input of a stage moves by one ulp; 0 measures shifts alone.")
    ] = 2,
    json: JsonOption = False,
) -> None:
    """Say how sharp the guard is: the shift that each statistical value shows, and how loose every other rule is."""
    from harness.cli.tables.power import show_power
    from harness.run.runner import Runner
    from harness.study.power.shifts import power_to_json, scenario_power
    from harness.verify.examination import Examination
    from harness.verify.suite import open_cache

    project = open_project()
    names = list(dict.fromkeys(scenarios or ())) or sorted(project.pipeline.scenarios())
    with open_cache(project) as cache, watching(project, json) as progress:
        runner = Runner(project.pipeline, cache, progress)
        examinations = [Examination(project, runner, name, profile or project.profile) for name in names]
        every = [scenario_power(examination, repeats) for examination in examinations]
    print_json(power_to_json(every)) if json else show_power(every)


def _write_answer(path: Path, answer: Mapping[str, Any], **pages: str) -> None:
    """Write an answer as JSON, and its pages beside it, each by its suffix."""
    write_file(path.with_name(f"{path.name}.json"), dump_json(answer))
    for suffix, page in pages.items():
        write_file(path.with_name(f"{path.name}.{suffix}"), page.encode())
