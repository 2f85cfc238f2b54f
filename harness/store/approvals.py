"""Approvals say who accepted what, and why; they are append-only, and each has the digests of those before it.

An approval's file is called by the SHA-256 of its content, so that two branches that both accept never take the
same name. The first approvals of older repositories are numbered, and are read as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.errors import GoldenError
from harness.core.files import dump_json, parse_json, sha256
from harness.core.ids import check_id
from harness.core.protocol import Json
from harness.core.trees import plain_json
from harness.core.verdicts import Verdict

NUMBERED = re.compile(r"[0-9]{4,9}")
ADDRESSED = re.compile(r"[0-9a-f]{16}")
_VERSION = 2
_OF_A_NUMBERED_ONE = 1
_LONGEST_VALUE = 80  # the characters that a deviation keeps of a value


@dataclass(frozen=True)
class Deviation:
    """How far one value moved from the golden to the candidate."""

    path: str
    old: Json
    new: Json
    used: Json  # the share of the tolerance; None where there is no such share, "Infinity" where the tolerance is zero
    tolerance: str

    @classmethod
    def of(cls, verdict: Verdict) -> Deviation:
        """The deviation that a verdict between the golden and the candidate tells of."""
        old, new = _brief(verdict.expected), _brief(verdict.obtained)
        return cls(verdict.path, old, new, plain_json(verdict.used), verdict.allowed or verdict.rule)


@dataclass(frozen=True)
class Change:
    """What an approval did to one id.

    ``before`` and ``after`` are the digests of its files, None where there were or are none. ``entry`` is
    the digest of the whole manifest entry, empty for one that was removed. ``schema`` is the schema that a
    golden was accepted under, and the ``$id`` of a schema.
    """

    kind: str
    before: str | None
    after: str | None
    entry: str
    schema: str
    disposition: str
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True)
class Approval:
    """Who accepted what, and why.

    ``id`` is the start of the digest of its file, or the number of an old one. ``previous`` are the digests of the
    files that it follows: none for the first, one as a rule, and several where it joins branches.
    """

    id: str
    previous: tuple[str, ...]
    when: str
    reason: str
    issue: str
    author: str
    approver: str
    commit: str
    changes: Mapping[str, Change]


def dump_approval(approval: Approval) -> bytes:
    """An approval as the bytes of its file, whose digest its ``id`` is made of."""
    value = asdict(approval)
    del value["id"]
    for change in value["changes"].values():
        change["from"], change["to"] = change.pop("before"), change.pop("after")
    return dump_json({"version": _VERSION, **value, "previous": list(approval.previous)})


def address_of(content: bytes) -> str:
    """The id that an approval with this content has."""
    return sha256(content)[:16]


def parse_approval(content: bytes, name: str) -> Approval:
    """The approval in a file's content; raises GoldenError where that is not one."""
    value = parse_json(content, name)
    try:
        version, previous = value.pop("version"), value.pop("previous")
        if type(version) is not int or version not in (_OF_A_NUMBERED_ONE, _VERSION):
            raise ValueError(f"this harness reads versions {_OF_A_NUMBERED_ONE} and {_VERSION}")
        if version == _OF_A_NUMBERED_ONE:
            identity, before = value.pop("id"), (previous,) if previous else ()
        else:
            identity, before = address_of(content), tuple(previous) if isinstance(previous, list) else (None,)
        changes = {check_id(i): _change(dict(about)) for i, about in value.pop("changes").items()}
        approval = Approval(id=identity, previous=before, changes=changes, **value)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise GoldenError(f"{name} is not an approval: {error}") from error
    texts = [v for k, v in vars(approval).items() if k not in ("changes", "previous")]
    if not changes or not all(isinstance(text, str) for text in (*texts, *before)):
        raise GoldenError(f"{name} is not an approval: a field is of the wrong type, or it changes nothing")
    return approval


def _change(about: dict[str, Any]) -> Change:
    deviations = tuple(Deviation(**d) for d in about.pop("deviations"))
    change = Change(before=about.pop("from"), after=about.pop("to"), deviations=deviations, **about)
    texts = (change.kind, change.entry, change.schema, change.disposition, change.before or "", change.after or "")
    if not all(isinstance(text, str) for text in texts) or change.kind not in ("golden", "tolerances", "schema"):
        raise ValueError("a change has a field of the wrong type")
    return change


def _brief(value: Json) -> Json:
    """A scalar as it is, and anything larger as the start of its text."""
    value = plain_json(value)
    if not isinstance(value, str | list | dict):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def short_digest(digest: str | None) -> str:
    """A digest in the short form that people read."""
    return digest[:12] if digest else "absent"
