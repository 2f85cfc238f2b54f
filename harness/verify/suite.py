"""A whole verification: every scenario examined, the store checked, candidates kept, the report made."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.core import git
from harness.core.artifacts import dump_artifact
from harness.core.errors import HarnessError
from harness.core.files import json_digest, sha256
from harness.core.ids import ENSEMBLE
from harness.core.project import Project, in_ci
from harness.core.protocol import Artifact, Json
from harness.core.trees import leaves
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status
from harness.judge.comparison import COMPARATOR
from harness.judge.rules import Rule
from harness.judge.schema import Schemas
from harness.run.cache import Cache
from harness.run.fingerprints import Sources
from harness.run.runner import Runner, Watcher, environment
from harness.store.candidates import add_candidate, list_edits, remove_candidate
from harness.store.goldens import Goldens
from harness.store.manifest import MANIFEST, Entry, combined_digest
from harness.store.transaction import recover_acceptance
from harness.verify.examination import Examination, known_goldens, verified_artifacts

UNDO = {"new": "remove it", "changed": "restore it", "removed": "restore it"}


@dataclass
class Suite:
    """A finished verification: its report, and the artifacts behind it."""

    report: Report
    examinations: dict[str, Examination]
    candidates: list[str] = field(default_factory=list)

    @property
    def damaged(self) -> list[str]:
        """What is wrong with goldens that cannot be read: an error of the input, whatever the verdicts are."""
        return [said for examination in self.examinations.values() for said in examination.damaged.values()]

    def find(self, scenario: str, track: str, artifact: str) -> tuple[Artifact | None, Artifact | None]:
        """Golden and obtained artifact, for pictures; None for one that is not there or not readable."""
        examination = self.examinations[scenario]
        golden = None
        if not any(v.status is Status.STALE for v in examination.report(track, artifact).verdicts):
            try:
                found = examination.golden(track, artifact)
                golden = found.artifact if found else None
            except Exception:  # its verdict tells already
                golden = None
        return golden, examination.obtained(track, artifact)


@contextmanager
def open_cache(project: Project, use: bool = True) -> Iterator[Cache]:
    """The project's cache; without ``use`` an empty one that is gone afterwards."""
    if use:
        cache = Cache(project.state / "cache", project.cache_bytes)
        yield cache
        cache.clean()
    else:
        with tempfile.TemporaryDirectory(prefix="harness-") as folder:
            yield Cache(Path(folder), project.cache_bytes)


def verify_suite(
    project: Project,
    cache: Cache,
    names: Sequence[str] = (),
    profile: str = "",
    overrides: Sequence[str] = (),
    workers: int = 1,
    progress: Watcher | None = None,
    finished: Callable[[ScenarioReport], None] | None = None,
    also: Sequence[str] = (),
    training: bool = True,
) -> Suite:
    """Verify some scenarios, or all; ``finished`` hears of each as soon as it is judged.

    ``also``: problems that were found elsewhere. Without ``training``, what it decides is not verified
    (see ``Examination.artifacts``). Candidates for new goldens are kept in the project's
    state, except in CI and with overrides.
    """
    started, clock = datetime.now(timezone.utc), time.perf_counter()
    pipeline, profile = project.pipeline, profile or project.profile
    known = pipeline.scenarios()
    if not in_ci():
        recover_acceptance(project)
    verified = verification_subject(
        project
    )  # before anything runs: an edit meanwhile must not pass for what was verified
    runner, schemas = Runner(pipeline, cache, progress), Schemas(project.schemas)
    examinations = {
        n: Examination(project, runner, n, profile, overrides, schemas, training) for n in names or sorted(known)
    }
    for examination in examinations.values():
        examination.prepare()  # what is missing or misspelt is told before anything is computed
    if workers > 1:
        there = [e for e in examinations.values() if not e.scenario.missing]
        runner.ahead = _compute_ahead(project, cache, there, overrides, workers)
    suite = Suite(Report(pipeline.name, profile, environment(pipeline), "", 0.0, ()), examinations)
    reports = []
    for examination in examinations.values():
        reports.append(examination.verify())
        if not in_ci() and not overrides:
            suite.candidates += keep_candidates(project, examination, reports[-1])
        if finished:
            finished(reports[-1])
    problems = [*also, *store_problems(project, examinations, complete=not names and not overrides)]
    suite.report = Report(
        pipeline.name, profile, environment(pipeline), started.isoformat(timespec="seconds"),
        time.perf_counter() - clock, tuple(reports), tuple(problems), subject=verified,
    )  # fmt: skip
    return suite


