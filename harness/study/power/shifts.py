"""How sharp the guard of some scenarios is: their statistical values, their deterministic ones, and their rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.ids import ENSEMBLE
from harness.core.protocol import Json
from harness.study.power.amplification import Amplified, Unmeasured, amplifications, loose_rules
from harness.verify.ensembles.sharpness import Sharpness, sharpness
from harness.verify.examination import Examination


@dataclass(frozen=True)
class ScenarioPower:
    """One scenario: its statistical tier (None without an ensemble), and what was measured of its other values."""

    scenario: str
    profile: str
    statistical: Sharpness | None
    deterministic: Sequence[Amplified]
    unmeasured: Sequence[Unmeasured]
    skipped: str = ""


def scenario_power(examination: Examination, repeats: int) -> ScenarioPower:
    """How sharp one scenario's guard is; ``repeats``: so often each input moves, 0 for the statistical tier alone."""
    name, profile = examination.scenario.name, examination.profile
    if examination.scenario.missing:
        return ScenarioPower(name, profile, None, (), (), examination.scenario.missing)
    golden = examination.golden(profile, ENSEMBLE)
    measured = [*amplifications(examination, repeats)] if repeats else []
    return ScenarioPower(
        name,
        profile,
        sharpness(golden.artifact.values, examination.ensemble) if golden else None,
        [m for m in measured if isinstance(m, Amplified)],
        [m for m in measured if isinstance(m, Unmeasured)],
    )


def power_to_json(every: Sequence[ScenarioPower]) -> dict[str, Json]:
    """As JSON, by ``schemas/harness/power.schema.json``."""
    loose = loose_rules(value for one in every for value in one.deterministic)
    return {
        "version": 1,
        "scenarios": [_scenario(one) for one in every],
        "loose_rules": [{"rule": rule, "looseness": times} for rule, times in loose.items()],
    }


def _scenario(one: ScenarioPower) -> dict[str, Json]:
    found: dict[str, Json] = {"scenario": one.scenario, "profile": one.profile, "skipped": one.skipped}
    found["statistical"] = None
    if (sharp := one.statistical) is not None:
        values = [
            {
                "address": v.address,
                "mean": v.interval.mean,
                "deviation": v.interval.deviation,
                "low": v.interval.low,
                "high": v.interval.high,
                "shift": v.shift,
                "shift_in_deviations": v.deviations,
            }
            for v in sharp.values
        ]
        found["statistical"] = {**sharp.to_json(), "values": values}
    found["deterministic"] = [
        {
            "address": a.address,
            "rule": a.rule,
            "moved": a.moved,
            "amplification": a.amplification,
            "by": a.by,
            "looseness": a.looseness,
            "broken": a.broken,
        }
        for a in one.deterministic
    ]
    found["unmeasured"] = [{"address": u.address, "why": u.why} for u in one.unmeasured]
    return found
