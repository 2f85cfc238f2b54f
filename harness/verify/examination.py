"""One scenario under examination: its stages are run when they are first needed, and judged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from harness.core.errors import GoldenError, ProjectError, RuleError
from harness.core.ids import CONFIGURATION, ENSEMBLE, INVARIANTS
from harness.core.project import Project
from harness.core.protocol import Artifact, Invariant, Json, Output, Pipeline, Scenario, Stage, Tier
from harness.core.trees import join_tree, numeric_json, plain_json, split_tree
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status, Verdict
from harness.judge.comparison import COMPARATOR, compare_artifact
from harness.judge.ensemble import Interval, intervals
from harness.judge.rules import Rules
from harness.judge.schema import OUTPUT_SCHEMA, Schemas, schema_document
from harness.judge.tolerances import load_rules
from harness.run.cache import AbsentError
from harness.run.runner import Runner, StageRun, resolve
from harness.store.goldens import Golden, Goldens
from harness.store.manifest import TOLERANCES, Entry
from harness.verify.localisation import localise

OWN_SCHEMAS = {
    CONFIGURATION: "harness/configuration-1", INVARIANTS: "harness/invariants-1", ENSEMBLE: "harness/ensemble-1",
}  # fmt: skip
REFRESH = "run `harness verify {scenario}`, look at the candidate with `harness review {id}`, and accept it"


class Examination:
    """A scenario at a profile, and its replay; see ``artifacts`` for what can be asked."""

    def __init__(
        self, project: Project, runner: Runner, name: str, profile: str, overrides: Sequence[str] = (),
        schemas: Schemas | None = None, training: bool = True,
    ) -> None:  # fmt: skip
        self.project, self.runner, self.profile, self.training = project, runner, profile, training
        self.pipeline, self.goldens = project.pipeline, Goldens.of(project)
        self.schemas = schemas or Schemas(project.schemas)
        self.scenario: Scenario = project.scenario(name, profile, overrides)
        self.small: Scenario = project.scenario(name, self.replay, overrides)
        self.damaged: dict[str, str] = {}  # what is wrong with a golden that cannot be read, by its id
        self._outcomes: dict[str, dict[str, StageRun]] = {profile: {}, self.replay: {}}
        self._reports: dict[tuple[str, str], ArtifactReport] = {}

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
        root = self.goldens.root
        files = [root / self.scenario.name / TOLERANCES, root / TOLERANCES]
        if (found := next((path for path in files if path.exists()), None)) is None:
            raise RuleError(
                f"{files[1]} is missing: it says how far each value may be from its golden, "
                'in rules such as "my_artifact/*" = { rtol = 1e-6 }'
            )
        return load_rules(found, root)

    def prepare(self) -> None:
        """Read tolerances and schemas; raises HarnessError for one that is missing or misspelt."""
        _ = self.artifacts
        _ = self.rules
        for stage in (s for s in self.pipeline.stages if s.main):
            self.schemas.of(stage.artifact)

    @cached_property
    def ensemble(self) -> dict[str, Interval]:
        """The intervals of the scenario's ensemble, by address; empty without one."""
        identity = self.identity(self.profile, ENSEMBLE)
        if identity not in self.manifest:
            return {}
        return intervals(self.goldens.read(identity, self.manifest[identity]).artifact)

    @property
    def artifacts(self) -> list[tuple[str, str]]:
        """Track and name of everything that is verified, in the pipeline's order.

        Without ``training`` what it decides is left out: of the scenario's own profile the statistical
        stages and those that need them, and the invariants of a whole run. Replays stay; they train nothing.
        """
        found = verified_artifacts(self.pipeline, self.profile)
        if self.training:
            return found
        trained = {s.name for s in self.pipeline.stages if s.tier == "statistical"}
        decided = {s.artifact for s in self.pipeline.stages if trained & self.pipeline.leading_to(s.name)}
        return [(track, name) for track, name in found if track == self.replay or name not in {*decided, INVARIANTS}]

    def identity(self, track: str, artifact: str) -> str:
        """The id of a golden."""
        return f"{self.scenario.name}/{track}/{artifact}"

    def prefix(self, track: str, artifact: str) -> str:
        """What stands before an artifact's paths in addresses."""
        return f"replay/{artifact}/" if track == self.replay else f"{artifact}/"

    def golden(self, track: str, artifact: str) -> Golden | None:
        """The accepted artifact; raises GoldenError where it is damaged."""
        identity = self.identity(track, artifact)
        return self.goldens.read(identity, self.manifest[identity]) if identity in self.manifest else None

    # Running

    def stage(self, artifact: str) -> Stage:
        """The stage that emits ``artifact``."""
        return next(s for s in self.pipeline.stages if s.artifact == artifact)

    def outcome(self, track: str, artifact: str) -> StageRun:
        """How the stage of an artifact went; it and those before it are run now if they have not been."""
        stage = self.stage(artifact)
        done = self._outcomes[track]
        if stage.name not in done:
            if track == self.replay and (stored := self._stored(stage)) is not None:
                done[stage.name] = self.runner.alone(self.small, stage, *stored)
            else:
                self._chain(track, stage, done)
        return done[stage.name]

    def chained(self, artifact: str) -> StageRun:
        """The replay's stage on what the replay's earlier stages give now: what a new golden would hold."""
        done: dict[str, StageRun] = {}
        stage = self.stage(artifact)
        self._chain(self.replay, stage, done)
        return done[stage.name]

    def _chain(self, track: str, until: Stage, done: dict[str, StageRun]) -> None:
        small = track == self.replay
        stages = [s for s in self.pipeline.stages if (s.replay != "no" if small else s.main)]
        for outcome in self.runner.chain(self.small if small else self.scenario, stages, until.name):
            done.setdefault(outcome.stage.name, outcome)

    def _stored(self, stage: Stage) -> tuple[dict[str, Output], dict[str, str]] | None:
        """The accepted outputs of a stage's needs and their digests; None where one is not there, or damaged."""
        names = {need: self.identity(self.replay, self.pipeline.stage(need).artifact) for need in stage.needs}
        if any(identity not in self.manifest for identity in names.values()):
            return None
        inputs: dict[str, Output] = {}
        for need, identity in names.items():
            try:
                found = self.goldens.read(identity, self.manifest[identity]).artifact
            except GoldenError as error:
                self.damaged[identity] = str(error)
                return None
            inputs[need] = join_tree(found.values, found.arrays)
        return inputs, {need: self.manifest[identity].sha256 for need, identity in names.items()}

    def obtained(self, track: str, artifact: str) -> Artifact | None:
        """What the pipeline gives now; None where its stage failed."""
        if artifact == CONFIGURATION:
            return Artifact(plain_json(self.scenario.config))
        if artifact == INVARIANTS:
            held = None if self._failed_stage() else self._held()
            return None if held is None else Artifact({i.name: {"low": i.low, "high": i.high} for i in held})
        for last in (False, True):
            outcome = self.outcome(track, artifact)
            if outcome.item is None:
                return None
            try:
                if track == self.replay:
                    return whole_output(outcome.item.output())
                return outcome.observed.artifact() if outcome.observed else None
            except AbsentError:  # damaged or evicted since: run the stage again
                if last:
                    raise
                del self._outcomes[track][self.stage(artifact).name]
        raise AssertionError

    def candidate(self, track: str, artifact: str) -> Artifact | None:
        """What a new golden would hold."""
        if track != self.replay:
            return self.obtained(track, artifact)
        item = self.chained(artifact).item
        return whole_output(item.output()) if item else None

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

    def _report(self, track: str, artifact: str) -> ArtifactReport:
        if artifact in OWN_SCHEMAS:
            found = self.obtained(track, artifact)
            if found is None:
                return ArtifactReport(artifact, artifact, track, blocked=self._failed_stage())
            return ArtifactReport(artifact, artifact, track, self.judge(track, artifact, found, "exact"))
        outcome = self.outcome(track, artifact)
        name = outcome.stage.name
        if outcome.item is None:
            return ArtifactReport(name, artifact, track, error=outcome.error, blocked=outcome.blocked)
        tier: Tier = outcome.stage.tier
        if track == self.replay and tier == "statistical":
            tier = "deterministic"  # given its inputs, a stage after training has nothing random left
        verdicts = self.judge(track, artifact, self.obtained(track, artifact), tier)
        return ArtifactReport(name, artifact, track, verdicts, outcome.cached, outcome.seconds)

    def judge(self, track: str, artifact: str, obtained: Artifact | None, tier: Tier) -> tuple[Verdict, ...]:
        """An artifact against its schema and its golden."""
        assert obtained is not None
        identity = self.identity(track, artifact)
        schema = self.schema_of(track, artifact)
        broken = tuple(self.schema_errors(track, artifact, obtained))
        entry = self.manifest.get(identity)
        remedy = REFRESH.format(scenario=self.scenario.name, id=identity)
        if entry is None:
            return (*broken, Verdict("", Status.MISSING, tier, f"there is no golden {identity}: {remedy}"))
        for what, accepted, now in (("schema", entry.schema, schema), ("comparator", entry.comparator, COMPARATOR)):
            if accepted != now:
                said = f"the golden was accepted under {what} {accepted}, now it is {now}: {remedy}"
                return (*broken, Verdict("", Status.STALE, tier, said))
        try:
            golden = self.goldens.read(identity, entry)
        except GoldenError as error:
            self.damaged[identity] = str(error)
            return (*broken, Verdict("", Status.FAIL, "exact", str(error)))
        prefix = self.prefix(track, artifact)
        return (*broken, *compare_artifact(golden.artifact, obtained, self.rules, prefix, self.ensemble, tier))

    def schema_errors(self, track: str, artifact: str, obtained: Artifact) -> Iterator[Verdict]:
        """One failing verdict for every rule of the schema that is broken."""
        if track == self.replay or artifact in OWN_SCHEMAS:
            return
        schema = self.schemas.of(artifact)
        for problem in schema.problems(schema_document(obtained, schema.identity)):
            said = f"{schema.path.name}: at {problem.path}, {problem.message} (rule: {problem.rule})"
            yield Verdict(problem.path, Status.FAIL, "exact", said, problem.rule, None, problem.value)

    # Invariants

    def _failed_stage(self) -> str:
        """The first stage of the scenario's own profile that gave no result; empty when all did."""
        outcomes = (self.outcome(self.profile, s.artifact) for s in self.pipeline.stages if s.main)
        return next((o.blocked or o.stage.name for o in outcomes if o.item is None), "")

    def _held(self) -> list[Invariant]:
        """The harness's own invariants, and the pipeline's; none of a run that has no end."""
        if self._failed_stage():
            return []
        stages = [s for s in self.pipeline.stages if s.main]
        items = [i for s in stages if (i := self.outcome(self.profile, s.artifact).item) is not None]
        bad = sum(item.about["non_finite"] for item in items)
        changed = [i.about["stage"] for i in items if i.about["config_before"] != i.about["config_after"]]
        said = f"changed by {', '.join(changed)}" if changed else f"the same before and after {len(items)} stages"
        return [
            Invariant(
                "finite_everywhere", bad, None, 0, f"{bad} non-finite numbers in the arrays of {len(items)} stages"
            ),
            Invariant("configuration_unchanged", len(changed), None, 0, said),
            *self._pipelines_own(),
        ]

    @cached_property
    def _numeric(self) -> dict[str, Artifact]:
        """Every artifact that there is of the scenario's own profile, its numbers as the adapter gave them."""
        main = [s.artifact for s in self.pipeline.stages if s.main]
        found = {name: a for name in main if (a := self.obtained(self.profile, name)) is not None}
        return {name: Artifact(numeric_json(a.values), a.arrays) for name, a in found.items()}

    def _pipelines_own(self) -> Sequence[Invariant]:
        try:
            return self.pipeline.invariants(self._numeric)
        except Exception as error:  # the adapter is a stranger's code, and its numbers may be anything
            said = f"the adapter's invariants raised {type(error).__name__}: {error}"
            return [Invariant("invariants_can_be_judged", math.nan, 0, evidence=said)]

    def invariants(self) -> tuple[Verdict, ...]:
        """Whether each invariant holds."""
        return tuple(map(_judge_invariant, self._held()))

    def verify(self) -> ScenarioReport:
        """Everything, in order."""
        scenario = self.scenario
        if scenario.missing:
            return ScenarioReport(scenario.name, self.profile, scenario.title, skipped=scenario.missing)
        reports = tuple(self.report(track, artifact) for track, artifact in self.artifacts)
        held = self.invariants() if self.training else ()
        diagnosis = localise(self.pipeline, reports, held, self.replay)
        said = self.analysis() if self.training else None
        return ScenarioReport(scenario.name, self.profile, scenario.title, reports, held, diagnosis, analysis=said)

    def analysis(self) -> Json:
        """What the pipeline itself says of the run, from whichever of its artifacts there are."""
        if self.pipeline.explain is None:
            return None
        try:
            return resolve(self.pipeline.explain)(self.scenario, self._numeric)
        except Exception as error:  # the adapter is a stranger's code
            said = f"the adapter's explain raised {type(error).__name__}: {error}"
            return {"name": self.scenario.name, "layout": "verification", "missing": [], "verdict": said,
                    "findings": [], "hypotheses": [], "analyses": []}  # fmt: skip


