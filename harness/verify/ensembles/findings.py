"""What an ensemble says of a run as a whole: its values together, and whether it is too good to be true.

That several values of a run lie far on their better side, or that a loss falls faster than in any healthy run, is no
failure of a rule; it is what a leak looks like (data that the network is tested on, or the truth, among what it is
trained on). MLPerf's check of reference convergence points rejects such runs; here it is a warning, with its number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.core.ids import ENSEMBLE
from harness.core.protocol import Json
from harness.core.text import count
from harness.core.trees import FLOAT, leaves
from harness.core.verdicts import Status, Verdict
from harness.judge.ensemble import Interval, alone_rate, quantile
from harness.judge.kinds import as_number, kind_of
from harness.judge.statistics.joint import TOGETHER, together
from harness.verify.ensembles.sharpness import sharpness

if TYPE_CHECKING:
    from harness.verify.examination import Examination

TOO_GOOD = "too_good"
_NAMED = 3  # values that a message names
_SHORTEST = 4  # items of a curve
_LEAK = "before it is accepted, see whether what it is tested on, or the truth, reaches training"


def statistical_findings(examination: Examination) -> tuple[Verdict, ...]:
    """The verdict on the values together, where the ensemble judges them so, and a warning where they are too good."""
    golden = examination.golden(examination.profile, ENSEMBLE)
    if golden is None or examination.runs.failed_stage():
        return ()
    about, run = golden.artifact.values, run_numbers(examination)
    sides = {
        a: str(r.terms["better"]) for a in about["draws"] if (r := examination.rules.find(a)) and "better" in r.terms
    }
    return (*judged_together(about, run), *too_good(about, run, examination.ensemble, sides))


def run_numbers(examination: Examination) -> dict[str, float]:
    """Every number of the run by its address."""
    found: dict[str, float] = {}
    for stage in (s for s in examination.pipeline.stages if s.main):
        artifact = examination.obtained(examination.profile, stage.artifact)
        prefix = examination.prefix(examination.profile, stage.artifact)
        for path, value in leaves(artifact.values) if artifact else ():
            if kind_of(value) in ("integer", "float"):
                try:
                    found[(prefix + path).removesuffix(f"/{FLOAT}")] = float(as_number(value))
                except OverflowError:
                    found[prefix + path] = math.inf
    return found


def judged_together(about: Mapping[str, Json], run: Mapping[str, float]) -> Iterator[Verdict]:
    """The verdict on what an ensemble judges together; none of an ensemble that judges each value alone."""
    joint = together(about)
    if joint is None:
        return
    allowed = f"a distance of at most {math.sqrt(joint.limit):.3g} ({len(joint.members)} members)"
    judged = dict(zip(joint.addresses, joint.judged(run), strict=True))
    if lost := [a for a, value in judged.items() if not math.isfinite(value)]:
        positive = ", or not positive as in every member" if lost[0] in joint.logarithmic else ""
        message = (
            f"{count(len(joint.addresses), 'value')} cannot be judged together: {lost[0]} is not there, or not "
            f"finite{positive}"
        )
        yield Verdict(TOGETHER, Status.FAIL, "statistical", message, allowed=allowed)
        return
    squared, shares = joint.distance(run)
    distance, used = math.sqrt(squared), math.sqrt(squared / joint.limit)
    named = ", ".join(f"{a} ({100 * share:.0f} %)" for a, share in list(shares.items())[:_NAMED])
    what = f"{count(len(joint.addresses), 'value')}, judged together, are {distance:.3g} from the ensemble"
    if used <= 1:
        yield Verdict(TOGETHER, Status.PASS, "statistical", what, "", None, distance, allowed, used)
        return
    why = f"{what}, {used:.3g} times as far as a healthy run may be; most of it by {named}"
    yield Verdict(TOGETHER, Status.FAIL, "statistical", why, "", None, distance, allowed, used)


def too_good(
    about: Mapping[str, Json], run: Mapping[str, float], held: Mapping[str, Interval], sides: Mapping[str, str]
) -> Iterator[Verdict]:
    """A warning where values lie beyond their interval on the side that is better, or a curve gets there too fast."""
    better = []
    for address, side in sides.items():
        interval, value = held.get(address), run.get(address, math.nan)
        if interval and (value > interval.high if side == "higher" else value < interval.low):
            off = interval.away(value) / interval.scatter if interval.scatter else math.inf
            better.append(
                (off, f"{address} is {value:.6g}, {off:.3g} standard deviations better than {interval.mean:.6g}")
            )
    sentences = [sentence for _, sentence in sorted(better, reverse=True)]
    sentences += too_fast(about, run)
    if sentences:
        more = f" and {len(sentences) - _NAMED} more" if len(sentences) > _NAMED else ""
        message = f"better than the ensemble: {'; '.join(sentences[:_NAMED])}{more}: {_LEAK}"
        yield Verdict(
            TOO_GOOD, Status.WARNING, "statistical", message, "", None, len(sentences), "no healthy run's limit"
        )


def too_fast(about: Mapping[str, Json], run: Mapping[str, float]) -> list[str]:
    """A sentence for each curve that reaches the level where all members end sooner than a healthy run does."""
    found, rate = [], 2 * alone_rate(about) / about["values"]  # of one side
    for path, curves in _curves(about["draws"]).items():
        own = np.array([run.get(f"{path}/{i}", math.nan) for i in range(curves.shape[1])])
        falls = np.all(curves[:, -1] < curves[:, 0])
        if not (falls or np.all(curves[:, -1] > curves[:, 0])) or not np.isfinite(own).all():
            continue
        sign = 1.0 if falls else -1.0
        level = float(np.max(sign * curves[:, -1]))
        epochs = np.array([_reached(sign * curve, level) for curve in curves])
        n, mine = len(epochs), _reached(sign * own, level)
        scatter = max(float(epochs.std(ddof=1)), 1 / math.sqrt(12))  # epochs come one by one
        soonest = float(epochs.mean()) - quantile(n - 1, rate) * math.sqrt(1 + 1 / n) * scatter
        if mine < soonest:
            found.append(
                f"{path} reaches {sign * level:.6g} after {mine:.3g} of {curves.shape[1] - 1} steps, and no healthy "
                f"run before {soonest:.3g} (members: {epochs.mean():.3g})"
            )
    return found


def _curves(draws: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """The lists of an ensemble that are curves, each (members, items)."""
    lists: dict[str, dict[int, Sequence[float]]] = {}
    for address, drawn in draws.items():
        path, _, item = address.rpartition("/")
        if item.isdigit():
            lists.setdefault(path, {})[int(item)] = drawn
    whole = {p: items for p, items in lists.items() if len(items) >= _SHORTEST and set(items) == set(range(len(items)))}
    return {p: np.array([items[i] for i in range(len(items))], dtype=np.float64).T for p, items in whole.items()}


def _reached(curve: np.ndarray[tuple[int], np.dtype[np.float64]], level: float) -> float:
    """At which step, between two by the straight line, a falling curve first is at a level; its end where never."""
    below = np.flatnonzero(curve <= level)
    if not below.size:
        return float(len(curve) - 1)
    i = int(below[0])
    if i == 0:
        return 0.0
    return i - float((level - curve[i]) / (curve[i - 1] - curve[i]))


def summary_of(examination: Examination) -> Json:
    """How sharp and how calm the scenario's ensemble is, for its report; None without one."""
    golden = examination.golden(examination.profile, ENSEMBLE)
    if golden is None or not examination.ensemble:
        return None
    return sharpness(golden.artifact.values, examination.ensemble).to_json()
