"""The second fresh run that must agree with a candidate before it becomes golden.

An ensemble stands for many runs: it is made again of the results that the cache holds, which are computed where they
are not there any more, and must come out the same; one member, chosen when it is accepted, runs afresh as well.
"""

from __future__ import annotations

import json
import math
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from harness.core.errors import ApprovalError, HarnessError
from harness.core.ids import ENSEMBLES, GoldenId, is_of_a_test, scenario_of
from harness.core.project import Project
from harness.core.protocol import Artifact, Json
from harness.core.verdicts import Verdict
from harness.host.cluster.engine import ALONE, Engine
from harness.judge.ensemble import RELATIVE_RESOLUTION
from harness.judge.schema import OUTPUT_SCHEMA, Schemas, schema_document
from harness.run.cache import Cache
from harness.run.runner import Runner, Watcher
from harness.run.shared.cache import project_cache
from harness.store.candidates import read_candidate
from harness.verify.checks.document import CHECK_SCHEMA
from harness.verify.checks.repetition import TestReferee
from harness.verify.coverage import OWN_SCHEMAS
from harness.verify.ensembles.calibration import calibrate_scenario
from harness.verify.ensembles.decision import Decision
from harness.verify.ensembles.draws import member_draws
from harness.verify.ensembles.members import compute_ensemble, ensemble_member, run_artifacts
from harness.verify.examination import Examination
from harness.verify.pinned import OF_DEFAULTS, left_behind
from harness.verify.review import Examiner
from harness.verify.rule_gaps import rule_sentences, values_by_address

_LONGEST = 60  # characters that a sentence shows of a value


