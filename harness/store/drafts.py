"""Drafts say what an acceptance would make of each id: its new files, beside what the manifest says of it now."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath

from harness.core import globs
from harness.core.artifacts import dump_artifact, parse_artifact
from harness.core.errors import ApprovalError, RefusedDataError
from harness.core.files import parse_json
from harness.core.ids import ENSEMBLES
from harness.core.project import Project
from harness.core.protocol import Artifact, Json
from harness.core.trees import mixed_artifact, paths_of
from harness.judge.schema import OUTPUT_SCHEMA
from harness.store.approvals import Change, Deviation
from harness.store.candidates import Pending, stored_candidate
from harness.store.goldens import Goldens
from harness.store.manifest import Entry, combined_digest


@dataclass(frozen=True)
class Draft:
    """What one id would become: its new ``files`` by suffix, of which a removal has none.

    ``before`` is its entry in the manifest, None if it is new. ``schema`` is the id of a golden's schema, and
    the ``$id`` of a schema. ``accepted`` is the entry that another branch has of the same files, where that is
    what this would become. ``whole`` are the candidate's own files where only a part of it is to be golden.
    """

    identity: str
    kind: str
    before: Entry | None
    files: Mapping[str, bytes]
    schema: str = ""
    about: Mapping[str, Json] = field(default_factory=dict)
    accepted: Entry | None = None
    whole: Mapping[str, bytes] | None = None

    def artifact(self) -> Artifact:
        """The artifact that would be golden."""
        return parse_artifact(self.files, self.identity)[0]

    def candidate(self) -> Artifact:
        """The artifact that a run gave: all of it, where only a part is to be golden."""
        return parse_artifact(self.files if self.whole is None else self.whole, self.identity)[0]

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
            comparator=texts["comparator"],
            tolerances=texts["tolerances"],
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


def part_of(project: Project, draft: Draft, paths: Sequence[str]) -> Draft:
    """The draft of a golden in which nothing but the values at ``paths`` is the candidate's.

    ``paths`` are patterns, as in rules, each with all that is below it. Raises ApprovalError where that is nothing
    which can be checked: there is no golden for the rest, another schema or comparator judges it, or a path names
    nothing that differs.
    """
    identity, before = draft.identity, draft.before
    if draft.kind != "golden" or before is None:
        what = "a file that was edited" if draft.kind != "golden" else "new"
        raise ApprovalError(f"{identity} is {what}, so that there is no golden for the rest: accept all of it")
    if draft.schema == OUTPUT_SCHEMA or identity.split("/")[-1] in ENSEMBLES:
        what = "made of many runs" if draft.schema != OUTPUT_SCHEMA else "what a replay gives to the next stages"
        raise ApprovalError(f"{identity} is {what}, and a part of it is of no run: accept all of it")
    comparator = str(draft.about.get("comparator", ""))
    if (before.schema, before.comparator) != (draft.schema, comparator):
        raise ApprovalError(
            f"{identity}: its golden has schema {before.schema} and comparator {before.comparator}, the candidate "
            f"{draft.schema} and {comparator}, so that no rule speaks of both: accept all of it"
        )
    golden, candidate = Goldens.of(project).read(identity, before).artifact, draft.artifact()
    known = sorted(paths_of(golden) | paths_of(candidate))
    regexes = {path: _regex(identity, path, known) for path in paths}
    for path, regex in regexes.items():
        if not any(regex.fullmatch(f"{each}/") for each in known):
            near = difflib.get_close_matches(path, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the first of {len(known)} is {known[0]!r}"
            raise ApprovalError(f"--only {path}: {identity} has no such value; {hint}")
    try:
        mixture = mixed_artifact(golden, candidate, lambda at: any(r.fullmatch(f"{at}/") for r in regexes.values()))
    except RefusedDataError as error:
        raise ApprovalError(f"{identity}: {error}") from error
    files = dump_artifact(mixture, draft.schema)
    if combined_digest(files)[1] == before.sha256:
        raise ApprovalError(f"{identity}: nothing at {', '.join(paths)} differs from the golden: see `harness diff`")
    return replace(draft, files=files, whole=draft.files)


def _regex(identity: str, path: str, known: Sequence[str]) -> re.Pattern[str]:
    """The regular expression of a path and all below it, for paths that end in ``/``; the id may stand before it.

    A path that there is, is itself and no pattern, whatever characters it has.
    """
    inside = path.removeprefix(f"{identity}/")
    if any(each == inside or each.startswith(f"{inside}/") for each in known):
        return re.compile(f"{re.escape(inside)}/.*", re.DOTALL)
    if problem := globs.pattern_problem(inside):
        raise ApprovalError(f"--only {path} is no path: {problem}")
    return globs.compiled(inside if inside.endswith("**") else f"{inside}/**")


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
