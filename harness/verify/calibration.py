"""Make an ensemble: full runs that differ in nothing but their training seeds, and what varied among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import HarnessError, ProjectError
from harness.core.project import Project
from harness.core.protocol import Artifact, Scenario
from harness.core.trees import leaves
from harness.host.project import open_project
from harness.judge.comparison import compare_artifact
from harness.judge.ensemble import SMALLEST_ENSEMBLE, interval, pooled
from harness.judge.policies.interval import rms_difference
from harness.run.cache import Cache
from harness.run.runner import Runner, Watcher
from harness.verify.examination import Examination


@dataclass(frozen=True)
class Calibration:
    """An ensemble that may become golden, and what its author should know.

    ``restless``: values that vary though no interval allows it. ``still``: values with an interval
    that do not vary at all; a tighter rule would do.
    """

    ensemble: Artifact
    restless: tuple[str, ...]
    still: tuple[str, ...]


def calibrate_scenario(
    examination: Examination,
    cache: Cache,
    *,
    members: int,
    alpha: float,
    values: int,
    workers: int = 1,
    watcher: Watcher | None = None,
) -> Calibration:
    """Run ``members`` members and pool what the scenario's interval rules speak of.

    ``alpha``: the suite's false-alarm rate, shared by ``values`` values. Raises ProjectError for a
    pipeline without ``reseed``, and for fewer than eight members.
    """
    pipeline = examination.pipeline
    if pipeline.reseed is None:
        raise ProjectError(f"pipeline {pipeline.name!r} has no reseed: without seeds there is no ensemble")
    if members < SMALLEST_ENSEMBLE:
        raise ProjectError(f"{members} members are too few for an interval: at least {SMALLEST_ENSEMBLE} are needed")
    project, scenario = examination.project, examination.scenario
    if workers > 1:
        _ahead(project, cache, scenario, members, workers)
    base = run_artifacts(examination.runs.runner, scenario)
    runs = {m: run_artifacts(Runner(pipeline, cache, watcher), ensemble_member(examination, m)) for m in range(members)}
    draws = pooled({m: member_draws(examination, base, artifacts) for m, artifacts in runs.items()})
    still = tuple(a for a, d in draws.items() if interval(d, alpha, values).deviation == 0)
    ensemble = Artifact(
        {
            "alpha": alpha,
            "values": values,
            "seeds": list(range(members)),
            "draws": draws,
            "how": {
                "command": f"harness calibrate {scenario.name} --profile {scenario.profile} --members {members}",
                "distance": "arrays: root mean square of the difference from the scenario's own run",
            },
        }
    )
    return Calibration(ensemble, _restless(examination, base, runs), still)


def ensemble_member(examination: Examination, number: int) -> Scenario:
    """One member of the ensemble, as a scenario."""
    scenario, reseed = examination.scenario, examination.pipeline.reseed
    assert reseed is not None
    return dataclasses.replace(scenario, config=reseed(scenario.config, number))


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


def member_draws(
    examination: Examination, base: Mapping[str, Artifact], artifacts: Mapping[str, Artifact]
) -> dict[str, float]:
    """One member's numbers by address: values under an interval rule, and for arrays their distance from ``base``."""
    draws: dict[str, float] = {}
    for name, artifact in artifacts.items():
        prefix = examination.prefix(examination.profile, name)
        for path, value in leaves(artifact.values):
            rule = examination.rules.find(prefix + path)
            if rule and rule.policy.ensemble and isinstance(value, int | float) and not isinstance(value, bool):
                draws[prefix + path] = float(value)
        for path, array in artifact.arrays.items():
            rule = examination.rules.find(prefix + path)
            if rule and rule.policy.ensemble:
                draws[prefix + path] = rms_difference(base[name].arrays[path], array)
    return draws


def _restless(
    examination: Examination, base: Mapping[str, Artifact], runs: Mapping[int, Mapping[str, Artifact]]
) -> tuple[str, ...]:
    """Addresses outside the ensemble's rules in which some member differs from the scenario's own run."""
    broken: set[str] = set()
    for artifacts in runs.values():
        for name, artifact in artifacts.items():
            prefix = examination.prefix(examination.profile, name)
            tier = examination.runs.stage(name).tier
            for verdict in compare_artifact(base[name], artifact, examination.rules, prefix, {}, tier):
                rule = examination.rules.find(prefix + verdict.path)
                if verdict.status.failed and not (rule and rule.policy.ensemble):
                    broken.add(prefix + verdict.path)
    return tuple(sorted(broken))


def _ahead(project: Project, cache: Cache, scenario: Scenario, members: int, workers: int) -> None:
    """Fill the cache with several processes; of the stages that members share, one computes and the others wait."""
    from harness.run.jobs import Job, local_executor

    where = {
        "root": str(project.root),
        "cache": str(cache.folder),
        "scenario": scenario.name,
        "profile": scenario.profile,
    }
    jobs = [Job("harness.verify.calibration:compute_member", {**where, "number": n}) for n in range(members)]
    with local_executor(workers) as executor:
        for job in jobs:
            executor.submit(job)
        for _ in executor.as_completed():
            pass


def compute_member(root: str, cache: str, scenario: str, profile: str, number: int) -> None:
    """One member's stages, into the cache: the job of a worker process."""
    project = open_project(Path(root), keep_log=True)
    runner = Runner(project.pipeline, Cache(Path(cache), project.cache_bytes))
    run_artifacts(runner, ensemble_member(Examination(project, runner, scenario, profile), number))
