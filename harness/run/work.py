"""The work on a stage: run it on the outputs of its needs, observe what it gave, and put both into the cache.

This is the one place where a pipeline's stages are called. It happens in a process of its own behind every door
(see ``harness.host``), and in this process where somebody makes a ``Runner`` of a pipeline at hand.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from harness.core.adapters.faults import sentence_of, traceback_of
from harness.core.codecs import restored
from harness.core.errors import HarnessError, ProjectError, RefusedDataError
from harness.core.files import json_digest
from harness.core.protocol import Artifact, Json, Output, Pipeline, Progress, Stage
from harness.core.trees import checked_artifact, join_tree, non_finite_counts, output_artifact, split_tree
from harness.run.cache import LOCK_PATIENCE_S, AbsentError, Cache, Item
from harness.run.items import SplitOutput, kept_in_memory, read_only
from harness.run.settings import check_settings, declared_settings

UNDECLARED = "name it in the stage's files or the pipeline's environment; until then nothing of it is cached"
CHANGED = "what runs after it in the same process would depend on that, and not where it comes from the cache"


class StageError(HarnessError):
    """A stage that gave nothing, and not by an exception: its process ended, or it took too long."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class StageRun:
    """How a stage went: ``item`` holds its output and ``observed`` what is verified of it; else it says why not.

    ``error``: the stage raised, and ``details`` is the traceback; ``blocked``: the earlier stage whose failure left it
    without an input. A replay compares the output itself, so that ``observed`` is None there. ``handed``: one sentence
    for each other stage that uses what this one left changed.
    """

    stage: Stage
    key: str
    item: Item | None = None
    observed: Item | None = None
    cached: bool = False
    error: str = ""
    details: str = ""
    blocked: str = ""
    handed: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the result cannot be trusted though there is one, one sentence each."""
        abouts = [item.about for item in (self.item, self.observed) if item]
        touched = dict.fromkeys(what for about in abouts for what in about.get("undeclared", ()))
        left = dict.fromkeys(what for about in abouts for what in about.get("changed", ()))
        return (
            *dict.fromkeys(what for about in abouts for what in about.get("untrusted", ())),
            *(f"reads {what}, which it does not declare: {UNDECLARED}" for what in touched),
            *(f"leaves {what} changed: {CHANGED}" for what in left),
            *self.handed,
        )

    @property
    def seconds(self) -> float:
        """How long the stage took when it was computed."""
        return float(self.item.about["seconds"]) if self.item else 0.0


@dataclass(frozen=True)
class StageCall:
    """What is asked of a stage.

    ``inputs`` gives for each need the key of its result, or the output itself. Nothing is computed where ``key`` has
    a result already, and nothing observed without an ``observed_key``. ``files``: those that the stage declares.
    """

    stage: str
    scenario: str
    profile: str
    config: Mapping[str, Json]
    key: str
    observed_key: str
    inputs: Mapping[str, str | Output]
    environment: Mapping[str, str]
    files: tuple[str, ...] = ()


@dataclass
class StageAnswer:
    """How it went; nothing is kept before somebody asks for it.

    ``about`` and ``observed`` describe the result and the artifact, where they are not in the cache; their
    ``undeclared`` lists inputs that were touched and not declared, their ``changed`` what was left changed, their
    ``left`` the names in own modules of which something changed in place, as ``module:name``, their ``loaded`` the
    paths of own source that it made the process load, their ``facts`` what was looked up besides (see
    ``harness.run.source.facts``) and their ``modules`` which modules were looked for that are not its own source.
    ``error`` is a sentence, and ``details`` the traceback behind it. ``sources``: the digest of each own source that
    the process ever loaded, by path.
    """

    about: dict[str, Json] | None = None
    observed: dict[str, Json] | None = None
    error: str = ""
    details: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


def nothing_noted() -> dict[str, Json]:
    """What is noted of a call that touched and left nothing."""
    return {"undeclared": [], "changed": [], "left": [], "loaded": [], "facts": {}, "modules": []}


class Watch(Protocol):
    """What follows a call: what it touched, and what it left changed."""

    def over(self, files: tuple[str, ...]) -> AbstractContextManager[dict[str, Json]]:
        """A mapping that at the end has what ``nothing_noted`` has, and ``StageAnswer`` tells."""

    def loaded(self) -> Mapping[str, str]:
        """The digest of each own source that this process loaded, by path."""


class NoWatch:
    """Follows nothing: for a process that is not the pipeline's alone."""

    def over(self, files: tuple[str, ...]) -> AbstractContextManager[dict[str, Json]]:
        """Nothing is noted."""
        return nullcontext(nothing_noted())

    def loaded(self) -> Mapping[str, str]:
        """Nothing is known."""
        return {}


class StageWork(Protocol):
    """Whatever runs stages; ``output`` and ``artifact`` give what was not kept, or raise AbsentError.

    ``patience_s``: how long to wait for another process that runs the same stage.
    """

    patience_s: float

    def run(self, call: StageCall, progress: Progress) -> StageAnswer:
        """Run and observe."""

    def keep(self, key: str, facts: Mapping[str, str]) -> None:
        """Put a result or an artifact into the cache, which notes what it cannot keep; it counts while facts hold."""

    def output(self, key: str) -> Output:
        """A result."""

    def artifact(self, key: str) -> Artifact:
        """An artifact."""


@runtime_checkable
class Elsewhere(Protocol):
    """A pipeline whose stages do not run in this process."""

    def stage_work(self, cache: Cache) -> StageWork:
        """Who runs them."""


def work_on(pipeline: Pipeline, cache: Cache) -> StageWork:
    """Who runs the stages of ``pipeline``."""
    return pipeline.stage_work(cache) if isinstance(pipeline, Elsewhere) else OwnWork(pipeline, cache)


