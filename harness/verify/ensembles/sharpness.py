"""How sharp and how calm the statistical tier of a scenario is: the shifts that are caught, and the false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from statistics import median

from harness.core.protocol import Json
from harness.judge.ensemble import MEMBERS, Interval
from harness.judge.statistics.joint import one_thread, together
from harness.judge.statistics.joint_shifts import shifts_together
from harness.judge.statistics.power import shift_on_scale
from harness.verify.ensembles.calm import AlarmRates, alarm_rates


@dataclass(frozen=True)
class DetectableShift:
    """One statistical value: what is allowed, and the smallest shift that is caught with probability 0.9.

    It is caught by the value's own interval, or together with the others. All but ``deviations`` is in the value's own
    unit; that is the shift in standard deviations of the ensemble, as they are judged (of logarithms where the interval
    is made of them), None where the members do not scatter.
    """

    address: str
    interval: Interval
    shift: float
    deviations: float | None


@dataclass(frozen=True)
class Sharpness:
    """The statistical tier of a scenario: its values, how many members made their intervals, and how calm they are.

    ``sharing``: how many values share the false-alarm rate ``alpha``. ``together``: how many are judged together too.
    """

    members: int
    alpha: float
    sharing: int
    together: int
    values: tuple[DetectableShift, ...]
    rates: AlarmRates | None

    @property
    def median(self) -> float | None:
        """The median shift, in standard deviations of the ensemble; None without a value that scatters."""
        known = [v.deviations for v in self.values if v.deviations is not None]
        return median(known) if known else None

    def to_json(self) -> dict[str, Json]:
        """All but the single values, as JSON."""
        return {
            "members": self.members,
            "alpha": self.alpha,
            "sharing": self.sharing,
            "values": len(self.values),
            "together": self.together,
            "median_shift": self.median,
            "false_alarms": self.rates.to_json() if self.rates else None,
        }


def sharpness(about: Mapping[str, Json], held: Mapping[str, Interval]) -> Sharpness:
    """How sharp and how calm a scenario's ensemble is, whose values are judged by the intervals ``held``."""
    joint = together(about)
    alone = {address: interval.half for address, interval in held.items() if interval.of == MEMBERS}
    with one_thread():
        seen = shifts_together(joint, alone) if joint else {}
        rates = alarm_rates(about)
    values = []
    for address, interval in held.items():
        shift = min(shift_on_scale(interval), seen.get(address, inf))
        relative = shift / interval.scatter if interval.scatter else None
        values.append(DetectableShift(address, interval, interval.shift(shift), relative))
    count = len(joint.addresses) if joint else 0
    return Sharpness(len(about["seeds"]), about["alpha"], about["values"], count, tuple(values), rates)
