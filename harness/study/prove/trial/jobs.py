"""The jobs of worker processes: each tries some mutants in a copy of the repository of its own."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.protocol import Json
from harness.host.project import HostedProject, open_project
from harness.run.cache import Cache
from harness.run.runner import Runner
from harness.study.prove.faults.mutant import Mutant, mutant_from
from harness.study.prove.faults.source import mutated_content
from harness.study.prove.trial.copies import repository_copy
from harness.study.prove.trial.outcome import MutantOutcome
from harness.study.prove.trial.overlay import overlay_outcome
from harness.study.prove.trial.steps import ENDS_VERIFICATION, let_pass, tried, untried
from harness.verify.examination import Examination


@dataclass(frozen=True)
class Setting:
    """What trials have in common: the arguments of a job, but for its mutants.

    ``limit_s``: how long a stage may take; ``copies``: the folder for copies of the repository; ``objects``: that of
    goldens too large for git; ``keys``: those of the right results, by scenario (see ``steps.RightKeys``).
    """

    root: str
    state: str
    cache: str
    cache_bytes: int
    profile: str
    scenarios: list[str]
    training: bool
    limit_s: float
    copies: str
    objects: str
    keys: Mapping[str, Mapping[str, list[str]]]


UNCHANGED = Mutant("source", "nothing", (), "", "nothing was changed")
"""No fault at all: it must come out as equivalent, or else the copy is not what was copied."""


def try_mutants(setting: Mapping[str, Json], mutants: Sequence[Mapping[str, Json]]) -> list[Json]:
    """Try mutants one after another; the job of a worker process. Returns their outcomes."""
    common, outcomes = Setting(**setting), []
    with without_bytecode(), copied(common) as copy:
        overlays = [m for m in map(mutant_from, mutants) if m.kind != "source"]
        edits = [m for m in map(mutant_from, mutants) if m.kind == "source"]
        if overlays:
            with opened_copy(copy, common) as project:
                runner = Runner(project.pipeline, Cache(Path(common.cache), common.cache_bytes))
                examinations: dict[str, Examination] = {}
                for mutant in overlays:
                    started, name = time.perf_counter(), mutant.scenario
                    if name not in examinations:
                        examinations[name] = _examination(project, runner, name, common)
                    outcome = overlay_outcome(mutant, examinations[name], common.keys[name])
                    outcomes.append(outcome.timed(time.perf_counter() - started))
        for mutant in edits:
            started = time.perf_counter()
            with _edited(copy, mutant):
                outcome = _try_edited(mutant, copy, common)
            outcomes.append(outcome.timed(time.perf_counter() - started))
    return [outcome.as_json() for outcome in outcomes]


def copied(common: Setting) -> AbstractContextManager[Path]:
    """A copy of the repository for mutants."""
    return repository_copy(Path(common.root), Path(common.state), Path(common.objects), Path(common.copies))


@contextlib.contextmanager
def opened_copy(copy: Path, common: Setting) -> Iterator[HostedProject]:
    """The project of a copy, whose process ends with the context."""
    project = replace(open_project(copy, keep_log=True), stage_seconds=common.limit_s)
    try:
        yield project
    finally:
        project.host.end()


def _examination(project: HostedProject, runner: Runner, name: str, common: Setting) -> Examination:
    return Examination(project, runner, name, common.profile, training=common.training)


@contextlib.contextmanager
def without_bytecode() -> Iterator[None]:
    """Python tells an edited file by its size and the second of its date, which two mutants may share."""
    name = "PYTHONDONTWRITEBYTECODE"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name) if before is None else os.environ.update({name: before})


@contextlib.contextmanager
def _edited(copy: Path, mutant: Mutant) -> Iterator[None]:
    """The copy with the fault in it."""
    if not mutant.data:
        yield
        return
    path = copy / mutant.data["file"]
    content = path.read_bytes()
    path.write_bytes(mutated_content(mutant, content))
    try:
        yield
    finally:
        path.write_bytes(content)


def _try_edited(mutant: Mutant, copy: Path, common: Setting) -> MutantOutcome:
    """One scenario after another, until one catches it."""
    found: list[MutantOutcome] = []
    try:
        with opened_copy(copy, common) as project:
            runner = Runner(project.pipeline, Cache(Path(common.cache), common.cache_bytes))
            if elsewhere := [f for f in runner.sources.files() if _in_original(f, common)]:
                reason = f"{elsewhere[0]} is imported from the repository itself, not from its copy"
                return MutantOutcome(mutant, "untried", reason=reason)
            for name in common.scenarios:
                examination = _examination(project, runner, name, common)
                found.append(tried(mutant, examination, common.keys[name]))
                if found[-1].fate == "caught":
                    return found[-1]
    except ENDS_VERIFICATION as error:
        words = f"{error} {getattr(error, 'details', '')}"
        named = bool(mutant.data) and Path(mutant.data["file"]).name in words
        first = mutant.stages[0] if named and mutant.stages else ""
        return MutantOutcome(mutant, "caught", "error", "", "", "", str(error), first)
    except Exception as error:  # of this trial alone, such as a full disk: it says nothing of the guard
        return untried(mutant, error)
    return let_pass(mutant, [s for outcome in found for s in outcome.slack])


def _in_original(file: Path, common: Setting) -> bool:
    return Path(os.path.realpath(file)).is_relative_to(common.root)
