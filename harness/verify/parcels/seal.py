"""The seal of a parcel: what made its candidates, and the digest of every file of theirs.

A seal shows that a parcel is whole and of which commit it is. It is no signature: whoever can write the folder can seal
it again, which is why accepting runs everything afresh here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.errors import GoldenError
from harness.core.files import dump_json, json_digest, parse_json
from harness.core.protocol import Json

SEAL = "PARCEL.json"
_VERSION = 1


@dataclass(frozen=True)
class Packed:
    """One candidate: the digests of its files by suffix, what its run noted, and the golden that it would replace."""

    files: Mapping[str, str]
    about: Mapping[str, Json]
    replaces: str | None


@dataclass(frozen=True)
class Contents:
    """What a parcel is of.

    ``subject``: digest of the pipeline's source and the manifest, as reports have it; ``rules``: by scenario or module
    the digest of the rules; ``commit``: what was checked out.
    """

    project: str
    commit: str
    subject: str
    profile: str
    environment: Mapping[str, str]
    rules: Mapping[str, str]
    candidates: Mapping[str, Packed]


def dump_seal(contents: Contents) -> bytes:
    """The seal's file."""
    value = {"version": _VERSION, **asdict(contents)}
    return dump_json({**value, "seal": json_digest(value)})


def parse_seal(content: bytes, name: str) -> Contents:
    """What a seal's file says; raises GoldenError where it is none, or was altered."""
    value = parse_json(content, name)
    try:
        seal = value.pop("seal")
        if value.get("version") != _VERSION:
            raise ValueError(f"this harness reads version {_VERSION}")
        if json_digest(value) != seal:
            raise ValueError("its own digest is another: it was altered")
        del value["version"]
        candidates = {i: Packed(**about) for i, about in value.pop("candidates").items()}
        contents = Contents(candidates=candidates, **value)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise GoldenError(f"{name} is no seal of candidates ({error}): let `harness verify --keep` make it") from error
    _check_types(contents, name)
    return contents


def _check_types(contents: Contents, name: str) -> None:
    texts: list[Any] = [contents.project, contents.commit, contents.subject, contents.profile]
    tables: list[Any] = [contents.environment, contents.rules]
    for packed in contents.candidates.values():
        tables += [packed.files, packed.about]
        texts += [packed.replaces or "", *(packed.files.values() if isinstance(packed.files, dict) else ())]
    if not all(isinstance(t, str) for t in texts) or not all(isinstance(t, dict) for t in tables):
        raise GoldenError(f"{name} is no seal of candidates: a field is of the wrong type")
