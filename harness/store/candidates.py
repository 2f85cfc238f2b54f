"""Candidates are what a run obtained and may become golden; version control does not see them until someone decides.

Tolerances and schemas are edited in place, so their candidates are the files themselves: whatever
differs from the manifest is pending too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.core.artifacts import dump_artifact, parse_artifact
from harness.core.errors import GoldenError
from harness.core.files import LARGEST_JSON, dump_json, is_there, leads_out, parse_json, read_plain, write_file
from harness.core.ids import NAME
from harness.core.project import Project, in_ci
from harness.core.protocol import Artifact, Json
from harness.judge.schema import SCHEMA_SUFFIX
from harness.store.goldens import Goldens
from harness.store.manifest import SUFFIXES, TOLERANCES, Entry, check_kind, combined_digest

_ABOUT = ".about.json"  # the ending of the file that describes the other files of a candidate


@dataclass(frozen=True)
class Pending:
    """An id that waits to be accepted: ``headline`` says why; ``about``, which is empty for edits, says more."""

    identity: str
    kind: Literal["golden", "tolerances", "schema"]
    change: Literal["new", "changed", "removed"]
    headline: str
    about: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A candidate as it is kept: its files by suffix, what its run noted about it, and what it would replace.

    ``replaces`` is the digest of the golden that stood when the candidate was kept, None where none stood.
    """

    files: Mapping[str, bytes]
    about: Mapping[str, Json]
    replaces: str | None


def add_candidate(project: Project, identity: str, artifact: Artifact, schema: str, about: Mapping[str, Json]) -> bool:
    """Keep a candidate, over an older one of the same id. In CI it keeps nothing and returns False.

    ``about`` is JSON of any form. Its ``why`` is what a person reads first, such as the worst failing
    verdict; its ``environment`` (a text, or a mapping of names to versions), ``seeds``, ``comparator``
    and ``tolerances`` (the digest of the rules) go into the manifest.
    """
    if in_ci():
        return False
    keep_files(project, identity, dump_artifact(artifact, schema), about)
    return True


def keep_files(project: Project, identity: str, files: Mapping[str, bytes], about: Mapping[str, Json]) -> None:
    """Keep an artifact's files, which are sound, as a candidate, over an older one of the same id."""
    entry = Goldens.of(project).manifest().get(identity)
    paths = _paths(project, identity)
    keep_out_of_git(project)
    remove_candidate(project, identity)  # the file that describes the others goes first and comes last
    for suffix, content in files.items():
        write_file(paths[suffix], content)
    record = {"about": dict(about), "files": combined_digest(files)[0], "replaces": entry.sha256 if entry else None}
    write_file(paths[_ABOUT], dump_json(record))


def keep_out_of_git(project: Project) -> None:
    """Let git ignore the state's folder, as nobody has to say so who never heard of it; what stands there stays."""
    if not is_there(project.state / ".gitignore"):
        write_file(project.state / ".gitignore", b"# What the harness keeps here is of this machine alone.\n*\n")


def remove_candidate(project: Project, identity: str) -> None:
    """Forget the candidate of an id, where there is one."""
    for path in reversed(_paths(project, identity).values()):
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            continue  # something else lies where the folder would: there is no candidate
        except OSError as error:
            raise GoldenError(f"cannot remove {path} ({error.strerror or error}): remove it by hand") from error


def stored_candidate(project: Project, identity: str) -> Candidate:
    """A candidate as it is kept; raises GoldenError for one that is damaged."""
    paths = _paths(project, identity)
    again = "run the scenario again"
    try:
        record = parse_json(read_plain(paths[_ABOUT], project.state, LARGEST_JSON), str(paths[_ABOUT]))
        about, digests, replaces = dict(record["about"]), dict(record["files"]), record["replaces"]
        files = {suffix: read_plain(paths[suffix], project.state) for suffix in SUFFIXES if suffix in digests}
    except GoldenError as error:
        raise GoldenError(f"the candidate {identity} cannot be read ({error}): {again}") from error
    except (LookupError, TypeError, ValueError) as error:
        raise GoldenError(f"{paths[_ABOUT]} does not describe a candidate: {again}") from error
    if ".json" not in files or combined_digest(files)[0] != digests:
        raise GoldenError(f"the candidate {identity} is damaged or half-written: {again}")
    return Candidate(files, about, replaces)


