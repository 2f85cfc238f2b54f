"""A parcel is taken in as candidates: of the commit, source, goldens and rules that are here, whole and unaltered."""

from __future__ import annotations

from pathlib import Path

from harness.core import git
from harness.core.artifacts import parse_artifact
from harness.core.errors import ApprovalError, GoldenError, HarnessError
from harness.core.files import LARGEST_JSON, read_plain
from harness.core.ids import GoldenId, is_of_a_test
from harness.core.project import Project, in_ci
from harness.store.candidates import keep_files
from harness.store.goldens import Goldens
from harness.store.manifest import SUFFIXES, combined_digest
from harness.store.transaction import project_lock
from harness.verify.checks.book import rules_for_tests
from harness.verify.parcels.seal import SEAL, Contents, Packed, parse_seal
from harness.verify.standards import rules_of
from harness.verify.suite import verification_subject


def open_parcel(project: Project, folder: Path) -> tuple[Contents, list[str]]:
    """Keep the candidates in ``folder`` as if they were computed here, and give their ids and what they are of.

    All of them or none: raises ApprovalError, with place and remedy, for whatever is not as it was sealed or is of
    something else than what is here.
    """
    if in_ci():
        raise ApprovalError("harness import is refused in CI, where nothing is written: run it on your machine")
    contents = parse_seal(read_plain(folder / SEAL, folder, LARGEST_JSON), str(folder / SEAL))
    _refuse_others(project, contents, folder)
    manifest = Goldens.of(project).manifest()
    files = {identity: _files(folder, identity, packed) for identity, packed in contents.candidates.items()}
    _refuse_strangers(folder, files)
    for identity, packed in contents.candidates.items():
        entry = manifest.get(identity)
        if packed.replaces != (entry.sha256 if entry else None):
            raise ApprovalError(f"{folder}: {identity} would replace another golden than the one that is here")
    with project_lock(project):
        for identity, packed in contents.candidates.items():
            about = {**packed.about, "why": f"imported: {packed.about.get('why', '')}", "imported": contents.commit}
            keep_files(project, identity, files[identity], about)
    return contents, sorted(files)


def _refuse_others(project: Project, contents: Contents, folder: Path) -> None:
    """Raise ApprovalError for what is of another project, commit, source or rules than are here."""
    if contents.project != project.pipeline.name:
        raise ApprovalError(f"{folder} is of the project {contents.project!r}, and this is {project.pipeline.name!r}")
    here = git.commit_of(project.root, "HEAD")
    if contents.commit != here:
        raise ApprovalError(
            f"{folder} is of commit {contents.commit[:12]}, and {here[:12]} is checked out: check out the same (a "
            "workflow for a pull request may have run on its merge), or let CI run again"
        )
    if contents.subject != verification_subject(project):
        raise ApprovalError(
            f"{folder} is of other source or goldens than are here, though of the same commit: commit or stash what "
            "was edited, here and there"
        )
    for name, digest in contents.rules.items():
        of_tests = any(is_of_a_test(i) and i.startswith(f"{name}/") for i in contents.candidates)
        rules = (rules_for_tests if of_tests else rules_of)(project.goldens, name)
        if rules.digest != digest:
            raise ApprovalError(f"{folder}: {name} was judged by other rules than are here: restore them from git")


def _files(folder: Path, identity: str, packed: Packed) -> dict[str, bytes]:
    """A candidate's files; raises ApprovalError where they are not what was sealed, or no artifact."""
    try:
        GoldenId.parse(identity)
        if not set(packed.files) <= set(SUFFIXES):
            raise GoldenError("it has other files than an artifact has")
        content = {suffix: read_plain(folder / f"{identity}{suffix}", folder) for suffix in packed.files}
        if combined_digest(content)[0] != packed.files:
            raise GoldenError("a file is not what was sealed")
        parse_artifact(content, identity)
    except HarnessError as error:
        raise ApprovalError(f"{folder}: {identity[:80]} is refused ({error}): let CI run again") from error
    return content


def _refuse_strangers(folder: Path, files: dict[str, dict[str, bytes]]) -> None:
    """Raise ApprovalError for a file that the seal does not know."""
    known = {folder / SEAL, *(folder / f"{i}{suffix}" for i, content in files.items() for suffix in content)}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path not in known:
            raise ApprovalError(f"{path} is no part of what was sealed: unpack what CI uploaded into an empty folder")
