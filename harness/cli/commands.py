"""The ``harness`` command: verify a pipeline against its goldens, and decide what becomes golden.

Exit status: 0 everything is as accepted, 1 something is not, 2 usage or input error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import studies
from harness.cli.terminal import JsonOption, ProfileOption, complain, error_console, print_json, watching
from harness.core.errors import HarnessError
from harness.core.ids import GoldenId, scenario_of
from harness.core.project import find_project

if TYPE_CHECKING:
    from harness.core.verdicts import ScenarioReport

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
INTERRUPTED = 130

Names = Annotated[list[str] | None, typer.Argument(help="Scenarios (default: all).")]
Ids = Annotated[list[str], typer.Argument(help="Ids of `harness pending`, such as my_scenario/cpu/energy.")]
Set = Annotated[list[str], typer.Option("--set", help="Change one setting, e.g. --set train.epochs=3. Repeatable.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads the log.")]
Issue = Annotated[str, typer.Option(help="A link or number of the issue that this belongs to.")]
Key = Annotated[Path | None, typer.Option(help="An SSH private key to sign the approval with.")]
Bulk = Annotated[bool, typer.Option("--bulk", help="Allow more than five ids.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that compute side by side.")]
Fresh = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew.")]


for command in (studies.analyze, studies.compare, studies.ab, studies.matrix):
    app.command()(command)


def main() -> None:
    """Run the command; user errors become one sentence and exit status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        status = app(standalone_mode=False)  # returns what typer.Exit carried; 130 after Ctrl-C
        if status == INTERRUPTED:
            error_console.print("interrupted: finished stages are cached, nothing else was written")
        sys.exit(status if isinstance(status, int) else 0)
    except HarnessError as error:
        complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        error_console.print("interrupted: finished stages are cached, nothing else was written")
        sys.exit(INTERRUPTED)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            if message := error.format_message():
                complain(message)
            sys.exit(2)
        raise


@app.command("list")
def list_command(json: JsonOption = False) -> None:
    """List scenarios, and how many goldens each has at which profile."""
    from harness.cli import console
    from harness.store.goldens import Goldens

    project = find_project()
    titles = project.pipeline.scenarios()
    manifest = Goldens.of(project).manifest()
    rows = []
    for name, title in sorted(titles.items()):
        tracks: dict[str, int] = {}
        for identity, entry in manifest.items():
            if entry.kind == "golden" and (golden_id := GoldenId.parse(identity)).scenario == name:
                track = golden_id.track
                tracks[track] = tracks.get(track, 0) + 1
        rows.append({"scenario": name, "title": title, "goldens": tracks})
    print_json(rows) if json else console.show_scenarios(rows)


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    profile: ProfileOption = "",
    until: Annotated[str, typer.Option(help="The last stage to run.")] = "",
    set_: Set = [],  # noqa: B006 (typer reads the default, nothing changes it)
    no_cache: Fresh = False,
    json: JsonOption = False,
) -> None:
    """Run one scenario's stages, without judging them; says what was cached."""
    from harness.cli import console
    from harness.core.errors import ProjectError
    from harness.run.runner import Runner
    from harness.verify.suite import open_cache

    project = find_project()
    stages = [s for s in project.pipeline.stages if s.main]
    if until and until not in (s.name for s in stages):
        raise ProjectError(f"--until {until}: there is no such stage; there are {', '.join(s.name for s in stages)}")
    chosen = project.scenario(scenario, profile or project.profile, set_)
    if chosen.missing:
        raise ProjectError(f"{scenario} cannot run here: {chosen.missing}")
    with open_cache(project, not no_cache) as cache, watching(project, json) as progress:
        done = list(Runner(project.pipeline, cache, progress).chain(chosen, stages, until))
    rows = [
        {"stage": o.stage.name, "artifact": o.stage.artifact, "cached": o.cached, "seconds": o.seconds,
         "error": o.error, "blocked": o.blocked}
        for o in done
    ]  # fmt: skip
    print_json(rows) if json else console.show_stages(rows)
    raise typer.Exit(1 if any(r["error"] or r["blocked"] for r in rows) else 0)


