"""Faults without an edit: in what a stage gives, or in what it is told. What is computed of them is only what follows.

A stage's right output has the fault put into it, in the replay first, where nothing has to run: it is judged as if the
stage had given it. What nobody sees there goes through the whole run from that stage on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.core.files import json_digest
from harness.core.protocol import Artifact, Output, Scenario, Stage
from harness.core.trees import split_tree
from harness.core.verdicts import ArtifactReport
from harness.run.cache import AbsentError, Item
from harness.run.work import StageCall, StageRun
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.faults.outputs import faulty_output
from harness.study.prove.faults.settings import moved_settings
from harness.study.prove.trial.movement import movements
from harness.study.prove.trial.outcome import MutantOutcome, Slack
from harness.study.prove.trial.steps import (
    ENDS_VERIFICATION,
    RightKeys,
    caught,
    let_pass,
    tried,
    unseen,
    untried,
    with_rules,
)
from harness.verify.coverage import judged_tier
from harness.verify.examination import Examination
from harness.verify.running.stage_runs import whole_output

FirstRun = Callable[[], StageRun]


@dataclass
class OverlayTrial:
    """One mutant of an overlay in one scenario: what was judged so far, and what moved and passed."""

    mutant: Mutant
    examination: Examination
    keys: RightKeys
    reports: list[ArtifactReport] = field(default_factory=list)
    slack: list[Slack] = field(default_factory=list)

    def right(self, track: str, artifact: str, observed: bool = False) -> Item:
        """The right result of a stage, or what is observed of it; raises AbsentError where it was evicted."""
        item = self.examination.runner.cache.get(self.keys[f"{track}/{artifact}"][observed])
        if item is None:
            raise AbsentError("a right result was evicted from the cache of mutants: give it more cache_bytes")
        return item

    def judge(self, track: str, stage: Stage, given: Artifact, right: Artifact) -> None:
        """Judge what a stage would give now; what moved and passes is slack."""
        examination, replayed = self.examination, track == self.examination.replay
        verdicts = examination.judge(track, stage.artifact, given, judged_tier(stage, replayed))
        self.reports.append(ArtifactReport(stage.name, stage.artifact, track, verdicts))
        if not self.reports[-1].failed:
            moved, prefix = movements(right, given), examination.prefix(track, stage.artifact)
            self.slack += with_rules(examination, prefix, moved, {v.path: v for v in verdicts})

    def outcome(self) -> MutantOutcome | None:
        """What the reports say of the mutant, if they catch it."""
        return caught(self.mutant, self.examination, self.reports)


def try_overlay(mutant: Mutant, examination: Examination, keys: RightKeys) -> MutantOutcome:
    """The outcome of a fault in an output, a setting or the configuration."""
    if mutant.kind == "configuration":
        return _try_configuration(mutant, examination, keys)
    trial = OverlayTrial(mutant, examination, keys)
    stage = examination.pipeline.stage(mutant.stages[0])
    replay = _replayed_output if mutant.kind == "output" else _replayed_setting
    follow = _whole_output if mutant.kind == "output" else _whole_setting
    if (examination.replay, stage.artifact) in examination.artifacts:
        replay(trial, stage)
        if (outcome := trial.outcome()) is not None:
            return outcome
    if (examination.profile, stage.artifact) in examination.artifacts:
        follow(trial, stage)
    return trial.outcome() or let_pass(mutant, trial.slack)


def _try_configuration(mutant: Mutant, examination: Examination, keys: RightKeys) -> MutantOutcome:
    moved, runs = _moved(mutant, examination.scenario), examination.runs
    other = Examination(
        examination.project,
        examination.runner,
        examination.scenario.name,
        examination.profile,
        training=examination.training,
    )
    other.scenario, other.runs.scenario, other.runs.small = moved, moved, _moved(mutant, runs.small)
    return tried(mutant, other, keys)


def _moved(mutant: Mutant, scenario: Scenario) -> Scenario:
    return replace(scenario, config=moved_settings(mutant, scenario.config))


# In the replay, where the stage stands alone


def _replayed_output(trial: OverlayTrial, stage: Stage) -> None:
    track = trial.examination.replay
    right = trial.right(track, stage.artifact).output()
    try:
        given = whole_output(faulty_output(trial.mutant, right))
    except KeyError:  # the small run has no such place
        return
    trial.judge(track, stage, given, whole_output(right))


def _replayed_setting(trial: OverlayTrial, stage: Stage) -> None:
    examination = trial.examination
    small, stored = examination.runs.small, examination.stored_inputs(stage)
    moved = _moved(trial.mutant, small)
    if moved.config is small.config or stored is None:
        return
    run = examination.runner.alone(moved, stage, *stored)
    if run.item is None:
        trial.reports.append(_failed(run, examination.replay))
        return
    right = trial.right(examination.replay, stage.artifact).output()
    trial.judge(examination.replay, stage, whole_output(run.item.output()), whole_output(right))


# In the whole run, from the stage on


def _whole_output(trial: OverlayTrial, stage: Stage) -> None:
    runner, scenario = trial.examination.runner, trial.examination.scenario
    right = trial.right(trial.examination.profile, stage.artifact)
    try:
        faulty = faulty_output(trial.mutant, right.output())
    except KeyError:
        return
    inputs = _right_keys(trial, stage)
    key = json_digest(["a fault in the output", right.key, trial.mutant.id])

    def observed() -> StageRun:
        item = runner.cache.put(key, split_tree(faulty), Artifact({}), right.about)
        look = json_digest([key, "observed"])
        call = StageCall(
            stage.name, scenario.name, scenario.profile, scenario.config, key, look, inputs, runner.environment
        )
        answer = runner.work.run(call, lambda done, total, note: None)
        if answer.error:
            return StageRun(stage, key, error=answer.error, details=answer.details)
        runner.work.keep(look, {})
        return StageRun(stage, key, item, runner.cache.get(look))

    _follow(trial, stage, observed, faulty)


def _whole_setting(trial: OverlayTrial, stage: Stage) -> None:
    examination = trial.examination
    moved = _moved(trial.mutant, examination.scenario)
    if moved.config is examination.scenario.config:
        return
    inputs = _right_keys(trial, stage)
    _follow(trial, stage, lambda: examination.runner.alone(moved, stage, inputs, inputs, observe=True))


def _right_keys(trial: OverlayTrial, stage: Stage) -> dict[str, str]:
    """The keys of a stage's right inputs, which are also whole in the cache."""
    pipeline, profile = trial.examination.pipeline, trial.examination.profile
    return {need: trial.right(profile, pipeline.stage(need).artifact).key for need in stage.needs}


