"""The ``harness`` command: verify a pipeline against its goldens, and decide what becomes golden.

Exit status: 0 everything is as accepted, 1 something is not, 2 usage or input error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness import studies
from harness.errors import HarnessError
from harness.project import find_project
from harness.terminal import Json, Profile, complain, errors, say, watching

if TYPE_CHECKING:
    from harness.verdict import ScenarioReport

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
            errors.print("interrupted: finished stages are cached, nothing else was written")
        sys.exit(status if isinstance(status, int) else 0)
    except HarnessError as error:
        complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        errors.print("interrupted: finished stages are cached, nothing else was written")
        sys.exit(INTERRUPTED)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            if message := error.format_message():
                complain(message)
            sys.exit(2)
        raise


@app.command("list")
def list_command(json: Json = False) -> None:
    """List scenarios, and how many goldens each has at which profile."""
    from harness import console
    from harness.goldens import Goldens

    project = find_project()
    titles = project.pipeline.scenarios()
    manifest = Goldens.of(project).manifest()
    rows = []
    for name, title in sorted(titles.items()):
        tracks: dict[str, int] = {}
        for identity, entry in manifest.items():
            if entry.kind == "golden" and identity.startswith(f"{name}/"):
                track = identity.split("/")[1]
                tracks[track] = tracks.get(track, 0) + 1
        rows.append({"scenario": name, "title": title, "goldens": tracks})
    say(rows) if json else console.scenarios(rows)


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    profile: Profile = "",
    until: Annotated[str, typer.Option(help="The last stage to run.")] = "",
    set_: Set = [],  # noqa: B006 (typer reads the default, nothing changes it)
    no_cache: Fresh = False,
    json: Json = False,
) -> None:
    """Run one scenario's stages, without judging them; says what was cached."""
    from harness import console
    from harness.errors import ProjectError
    from harness.runner import Runner
    from harness.verify import open_cache

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
    say(rows) if json else console.stages(rows)
    raise typer.Exit(1 if any(r["error"] or r["blocked"] for r in rows) else 0)


@app.command()
def verify(
    scenarios: Names = None,
    profile: Profile = "",
    approvals: Annotated[str, typer.Option(help="Check that every change since this commit was approved.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder of the report (default: .harness/report).")] = None,
    set_: Set = [],  # noqa: B006
    workers: Workers = 1,
    no_cache: Fresh = False,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether to train, and to verify what training decides.")
    ] = True,
    json: Json = False,
) -> None:
    """Run scenarios, compare every artifact with its golden, and write the report."""
    from harness import audit, console, report
    from harness.report import data
    from harness.verify import open_cache
    from harness.verify import verify as verify_

    project = find_project()
    bypassed = audit.check_approvals(project, approvals) if approvals else []

    def finished(done: ScenarioReport) -> None:
        if not json:
            console.scenario(done)

    with open_cache(project, not no_cache) as cache:
        with watching(project, json) as progress:
            suite = verify_(
                project, cache, scenarios or [], profile, set_, workers, progress, finished, bypassed, training
            )
        folder = out or project.state / "report"
        written = report.write(suite.report, project.pipeline.views, suite.find, folder)
    say(data.to_json(suite.report)) if json else console.summary(suite, written)
    for said in suite.damaged:
        complain(said)
    raise typer.Exit(2 if suite.damaged else 0 if suite.report.passed else 1)


