"""The manifest says what was accepted of every id, with the digest of each of its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.errors import GoldenError
from harness.core.files import dump_json, json_digest, parse_json, sha256
from harness.core.ids import check_id
from harness.core.protocol import Json

MANIFEST, APPROVALS, TOLERANCES = "MANIFEST.json", "approvals", "tolerances.toml"
_VERSION = 1
SUFFIXES = (".json", ".npz")


@dataclass(frozen=True)
class Entry:
    """What the manifest knows of one id.

    ``kind`` is golden, tolerances or schema. ``files`` has the SHA-256 of each file by its suffix, which for
    tolerances and schemas is the id's own. ``sha256`` is the digest of ``files``, and ``size`` counts their
    bytes together. ``remote`` has the bytes of those files that are too large for git, by suffix: they lie by their
    digest in the project's remote.
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
    remote: Mapping[str, int] = field(default_factory=dict)


def is_digest(text: str) -> bool:
    """Whether ``text`` is a SHA-256 digest in hexadecimal."""
    return bool(re.fullmatch(r"[0-9a-f]{64}", text))


def entry_to_json(entry: Entry) -> dict[str, Json]:
    """An entry as the manifest holds it, and as approvals vouch for it; without a remote it says nothing of one."""
    return {name: value for name, value in asdict(entry).items() if name != "remote" or value}


def check_kind(identity: str, kind: str) -> None:
    """Raise GoldenError unless ``identity`` has the form that ids of this ``kind`` have."""
    parts = check_id(identity).split("/")
    fits = {
        "golden": len(parts) == 3 and parts[0] != APPROVALS,
        "tolerances": len(parts) <= 2 and parts[-1] == TOLERANCES,
        "schema": len(parts) == 2 and parts[-1].endswith(".json"),
    }
    if not fits.get(kind, False):
        raise GoldenError(f"{identity!r} is not the id of a {kind}: see the goldens' folder for how they look")


def combined_digest(files: Mapping[str, bytes]) -> tuple[dict[str, str], str, int]:
    """The digest of each file, the digest of them all, and their size together."""
    digests = {suffix: sha256(content) for suffix, content in sorted(files.items())}
    return digests, json_digest(digests), sum(map(len, files.values()))


def parse_manifest(content: bytes, name: str) -> dict[str, Entry]:
    """The manifest's entries by id; raises GoldenError where it is not a manifest, or one of them is not an entry."""
    return dict(_parsed(content, name))


@lru_cache(maxsize=2)  # one verification reads the same content some thirty times
def _parsed(content: bytes, name: str) -> Mapping[str, Entry]:
    if has_conflict_marks(content):
        raise GoldenError(f"{name} has the marks of a conflict, which git's merge left: run `harness merge`")
    value = parse_json(content, name)
    if not isinstance(value, dict) or set(value) != {"version", "goldens"} or not isinstance(value["goldens"], dict):
        raise GoldenError(f"{name} is not a manifest: it needs version and goldens, and nothing else")
    if value["version"] != _VERSION:
        raise GoldenError(f"{name} has version {value['version']!r}; this harness reads version {_VERSION}")
    return {
        identity: _entry(identity, about, f"{name}: {identity[:80]!r}") for identity, about in value["goldens"].items()
    }


def has_conflict_marks(content: bytes) -> bool:
    """Whether git's merge left both sides of a conflict in a text."""
    return b"\n<<<<<<< " in content and b"\n>>>>>>> " in content


def dump_manifest(entries: Mapping[str, Entry]) -> bytes:
    """The manifest as bytes."""
    return dump_json({"version": _VERSION, "goldens": {i: entry_to_json(e) for i, e in entries.items()}})


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
    if not _remote_fits(entry):
        raise GoldenError(f"{name} says of its remote what cannot be")
    if json_digest(dict(entry.files)) != entry.sha256:
        raise GoldenError(f"{name}: its digest is not that of its files: the manifest was altered by hand")
    return entry


def _remote_fits(entry: Entry) -> bool:
    """Whether what an entry leaves to the remote are some of a golden's files, by digests and with sizes."""
    remote = entry.remote
    if not isinstance(remote, dict) or (remote and entry.kind != "golden") or not set(remote) <= set(entry.files):
        return False
    sizes = all(type(size) is int and 0 < size <= entry.size for size in remote.values())
    return sizes and all(is_digest(entry.files[suffix]) for suffix in remote)
