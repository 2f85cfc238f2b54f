"""Acceptance is the one way into the goldens; rejecting and pruning are its opposites.

What it means to run, to compare and to check is passed in, so that this file decides only what an
acceptance demands, and in which order.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core import git
from harness.core.errors import ApprovalError, GoldenError
from harness.core.project import Project, in_ci
from harness.core.protocol import Artifact
from harness.core.verdicts import Verdict
from harness.judge.comparison import NOTHING_COMPARED
from harness.judge.descriptions.refusals import refusals
from harness.store.approval_writer import Statement, write_approval
from harness.store.approvals import Approval, Deviation
from harness.store.candidates import list_pending, remove_candidate, rules_on_disk
from harness.store.chain import conflict, whole_chain
from harness.store.drafts import Draft, Snapshot, draft_of, part_of, removal
from harness.store.goldens import Goldens
from harness.store.manifest import SUFFIXES, TOLERANCES
from harness.store.repository.worktree import refuse_dirty
from harness.store.transaction import apply_changes, note_in_log, project_lock, recover_acceptance, refuse_interrupted

_MOST_AT_ONCE = 5  # more ids need ``bulk``
_RECORDED_DEVIATIONS = 5  # of each golden
_DISPOSITIONS = ("refresh", "intended", "bugfix")

Rerun = Callable[[str], tuple[Artifact, str]]
CompareArtifacts = Callable[[str, Artifact, Artifact], Sequence[Verdict]]
InvariantsHold = Callable[[str], Sequence[str]]
Validate = Callable[[Artifact, str], Sequence[str]]
LackingRules = Callable[[str, Artifact], Sequence[str]]


def accept_candidates(
    project: Project,
    ids: Iterable[str],
    *,
    reason: str,
    rerun: Rerun,
    judge: CompareArtifacts,
    invariants_hold: InvariantsHold,
    validate: Validate,
    lacking: LackingRules = lambda identity, artifact: (),
    left_behind: LackingRules = lambda identity, artifact: (),
    issue: str = "",
    author: str | None = None,
    approver: str | None = None,
    disposition: str = "refresh",
    bulk: bool = False,
    sign_key: Path | None = None,
    only: Sequence[str] = (),
) -> Approval:
    """Make pending ids golden, and write the approval of that; raises ApprovalError, and changes nothing, if refused.

    ``rerun(id)`` runs the pipeline afresh and gives the artifact and its schema's id.
    ``judge(id, golden, obtained)`` compares two artifacts. ``invariants_hold(scenario)`` and
    ``validate(artifact, schema)`` give a sentence for each problem, and ``lacking(id, artifact)`` one for each
    rule that has to be written before the artifact can be judged; ``left_behind(id, artifact)`` one for each default
    that changed while its scenario did not. ``author`` is whose change it is,
    and ``approver`` is who accepts it; both are git's user unless given. With ``only``, paths in one artifact, what
    is there alone becomes golden, and the rest stays as it is: the fresh run must agree with all of the candidate.
    """
    _refuse_ci("accept")
    if disposition not in _DISPOSITIONS:
        raise ApprovalError(f"disposition {disposition!r} is not one of {', '.join(_DISPOSITIONS)}")
    statement = Statement.of(project, reason, issue, author, approver, disposition, sign_key)
    recover_acceptance(project)
    wanted = list(dict.fromkeys(ids))
    before = _snapshot(project, wanted, bulk, only)
    if only:
        (part,) = before.drafts
        statement = replace(statement, reason=_reason_for_part(statement.reason, part, only))
    _refuse_unruled(before, lacking)
    for draft in before.drafts:
        if draft.kind == "golden":
            if draft.files and (sentences := left_behind(draft.identity, draft.artifact())):
                raise ApprovalError(f"{draft.identity}: the other stages would stay as they were: {_first(sentences)}")
            _check_golden(draft, rerun, judge, invariants_hold, validate)
        elif draft.kind == "schema":
            _check_schema(project, before, draft, validate)
        else:
            _check_tolerances(project)
    deviations = {draft.identity: _deviations(project, draft, judge) for draft in before.drafts}
    with project_lock(project):
        if _snapshot(project, wanted, bulk, only) != before:
            raise ApprovalError(
                "the goldens, a candidate or the commit changed while the fresh run was made: try again"
            )
        return write_approval(project, whole_chain(project), before, statement, deviations)


def reject_candidates(project: Project, ids: Iterable[str], reason: str = "") -> list[str]:
    """Forget candidates, with a line in the state's log, and give their ids."""
    _refuse_ci("reject")
    refuse_interrupted(project)
    wanted = list(dict.fromkeys(ids))
    with project_lock(project):
        known = {p.identity: p for p in list_pending(project)}
        _refuse_unknown(wanted, known)
        for identity in wanted:
            if known[identity].kind != "golden":
                raise ApprovalError(
                    f"{identity} is a file that was edited, not a candidate: undo the edit with git restore"
                )
        for identity in wanted:
            remove_candidate(project, identity)
        note_in_log(project, "reject", wanted, reason)
    return wanted


