"""Make an ensemble: full runs that differ in nothing but their training seeds, and what varied among them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.errors import HarnessError, ProjectError
from harness.core.protocol import Artifact, Json
from harness.host.cluster.engine import ALONE, Engine
from harness.judge.ensemble import SMALLEST_ENSEMBLE, alone_rate
from harness.judge.statistics.joint import joint_document
from harness.run.cache import Cache
from harness.verify.ensembles import oddities
from harness.verify.ensembles.budget import shared_by
from harness.verify.ensembles.calm import AlarmRates, alarm_rates
from harness.verify.ensembles.decision import UNDECIDED, Decision
from harness.verify.ensembles.draws import Drawn, Pooled, member_draws, pool
from harness.verify.ensembles.extension import Stored, stored_members
from harness.verify.ensembles.members import compute_ensemble, ensemble_member, run_artifacts
from harness.verify.examination import Examination


@dataclass(frozen=True)
class Calibration:
    """An ensemble that may become golden, and what its author should know.

    ``restless``: values that vary though no interval allows it. ``still``: values with an interval
    that do not vary at all; a tighter rule would do. ``outliers``: the members' seeds by the address at which they are
    far from all others. ``outside``: where the scenario's own run is. ``decided``: whether somebody said what to do
    about both, or there is neither; else the ensemble is not kept. ``rates``: how often it cries wolf, as promised and
    as measured.
    """

    ensemble: Artifact
    restless: tuple[str, ...]
    still: tuple[str, ...]
    outliers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    decided: bool = True
    rates: AlarmRates | None = None

    def told(self) -> dict[str, Json]:
        """What its author should know, as JSON."""
        far = {address: list(members) for address, members in self.outliers.items()}
        named = {"restless": self.restless, "still": self.still, "outside": self.outside}
        rates = {"false_alarms": self.rates.to_json()} if self.rates else {}
        return {"outliers": far, **{name: list(addresses) for name, addresses in named.items()}, **rates}


@dataclass(frozen=True)
class _Drawing:
    """Which members an ensemble has, how each is run, and what was drawn of them so far."""

    examination: Examination
    base: Mapping[str, Artifact]
    own: Drawn
    stored: Stored
    rounding: str = ""
    runs: dict[int, Mapping[str, Artifact]] = field(default_factory=dict)

    def drawn(self, number: int) -> Drawn:
        """What a member drew: as it is stored, or from its run."""
        if number in self.stored.members:
            return self.stored.members[number]
        if number not in self.runs:
            self.runs[number] = self.run(number)
        return member_draws(self.examination, self.base, self.runs[number])

    def run(self, number: int) -> dict[str, Artifact]:
        """A member's artifacts; raises HarnessError that names it where a stage fails."""
        return _member(self.examination, number, self.rounding)

    def of(self, seeds: Sequence[int]) -> dict[int, Mapping[str, Artifact]]:
        """The artifacts of those members that ran."""
        return {n: self.runs[n] for n in seeds if n in self.runs}


def calibrate_scenario(
    examination: Examination,
    cache: Cache,
    *,
    members: int,
    alpha: float,
    values: int = 1,
    engine: Engine = ALONE,
    decision: Decision = UNDECIDED,
    held_out: int = 0,
    extend: bool = False,
    rounding: str = "",
) -> Calibration:
    """Run ``members`` members, besides those that are excluded, and pool what the scenario's interval rules speak of.

    ``alpha``: the suite's false-alarm rate, shared by all values that it judges by intervals, and by ``values`` at
    least. ``held_out``: so many more runs, of which no interval is made, tell how often it cries wolf. ``extend``: the
    members of the accepted ensemble are taken as they are stored, and only the others run. ``rounding``: the key of the
    configuration by which a run with the scenario's own seed is moved as rounding may move it, and which member it is.

    Raises ProjectError for a pipeline without ``reseed``, for fewer than eight members, where a member is excluded
    that is no outlier, and where there is nothing to extend.
    """
    _refuse_impossible(examination, members, held_out, rounding)
    stored = stored_members(examination, rounding) if extend else Stored()
    decision = stored.with_decision(decision)
    every = _numbers(stored, decision, members, held_out)
    seeds, held_seeds = every[:members], every[members:]
    if engine.ahead:
        new = [n for n in [*every, *decision.excluded] if n not in stored.members]
        compute_ensemble(examination, new, engine, rounding)
    base = run_artifacts(examination.runs.runner, examination.scenario)
    own = member_draws(examination, base, base)
    drawing = _Drawing(examination, base, own, stored.like(own), rounding)
    if extend:
        drawing.stored.check(member_draws(examination, base, drawing.run(seeds[0])), seeds[0])
    pooled = pool(examination, own, {n: drawing.drawn(n) for n in seeds})
    about, built = _built(examination, drawing, seeds, pooled, decision, (alpha, values))
    if rounding:
        about["rounding"] = rounding
        about["how"] = {**about["how"], "command": f"{about['how']['command']} --rounding {rounding}"}
    if stored.members:
        about["extends"] = stored.origin
    if held_seeds:
        outside = pool(examination, own, {n: drawing.drawn(n) for n in every})
        about["held_out"] = {"seeds": held_seeds, **_last(outside, pooled, len(held_seeds))}
    return dataclasses.replace(built, ensemble=Artifact(about), rates=alarm_rates(about))


