"""Candidates of a run are left in a folder, for whoever decides elsewhere: in CI, where nothing else is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import git, text
from harness.core.artifacts import dump_artifact
from harness.core.errors import HarnessError, ProjectError
from harness.core.files import write_file
from harness.core.ids import CHECK, GoldenId
from harness.core.project import Project
from harness.core.protocol import Artifact, Json
from harness.core.verdicts import Report, ScenarioReport
from harness.store.manifest import combined_digest
from harness.verify.checks.document import CHECK_SCHEMA
from harness.verify.checks.verification import TestsVerified
from harness.verify.examination import Examination
from harness.verify.kept_candidates import (
    candidate_origin,
    is_accepted,
    is_golden,
    needs_candidate,
    wanted_candidates,
    why_kept,
)
from harness.verify.parcels.seal import SEAL, Contents, Packed, dump_seal


class Parcel:
    """An empty folder that gets the candidates of one verification, and its seal at the end.

    Raises ProjectError, before anything is computed, for a folder that holds anything, or is one of the project's own.
    """

    def __init__(self, project: Project, folder: Path, overrides: Sequence[str] = ()) -> None:
        self.project, self.folder = project, folder
        self.candidates: dict[str, Packed] = {}
        self.rules: dict[str, str] = {}
        if overrides:
            raise ProjectError("--keep is for what the scenarios themselves give: take --set out")
        for own in (project.goldens, project.schemas, project.state):
            if folder.resolve().is_relative_to(own.resolve()):
                raise ProjectError(f"--keep {folder} lies in {own}, which is the project's own: name another folder")
        if folder.is_dir() and any(folder.iterdir()):
            raise ProjectError(f"--keep {folder} is not empty, so that nobody would know what is of this run: empty it")

    def take(self, examination: Examination, report: ScenarioReport) -> None:
        """Take in what a verification of a scenario would keep."""
        if report.skipped:
            return
        for track, name in wanted_candidates(examination, report.artifacts):
            obtained = examination.candidate(track, name)
            origin = candidate_origin(examination, why_kept(report, track, name, is_accepted(examination, track, name)))
            identity, schema = examination.identity(track, name), examination.schema_of(track, name)
            if obtained is not None and not is_golden(examination.manifest.get(identity), obtained, schema):
                replaces = examination.manifest.get(identity)
                self._add(identity, obtained, schema, origin, replaces.sha256 if replaces else None)
        self.rules[report.scenario] = examination.rules.digest

    def take_tests(self, tests: TestsVerified) -> None:
        """Take in what tests check that is not as accepted."""
        for module in tests.reports:
            for report in module.artifacts:
                identity = GoldenId(module.scenario, CHECK, report.artifact)
                checked, entry = tests.session.tests.get(identity), tests.book.manifest.get(identity)
                if checked is None or checked.artifact is None or checked.outcome != "passed":
                    continue
                if needs_candidate(report.verdicts) and not is_golden(entry, checked.artifact, CHECK_SCHEMA):
                    origin = tests.book.origin(identity, "harness verify", checked.test)
                    self._add(identity, checked.artifact, CHECK_SCHEMA, origin, entry.sha256 if entry else None)
            self.rules[module.scenario] = tests.book.rules(module.scenario).digest

    def _add(
        self, identity: GoldenId, artifact: Artifact, schema: str, about: Mapping[str, Json], replaces: str | None
    ) -> None:
        files = dump_artifact(artifact, schema)
        for suffix, content in files.items():
            write_file(self.folder / f"{identity}{suffix}", content)
        self.candidates[identity] = Packed(combined_digest(files)[0], dict(about), replaces)

    def seal(self, report: Report) -> str:
        """Write the seal, last of all, and say what there is; a run that was not whole leaves no seal."""
        try:
            commit = git.commit_of(self.project.root, "HEAD")
        except HarnessError as error:
            raise ProjectError(f"--keep: {error}") from error
        contents = Contents(
            project=report.project,
            commit=commit,
            subject=report.subject,
            profile=report.profile,
            environment=dict(report.environment),
            rules=self.rules,
            candidates=self.candidates,
        )
        write_file(self.folder / SEAL, dump_seal(contents))
        return f"{text.count(len(self.candidates), 'candidate')} left in {self.folder}: `harness import` takes them in"
