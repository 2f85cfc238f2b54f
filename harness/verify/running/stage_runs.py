"""A scenario's stages, run when they are first asked for: in its own profile from start to end, in the replay alone."""

from __future__ import annotations

from harness.core.protocol import Artifact, Output, Pipeline, Scenario, Stage
from harness.core.trees import split_tree
from harness.run.cache import AbsentError
from harness.run.runner import Runner
from harness.run.work import StageRun
from harness.verify.running.stored_inputs import StoredInputs


class StageRuns:
    """How the stages of a scenario went, in its own profile and in the replay; each is run once."""

    def __init__(self, runner: Runner, scenario: Scenario, small: Scenario, stored: StoredInputs) -> None:
        self.runner, self.scenario, self.small, self._stored = runner, scenario, small, stored
        self.pipeline: Pipeline = runner.pipeline
        self._runs: dict[bool, dict[str, StageRun]] = {False: {}, True: {}}
        self._chained: dict[str, StageRun] = {}

    def stage(self, artifact: str) -> Stage:
        """The stage that emits ``artifact``."""
        return next(s for s in self.pipeline.stages if s.artifact == artifact)

    def of(self, artifact: str, replayed: bool) -> StageRun:
        """How the stage of an artifact went; it and those before it are run now if they have not been."""
        stage, runs = self.stage(artifact), self._runs[replayed]
        if stage.name not in runs:
            if not replayed:
                self._chain(stage, replayed, runs)
            elif (stored := self._stored(stage)) is not None:
                runs[stage.name] = self.runner.alone(self.small, stage, *stored)
            else:
                runs[stage.name] = self.chained(artifact)
        return runs[stage.name]

    def chained(self, artifact: str) -> StageRun:
        """The replay's stage on what the replay's earlier stages give now: what a new golden would hold."""
        stage = self.stage(artifact)
        self._chain(stage, True, self._chained)
        return self._chained[stage.name]

    def candidate(self, artifact: str) -> Artifact | None:
        """What a new golden of the replay would hold; None where its stage failed."""
        for last in (False, True):
            try:
                item = self.chained(artifact).item
                return whole_output(item.output()) if item else None
            except AbsentError:  # damaged or evicted since: run the stages again
                if last:
                    raise
                self._chained.clear()
        raise AssertionError

    def artifact(self, artifact: str, replayed: bool) -> Artifact | None:
        """What the stage gives now: in the replay all of its output, else what is observed of it; None if it failed."""
        for last in (False, True):
            run = self.of(artifact, replayed)
            if run.item is None:
                return None
            try:
                if replayed:
                    return whole_output(run.item.output())
                return run.observed.artifact() if run.observed else None
            except AbsentError:  # damaged or evicted since: run the stage again
                if last:
                    raise
                del self._runs[replayed][self.stage(artifact).name]
                self._chained.clear()
        raise AssertionError

    def failed_stage(self) -> str:
        """The first stage of the scenario's own profile that gave no result; empty when all did."""
        runs = (self.of(s.artifact, False) for s in self.pipeline.stages if s.main)
        return next((run.blocked or run.stage.name for run in runs if run.item is None), "")

    def _chain(self, until: Stage, replayed: bool, runs: dict[str, StageRun]) -> None:
        stages = [s for s in self.pipeline.stages if (s.replay != "no" if replayed else s.main)]
        for run in self.runner.chain(self.small if replayed else self.scenario, stages, until.name, runs):
            runs[run.stage.name] = run


def whole_output(output: Output) -> Artifact:
    """All of a stage's output, such that ``trees.join_tree`` gives it back: what a replay verifies."""
    return Artifact(*split_tree(output))
