"""The runs of an ensemble: each member as a scenario, and many of them side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.project import Project
from harness.core.protocol import Artifact, Scenario
from harness.host.cluster.engine import Engine, compute_ahead
from harness.host.project import project_at_work
from harness.run.jobs import Job
from harness.run.runner import Runner
from harness.run.shared.cache import project_cache
from harness.verify.examination import Examination


def ensemble_member(examination: Examination, number: int, rounding: str = "") -> Scenario:
    """One member of the ensemble, as a scenario; with ``rounding`` that key's value is one more than its number."""
    if rounding:
        name, profile = examination.scenario.name, examination.scenario.profile
        return examination.project.scenario(name, profile, rounding_overrides(rounding, number))
    scenario, reseed = examination.scenario, examination.pipeline.reseed
    assert reseed is not None
    return dataclasses.replace(scenario, config=reseed(scenario.config, number))


def rounding_overrides(rounding: str, number: int) -> list[str]:
    """What makes a member of an ensemble of one seed: the key that moves a run, and the member's number from 1 on."""
    return [f"{rounding}={number + 1}"]


def run_artifacts(runner: Runner, scenario: Scenario) -> dict[str, Artifact]:
    """Every artifact of a whole run; raises HarnessError where a stage fails."""
    artifacts = {}
    for outcome in runner.chain(scenario, [s for s in runner.pipeline.stages if s.main]):
        if outcome.observed is None:
            raise HarnessError(
                f"{scenario.name}: stage {outcome.stage.name} failed: {outcome.error or outcome.blocked}"
            )
        artifacts[outcome.stage.artifact] = outcome.observed.artifact()
    return artifacts


def compute_members(
    project: Project,
    runner: Runner,
    scenario: Scenario,
    variants: Sequence[Sequence[str]],
    members: Sequence[int | None],
    engine: Engine,
) -> None:
    """Fill the runner's cache with members of an ensemble, each with each of the ``variants``, which are overrides.

    None among the members is the scenario itself. Of the stages that several share, one computes and the others wait.
    """
    place = (scenario.name, scenario.profile)
    where = {"root": str(project.root), "cache": str(runner.cache.folder), "scenario": place[0], "profile": place[1]}
    jobs = [
        Job(f"{__name__}:compute_member", {**where, "number": number, "overrides": list(overrides)})
        for number in members
        for overrides in variants
    ]

    def progressed(done: int, total: int, note: str) -> None:
        if runner.watcher:
            runner.watcher(*place, "members", done, total, note)

    compute_ahead(engine, project, runner.cache, jobs, progressed)


def compute_ensemble(examination: Examination, numbers: Sequence[int], engine: Engine, rounding: str = "") -> None:
    """Fill the cache with the scenario itself and with members of its ensemble."""
    project, runner, scenario = examination.project, examination.runner, examination.scenario
    if not rounding:
        compute_members(project, runner, scenario, [()], [None, *numbers], engine)
        return
    moved = [(), *(rounding_overrides(rounding, n) for n in numbers)]
    compute_members(project, runner, scenario, moved, [None], engine)


def compute_member(
    root: str, cache: str, scenario: str, profile: str, number: int | None, overrides: list[str]
) -> None:
    """One member's stages, into the cache: the job of a worker process."""
    project = project_at_work(root)
    runner = Runner(project.pipeline, project_cache(project, Path(cache)))
    examination = Examination(project, runner, scenario, profile, overrides)
    run_artifacts(runner, examination.scenario if number is None else ensemble_member(examination, number))
