"""The writer of approvals puts goldens, approval, signature and manifest in place: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from harness.core import git
from harness.core.errors import ApprovalError
from harness.core.project import Project
from harness.store.approvals import Approval, Change, Deviation, address_of, dump_approval
from harness.store.chain import Chain, entry_digest
from harness.store.drafts import Draft, Snapshot
from harness.store.large.objects import Objects, divided
from harness.store.manifest import APPROVALS, MANIFEST, SUFFIXES, Entry, dump_manifest
from harness.store.signing import SIGNATURE_SUFFIX, sign_approval, signature_problem, signers_of
from harness.store.transaction import apply_changes


@dataclass(frozen=True)
class Statement:
    """What the approver states: who accepts, and why."""

    reason: str
    issue: str
    author: str
    approver: str
    disposition: str
    sign_key: Path | None

    @classmethod
    def of(
        cls,
        project: Project,
        reason: str,
        issue: str,
        author: str | None,
        approver: str | None,
        disposition: str,
        sign_key: Path | None,
    ) -> Statement:
        """A statement by git's user, where nobody is named; raises ApprovalError without a reason or a needed key."""
        if not reason.strip():
            raise ApprovalError("an approval needs a reason that the next reader will understand: give --reason")
        if project.allowed_signers and sign_key is None:
            raise ApprovalError(f"approvals are signed here ({project.allowed_signers} exists): give --sign-key")
        git.top(project.root)  # before asking who is here, so that outside a repository the message says so
        author = author or git.person(project.root)
        return cls(reason.strip(), issue, author, approver or git.person(project.root), disposition, sign_key)


def write_approval(
    project: Project,
    chain: Chain,
    now: Snapshot,
    statement: Statement,
    deviations: Mapping[str, tuple[Deviation, ...]],
    also: Mapping[str, bytes | None] | None = None,
) -> Approval:
    """Carry out ``now.drafts`` with an approval of them, and write or remove (None) the files in ``also``.

    The approval follows every head of ``chain``, which is how branches that accepted side by side join. The caller
    holds the lock and has checked everything but the signature and what git ignores.
    """
    entries = {draft.identity: _entry(project, draft, now.commit) for draft in now.drafts}
    changes: dict[str, Change] = {}
    files: dict[str, bytes | None] = dict(also or {})
    for draft in now.drafts:
        entry = entries[draft.identity]
        changes[draft.identity] = draft.change(
            entry_digest(entry) if entry else "", statement.disposition, deviations.get(draft.identity, ())
        )
        if draft.kind == "golden":
            large = entry.remote if entry else {}
            files |= {f"{draft.identity}{s}": None if s in large else draft.files.get(s) for s in SUFFIXES}
    approval = Approval(
        id="",
        previous=chain.heads,
        when=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        reason=statement.reason,
        issue=statement.issue,
        author=statement.author,
        approver=statement.approver,
        commit=now.commit,
        changes=changes,
    )
    content = dump_approval(approval)
    approval = replace(approval, id=address_of(content))
    name = f"{APPROVALS}/{approval.id}.json"
    files[name] = content
    if statement.sign_key:
        files[f"{name}{SIGNATURE_SUFFIX}"] = _signature(project, content, statement)
    _refuse_ignored(project, [path for path, new in files.items() if new is not None])
    _keep_large(project, now, entries)
    accepted = [draft.identity for draft in now.drafts if draft.kind == "golden"]
    made = {identity: replace(entry, approval=approval.id) for identity, entry in entries.items() if entry}
    kept = {identity: entry for identity, entry in now.manifest.items() if identity not in entries}
    apply_changes(project, files, dump_manifest({**kept, **made}), accepted)
    return approval


def _entry(project: Project, draft: Draft, commit: str) -> Entry | None:
    """The manifest's entry, but for its approval; what another branch accepted stays where it is kept."""
    entry = draft.entry(commit)
    return entry if draft.accepted else divided(project, entry, draft.files)


def _keep_large(project: Project, now: Snapshot, entries: Mapping[str, Entry | None]) -> None:
    """Keep what is too large for git beside it, before anything is decided: what was decided is then there."""
    objects = Objects.of(project)
    for draft in now.drafts:
        if entry := entries[draft.identity]:
            for suffix in entry.remote:
                if not objects.has(entry.files[suffix], entry.remote[suffix]):
                    objects.keep(entry.files[suffix], draft.files[suffix])


def _signature(project: Project, content: bytes, statement: Statement) -> bytes:
    """The signature of an approval's content, which the allowed signers, where there are any, must vouch for."""
    assert statement.sign_key is not None
    signature = sign_approval(content, statement.sign_key)
    if project.allowed_signers and (
        problem := signature_problem(content, signature, signers_of(project), statement.approver)
    ):
        raise ApprovalError(f"the approval was not made: {problem} ({project.allowed_signers})")
    return signature


def _refuse_ignored(project: Project, paths: list[str]) -> None:
    """Git must not ignore a path: it would never be committed, and the goldens would fail in every other checkout."""
    if ignored := git.ignored(project.root, [project.goldens / path for path in (*paths, MANIFEST)]):
        raise ApprovalError(f"git ignores {ignored[0]}, so it would never be committed: change .gitignore")
