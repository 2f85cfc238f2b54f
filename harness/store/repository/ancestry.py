"""Where a proposal began: the commits that it is compared with, and why a comparison with them would prove nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.core import git
from harness.core.errors import GoldenError
from harness.core.project import Project
from harness.store.checkout import guarded_places
from harness.store.manifest import APPROVALS, MANIFEST, Entry, parse_manifest

_MOVED = "what stood there has to be reviewed by hand"


@dataclass(frozen=True)
class Earlier:
    """The manifest and the approvals as a commit held them; ``name`` is what sentences call it."""

    name: str
    commit: str
    manifest: Mapping[str, Entry]
    approvals: Mapping[str, bytes]


def shared_history(project: Project, base: str, commit: str) -> tuple[list[Earlier], list[str]]:
    """The store where HEAD and ``commit``, which is called ``base``, began to differ, and what forbids comparing.

    That is one commit as a rule, and more where branches were merged crosswise. A branch that lacks the newest of
    ``base`` is so compared with what it was made from.
    """
    root = project.root
    here = git.commit_of(root, "HEAD")
    shared = git.common_ancestors(root, commit, here)
    if not shared:
        return [], [_unrelated(root, base)]
    began: list[Earlier] = []
    problems: list[str] = []
    places = guarded_places(project)
    for ancestor in shared:
        name = base if ancestor == commit else f"{ancestor[:12]}, where HEAD left {base},"
        problems += _led_elsewhere(project, ancestor, name, places)
        approvals = git.folder_at(root, ancestor, project.goldens / APPROVALS)
        content = git.file_at(root, ancestor, project.goldens / MANIFEST)
        try:
            manifest = parse_manifest(content, f"{MANIFEST} of {name}") if content is not None else {}
        except GoldenError as error:
            problems.append(str(error))
            continue
        if content is None and (project.goldens / MANIFEST).exists():
            problems += _first_introduction(project, commit, base, ancestor, name, bool(approvals))
        began.append(Earlier(name, ancestor, manifest, approvals))
    return began, problems


def nothing_to_compare(base: str, commit: str, here: str) -> str:
    """The sentence for a comparison of HEAD with itself."""
    which = "is the commit that is checked out" if commit == here else "has everything that is checked out"
    return (
        f"{base} {which}, and nothing was accepted since, so --approvals compares nothing: name the commit before the "
        "change, such as the branch that it is proposed for"
    )


def nothing_accepted_yet(name: str) -> str:
    """The sentence for a commit that held no goldens."""
    return (
        f"{name} holds no goldens, so --approvals compares nothing: name a commit that has some, or leave --approvals "
        "out until the branch that this is proposed for has them"
    )


def _unrelated(root: Path, base: str) -> str:
    if git.is_shallow(root):
        return (
            f"this clone is shallow and lacks the commit where HEAD left {base}, so nothing can be compared: "
            "git fetch --unshallow, or fetch-depth: 0 in CI"
        )
    return f"{base} and HEAD have no commit in common, so nothing can be compared: name one that HEAD was made from"


def _led_elsewhere(project: Project, commit: str, name: str, places: list[Path]) -> Iterator[str]:
    """A sentence for each place that was no folder of the commit's own."""
    kinds = {git.LINK: "a symbolic link", git.SUBMODULE: "a submodule"}
    for path in places:
        if kind := kinds.get(git.mode_at(project.root, commit, path)):
            yield f"{path.relative_to(project.root)} was {kind} in {name}: {_MOVED}"


def _first_introduction(
    project: Project, commit: str, base: str, ancestor: str, name: str, approved: bool
) -> Iterator[str]:
    """Why goldens of which ``ancestor`` has no manifest are not simply the first: then approvals explain them all."""
    if approved:
        yield f"{name} has approvals and no {MANIFEST}: {_MOVED}"
    elif commit != ancestor and git.file_at(project.root, commit, project.goldens / MANIFEST) is not None:
        yield f"{name} had no goldens, which {base} has meanwhile: merge {base}, so that they can be compared"
    top = git.top(project.root)
    for place in git.files_called(project.root, ancestor, MANIFEST):
        if not (top / place).exists() and _is_manifest(git.file_at(project.root, ancestor, top / place)):
            yield f"the goldens of {name} were in {PurePosixPath(place).parent} and are not there now: {_MOVED}"


def _is_manifest(content: bytes | None) -> bool:
    try:
        return bool(parse_manifest(content or b"", MANIFEST))
    except GoldenError:
        return False
