"""What is odd in an ensemble: members that are far from all others, values that move and should not, and the like."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact, Json
from harness.judge.comparison import compare_artifact
from harness.judge.ensemble import Interval, interval, lies_outside, on_scale, outliers
from harness.judge.statistics.joint import TOGETHER, together
from harness.verify.ensembles.draws import Drawn, Pooled
from harness.verify.examination import Examination

_SHOWN = 5  # addresses by which an excluded member is recorded


def resolutions(pooled: Pooled, held: Mapping[str, Interval]) -> dict[str, float]:
    """The resolution of every value whose members are nearer to each other than that."""
    steps = {a: pooled.steps[a] for a in pooled.draws if a in held}
    own = {
        a: interval(pooled.draws[a], held[a].alpha, held[a].values, logarithmic=a in pooled.logarithmic) for a in steps
    }
    return {address: step for address, step in steps.items() if own[address].detectable < step}


def held_intervals(pooled: Pooled, alpha: float, values: int) -> dict[str, Interval]:
    """The interval of every address that has one: not of what is not finite."""
    held = {}
    for address, draws in pooled.draws.items():
        with contextlib.suppress(GoldenError):
            held[address] = interval(draws, alpha, values, pooled.steps[address], address in pooled.logarithmic)
    return held | {a: interval(lengths, alpha, values, 1.0) for a, lengths in pooled.lengths.items()}


def far_members(pooled: Pooled, seeds: Sequence[int], rate: float) -> dict[str, tuple[int, ...]]:
    """The seeds of the members that are outliers, by address; ``rate``: of false alarms at each."""
    every = {address: pooled.as_judged(address) for address in (*pooled.draws, *pooled.lengths)}
    found = {a: tuple(seeds[i] for i in outliers(draws, rate, step)) for a, (draws, step) in every.items()}
    return {address: members for address, members in found.items() if members}


def own_outside(held: Mapping[str, Interval], own: Drawn) -> tuple[str, ...]:
    """Where the scenario's own run, which is one more draw, is outside the interval that the members give."""
    mine = {**own.lengths, **{a: x for a, x in own.numbers.items() if a not in own.arrays}}
    return tuple(a for a, i in held.items() if a in mine and not i.low <= mine[a] <= i.high)


def own_far(about: Mapping[str, Json], own: Drawn) -> tuple[str, ...]:
    """``TOGETHER`` where the values of the scenario's own run are, all in all, too far from the members'."""
    joint = together(about)
    return (TOGETHER,) if joint and joint.distance(own.numbers)[0] > joint.limit else ()


def reasons_to_exclude(drawn: Drawn, pooled: Pooled, rate: float) -> list[str]:
    """Where a member that is left out is an outlier of the others; none where it is no outlier."""
    away = []
    for address in (*pooled.draws, *pooled.lengths):
        lengths = address in pooled.lengths
        given = drawn.lengths.get(address, 0) if lengths else drawn.numbers.get(address, math.nan)
        value = on_scale(given, address in pooled.logarithmic)
        draws, step = pooled.as_judged(address)
        if not math.isfinite(value) or lies_outside(value, draws, rate, step):
            away.append(address)
    return away[:_SHOWN]


def restless_values(
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
