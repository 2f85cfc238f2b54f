"""Values as a page shows them: figures as text, and a bar for the share of the tolerance that was used."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.core import text
from harness.core.protocol import Json
from harness.core.verdicts import Status, Verdict
from harness.report.differences.lines import line_difference
from harness.report.selection import Place

_WORST_ELEMENTS = 5  # that are shown of an array
_NEARLY_OUT = 0.8  # of a tolerance: from here on a passing bar has another colour
BAR_LIMIT, BAR_DECADES = 60.0, 3  # a bar: percent of its width at the limit, and decades beyond


@dataclass(frozen=True)
class Row:
    """A value as it is shown; of a failing array its worst element, and ``at`` says which.

    ``fill``: percent of the bar, None without one; ``beyond``: it would not fit.
    """

    name: str
    kind: str
    symbol: str
    status: str
    tier: str
    expected: str
    obtained: str
    change: str
    allowed: str
    rule: str
    used: str
    fill: float | None
    beyond: bool
    share: str
    at: str
    explanation: str
    message: str
    worst: tuple[tuple[str, str, str, str, str], ...]
    lines: tuple[str, ...]


_SYMBOLS = {
    Status.PASS: ("pass", "\u2713"),
    Status.IMPROVED: ("improved", "\u25b2"),
    Status.SKIPPED: ("skipped", "\u2013"),
    Status.WARNING: ("pass near", "!"),
    Status.IGNORED: ("skipped", "\u2013"),
}


def value_row(place: Place, scenario: bool = False, short: bool = False) -> Row:
    """A verdict as it is shown; ``scenario``: its name begins with the scenario's; ``short``: it is the path alone."""
    verdict = place.verdict
    kind, symbol = _SYMBOLS.get(verdict.status, ("first", "\u2715"))
    if kind == "pass" and (verdict.used or 0) > _NEARLY_OUT:
        kind = "pass near"
    expected, obtained, at = numbers_of(verdict)
    shown, share = shown_numbers(verdict), verdict.told_share
    return Row(
        name=verdict.path if short else f"{place.scenario.scenario}/{place.name}" if scenario else place.name,
        kind=kind,
        symbol=symbol,
        status=verdict.status.value,
        tier=verdict.tier,
        # An invariant has bounds, and expects no value.
        expected="" if place.artifact is None else shown[0],
        obtained=shown[1],
        change=text.difference(expected, obtained),
        allowed=text.clipped(verdict.allowed),
        rule=text.clipped(verdict.rule),
        used=text.used(share),
        fill=None if share is None else bar_fill(share),
        beyond=share is not None and not share <= 10**BAR_DECADES,
        share="" if verdict.share is None else text.portion(verdict.share),
        at=at,
        explanation=verdict.explanation.text if verdict.explanation else "",
        message=text.clipped(verdict.message, 600),
        worst=_elements(verdict),
        lines=tuple(text.clean_lines("\n".join(line_difference(verdict)))),
    )


def shown_numbers(verdict: Verdict) -> tuple[str, str]:
    """The numbers of a verdict as texts, with their unit."""
    expected, obtained, _ = numbers_of(verdict)
    unit = f" {verdict.unit}" if verdict.unit else ""
    words = zip(text.pair(expected, obtained), (expected, obtained), strict=True)
    one, other = (f"{shown}{unit}" if type(value) in (int, float) else shown for shown, value in words)
    return one, other


def numbers_of(verdict: Verdict) -> tuple[Json, Json, str]:
    """Expected and obtained; of a failing array those of its worst element, and where that is and of what."""
    if not verdict.status.failed or not verdict.worst or verdict.expected != verdict.obtained:
        return verdict.expected, verdict.obtained, ""
    worst = verdict.worst[0]
    return worst.expected, worst.obtained, f"[{', '.join(map(str, worst.index))}] of {verdict.expected}"


def bar_fill(used: float) -> float:
    """Percent of a bar: linear up to the limit, then a decade of excess at equal distances, NaN in full."""
    if used <= 1:
        return round(BAR_LIMIT * max(used, 0.0), 2)
    beyond = math.log10(used) / BAR_DECADES if math.isfinite(used) else 1.0
    return round(BAR_LIMIT + (100 - BAR_LIMIT) * min(beyond, 1.0), 2)


def _elements(verdict: Verdict) -> tuple[tuple[str, str, str, str, str], ...]:
    elements = []
    for worst in verdict.worst[:_WORST_ELEMENTS]:
        expected, obtained = text.pair(worst.expected, worst.obtained)
        index = f"[{', '.join(map(str, worst.index))}]"
        used = text.used(worst.used) if verdict.measured else ""
        elements.append((index, expected, obtained, text.difference(worst.expected, worst.obtained), used))
    return tuple(elements)
