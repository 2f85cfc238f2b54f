"""What git makes of the goldens in this clone: what it leaves out of commits, or would change when it writes a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.core import git
from harness.core.errors import ApprovalError, GoldenError
from harness.core.project import Project
from harness.store.chain import approval_files
from harness.store.goldens import Goldens
from harness.store.manifest import APPROVALS, MANIFEST, Entry

_CHANGING = ("ident", "filter", "working-tree-encoding")  # attributes with which git changes what it writes


def checkout_problems(project: Project) -> list[str]:
    """What this clone's git lacks or does to the goldens, one sentence each; empty outside a repository."""
    goldens = Goldens.of(project)
    try:
        git.top(project.root)
    except ApprovalError:
        return []
    try:
        approval_files(project)
        manifest = goldens.manifest()
    except GoldenError as error:
        return [str(error)]
    damaged = list(outside_commits(project))
    risks = [] if damaged or not manifest else list(_changed_by_git(project))
    for identity, entry in manifest.items():
        try:
            goldens.accepted(identity, entry)
        except GoldenError as error:
            damaged.append(str(error))
    return list(dict.fromkeys([*risks, *never_committed(project, manifest), *damaged]))


def guarded_places(project: Project) -> list[Path]:
    """The folders that hold what is approved, and those between them and the project's root."""
    folders = [project.goldens / APPROVALS, project.goldens / MANIFEST, project.schemas]
    folders += [project.allowed_signers] if project.allowed_signers else []
    paths = [path for folder in folders for path in (folder, *folder.parents)]
    return sorted({path for path in paths if path != project.root and path.is_relative_to(project.root)})


def outside_commits(project: Project) -> Iterator[str]:
    """A sentence for each place whose content the commits do not hold, as it is now; none outside a repository."""
    try:
        root = git.top(project.root)
    except ApprovalError:
        return  # there is no repository, so nobody expects commits to hold anything
    for folder in (project.goldens, project.schemas):
        if not Path(folder.parent.resolve() / folder.name).is_relative_to(root):
            yield f"{folder} lies outside the repository {root}, whose commits cannot hold it: move it there"
    nested = [git_folder.parent for folder in (project.goldens, project.schemas) for git_folder in folder.rglob(".git")]
    for path in nested:
        yield f"{path} is a repository of its own, which the commits of {root} do not hold: put the files there"
    for path in guarded_places(project):
        if path.is_symlink():
            yield f"{path} is a symbolic link, and commits hold the link, not what it leads to: put the files there"


def never_committed(project: Project, manifest: Mapping[str, Entry]) -> list[str]:
    """A sentence for each file of the manifest that git ignores, so that no other clone will have it."""
    goldens = Goldens.of(project)
    paths = [project.goldens / MANIFEST, *(project.goldens / APPROVALS).glob("*")] if manifest else []
    for identity, entry in manifest.items():
        files = goldens.files(identity, entry.kind)
        paths += [files[suffix] for suffix in set(entry.files) - set(entry.remote) if suffix in files]
    if list(outside_commits(project)):
        return []  # which is worse, and told
    try:
        git.top(project.root)
    except ApprovalError:
        return []
    return [_ignored(project.root, path) for path in git.ignored(project.root, paths)]


def _ignored(root: Path, path: Path) -> str:
    name = path.relative_to(root) if path.is_relative_to(root) else path
    if path.exists():
        return f"git ignores {name}, so no other clone will have it: change .gitignore, then git add it"
    return f"{name} is not here and git ignores it: change .gitignore where it was accepted, then commit it"


def _changed_by_git(project: Project) -> Iterator[str]:
    """A sentence for each setting with which git would write other bytes than were accepted."""
    path, place = project.goldens / MANIFEST, project.goldens.name
    about = git.attributes(project.root, path, ("text", "eol", *_CHANGING))
    converts = git.setting(project.root, "core.autocrlf") == "true" or git.setting(project.root, "core.eol") == "crlf"
    if about["text"] != "unset" and (about["eol"] == "crlf" or converts):
        yield (
            f"git would write other line ends into {place}/ than were accepted (core.autocrlf, core.eol or an "
            f"attribute): commit the line `{place}/** -text` in .gitattributes"
        )
    for name in _CHANGING:
        if about[name] not in ("unset", "unspecified"):
            yield (
                f"the attribute {name}={about[name]} makes git keep other bytes of {place}/{MANIFEST} than were "
                "accepted: take the manifest and the approvals out of it in .gitattributes"
            )