def verification_subject(project: Project) -> str:
    """The digest of what is verified: the pipeline's source, and the manifest of its goldens."""
    found = [*Sources(project.pipeline.source_roots).files(), project.goldens / MANIFEST]
    return json_digest([[f.name, sha256(f.read_bytes())] for f in found if f.is_file()])


def _compute_ahead(
    project: Project, cache: Cache, examinations: Iterable[Examination], overrides: Sequence[str], workers: int
) -> set[str]:
    """Fill the cache with several processes; what fails there fails again, and is told, when it is judged.

    Returns the keys of what they computed.
    """
    from harness.run.jobs import Job, JobError, local_executor

    jobs = [
        Job("harness.verify.suite:compute_scenario", {
            "root": str(project.root), "cache": str(cache.folder), "scenario": e.scenario.name,
            "profile": e.profile, "overrides": list(overrides), "training": e.training,
        })
        for e in examinations
    ]  # fmt: skip
    with local_executor(workers) as executor:
        for job in jobs:
            executor.submit(job)
        made: set[str] = set()
        for future in executor.as_completed():
            with suppress(JobError):
                made.update(future.result())
        return made


def compute_scenario(
    root: str, cache: str, scenario: str, profile: str, overrides: list[str], training: bool
) -> list[str]:
    """One scenario's stages, into the cache: the job of a worker process. Returns the keys of what it computed."""
    from harness.core.project import find_project

    project = find_project(Path(root))
    runner = Runner(project.pipeline, Cache(Path(cache), project.cache_bytes))
    examination = Examination(project, runner, scenario, profile, overrides, training=training)
    for track, artifact in examination.artifacts:
        examination.obtained(track, artifact)
    return sorted(runner.computed)


def keep_candidates(project: Project, examination: Examination, report: ScenarioReport) -> list[str]:
    """A pending candidate for every artifact that is not as accepted, and no other; returns their ids."""
    kept = []
    replay = examination.replay
    wanted = [(a.track, a.artifact) for a in report.artifacts if _needs_candidate(a.verdicts)]
    if any(track == replay for track, _ in wanted):
        # A stage's stored output is the next one's input: a new golden of one is a new golden of all that follow.
        wanted = [w for w in wanted if w[0] != replay]
        wanted += [(replay, s.artifact) for s in examination.pipeline.stages if s.replay != "no"]
    else:
        wanted += [
            (replay, s.artifact) for s in examination.pipeline.stages
            if s.replay == "given" and examination.identity(replay, s.artifact) not in examination.manifest
        ]  # fmt: skip
    for name in wanted:
        if identity := keep_candidate(project, examination, *name, report.diagnosis.headline):
            kept.append(identity)
    stored = [(replay, s.artifact) for s in examination.pipeline.stages if s.replay == "given"]
    for identity in {examination.identity(*name) for name in (*examination.artifacts, *stored)}.difference(kept):
        remove_candidate(project, identity)  # an earlier run's, which nobody gets any more
    return kept


def keep_candidate(project: Project, examination: Examination, track: str, artifact: str, why: str) -> str:
    """Keep what is obtained now as a candidate; gives its id, empty when nothing is, or the golden itself."""
    found = examination.candidate(track, artifact)
    if found is None:
        return ""
    identity, schema = examination.identity(track, artifact), examination.schema_of(track, artifact)
    if _is_golden(examination.manifest.get(identity), found, schema):
        return ""  # such as a replay's, beside others that did change
    kept = add_candidate(project, identity, found, schema, candidate_origin(examination, why))
    return identity if kept else ""


def _is_golden(entry: Entry | None, found: Artifact, schema: str) -> bool:
    """Whether a candidate is the golden itself, to the byte."""
    if entry is None or (entry.schema, entry.comparator) != (schema, COMPARATOR):
        return False
    return combined_digest(dump_artifact(found, schema))[1] == entry.sha256


def candidate_origin(examination: Examination, why: str) -> dict[str, Json]:
    """What a candidate of this examination was made with, and why it is kept."""
    try:
        commit = git.commit_of(examination.project.root, "HEAD")
    except HarnessError:
        commit = ""  # not a repository yet: accepting will say so
    return {
        "why": why, "commit": commit, "seeds": config_seeds(examination.scenario.config), "comparator": COMPARATOR,
        "environment": examination.runner.environment, "tolerances": examination.rules.digest,
    }  # fmt: skip


def _needs_candidate(verdicts: Iterable[Any]) -> bool:
    return any(v.status.failed or v.status is Status.IMPROVED for v in verdicts)


def config_seeds(config: Any, path: str = "") -> dict[str, int]:
    """Every seed of a configuration by its dotted name."""
    found: dict[str, int] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= config_seeds(value, f"{path}{key}.")
        elif key.endswith("seed") and isinstance(value, int):
            found[f"{path}{key}"] = value
    return found


