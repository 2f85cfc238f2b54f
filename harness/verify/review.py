"""Looking at candidates before they become golden, and the second fresh run that must agree with them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

from harness.core.errors import ApprovalError, GoldenError
from harness.core.ids import ENSEMBLE
from harness.core.project import Project
from harness.core.protocol import Artifact, Tier
from harness.core.verdicts import ArtifactReport, Diagnosis, Report, ScenarioReport, Status, Verdict
from harness.judge.comparison import compare_artifact
from harness.judge.ensemble import intervals
from harness.judge.schema import OUTPUT_SCHEMA, schema_document
from harness.report.folder import write_report
from harness.run.cache import Cache
from harness.run.runner import Runner, Watcher, environment
from harness.store.candidates import list_pending, read_candidate
from harness.verify.calibration import ensemble_member, member_draws, run_artifacts
from harness.verify.examination import OWN_SCHEMAS, Examination


@dataclass(frozen=True)
class Review:
    """Candidates beside their goldens."""

    project: Project
    report: Report
    pairs: dict[tuple[str, str, str], tuple[Artifact | None, Artifact | None]]

    def write(self, folder: Path) -> Path:
        """A page with old, new and difference; gives its path."""

        def find(scenario: str, track: str, artifact: str) -> tuple[Artifact | None, Artifact | None]:
            return self.pairs.get((scenario, track, artifact), (None, None))

        return write_report(self.report, self.project.pipeline.views, find, folder)["report.html"]


def review_candidates(project: Project, ids: Sequence[str] = ()) -> Review:
    """The candidates ``ids``, or all, each compared with its golden under the accepted rules."""
    waiting = {p.identity: p for p in list_pending(project)}
    unknown = [identity for identity in ids if identity not in waiting]
    if unknown:
        known = ", ".join(waiting) or "nothing is pending: run `harness verify` first"
        raise ApprovalError(f"{unknown[0]} is not pending; pending: {known}")
    examiner = _Examiner(project, Runner(project.pipeline, Cache(project.state / "cache", project.cache_bytes)))
    pairs: dict[tuple[str, str, str], tuple[Artifact | None, Artifact | None]] = {}
    reports: dict[str, list[ArtifactReport]] = {}
    for identity in ids or sorted(waiting):
        if waiting[identity].kind != "golden":
            continue
        scenario, track, artifact = identity.split("/")
        examination = examiner.of(identity)
        candidate = read_candidate(project, identity)[0]
        try:
            golden = examination.golden(track, artifact)
        except GoldenError:
            golden = None  # damaged; its candidate is there to replace it
        pairs[scenario, track, artifact] = (golden.artifact if golden else None, candidate)
        verdicts = examiner.judge(identity, golden.artifact, candidate) if golden else _first(candidate)
        reports.setdefault(scenario, []).append(ArtifactReport(artifact, artifact, track, tuple(verdicts)))
    titles = project.pipeline.scenarios()
    scenarios = tuple(
        ScenarioReport(name, project.profile, titles.get(name, name), tuple(r), (), Diagnosis("Candidates for review"))
        for name, r in reports.items()
    )
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    made = Report(project.pipeline.name, "candidates", environment(project.pipeline), now, 0.0, scenarios)
    return Review(project, made, pairs)


def _first(candidate: Artifact) -> list[Verdict]:
    """A first golden has nothing to be compared with: its values are shown."""
    from harness.core.artifacts import describe_array
    from harness.core.trees import leaves

    values = [Verdict(p, Status.MISSING, "exact", "new", obtained=v) for p, v in leaves(candidate.values)]
    arrays = [
        Verdict(n, Status.MISSING, "exact", "new", obtained=describe_array(a)) for n, a in candidate.arrays.items()
    ]
    return values + arrays


class _Examiner:
    """Examinations by id, and the comparison of two artifacts of one id."""

    def __init__(self, project: Project, runner: Runner) -> None:
        self.project, self.runner = project, runner
        self._made: dict[tuple[str, str], Examination] = {}

    def of(self, identity: str) -> Examination:
        """The examination that an id belongs to."""
        scenario, track, _ = identity.split("/")
        small = track == self.project.pipeline.replay_profile
        key = (scenario, self.project.profile if small else track)
        if key not in self._made:
            self._made[key] = Examination(self.project, self.runner, *key)
        return self._made[key]

    def judge(self, identity: str, golden: Artifact, obtained: Artifact) -> list[Verdict]:
        """``obtained`` against ``golden`` under the rules, as a verification would."""
        _, track, artifact = identity.split("/")
        examination = self.of(identity)
        if artifact == ENSEMBLE:
            return list(_judge_ensemble(golden, obtained))
        tier: Tier = "exact" if artifact in OWN_SCHEMAS else examination.stage(artifact).tier
        if track == examination.replay and tier == "statistical":
            tier = "deterministic"
        prefix = examination.prefix(track, artifact)
        return list(compare_artifact(golden, obtained, examination.rules, prefix, examination.ensemble, tier))


def _judge_ensemble(golden: Artifact, obtained: Artifact) -> Iterable[Verdict]:
    """A first member that was run again lies within what the ensemble says, at every address."""
    allowed = intervals(golden)
    for address, draws in obtained.values["draws"].items():
        within = allowed.get(address)
        if within is None:
            yield Verdict(
                address, Status.UNEXPECTED, "statistical", "the ensemble has no such value", obtained=draws[0]
            )
            continue
        held = within.low <= draws[0] <= within.high
        said = "" if held else f"a member run again gives {draws[0]:.6g}, outside {within.low:.6g} to {within.high:.6g}"
        yield Verdict(
            address, Status.PASS if held else Status.FAIL, "statistical", said, "interval", within.mean, draws[0],
            f"{within.low:.6g} to {within.high:.6g}",
        )  # fmt: skip


class Referee:
    """Runs scenarios afresh, apart from the cache, to see whether a candidate can be repeated."""

    def __init__(self, project: Project, ids: Sequence[str], workers: int = 1, progress: Watcher | None = None) -> None:
        self.project, self.ids, self.workers = project, ids, workers
        self._folder = tempfile.TemporaryDirectory(prefix="harness-")
        self._cache = Cache(Path(self._folder.name), project.cache_bytes)
        self._examiner = _Examiner(project, Runner(project.pipeline, self._cache, progress))

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def rerun(self, identity: str) -> tuple[Artifact, str]:
        """The artifact of a fresh run, and its schema's id; raises ApprovalError where its stage fails."""
        scenario, track, artifact = identity.split("/")
        examination = self._examiner.of(identity)
        if artifact == ENSEMBLE:
            return self._one_member(identity, examination), OWN_SCHEMAS[ENSEMBLE]
        found = examination.candidate(track, artifact)
        if found is None:
            raise ApprovalError(f"{identity}: its stage fails when it is run again: see `harness run {scenario}`")
        return found, examination.schema_of(track, artifact)

    def _one_member(self, identity: str, examination: Examination) -> Artifact:
        """The candidate, with its first member replaced by a fresh run of it."""
        candidate = read_candidate(self.project, identity)[0]
        base = run_artifacts(examination.runner, examination.scenario)
        again = run_artifacts(examination.runner, ensemble_member(examination, candidate.values["seeds"][0]))
        fresh = member_draws(examination, base, again)
        draws = {a: [value, *candidate.values["draws"].get(a, [value])[1:]] for a, value in fresh.items()}
        return Artifact({**candidate.values, "draws": draws})

    def judge(self, identity: str, golden: Artifact, obtained: Artifact) -> list[Verdict]:
        """``obtained`` against ``golden``."""
        return self._examiner.judge(identity, golden, obtained)

    def broken_invariants(self, scenario: str) -> list[str]:
        """What does not hold of a fresh run of the scenario."""
        track = next(i.split("/")[1] for i in self.ids if i.split("/")[0] == scenario)
        held = self._examiner.of(f"{scenario}/{track}/any").invariants()
        return [f"{v.path}: {v.message}" for v in held if v.status.failed]

    def schema_errors(self, artifact: Artifact, schema: str) -> list[str]:
        """Every rule of the artifact's schema that it breaks."""
        if schema == OUTPUT_SCHEMA or schema in OWN_SCHEMAS.values():
            return []
        from harness.judge.schema import Schemas

        schemas = Schemas(self.project.schemas)
        for stage in self.project.pipeline.stages:
            if stage.main and schemas.of(stage.artifact).identity == schema:
                found = schemas.of(stage.artifact).problems(schema_document(artifact, schema))
                return [f"{p.path}: {p.message}" for p in found]
        return [f"no schema has the id {schema}"]
