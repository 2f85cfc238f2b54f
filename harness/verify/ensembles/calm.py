"""How often an ensemble cries wolf: as promised, and as its own members and further runs measure it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact, Json
from harness.judge.ensemble import as_judged, intervals, logarithmic_of
from harness.judge.statistics.joint import TOGETHER, Together, left_out_distances, together
from harness.judge.statistics.rates import CONFIDENCE, MeasuredRate, left_out_alarms


@dataclass(frozen=True)
class AlarmRates:
    """How often a healthy run of the scenario fails by its statistical values.

    ``promised``: at most, of all runs. ``left_out``: members that lie outside the intervals which the other members
    give. ``held_out``: further runs outside the ensemble's intervals. ``alarms``: at which values, by the run's seed.
    """

    promised: float
    left_out: MeasuredRate
    held_out: MeasuredRate | None
    alarms: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict[str, Json]:
        """As JSON: rates, counts and limits at the stated confidence."""
        measured = {"left_out": self.left_out, "held_out": self.held_out}
        found = {
            name: {"alarms": rate.count, "runs": rate.trials, "low": rate.low, "high": rate.high}
            for name, rate in measured.items()
            if rate is not None
        }
        where = {seed: list(addresses) for seed, addresses in self.alarms.items()}
        return {"promised": self.promised, "confidence": CONFIDENCE, **found, "where": where}

    @property
    def sentence(self) -> str:
        """In words, the measured rates beside the promised one."""
        parts = [f"each member held against the others: {self.left_out.text}"]
        parts += [f"runs held out: {self.held_out.text}"] if self.held_out else []
        return (
            f"false alarms: promised in at most {100 * self.promised:.2g} % of healthy runs; measured, with their "
            f"{100 * CONFIDENCE:.0f} % intervals, {'; '.join(parts)}"
        )


def alarm_rates(ensemble: Mapping[str, Json]) -> AlarmRates | None:
    """The rates of an ensemble's values; None of one that has no value, or whose values no interval holds."""
    try:
        held = intervals(Artifact(ensemble))
    except GoldenError:
        return None
    if not held:
        return None
    seeds, steps, logarithmic = ensemble["seeds"], ensemble.get("resolution", {}), logarithmic_of(ensemble)
    one = next(iter(held.values()))
    rate = one.alpha / one.values
    judged = {a: as_judged(drawn, a in logarithmic, steps.get(a, 0.0)) for a, drawn in ensemble["draws"].items()}
    judged |= {a: (lengths, 1.0) for a, lengths in ensemble.get("lengths", {}).items()}
    alone = left_out_alarms({a: d for a, (d, _) in judged.items()}, rate, {a: s for a, (_, s) in judged.items()})
    joint = together(ensemble)
    if joint:
        far = left_out_distances(joint.members) > joint.limit
        alone = tuple(out + ((TOGETHER,) if beyond else ()) for out, beyond in zip(alone, far, strict=True))
    alarms = {str(seed): out for seed, out in zip(seeds, alone, strict=True) if out}
    left_out = MeasuredRate(sum(map(bool, alone)), len(alone))
    further, apart = ensemble.get("held_out"), None
    if further:
        found = {**further["draws"], **further.get("lengths", {})}
        outside = [
            tuple(a for a, i in held.items() if a in found and not i.low <= found[a][run] <= i.high)
            + _far(joint, {a: found[a][run] for a in found})
            for run in range(len(further["seeds"]))
        ]
        apart = MeasuredRate(sum(map(bool, outside)), len(outside))
        alarms |= {str(seed): out for seed, out in zip(further["seeds"], outside, strict=True) if out}
    promised = rate * len(held) + (joint.rate if joint else 0.0)
    return AlarmRates(promised, left_out, apart, alarms)


def _far(joint: Together | None, run: Mapping[str, float]) -> tuple[str, ...]:
    return (TOGETHER,) if joint and joint.distance(run)[0] > joint.limit else ()
