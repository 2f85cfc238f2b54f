"""Run stages through the cache: a scenario from start to end, or one stage alone on stored inputs."""

from __future__ import annotations

import copy
import importlib
import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import json_digest, sha256
from harness.core.protocol import Artifact, Json, Output, Pipeline, Scenario, Stage
from harness.core.trees import plain_json, split_tree
from harness.run.cache import AbsentError, Cache, Item
from harness.run.fingerprint import Sources

FORMAT = 1  # of what the cache holds; raise it when the meaning of an item changes

Watcher = Callable[[str, str, str, int, int, str], None]
"""Scenario, track, stage, done, total, note."""


@dataclass(frozen=True)
class StageRun:
    """How a stage went: the item of its output, that of what was observed of it, or why there is none.

    A replay compares the output itself: there ``observed`` is None.
    """

    stage: Stage
    key: str
    item: Item | None = None
    observed: Item | None = None
    cached: bool = False
    error: str = ""
    blocked: str = ""

    @property
    def seconds(self) -> float:
        """What it took when it was computed."""
        return float(self.item.about["seconds"]) if self.item else 0.0


def environment(pipeline: Pipeline) -> dict[str, str]:
    """Whatever beside source and configuration decides the numbers: versions, architecture, variables."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for name in pipeline.libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | {name: os.environ.get(name, "") for name in pipeline.environment}


class Runner:
    """Runs a pipeline's stages; every result comes out of the cache, whether it was there or not."""

    def __init__(self, pipeline: Pipeline, cache: Cache, progress: Watcher | None = None) -> None:
        self.pipeline, self.cache, self.progress = pipeline, cache, progress
        self.sources = Sources(pipeline.source_roots)
        self.environment = environment(pipeline)
        self.made: set[str] = set()  # keys of what this runner computed
        self.ahead: set[str] = set()  # keys of what others computed for it, and it has not asked for yet

    def chain(self, scenario: Scenario, stages: Sequence[Stage], until: str = "") -> list[StageRun]:
        """The stages in order, each on the outputs of those it needs; with ``until``, what leads to it alone."""
        leading = self.pipeline.leading_to(until) if until else None
        wanted = [s for s in stages if leading is None or s.name in leading]
        for last in (False, True):
            done: dict[str, StageRun] = {}
            try:
                for stage in wanted:
                    done[stage.name] = self._next(scenario, stage, done)
                return [*done.values()]
            except AbsentError:  # an input was damaged or evicted: what is gone is made again
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
        """One stage on given outputs of its needs, whose digests are given too."""
        key = self.key(stage, scenario.config, digests)
        return self._run(scenario, stage, key, lambda: dict(inputs), look=False)

    def key(self, stage: Stage, config: Mapping[str, Json], inputs: Mapping[str, str]) -> str:
        """What decides a stage's result: what it reads, runs on, and is made of."""
        reads = {name: look_up(config, name) for name in stage.reads}
        files = [_digest_of(path, stage) for path in stage.files(config)] if stage.files else []
        return json_digest({
            "format": FORMAT, "stage": stage.name, "reads": reads, "files": files, "inputs": dict(inputs),
            "code": self.sources.fingerprint(stage.run), "environment": self.environment,
        })  # fmt: skip

    def _run(
        self, scenario: Scenario, stage: Stage, key: str, inputs: Callable[[], dict[str, Output]], look: bool = True
    ) -> StageRun:
        # What is observed has a key of its own: looking at something else does not run the stage again.
        eye = json_digest([key, self.sources.fingerprint(stage.observe) if stage.observe else ""])
        item, observed = self.cache.get(key), self.cache.get(eye) if look else None
        if item is not None and (observed is not None or not look):
            cached = key not in self.ahead
            self.ahead.discard(key)
            return StageRun(stage, key, item, observed, cached)
        with self.cache.lock(key):
            item = self.cache.get(key)  # another process may have made it meanwhile
            cached = item is not None
            try:
                given = inputs()
                if item is None:
                    item = self._compute(scenario, stage, key, given)
                observed = self.cache.get(eye) if look else None
                if look and observed is None:
                    found = observe(stage, scenario.config, item.output(), given)
                    observed = self.cache.put(eye, ({}, {}), found, {"stage": stage.name, "observes": key})
                return StageRun(stage, key, item, observed, cached)
            except HarnessError:
                raise
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                said = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}, line {where.lineno})"
                return StageRun(stage, key, error=said)

    def _compute(self, scenario: Scenario, stage: Stage, key: str, inputs: dict[str, Output]) -> Item:
        def report(done: int, total: int, note: str) -> None:
            if self.progress:
                self.progress(scenario.name, scenario.profile, stage.name, done, total, note)

        report(0, 1, "")
        config = declared(stage, scenario.config)
        before = json_digest(config)
        started = time.perf_counter()
        output = resolve(stage.run)(config, report, **inputs)
        seconds = time.perf_counter() - started
        values, arrays = split_tree(output)
        about = {
            "stage": stage.name, "scenario": scenario.name, "profile": scenario.profile, "seconds": seconds,
            "config_before": before, "config_after": json_digest(config),
            "non_finite": int(sum(np.count_nonzero(~np.isfinite(a)) for a in arrays.values() if a.dtype.kind in "fc")),
            "environment": self.environment,
        }  # fmt: skip
        item = self.cache.put(key, (values, arrays), Artifact({}), about)
        self.made.add(key)
        report(1, 1, f"{seconds:.1f} s")
        return item


def observe(stage: Stage, config: Mapping[str, Json], output: Output, inputs: Mapping[str, Output]) -> Artifact:
    """What is verified of a stage in its own profile: what ``observe`` says, or all of the output."""
    if stage.observe is not None:
        found = resolve(stage.observe)(declared(stage, config), output, **inputs)
        return Artifact(plain_json(found.values), dict(found.arrays))
    return Artifact(plain_json(without_arrays(output)), split_tree(output)[1])


def without_arrays(output: Mapping[str, Any]) -> dict[str, Any]:
    """The output's JSON part."""
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


def declared(stage: Stage, config: Mapping[str, Json]) -> dict[str, Json]:
    """What a stage is given of the configuration: a copy of what it declares that it reads, and nothing else.

    What is not in a stage's key cannot change its result, so that no cached result is ever stale.
    """
    given: dict[str, Json] = {}
    for name in stage.reads:
        *path, last = name.split(".")
        source, target = config, given
        for part in path:
            inner = source.get(part)
            source = inner if isinstance(inner, Mapping) else {}
            target = target.setdefault(part, {}) if source else {}
        if last in source:
            target[last] = copy.deepcopy(source[last])
    return given


def look_up(config: Mapping[str, Json], name: str) -> Json:
    """The part of the configuration at a dotted name; None where an optional part is absent."""
    value: Json = config
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
