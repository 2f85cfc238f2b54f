"""What the commands of approvals print: candidates beside their goldens, intervals, and the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from harness.cli.console import Styled, show_line, show_table
from harness.core import text
from harness.core.verdicts import Report, Status, Verdict
from harness.report.differences.folding import folded
from harness.report.differences.small import numbers_first, with_numbers
from harness.report.differences.values import difference_lines

if TYPE_CHECKING:
    from harness.core.protocol import Artifact
    from harness.store.approvals import Approval
    from harness.store.candidates import Pending
    from harness.verify.ensembles.calibration import Calibration

_Pairs: TypeAlias = "Mapping[tuple[str, str, str], tuple[Artifact | None, Artifact | None]]"
"""Goldens and candidates by scenario, track and artifact."""

DIFFERING_VALUES = 20  # that are shown of a candidate
LOGGED_IDS = 3  # that are shown of an approval


def show_differences(report: Report, pairs: _Pairs | None = None) -> None:
    """Print candidates beside their goldens; ``pairs``: both by scenario, track and artifact, for their numbers."""
    for scenario in report.scenarios:
        for artifact in scenario.artifacts:
            differing = [v for v in artifact.verdicts if v.status is not Status.PASS]
            sides = (pairs or {}).get((scenario.scenario, artifact.track, artifact.artifact), (None, None))
            entries, kept = numbers_first(with_numbers(folded(artifact.verdicts, differing), *sides))
            within, hidden = len(artifact.verdicts) - len(differing), len(entries) - DIFFERING_VALUES
            show_values(entries[:DIFFERING_VALUES], f"{scenario.scenario}/{artifact.track}/{artifact.artifact}")
            for v in entries[:DIFFERING_VALUES]:
                show_details(v)
                if v.path not in {each.path for each in differing}:
                    show_line(f"  {v.message}")
            first = all(v.expected is None for v in entries)
            rest = [text.count(hidden, "more value") if first else f"{hidden} more differ"] if hidden > 0 else []
            rest += [f"{text.count(len(kept), 'more value')} of how tables are kept"] if kept else []
            rest += [f"{text.count(within, 'other value')} within tolerance"] if within else []
            if rest:
                show_line(", ".join(rest))


def show_values(verdicts: Sequence[Verdict], title: str = "") -> None:
    """Print values as they are in the golden and in the candidate, a row each; of first values just those."""
    if all(v.expected is None for v in verdicts):
        show_table(
            ("value", "first value"), [(v.path or "(all of it)", text.value(v.obtained)) for v in verdicts], title
        )
        return
    rows = []
    for v in verdicts:
        old, new = text.pair(v.expected, v.obtained)
        rows.append(
            (
                v.path or "(all of it)",
                old,
                new,
                text.difference(v.expected, v.obtained),
                v.allowed,
                text.used(v.told_share),
            )
        )
    show_table(("value", "golden", "candidate", "difference", "allowed", "tolerance used"), rows, title)


def show_details(verdict: Verdict) -> None:
    """Print what a row cannot say of a value: an array as numbers, a text line by line."""
    if lines := difference_lines(verdict):
        show_line(Styled(f"{verdict.path}:", "bold"), f" {lines[0]}")
        for line in lines[1:]:
            show_line(f"  {line}")


def show_pending(waiting: Sequence[Pending]) -> None:
    """Print the table of ``harness pending``."""
    if not waiting:
        show_line("nothing is pending")
        return
    rows = [(item.identity, item.kind, item.change, item.headline) for item in waiting]
    show_table(("id", "kind", "change", "why"), rows)


def show_calibration(identity: str, calibration: Calibration, kept: bool) -> None:
    """Print the end of ``harness calibrate``."""
    from harness.core.errors import GoldenError
    from harness.judge.ensemble import intervals
    from harness.judge.statistics.power import POWER, minimum_detectable

    rows = []
    try:
        for address, interval in sorted(intervals(calibration.ensemble).items()):
            allowed = f"{interval.low:.6g} to {interval.high:.6g}"
            shift = f"{minimum_detectable(interval):.3g}"
            rows.append((address, f"{interval.mean:.6g}", f"{interval.deviation:.3g}", allowed, shift))
        seen = f"shift caught at {100 * POWER:.0f} %"
        show_table(("value", "mean", "standard deviation", "allowed", seen), rows)
    except GoldenError as error:
        show_line(str(error))
    if calibration.rates:
        values = calibration.ensemble.values["values"]
        show_line(f"{calibration.rates.sentence} ({text.count(values, 'value')} of the suite share its rate)")
    for address in calibration.restless:
        show_line(f"{address} varies by more than its rule: give it `interval = true`, unless only its seed decides it")
    for address in calibration.still:
        show_line(f"{address} has an interval and does not vary: give it a tighter rule")
    for address, members in calibration.outliers.items():
        which = f"member {members[0]} is" if len(members) == 1 else f"members {', '.join(map(str, members))} are"
        show_line(f"{address}: {which} far from all others")
    for address in calibration.outside:
        show_line(f"{address}: the scenario's own run is outside the members' interval")
    if not calibration.decided:
        show_line(
            "nothing is kept: see whether a run diverged; then `--exclude MEMBER --reason ...` leaves it out, "
            "or `--keep-outliers --reason ...` keeps all"
        )
    elif kept:
        show_line(f"kept as candidate {identity}: see `harness review {identity}`")
    else:
        show_line("nothing is kept: in CI nothing is written")


def show_approval(approval: Approval) -> None:
    """Print the end of ``harness accept``."""
    show_line(f"accepted, approval {approval.id}: {', '.join(approval.changes)}")


def show_log(approvals: Sequence[Approval]) -> None:
    """Print the table of ``harness log``."""
    rows = []
    for approval in approvals:
        ids = sorted(approval.changes)
        rest = f" and {len(ids) - LOGGED_IDS} more" if len(ids) > LOGGED_IDS else ""
        what = f"{', '.join(ids[:LOGGED_IDS])}{rest}"
        rows.append((approval.id, approval.when, approval.approver, what, approval.reason))
    show_table(("approval", "when", "approver", "what", "reason"), rows)
