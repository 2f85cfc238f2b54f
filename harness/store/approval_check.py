"""Bypasses of acceptance are changes of the goldens that nobody approved: every door looks for them here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.core import git
from harness.core.errors import GoldenError, HarnessError
from harness.core.project import Project
from harness.store.approvals import Approval, short_digest
from harness.store.candidates import list_edits
from harness.store.chain import Chain, approval_files, disagreements, replay_approvals
from harness.store.checkout import never_committed, outside_commits
from harness.store.goldens import Goldens, line_ends_changed
from harness.store.manifest import APPROVALS, Entry, combined_digest
from harness.store.repository.ancestry import Earlier, nothing_accepted_yet, nothing_to_compare, shared_history
from harness.store.repository.past import project_at
from harness.store.signing import signers_of, unsigned_approvals

_UNDO = {"new": "remove it", "changed": "restore it", "removed": "restore it"}


def chain_problems(project: Project) -> list[str]:
    """What is wrong with the store as its files are: the replayed approvals, the manifest and the disk must agree."""
    try:
        manifest = Goldens.of(project).manifest()
        files = approval_files(project)
    except HarnessError as error:
        return [str(error)]
    chain = replay_approvals(files)
    problems = [*chain.problems, *disagreements(chain, manifest)]
    problems += [*outside_commits(project), *files_disagree(project, manifest), *never_committed(project, manifest)]
    if project.allowed_signers:
        try:
            problems += unsigned_approvals(files, chain.approvals, signers_of(project))
        except HarnessError as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def readable_approvals(project: Project) -> tuple[Approval, ...]:
    """Every approval that can be read, the newest last, whatever is wrong with them."""
    try:
        return replay_approvals(approval_files(project)).approvals
    except GoldenError:
        return ()


def check_approvals(project: Project, base: str) -> list[str]:
    """What is wrong with the store, against the commit ``base`` too; raises ApprovalError when that is no commit.

    There is nothing when every difference has its approval, every approval its difference, and nothing that stood
    where HEAD left ``base`` was rewritten. A comparison that could not find anything is wrong as well.
    """
    commit, here = git.commit_of(project.root, base), git.commit_of(project.root, "HEAD")
    problems = chain_problems(project)
    if list(outside_commits(project)):
        return problems  # there is nothing to compare with, as commits hold none of it
    try:
        manifest = Goldens.of(project).manifest()
        files = approval_files(project)
        began, lacking = shared_history(project, base, commit)
        meanwhile = git.folder_at(project.root, commit, project.goldens / APPROVALS) if began else {}
    except HarnessError as error:
        return list(dict.fromkeys([*problems, str(error)]))
    chain = replay_approvals(files)
    problems += lacking
    for earlier in began:
        problems += _rewritten(earlier.approvals, files, earlier.name)
        problems += _unexplained(earlier, chain, manifest)
        problems += _settings_moved(project, earlier)
        if not earlier.manifest and manifest:
            problems.append(nothing_accepted_yet(earlier.name))
        if earlier.commit == here and (earlier.manifest, earlier.approvals) == (manifest, files):
            problems.append(nothing_to_compare(base, commit, here))
    problems += _rewritten({name: content for name, content in meanwhile.items() if name in files}, files, base)
    problems += _signed_by_strangers(project, commit, base, chain, files, meanwhile)
    return list(dict.fromkeys(problems))


def _rewritten(old: Mapping[str, bytes], new: Mapping[str, bytes], name: str) -> list[str]:
    """A sentence for each approval of the commit called ``name`` that was removed or edited."""
    gone = [
        f"{APPROVALS}/{file} is in {name} and was removed: approvals are append-only"
        for file in sorted(old.keys() - new.keys())
    ]
    edited = [
        f"{APPROVALS}/{file} is not what it was in {name}: approvals are append-only"
        for file in sorted(old.keys() & new.keys())
        if old[file] != new[file]
    ]
    return gone + edited


def _unexplained(earlier: Earlier, chain: Chain, manifest: Mapping[str, Entry]) -> Iterator[str]:
    """A sentence for each id that was not earlier where the new approvals start, or is not now where they end."""
    before, base, then = earlier.manifest, earlier.name, replay_approvals(earlier.approvals).last
    fresh = {i for a in chain.approvals if f"{a.id}.json" not in earlier.approvals for i in a.changes}
    for identity in sorted({*before, *manifest, *fresh}):
        if identity not in fresh:
            if before.get(identity) != manifest.get(identity):
                yield f"{identity} differs from {base} and no new approval says so"
            continue
        was = before[identity].sha256 if identity in before else None
        now = manifest[identity].sha256 if identity in manifest else None
        starts = {claim.change.after for claim in then.get(identity, ())} or {None}
        ends = {claim.change.after for claim in chain.last[identity]}
        if was not in starts or now not in ends:
            yield (
                f"{identity} went from {short_digest(was)} in {base} to {short_digest(now)}, and the new approvals "
                f"say from {_digests(starts)} to {_digests(ends)}"
            )


def _digests(several: Iterable[str | None]) -> str:
    return " or ".join(sorted(map(short_digest, several)))


def files_disagree(project: Project, manifest: Mapping[str, Entry]) -> Iterator[str]:
    """A sentence for each file that is not as the manifest says, that it does not know, or that is gone."""
    goldens = Goldens.of(project)
    for identity in goldens.on_disk():
        if identity not in manifest:
            place = project.goldens.name
            yield f"{identity} is in {place}/, not in the manifest: accept it, or remove it with `harness prune`"
    for identity, entry in sorted(manifest.items()):
        if entry.kind == "golden":
            try:
                goldens.accepted(identity, entry)
            except GoldenError as error:
                yield str(error)
    try:
        edits = list_edits(project)
    except GoldenError as error:
        yield str(error)
        return
    for edit in edits:
        if edit.change == "changed" and _differs_in_line_ends(goldens, edit.identity, manifest[edit.identity]):
            yield line_ends_changed(edit.identity, project.schemas if edit.kind == "schema" else project.goldens)
        else:
            yield f"{edit.headline}: `harness accept {edit.identity} --reason ...`, or {_UNDO[edit.change]}"


def _differs_in_line_ends(goldens: Goldens, identity: str, entry: Entry) -> bool:
    content = goldens.content(identity, entry.kind)
    return combined_digest({s: c.replace(b"\r\n", b"\n") for s, c in content.items()})[1] == entry.sha256


def _settings_moved(project: Project, earlier: Earlier) -> list[str]:
    """A sentence for each setting by which pyproject.toml leads elsewhere than it did, around all of this."""
    try:
        before = project_at(project, earlier.commit)
    except (HarnessError, ValueError) as error:
        return [f"pyproject.toml of {earlier.name} cannot be compared: {error}"]
    pairs = {
        k: (getattr(before, k), getattr(project, k)) for k in ("goldens", "schemas", "allowed_signers", "cache_signers")
    }
    return [
        f"[tool.harness] {key} was {old} in {earlier.name} and is {new}: what stood there has to be reviewed by hand"
        for key, (old, new) in pairs.items()
        if old is not None and old != new
    ]


def _signed_by_strangers(
    project: Project, commit: str, base: str, chain: Chain, files: Mapping[str, bytes], old: Mapping[str, bytes]
) -> list[str]:
    """A sentence for each approval that ``base`` does not have and that is not by people whom it knows already."""
    if not project.allowed_signers:
        return []
    try:
        before = git.file_at(project.root, commit, project.allowed_signers)
        fresh = tuple(a for a in chain.approvals if f"{a.id}.json" not in old)
        return unsigned_approvals(files, fresh, before) if before is not None else []
    except HarnessError as error:
        return [f"the allowed signers of {base} cannot be compared: {error}"]
