"""The commands that decide what becomes golden: candidates, their review, their approval, and the log."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from harness.cli.acceptance import Acceptance, carry_out
from harness.cli.console import complain, print_json, show_ids, show_line, show_notes, show_page
from harness.cli.options import (
    BulkOption,
    ExecutorOption,
    IdsArgument,
    IssueOption,
    JsonOption,
    KeyOption,
    NoCacheOption,
    ProfileOption,
    ReasonOption,
    ScenariosArgument,
    SchedulerOption,
    WorkersOption,
    chosen_engine,
)
from harness.cli.progress import watching
from harness.core.ids import scenario_of
from harness.core.project import find_project
from harness.host.project import open_project


def calibrate(
    scenario: Annotated[str, typer.Argument(help="One of `harness list`.")],
    members: Annotated[int, typer.Option(help="Full runs, at least 8.")] = 8,
    profile: ProfileOption = "",
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    scheduler: SchedulerOption = "",
    held_out: Annotated[
        int, typer.Option(help="So many more runs, held against the ensemble, tell how often it cries wolf.")
    ] = 0,
    extend: Annotated[
        bool, typer.Option("--extend", help="Take the accepted ensemble's members as stored; run the others only.")
    ] = False,
    rounding: Annotated[
        str, typer.Option(metavar="KEY", help="Move its own seed's run by rounding instead: KEY numbers the member.")
    ] = "",
    exclude: Annotated[
        list[int], typer.Option(help="Leave out a member that is an outlier; needs --reason. Repeatable.")
    ] = [],  # noqa: B006 (typer reads the default, nothing changes it)
    keep_outliers: Annotated[bool, typer.Option("--keep-outliers", help="Keep outliers; needs --reason.")] = False,
    reason: ReasonOption = "",
    json: JsonOption = False,
) -> None:
    """Run an ensemble over seeds and keep it as a candidate for the scenario's intervals."""
    from harness.cli.tables.approval import show_calibration
    from harness.core.ids import ENSEMBLE, ROUNDING
    from harness.run.runner import Runner
    from harness.store.candidates import add_candidate
    from harness.verify.ensembles.calibration import calibrate_scenario
    from harness.verify.ensembles.decision import Decision
    from harness.verify.examination import Examination
    from harness.verify.kept_candidates import candidate_origin
    from harness.verify.suite import open_cache

    engine, project = chosen_engine(workers, executor, scheduler)
    with open_cache(project) as cache, watching(project, json) as progress:
        runner = Runner(project.pipeline, cache, progress)
        examination = Examination(project, runner, scenario, profile or project.profile)
        calibration = calibrate_scenario(
            examination,
            cache,
            members=members,
            alpha=project.alpha,
            values=project.values,
            engine=engine,
            decision=Decision(tuple(dict.fromkeys(exclude)), keep_outliers, reason),
            held_out=held_out,
            extend=extend,
            rounding=rounding,
        )
        identity = examination.identity(examination.profile, ROUNDING if rounding else ENSEMBLE)
        schema = examination.schema_of(identity.track, identity.artifact)
        origin = candidate_origin(examination, f"ensemble of {members} members")
        kept = calibration.decided and add_candidate(project, identity, calibration.ensemble, schema, origin)
    if json:
        print_json({"id": identity, "kept": kept, **calibration.told()})
    else:
        show_calibration(identity, calibration, kept)
    show_notes([*cache.repaired, *cache.warnings], json)
    raise typer.Exit(0 if calibration.decided else 1)


def diff(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of `harness pending`.")] = None, json: JsonOption = False
) -> None:
    """Show how candidates differ from their goldens, value by value."""
    from harness.cli.tables.approval import show_differences, show_pending
    from harness.core.reports import report_to_json
    from harness.verify.review import review_candidates

    reviewed = review_candidates(open_project(), ids or [])
    report = reviewed.report
    if json:
        print_json(report_to_json(report))
    elif not report.scenarios:
        show_pending([])
    else:
        show_differences(report, reviewed.pairs)
    raise typer.Exit(1 if any(s.failed for s in report.scenarios) else 0)


