"""The command ``review``: a page of candidates beside their goldens, and in a terminal a decision about each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.acceptance import Acceptance, carry_out
from harness.cli.console import print_json, show_line, show_notes, show_page
from harness.cli.options import (
    ExecutorOption,
    IssueOption,
    JsonOption,
    KeyOption,
    ReasonOption,
    SchedulerOption,
    WorkersOption,
    chosen_engine,
    out_option,
)
from harness.cli.process.keys import has_terminal, read_key, read_line
from harness.core.errors import ApprovalError
from harness.core.ids import ENSEMBLES
from harness.core.project import in_ci

if TYPE_CHECKING:
    from harness.cli.dialogue import Decided
    from harness.core.project import Project
    from harness.verify.review import Review, ReviewedState

_Ids = Annotated[
    list[str] | None, typer.Argument(help="Ids of `harness pending`; none: all of them, one key a decision.")
]


def review(
    ids: _Ids = None,
    out: Annotated[Path | None, out_option("Folder of the pages.")] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Decide about each value in this terminal, with one key.")
    ] = False,
    reason: ReasonOption = "",
    issue: IssueOption = "",
    sign_key: KeyOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    scheduler: SchedulerOption = "",
    json: JsonOption = False,
) -> None:
    """Look at candidates: a page with old, new and difference, or in this terminal, key by key."""
    from harness.cli.tables.approval import show_differences
    from harness.core.reports import report_to_json
    from harness.verify.review import review_candidates

    asking = interactive or not ids
    if asking and json:
        raise typer.BadParameter("--json writes a page and asks nothing: name the ids")
    if asking and not has_terminal():
        raise typer.BadParameter("there is no terminal to decide in: name ids, to write a page, or use harness accept")
    engine, project = chosen_engine(workers, executor, scheduler)
    if asking and in_ci():
        raise ApprovalError("harness review decides nothing in CI, where nothing is written: run it on your machine")
    reviewed = review_candidates(project, ids or [])
    page = reviewed.write(out or project.state / "review")
    if json:
        print_json({"page": str(page), "report": report_to_json(reviewed.report)})
    elif asking:
        show_page(page)
        _decide(project, reviewed, Acceptance(reason, issue, sign_key=sign_key, engine=engine, bulk=True))
    else:
        show_differences(reviewed.report, reviewed.pairs)
        show_page(page)


def _decide(project: Project, reviewed: Review, decision: Acceptance) -> None:
    """Go through what differs, and carry out what was decided."""
    from harness.cli.dialogue import go_through
    from harness.report.differences.groups import groups_of
    from harness.store.candidates import list_edits
    from harness.study.history.drift import drift_sentences
    from harness.verify.review import reviewed_state

    if edits := [edit.identity for edit in list_edits(project)]:
        show_line(f"edited, and not reviewed here: {', '.join(edits)}: see git diff, and `harness accept`")
    groups = groups_of(reviewed.report, _indivisible(project, reviewed))
    if not groups:
        show_line("no candidate is pending")
        return
    show_notes(drift_sentences(project, list(dict.fromkeys(group.identity for group in groups))), False)
    looked_at = reviewed_state(project, [group.identity for group in groups])
    decided = go_through(groups, read_key)
    if decided.quit:
        show_line("nothing was decided, and nothing was written")
        return
    _carry_out(project, decided, decision, looked_at)


def _indivisible(project: Project, reviewed: Review) -> list[str]:
    """The ids of which nobody can accept a part: new ones, what a replay gives on, and ensembles."""
    replay = project.pipeline.replay_profile
    return [
        "/".join(name)
        for name, (golden, _) in reviewed.pairs.items()
        if golden is None or name[1] == replay or name[2] in ENSEMBLES
    ]


def _carry_out(project: Project, decided: Decided, decision: Acceptance, looked_at: ReviewedState) -> None:
    """Accept and reject; refuse where somebody decided about other candidates or other code than there is now."""
    from dataclasses import replace

    from harness.cli.tables.approval import show_approval
    from harness.store.acceptance import reject_candidates
    from harness.verify.review import refuse_moved

    parts: Sequence[tuple[str, list[str]]] = list(decided.to_accept_partly.items())
    for words, ids in (("accept", decided.to_accept), ("reject", decided.to_reject)):
        if ids:
            show_line(f"{words}: {', '.join(ids)}")
    for identity, paths in parts:
        show_line(f"accept of {identity}: {', '.join(paths)}")
    if not (decided.to_accept or parts or decided.to_reject):
        show_line("nothing is accepted or rejected, and nothing was written")
        return
    if (decided.to_accept or parts) and not decision.reason:
        show_line("why? (an empty line accepts nothing)")
        decision = replace(decision, reason=read_line())
        if not decision.reason:
            show_line("nothing was written")
            return
    refuse_moved(project, looked_at)
    if decided.to_accept:
        show_approval(carry_out(project, decided.to_accept, decision))
    for identity, paths in parts:
        refuse_moved(project, looked_at, goldens=False)  # this command itself has changed some
        show_approval(carry_out(project, [identity], decision, only=paths))
    if decided.to_reject:
        refuse_moved(project, looked_at, goldens=False)
        rejected = reject_candidates(project, decided.to_reject, decision.reason)
        show_line(f"rejected: {', '.join(rejected)}")
