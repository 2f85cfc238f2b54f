"""What somebody decided about outliers."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import ProjectError


@dataclass(frozen=True)
class Decision:
    """What its author says of outliers: leave the members ``excluded`` out, or keep them all; and why."""

    excluded: tuple[int, ...] = ()
    keep: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.excluded or self.keep) and not self.reason.strip():
            raise ProjectError("to exclude a member, or to keep outliers, needs a reason for the record: give --reason")
        if self.excluded and self.keep:
            raise ProjectError("members are either excluded or kept: give --exclude or --keep-outliers")
        if bad := [n for n in self.excluded if n < 0]:
            raise ProjectError(f"--exclude {bad[0]}: members are numbered from 0")


UNDECIDED = Decision()
"""There is nothing to decide, or nobody did."""
