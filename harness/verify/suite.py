"""A whole verification: every scenario examined, the store checked, candidates kept, the report made."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from harness.core import text
from harness.core.errors import ProjectError
from harness.core.files import json_digest, sha256
from harness.core.ids import CHECK
from harness.core.project import Project, in_ci
from harness.core.protocol import Artifact
from harness.core.verdicts import Report, ScenarioReport, Status
from harness.host.cluster.engine import ALONE, Engine
from harness.judge.schema import Schemas
from harness.run.cache import Cache
from harness.run.pipeline_source import sources_of
from harness.run.runner import Runner, Watcher
from harness.run.shared.cache import project_cache
from harness.store.candidates import list_pending
from harness.store.goldens import Goldens
from harness.store.large.objects import refuse_missing
from harness.store.manifest import MANIFEST
from harness.verify.checks.book import CheckBook
from harness.verify.checks.verification import TestsVerified, left_out_of_tests, verify_tests
from harness.verify.coverage import omissions
from harness.verify.examination import Examination
from harness.verify.housekeeping import store_problems
from harness.verify.kept_candidates import keep_candidates, replay_unkept
from harness.verify.running.order import Early, verify_each


class CandidatesTaker(Protocol):
    """Whoever takes in the candidates of a verification, to leave them elsewhere."""

    def take(self, examination: Examination, report: ScenarioReport) -> None:
        """Those of a scenario."""

    def take_tests(self, tests: TestsVerified) -> None:
        """Those of tests."""


@dataclass
class Suite:
    """A finished verification: its report, and the artifacts behind it."""

    report: Report
    examinations: dict[str, Examination]
    candidates: list[str] = field(default_factory=list)
    tests: TestsVerified | None = None

    @property
    def damaged(self) -> list[str]:
        """What is wrong with goldens that cannot be read: an error of the input, whatever the verdicts are."""
        of_tests = self.tests.book.damaged.values() if self.tests else ()
        return [*(p for examination in self.examinations.values() for p in examination.damaged.values()), *of_tests]

    def find(self, scenario: str, track: str, artifact: str) -> tuple[Artifact | None, Artifact | None]:
        """Golden and obtained artifact, for pictures; None for one that is not there or not readable."""
        if track == CHECK:
            return self.tests.find(scenario, artifact) if self.tests else (None, None)
        examination = self.examinations[scenario]
        golden = None
        if not any(v.status is Status.STALE for v in examination.report(track, artifact).verdicts):
            try:
                accepted = examination.golden(track, artifact)
                golden = accepted.artifact if accepted else None
            except Exception:  # its verdict tells already
                golden = None
        return golden, examination.obtained(track, artifact)


@contextmanager
def open_cache(project: Project, use: bool = True) -> Iterator[Cache]:
    """The project's cache; without ``use`` an empty one that is gone afterwards."""
    if use:
        cache = project_cache(project)
        yield cache
        cache.clean()
    else:
        with tempfile.TemporaryDirectory(prefix="harness-") as folder:
            yield Cache(Path(folder), project.cache_bytes)


