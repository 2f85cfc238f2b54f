"""The second fresh run that must agree with a candidate before it becomes golden."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from harness.core.errors import ApprovalError
from harness.core.ids import ENSEMBLE, GoldenId, scenario_of
from harness.core.project import Project
from harness.core.protocol import Artifact
from harness.core.verdicts import Verdict
from harness.judge.schema import OUTPUT_SCHEMA, Schemas, schema_document
from harness.run.cache import Cache
from harness.run.runner import Runner, Watcher
from harness.store.candidates import read_candidate
from harness.verify.calibration import ensemble_member, member_draws, run_artifacts
from harness.verify.coverage import OWN_SCHEMAS
from harness.verify.examination import Examination
from harness.verify.review import Examiner
from harness.verify.rule_gaps import rule_sentences, values_by_address


class Referee:
    """Runs scenarios afresh, apart from the cache, to see whether a candidate can be repeated."""

    def __init__(self, project: Project, ids: Sequence[str], workers: int = 1, watcher: Watcher | None = None) -> None:
        self.project, self.ids, self.workers = project, ids, workers
        self._folder = tempfile.TemporaryDirectory(prefix="harness-")
        self._cache = Cache(Path(self._folder.name), project.cache_bytes)
        self._examiner = Examiner(project, Runner(project.pipeline, self._cache, watcher))

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def rerun(self, identity: str) -> tuple[Artifact, str]:
        """The artifact of a fresh run, and its schema's id; raises ApprovalError where its stage fails."""
        golden_id = GoldenId.parse(identity)
        examination = self._examiner.of(identity)
        if golden_id.artifact == ENSEMBLE:
            return self._one_member(identity, examination), OWN_SCHEMAS[ENSEMBLE]
        fresh = examination.candidate(golden_id.track, golden_id.artifact)
        if fresh is None:
            remedy = f"see `harness run {golden_id.scenario}`"
            raise ApprovalError(f"{identity}: its stage fails when it is run again: {remedy}")
        return fresh, examination.schema_of(golden_id.track, golden_id.artifact)

    def _one_member(self, identity: str, examination: Examination) -> Artifact:
        """The candidate, with its first member replaced by a fresh run of it."""
        candidate = read_candidate(self.project, identity)[0]
        base = run_artifacts(examination.runs.runner, examination.scenario)
        again = run_artifacts(examination.runs.runner, ensemble_member(examination, candidate.values["seeds"][0]))
        fresh = member_draws(examination, base, again)
        draws = {a: [value, *candidate.values["draws"].get(a, [value])[1:]] for a, value in fresh.items()}
        return Artifact({**candidate.values, "draws": draws})

    def judge(self, identity: str, golden: Artifact, obtained: Artifact) -> list[Verdict]:
        """``obtained`` against ``golden``."""
        return self._examiner.judge(identity, golden, obtained)

    def lacking_rules(self, identity: str, artifact: Artifact) -> list[str]:
        """A sentence for each rule that has to be written before ``artifact`` can be judged."""
        golden_id = GoldenId.parse(identity)
        if golden_id.artifact == ENSEMBLE:
            return []
        examination = self._examiner.of(identity)
        prefix = examination.prefix(golden_id.track, golden_id.artifact)
        return rule_sentences(examination.rules, values_by_address(artifact, prefix))

    def broken_invariants(self, scenario: str) -> list[str]:
        """What does not hold of a fresh run of the scenario."""
        identity = next(i for i in self.ids if scenario_of(i) == scenario)
        held = self._examiner.of(identity).invariants()
        return [f"{v.path}: {v.message}" for v in held if v.status.failed]

    def schema_errors(self, artifact: Artifact, schema: str) -> list[str]:
        """Every rule of the artifact's schema that it breaks."""
        if schema == OUTPUT_SCHEMA or schema in OWN_SCHEMAS.values():
            return []
        schemas = Schemas(self.project.schemas)
        for stage in self.project.pipeline.stages:
            if stage.main and schemas.of(stage.artifact).identity == schema:
                problems = schemas.of(stage.artifact).problems(schema_document(artifact, schema))
                return [f"{p.path}: {p.message}" for p in problems]
        return [f"no schema has the id {schema}"]
