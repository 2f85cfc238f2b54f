"""Make an ensemble: full runs that differ in nothing but their training seeds, and what varied among them."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import GoldenError, HarnessError, ProjectError
from harness.core.project import Project
from harness.core.protocol import Artifact, Json, Scenario
from harness.host.cluster.engine import ALONE, Engine, compute_ahead
from harness.host.project import project_at_work
from harness.judge.comparison import compare_artifact
from harness.judge.ensemble import SMALLEST_ENSEMBLE, Interval, interval, lies_outside, outliers
from harness.run.cache import Cache
from harness.run.jobs import Job
from harness.run.runner import Runner
from harness.run.shared.cache import project_cache
from harness.verify.ensembles.draws import Drawn, Pooled, member_draws, pool
from harness.verify.examination import Examination

_SHOWN = 5  # addresses by which an excluded member is recorded


@dataclass(frozen=True)
class Calibration:
    """An ensemble that may become golden, and what its author should know.

    ``restless``: values that vary though no interval allows it. ``still``: values with an interval
    that do not vary at all; a tighter rule would do. ``outliers``: the members' seeds by the address at which they are
    far from all others. ``outside``: where the scenario's own run is. ``decided``: whether somebody said what to do
    about both, or there is neither; else the ensemble is not kept.
    """

    ensemble: Artifact
    restless: tuple[str, ...]
    still: tuple[str, ...]
    outliers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    decided: bool = True

    def told(self) -> dict[str, Json]:
        """What its author should know, as JSON."""
        far = {address: list(members) for address, members in self.outliers.items()}
        named = {"restless": self.restless, "still": self.still, "outside": self.outside}
        return {"outliers": far, **{name: list(addresses) for name, addresses in named.items()}}


@dataclass(frozen=True)
class Decision:
    """What its author says of outliers: leave the members ``excluded`` out, or keep them all; and why."""

    excluded: tuple[int, ...] = ()
    keep: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.excluded or self.keep) and not self.reason.strip():
            raise ProjectError("to exclude a member, or to keep outliers, needs a reason for the record: give --reason")
        if self.excluded and self.keep:
            raise ProjectError("members are either excluded or kept: give --exclude or --keep-outliers")
        if bad := [n for n in self.excluded if n < 0]:
            raise ProjectError(f"--exclude {bad[0]}: members are numbered from 0")


def calibrate_scenario(
    examination: Examination,
    cache: Cache,
    *,
    members: int,
    alpha: float,
    values: int,
    engine: Engine = ALONE,
    decision: Decision = Decision(),
) -> Calibration:
    """Run ``members`` members, besides those that are excluded, and pool what the scenario's interval rules speak of.

    ``alpha``: the suite's false-alarm rate, shared by ``values`` values. Raises ProjectError for a
    pipeline without ``reseed``, for fewer than eight members, and where a member is excluded that is no outlier.
    """
    pipeline = examination.pipeline
    if pipeline.reseed is None:
        raise ProjectError(f"pipeline {pipeline.name!r} has no reseed: without seeds there is no ensemble")
    if members < SMALLEST_ENSEMBLE:
        raise ProjectError(f"{members} members are too few for an interval: at least {SMALLEST_ENSEMBLE} are needed")
    project, scenario = examination.project, examination.scenario
    seeds = list(itertools.islice((n for n in itertools.count() if n not in decision.excluded), members))
    if engine.ahead:
        compute_members(project, examination.runner, scenario, [()], [None, *seeds, *decision.excluded], engine)
    base = run_artifacts(examination.runs.runner, scenario)
    runs = {seed: _member(examination, seed) for seed in seeds}
    own = member_draws(examination, base, base)
    drawn = {seed: member_draws(examination, base, artifacts) for seed, artifacts in runs.items()}
    pooled = pool(examination, own, drawn)
    rate = alpha / max(len(pooled.draws) + len(pooled.lengths), 1)
    far, held = _outliers(pooled, seeds, rate), _intervals(pooled, alpha, values)
    excluded = {str(n): _why_excluded(examination, base, n, pooled, rate) for n in decision.excluded}
    if decision.keep and (lost := [a for a in pooled.draws if a not in held]):
        raise ProjectError(
            f"no interval holds {lost[0]} of members {far.get(lost[0])}, so they cannot be kept: exclude them"
        )
    outside = _outside(held, own)
    about = _document(examination, seeds, pooled, alpha, values)
    if narrow := _narrow(pooled, held):
        about["resolution"] = narrow
    if excluded:
        about["decision"] = {"excluded": excluded, "reason": decision.reason.strip()}
    if decision.keep and (far or outside):
        kept = {"outliers": {a: list(n) for a, n in far.items()}, "outside": list(outside)}
        about["decision"] = {"kept": kept, "reason": decision.reason.strip()}
    still = tuple(a for a, d in pooled.draws.items() if len(set(d)) == 1)
    restless = _restless(examination, base, runs, pooled.lengths)
    return Calibration(Artifact(about), restless, still, far, outside, decision.keep or not (far or outside))


def _document(
    examination: Examination, seeds: Sequence[int], pooled: Pooled, alpha: float, values: int
) -> dict[str, Json]:
    """The ensemble's values; what only some ensembles need is there only if it is needed."""
    scenario = examination.scenario
    document: dict[str, Json] = {
        "alpha": alpha,
        "values": values,
        "seeds": list(seeds),
        "draws": pooled.draws,
        "how": {
            "command": f"harness calibrate {scenario.name} --profile {scenario.profile} --members {len(seeds)}",
            "distance": "arrays: root mean square of the difference from the scenario's own run",
        },
    }
    if pooled.lengths:
        document["lengths"] = pooled.lengths
    return document