def _refuse_impossible(examination: Examination, members: int, held_out: int, rounding: str) -> None:
    pipeline = examination.pipeline
    if rounding and ensemble_member(examination, 0, rounding).config == examination.scenario.config:
        raise ProjectError(f"--rounding {rounding}: its value 1 is the scenario's own: name the key that moves a run")
    if pipeline.reseed is None and not rounding:
        raise ProjectError(f"pipeline {pipeline.name!r} has no reseed: without seeds there is no ensemble")
    if members < SMALLEST_ENSEMBLE:
        raise ProjectError(f"{members} members are too few for an interval: at least {SMALLEST_ENSEMBLE} are needed")
    if held_out < 0:
        raise ProjectError(f"--held-out {held_out}: give how many more runs are to be held against the ensemble")


def _numbers(stored: Stored, decision: Decision, members: int, held_out: int) -> list[int]:
    """The numbers of the members, those that are stored first, and of the runs that are held out."""
    kept = [n for n in stored.seeds if n not in decision.excluded]
    if len(kept) > members:
        raise ProjectError(f"the accepted ensemble has {len(kept)} members already: --members {len(kept)} or more")
    known = {*kept, *decision.excluded}
    more: Iterator[int] = (n for n in itertools.count() if n not in known)
    return kept + list(itertools.islice(more, members + held_out - len(kept)))


def _built(
    examination: Examination,
    drawing: _Drawing,
    seeds: Sequence[int],
    pooled: Pooled,
    decision: Decision,
    budget: tuple[float, int],
) -> tuple[dict[str, Json], Calibration]:
    """The ensemble's document, and what its author should know; ``budget``: the suite's rate, and its least values."""
    alpha, here = budget[0], len(pooled.draws) + len(pooled.lengths)
    values = max(shared_by(examination, here), budget[1])
    rate = alpha / max(here, 1)
    far = oddities.far_members(pooled, seeds, rate)
    alone = [*drawing.own.arrays, *far]
    joint = {} if drawing.rounding else joint_document(pooled.draws, alone, alpha, values, pooled.logarithmic)
    held = oddities.held_intervals(pooled, alone_rate({"alpha": alpha, "joint": joint}), values)
    excluded = {str(n): _why_excluded(drawing, n, pooled, rate) for n in decision.excluded}
    if decision.keep and (lost := [a for a in pooled.draws if a not in held]):
        raise ProjectError(
            f"no interval holds {lost[0]} of members {far.get(lost[0])}, so they cannot be kept: exclude them"
        )
    about = _document(examination, seeds, pooled, alpha, values)
    if joint:
        about["joint"] = joint
    outside = oddities.own_outside(held, drawing.own) + oddities.own_far(about, drawing.own)
    if narrow := oddities.resolutions(pooled, held):
        about["resolution"] = narrow
    if excluded:
        about["decision"] = {"excluded": excluded, "reason": decision.reason.strip()}
    if decision.keep and (far or outside):
        kept = {"outliers": {a: list(n) for a, n in far.items()}, "outside": list(outside)}
        about["decision"] = {"kept": kept, "reason": decision.reason.strip()}
    still = tuple(a for a, d in pooled.draws.items() if len(set(d)) == 1)
    restless = oddities.restless_values(examination, drawing.base, drawing.of(seeds), pooled.lengths)
    decided = decision.keep or not (far or outside)
    return about, Calibration(Artifact(about), restless, still, far, outside, decided)


def _last(outside: Pooled, pooled: Pooled, count: int) -> dict[str, Json]:
    """The draws and lengths of the last ``count`` runs, at the addresses of the members."""
    drawn = {a: outside.draws[a][-count:] for a in pooled.draws if a in outside.draws}
    lengths = {a: outside.lengths[a][-count:] for a in pooled.lengths}
    return {"draws": drawn, "lengths": lengths} if lengths else {"draws": drawn}


def _why_excluded(drawing: _Drawing, number: int, pooled: Pooled, rate: float) -> list[str]:
    """Where an excluded member is an outlier of the others; raises ProjectError where it is none."""
    if number in drawing.stored.excluded:
        return drawing.stored.excluded[number]
    try:
        drawn = drawing.drawn(number)
    except HarnessError as error:
        return [str(error)]
    if reasons := oddities.reasons_to_exclude(drawn, pooled, rate):
        return reasons
    raise ProjectError(f"member {number} is no outlier of the others: there is nothing to exclude it for")


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
    if pooled.logarithmic:
        document["logarithmic"] = sorted(pooled.logarithmic)
    return document


def _member(examination: Examination, number: int, rounding: str) -> dict[str, Artifact]:
    """A member's artifacts; raises HarnessError that names it where a stage fails."""
    try:
        return run_artifacts(examination.runs.runner, ensemble_member(examination, number, rounding))
    except HarnessError as error:
        raise HarnessError(f"member {number}: {error}: `--exclude {number} --reason ...` leaves it out") from error