class OwnWork:
    """Runs stages in this process; results that nobody kept are held in memory."""

    def __init__(self, pipeline: Pipeline, cache: Cache, watch: Watch | None = None) -> None:
        self.pipeline, self.cache, self.watch, self.patience_s = pipeline, cache, watch or NoWatch(), LOCK_PATIENCE_S
        self._outputs: dict[str, tuple[SplitOutput, dict[str, Json]]] = {}
        self._artifacts: dict[str, tuple[Artifact, dict[str, Json]]] = {}

    def run(self, call: StageCall, progress: Progress) -> StageAnswer:
        """Run and observe; whatever the stage raises is its error, but for Ctrl-C and an input that is gone."""
        stage, answer = self.pipeline.stage(call.stage), StageAnswer()
        inputs = {need: self._input(given) for need, given in call.inputs.items()}
        try:
            if self.cache.get(call.key) is None:
                answer.about = self._computed(stage, call, progress, read_only(inputs))
            if call.observed_key:
                answer.observed = self._observed(stage, call, read_only(inputs))
        except (AbsentError, KeyboardInterrupt):
            raise
        except BaseException as error:  # such as SystemExit: the stage is a stranger's code
            refused = isinstance(error, RefusedDataError)  # a sentence with stage, key and remedy
            answer.error, answer.details = str(error) if refused else sentence_of(error), traceback_of(error)
        answer.sources = self.watch.loaded()
        return answer

    def _computed(
        self, stage: Stage, call: StageCall, progress: Progress, inputs: Mapping[str, Output]
    ) -> dict[str, Json]:
        if call.key not in self._outputs:
            with self.watch.over(call.files) as noted:
                split, measured = compute(stage, call.config, progress, inputs)
            of = {"stage": stage.name, "scenario": call.scenario, "profile": call.profile}
            about = {**of, **measured, **noted, "environment": dict(call.environment)}
            self._outputs[call.key] = kept_in_memory(split, Artifact({}))[0], about
        return self._outputs[call.key][1]

    def _observed(self, stage: Stage, call: StageCall, inputs: Mapping[str, Output]) -> dict[str, Json] | None:
        if self.cache.get(call.observed_key) is not None:
            return None
        if call.observed_key not in self._artifacts:
            output = self.output(call.key)
            with self.watch.over(call.files) as noted:
                artifact = kept_in_memory(({}, {}), observe(stage, call.config, output, inputs))[1]
            self._artifacts[call.observed_key] = artifact, {"stage": stage.name, "observes": call.key, **noted}
        return self._artifacts[call.observed_key][1]

    def keep(self, key: str, facts: Mapping[str, str]) -> None:
        """Put what is held into the cache, and forget it where that succeeds."""
        nothing: SplitOutput = ({}, {})
        split, about = self._outputs.get(key, (nothing, {}))
        artifact, about = self._artifacts.get(key, (Artifact({}), about))
        unkept = len(self.cache.unkept)
        plain = {name: value for name, value in about.items() if name != "modules"}
        self.cache.put(key, split, artifact, plain | {"facts": dict(facts)})
        if len(self.cache.unkept) == unkept:
            self._outputs.pop(key, None)
            self._artifacts.pop(key, None)

    def output(self, key: str) -> Output:
        """A result, held or cached; nobody can change it in place."""
        return read_only(join_tree(*self._outputs[key][0])) if key in self._outputs else self._cached(key).output()

    def artifact(self, key: str) -> Artifact:
        """An artifact, held or cached."""
        return self._artifacts[key][0] if key in self._artifacts else self._cached(key).artifact()

    def _cached(self, key: str) -> Item:
        if (item := self.cache.get(key)) is None:
            raise AbsentError(f"the result {key[:12]} is gone while it was in use: run again, it is recomputed")
        return item

    def _input(self, given: str | Output) -> Output:
        return self.output(given) if isinstance(given, str) else read_only(given)


def compute(
    stage: Stage, config: Mapping[str, Json], progress: Progress, inputs: Mapping[str, Output]
) -> tuple[SplitOutput, dict[str, Json]]:
    """A stage's output, and what was measured of the call."""
    settings = declared_settings(stage, config)
    before = json_digest(settings)
    started = time.perf_counter()
    output = resolve(stage.run)(settings, progress, **restored(inputs, f"stage {stage.name} is given"))
    check_settings(settings)
    seconds = time.perf_counter() - started
    values, arrays = split_tree(output, f"stage {stage.name} returns")
    return (values, arrays), {
        "seconds": seconds,
        "config_before": before,
        "config_after": json_digest(settings),
        "non_finite": non_finite_counts(values, arrays),
    }


def observe(stage: Stage, config: Mapping[str, Json], output: Output, inputs: Mapping[str, Output]) -> Artifact:
    """The artifact that is verified of a stage in its own profile: what its ``observe`` gives, or all of the output."""
    if stage.observe is not None:
        given, taker = declared_settings(stage, config), f"the observer of stage {stage.name} is given"
        artifact = resolve(stage.observe)(given, restored(output, taker), **restored(inputs, taker))
        check_settings(given)
        return checked_artifact(artifact, f"what is observed of stage {stage.name} holds")
    return output_artifact(output, f"stage {stage.name} returns")


def resolve(entry: str | Callable[..., Any]) -> Callable[..., Any]:
    """A function, or the one that ``"module:function"`` names."""
    if not isinstance(entry, str):
        return entry
    module, _, name = entry.partition(":")
    try:
        found: Any = importlib.import_module(module)
        function: Callable[..., Any] = functools.reduce(getattr, name.split("."), found)
        return function
    except (ImportError, AttributeError) as error:
        raise ProjectError(f"stage function {entry!r} cannot be imported: {error}") from error
