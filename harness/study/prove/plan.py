"""Which mutants there can be of a guarded repository, as its files are now."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from harness.core.errors import GoldenError
from harness.core.files import dump_json, parse_json, write_file
from harness.core.project import Project
from harness.core.protocol import Json
from harness.run.cache import Cache
from harness.run.jobs import Executor, Job, JobError
from harness.run.runner import Runner
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.faults.outputs import output_mutants
from harness.study.prove.faults.reached import reached_source
from harness.study.prove.faults.settings import setting_mutants
from harness.study.prove.faults.source import source_mutants
from harness.study.prove.trial.baseline import Baseline
from harness.verify.examination import Examination

IDLE_JOB = "harness.study.prove.trial.coverage:find_idle_lines"


def every_mutant(
    project: Project,
    runner: Runner,
    examinations: Mapping[str, Examination],
    baseline: Baseline,
    cache: Cache,
    kinds: Collection[str],
) -> Iterator[Mutant]:
    """Every fault of some kinds; raises ProjectError where those of the source need a library that is not there."""
    for name, examination in examinations.items():
        verified = {artifact for _, artifact in examination.artifacts}
        stages = [stage for stage in project.pipeline.stages if stage.artifact in verified]
        if "output" in kinds:
            for stage in stages:
                yield from _of_outputs(stage.name, stage.artifact, name, examination, baseline, cache)
        for mutant in setting_mutants(examination.scenario, stages) if {"setting", "configuration"} & {*kinds} else ():
            if mutant.kind in kinds:
                yield mutant
    if "source" in kinds and examinations:
        artifacts = [name for examination in examinations.values() for name in examination.artifacts]
        reached = reached_source(project.pipeline, runner.sources, list(dict.fromkeys(artifacts)))
        yield from source_mutants(project.root.resolve(), reached)


def _of_outputs(
    stage: str, artifact: str, scenario: str, examination: Examination, baseline: Baseline, cache: Cache
) -> Iterator[Mutant]:
    """The faults of a stage's output: of the whole run where that is verified, else of the replay."""
    keys = baseline.keys[scenario]
    tracks = [track for track, name in examination.artifacts if name == artifact]
    track = examination.profile if examination.profile in tracks else tracks[0]
    item = cache.get(keys[f"{track}/{artifact}"][0])
    if item is not None:
        yield from output_mutants(stage, scenario, item.output())


def idle_of(
    mutants: Sequence[Mutant], setting: Mapping[str, Json], executor: Executor, kept: Path
) -> dict[str, list[int]]:
    """By file, the lines that nothing runs, of those files that have mutants; the answer is ``kept``.

    Where it cannot be told, every line counts as one that runs.
    """
    files = sorted({mutant.data["file"] for mutant in mutants if mutant.kind == "source"})
    if not files:
        return {}
    with contextlib.suppress(OSError, GoldenError, TypeError, KeyError):
        told = parse_json(kept.read_bytes(), kept.name)
        if set(files) <= set(told):
            return dict(told)
    future = executor.submit(Job(IDLE_JOB, {"setting": dict(setting), "files": files}))
    try:
        idle = future.result() or {}
    except JobError:
        return {}
    if idle:
        write_file(kept, dump_json(idle))
    return dict(idle)


def is_idle(mutant: Mutant, idle: Mapping[str, Sequence[int]]) -> bool:
    """Whether a mutant is in a line that nothing runs."""
    return mutant.kind == "source" and int(mutant.place.rpartition(":")[2]) in idle.get(mutant.data["file"], ())
