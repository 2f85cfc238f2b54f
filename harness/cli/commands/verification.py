"""The commands that run and judge: list, run, verify, report, doctor and schema."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import complain, print_json, show_notes, show_page
from harness.cli.options import (
    ExecutorOption,
    FailFastOption,
    JsonOption,
    KeepOption,
    NoCacheOption,
    ProfileOption,
    ScenariosArgument,
    SchedulerOption,
    SetOption,
    TracebackOption,
    WorkersOption,
    chosen_engine,
    out_option,
)
from harness.cli.progress import watching
from harness.core.errors import HarnessError, ProjectError
from harness.core.ids import CHECK, GoldenId
from harness.core.project import find_project
from harness.host.project import open_project


def list_command(json: JsonOption = False) -> None:
    """List scenarios and modules of tests, and how many goldens each has at which profile."""
    from harness.cli.tables.verification import show_scenarios
    from harness.store.goldens import Goldens

    project = open_project()
    titles = project.pipeline.scenarios()
    ids = [GoldenId.parse(i) for i, entry in Goldens.of(project).manifest().items() if entry.kind == "golden"]
    rows = [
        {
            "scenario": name,
            "title": title,
            "goldens": Counter(i.track for i in ids if i.scenario == name and i.track != CHECK),
        }
        for name, title in sorted(titles.items())
    ]
    of_tests = Counter(identity.scenario for identity in ids if identity.track == CHECK)
    rows += [{"scenario": name, "title": "tests", "goldens": {CHECK: n}} for name, n in sorted(of_tests.items())]
    print_json(rows) if json else show_scenarios(rows)


def run(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    profile: ProfileOption = "",
    until: Annotated[str, typer.Option(help="The last stage to run.")] = "",
    set_: SetOption = [],  # noqa: B006 (typer reads the default, nothing changes it)
    no_cache: NoCacheOption = False,
    traceback: TracebackOption = False,
    json: JsonOption = False,
) -> None:
    """Run one scenario's stages, without judging them; says what was cached."""
    from harness.cli.tables.verification import show_stages
    from harness.run.runner import Runner
    from harness.verify.suite import open_cache

    project = open_project()
    stages = [s for s in project.pipeline.stages if s.main]
    if until and until not in (s.name for s in stages):
        raise ProjectError(f"--until {until}: there is no such stage; there are {', '.join(s.name for s in stages)}")
    chosen = project.scenario(scenario, profile or project.profile, set_)
    if chosen.missing:
        raise ProjectError(f"{scenario} cannot run here: {chosen.missing}")
    with open_cache(project, not no_cache) as cache, watching(project, json) as progress:
        finished = list(Runner(project.pipeline, cache, progress).chain(chosen, stages, until))
    rows = [
        {
            "stage": o.stage.name,
            "artifact": o.stage.artifact,
            "cached": o.cached,
            "seconds": o.seconds,
            "error": o.error,
            "blocked": o.blocked,
            "details": o.details,
            "problems": list(o.problems),
        }
        for o in finished
    ]
    print_json(rows) if json else show_stages(rows, traceback)
    show_notes([*cache.repaired, *cache.unkept, *cache.warnings], json)
    raise typer.Exit(1 if any(r["error"] or r["blocked"] or r["problems"] for r in rows) else 0)


