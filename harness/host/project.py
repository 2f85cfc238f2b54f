"""A project whose pipeline runs in a process of its own: what every door opens."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from harness.core.errors import ProjectError
from harness.core.files import check_writable
from harness.core.project import Project, find_project, without_adapter
from harness.core.protocol import Artifact, Json, Output, Pipeline, Progress, Scenario, Stage
from harness.host.process import DiedError, Host, RaisedError
from harness.run.cache import Cache
from harness.run.items import read_only
from harness.run.pipeline_source import left_to_others, sources_of
from harness.run.work import StageAnswer, StageCall, StageWork


def open_project(start: Path | None = None, *, keep_log: bool = False) -> HostedProject:
    """The project in or above ``start``; nothing of its code is imported here.

    The log of an earlier command is removed, unless this process is at work for another one.
    """
    project = find_project(start)
    if not keep_log:
        with contextlib.suppress(OSError):
            project.log.unlink(missing_ok=True)
    return HostedProject(**{f.name: getattr(project, f.name) for f in fields(Project)})


@functools.lru_cache(maxsize=1)
def project_at_work(root: str) -> HostedProject:
    """The project of a worker's jobs, which they share as the runs of one command do: to open it costs more than most.

    What runs and what its keys say is the source as it was then, whatever is edited meanwhile.
    """
    return open_project(Path(root), keep_log=True)


@dataclass(frozen=True)
class HostedProject(Project):
    """A project whose adapter is imported elsewhere."""

    @cached_property
    def host(self) -> Host:
        """The process."""
        return Host(self.root, self.log, self.stage_seconds)

    def begin(self) -> None:
        """Start the adapter's process, which takes a while, before anything is asked.

        Raises HarnessError where its log cannot be written.
        """
        check_writable(self.log)
        if self.adapter:
            self.host.begin()

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline, whose every call is a question to its process; raises ProjectError where it cannot be used."""
        if not self.adapter:
            return without_adapter(self.root)
        try:
            self.host.ask("scenarios", doing="the adapter's scenarios", brief=True)
        except (DiedError, RaisedError) as error:
            raise ProjectError(str(error)) from error
        # The source is looked for where the adapter's process found it.
        sys.path[:] = [*(path := self.host.opened["path"]), *(entry for entry in sys.path if entry not in path)]
        return hosted(self.host)

    def problems(self) -> list[str]:
        """What its code touches when it is imported, where no stage can declare it; what its hooks leave changed."""
        if not self.adapter:
            return []
        _ = self.pipeline
        remedy = "what decides results is read by `load`, which makes the configuration, or by a stage that declares it"
        variables = "the variables that decide results are named in the pipeline's environment"
        touched = [
            f"importing {self.adapter.partition(':')[0]} reads {what}: {variables if 'variable' in what else remedy}"
            for what in self.host.opened["undeclared"]
        ]
        left = [
            f"{sentence}: stages that run after it in the same process would depend on that"
            for sentence in self.host.ask("left", doing="asking what was left changed", brief=True)
        ]
        return [*touched, *left, *self._handed_on()]

    def _handed_on(self) -> list[str]:
        """What hooks change in place of what stages use, one sentence each."""
        handed = self.host.ask("handed", doing="asking what was left changed", brief=True)
        if not handed:
            return []
        sources = sources_of(self.pipeline)
        return [
            f"the adapter's {hook} {sentence}"
            for hook, names in handed.items()
            for sentence in left_to_others(self.pipeline, sources, "", names)
        ]

    def scenario(self, name: str, profile: str, overrides: Sequence[str] = ()) -> Scenario:
        """A resolved scenario; raises ProjectError where the adapter cannot load it, or there is none."""
        if not self.adapter:
            return super().scenario(name, profile, overrides)
        return self.pipeline.load(name, profile, overrides)


@dataclass(frozen=True)
class HostedPipeline(Pipeline):
    """A pipeline whose code runs in ``host``."""

    host: Host | None = None

    def stage_work(self, cache: Cache) -> StageWork:
        """Who runs the stages."""
        assert self.host is not None
        return HostedWork(self.host, cache)


def hosted(host: Host) -> HostedPipeline:
    """The pipeline of a process that is open."""
    about = host.opened
    stages = tuple(
        Stage(**{**row, "files": partial(_files, host, row["name"]) if row["files"] else None})
        for row in about["stages"]
    )
    asked = {name: partial(_asked, host, name) for name in ("scenarios", "invariants", "reseed", "axes")}
    asked |= {name: partial(_hook, host, name) for name in ("analyze", "contrast", "explain")}
    asked["load"] = partial(_load, host)
    calls: dict[str, Any] = {}
    for name, entry in about["calls"].items():
        # By its name, the source of a call is found as if it were here.
        asked[name].__module__, _, asked[name].__qualname__ = entry.partition(":")  # type: ignore[attr-defined]
        calls[name] = asked[name]
    if about["axes"]:
        calls["axes"] = asked["axes"]
    return HostedPipeline(**about["plain"], **calls, stages=stages, host=host)


def _asked(host: Host, question: str, *arguments: Any) -> Any:
    return host.ask(question, *arguments, doing=f"the adapter's {question}", brief=True)


def _load(host: Host, name: str, profile: str, overrides: Sequence[str]) -> Scenario:
    try:
        scenario: Scenario = host.ask(
            "scenario",
            name,
            profile,
            list(overrides),
            doing=f"loading {name} at profile {profile!r}",
            brief=True,
        )
        return scenario
    except (DiedError, RaisedError) as error:
        raise ProjectError(f"the adapter cannot load {name} at profile {profile!r} ({error})") from error


def _files(host: Host, stage: str, config: Mapping[str, Json]) -> list[Path]:
    doing = f"the files of stage {stage}"
    return [Path(p) for p in host.ask("files", stage, dict(config), doing=doing, brief=True)]


def _hook(host: Host, name: str, *arguments: Any) -> Any:
    return host.ask("hook", name, arguments, doing=f"the adapter's {name}")


class HostedWork:
    """Stages of a pipeline, run in its process; results go into the cache there."""

    def __init__(self, host: Host, cache: Cache) -> None:
        self.host, self.cache, self.patience_s = host, cache, host.limit_s
        self._place = (str(cache.folder), cache.limit_bytes)

    def run(self, call: StageCall, progress: Progress) -> StageAnswer:
        """Run and observe."""
        doing = f"stage {call.stage} of {call.scenario} ({call.profile})"
        answer: StageAnswer = self.host.ask("run", *self._place, call, doing=doing, heard=progress)
        return answer

    def keep(self, key: str, facts: Mapping[str, str]) -> None:
        """Put a result or an artifact into the cache."""
        spares = self.cache.spares
        self.cache.unkept += self.host.ask("keep", *self._place, key, facts, spares, doing="keeping a result")

    def output(self, key: str) -> Output:
        """A result."""
        return read_only(self.host.ask("output", *self._place, key, doing="reading a result"))

    def artifact(self, key: str) -> Artifact:
        """An artifact."""
        artifact: Artifact = self.host.ask("artifact", *self._place, key, doing="reading an artifact")
        return Artifact(artifact.values, read_only(artifact.arrays))
