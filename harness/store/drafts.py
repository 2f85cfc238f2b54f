"""Drafts say what an acceptance would make of each id: its new files, beside what the manifest says of it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath

from harness.core.artifacts import parse_artifact
from harness.core.errors import ApprovalError
from harness.core.files import parse_json
from harness.core.project import Project
from harness.core.protocol import Artifact, Json
from harness.store.approvals import Change, Deviation
from harness.store.candidates import Pending, stored_candidate
from harness.store.goldens import Goldens
from harness.store.manifest import Entry, combined_digest


@dataclass(frozen=True)
class Draft:
    """What one id would become: its new ``files`` by suffix, of which a removal has none.

    ``before`` is its entry in the manifest, None if it is new. ``schema`` is the id of a golden's schema, and
    the ``$id`` of a schema. ``accepted`` is the entry that another branch has of the same files, where that is
    what this would become.
    """

    identity: str
    kind: str
    before: Entry | None
    files: Mapping[str, bytes]
    schema: str = ""
    about: Mapping[str, Json] = field(default_factory=dict)
    accepted: Entry | None = None

    def artifact(self) -> Artifact:
        """The artifact that would be golden."""
        return parse_artifact(self.files, self.identity)[0]

    def entry(self, commit: str) -> Entry | None:
        """The manifest's entry that this would become, but for its approval; None for a removal."""
        if self.accepted or not self.files:
            return self.accepted and replace(self.accepted, approval="")
        digests, sha256, size = combined_digest(self.files)
        texts = {key: str(self.about.get(key, "")) for key in ("comparator", "tolerances")}
        return Entry(
            kind=self.kind,
            sha256=sha256,
            size=size,
            files=digests,
            approval="",
            schema=self.schema,
            environment=_environment_line(self.about.get("environment", "")),
            seeds=self.about.get("seeds"),
            commit=commit,
            **texts,
        )

    def change(self, entry: str, disposition: str, deviations: tuple[Deviation, ...] = ()) -> Change:
        """The change that an approval would record; ``entry`` is the digest of the manifest's entry."""
        return Change(
            kind=self.kind,
            before=self.before.sha256 if self.before else None,
            after=combined_digest(self.files)[1] if self.files else None,
            entry=entry,
            schema=self.schema,
            disposition="removed" if not self.files else disposition if self.before or self.accepted else "new",
            deviations=deviations,
        )


@dataclass(frozen=True)
class Snapshot:
    """Everything that an acceptance depends on; equal snapshots allow the same decision."""

    commit: str
    manifest: Mapping[str, Entry]
    drafts: tuple[Draft, ...]


def draft_of(project: Project, waiting: Pending, before: Entry | None) -> Draft:
    """The draft of something that is pending; raises ApprovalError where it no longer applies."""
    identity, kind = waiting.identity, waiting.kind
    if kind == "golden":
        candidate = stored_candidate(project, identity)
        if candidate.replaces != (before.sha256 if before else None):
            raise ApprovalError(
                f"the golden of {identity} changed after this candidate was made: run the scenario again"
            )
        schema = parse_artifact(candidate.files, identity)[1]
        return Draft(identity, kind, before, candidate.files, schema, candidate.about)
    files = Goldens.of(project).content(identity, kind)
    return Draft(identity, kind, before, files, _schema_id(files, identity, before) if kind == "schema" else "")


def removal(identity: str, before: Entry) -> Draft:
    """The draft that removes a golden."""
    return Draft(identity, before.kind, before, {}, before.schema)


def _environment_line(environment: Json) -> str:
    """An environment as one line that people can compare; without places, which are one machine's own."""
    if isinstance(environment, Mapping):
        kept = {name: value for name, value in environment.items() if value and not _is_place(str(value))}
        return ", ".join(f"{name} {value}" for name, value in sorted(kept.items()))
    return str(environment)


def _is_place(value: str) -> bool:
    """Whether a variable's value is a path, or several, that lead somewhere on one machine."""
    if "://" in value:
        return value.startswith("file:")
    parts = value.split(":")
    return PureWindowsPath(value).is_absolute() or any(PurePosixPath(p).is_absolute() or p[:1] == "~" for p in parts)


def _schema_id(files: Mapping[str, bytes], identity: str, before: Entry | None) -> str:
    for content in files.values():
        schema = parse_json(content, identity)
        schema_id = schema.get("$id") if isinstance(schema, dict) else None
        if not isinstance(schema_id, str) or not schema_id:
            raise ApprovalError(
                f"{identity} has no $id, which tells goldens by which schema they were checked: add one"
            )
        return schema_id
    return before.schema if before else ""
