"""An accepted ensemble that grows: its members are taken as they are stored, and only the others run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.errors import ProjectError
from harness.core.ids import ENSEMBLE, ROUNDING
from harness.core.protocol import Json
from harness.judge.ensemble import Interval, intervals
from harness.verify.ensembles.decision import Decision
from harness.verify.ensembles.draws import Drawn

if TYPE_CHECKING:
    from harness.verify.examination import Examination


@dataclass(frozen=True)
class Stored:
    """The members of an accepted ensemble: what each drew, and those that were left out, with what for.

    ``origin``: its seeds and digest, as an ensemble that extends it says; ``intervals``: what it allows.
    """

    members: Mapping[int, Drawn] = field(default_factory=dict)
    excluded: Mapping[int, list[str]] = field(default_factory=dict)
    reason: str = ""
    origin: Mapping[str, Json] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The members' numbers, in their order."""
        return tuple(self.members)

    def with_decision(self, decision: Decision) -> Decision:
        """A decision that also leaves out the members which the accepted ensemble leaves out."""
        if not self.excluded:
            return decision
        every = tuple(dict.fromkeys([*self.excluded, *decision.excluded]))
        return Decision(every, decision.keep, decision.reason.strip() or self.reason)

    def like(self, own: Drawn) -> Stored:
        """The members with what is not stored of each: steps, and the lengths that do not vary, are as in ``own``."""
        members = {
            n: dataclasses.replace(m, steps=own.steps, lengths={**own.lengths, **m.lengths}, arrays=own.arrays)
            for n, m in self.members.items()
        }
        return dataclasses.replace(self, members=members)

    def check(self, again: Drawn, number: int) -> None:
        """Raise ProjectError where a member that ran again is not what the accepted ensemble allows."""
        given = {**again.numbers, **again.lengths}
        for address, held in self.intervals.items():
            if address not in given or not held.low <= given[address] <= held.high:
                what = f"{given[address]:.6g}" if address in given else "nothing"
                raise ProjectError(
                    f"member {number} gives {what} at {address}, and the accepted ensemble allows {held.low:.6g} to "
                    f"{held.high:.6g}: the pipeline has changed since, so that there is nothing to extend: "
                    "calibrate without --extend"
                )


def stored_members(examination: Examination, rounding: str = "") -> Stored:
    """The members of the scenario's accepted ensemble; raises ProjectError where there is none."""
    identity = examination.identity(examination.profile, ROUNDING if rounding else ENSEMBLE)
    golden = examination.golden(identity.track, identity.artifact)
    if golden is None:
        raise ProjectError(f"there is no golden {identity} to extend: calibrate without --extend")
    about = golden.artifact.values
    if about.get("rounding", "") != rounding:
        raise ProjectError(f"{identity} was made with --rounding {about['rounding']}, and not with {rounding}")
    draws, lengths, left = about["draws"], about.get("lengths", {}), about.get("decision", {})
    members = {
        seed: Drawn({a: d[i] for a, d in draws.items()}, lengths={a: n[i] for a, n in lengths.items()})
        for i, seed in enumerate(about["seeds"])
    }
    excluded = {int(n): list(reasons) for n, reasons in left.get("excluded", {}).items()}
    origin = {"seeds": list(about["seeds"]), "sha256": examination.manifest[identity].sha256}
    return Stored(members, excluded, left.get("reason", "") if excluded else "", origin, intervals(golden.artifact))
