"""The store of goldens: files under version control, and the manifest that knows their digests.

``<scenario>/<track>/<artifact>.json`` and, for arrays, ``.npz`` beside it; the track is a profile or
``replay``. The same manifest knows tolerances (``<scenario>/tolerances.toml``) and schemas
(``schemas/<file>``), because whoever can move those can move a verdict. Only ``harness.approval``
writes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness import storage
from harness.errors import GoldenError
from harness.project import Project
from harness.protocol import Artifact, Json

MANIFEST, APPROVALS, TOLERANCES = "MANIFEST.json", "approvals", "tolerances.toml"
VERSION = 1
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
SUFFIXES = (".json", ".npz")


@dataclass(frozen=True)
class Entry:
    """What the manifest knows of one id.

    ``kind``: golden, tolerances or schema. ``files``: each file's SHA-256 by suffix (goldens) or by
    the id's own suffix. ``sha256`` is the digest of ``files``, and ``size`` their bytes together.
    """

    kind: str
    sha256: str
    size: int
    files: Mapping[str, str]
    approval: str
    schema: str = ""
    comparator: str = ""
    tolerances: str = ""
    environment: str = ""
    seeds: Json = None
    commit: str = ""


@dataclass(frozen=True)
class Golden:
    """An accepted artifact and the schema it was accepted under."""

    artifact: Artifact
    schema: str


def check_id(identity: str) -> str:
    """``identity`` itself; raises GoldenError where it could lead out of its folder."""
    if not all(NAME.fullmatch(part) and ".." not in part for part in identity.split("/")):
        raise GoldenError(f"{identity[:80]!r} is not an id: parts of letters, digits, '_', '-' and '.', joined by '/'")
    return identity


def check_kind(identity: str, kind: str) -> None:
    """Raise GoldenError for an id that its kind does not have."""
    parts = check_id(identity).split("/")
    fits = {
        "golden": len(parts) == 3 and parts[0] != APPROVALS,
        "tolerances": len(parts) <= 2 and parts[-1] == TOLERANCES,
        "schema": len(parts) == 2 and parts[-1].endswith(".json"),
    }
    if not fits.get(kind, False):
        raise GoldenError(f"{identity!r} is not the id of a {kind}: see the goldens' folder for how they look")


def combined(files: Mapping[str, bytes]) -> tuple[dict[str, str], str, int]:
    """Each file's digest, the digest of them all, and their size."""
    each = {suffix: storage.sha256(content) for suffix, content in sorted(files.items())}
    return each, storage.digest(each), sum(map(len, files.values()))


class Goldens:
    """Reads goldens; every byte is checked against the manifest before it is parsed."""

    def __init__(self, root: Path, schemas: Path) -> None:
        self.root, self.schemas = root, schemas

    @classmethod
    def of(cls, project: Project) -> Goldens:
        """The project's goldens."""
        return cls(project.goldens, project.schemas)

    def manifest(self) -> dict[str, Entry]:
        """Every entry by id; empty when there is no manifest. Raises GoldenError for a damaged one."""
        path = self.root / MANIFEST
        if not _present(path):
            return {}
        return parse_manifest(self.bytes_of(path), str(path))

    def files(self, identity: str, kind: str = "golden") -> dict[str, Path]:
        """Where the files of an id are or would be, by suffix."""
        check_kind(identity, kind)
        if kind == "golden":
            return {suffix: self.root / f"{identity}{suffix}" for suffix in SUFFIXES}
        if kind == "schema" and identity.split("/")[0] != self.schemas.name:
            raise GoldenError(f"{identity!r} is not the id of a schema in {self.schemas}")
        base = self.schemas.parent if kind == "schema" else self.root
        return {Path(identity).suffix: base / identity}

    def content(self, identity: str, kind: str = "golden") -> dict[str, bytes]:
        """The files of an id that exist, by suffix."""
        return {s: self.bytes_of(path) for s, path in self.files(identity, kind).items() if _present(path)}

    def read(self, identity: str, entry: Entry) -> Golden:
        """A golden; raises GoldenError unless its bytes are those that were accepted."""
        found = self.content(identity, entry.kind)
        for suffix in sorted(set(entry.files) | set(found)):
            if suffix not in found:
                raise GoldenError(f"{identity}{suffix} is in the manifest and not on the disk: restore it from git")
            if entry.files.get(suffix) != storage.sha256(found[suffix]):
                raise GoldenError(
                    f"{identity}{suffix} is not what was accepted (its SHA-256 differs from {MANIFEST}): "
                    "restore it from git, or run the scenario and accept the candidate"
                )
        return Golden(*storage.parse_artifact(found, identity))

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
        base = self.root if path.is_relative_to(self.root) else self.schemas
        try:
            if not path.resolve().is_relative_to(base.resolve()):
                raise GoldenError(f"{path} is a link that leads out of {base}: goldens are plain files")
            if not path.is_file():
                raise GoldenError(f"{path} is not a plain file")
            if path.stat().st_size > storage.LARGEST_ARRAYS:
                raise GoldenError(f"{path} is larger than {storage.LARGEST_ARRAYS} bytes")
            return path.read_bytes()
        except (OSError, RuntimeError) as error:  # before Python 3.13 a circle of links is a RuntimeError
            raise GoldenError(f"cannot read {path}: {error}") from error


def _present(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError as error:
        raise GoldenError(f"cannot read {path}: {error.strerror or error}") from error


def parse_manifest(content: bytes, name: str) -> dict[str, Entry]:
    """The manifest's entries; raises GoldenError for any that is not one."""
    value = storage.parse_json(content, name)
    if not isinstance(value, dict) or set(value) != {"version", "goldens"} or not isinstance(value["goldens"], dict):
        raise GoldenError(f"{name} is not a manifest: it needs version and goldens, and nothing else")
    if value["version"] != VERSION:
        raise GoldenError(f"{name} has version {value['version']!r}; this harness reads version {VERSION}")
    return {
        identity: _entry(identity, about, f"{name}: {identity[:80]!r}") for identity, about in value["goldens"].items()
    }


def dump_manifest(entries: Mapping[str, Entry]) -> bytes:
    """The manifest as bytes."""
    return storage.dump_json({"version": VERSION, "goldens": {i: asdict(e) for i, e in entries.items()}})


def _entry(identity: str, about: Any, name: str) -> Entry:
    try:
        entry = Entry(**about)
    except TypeError as error:
        raise GoldenError(f"{name} is not a manifest entry: {error}") from error
    if entry.kind not in ("golden", "tolerances", "schema") or not isinstance(entry.files, dict):
        raise GoldenError(f"{name} is of no known kind")
    try:
        check_kind(identity, entry.kind)
    except GoldenError as error:
        raise GoldenError(f"{name}: {error}") from error
    texts = [getattr(entry, f.name) for f in fields(Entry) if f.type == "str"]
    if not all(isinstance(t, str) for t in (*texts, *entry.files.values())) or type(entry.size) is not int:
        raise GoldenError(f"{name} has a field of the wrong type")
    if entry.kind == "golden":
        whole = ".json" in entry.files and set(entry.files) <= set(SUFFIXES)
    else:
        whole = set(entry.files) == {Path(identity).suffix}
    if not whole:
        raise GoldenError(f"{name} has other files than a {entry.kind} has")
    if storage.digest(dict(entry.files)) != entry.sha256:
        raise GoldenError(f"{name}: its digest is not that of its files: the manifest was altered by hand")
    return entry