def strays(project: Project, known_ids: Iterable[str]) -> tuple[list[str], list[str]]:
    """The golden files that the manifest does not know, and the goldens in it that no scenario has any more."""
    goldens = Goldens.of(project)
    manifest = goldens.manifest()
    orphans = [identity for identity in goldens.on_disk() if identity not in manifest]
    gone = set(manifest).difference(known_ids)
    return orphans, sorted(identity for identity in gone if manifest[identity].kind == "golden")


def prune_goldens(
    project: Project,
    known_ids: Iterable[str],
    *,
    reason: str = "",
    issue: str = "",
    author: str | None = None,
    approver: str | None = None,
    bulk: bool = False,
    sign_key: Path | None = None,
) -> tuple[list[str], list[str], Approval | None]:
    """Remove strays, and give the orphans, the goldens that were removed, and the approval that these need."""
    _refuse_ci("prune")
    refuse_interrupted(project)
    known = set(known_ids)
    with project_lock(project):
        orphans, gone = strays(project, known)
        files: dict[str, bytes | None] = {f"{identity}{suffix}": None for identity in orphans for suffix in SUFFIXES}
        if not gone:
            if orphans:
                apply_changes(project, files, manifest=None, done=())
                note_in_log(project, "prune", orphans, reason)
            return orphans, [], None
        _refuse_many(gone, bulk)
        statement = Statement.of(project, reason, issue, author, approver, "removed", sign_key)
        chain = whole_chain(project)
        manifest = Goldens.of(project).manifest()
        refuse_dirty(project, manifest, {*orphans, *gone})
        commit = git.commit_of(project.root, "HEAD")
        drafts = tuple(removal(identity, manifest[identity]) for identity in gone)
        approval = write_approval(project, chain, Snapshot(commit, manifest, drafts), statement, {}, files)
        return orphans, gone, approval


def _reason_for_part(reason: str, draft: Draft, only: Sequence[str]) -> str:
    """The reason, and which values it is about: the golden is of no one run any more."""
    rest = f"the rest as approval {draft.before.approval} left it" if draft.before else "nothing else"
    return f"{reason} (only {', '.join(only)} of {draft.identity}; {rest})"


def _snapshot(project: Project, wanted: Sequence[str], bulk: bool, only: Sequence[str] = ()) -> Snapshot:
    """What an acceptance would depend on, as it is now; raises ApprovalError where that alone forbids it."""
    known = {p.identity: p for p in list_pending(project)}
    _refuse_unknown(wanted, known)
    _refuse_many(wanted, bulk)
    whole_chain(project)
    manifest = Goldens.of(project).manifest()
    drafts = tuple(draft_of(project, known[identity], manifest.get(identity)) for identity in wanted)
    if only:
        if len(drafts) != 1:
            raise ApprovalError("--only is about the values of one artifact: give one id")
        drafts = (part_of(project, drafts[0], only),)
    changes = {draft.identity: draft.change("", "") for draft in drafts}
    if clash := conflict(changes):
        raise ApprovalError(f"refused to accept {clash}: accept the rule first, verify again, then accept the golden")
    edits = {i: draft_of(project, p, manifest.get(i)).change("", "") for i, p in known.items() if p.kind != "golden"}
    if any(change.kind == "golden" for change in changes.values()) and (clash := conflict({**changes, **edits})):
        raise ApprovalError(f"refused to accept {clash}, since the rule was edited and not accepted: accept it first")
    refuse_dirty(project, manifest, wanted)
    return Snapshot(git.commit_of(project.root, "HEAD"), manifest, drafts)


def _refuse_unruled(now: Snapshot, lacking: LackingRules) -> None:
    """Every value of every candidate needs a rule; all that are missing are told at once, before anything runs."""
    goldens = [draft for draft in now.drafts if draft.kind == "golden" and draft.files]
    asked = [(d.identity, d.artifact()) for d in goldens] + [(d.identity, d.candidate()) for d in goldens if d.whole]
    if sentences := list(dict.fromkeys(s for identity, artifact in asked for s in lacking(identity, artifact))):
        raise ApprovalError(f"without a rule a golden guards nothing; accept these rules first: {'; '.join(sentences)}")


