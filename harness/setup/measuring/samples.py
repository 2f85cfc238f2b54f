"""Every stage of every scenario, run once as it is, and again under changes that should not matter."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.core.protocol import Artifact, Json, Output, Scenario, Stage
from harness.host.project import HostedProject, open_project
from harness.run.runner import Runner, Watcher
from harness.run.work import StageRun
from harness.setup.measuring.nudges import nudged
from harness.verify.rule_gaps import values_by_address
from harness.verify.running.stage_runs import whole_output
from harness.verify.suite import open_cache

AGAIN, THREADS, ULP = "another process", "another number of threads", "inputs moved by one ulp"
_NUDGES = 2
_COUNTS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS"),
)


@dataclass
class Sample:
    """One artifact of a scenario: ``base`` as it is, and by the kind of change what came of it, or why nothing did.

    ``replayed``: it is all of the output of the stage at the replay's profile.
    """

    scenario: str
    stage: Stage
    replayed: bool
    base: Artifact
    others: list[tuple[str, Artifact | str]] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """What stands before the paths of its values in addresses."""
        return f"replay/{self.stage.artifact}/" if self.replayed else f"{self.stage.artifact}/"


@dataclass
class Measured:
    """All samples, and what went wrong with the stages as they are: one sentence each.

    ``stored``: by scenario and address, the values of outputs that a replay only stores; ``complete``: every scenario
    could run here.
    """

    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    failed: bool = False
    stored: dict[str, dict[str, Json]] = field(default_factory=dict)
    complete: bool = True


@dataclass
class _Chain:
    """The stages of one scenario and profile, as they are."""

    scenario: Scenario
    replayed: bool
    runs: Mapping[str, StageRun]
    outputs: Mapping[str, Output]
    samples: Mapping[str, Sample]


def take_samples(project: HostedProject, watcher: Watcher | None, repeat: bool) -> Measured:
    """Run every scenario that can run here; ``repeat``: and its stages again, under changes that should not matter."""
    measured, chains = Measured(), []
    with open_cache(project) as cache:
        runner = Runner(project.pipeline, cache, watcher)
        for name in sorted(project.pipeline.scenarios()):
            for replayed in (False, True):
                chain = _first(project, runner, name, replayed, measured)
                chains += [chain] if chain else []
    if repeat and not measured.failed:
        _again(project, chains, watcher)
    return measured


def _first(project: HostedProject, runner: Runner, name: str, replayed: bool, measured: Measured) -> _Chain | None:
    profile = project.pipeline.replay_profile if replayed else project.profile
    scenario = project.scenario(name, profile)
    if scenario.missing:
        measured.problems.append(f"{name} cannot run here, so that nothing is drafted from it: {scenario.missing}")
        measured.complete = False
        return None
    stages = [s for s in project.pipeline.stages if (s.replay != "no" if replayed else s.main)]
    runs = {run.stage.name: run for run in runner.chain(scenario, stages)}
    outputs: dict[str, Output] = {}
    samples: dict[str, Sample] = {}
    for stage in (run.stage for run in runs.values()):
        run = runs[stage.name]
        if run.error:
            whose = "" if run.error.startswith("stage ") else f"stage {stage.name}: "
            measured.problems.append(f"{name} ({profile}): {whose}{run.error}")
        measured.problems += [f"{name} ({profile}): stage {stage.name} {problem}" for problem in run.problems]
        if run.item is None:
            measured.failed = True
            continue
        outputs[stage.name] = run.item.output()
        seen = whole_output(outputs[stage.name]) if replayed else run.observed.artifact() if run.observed else None
        if seen is not None and (not replayed or stage.replay == "verify"):
            samples[stage.name] = Sample(name, stage, replayed, seen)
        elif seen is not None:
            values = values_by_address(seen, f"replay/{stage.artifact}/")
            measured.stored.setdefault(name, {}).update(values)
    measured.samples += samples.values()
    return _Chain(scenario, replayed, runs, outputs, samples)


def _again(project: HostedProject, chains: Sequence[_Chain], watcher: Watcher | None) -> None:
    """Every stage in two more processes: on the same inputs, and on inputs that are moved."""
    project.host.end()
    with _fresh(project, watcher) as runner:
        for chain in chains:
            for sample in chain.samples.values():
                _repeat(runner, chain, sample, AGAIN)
            for seed in range(_NUDGES):
                _nudge(runner, chain, seed)
    with _threads(), _fresh(project, watcher) as runner:
        for chain in chains:
            for sample in chain.samples.values():
                _repeat(runner, chain, sample, THREADS)


@contextmanager
def _fresh(project: HostedProject, watcher: Watcher | None) -> Iterator[Runner]:
    """A runner with a process of its own, and nothing in its cache."""
    other = open_project(project.root, keep_log=True)
    with open_cache(other, use=False) as cache:
        yield Runner(other.pipeline, cache, watcher)
    other.host.end()


@contextmanager
def _threads() -> Iterator[None]:
    """Libraries are told to take one thread, or two where they take one already."""
    before = {name: os.environ.get(name) for name in _COUNTS}
    one = os.cpu_count() == 1 or any(value == "1" for value in before.values())
    os.environ.update(dict.fromkeys(_COUNTS, "2" if one else "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _repeat(runner: Runner, chain: _Chain, sample: Sample, kind: str) -> None:
    inputs = {need: chain.outputs[need] for need in sample.stage.needs}
    digests = {need: chain.runs[need].key for need in inputs}
    run = runner.alone(chain.scenario, sample.stage, inputs, digests, observe=not sample.replayed)
    _note(sample, kind, run)


def _nudge(runner: Runner, chain: _Chain, seed: int) -> None:
    """Each stage on inputs that are moved: in a replay on what is stored, else on what comes of moved ones."""
    outputs = dict(chain.outputs)
    for number, (name, sample) in enumerate(chain.samples.items()):
        if not any(need in outputs for need in sample.stage.needs):
            continue
        inputs = {need: nudged(outputs[need], 100 * seed + number) for need in sample.stage.needs}
        digests = {need: f"{chain.runs[need].key} moved {seed} {chain.replayed}" for need in inputs}
        run = runner.alone(chain.scenario, sample.stage, inputs, digests, observe=not sample.replayed)
        _note(sample, ULP, run)
        if run.item is not None and not chain.replayed:
            outputs[name] = run.item.output()


def _note(sample: Sample, kind: str, run: StageRun) -> None:
    if run.item is None:
        sample.others.append((kind, run.error))
        return
    seen = whole_output(run.item.output()) if sample.replayed else run.observed.artifact() if run.observed else None
    sample.others.append((kind, seen if seen is not None else "nothing was observed"))
