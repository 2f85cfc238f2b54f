"""Two branches that both accepted become one: the manifest is put together, and what both changed is settled.

The approvals of both lie side by side after git's merge, since no two have one name. What only one branch changed needs
no decision. What both did needs one, which is an approval as well: it follows both, and says which of the two stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core import git, text
from harness.core.errors import ApprovalError, GoldenError
from harness.core.files import write_file
from harness.core.project import Project, in_ci
from harness.store.approval_writer import Statement, write_approval
from harness.store.approvals import Approval
from harness.store.chain import Chain, Claim, approval_files, replay_approvals
from harness.store.drafts import Draft, Snapshot
from harness.store.goldens import Goldens
from harness.store.manifest import APPROVALS, MANIFEST, Entry, dump_manifest
from harness.store.repository.past import UNDER_WAY
from harness.store.repository.versions import contents_of, entries_of, manifest_now
from harness.store.transaction import apply_changes, project_lock, refuse_interrupted

_SHORTEST = 4  # the characters that an approval must be named by
Entries = Mapping[tuple[str, str], Entry]


@dataclass(frozen=True)
class Merged:
    """What a merge did: the files that it put right, within the repository, and the approvals that settle some ids."""

    files: tuple[str, ...]
    approvals: tuple[Approval, ...]


def merge_branches(
    project: Project,
    take: Sequence[str] = (),
    *,
    reason: str = "",
    issue: str = "",
    author: str | None = None,
    approver: str | None = None,
    sign_key: Path | None = None,
) -> Merged:
    """Make the manifest and the files what the approvals of all branches say, during git's merge or after it.

    ``take`` says which version stands of an id that several changed: ``ours`` (what HEAD has, or its first parent
    after the merge), ``theirs``, or the start of an approval's id; the first that fits an id decides.
    """
    if in_ci():
        raise ApprovalError("harness merge is refused in CI, where nothing is written: run it on your machine")
    refuse_interrupted(project)
    with project_lock(project):
        chain = replay_approvals(approval_files(project))
        if chain.problems:
            raise GoldenError(chain.problems[0])
        chosen = _chosen(project, chain, take)
        if chosen:  # before anything is written: it may lack a reason or a key
            statement = Statement.of(project, reason, issue, author, approver, "merged", sign_key)
        entries = entries_of(project, ((i, claim) for i, claims in chain.last.items() for claim in claims))
        manifest = _manifest(project, chain, chosen, entries)
        restored = _restored(project, chain, chosen, manifest)
        inside = {p: c for p, c in restored.items() if p.is_relative_to(project.goldens)}
        for path in restored.keys() - inside.keys():  # schemas, which have a folder of their own
            content = restored[path]
            path.unlink(missing_ok=True) if content is None else write_file(path, content)
        changes = {path.relative_to(project.goldens).as_posix(): content for path, content in inside.items()}
        whole = manifest == manifest_now(project)
        if changes or not whole:
            apply_changes(project, changes, dump_manifest(manifest), ())
        approvals = list(_settle(project, statement, chosen, entries)) if chosen else []
    touched = [*restored, *([] if whole and not approvals else [project.goldens / MANIFEST])]
    return Merged(tuple(path.relative_to(project.root).as_posix() for path in touched), tuple(approvals))


def _chosen(project: Project, chain: Chain, take: Sequence[str]) -> dict[str, Claim]:
    """The claim that stands, of each id that branches accepted with different content."""
    chosen, open_, ours = {}, [], _ours(project) if chain.unsettled else set()
    for identity, claims in chain.unsettled.items():
        fitting = [[c for c in claims if _fits(c.approval.id, name, ours)] for name in take]
        decided = [found for found in fitting if len(found) == 1]
        if decided:
            chosen[identity] = decided[0][0]
        else:
            versions = " or ".join(f"{c.approval.id} ({c.approval.approver}: {c.approval.reason})" for c in claims)
            open_.append(f"{identity} was accepted on two branches, by {versions}")
    _refuse_unknown_versions(chain, take, ours)
    if open_:
        more = f" (and {len(open_) - 1} more ids)" if len(open_) > 1 else ""
        raise ApprovalError(
            f"{open_[0]}{more}: say which stands with --take ours, --take theirs or --take APPROVAL, and why "
            "with --reason"
        )
    return chosen


def _refuse_unknown_versions(chain: Chain, take: Sequence[str], ours: set[str]) -> None:
    """Raise ApprovalError for a word that names none of the versions among which it is to choose."""
    versions = sorted({claim.approval.id for claims in chain.unsettled.values() for claim in claims})
    for name in take if versions else ():
        if name not in ("ours", "theirs") and not any(_fits(version, name, ours) for version in versions):
            known = text.joined(["ours", "theirs", *versions])
            raise ApprovalError(
                f"--take {text.clipped(name, 40)} names no version of what both branches changed: there are {known}"
            )


def _fits(approval: str, name: str, ours: set[str]) -> bool:
    if name in ("ours", "theirs"):
        return (approval in ours) == (name == "ours")
    return len(name) >= _SHORTEST and approval.startswith(name)


def _ours(project: Project) -> set[str]:
    """The approvals of the branch that git calls ours."""
    merging = any(git.is_known(project.root, name) for name in UNDER_WAY)
    start = "HEAD" if merging or not git.is_known(project.root, "HEAD^2") else "HEAD^1"
    files = git.folder_at(project.root, git.commit_of(project.root, start), project.goldens / APPROVALS)
    return {name.removesuffix(".json") for name in files}


def _manifest(project: Project, chain: Chain, chosen: Mapping[str, Claim], entries: Entries) -> dict[str, Entry]:
    """The manifest that the approvals make, with what stands of the ids that have more than one claim."""
    now, manifest = manifest_now(project), {}
    for identity, claims in chain.last.items():
        known = [entries.get((identity, claim.approval.id)) for claim in claims]
        if identity in chosen:
            entry = entries.get((identity, chosen[identity].approval.id))
        else:  # either entry will do, as both have the same content
            entry = now[identity] if now.get(identity) in known else known[0]
        if entry:
            manifest[identity] = entry
    return manifest


def _restored(
    project: Project, chain: Chain, chosen: Mapping[str, Claim], manifest: Mapping[str, Entry]
) -> dict[Path, bytes | None]:
    """The files that git's merge left otherwise than they were accepted, with what they should be.

    A file that somebody edited and did not accept stays: it is neither in conflict nor what any approval says.
    """
    goldens, in_conflict = Goldens.of(project), git.unmerged(project.root)
    accepted: dict[str, set[str | None]] = {}
    for approval in chain.approvals:
        for identity, change in approval.changes.items():
            accepted.setdefault(identity, {None}).add(change.after)
    restored: dict[Path, bytes | None] = {}
    for identity, claims in chain.last.items():
        kind, entry = claims[0].change.kind, manifest.get(identity)
        paths, content = goldens.files(identity, kind), goldens.content(identity, kind)
        digest = goldens.digest(identity, entry, kind)
        by_merge = in_conflict.intersection(path.parent.resolve() / path.name for path in paths.values())
        if digest == (entry.sha256 if entry else None):
            continue
        if by_merge or identity in chosen or digest in accepted[identity]:
            wanted = contents_of(project, identity, _in_git(entry)) if entry else {}
            differing = {s: path for s, path in paths.items() if wanted.get(s) != content.get(s)}
            restored |= {path: wanted.get(suffix) for suffix, path in differing.items()}
    return restored


def _in_git(entry: Entry) -> Entry:
    """An entry without the files that are not git's to keep."""
    return replace(entry, files={s: digest for s, digest in entry.files.items() if s not in entry.remote})


def _settle(
    project: Project, statement: Statement, chosen: Mapping[str, Claim], entries: Entries
) -> Iterator[Approval]:
    """Write the approvals of what stands: one of rules and one of goldens, which may not change at once."""
    for rules in (True, False):
        chain, manifest = replay_approvals(approval_files(project)), manifest_now(project)
        drafts = []
        for identity, claim in chosen.items():
            kind, entry = claim.change.kind, entries.get((identity, claim.approval.id))
            if (kind != "golden") is rules:
                others = (c for c in chain.last[identity] if c.change.after != claim.change.after)
                before = entries.get((identity, next(others).approval.id))
                files = contents_of(project, identity, entry) if entry else {}
                drafts.append(Draft(identity, kind, before, files, claim.change.schema, accepted=entry))
        if drafts:
            now = Snapshot(git.commit_of(project.root, "HEAD"), manifest, tuple(drafts))
            yield write_approval(project, chain, now, statement, {})