def _follow(trial: OverlayTrial, first: Stage, run_first: FirstRun, faulty: Output | None = None) -> None:
    """Judge the first stage and those that it feeds, one after another, until something is not as accepted."""
    examination = trial.examination
    pipeline, profile = examination.pipeline, examination.profile
    keys: dict[str, str] = {}
    for stage in (s for s in pipeline.stages if (profile, s.artifact) in examination.artifacts):
        if stage.name == first.name:
            run = run_first()
        elif keys.keys() & set(stage.needs):
            inputs = {n: keys.get(n) or trial.right(profile, pipeline.stage(n).artifact).key for n in stage.needs}
            run = examination.runner.alone(examination.scenario, stage, inputs, inputs, observe=True)
        else:
            continue
        if run.item is None or run.observed is None:
            trial.reports.append(_failed(run, profile))
            return
        keys[stage.name] = run.key
        before = len(trial.slack)
        trial.judge(profile, stage, run.observed.artifact(), trial.right(profile, stage.artifact, True).artifact())
        if trial.outcome() is not None:
            return
        if len(trial.slack) == before:
            trial.slack += _hidden(trial, stage, run, faulty if stage.name == first.name else None)


def _hidden(trial: OverlayTrial, stage: Stage, run: StageRun, faulty: Output | None) -> list[Slack]:
    """What moved of an output of which nothing that is observed moved."""
    assert run.item is not None
    right = trial.right(trial.examination.profile, stage.artifact).output()
    moved = movements(whole_output(right), whole_output(run.item.output() if faulty is None else faulty))
    return [unseen(trial.examination, f"{stage.artifact}/{m.path}", m.by) for m in moved]


def _failed(run: StageRun, track: str) -> ArtifactReport:
    said = run.error or "what is observed of it is not there"
    return ArtifactReport(run.stage.name, run.stage.artifact, track, error=said, details=run.details)


def overlay_outcome(mutant: Mutant, examination: Examination, keys: RightKeys) -> MutantOutcome:
    """``try_overlay``, whatever it raises: what would end a verification is the fault being told."""
    try:
        return try_overlay(mutant, examination, keys)
    except ENDS_VERIFICATION as error:
        first = mutant.stages[0] if mutant.stages[0] in str(error) else ""
        return MutantOutcome(mutant, "caught", "error", "", examination.scenario.name, "", str(error), first)
    except Exception as error:  # of this trial alone: it says nothing of the guard
        return untried(mutant, error)
