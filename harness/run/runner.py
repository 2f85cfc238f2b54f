"""The runner takes stages through the cache: a scenario from start to end, or one stage alone on stored inputs."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import json_digest
from harness.core.protocol import Json, Output, Pipeline, Scenario, Stage, entry_name
from harness.run.cache import AbsentError, Cache, Item
from harness.run.circumstances import circumstances
from harness.run.declared_files import file_digests
from harness.run.fingerprints import Sources
from harness.run.pipeline_source import calls_of, handed_on_problems, left_to_others, libraries_of, named_in, sources_of
from harness.run.settings import declared_settings, settings_key
from harness.run.source.distributions import library_version
from harness.run.source.facts import MODULE, AskedFacts
from harness.run.work import StageAnswer, StageCall, StageError, StageRun, work_on

CACHE_FORMAT = 3  # raise it when the meaning of what the cache holds changes

Inputs = Mapping[str, str | Output]
"""For each need of a stage the key of its result, or the output itself."""

Watcher = Callable[[str, str, str, int, int, str], None]
"""A callback that follows a runner: scenario, track, stage, done, total, note."""


def environment(pipeline: Pipeline, sources: Sources | None = None) -> dict[str, str]:
    """The versions, the architecture and the variables that decide the numbers beside source and configuration."""
    facts = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    libraries = libraries_of(pipeline, sources or sources_of(pipeline))
    facts |= {name: library_version(name) for name in libraries}
    return facts | {name: os.environ.get(name, "") for name in pipeline.environment}


class NotCachedError(HarnessError):
    """Whoever asked only for what the cache has asked for something else."""


class Runner:
    """A runner runs a pipeline's stages; every result comes out of the cache, whether it was there or not.

    ``computed`` has the key of every result that this runner computed. ``ahead`` has those that others
    computed for it, from when they told until a report counts them.
    """

    def __init__(self, pipeline: Pipeline, cache: Cache, watcher: Watcher | None = None) -> None:
        self.pipeline, self.cache, self.watcher = pipeline, cache, watcher
        self.sources = sources_of(pipeline)
        self.environment = environment(pipeline, self.sources)
        self._entries = calls_of(pipeline, self.sources)
        self._known: dict[str, bool] = {}  # whether some entry leads to a file
        self._facts = AskedFacts()
        self.circumstances = circumstances()
        self.work = work_on(pipeline, cache)
        self.computed: set[str] = set()
        self.ahead: set[str] = set()
        self._cached_only = False

    @cached_property
    def _handed_on(self) -> dict[str, str]:
        return handed_on_problems(self.pipeline, self.sources)

    @contextmanager
    def cached_only(self) -> Iterator[None]:
        """Meanwhile no stage runs: what the cache does not have raises NotCachedError."""
        self._cached_only = True
        try:
            yield
        finally:
            self._cached_only = False

    def chain(
        self, scenario: Scenario, stages: Sequence[Stage], until: str = "", known: Mapping[str, StageRun] | None = None
    ) -> list[StageRun]:
        """Run the stages in order, each on the outputs of those it needs; ``until`` leaves out what leads elsewhere.

        ``known``: those that ran already, by stage; where an output of theirs is gone they run again.
        """
        leading = self.pipeline.leading_to(until) if until else None
        wanted = [s for s in stages if leading is None or s.name in leading]
        for last in (False, True):
            done = {} if last else dict(known or {})
            try:
                with self.cache.sparing() if last else nullcontext():
                    for stage in wanted:
                        if stage.name not in done:
                            done[stage.name] = self._next(scenario, stage, done)
                return [done[stage.name] for stage in wanted]
            except AbsentError:  # an input was damaged or evicted: what is gone is computed again
                if last:
                    raise
        raise AssertionError

    def _next(self, scenario: Scenario, stage: Stage, done: Mapping[str, StageRun]) -> StageRun:
        broken = [n for n in stage.needs if done[n].item is None]
        if broken:
            return StageRun(stage, "", blocked=done[broken[0]].blocked or broken[0])
        inputs = {n: done[n].key for n in stage.needs}
        facts: dict[str, str] = {}
        for run in (done[n] for n in stage.needs):
            facts |= run.item.about.get("facts", {}) if run.item else {}
        return self._run(scenario, stage, inputs, inputs, facts)

    def alone(
        self,
        scenario: Scenario,
        stage: Stage,
        inputs: Inputs | Callable[[], Inputs],
        digests: Mapping[str, str],
        observe: bool = False,
    ) -> StageRun:
        """Run one stage on given outputs of its needs, and ``observe`` it; ``digests`` stand for them in its key.

        An input may be the key of a result in the cache. A function is called for them where the stage runs.
        """
        return self._run(scenario, stage, inputs, digests, {}, look=observe)

    def key(self, stage: Stage, config: Mapping[str, Json], inputs: Mapping[str, str]) -> str:
        """The digest of everything that decides a stage's result: what it reads, what it runs on, and its source."""
        return self._key(stage, config, inputs, file_digests(stage.files(config) if stage.files else [], stage.name))

    def _key(self, stage: Stage, config: Mapping[str, Json], inputs: Mapping[str, str], files: Sequence[str]) -> str:
        if problem := self._handed_on.get(stage.name):
            raise ProjectError(problem)
        parts = {
            "format": CACHE_FORMAT,
            "stage": stage.name,
            "reads": settings_key(stage, config),
            "named": named_in(declared_settings(stage, config), self.sources),
            "files": list(files),
            "inputs": dict(inputs),
            "code": [entry_name(stage.run), self.sources.fingerprint(stage.run)],
            "environment": self.environment,
            "circumstances": self.circumstances,
        }
        return json_digest(parts)

    def _run(
        self,
        scenario: Scenario,
        stage: Stage,
        inputs: Inputs | Callable[[], Inputs],
        digests: Mapping[str, str],
        facts: Mapping[str, str],
        look: bool = True,
    ) -> StageRun:
        try:
            files = list(stage.files(scenario.config)) if stage.files else []
        except HarnessError as error:
            return StageRun(stage, "", error=f"its files cannot be told: {error}")
        before = file_digests(files, stage.name)
        key = self._key(stage, scenario.config, digests, before)
        # What is observed has a key of its own, so that another ``observe`` does not run the stage again.
        observing = [entry_name(stage.observe), self.sources.fingerprint(stage.observe)] if stage.observe else []
        observed_key = json_digest([key, *observing])
        item, observed = self._known_item(key), self._known_item(observed_key) if look else None
        if item is not None and (observed is not None or not look):
            return self._done(stage, key, item, observed, cached=True)
        if self._cached_only:
            raise NotCachedError(f"the cache has no result {key[:12]} of stage {stage.name}")
        call = StageCall(
            stage.name,
            scenario.name,
            scenario.profile,
            scenario.config,
            key,
            observed_key if look else "",
            inputs() if callable(inputs) else inputs,
            self.environment,
            tuple(map(str, files)),
        )
        with self.cache.lock(key, self.work.patience_s, lambda note: self._note(call, 0, note)):
            return self._called(stage, call, before, facts)

    def _known_item(self, key: str) -> Item | None:
        """What the cache has, if all that its stage looked up is as it was; else it is removed."""
        item = self.cache.get(key)
        if item is not None and self._facts.deny(item.about.get("facts", {})):
            self.cache.forget(key)
            return None
        return item

    def _note(self, call: StageCall, done: int, note: str, total: int = 1) -> None:
        if self.watcher:
            self.watcher(call.scenario, call.profile, call.stage, done, total, note)

    def _called(self, stage: Stage, call: StageCall, files: Sequence[str], facts: Mapping[str, str]) -> StageRun:
        """How the call went, its results kept where they can be trusted; another process may have been there first.

        ``files``: the digests of the declared files when the key was made; ``facts``: what the inputs depend on.
        """
        item = self._known_item(call.key)
        observed = self._known_item(call.observed_key) if call.observed_key else None
        cached = item is not None
        if item is not None and (observed is not None or not call.observed_key):
            return self._done(stage, call.key, item, observed, cached)
        new = not cached and call.key not in self.computed  # what may not be kept is asked for again, and is held
        if new:
            self._note(call, 0, "")
        try:
            answer = self.work.run(call, lambda done, total, note: self._note(call, done, note, total))
        except StageError as error:
            return StageRun(stage, call.key, error=str(error), details=error.details)
        if answer.error:
            return StageRun(stage, call.key, error=answer.error, details=answer.details)
        untrusted = self._untrusted(stage, answer)
        if call.files and file_digests(list(map(Path, call.files)), stage.name) != files:
            untrusted.append("reads files that were edited while it ran: run again, what it read is not what is there")
        item = self._item(call.key, answer.about, untrusted, facts)
        facts = {**facts, **item.about.get("facts", {})}
        observed = self._item(call.observed_key, answer.observed, untrusted, facts) if call.observed_key else None
        if new:
            self.computed.add(call.key)
            self._note(call, 1, f"{item.about['seconds']:.1f} s")
        return self._done(stage, call.key, item, observed, cached)

    def _done(self, stage: Stage, key: str, item: Item, observed: Item | None, cached: bool) -> StageRun:
        left = {name for made in (item, observed) if made for name in made.about.get("left", ())}
        handed = left_to_others(self.pipeline, self.sources, stage.name, left) if left else []
        return StageRun(stage, key, item, observed, cached, handed=tuple(handed))

    def _untrusted(self, stage: Stage, answer: StageAnswer) -> list[str]:
        """What was loaded that no key tells, so that nothing must be kept which was computed with it."""
        found = [
            f"runs {path} as it was before an edit: run again, what ran is not what is there"
            for path, digest in answer.sources.items()
            if self.sources.digest_of(path) != digest
        ]
        hidden = [path for path in answer.sources if not self._foreseen(path)]
        own = [entry for entry in (stage.run, stage.observe) if entry]
        new = [path for about in (answer.about, answer.observed) if about for path in about["loaded"]]
        hidden += [path for path in new if not any(self.sources.foresees(entry, path) for entry in own)]
        return found + [
            f"depends on {path}, to which no import of its source leads: import that by its name"
            for path in dict.fromkeys(hidden)
        ]

    def _foreseen(self, path: str) -> bool:
        """Whether the source of some part of the pipeline leads to a file."""
        if path not in self._known:
            self._known[path] = any(self.sources.foresees(entry, path) for entry in self._entries)
        return self._known[path]

    def _item(
        self, key: str, about: Mapping[str, Json] | None, untrusted: list[str], inputs: Mapping[str, str]
    ) -> Item:
        """A result, from the cache where it may be kept, else from whoever holds it; ``inputs``: facts about those."""
        facts = dict(inputs)
        if about is not None:
            facts |= about["facts"] | {name: self._facts.of(name) for name in map(MODULE.__add__, about["modules"])}
            if not about["undeclared"] and not untrusted:
                self.work.keep(key, facts)
                self.cache.share(key)
        if (item := self.cache.get(key)) is not None:
            return item
        if about is None:
            raise AbsentError(f"the result {key[:12]} was evicted while it was in use: run again, it is recomputed")
        told = {**about, "untrusted": untrusted, "facts": facts}
        return Item(key, told, lambda: self.work.artifact(key), lambda: self.work.output(key))