@app.command()
def calibrate(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    members: Annotated[int, typer.Option(help="Full runs, at least 8.")] = 8,
    profile: Profile = "",
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Run an ensemble over seeds and keep it as a candidate for the scenario's intervals."""
    from harness import console, pending
    from harness.calibrate import calibrate as calibrate_
    from harness.examine import ENSEMBLE, Examination
    from harness.runner import Runner
    from harness.verify import describe, open_cache

    project = find_project()
    with open_cache(project) as cache, watching(project, json) as progress:
        runner = Runner(project.pipeline, cache, progress)
        examination = Examination(project, runner, scenario, profile or project.profile)
        made = calibrate_(examination, cache, members, project.alpha, project.values, workers, progress)
        identity = examination.identity(examination.profile, ENSEMBLE)
        about = describe(examination, f"ensemble of {members} members")
        pending.add(project, identity, made.ensemble, examination.schema_of(examination.profile, ENSEMBLE), about)
    if json:
        say({"id": identity, "restless": list(made.restless), "still": list(made.still)})
    else:
        console.calibration(identity, made)


@app.command()
def diff(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of `harness pending`.")] = None, json: Json = False
) -> None:
    """Show how candidates differ from their goldens, value by value."""
    from harness import console
    from harness.report import data
    from harness.review import review as review_

    found = review_(find_project(), ids or [])
    say(data.to_json(found.report)) if json else console.differences(found.report)
    raise typer.Exit(1 if any(s.failed for s in found.report.scenarios) else 0)


@app.command()
def pending(
    scenarios: Names = None,
    ids: Annotated[
        bool, typer.Option("--ids", help="Only the candidates' ids, one a line, to accept them all.")
    ] = False,
    json: Json = False,
) -> None:
    """List candidates, and edited tolerances and schemas, that wait to be accepted."""
    import dataclasses

    from harness import console
    from harness.pending import listing

    found = [p for p in listing(find_project()) if not scenarios or p.identity.split("/")[0] in scenarios]
    if json:
        say([dataclasses.asdict(p) for p in found])
    elif ids:
        print(*(p.identity for p in found if p.kind == "golden"), sep="\n")
    else:
        console.pending(found)


@app.command()
def review(
    ids: Ids, out: Annotated[Path | None, typer.Option(help="Folder of the pages.")] = None, json: Json = False
) -> None:
    """Write a page with old, new and difference of candidates, figures side by side."""
    from harness import console
    from harness.report import data
    from harness.review import review as review_

    project = find_project()
    found = review_(project, ids)
    page = found.write(out or project.state / "review")
    if json:
        say({"page": str(page), "report": data.to_json(found.report)})
    else:
        console.differences(found.report)
        console.page(page)


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
    json: Json = False,
) -> None:
    """Make candidates golden, after a second fresh run agrees; writes an approval."""
    import dataclasses

    from harness import approval, console
    from harness.review import Referee
    from harness.review import review as review_

    project = find_project()
    found = review_(project, ids)
    if found.pairs:
        page = found.write(project.state / "review")
    if found.pairs and not json:
        console.differences(found.report)
        console.page(page)
    with watching(project, json) as progress, Referee(project, ids, workers, progress) as referee:
        made = approval.accept(
            project, ids, reason=reason, issue=issue, author=author, approver=approver, disposition=disposition,
            bulk=bulk, sign_key=sign_key, rerun=referee.rerun, judge=referee.judge,
            invariants_hold=referee.broken_invariants, validate=referee.schema_errors,
        )  # fmt: skip
    say(dataclasses.asdict(made)) if json else console.approval(made)


@app.command()
def reject(ids: Ids, reason: Reason = "", json: Json = False) -> None:
    """Forget candidates."""
    from harness import approval, console

    gone = approval.reject(find_project(), ids, reason)
    say(gone) if json else console.line(f"rejected: {', '.join(gone)}")


@app.command()
def prune(reason: Reason = "", issue: Issue = "", bulk: Bulk = False, sign_key: Key = None, json: Json = False) -> None:
    """Remove goldens that no scenario makes any more, and files that the manifest does not know."""
    from harness import approval, console
    from harness.verify import all_known

    project = find_project()
    orphans, gone, made = approval.prune(
        project, all_known(project), reason=reason, issue=issue, bulk=bulk, sign_key=sign_key
    )
    if json:
        say({"orphans": orphans, "removed": gone, "approval": made.id if made else None})
    else:
        console.line(f"removed: {', '.join([*orphans, *gone]) or 'nothing, all goldens are in use'}")


@app.command()
def log(json: Json = False) -> None:
    """List every approval, oldest first, after checking that the chain is whole."""
    import dataclasses

    from harness import chain, console

    found = chain.log(find_project())
    say([dataclasses.asdict(a) for a in found]) if json else console.log(found)


@app.command()
def report(
    source: Annotated[Path | None, typer.Argument(help="A report.json (default: the last verification's).")] = None,
    json: Json = False,
) -> None:
    """Show the last verification again; exits as it did."""
    from harness import console
    from harness.report import data

    path = source or find_project().state / "report" / "report.json"
    found = data.read(path)
    if json:
        say(data.to_json(found))
    else:
        for done in found.scenarios:
            console.scenario(done)
        console.conclusion(found)
        console.page(path.with_suffix(".html"))
    raise typer.Exit(0 if found.passed else 1)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what this machine and this repository lack."""
    import dataclasses

    from harness import console
    from harness.doctor import examine

    found = examine()
    say([dataclasses.asdict(c) for c in found]) if json else console.checks(found)
    raise typer.Exit(1 if any(c.needed and not c.held for c in found) else 0)


@app.command()
def schema(
    scenario: Annotated[str, typer.Argument(help="The scenario to take the example from.")],
    artifact: Annotated[str, typer.Argument(help="The artifact to draft a schema for.")],
    profile: Profile = "",
) -> None:
    """Draft a closed schema from what a stage gives now; its author adds units, meanings and bounds."""
    import json

    from harness import schema as schemas
    from harness.errors import ProjectError
    from harness.examine import Examination
    from harness.runner import Runner
    from harness.verify import open_cache

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
    made = schemas.draft(found, f"{project.pipeline.name}/{artifact}-1")
    print(json.dumps(made, indent=2, ensure_ascii=False))
