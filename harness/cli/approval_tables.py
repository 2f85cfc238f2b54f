"""What the commands of approvals print: candidates beside their goldens, intervals, and the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Column, Table

from harness.cli.console import out, show_line
from harness.core import text
from harness.core.verdicts import Report, Status

if TYPE_CHECKING:
    from harness.store.approvals import Approval
    from harness.store.candidates import Pending
    from harness.verify.calibration import Calibration

DIFFERING_VALUES = 20  # that are shown of a candidate
LOGGED_IDS = 3  # that are shown of an approval


def show_differences(report: Report) -> None:
    """Print candidates beside their goldens."""
    for scenario in report.scenarios:
        for artifact in scenario.artifacts:
            differing = [v for v in artifact.verdicts if v.status is not Status.PASS]
            within, hidden = len(artifact.verdicts) - len(differing), len(differing) - DIFFERING_VALUES
            table = Table(
                Column("value", overflow="fold"),
                "golden",
                "candidate",
                "difference",
                "allowed",
                "tolerance used",
                title=f"{scenario.scenario}/{artifact.track}/{artifact.artifact}",
            )
            for v in differing[:DIFFERING_VALUES]:
                old, new = text.pair(v.expected, v.obtained)
                change = text.difference(v.expected, v.obtained)
                table.add_row(escape(v.path), escape(old), escape(new), change, escape(v.allowed), text.used(v.used))
            out.print(table)
            rest = [f"{hidden} more differ"] if hidden > 0 else []
            rest += [f"{text.count(within, 'other value')} within tolerance"] if within else []
            if rest:
                show_line(", ".join(rest))


def show_pending(waiting: Sequence[Pending]) -> None:
    """Print the table of ``harness pending``."""
    if not waiting:
        show_line("nothing is pending")
        return
    table = Table("id", "kind", "change", "why")
    for item in waiting:
        table.add_row(item.identity, item.kind, item.change, escape(item.headline))
    out.print(table)


def show_calibration(identity: str, calibration: Calibration, kept: bool) -> None:
    """Print the end of ``harness calibrate``."""
    from harness.core.errors import GoldenError
    from harness.judge.ensemble import intervals

    table = Table(Column("value", overflow="fold"), "mean", "standard deviation", "allowed")
    try:
        for address, interval in sorted(intervals(calibration.ensemble).items()):
            allowed = f"{interval.low:.6g} to {interval.high:.6g}"
            table.add_row(escape(address), f"{interval.mean:.6g}", f"{interval.deviation:.3g}", allowed)
        out.print(table)
    except GoldenError as error:
        show_line(str(error))
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
    table = Table("approval", "when", "approver", "what", "reason")
    for approval in approvals:
        ids = sorted(approval.changes)
        rest = f" and {len(ids) - LOGGED_IDS} more" if len(ids) > LOGGED_IDS else ""
        what = f"{', '.join(ids[:LOGGED_IDS])}{rest}"
        table.add_row(approval.id, approval.when, escape(approval.approver), what, escape(approval.reason))
    out.print(table)