def read_candidate(project: Project, identity: str) -> tuple[Artifact, str, Mapping[str, Json]]:
    """A candidate, its schema's id, and what its run noted about it; raises GoldenError for one that is damaged."""
    candidate = stored_candidate(project, identity)
    return *parse_artifact(candidate.files, identity), candidate.about


def list_pending(project: Project) -> list[Pending]:
    """Every id that waits: the candidates, then the edits, each in order."""
    folder = project.state / "pending"
    manifest = Goldens.of(project).manifest()
    pending: list[Pending] = []
    try:
        described = sorted(folder.glob(f"*/*/*{_ABOUT}"))
    except (OSError, RuntimeError) as error:
        raise GoldenError(f"cannot list {folder} ({error}): remove it") from error
    for path in described:
        identity = path.relative_to(folder).as_posix().removesuffix(_ABOUT)
        change: Literal["new", "changed"] = "changed" if identity in manifest else "new"
        try:
            about = stored_candidate(project, identity).about
            pending.append(Pending(identity, "golden", change, str(about.get("why", "")), about))
        except GoldenError as error:
            pending.append(Pending(identity, "golden", change, str(error)))
    return pending + list_edits(project)


def list_edits(project: Project) -> list[Pending]:
    """The tolerances and schemas whose content is not what the manifest says."""
    goldens = Goldens.of(project)
    manifest = goldens.manifest()
    edits = []
    for identity, kind in sorted({**_accepted_rules(manifest), **rules_on_disk(project)}.items()):
        content = goldens.content(identity, kind)
        entry = manifest.get(identity)
        if entry is None:
            edits.append(Pending(identity, kind, "new", f"{identity} is not in the manifest"))
        elif not content:
            edits.append(Pending(identity, kind, "removed", f"{identity} is in the manifest and not on the disk"))
        elif combined_digest(content)[1] != entry.sha256:
            edits.append(Pending(identity, kind, "changed", f"{identity} was edited since it was accepted"))
    return edits


def rules_on_disk(project: Project) -> dict[str, Literal["tolerances", "schema"]]:
    """The id and kind of every tolerances file and schema, whether the manifest knows it or not."""
    base = project.schemas.parent
    rules: dict[str, Literal["tolerances", "schema"]] = {}
    for path in (*project.goldens.glob(TOLERANCES), *project.goldens.glob(f"*/{TOLERANCES}")):
        rules[path.relative_to(project.goldens).as_posix()] = "tolerances"
    for path in project.schemas.glob(f"*{SCHEMA_SUFFIX}"):  # whatever else lies there decides nothing
        if NAME.fullmatch(path.name):
            rules[path.relative_to(base).as_posix()] = "schema"
    return rules


def _accepted_rules(manifest: Mapping[str, Entry]) -> dict[str, Literal["tolerances", "schema"]]:
    """The id and kind of every tolerances file and schema that the manifest knows."""
    kinds: dict[str, Literal["tolerances", "schema"]] = {"tolerances": "tolerances", "schema": "schema"}
    return {identity: kinds[entry.kind] for identity, entry in manifest.items() if entry.kind in kinds}


def _paths(project: Project, identity: str) -> dict[str, Path]:
    check_kind(identity, "golden")
    if identity.endswith(".about"):
        raise GoldenError(f"{identity!r} cannot be an artifact's id: {_ABOUT} is the ending of what describes one")
    paths = {suffix: project.state / "pending" / f"{identity}{suffix}" for suffix in (*SUFFIXES, _ABOUT)}
    if leads_out(paths[_ABOUT].parent, project.state):
        raise GoldenError(f"{paths[_ABOUT].parent} is a link that leads out of {project.state}: remove it")
    return paths
