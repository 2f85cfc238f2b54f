"""The working tree must be what its commit says, but for goldens that were accepted and not yet committed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from harness.core import git
from harness.core.errors import ApprovalError
from harness.core.project import Project
from harness.store.goldens import Goldens
from harness.store.manifest import APPROVALS, MANIFEST, SUFFIXES, TOLERANCES, Entry

_UNTRACKED = "??"


def refuse_dirty(project: Project, manifest: Mapping[str, Entry], named: Collection[str]) -> None:
    """Raise ApprovalError unless everything that git calls changed is accepted already, or among the ``named`` ids.

    An approval names the commit that its numbers come from; on a dirty tree that would not be true. What git does not
    track and lies outside the project's folder is other people's: a repository may hold several projects. Own modules
    from there that a stage loads are the fingerprints' concern.
    """
    if hidden := git.overlooked(project.root):
        raise ApprovalError(
            f"git was told to overlook changes of {hidden[0]}, so nobody knows what made these numbers: "
            "git update-index --no-assume-unchanged --no-skip-worktree on it"
        )
    changed = [p for p, s in git.dirty(project.root).items() if not _settled(project, manifest, named, p, s)]
    if not changed:
        return
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    state = project.state.resolve()
    if changed[0].is_relative_to(state):
        raise ApprovalError(f"git does not ignore {state}, where candidates are kept: add it to .gitignore")
    raise ApprovalError(
        f"the working tree is dirty ({changed[0]}{more}): commit or stash first, "
        "so that the commit in the approval is the one that made these numbers"
    )


def _settled(project: Project, manifest: Mapping[str, Entry], named: Collection[str], path: Path, status: str) -> bool:
    """Whether a path that git calls changed may be so: it belongs to what is accepted already, or to a named id."""
    if status == _UNTRACKED and not path.is_relative_to(project.root.resolve()):
        return True
    inside = _within(path, project.goldens)
    if inside == MANIFEST:
        return True  # the chain of approvals vouches for it
    if inside and inside.startswith(f"{APPROVALS}/"):
        return status == _UNTRACKED or status.startswith("A")  # a new record; an old one is never changed
    if (owner := owner_of(project, path)) is None:
        return False
    identity, kind = owner
    if identity in named:
        return True
    entry = manifest.get(identity)
    return Goldens.of(project).digest(identity, entry, kind) == (entry.sha256 if entry else None)


def owner_of(project: Project, path: Path) -> tuple[str, str] | None:
    """The id and kind of the golden, tolerances or schema that ``path`` is a file of; None for any other."""
    if inside := _within(path, project.goldens):
        parts = PurePosixPath(inside)
        if parts.name == TOLERANCES and len(parts.parts) <= 2:
            return inside, "tolerances"
        if len(parts.parts) == 3 and parts.suffix in SUFFIXES:
            return parts.with_suffix("").as_posix(), "golden"
    if _within(path, project.schemas) and path.suffix == ".json":
        return path.relative_to(project.schemas.parent.resolve()).as_posix(), "schema"
    return None


def _within(path: Path, folder: Path) -> str:
    """The path relative to a folder; empty outside it."""
    folder = folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