@app.command()
def verify(
    scenarios: Names = None,
    profile: ProfileOption = "",
    approvals: Annotated[str, typer.Option(help="Check that every change since this commit was approved.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder of the report (default: .harness/report).")] = None,
    set_: Set = [],  # noqa: B006
    workers: Workers = 1,
    no_cache: Fresh = False,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether to train, and to verify what training decides.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Run scenarios, compare every artifact with its golden, and write the report."""
    from harness.cli import console
    from harness.core.reports import report_to_json
    from harness.report.folder import write_report
    from harness.store.bypasses import check_approvals
    from harness.verify.suite import open_cache, verify_suite

    project = find_project()
    bypassed = check_approvals(project, approvals) if approvals else []

    def finished(done: ScenarioReport) -> None:
        if not json:
            console.show_scenario(done)

    with open_cache(project, not no_cache) as cache:
        with watching(project, json) as progress:
            suite = verify_suite(
                project,
                cache,
                names=scenarios or [],
                profile=profile,
                overrides=set_,
                workers=workers,
                watcher=progress,
                finished=finished,
                also=bypassed,
                training=training,
            )
        folder = out or project.state / "report"
        written = write_report(suite.report, project.pipeline.views, suite.find, folder)
    print_json(report_to_json(suite.report)) if json else console.show_summary(suite, written)
    for said in suite.damaged:
        complain(said)
    raise typer.Exit(2 if suite.damaged else 0 if suite.report.passed else 1)


@app.command()
def calibrate(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    members: Annotated[int, typer.Option(help="Full runs, at least 8.")] = 8,
    profile: ProfileOption = "",
    workers: Workers = 1,
    json: JsonOption = False,
) -> None:
    """Run an ensemble over seeds and keep it as a candidate for the scenario's intervals."""
    from harness.cli import console
    from harness.core.ids import ENSEMBLE
    from harness.run.runner import Runner
    from harness.store.candidates import add_candidate
    from harness.verify.calibration import calibrate_scenario
    from harness.verify.examination import Examination
    from harness.verify.kept_candidates import candidate_origin
    from harness.verify.suite import open_cache

    project = find_project()
    with open_cache(project) as cache, watching(project, json) as progress:
        runner = Runner(project.pipeline, cache, progress)
        examination = Examination(project, runner, scenario, profile or project.profile)
        made = calibrate_scenario(
            examination,
            cache,
            members=members,
            alpha=project.alpha,
            values=project.values,
            workers=workers,
            watcher=progress,
        )
        identity = examination.identity(examination.profile, ENSEMBLE)
        about = candidate_origin(examination, f"ensemble of {members} members")
        add_candidate(project, identity, made.ensemble, examination.schema_of(examination.profile, ENSEMBLE), about)
    if json:
        print_json({"id": identity, "restless": list(made.restless), "still": list(made.still)})
    else:
        console.show_calibration(identity, made)


@app.command()
def diff(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of `harness pending`.")] = None, json: JsonOption = False
) -> None:
    """Show how candidates differ from their goldens, value by value."""
    from harness.cli import console
    from harness.core.reports import report_to_json
    from harness.verify.review import review_candidates

    found = review_candidates(find_project(), ids or [])
    print_json(report_to_json(found.report)) if json else console.show_differences(found.report)
    raise typer.Exit(1 if any(s.failed for s in found.report.scenarios) else 0)


@app.command()
def pending(
    scenarios: Names = None,
    ids: Annotated[
        bool, typer.Option("--ids", help="Only the candidates' ids, one a line, to accept them all.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List candidates, and edited tolerances and schemas, that wait to be accepted."""
    import dataclasses

    from harness.cli import console
    from harness.store.candidates import list_pending

    found = [p for p in list_pending(find_project()) if not scenarios or scenario_of(p.identity) in scenarios]
    if json:
        print_json([dataclasses.asdict(p) for p in found])
    elif ids:
        print(*(p.identity for p in found if p.kind == "golden"), sep="\n")
    else:
        console.show_pending(found)


@app.command()
def review(
    ids: Ids, out: Annotated[Path | None, typer.Option(help="Folder of the pages.")] = None, json: JsonOption = False
) -> None:
    """Write a page with old, new and difference of candidates, figures side by side."""
    from harness.cli import console
    from harness.core.reports import report_to_json
    from harness.verify.review import review_candidates

    project = find_project()
    found = review_candidates(project, ids)
    page = found.write(out or project.state / "review")
    if json:
        print_json({"page": str(page), "report": report_to_json(found.report)})
    else:
        console.show_differences(found.report)
        console.show_page(page)


@app.command()
def accept(
    ids: Ids,
    reason: Reason = "",
    issue: Issue = "",
    author: Annotated[str | None, typer.Option(help="Who made the change (default: git's user).")] = None,
    approver: Annotated[str | None, typer.Option(help="Who accepts it (default: git's user).")] = None,
    disposition: Annotated[str, typer.Option(help="refresh, intended or bugfix.")] = "refresh",
    bulk: Bulk = False,
    sign_key: Key = None,
    workers: Workers = 1,
    json: JsonOption = False,
) -> None:
    """Make candidates golden, after a second fresh run agrees; writes an approval."""
    import dataclasses

    from harness.cli import console
    from harness.store.acceptance import accept_candidates
    from harness.verify.referee import Referee
    from harness.verify.review import review_candidates

    project = find_project()
    found = review_candidates(project, ids)
    if found.pairs:
        page = found.write(project.state / "review")
    if found.pairs and not json:
        console.show_differences(found.report)
        console.show_page(page)
    with watching(project, json) as progress, Referee(project, ids, workers, progress) as referee:
        made = accept_candidates(
            project, ids, reason=reason, issue=issue, author=author, approver=approver, disposition=disposition,
            bulk=bulk, sign_key=sign_key, rerun=referee.rerun, judge=referee.judge,
            invariants_hold=referee.broken_invariants, validate=referee.schema_errors,
        )  # fmt: skip
    print_json(dataclasses.asdict(made)) if json else console.show_approval(made)


@app.command()
def reject(ids: Ids, reason: Reason = "", json: JsonOption = False) -> None:
    """Forget candidates."""
    from harness.cli import console
    from harness.store.acceptance import reject_candidates

    gone = reject_candidates(find_project(), ids, reason)
    print_json(gone) if json else console.show_line(f"rejected: {', '.join(gone)}")


@app.command()
def prune(
    reason: Reason = "", issue: Issue = "", bulk: Bulk = False, sign_key: Key = None, json: JsonOption = False
) -> None:
    """Remove goldens that no scenario makes any more, and files that the manifest does not know."""
    from harness.cli import console
    from harness.store.acceptance import prune_goldens
    from harness.verify.coverage import all_known

    project = find_project()
    orphans, gone, made = prune_goldens(
        project, all_known(project), reason=reason, issue=issue, bulk=bulk, sign_key=sign_key
    )
    if json:
        print_json({"orphans": orphans, "removed": gone, "approval": made.id if made else None})
    else:
        console.show_line(f"removed: {', '.join([*orphans, *gone]) or 'nothing, all goldens are in use'}")


@app.command()
def log(json: JsonOption = False) -> None:
    """List every approval, oldest first, after checking that the chain is whole."""
    import dataclasses

    from harness.cli import console
    from harness.store.chain import approval_log

    found = approval_log(find_project())
    print_json([dataclasses.asdict(a) for a in found]) if json else console.show_log(found)


@app.command()
def report(
    source: Annotated[Path | None, typer.Argument(help="A report.json (default: the last verification's).")] = None,
    json: JsonOption = False,
) -> None:
    """Show the last verification again; exits as it did."""
    from harness.cli import console
    from harness.core.reports import read_report, report_to_json

    path = source or find_project().state / "report" / "report.json"
    found = read_report(path)
    if json:
        print_json(report_to_json(found))
    else:
        for done in found.scenarios:
            console.show_scenario(done)
        console.show_conclusion(found)
        console.show_page(path.with_suffix(".html"))
    raise typer.Exit(0 if found.passed else 1)


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Say what this machine and this repository lack."""
    import dataclasses

    from harness.cli import console
    from harness.cli.doctor import run_checks

    found = run_checks()
    print_json([dataclasses.asdict(c) for c in found]) if json else console.show_checks(found)
    raise typer.Exit(1 if any(c.needed and not c.held for c in found) else 0)


@app.command()
def schema(
    scenario: Annotated[str, typer.Argument(help="The scenario to take the example from.")],
    artifact: Annotated[str, typer.Argument(help="The artifact to draft a schema for.")],
    profile: ProfileOption = "",
) -> None:
    """Draft a closed schema from what a stage gives now; its author adds units, meanings and bounds."""
    import json

    from harness.core.errors import ProjectError
    from harness.judge.schema import draft_schema
    from harness.run.runner import Runner
    from harness.verify.examination import Examination
    from harness.verify.suite import open_cache

    project = find_project()
    known = [s.artifact for s in project.pipeline.stages if s.main]
    if artifact not in known:
        raise ProjectError(f"there is no artifact {artifact!r}; there are {', '.join(known)}")
    with open_cache(project) as cache, watching(project, True) as progress:
        examination = Examination(
            project, Runner(project.pipeline, cache, progress), scenario, profile or project.profile
        )
        found = examination.obtained(examination.profile, artifact)
    if found is None:
        raise HarnessError(f"{scenario}: the stage of {artifact} failed: see `harness run {scenario}`")
    made = draft_schema(found, f"{project.pipeline.name}/{artifact}-1")
    print(json.dumps(made, indent=2, ensure_ascii=False))
