"""What the pipeline's process can be asked: each method is a question, and calls the pipeline's code to answer it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from harness.core import text
from harness.core.project import Project, find_project
from harness.core.protocol import Artifact, Invariant, Json, Output, Pipeline, Progress, Scenario, entry_name
from harness.host.senses import variables
from harness.host.watch import ProcessWatch
from harness.run.cache import Cache
from harness.run.work import OwnWork, StageAnswer, StageCall, resolve

HOOKS = ("scenarios", "scenario", "reseed", "files", "invariants", "axes", "hook")  # questions to the adapter alone
CALLS = ("scenarios", "load", "invariants", "reseed", "analyze", "contrast", "explain")  # some may be missing


class Questions:
    """The answers, of one project; ``open`` comes first."""

    project: Project

    def __init__(self) -> None:
        self._work: dict[tuple[str, int], OwnWork] = {}
        self._left: dict[str, None] = {}  # what hooks left changed, in sentences
        self._handed: dict[str, list[str]] = {}  # and by hook the names in own modules

    def answer(self, question: str, progress: Progress, arguments: Sequence[Any]) -> Any:
        """The answer to a question; whatever a hook of the adapter leaves changed is noted and put back."""
        method = getattr(self, question)
        if question not in HOOKS:
            return method(progress, *arguments)
        with variables.everything(), self._watch.over(()) as noted:
            given = method(progress, *arguments)
        name = {"scenario": "load", "hook": arguments[0] if arguments else ""}.get(question, question)
        self._left |= dict.fromkeys(f"the adapter's {name} leaves {what} changed" for what in noted["changed"])
        self._handed[name] = [*dict.fromkeys([*self._handed.get(name, ()), *noted["left"]])]
        return given

    def handed(self, progress: Progress) -> dict[str, list[str]]:
        """The names in own modules of which the adapter's hooks changed something in place, by hook."""
        return {name: names for name, names in self._handed.items() if names}

    def left(self, progress: Progress) -> list[str]:
        """What the adapter's hooks left changed until now, one sentence each."""
        return list(self._left)

    def open(self, progress: Progress, root: str, withheld: Mapping[str, str]) -> dict[str, Any]:
        """Import the adapter; its pipeline as data. ``withheld``: environment variables that stages are not given."""
        _say("the adapter")
        self.project = find_project(Path(root))
        kept = [self.project.state / name for name in ("pending", "cache")]
        kept += [self.project.goldens, self.project.schemas]
        self._watch = ProcessWatch(self.project.root, self.project.state, kept)
        variables.withhold(withheld)
        with self._watch.importing() as found:
            pipeline = self.project.pipeline
        self._watch.environment = pipeline.environment
        free = {f"the environment variable {name}" for name in pipeline.environment}
        touched = [what for what in found["touched"] if what not in free]
        self._left |= dict.fromkeys(f"importing the adapter leaves {what} changed" for what in found["changed"])
        return described(pipeline) | {"undeclared": touched, "path": list(sys.path)}

    def is_for_users(self, error: BaseException) -> bool:
        """Whether it is an exception whose message the pipeline wrote for its user."""
        pipeline = vars(self.project).get("pipeline") if hasattr(self, "project") else None
        try:
            kinds: Any = () if pipeline is None else tuple(resolve(name) for name in pipeline.errors)
            return isinstance(error, kinds)
        except Exception:  # its own list cannot be read
            return False

    @staticmethod
    def log(details: str) -> None:
        """Keep a traceback in the log."""
        with suppress(OSError):
            os.write(2, "".join(f"{line}\n" for line in text.clean_lines(details)).encode(errors="replace"))

    # Scenarios

    def scenarios(self, progress: Progress) -> dict[str, str]:
        """Names and titles."""
        return {str(name): str(title) for name, title in self.project.pipeline.scenarios().items()}

    def scenario(self, progress: Progress, name: str, profile: str, overrides: Sequence[str]) -> Scenario:
        """A resolved scenario."""
        return self.project.scenario(name, profile, overrides)

    def reseed(self, progress: Progress, config: Mapping[str, Json], member: int) -> Mapping[str, Json]:
        """The configuration of one ensemble member."""
        reseed = self.project.pipeline.reseed
        assert reseed is not None
        return reseed(config, member)

    # Stages

    def files(self, progress: Progress, stage: str, config: Mapping[str, Json]) -> list[str]:
        """The files that a stage declares."""
        files = self.project.pipeline.stage(stage).files
        return [str(self.project.root / path) for path in files(config)] if files else []

    def run(self, progress: Progress, folder: str, limit: int, call: StageCall) -> StageAnswer:
        """Run and observe a stage."""
        _say(f"{call.scenario} {call.profile} {call.stage}")
        answer = self._works(folder, limit).run(call, progress)
        self.log(answer.details)
        return answer

    def keep(
        self, progress: Progress, folder: str, limit: int, key: str, facts: Mapping[str, str], spares: bool
    ) -> list[str]:
        """Put a result into the cache; what the cache notes of that."""
        work = self._works(folder, limit)
        noted = len(work.cache.unkept)
        with work.cache.sparing() if spares else nullcontext():
            work.keep(key, facts)
        return work.cache.unkept[noted:]

    def output(self, progress: Progress, folder: str, limit: int, key: str) -> Output:
        """A result that was not kept."""
        return self._works(folder, limit).output(key)

    def artifact(self, progress: Progress, folder: str, limit: int, key: str) -> Artifact:
        """An artifact that was not kept."""
        return self._works(folder, limit).artifact(key)

    def _works(self, folder: str, limit: int) -> OwnWork:
        if (folder, limit) not in self._work:
            self._work[folder, limit] = OwnWork(self.project.pipeline, Cache(Path(folder), limit), self._watch)
        return self._work[folder, limit]

    # What the pipeline says of runs and environments

    def invariants(self, progress: Progress, artifacts: Mapping[str, Artifact]) -> list[Invariant]:
        """What must hold of a run."""
        return list(self.project.pipeline.invariants(artifacts))

    def axes(self, progress: Progress, environment: Mapping[str, str]) -> dict[str, str]:
        """What environments differ in."""
        return {str(name): str(value) for name, value in self.project.pipeline.axes(environment).items()}

    def hook(self, progress: Progress, name: str, arguments: Sequence[Any]) -> Json:
        """What one of the optional hooks answers."""
        return resolve(getattr(self.project.pipeline, name))(*arguments)


def described(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline as data: its stages, and which of its hooks there are."""
    plain = {f.name: getattr(pipeline, f.name) for f in fields(Pipeline)}
    stages = []
    for stage in plain.pop("stages"):
        row = {f.name: getattr(stage, f.name) for f in fields(stage)}
        entries = {name: entry_name(row[name]) for name in ("run", "observe") if row[name] is not None}
        stages.append({**row, **entries, "files": stage.files is not None})
    own_axes = plain.pop("axes") is not dict
    calls = {name: call for name in CALLS if (call := plain.pop(name)) is not None}
    plain.pop("errors")  # what they are is answered here
    names = {name: entry_name(call) for name, call in calls.items()}
    return {"plain": plain, "stages": stages, "calls": names, "axes": own_axes}


def _say(what: str) -> None:
    """A line in the log, below whatever the pipeline made of Python's own streams, as far as the disk takes it."""
    with suppress(OSError):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(2, f"== {what}\n".encode(errors="replace"))
