"""Bypasses of acceptance are changes of the goldens that nobody approved: code owners look for them in a proposal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from harness.core import git
from harness.core.errors import GoldenError, HarnessError
from harness.core.project import Project, read_table
from harness.store.approvals import short_digest
from harness.store.candidates import rules_on_disk
from harness.store.chain import (
    Chain,
    allowed_signers,
    approval_files,
    disagreements,
    replay_approvals,
    unsigned_approvals,
)
from harness.store.goldens import Goldens
from harness.store.manifest import APPROVALS, MANIFEST, Entry, combined_digest, parse_manifest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def check_approvals(project: Project, base: str) -> list[str]:
    """What is wrong with the goldens, tolerances, schemas, manifest and approvals, against commit ``base``.

    Each problem is a sentence; there is none when every difference has its approval, every approval its
    difference, and nothing that stood at ``base`` was rewritten. Raises ApprovalError when ``base`` is no commit.
    """
    commit = git.commit_of(project.root, base)
    try:
        manifest = Goldens.of(project).manifest()
        files = approval_files(project)
    except GoldenError as error:
        return [str(error)]
    old_files = git.folder_at(project.root, commit, project.goldens / APPROVALS)
    chain = replay_approvals(files)
    problems = [*_rewritten(old_files, files, base), *chain.problems, *disagreements(chain, manifest)]
    problems += _unexplained(project, commit, base, chain, set(files) - set(old_files), manifest)
    problems += files_disagree(project, manifest)
    problems += _settings_moved(project, commit, base)
    problems += _unsigned(project, commit, chain, files, old_files)
    return list(dict.fromkeys(problems))


def _rewritten(old: Mapping[str, bytes], new: Mapping[str, bytes], base: str) -> list[str]:
    """A sentence for each approval of ``base`` that was removed or edited."""
    gone = [
        f"{APPROVALS}/{name} is in {base} and was removed: approvals are append-only"
        for name in sorted(old.keys() - new.keys())
    ]
    edited = [
        f"{APPROVALS}/{name} is not what it was in {base}: approvals are append-only"
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    ]
    return gone + edited


def _unexplained(
    project: Project, commit: str, base: str, chain: Chain, new: set[str], manifest: Mapping[str, Entry]
) -> list[str]:
    """A sentence for each id that was not at ``base`` where the new approvals start, or is not now where they end."""
    content = git.file_at(project.root, commit, project.goldens / MANIFEST)
    try:
        before = parse_manifest(content, f"{MANIFEST} of {base}") if content is not None else {}
    except GoldenError as error:
        return [str(error)]
    problems = []
    fresh = [a for a in chain.approvals if f"{a.id}.json" in new]
    for identity in sorted({*before, *manifest, *(i for a in fresh for i in a.changes)}):
        steps = [a.changes[identity] for a in fresh if identity in a.changes]
        was = before[identity].sha256 if identity in before else None
        now = manifest[identity].sha256 if identity in manifest else None
        if not steps:
            if before.get(identity) != manifest.get(identity):
                problems.append(f"{identity} differs from {base} and no new approval says so")
        elif (steps[0].before, steps[-1].after) != (was, now):
            problems.append(
                f"{identity} went from {short_digest(was)} in {base} to {short_digest(now)}, and the new approvals "
                f"say from {short_digest(steps[0].before)} to {short_digest(steps[-1].after)}"
            )
    return problems


def files_disagree(project: Project, manifest: Mapping[str, Entry]) -> list[str]:
    """A sentence for each file that is not as the manifest says, that it does not know, or that is gone."""
    goldens = Goldens.of(project)
    problems = []
    kinds: dict[str, str] = {identity: entry.kind for identity, entry in manifest.items()}
    unknown = {**dict.fromkeys(goldens.on_disk(), "golden"), **rules_on_disk(project)}
    for identity, kind in sorted((unknown | kinds).items()):
        try:
            content = goldens.content(identity, kind)
        except GoldenError as error:
            problems.append(str(error))
            continue
        entry = manifest.get(identity)
        if entry is None:
            problems.append(f"{identity} is on the disk and not in {MANIFEST}: it was never accepted")
        elif not content:
            problems.append(f"{identity} is in {MANIFEST} and not on the disk")
        elif combined_digest(content)[1] != entry.sha256:
            problems.append(f"{identity} is not what was accepted: its files differ from {MANIFEST}")
    return problems


def _settings_moved(project: Project, commit: str, base: str) -> list[str]:
    """A sentence for each setting by which pyproject.toml leads elsewhere than at ``base``, around all of this."""
    content = git.file_at(project.root, commit, project.root / "pyproject.toml")
    try:
        table = tomllib.loads((content or b"").decode()).get("tool", {}).get("harness")
        before = read_table(project.root, table) if table else project
    except (HarnessError, ValueError) as error:
        return [f"pyproject.toml of {base} cannot be compared: {error}"]
    pairs = {k: (getattr(before, k), getattr(project, k)) for k in ("goldens", "schemas", "allowed_signers")}
    return [
        f"[tool.harness] {key} was {old} in {base} and is {new}: what stood there has to be reviewed by hand"
        for key, (old, new) in pairs.items()
        if old is not None and old != new
    ]


def _unsigned(
    project: Project, commit: str, chain: Chain, files: Mapping[str, bytes], old_files: Mapping[str, bytes]
) -> list[str]:
    """A sentence for each approval without a good signature; new ones must be by people whom ``base`` knew already."""
    if not project.allowed_signers:
        return []
    try:
        problems = unsigned_approvals(files, chain.approvals, allowed_signers(project))
    except GoldenError as error:
        return [str(error)]
    before = git.file_at(project.root, commit, project.allowed_signers)
    if before is not None:
        fresh = tuple(a for a in chain.approvals if f"{a.id}.json" not in old_files)
        problems += unsigned_approvals(files, fresh, before)
    return problems
