"""An acceptance as the commands carry it out: by one referee, whoever decided it, in one line or key by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import show_notes
from harness.cli.progress import watching
from harness.core.project import Project
from harness.host.cluster.engine import ALONE, Engine

if TYPE_CHECKING:
    from harness.store.approvals import Approval


@dataclass(frozen=True)
class Acceptance:
    """Who accepts, and why; ``engine`` and ``use_cache`` are how an ensemble's members are made again."""

    reason: str
    issue: str = ""
    author: str | None = None
    approver: str | None = None
    disposition: str = "refresh"
    bulk: bool = False
    sign_key: Path | None = None
    engine: Engine = ALONE
    use_cache: bool = True


def carry_out(
    project: Project, ids: Sequence[str], decision: Acceptance, only: Sequence[str] = (), quiet: bool = False
) -> Approval:
    """Make candidates golden, or the values of one that are at ``only``, after a second fresh run agrees."""
    from harness.store.acceptance import accept_candidates
    from harness.store.goldens import Goldens
    from harness.store.large.objects import unpushed_notes
    from harness.verify.referee import Referee

    engine, use_cache = decision.engine, decision.use_cache
    with watching(project, quiet) as progress, Referee(project, ids, engine, progress, use_cache) as referee:
        approval = accept_candidates(
            project,
            ids,
            reason=decision.reason,
            issue=decision.issue,
            author=decision.author,
            approver=decision.approver,
            disposition=decision.disposition,
            bulk=decision.bulk,
            sign_key=decision.sign_key,
            rerun=referee.rerun,
            judge=referee.judge,
            invariants_hold=referee.broken_invariants,
            validate=referee.schema_errors,
            lacking=referee.lacking_rules,
            left_behind=referee.left_behind,
            only=only,
        )
    show_notes(unpushed_notes(Goldens.of(project).manifest(), tuple(approval.changes)), quiet)
    return approval