class Referee:
    """Runs scenarios afresh, apart from the cache, to see whether a candidate can be repeated."""

    def __init__(
        self,
        project: Project,
        ids: Sequence[str],
        engine: Engine = ALONE,
        watcher: Watcher | None = None,
        use_cache: bool = True,
    ) -> None:
        self.project, self.engine = project, engine
        self.ids = [identity for identity in ids if not is_of_a_test(identity)]
        self._tests = TestReferee(project, ids)
        self._chosen: dict[str, tuple[int, str]] = {}  # of each ensemble, the member that runs afresh
        self._folder = tempfile.TemporaryDirectory(prefix="harness-")
        self._cache = Cache(Path(self._folder.name), project.cache_bytes)
        self._examiner = Examiner(project, Runner(project.pipeline, self._cache, watcher))
        kept = project_cache(project)
        self._members = kept if use_cache else self._cache
        self._member_examiner = Examiner(project, Runner(project.pipeline, self._members, watcher))

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def rerun(self, identity: str) -> tuple[Artifact, str]:
        """The artifact of a fresh run, and its schema's id; raises ApprovalError where its stage fails."""
        golden_id = GoldenId.parse(identity)
        if is_of_a_test(identity):
            return self._tests.rerun(golden_id), CHECK_SCHEMA
        examination = self._examiner.of(identity)
        if golden_id.artifact in ENSEMBLES:
            self._refuse_other_draws(identity)
            return self._one_member(identity, examination), OWN_SCHEMAS[golden_id.artifact]
        fresh = examination.candidate(golden_id.track, golden_id.artifact)
        if fresh is None:
            remedy = f"see `harness run {golden_id.scenario}`"
            raise ApprovalError(f"{identity}: its stage fails when it is run again: {remedy}")
        return fresh, examination.schema_of(golden_id.track, golden_id.artifact)

    def _refuse_other_draws(self, identity: str) -> None:
        """Raise ApprovalError unless calibrating again, of what the cache holds or afresh, gives the candidate."""
        candidate = read_candidate(self.project, identity)[0].values
        try:
            again = calibrate_scenario(
                self._member_examiner.of(identity),
                self._members,
                members=len(candidate["seeds"]),
                alpha=self.project.alpha,
                values=self.project.values,
                engine=self.engine,
                decision=recorded_decision(candidate),
                held_out=len(candidate.get("held_out", {}).get("seeds", ())),
                extend="extends" in candidate,
                rounding=str(candidate.get("rounding", "")),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ApprovalError(f"{identity} is not an ensemble ({error!r}): run `harness calibrate` again") from error
        expected = json.loads(json.dumps(again.ensemble.values))
        for part in sorted({*expected, *candidate}):
            if difference := _difference(candidate.get(part), expected.get(part), part):
                raise ApprovalError(
                    f"{identity}: a fresh run disagrees with the candidate: {difference}: run `harness calibrate` again"
                )
        if not again.decided:
            where = next(iter((*again.outliers, *again.outside)))
            raise ApprovalError(f"{identity} has outliers that nobody decided about ({where}): see `harness calibrate`")

    def _one_member(self, identity: str, examination: Examination) -> Artifact:
        """A member that nobody could foresee, run afresh: its numbers in the place of all draws."""
        candidate = read_candidate(self.project, identity)[0]
        chosen, rounding = self._chosen_member(identity)
        base = run_artifacts(examination.runs.runner, examination.scenario)
        again = run_artifacts(examination.runs.runner, ensemble_member(examination, chosen, rounding))
        fresh = member_draws(examination, base, again)
        known = {*candidate.values["draws"], *candidate.values.get("lengths", {})}
        found = {**fresh.numbers, **{a: float(n) for a, n in fresh.lengths.items()}}
        if gone := sorted(known.difference(found)):
            raise ApprovalError(
                f"{identity}: a fresh run disagrees with the candidate: member {chosen} has no {gone[0]}"
            )
        return Artifact({**candidate.values, "draws": {a: [found[a]] for a in sorted(known)}})

    def _chosen_member(self, identity: str) -> tuple[int, str]:
        """The member that runs afresh, and its key of rounding; workers run it beside the scenario's own run."""
        if identity not in self._chosen:
            values = read_candidate(self.project, identity)[0].values
            chosen, rounding = secrets.choice(values["seeds"]), str(values.get("rounding", ""))
            self._chosen[identity] = chosen, rounding
            if self.engine.ahead:
                compute_ensemble(self._examiner.of(identity), [chosen], self.engine, rounding)
        return self._chosen[identity]

    def judge(self, identity: str, golden: Artifact, obtained: Artifact) -> list[Verdict]:
        """``obtained`` against ``golden``."""
        return self._examiner.judge(identity, golden, obtained)

    def lacking_rules(self, identity: str, artifact: Artifact) -> list[str]:
        """A sentence for each rule that has to be written before ``artifact`` can be judged."""
        golden_id = GoldenId.parse(identity)
        if is_of_a_test(identity):
            return self._tests.book.lacking(golden_id, artifact)
        if golden_id.artifact in ENSEMBLES:
            return []
        examination = self._examiner.of(identity)
        prefix = examination.prefix(golden_id.track, golden_id.artifact)
        return rule_sentences(examination.rules, values_by_address(artifact, prefix))

    def left_behind(self, identity: str, artifact: Artifact) -> list[str]:
        """A sentence for each default in ``artifact`` that changed, and that the scenario still has as it was."""
        golden_id = GoldenId.parse(identity)
        golden = self._examiner.golden(identity) if golden_id.artifact == OF_DEFAULTS else None
        if golden is None or is_of_a_test(identity) or golden_id.track == self.project.pipeline.replay_profile:
            return []
        return left_behind(self.project, self._examiner.of(identity).scenario, golden.artifact, artifact)

    def broken_invariants(self, scenario: str) -> list[str]:
        """What does not hold of a fresh run of the scenario; nothing of a module of tests."""
        identity = next((i for i in self.ids if scenario_of(i) == scenario), None)
        if identity is None:
            return []
        for ensemble in (i for i in self.ids if scenario_of(i) == scenario and GoldenId.parse(i).artifact in ENSEMBLES):
            with suppress(LookupError, TypeError, HarnessError):  # one that is no ensemble is refused by ``rerun``
                self._chosen_member(ensemble)
        held = self._examiner.of(identity).bounds_held()
        return [f"{v.path}: {v.message}" for v in held if v.status.failed]

    def schema_errors(self, artifact: Artifact, schema: str) -> list[str]:
        """Every rule of the artifact's schema that it breaks."""
        if schema in (OUTPUT_SCHEMA, CHECK_SCHEMA, *OWN_SCHEMAS.values()):
            return []
        schemas = Schemas(self.project.schemas)
        for stage in self.project.pipeline.stages:
            if stage.main and schemas.of(stage.artifact).identity == schema:
                problems = schemas.of(stage.artifact).problems(schema_document(artifact, schema))
                return [f"{p.path}: {p.message}" for p in problems]
        return [f"no schema has the id {schema}"]


def recorded_decision(ensemble: Mapping[str, Json]) -> Decision:
    """What an ensemble says was decided about its outliers; raises LookupError or TypeError for nonsense."""
    about = ensemble.get("decision")
    if about is None:
        return Decision()
    excluded = tuple(int(n) for n in about.get("excluded", {}))
    return Decision(excluded, keep="kept" in about, reason=about["reason"])


def _difference(given: Json, expected: Json, where: str) -> str:
    """Where two JSON trees first differ by more than what another order of summation may do; empty where nowhere."""
    if isinstance(given, dict) and isinstance(expected, dict):
        found = (_difference(given.get(k), expected.get(k), f"{where} {k}") for k in sorted({*given, *expected}))
        return next(filter(None, found), "")
    if isinstance(given, list) and isinstance(expected, list) and len(given) == len(expected):
        pairs = enumerate(zip(given, expected, strict=True))
        return next(filter(None, (_difference(g, e, f"{where} {i}") for i, (g, e) in pairs)), "")
    if type(given) is type(expected) is float and math.isclose(given, expected, rel_tol=RELATIVE_RESOLUTION):
        return ""
    if type(given) is type(expected) and given == expected:
        return ""
    return f"{where} is {_brief(given)} there, and {_brief(expected)} when it is made again"


def _brief(value: Json) -> str:
    """A value in a sentence: its start."""
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
