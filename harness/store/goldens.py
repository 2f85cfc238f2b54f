"""Goldens are files under version control; the manifest beside them knows their digests.

A golden is ``<scenario>/<track>/<artifact>.json`` and, for arrays, the ``.npz`` beside it; the track is a
profile or ``replay``. The same manifest knows tolerances (``<scenario>/tolerances.toml``) and schemas
(``schemas/<file>``), because whoever can change those can change a verdict. Only ``harness.store.acceptance``
writes here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core import text
from harness.core.artifacts import LARGEST_ARRAYS, parse_artifact
from harness.core.errors import GoldenError
from harness.core.files import is_there, json_digest, read_plain, sha256
from harness.core.project import Project
from harness.core.protocol import Artifact
from harness.store.large.objects import Objects
from harness.store.manifest import MANIFEST, SUFFIXES, Entry, check_kind, has_conflict_marks, parse_manifest
from harness.store.transaction import refuse_interrupted

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Golden:
    """An accepted artifact and the schema it was accepted under."""

    artifact: Artifact
    schema: str


class Goldens:
    """The reader of goldens, which checks every byte against the manifest before it parses it."""

    def __init__(self, root: Path, schemas: Path, objects: Objects | None = None) -> None:
        self.root, self.schemas = root, schemas
        self.objects = objects or Objects(root / "objects")

    @classmethod
    def of(cls, project: Project) -> Goldens:
        """The project's goldens; raises GoldenError while an acceptance that was decided is not finished."""
        refuse_interrupted(project)
        return cls(project.goldens, project.schemas, Objects.of(project))

    def manifest(self) -> dict[str, Entry]:
        """Every entry by id; empty when there is no manifest. Raises GoldenError for a damaged one."""
        path = self.root / MANIFEST
        if not is_there(path):
            return {}
        return parse_manifest(self.bytes_of(path), str(path))

    def files(self, identity: str, kind: str = "golden") -> dict[str, Path]:
        """The paths where the files of an id are or would be, by suffix."""
        check_kind(identity, kind)
        if kind == "golden":
            return {suffix: self.root / f"{identity}{suffix}" for suffix in SUFFIXES}
        if kind == "schema" and identity.split("/")[0] != self.schemas.name:
            raise GoldenError(f"{identity!r} is not the id of a schema in {self.schemas}")
        base = self.schemas.parent if kind == "schema" else self.root
        return {Path(identity).suffix: base / identity}

    def content(self, identity: str, kind: str = "golden") -> dict[str, bytes]:
        """The contents of those files of an id that exist, by suffix."""
        return {s: self.bytes_of(path) for s, path in self.files(identity, kind).items() if is_there(path)}

    def read(self, identity: str, entry: Entry) -> Golden:
        """A golden; raises GoldenError unless its bytes are those that were accepted."""
        return Golden(*parse_artifact(self.accepted(identity, entry), identity))

    def accepted(self, identity: str, entry: Entry) -> dict[str, bytes]:
        """The contents of an id's files by suffix; raises GoldenError unless they are those that were accepted."""
        files = self.content(identity, entry.kind)
        for suffix in set(entry.remote) - set(files):
            if (large := self.objects.content(entry.files[suffix])) is not None:
                files[suffix] = large
        for suffix in sorted(set(entry.files) | set(files)):
            name = f"{identity}{suffix}" if entry.kind == "golden" else identity
            if suffix not in files and (size := entry.remote.get(suffix)):
                raise GoldenError(f"{name} ({text.size(size)}) is not on this machine: run `harness pull`")
            if suffix not in files:
                raise GoldenError(f"{name} is in the manifest and not on the disk: restore it from git")
            if (digest := entry.files.get(suffix)) != sha256(files[suffix]):
                if has_conflict_marks(files[suffix]):
                    raise GoldenError(
                        f"{name} has the marks of a conflict, which git's merge left: run `harness merge`"
                    )
                if digest and digest == sha256(files[suffix].replace(b"\r\n", b"\n")):
                    raise GoldenError(line_ends_changed(name, self.root))
                raise GoldenError(
                    f"{name} is not what was accepted (its SHA-256 differs from {MANIFEST}): "
                    "restore it from git, or run the scenario and accept the candidate"
                )
        return files

    def digest(self, identity: str, entry: Entry | None, kind: str = "golden") -> str | None:
        """The digest of an id's files as they are here, with those that ``entry`` leaves to the remote; None without.

        What is large is not read for that: whoever compares with it does.
        """
        digests = {suffix: sha256(content) for suffix, content in self.content(identity, kind).items()}
        if entry:
            digests = {suffix: entry.files[suffix] for suffix in entry.remote} | digests
        return json_digest(digests) if digests else None

    def on_disk(self) -> Iterator[str]:
        """The id of every golden file in the folder, whether the manifest knows it or not."""
        seen = set()
        for path in sorted(self.root.glob("*/*/*")):
            identity = path.relative_to(self.root).with_suffix("").as_posix()
            if path.suffix in SUFFIXES and not path.name.startswith(".") and identity not in seen:
                seen.add(identity)
                yield identity

    def bytes_of(self, path: Path) -> bytes:
        """A plain file's content; raises GoldenError for a link that leads out, and for what cannot be read."""
        content = read_plain(path, self.root if path.is_relative_to(self.root) else self.schemas, LARGEST_ARRAYS)
        if content.startswith(_LFS_POINTER):
            raise GoldenError(f"{path} is a Git LFS pointer and not the file that it stands for: run `git lfs pull`")
        return content


def line_ends_changed(name: str, root: Path) -> str:
    """The sentence that says what git did to a file, and what to do about it."""
    return (
        f"{name} has other line ends than what was accepted, which git changed (core.autocrlf): commit the line "
        f"`{root.name}/** -text` in .gitattributes, then `git rm -r --cached -q {root.name}` and `git reset --hard`"
    )
