"""The runner takes stages through the cache: a scenario from start to end, or one stage alone on stored inputs."""

from __future__ import annotations

import importlib
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.adapters.faults import sentence_of, traceback_of
from harness.core.errors import HarnessError, ProjectError
from harness.core.files import json_digest, sha256
from harness.core.protocol import Artifact, Json, Output, Pipeline, Scenario, Stage
from harness.core.trees import plain_json, split_tree
from harness.run.cache import AbsentError, Cache, Item
from harness.run.fingerprints import Sources
from harness.run.settings import declared_settings, setting_at

CACHE_FORMAT = 1  # raise it when the meaning of what the cache holds changes

Watcher = Callable[[str, str, str, int, int, str], None]
"""A callback that follows a runner: scenario, track, stage, done, total, note."""


@dataclass(frozen=True)
class StageRun:
    """How a stage went: ``item`` holds its output and ``observed`` what is verified of it; else it says why not.

    ``error``: the stage raised, in a sentence; ``details``: the whole traceback. ``blocked``: the earlier stage whose
    failure left it without an input. A replay compares the output itself, so that ``observed`` is None there.
    """

    stage: Stage
    key: str
    item: Item | None = None
    observed: Item | None = None
    cached: bool = False
    error: str = ""
    blocked: str = ""
    details: str = ""

    @property
    def seconds(self) -> float:
        """How long the stage took when it was computed."""
        return float(self.item.about["seconds"]) if self.item else 0.0


def environment(pipeline: Pipeline) -> dict[str, str]:
    """The versions, the architecture and the variables that decide the numbers beside source and configuration."""
    facts = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for name in pipeline.libraries:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts | {name: os.environ.get(name, "") for name in pipeline.environment}


