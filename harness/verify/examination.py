"""One scenario under examination: what its stages give, against schemas and goldens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from harness.core.adapters.answers import checked_answer
from harness.core.adapters.faults import sentence_of
from harness.core.errors import GoldenError, HarnessError
from harness.core.ids import CONFIGURATION, ENSEMBLES, INVARIANTS, GoldenId
from harness.core.project import Project
from harness.core.protocol import Artifact, Invariant, Json, Scenario, Tier
from harness.core.trees import artifact_json, leaves, numeric_json
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status, Verdict
from harness.judge.comparison import COMPARATOR, compare_artifact
from harness.judge.ensemble import Interval, closer, intervals
from harness.judge.rules import Rules
from harness.judge.schema import OUTPUT_SCHEMA, Schemas, schema_document
from harness.run.runner import Runner
from harness.run.work import resolve
from harness.store.goldens import Golden, Goldens
from harness.store.manifest import Entry
from harness.verify.coverage import OWN_SCHEMAS, judged_tier, verified_parts
from harness.verify.ensembles.findings import statistical_findings, summary_of
from harness.verify.invariants import judge_invariant, own_invariants, pipeline_invariants
from harness.verify.localisation.shared_source import shared_source
from harness.verify.localisation.stages import localise
from harness.verify.pinned import settings_left_behind
from harness.verify.running.stage_runs import StageRuns
from harness.verify.running.stored_inputs import StoredInputs
from harness.verify.standards import Standards, levels_of, rules_of, standards

NO_SETTINGS = {"settings": 0}  # what is verified of a configuration that has none: that it stays so
_REFRESH = "run `harness verify {scenario}`, look at the candidate with `harness review {id}`, and accept it"


class Examination:
    """A scenario at a profile, and its replay; see ``artifacts`` for what can be asked."""

    def __init__(
        self,
        project: Project,
        runner: Runner,
        name: str,
        profile: str,
        overrides: Sequence[str] = (),
        schemas: Schemas | None = None,
        training: bool = True,
    ) -> None:
        self.project, self.runner, self.profile = project, runner, profile
        self.left_out_by = [] if training else ["--no-training"]  # options, of what is not verified
        self.pipeline, self.goldens = project.pipeline, Goldens.of(project)
        self.schemas = schemas or Schemas(project.schemas)
        self.scenario: Scenario = project.scenario(name, profile, overrides)
        self.damaged: dict[str, str] = {}  # what is wrong with a golden that cannot be read, by its id
        self.stored_inputs = StoredInputs(self.pipeline, self.goldens, name, lambda: self.manifest, self.damaged)
        self.runs = StageRuns(runner, self.scenario, project.scenario(name, self.replay, overrides), self.stored_inputs)
        self._reports: dict[tuple[str, str], ArtifactReport] = {}

    # What it is held against

    @property
    def replay(self) -> str:
        """The replay track's name."""
        return self.pipeline.replay_profile

    @cached_property
    def manifest(self) -> dict[str, Entry]:
        """The manifest."""
        return self.goldens.manifest()

    @cached_property
    def rules(self) -> Rules:
        """The scenario's own tolerances, or else the ones that all scenarios share."""
        return rules_of(self.goldens.root, self.scenario.name).under(lambda: levels_of(self.pipeline))

    def judged_by(self) -> Standards:
        """The rules, the schemas and the manifest, as they were read."""
        artifacts = [s.artifact for s in self.pipeline.stages if s.main]
        return standards(self.scenario.name, self.rules, self.manifest, self.schemas, artifacts)

    def prepare(self) -> None:
        """Read tolerances and schemas; raises HarnessError for one that is missing or misspelt."""
        _ = self.artifacts
        _ = self.rules
        for stage in (s for s in self.pipeline.stages if s.main):
            self.schemas.of(stage.artifact)

    @cached_property
    def ensemble(self) -> dict[str, Interval]:
        """The intervals of the scenario's ensembles, by address, the closer one of each; empty without an ensemble."""
        seeds, rounding = (self.golden(self.profile, name) for name in ENSEMBLES)
        held = intervals(seeds.artifact) if seeds else {}
        return closer(held, intervals(rounding.artifact)) if rounding else held

    @property
    def training(self) -> bool:
        """Whether what training decides is verified."""
        return not self.left_out_by

    @cached_property
    def parts(self) -> list[list[tuple[str, str]]]:
        """What is verified, the cheapest first; each part holds those before it, and the last one is ``artifacts``."""
        return verified_parts(self.pipeline, self.profile, self.training)

    @property
    def artifacts(self) -> list[tuple[str, str]]:
        """Track and name of everything that is verified, in the pipeline's order."""
        return self.parts[-1]

    def end_after(self, part: int) -> None:
        """Leave out what comes after the part of this number."""
        self.parts, self.left_out_by = self.parts[: part + 1], [*self.left_out_by, "--fail-fast"]

    def identity(self, track: str, artifact: str) -> GoldenId:
        """The id of a golden."""
        return GoldenId(self.scenario.name, track, artifact)

    def prefix(self, track: str, artifact: str) -> str:
        """What stands before an artifact's paths in addresses."""
        return f"replay/{artifact}/" if track == self.replay else f"{artifact}/"

    def golden(self, track: str, artifact: str) -> Golden | None:
        """The accepted artifact; raises GoldenError where it is damaged."""
        identity = self.identity(track, artifact)
        return self.goldens.read(identity, self.manifest[identity]) if identity in self.manifest else None

    # What the pipeline gives

    def obtained(self, track: str, artifact: str) -> Artifact | None:
        """What the pipeline gives now; None where its stage failed."""
        if artifact == CONFIGURATION:
            holds = f"the configuration of {self.scenario.name} holds"
            return Artifact(artifact_json(self.scenario.config, holds) or NO_SETTINGS)
        if artifact == INVARIANTS:
            if self.runs.failed_stage():
                return None
            bounds = {i.name: {"low": i.low, "high": i.high} for i in self._invariants_asked}
            return Artifact(artifact_json(bounds, f"the invariants of {self.scenario.name} hold"))
        return self.runs.artifact(artifact, track == self.replay)

    def candidate(self, track: str, artifact: str) -> Artifact | None:
        """What a new golden would hold."""
        return self.obtained(track, artifact) if track != self.replay else self.runs.candidate(artifact)

    @cached_property
    def _numeric(self) -> dict[str, Artifact]:
        """Every artifact that there is of the scenario's own profile, its numbers as the adapter gave them."""
        names = [s.artifact for s in self.pipeline.stages if s.main]
        given = {name: artifact for name in names if (artifact := self.obtained(self.profile, name)) is not None}
        return {name: Artifact(numeric_json(a.values), a.arrays) for name, a in given.items()}

    # Judging

    def schema_of(self, track: str, artifact: str) -> str:
        """The id of the schema that governs an artifact."""
        if track == self.replay:
            return OUTPUT_SCHEMA
        return OWN_SCHEMAS.get(artifact) or self.schemas.of(artifact).identity

    def report(self, track: str, artifact: str) -> ArtifactReport:
        """The verdicts on one artifact."""
        key = (track, artifact)
        if key not in self._reports:
            self._reports[key] = self._report(track, artifact)
        return self._reports[key]

    def judged(self, track: str, artifact: str) -> ArtifactReport | None:
        """The verdicts on one artifact; None as long as nobody asked for them."""
        return self._reports.get((track, artifact))

    def _report(self, track: str, artifact: str) -> ArtifactReport:
        if artifact in OWN_SCHEMAS:
            given = self.obtained(track, artifact)
            if given is None:
                return ArtifactReport(artifact, artifact, track, blocked=self.runs.failed_stage())
            return ArtifactReport(artifact, artifact, track, self.judge(track, artifact, given, "exact"))
        replayed = track == self.replay
        run = self.runs.of(artifact, replayed)
        name = run.stage.name
        given = self.obtained(track, artifact) if run.item else None
        if given is None:
            return ArtifactReport(name, artifact, track, error=run.error, blocked=run.blocked, details=run.details)
        untrusted = (Verdict("", Status.FAIL, "exact", problem) for problem in run.problems)
        verdicts = (*untrusted, *self.judge(track, artifact, given, judged_tier(run.stage, replayed)))
        return ArtifactReport(name, artifact, track, verdicts, run.cached, run.seconds)

    def judge(self, track: str, artifact: str, obtained: Artifact, tier: Tier) -> tuple[Verdict, ...]:
        """An artifact against its schema and its golden."""
        identity = self.identity(track, artifact)
        schema = self.schema_of(track, artifact)
        broken = tuple(self.schema_errors(track, artifact, obtained))
        entry = self.manifest.get(identity)
        remedy = _REFRESH.format(scenario=self.scenario.name, id=identity)
        if entry is None:
            return (*broken, Verdict("", Status.MISSING, tier, f"there is no golden {identity}: {remedy}"))
        for what, accepted, now in (("schema", entry.schema, schema), ("comparator", entry.comparator, COMPARATOR)):
            if accepted != now:
                older = f"the golden was accepted under {what} {accepted}, now it is {now}: {remedy}"
                return (*broken, Verdict("", Status.STALE, tier, older))
        try:
            golden = self.goldens.read(identity, entry)
        except GoldenError as error:
            self.damaged[identity] = str(error)
            return (*broken, Verdict("", Status.FAIL, "exact", str(error)))
        prefix = self.prefix(track, artifact)
        verdicts = compare_artifact(golden.artifact, obtained, self.rules, prefix, self.ensemble, tier)
        return (*broken, *self._with_units(track, artifact, golden.artifact, verdicts))

    def _with_units(
        self, track: str, artifact: str, golden: Artifact, verdicts: tuple[Verdict, ...]
    ) -> tuple[Verdict, ...]:
        """Verdicts with the units that the artifact's schema gives; that of a replay's output gives none."""
        if track == self.replay or artifact in OWN_SCHEMAS or (units := self.schemas.of(artifact).units).none:
            return verdicts
        found = ((v, units.of(v.path, "arrays" if v.path in golden.arrays else "values")) for v in verdicts)
        return tuple(replace(v, unit=unit) if unit else v for v, unit in found)

    def schema_errors(self, track: str, artifact: str, obtained: Artifact) -> Iterator[Verdict]:
        """One failing verdict for every rule of the schema that is broken."""
        if track == self.replay or artifact in OWN_SCHEMAS:
            return
        schema = self.schemas.of(artifact)
        for problem in schema.problems(schema_document(obtained, schema.identity)):
            message = f"{schema.path.name}: at {problem.path}, {problem.message} (rule: {problem.rule})"
            yield Verdict(problem.path, Status.FAIL, "exact", message, problem.rule, None, problem.value)

    def invariants(self) -> tuple[Verdict, ...]:
        """Whether each invariant holds, and what the ensemble says of the run; none of a run that has no end."""
        return (*self.bounds_held(), *statistical_findings(self))

    def bounds_held(self) -> tuple[Verdict, ...]:
        """Whether each invariant holds, whatever was accepted; none of a run that has no end."""
        return tuple(map(judge_invariant, self._invariants_asked))

    @cached_property
    def _invariants_asked(self) -> list[Invariant]:
        """The invariants of the run, asked for once: another answer another time would be of nothing."""
        if self.runs.failed_stage():
            return []
        runs = [self.runs.of(s.artifact, False) for s in self.pipeline.stages if s.main]
        items = [run.item for run in runs if run.item is not None]
        return [*own_invariants(items, self._nan_matched), *pipeline_invariants(self.pipeline, self._numeric)]

    def _nan_matched(self, stage: str, path: str) -> bool:
        """Whether some rule compares where a stage's output is not finite: as its artifact holds it, or its replay."""
        of = self.pipeline.stage(stage)
        prefixes = [self.prefix(self.replay, of.artifact)] if of.replay == "verify" else []
        if path in self._verified_paths.get(of.artifact, ()):
            prefixes.append(self.prefix(self.profile, of.artifact))
        rules = (self.rules.find(prefix + path) for prefix in prefixes)
        return any(rule is not None and rule.terms.get("nan") == "match" for rule in rules)

    @cached_property
    def _verified_paths(self) -> dict[str, set[str]]:
        """Where the artifacts of the scenario's own profile have a value or an array."""
        return {name: {*a.arrays, *dict(leaves(a.values))} for name, a in self._numeric.items()}

    def verify(self) -> ScenarioReport:
        """Judge everything, in order."""
        scenario = self.scenario
        if scenario.missing:
            return ScenarioReport(scenario.name, self.profile, scenario.title, skipped=scenario.missing)
        reports = tuple(self.report(track, artifact) for track, artifact in self.artifacts)
        held = self.invariants() if self.training else ()
        sharing = partial(shared_source, self.project, scenario.name, sources=self.runner.sources)
        diagnosis = localise(self.pipeline, reports, held, self.replay, sharing)
        diagnosis = replace(diagnosis, notes=(*settings_left_behind(self), *diagnosis.notes))
        analysis = self.analysis() if self.training else None
        calm = summary_of(self) if self.training else None
        about = scenario.name, self.profile, scenario.title
        return ScenarioReport(*about, reports, held, diagnosis, analysis=analysis, statistics=calm)

    def analysis(self) -> Json:
        """What the pipeline itself says of the run, from whichever of its artifacts there are."""
        if self.pipeline.explain is None:
            return None
        try:
            return checked_answer(resolve(self.pipeline.explain)(self.scenario, self._numeric), "explain")
        except Exception as error:  # the adapter is a stranger's code
            known = isinstance(error, HarnessError)
            raised = str(error) if known else f"the adapter's explain raised {sentence_of(error)}"
            nothing: dict[str, Json] = {key: [] for key in ("missing", "findings", "hypotheses", "analyses")}
            return {"name": self.scenario.name, "layout": "verification", "verdict": raised, **nothing}