def verify(
    scenarios: ScenariosArgument = None,
    profile: ProfileOption = "",
    approvals: Annotated[
        str | None, typer.Option(help="Check that every change since this commit was approved.")
    ] = None,
    out: Annotated[Path | None, out_option("Folder of the report (default: .harness/report).")] = None,
    set_: SetOption = [],  # noqa: B006
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    scheduler: SchedulerOption = "",
    no_cache: NoCacheOption = False,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether to train, and to verify what training decides.")
    ] = True,
    fail_fast: FailFastOption = False,
    keep: KeepOption = None,
    traceback: TracebackOption = False,
    json: JsonOption = False,
) -> None:
    """Run scenarios, compare every artifact with its golden, and write the report."""
    engine, project = chosen_engine(workers, executor, scheduler)
    project.begin()
    from harness.cli.tables.verification import show_early, show_scenario, show_summary, tell_github
    from harness.core.reports import report_to_json
    from harness.report.folder import remove_report, write_report
    from harness.store.approval_check import check_approvals
    from harness.verify.parcels.packing import Parcel
    from harness.verify.suite import open_cache, verify_suite

    folder = out or project.state / "report"
    parcel = None if keep is None else Parcel(project, keep, set_)
    remove_report(folder)
    bypassed = [] if approvals is None else check_approvals(project, approvals)
    with open_cache(project, not no_cache) as cache:
        with watching(project, json) as progress:
            suite = verify_suite(
                project,
                cache,
                names=scenarios or [],
                profile=profile,
                overrides=set_,
                engine=engine,
                watcher=progress,
                finished=None if json else lambda scenario: show_scenario(scenario, traceback),
                also=bypassed,
                training=training,
                parcel=parcel,
                early=None if json else show_early,
                fail_fast=fail_fast,
            )
        suite.report = dataclasses.replace(suite.report, log=os.path.relpath(project.log, folder))
        paths = write_report(suite.report, project.pipeline.views, suite.find, folder)
    print_json(report_to_json(suite.report)) if json else show_summary(suite, paths)
    sealed = [parcel.seal(suite.report)] if parcel and not suite.damaged else []
    tell_github(suite.report, project, paths, json)
    show_notes([*sealed, *cache.repaired, *cache.unkept, *cache.warnings], json)
    for problem in suite.damaged:
        complain(problem)
    raise typer.Exit(2 if suite.damaged else 0 if suite.report.passed else 1)


def report(
    source: Annotated[Path | None, typer.Argument(help="A report.json (default: the last verification's).")] = None,
    json: JsonOption = False,
) -> None:
    """Show the last verification again; exits as it did, and with 1 where source or goldens are others now."""
    from harness.cli.tables.verification import show_conclusion, show_scenario
    from harness.core.reports import read_report, report_to_json
    from harness.verify.suite import verification_subject

    path = source or find_project().state / "report" / "report.json"
    earlier = read_report(path)
    # Whoever names a file asks for that one, wherever it is from.
    outdated = source is None and earlier.subject != verification_subject(open_project())
    if json:
        print_json(report_to_json(earlier))
    else:
        for scenario in earlier.scenarios:
            show_scenario(scenario)
        show_conclusion(earlier)
        show_page(path.with_suffix(".html"))
    if outdated:
        complain("this report is of other source or goldens than are here now: run `harness verify`")
    raise typer.Exit(0 if earlier.passed and not outdated else 1)


def doctor(json: JsonOption = False) -> None:
    """Say what this machine and this repository lack."""
    from harness.cli.doctor import checks_to_json, run_checks
    from harness.cli.tables.verification import show_checks

    checks = run_checks()
    print_json(checks_to_json(checks)) if json else show_checks(checks)
    raise typer.Exit(1 if any(c.needed and not c.held for c in checks) else 0)


def schema(
    scenario: Annotated[str, typer.Argument(help="The scenario to take the example from.")],
    artifact: Annotated[str, typer.Argument(help="The artifact to draft a schema for.")],
    profile: ProfileOption = "",
) -> None:
    """Draft a closed schema from what a stage gives now; its author adds units, meanings and bounds."""
    from harness.judge.schema import draft_schema
    from harness.run.runner import Runner
    from harness.verify.examination import Examination
    from harness.verify.suite import open_cache

    project = open_project()
    known = [s.artifact for s in project.pipeline.stages if s.main]
    if artifact not in known:
        raise ProjectError(f"there is no artifact {artifact!r}; there are {', '.join(known)}")
    with open_cache(project) as cache, watching(project, True) as progress:
        runner = Runner(project.pipeline, cache, progress)
        examination = Examination(project, runner, scenario, profile or project.profile)
        example = examination.obtained(examination.profile, artifact)
    if example is None:
        raise HarnessError(f"{scenario}: the stage of {artifact} failed: see `harness run {scenario}`")
    draft = draft_schema(example, f"{project.pipeline.name}/{artifact}-1")
    print_json(draft, sort=False)