def _narrow(pooled: Pooled, held: Mapping[str, Interval]) -> dict[str, float]:
    """The resolution of every value whose members are nearer to each other than that."""
    steps = {a: pooled.steps[a] for a in pooled.draws if a in held}
    own = {a: interval(pooled.draws[a], held[a].alpha, held[a].values) for a in steps}
    return {address: step for address, step in steps.items() if own[address].detectable < step}


def _intervals(pooled: Pooled, alpha: float, values: int) -> dict[str, Interval]:
    """The interval of every address that has one: not of what is not finite."""
    held = {}
    for address, draws in pooled.draws.items():
        with contextlib.suppress(GoldenError):
            held[address] = interval(draws, alpha, values, pooled.steps[address])
    return held | {a: interval(lengths, alpha, values, 1.0) for a, lengths in pooled.lengths.items()}


def _outliers(pooled: Pooled, seeds: Sequence[int], rate: float) -> dict[str, tuple[int, ...]]:
    """The seeds of the members that are outliers, by address; ``rate``: of false alarms at each."""
    every = {**{a: (d, pooled.steps[a]) for a, d in pooled.draws.items()}}
    every |= {a: ([float(n) for n in lengths], 1.0) for a, lengths in pooled.lengths.items()}
    found = {a: tuple(seeds[i] for i in outliers(draws, rate, step)) for a, (draws, step) in every.items()}
    return {address: members for address, members in found.items() if members}


def _outside(held: Mapping[str, Interval], own: Drawn) -> tuple[str, ...]:
    """Where the scenario's own run, which is one more draw, is outside the interval that the members give."""
    mine = {**own.lengths, **{a: x for a, x in own.numbers.items() if a not in own.arrays}}
    return tuple(a for a, i in held.items() if a in mine and not i.low <= mine[a] <= i.high)


def _why_excluded(
    examination: Examination, base: Mapping[str, Artifact], number: int, pooled: Pooled, rate: float
) -> list[str]:
    """Where an excluded member is an outlier of the others; raises ProjectError where it is none."""
    try:
        drawn = member_draws(examination, base, _member(examination, number))
    except HarnessError as error:
        return [str(error)]
    away = [
        a
        for a, d in pooled.draws.items()
        if a not in drawn.numbers
        or not math.isfinite(drawn.numbers[a])
        or lies_outside(drawn.numbers[a], d, rate, pooled.steps[a])
    ]
    away += [a for a, d in pooled.lengths.items() if lies_outside(drawn.lengths.get(a, 0), d, rate, 1.0)]
    if not away:
        raise ProjectError(f"member {number} is no outlier of the others: there is nothing to exclude it for")
    return away[:_SHOWN]


def _member(examination: Examination, number: int) -> dict[str, Artifact]:
    """A member's artifacts; raises HarnessError that names it where a stage fails."""
    try:
        return run_artifacts(examination.runs.runner, ensemble_member(examination, number))
    except HarnessError as error:
        raise HarnessError(f"member {number}: {error}: `--exclude {number} --reason ...` leaves it out") from error


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


def _restless(
    examination: Examination,
    base: Mapping[str, Artifact],
    runs: Mapping[int, Mapping[str, Artifact]],
    lengths: Mapping[str, list[int]],
) -> tuple[str, ...]:
    """Addresses outside the ensemble's rules in which some member differs from the scenario's own run."""
    broken: set[str] = set()
    for artifacts in runs.values():
        for name, artifact in artifacts.items():
            prefix = examination.prefix(examination.profile, name)
            tier = examination.runs.stage(name).tier
            for verdict in compare_artifact(base[name], artifact, examination.rules, prefix, {}, tier):
                rule = examination.rules.find(prefix + verdict.path)
                allowed = (rule and rule.policy.ensemble) or prefix + verdict.path in lengths
                if verdict.status.failed and not allowed:
                    broken.add(prefix + verdict.path)
    return tuple(sorted(broken))


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


def compute_member(
    root: str, cache: str, scenario: str, profile: str, number: int | None, overrides: list[str]
) -> None:
    """One member's stages, into the cache: the job of a worker process."""
    project = project_at_work(root)
    runner = Runner(project.pipeline, project_cache(project, Path(cache)))
    examination = Examination(project, runner, scenario, profile, overrides)
    run_artifacts(runner, examination.scenario if number is None else ensemble_member(examination, number))
