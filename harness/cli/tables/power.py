"""What ``harness power`` prints: the shifts that are caught, what one ulp does, and the rules that are loose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli.console import show_line, show_table
from harness.core import text
from harness.report.sharpness import sharpness_sentence

if TYPE_CHECKING:
    from harness.study.power.shifts import ScenarioPower

AMPLIFIED = 12  # values that are shown of a scenario, those that one ulp moves most


def show_power(every: Sequence[ScenarioPower]) -> None:
    """Print how sharp the guard of some scenarios is."""
    from harness.study.power.amplification import loose_rules

    for one in every:
        _show_scenario(one)
    loose = loose_rules(value for one in every for value in one.deterministic)
    rows = [(rule, f"{times:.2g}") for rule, times in loose.items()]
    if rows:
        show_table(("rule", "times looser than it needs to be"), rows, "Loose rules")


def _show_scenario(one: ScenarioPower) -> None:
    title = f"{one.scenario} ({one.profile})"
    if one.skipped:
        show_line(f"{title}: skipped, {one.skipped}")
        return
    if one.statistical is None:
        show_line(f"{title}: no ensemble, so no statistical value has an interval: see `harness calibrate`")
    else:
        rows = [
            (
                v.address,
                f"{v.interval.mean:.6g}",
                f"{v.interval.deviation:.3g}",
                f"{v.interval.low:.6g} to {v.interval.high:.6g}",
                f"{v.shift:.3g}",
                "" if v.deviations is None else f"{v.deviations:.3g}",
            )
            for v in one.statistical.values
        ]
        columns = ("value", "mean", "standard deviation", "allowed", "shift caught at 90 %", "in standard deviations")
        show_table(columns, rows, f"{title}: statistical values")
        show_line(sharpness_sentence(one.statistical.to_json()))
    moved = sorted((a for a in one.deterministic if a.moved), key=lambda a: -a.amplification)
    if moved:
        shown = [
            (
                a.address,
                f"{a.moved:.1g}",
                f"{a.amplification:.3g}",
                a.by,
                "" if a.looseness is None else f"{a.looseness:.2g}",
                a.rule,
            )
            for a in moved[:AMPLIFIED]
        ]
        columns = ("value", "moved by", "in its own ulps", "by one ulp of", "looseness of its rule", "rule")
        show_table(columns, shown, f"{title}: deterministic values that one ulp moves most")
        if rest := len(moved) - len(shown):
            show_line(f"{text.count(rest, 'other value')} moved by less: see --json")
    for a in one.deterministic:
        if a.broken:
            show_line(f"{a.address} fails its rule when an input moves by one ulp: {a.broken}")
    for u in one.unmeasured:
        show_line(f"{u.address} was not measured: {u.why}")