def verified_artifacts(pipeline: Pipeline, profile: str) -> list[tuple[str, str]]:
    """Track and name of every artifact that is verified at ``profile``, the pipeline's order in both tracks."""
    if profile == pipeline.replay_profile:
        raise ProjectError(f"profile {profile!r} is the replay's, which every verification contains: choose another")
    main = [(profile, s.artifact) for s in pipeline.stages if s.main]
    alone = [(pipeline.replay_profile, s.artifact) for s in pipeline.stages if s.replay == "verify"]
    return [(profile, CONFIGURATION), *main, *alone, (profile, INVARIANTS)]


def whole_output(output: Output) -> Artifact:
    """All of a stage's output, such that ``records.join`` gives it back: what a replay verifies."""
    return Artifact(*split_tree(output))


def _judge_invariant(invariant: Invariant) -> Verdict:
    low, high, value = invariant.low, invariant.high, float(invariant.value)
    held = (low is None or value >= low) and (high is None or value <= high) and value == value
    allowed = " and ".join(f"{w} {b:g}" for w, b in (("at least", low), ("at most", high)) if b is not None)
    used = None
    if low is not None and high is not None and high > low and math.isfinite(value):
        used = abs(2 * value - low - high) / (high - low)
    status = Status.PASS if held else Status.FAIL
    shown = plain_json(value)
    return Verdict(invariant.name, status, "invariant", invariant.evidence, allowed, None, shown, allowed, used)


def known_goldens(examinations: Mapping[str, Examination]) -> set[str]:
    """Every id that some examination would compare, or read."""
    found = set()
    for examination in examinations.values():
        found |= {examination.identity(*name) for name in examination.artifacts}
        found |= {
            examination.identity(examination.replay, s.artifact)
            for s in examination.pipeline.stages if s.replay == "given"
        }  # fmt: skip
        found.add(examination.identity(examination.profile, ENSEMBLE))
    return found