def store_problems(project: Project, examinations: dict[str, Examination], complete: bool) -> list[str]:
    """What is wrong with the store itself: unknown and orphaned goldens, unapproved edits, rules that match nothing."""
    goldens = Goldens.of(project)
    manifest = goldens.manifest()
    problems = [
        f"{identity} is in {project.goldens.name}/, not in the manifest: accept it, or remove it with `harness prune`"
        for identity in goldens.on_disk() if identity not in manifest
    ]  # fmt: skip
    problems += [
        f"{edit.headline}: `harness accept {edit.identity} --reason ...`, or {UNDO[edit.change]}"
        for edit in list_edits(project)
    ]
    if not all(e.training for e in examinations.values()):
        return problems  # rules and goldens of what training decides have nothing to be held against
    problems += unused_rules(examinations, complete)
    if not complete:
        return problems
    spent = sum(len(e.ensemble) for e in examinations.values())
    shared = min((i.values for e in examinations.values() for i in e.ensemble.values()), default=spent)
    if spent > shared:
        problems.append(
            f"{spent} values are judged by intervals that were made for {shared}: false alarms come more often than "
            "stated; raise values in [tool.harness] and calibrate again"
        )
    known = known_goldens(examinations)
    tracks = {e.profile for e in examinations.values()} | {e.replay for e in examinations.values()}
    for identity, entry in manifest.items():
        scenario, _, rest = identity.partition("/")
        here = entry.kind == "golden" and (scenario not in examinations or rest.partition("/")[0] in tracks)
        if here and identity not in known:
            problems.append(f"golden {identity} belongs to no stage of any scenario: remove it with `harness prune`")
    if in_ci():
        skipped = [e.scenario.name for e in examinations.values() if e.scenario.missing]
        problems += [f"scenario {name} was skipped: in CI every golden is compared" for name in skipped]
    used = {p.stem for p in Schemas(project.schemas).files()}
    wanted = {f"{s.artifact}.schema" for s in project.pipeline.stages if s.main}
    problems += [f"schema {name}.json is of no artifact" for name in sorted(used - wanted)]
    return problems


def all_known(project: Project) -> set[str]:
    """Every golden's id that some scenario makes at some profile that has goldens."""
    goldens, pipeline = Goldens.of(project), project.pipeline
    tracks = {identity.split("/")[1] for identity, e in goldens.manifest().items() if e.kind == "golden"}
    known = set()
    for profile in {project.profile, *tracks} - {pipeline.replay_profile}:
        for name in pipeline.scenarios():
            known |= {f"{name}/{track}/{artifact}" for track, artifact in verified_artifacts(pipeline, profile)}
            known.add(f"{name}/{profile}/{ENSEMBLE}")
    given = [s.artifact for s in pipeline.stages if s.replay == "given"]
    return known | {f"{name}/{pipeline.replay_profile}/{a}" for name in pipeline.scenarios() for a in given}


def _addresses(examination: Examination, report: ArtifactReport) -> Iterator[str]:
    """What rules can speak of in an artifact: what was compared, and what was obtained, compared or not."""
    prefix = examination.prefix(report.track, report.artifact)
    yield from (prefix + verdict.path for verdict in report.verdicts)
    if any(v.status.failed and not v.path for v in report.verdicts):  # there was nothing to compare it with
        found = examination.obtained(report.track, report.artifact)
        assert found is not None
        yield from (prefix + path for path in (*dict(leaves(found.values)), *found.arrays))


def unused_rules(examinations: dict[str, Examination], complete: bool) -> list[str]:
    """Rules that match nothing: a scenario's own in that scenario, shared ones in all of them."""
    unused: dict[tuple[Path, str], int] = {}
    loaded: dict[tuple[Path, str], int] = {}
    for examination in (e for e in examinations.values() if not e.scenario.missing):
        reports = [examination.report(*name) for name in examination.artifacts]
        if any(r.error or r.blocked for r in reports):
            return []  # what did not run cannot be matched
        addresses = [a for r in reports for a in _addresses(examination, r)]
        rules: tuple[Rule, ...] = examination.rules.rules
        idle = {(r.source, r.pattern) for r in examination.rules.unmatched(addresses)}
        for rule in rules:
            name = (rule.source, rule.pattern)
            loaded[name] = loaded.get(name, 0) + 1
            unused[name] = unused.get(name, 0) + (name in idle)
    return [
        f"{source.parent.name}/{source.name}: rule {pattern!r} matches nothing: remove it or mend its pattern"
        for (source, pattern), times in unused.items()
        if times == loaded[source, pattern] and (complete or source.parent.name in examinations)
    ]