def pending(
    scenarios: ScenariosArgument = None,
    ids: Annotated[
        bool, typer.Option("--ids", help="Only the candidates' ids, one a line, to accept them all.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List candidates, and edited tolerances and schemas, that wait to be accepted."""
    from harness.cli.tables.approval import show_pending
    from harness.store.candidates import list_pending

    waiting = [p for p in list_pending(find_project()) if not scenarios or scenario_of(p.identity) in scenarios]
    if json:
        print_json([dataclasses.asdict(p) for p in waiting])
    elif ids:
        show_ids([p.identity for p in waiting if p.kind == "golden"])
    else:
        show_pending(waiting)


def accept(
    ids: IdsArgument,
    reason: ReasonOption = "",
    issue: IssueOption = "",
    author: Annotated[str | None, typer.Option(help="Who made the change (default: git's user).")] = None,
    approver: Annotated[str | None, typer.Option(help="Who accepts it (default: git's user).")] = None,
    disposition: Annotated[str, typer.Option(help="refresh, intended or bugfix.")] = "refresh",
    bulk: BulkOption = False,
    sign_key: KeyOption = None,
    only: Annotated[
        list[str], typer.Option(help="Of one id: these values alone, a path with all below it. Repeatable.")
    ] = [],  # noqa: B006 (typer reads the default, nothing changes it)
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    scheduler: SchedulerOption = "",
    no_cache: NoCacheOption = False,
    json: JsonOption = False,
) -> None:
    """Make candidates golden, after a second fresh run agrees; writes an approval."""
    from harness.cli.tables.approval import show_approval, show_differences
    from harness.store.transaction import recover_acceptance
    from harness.study.history.drift import drift_sentences
    from harness.study.sizes import large_candidates
    from harness.verify.review import review_candidates

    engine, project = chosen_engine(workers, executor, scheduler)
    if (recovery := recover_acceptance(project)).sentence and not json:
        show_line(recovery.sentence)
    if recovery.ids and not (ids := [i for i in ids if i not in recovery.ids]):
        print_json(dataclasses.asdict(recovery)) if json else None
        return
    reviewed = review_candidates(project, ids)
    if reviewed.pairs:
        page = reviewed.write(project.state / "review")
        if not json:
            show_differences(reviewed.report, reviewed.pairs)
            show_page(page)
        chosen = list(dict.fromkeys(ids))
        large = [golden.sentence for golden in large_candidates(project, chosen)]
        show_notes([*drift_sentences(project, chosen), *large], json)
    decision = Acceptance(reason, issue, author, approver, disposition, bulk, sign_key, engine, not no_cache)
    approval = carry_out(project, ids, decision, only, json)
    print_json(dataclasses.asdict(approval)) if json else show_approval(approval)
    show_notes(["the rest of it still differs: `harness verify` keeps a candidate again"] if only else [], json)


def reject(ids: IdsArgument, reason: ReasonOption = "", json: JsonOption = False) -> None:
    """Forget candidates."""
    from harness.store.acceptance import reject_candidates

    rejected = reject_candidates(find_project(), ids, reason)
    print_json(rejected) if json else show_line(f"rejected: {', '.join(rejected)}")


def recover(
    discard: Annotated[
        bool, typer.Option("--discard", help="Forget it instead; the goldens stay as they are: restore them from git.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Finish an acceptance that was decided and interrupted, or clear away one that was not decided."""
    from harness.store.transaction import discard_acceptance, recover_acceptance

    recovery = (discard_acceptance if discard else recover_acceptance)(find_project())
    if json:
        print_json(dataclasses.asdict(recovery))
    else:
        show_line(recovery.sentence or "no acceptance was interrupted")


def prune(
    reason: ReasonOption = "",
    issue: IssueOption = "",
    bulk: BulkOption = False,
    sign_key: KeyOption = None,
    json: JsonOption = False,
) -> None:
    """Remove goldens that no scenario and no test makes any more, and files that the manifest does not know."""
    from harness.store.acceptance import prune_goldens
    from harness.verify.checks.housekeeping import all_in_use

    project = open_project()
    orphans, removed, approval = prune_goldens(
        project, all_in_use(project), reason=reason, issue=issue, bulk=bulk, sign_key=sign_key
    )
    if json:
        print_json({"orphans": orphans, "removed": removed, "approval": approval.id if approval else None})
    else:
        show_line(f"removed: {', '.join([*orphans, *removed]) or 'nothing, all goldens are in use'}")


def merge(
    take: Annotated[
        list[str], typer.Option(help="What stands where both branches changed an id: ours, theirs or an approval.")
    ] = [],  # noqa: B006 (typer reads the default, nothing changes it)
    reason: ReasonOption = "",
    issue: IssueOption = "",
    sign_key: KeyOption = None,
    json: JsonOption = False,
) -> None:
    """Put the goldens of two branches together, during git's merge or after it; settles what both changed."""
    from harness.store.repository.merging import merge_branches

    merged = merge_branches(find_project(), take, reason=reason, issue=issue, sign_key=sign_key)
    settled = [a.id for a in merged.approvals]
    if json:
        print_json({"files": merged.files, "approvals": settled})
        return
    show_line(f"put right: {', '.join(merged.files) or 'nothing, all is as the approvals of both branches say'}")
    for approval in merged.approvals:
        show_line(f"settled, approval {approval.id}: {', '.join(approval.changes)}")


def log(json: JsonOption = False) -> None:
    """List every approval, oldest first, and what is wrong with them, as a verification would say it."""
    from harness.cli.tables.approval import show_log
    from harness.store.approval_check import chain_problems, readable_approvals
    from harness.store.goldens import Goldens

    project = find_project()
    approvals = readable_approvals(project)
    print_json([dataclasses.asdict(a) for a in approvals]) if json else show_log(approvals)
    Goldens.of(project).manifest()  # what cannot be read at all is an error of the input, as for every command
    problems = chain_problems(project)
    for problem in problems:
        complain(problem)
    raise typer.Exit(1 if problems else 0)