def verify_suite(
    project: Project,
    cache: Cache,
    *,
    names: Sequence[str] = (),
    profile: str = "",
    overrides: Sequence[str] = (),
    engine: Engine = ALONE,
    watcher: Watcher | None = None,
    finished: Callable[[ScenarioReport], None] | None = None,
    also: Sequence[str] = (),
    training: bool = True,
    parcel: CandidatesTaker | None = None,
    early: Early | None = None,
    fail_fast: bool = False,
) -> Suite:
    """Verify some scenarios and modules of tests, or all; ``finished`` hears of each as soon as it is judged.

    ``early`` and ``fail_fast``: see ``verify_each``. ``also``: problems that were found elsewhere. Without
    ``training``, what it decides is not verified (see ``verified_parts``). Candidates are kept in ``parcel``,
    and but in CI and with overrides in the state.
    """
    when, clock = datetime.now(timezone.utc).isoformat(timespec="seconds"), time.perf_counter()
    pipeline, profile = project.pipeline, profile or project.profile
    refuse_missing(project, Goldens.of(project).manifest())  # which is refused while an acceptance is half-way
    verified = verification_subject(project)  # before anything runs: an edit meanwhile must not pass for that
    runner, schemas = Runner(pipeline, cache, watcher), Schemas(project.schemas)
    book = CheckBook(project)
    chosen, modules = _chosen(book, names)
    examinations = {n: Examination(project, runner, n, profile, overrides, schemas, training) for n in chosen}
    for examination in examinations.values():
        examination.prepare()  # what is missing or misspelt is reported before anything is computed
    suite = Suite(Report(pipeline.name, profile, runner.environment, when, 0.0, (), subject=verified), {})
    found: dict[str, ScenarioReport] = {}
    here = not (in_ci() or overrides)  # where candidates are kept beside those in a parcel
    keep = here or parcel is not None
    for examination, report in verify_each([*examinations.values()], runner, overrides, engine, early, fail_fast, keep):
        suite.examinations[report.scenario], found[report.scenario] = examination, report
        suite.candidates += _kept(examination, report, here, parcel)
        if finished:
            finished(report)
    stopped = len(found) < len(examinations) or any("--fail-fast" in e.left_out_by for e in suite.examinations.values())
    reports = [found[name] for name in examinations if name in found]
    complete = not names and not overrides and not stopped
    whole = complete and profile == project.profile and (book.accepted or not project.adapter)
    if whole or (modules and not stopped):
        suite.tests = _tests(book, modules, finished, parcel)
        reports, also = [*reports, *suite.tests.reports], [*also, *suite.tests.problems]
        suite.candidates += suite.tests.candidates
    unasked = _left_out(examinations, found, stopped, keep) + ([] if names or suite.tests else left_out_of_tests(book))
    problems = dict.fromkeys([*also, *store_problems(project, suite.examinations, complete)])
    suite.report = replace(
        suite.report,
        seconds=time.perf_counter() - clock,
        scenarios=tuple(reports),
        problems=tuple(problems),
        omitted=(*omissions(suite.examinations.values(), complete), *unasked),
    )
    return suite


def _left_out(
    examinations: Mapping[str, Examination], found: Mapping[str, ScenarioReport], stopped: bool, keep: bool
) -> list[str]:
    """What was left out beside goldens, one sentence each: where --fail-fast ``stopped``, and what was not kept."""
    said, left = [], len(examinations) - len(found)
    if stopped:
        scenarios = [f"{text.count(left, 'scenario')} of {len(examinations)}"] if left else []
        said += [f"{text.joined([*scenarios, 'what tests check'])}: --fail-fast stopped at {[*found][-1]}"]
    if keep and (
        unkept := [n for n, r in found.items() if not r.skipped and replay_unkept(examinations[n], r.artifacts)]
    ):
        said += [
            f"candidates of the replay of {text.count(len(unkept), 'scenario')}: a new golden of one of its stages is "
            "one of all, and the one that trains did not run; `harness verify` keeps them"
        ]
    return said


def _kept(examination: Examination, report: ScenarioReport, here: bool, parcel: CandidatesTaker | None) -> list[str]:
    """Keep a scenario's candidates, ``here`` and for elsewhere; gives the ids of those that are kept here."""
    if parcel:
        parcel.take(examination, report)
    return keep_candidates(examination, report) if here else []


def _tests(
    book: CheckBook,
    modules: Sequence[str],
    finished: Callable[[ScenarioReport], None] | None,
    parcel: CandidatesTaker | None,
) -> TestsVerified:
    """Verify what tests check, and keep its candidates for elsewhere as well."""
    done = verify_tests(book, modules, finished)
    if parcel:
        parcel.take_tests(done)
    return done


def _chosen(book: CheckBook, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The scenarios and the modules of tests that were named, or all scenarios; ProjectError where there is nothing."""
    project = book.project
    if not project.adapter and not names and not book.accepted and not list_pending(project):
        raise ProjectError(f"{project.lacks_adapter}; or let a test check a value, run pytest and accept its candidate")
    known, accepted = project.pipeline.scenarios(), {identity.scenario for identity in book.accepted}
    modules = [name for name in names if name not in known and name in accepted]
    return [name for name in names or sorted(known) if name not in modules], modules


def verification_subject(project: Project) -> str:
    """The digest of what is verified: the pipeline's source, and the manifest of its goldens."""
    files = [*sources_of(project.pipeline).files(), project.goldens / MANIFEST]
    return json_digest([[f.name, sha256(f.read_bytes())] for f in files if f.is_file()])
