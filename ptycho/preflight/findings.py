"""What a preflight says: findings as data, and the report that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from ptycho.errors import DataError

Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
SCHEMA = "ptycho/preflight-1"


@dataclass(frozen=True)
class Observation:
    """One thing that was looked at: what it was, the number behind it and its bound, and what mends it.

    An ``error`` refuses the data, a ``warning`` was mended and says how, ``info`` is worth knowing.
    ``bound`` is the number beyond which the level would be another; ``flag`` the command's option that mends it.
    """

    name: str
    level: Severity
    value: float | None
    bound: float | None
    sentence: str
    flag: str = ""


@dataclass(frozen=True)
class PreflightReport:
    """All observations of a data file, errors first; ``figures`` are what they were told from."""

    path: str
    frames: int
    side_px: int
    observations: tuple[Observation, ...]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> list[Observation]:
        """Those that refuse the data."""
        return [o for o in self.observations if o.level == "error"]

    @property
    def passed(self) -> bool:
        """Whether nothing refuses the data."""
        return not self.errors

    def document(self) -> dict[str, Any]:
        """The report as plain data, by ``preflight.schema.json``."""
        return {
            "schema": SCHEMA,
            "path": self.path,
            "frames": self.frames,
            "side_px": self.side_px,
            "passed": self.passed,
            "findings": [vars(o) for o in self.observations],
            "figures": self.figures,
        }


def sorted_observations(found: Iterable[Observation]) -> tuple[Observation, ...]:
    """Errors first, then warnings, then infos, each in the order of what they explain."""
    return tuple(sorted(found, key=lambda o: SEVERITIES.index(o.level)))


def refuse(report: PreflightReport) -> None:
    """Raise DataError with the first error, and how many more there are, unless the report passed."""
    if report.passed:
        return
    first, *rest = report.errors
    more = f"; {len(rest)} more: {', '.join(o.name for o in rest)}" if rest else ""
    mend = f": {first.flag}, or " if first.flag else ": "
    raise DataError(f"{report.path}: {first.sentence} ({first.name}){mend}--force to go on all the same{more}")
