"""What a failure moves with: of the axes in which environments differ, the one that explains where it fails.

An axis, such as a library's version, explains a failure when no level of it is both wrong somewhere
and right elsewhere. Where several do, the simplest is named, or all that are as simple.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from harness.core.text import joined

Levels = Mapping[str, Mapping[str, str]]
"""By environment, its level on each axis. An axis that an environment does not have is not to blame there."""


@dataclass(frozen=True)
class Movement:
    """What a failure moves with.

    ``kind``: ``axis`` (one explains it), ``tied`` (several do, and no environment tells them apart),
    ``together`` (a pair of levels), ``everywhere`` (our own code), ``unexplained``, or ``alone`` (no other
    environment compared it). ``axes``: those named; ``sentence``: what a reader is shown.
    """

    kind: Literal["axis", "tied", "together", "everywhere", "unexplained", "alone"]
    axes: tuple[str, ...]
    sentence: str


def movement(failing: Iterable[str], passing: Iterable[str], levels: Levels, unsure: Collection[str] = ()) -> Movement:
    """What explains that some environments fail and others do not; ``unsure`` ones pass, but only just."""
    bad, good = sorted(set(failing)), sorted(set(passing))
    if not good and unsure:
        sentence = f"no environment is clearly right: {joined(sorted(unsure))} passed with little of the tolerance left"
        return Movement("unexplained", (), sentence)
    if not good and len(bad) > 1:
        return Movement("everywhere", (), "our code or its goldens: it fails in every environment that compared it")
    if not good:
        return Movement("alone", (), "unknown: no other environment compared it")
    costs = {axis: cost for axis in _axes(bad, levels) if (cost := _cost(axis, bad, good, levels))}
    if costs:
        best = [axis for axis, cost in costs.items() if cost == min(costs.values())]
        if len(best) == 1:
            return Movement("axis", (best[0],), _axis(best[0], bad, good, levels))
        named = joined([f"{axis} {joined(_split(axis, bad, good, levels)[0])}" for axis in best], "or")
        return Movement("tied", tuple(best), f"{named}: no environment has one without the other")
    for one, other in combinations(_axes(bad, levels), 2):
        pairs, right = (
            {(levels[e][one], levels[e].get(other)) for e in group if one in levels[e]} for group in (bad, good)
        )
        if len(pairs) == 1 and not pairs & right:
            ((a, b),) = pairs
            sentence = f"{one} {a} together with {other} {b}: either is right beside something else"
            return Movement("together", (one, other), sentence)
    return Movement("unexplained", (), f"no single axis: wrong in {joined(bad)}, right in {joined(good)}")


def _axes(environments: Iterable[str], levels: Levels) -> list[str]:
    """The axes that all of these environments have, in the first one's order."""
    first, *rest = [levels[e] for e in environments]
    return [axis for axis in first if all(axis in other for other in rest)]


def _cost(axis: str, bad: Sequence[str], good: Sequence[str], levels: Levels) -> tuple[bool, int] | None:
    """Whether no level is right, and how many runs of neighbours are wrong; None where nothing is explained."""
    wrong, right = _split(axis, bad, good, levels)
    if set(wrong) & set(right):
        return None
    kinds = [level in wrong for level in _sorted({*wrong, *right})]
    return not right, sum(now and not before for before, now in zip([False, *kinds], kinds, strict=False))


def _split(axis: str, bad: Sequence[str], good: Sequence[str], levels: Levels) -> tuple[list[str], list[str]]:
    wrong, right = ({levels[e][axis] for e in group if axis in levels[e]} for group in (bad, good))
    return _sorted(wrong), _sorted(right)


def _axis(axis: str, bad: Sequence[str], good: Sequence[str], levels: Levels) -> str:
    wrong, right = _split(axis, bad, good, levels)
    return f"{axis}: wrong under {joined(wrong)}, right under {joined(right) or 'anything else'}"


def _sorted(names: Iterable[str]) -> list[str]:
    def key(level: str) -> tuple[list[int], str]:
        return [int(n) for n in re.findall(r"\d+", level)], level

    return sorted(names, key=key)