class Runner:
    """A runner runs a pipeline's stages; every result comes out of the cache, whether it was there or not.

    ``computed`` has the key of every result that this runner computed. ``ahead`` has those that others computed
    for it, until it asks for them.
    """

    def __init__(self, pipeline: Pipeline, cache: Cache, watcher: Watcher | None = None) -> None:
        self.pipeline, self.cache, self.watcher = pipeline, cache, watcher
        self.sources = Sources(pipeline.source_roots)
        self.environment = environment(pipeline)
        self.computed: set[str] = set()
        self.ahead: set[str] = set()

    def chain(self, scenario: Scenario, stages: Sequence[Stage], until: str = "") -> list[StageRun]:
        """Run the stages in order, each on the outputs of those it needs; ``until`` leaves out what leads elsewhere."""
        leading = self.pipeline.leading_to(until) if until else None
        wanted = [s for s in stages if leading is None or s.name in leading]
        for last in (False, True):
            done: dict[str, StageRun] = {}
            try:
                for stage in wanted:
                    done[stage.name] = self._next(scenario, stage, done)
                return [*done.values()]
            except AbsentError:  # an input was damaged or evicted: what is gone is computed again
                if last:
                    raise
        raise AssertionError

    def _next(self, scenario: Scenario, stage: Stage, done: Mapping[str, StageRun]) -> StageRun:
        broken = [n for n in stage.needs if done[n].item is None]
        if broken:
            return StageRun(stage, "", blocked=done[broken[0]].blocked or broken[0])
        key = self.key(stage, scenario.config, {n: done[n].key for n in stage.needs})
        inputs = {n: done[n].item for n in stage.needs}
        return self._run(scenario, stage, key, lambda: {n: i.output() for n, i in inputs.items() if i})

    def alone(
        self, scenario: Scenario, stage: Stage, inputs: Mapping[str, Output], digests: Mapping[str, str]
    ) -> StageRun:
        """Run one stage on given outputs of its needs; ``digests`` stand for them in its key."""
        key = self.key(stage, scenario.config, digests)
        return self._run(scenario, stage, key, lambda: dict(inputs), look=False)

    def key(self, stage: Stage, config: Mapping[str, Json], inputs: Mapping[str, str]) -> str:
        """The digest of everything that decides a stage's result: what it reads, what it runs on, and its source."""
        reads = {name: setting_at(config, name) for name in stage.reads}
        files = [_digest_of(path, stage) for path in stage.files(config)] if stage.files else []
        parts = {
            "format": CACHE_FORMAT,
            "stage": stage.name,
            "reads": reads,
            "files": files,
            "inputs": dict(inputs),
            "code": self.sources.fingerprint(stage.run),
            "environment": self.environment,
        }
        return json_digest(parts)

    def _run(
        self, scenario: Scenario, stage: Stage, key: str, inputs: Callable[[], dict[str, Output]], look: bool = True
    ) -> StageRun:
        # What is observed has a key of its own, so that another ``observe`` does not run the stage again.
        observed_key = json_digest([key, self.sources.fingerprint(stage.observe) if stage.observe else ""])
        item, observed = self.cache.get(key), self.cache.get(observed_key) if look else None
        if item is not None and (observed is not None or not look):
            cached = key not in self.ahead
            self.ahead.discard(key)
            return StageRun(stage, key, item, observed, cached)
        with self.cache.lock(key):
            item = self.cache.get(key)  # another process may have put it there meanwhile
            cached = item is not None
            try:
                given = inputs()
                if item is None:
                    item = self._compute(scenario, stage, key, given)
                observed = self.cache.get(observed_key) if look else None
                if look and observed is None:
                    artifact = observe(stage, scenario.config, item.output(), given)
                    observed = self.cache.put(observed_key, ({}, {}), artifact, {"stage": stage.name, "observes": key})
                return StageRun(stage, key, item, observed, cached)
            except HarnessError:
                raise
            except Exception as error:
                return StageRun(stage, key, error=sentence_of(error), details=traceback_of(error))

    def _compute(self, scenario: Scenario, stage: Stage, key: str, inputs: dict[str, Output]) -> Item:
        def progress(done: int, total: int, note: str) -> None:
            if self.watcher:
                self.watcher(scenario.name, scenario.profile, stage.name, done, total, note)

        progress(0, 1, "")
        config = declared_settings(stage, scenario.config)
        before = json_digest(config)
        started = time.perf_counter()
        output = resolve(stage.run)(config, progress, **inputs)
        seconds = time.perf_counter() - started
        values, arrays = split_tree(output)
        about = {
            "stage": stage.name,
            "scenario": scenario.name,
            "profile": scenario.profile,
            "seconds": seconds,
            "config_before": before,
            "config_after": json_digest(config),
            "non_finite": int(sum(np.count_nonzero(~np.isfinite(a)) for a in arrays.values() if a.dtype.kind in "fc")),
            "environment": self.environment,
        }
        item = self.cache.put(key, (values, arrays), Artifact({}), about)
        self.computed.add(key)
        progress(1, 1, f"{seconds:.1f} s")
        return item


def observe(stage: Stage, config: Mapping[str, Json], output: Output, inputs: Mapping[str, Output]) -> Artifact:
    """The artifact that is verified of a stage in its own profile: what its ``observe`` gives, or all of the output."""
    if stage.observe is not None:
        artifact = resolve(stage.observe)(declared_settings(stage, config), output, **inputs)
        return Artifact(plain_json(artifact.values), dict(artifact.arrays))
    return Artifact(plain_json(without_arrays(output)), split_tree(output)[1])


def without_arrays(output: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON part of an output."""
    return {
        key: without_arrays(value) if isinstance(value, Mapping) else value
        for key, value in output.items()
        if not isinstance(value, np.ndarray)
    }


def resolve(entry: str | Callable[..., Any]) -> Callable[..., Any]:
    """A function, or the one that ``"module:function"`` names."""
    if not isinstance(entry, str):
        return entry
    module, _, name = entry.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ProjectError(f"stage function {entry!r} cannot be imported: {error}") from error


def _digest_of(path: Path, stage: Stage) -> str:
    try:
        return sha256(path.read_bytes())
    except OSError as error:
        raise ProjectError(
            f"stage {stage.name} reads {path}, which cannot be read: {error.strerror or error}"
        ) from error