def _check_golden(
    draft: Draft, rerun: Rerun, judge: CompareArtifacts, invariants_hold: InvariantsHold, validate: Validate
) -> None:
    """A candidate must fit its schema, break no invariant, and agree with a fresh run."""
    identity, candidate = draft.identity, draft.candidate()
    if problems := validate(draft.artifact(), draft.schema):
        raise ApprovalError(f"{identity} does not fit its schema {draft.schema}: {_first(problems)}")
    if problems := invariants_hold(identity.split("/")[0]):
        raise ApprovalError(f"{identity}: an invariant fails, which no golden can change: {_first(problems)}")
    fresh, schema = rerun(identity)
    if schema != draft.schema:
        raise ApprovalError(f"{identity}: a fresh run has schema {schema}, the candidate {draft.schema}: run it again")
    verdicts = judge(identity, candidate, fresh)
    if any(v.message == NOTHING_COMPARED for v in verdicts):
        raise ApprovalError(f"{identity}: {NOTHING_COMPARED}")
    if not verdicts:
        raise ApprovalError(
            f"{identity}: a fresh run compared nothing with the candidate: an empty golden guards nothing"
        )
    failed = any(v.status.failed for v in verdicts)
    if failed and (refused := refusals(candidate, judge(identity, candidate, candidate))):
        raise ApprovalError(f"{identity}: no golden can hold what its own rule refuses: {_first(refused)}")
    if failures := [f"{v.path}: {v.message or v.status.value}" for v in verdicts if v.status.failed]:
        raise ApprovalError(
            f"{identity}: a fresh run disagrees with the candidate: {_first(failures)}: run it again if its source "
            "changed since, else two runs of it differ, which is not reproducible: seed it"
        )


def _check_schema(project: Project, now: Snapshot, draft: Draft, validate: Validate) -> None:
    """A schema may not change under the goldens that name it: they might no longer fit it, and would not be stale."""
    for identity, entry in now.manifest.items():
        if entry.kind != "golden" or entry.schema != draft.schema:
            continue
        if not draft.files:
            raise ApprovalError(f"{draft.identity} is still the schema of the golden {identity}: restore it")
        if problems := validate(Goldens.of(project).read(identity, entry).artifact, entry.schema):
            raise ApprovalError(
                f"the golden {identity} does not fit the edited {draft.identity} ({_first(problems)}): "
                "raise the version in its $id"
            )


def _check_tolerances(project: Project) -> None:
    """All rules must be readable with the edited file in place, and come from files that approvals guard."""
    from harness.judge.tolerances import load_rules

    guarded = rules_on_disk(project)
    for identity in (i for i, kind in guarded.items() if kind == "tolerances"):
        for source in load_rules(project.goldens / identity, project.goldens).sources:
            name = source.relative_to(project.goldens.resolve()).as_posix()
            if name not in guarded:
                raise ApprovalError(
                    f"{identity} extends {name}, which no approval guards: only files called {TOLERANCES}, "
                    "in the goldens' folder or a scenario's, are"
                )


def _deviations(project: Project, draft: Draft, judge: CompareArtifacts) -> tuple[Deviation, ...]:
    """The values that moved most from the golden to the candidate."""
    if draft.kind != "golden" or draft.before is None:
        return ()
    try:
        old = Goldens.of(project).read(draft.identity, draft.before).artifact
    except GoldenError:  # it is damaged, which may be why a new one is accepted
        return ()
    moved = [v for v in judge(draft.identity, old, draft.artifact()) if v.status.failed or v.used]
    moved.sort(key=lambda v: (v.status.failed, v.used if v.used is not None else float("inf")), reverse=True)
    return tuple(Deviation.of(verdict) for verdict in moved[:_RECORDED_DEVIATIONS])


def _refuse_ci(action: str) -> None:
    if in_ci():
        raise ApprovalError(f"harness {action} is refused in CI, where nothing is written: run it on your machine")


def _refuse_unknown(wanted: Sequence[str], known: Iterable[str]) -> None:
    known = list(known)
    if not wanted:
        raise ApprovalError("no id was given: harness pending lists what waits")
    for identity in wanted:
        if identity not in known:
            near = difflib.get_close_matches(identity, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "harness pending lists what is"
            raise ApprovalError(f"{identity!r} is not pending; {hint}")


def _refuse_many(wanted: Sequence[str], bulk: bool) -> None:
    if len(wanted) > _MOST_AT_ONCE and not bulk:
        raise ApprovalError(f"{len(wanted)} ids at once are more than {_MOST_AT_ONCE}: look at each, or say --bulk")


def _first(problems: Sequence[str]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"
