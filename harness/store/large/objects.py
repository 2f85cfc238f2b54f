"""What is too large for git lies here by its SHA-256, beside git's own objects, so that all worktrees share it.

Nothing here is trusted: the manifest, which is in git and approved, says which digest a golden has, and every reader
checks the bytes against it. A file is whole or absent, whenever its writer is killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.core import text
from harness.core.artifacts import LARGEST_ARRAYS
from harness.core.errors import GoldenError
from harness.core.files import is_there, read_plain, sha256, write_file
from harness.core.project import Project
from harness.store.manifest import Entry, is_digest


class Objects:
    """The files in ``folder``, each called by its digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, project: Project) -> Objects:
        """Those of a project's repository: in git's own folder, else in the project's state."""
        return cls(_folder_beside_git(project.root) or project.state / "objects")

    def path(self, digest: str) -> Path:
        """Where a file is or would be; raises GoldenError for what is no digest."""
        if not is_digest(digest):
            raise GoldenError(f"{digest[:80]!r} is not a SHA-256 digest")
        return self.folder / digest[:2] / digest

    def has(self, digest: str, size: int) -> bool:
        """Whether a file of that size is there; its content is checked by whoever reads it."""
        path = self.path(digest)
        return is_there(path) and path.lstat().st_size == size

    def content(self, digest: str) -> bytes | None:
        """A file's content; None where there is none. Raises GoldenError where it is not what its name says."""
        path = self.path(digest)
        if not is_there(path):
            return None
        content = read_plain(path, self.folder, LARGEST_ARRAYS)
        if sha256(content) != digest:
            raise GoldenError(f"{path} is damaged (its SHA-256 is not its name): `harness pull` gets it again")
        return content

    def keep(self, digest: str, content: bytes) -> None:
        """Put a file here, over a damaged one; raises GoldenError for content that has another digest."""
        if sha256(content) != digest:
            raise GoldenError(f"what should be {digest[:12]} has another SHA-256: it is not kept")
        write_file(self.path(digest), content)

    def digests(self) -> Iterator[str]:
        """The digest of every file that is here."""
        yield from (path.name for path in sorted(self.folder.glob("??/*")) if is_digest(path.name))


def divided(project: Project, entry: Entry | None, files: Mapping[str, bytes]) -> Entry | None:
    """An entry that says which of its files are too large for git, where the project has a remote for them."""
    if entry is None or entry.kind != "golden" or not project.remote:
        return entry
    large = {suffix: len(content) for suffix, content in files.items() if len(content) > project.large_bytes}
    return replace(entry, remote=large)


def large_files(manifest: Mapping[str, Entry]) -> Iterator[tuple[str, str, int]]:
    """The name, the digest and the bytes of every file that a manifest leaves to the remote."""
    for identity, entry in sorted(manifest.items()):
        for suffix, size in sorted(entry.remote.items()):
            yield f"{identity}{suffix}", entry.files[suffix], size


def refuse_missing(project: Project, manifest: Mapping[str, Entry]) -> None:
    """Raise GoldenError where a golden is not on this machine, as after a fresh clone: nothing could be judged."""
    objects = Objects.of(project)
    missing = [f for f in large_files(manifest) if not objects.has(*f[1:])]
    missing = [f for f in missing if not (project.goldens / f[0]).is_file()]
    if missing:
        name, _, size = missing[0]
        count = f"{len(missing)} large files of goldens are" if len(missing) > 1 else "a large file of a golden is"
        first = "the first is " if len(missing) > 1 else ""
        raise GoldenError(f"{count} not on this machine ({first}{name}, {text.size(size)}): run `harness pull`")


def unpushed_notes(manifest: Mapping[str, Entry], ids: tuple[str, ...]) -> list[str]:
    """What to do about the large files of ids that were just accepted, in a sentence; empty without any."""
    found = list(large_files({i: manifest[i] for i in ids if i in manifest}))
    if not found:
        return []
    size = sum(size for _, _, size in found)
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return [
        f"{found[0][0]}{more} ({text.size(size)}) is too large for git and is kept on this machine alone: "
        "run `harness push` before you publish the commit"
    ]


def _folder_beside_git(root: Path) -> Path | None:
    """A folder within git's own, which all worktrees of a repository share; None outside one."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_dir():
            return git / "harness" / "objects"
        if git.is_file():  # a worktree, or a submodule
            own = folder / git.read_text(encoding="utf-8", errors="replace").partition("gitdir:")[2].strip()
            common = own / "commondir"
            shared = own / common.read_text(encoding="utf-8").strip() if common.is_file() else own
            return shared.resolve() / "harness" / "objects"
    return None
