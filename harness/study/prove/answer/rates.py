"""Detection and localisation rates with their intervals.

The interval is Wilson's, at 95 %: with ``k`` of ``n`` and ``z = 1.96``, its centre is ``(k + z^2/2) / (n + z^2)`` and
its half width ``z sqrt(k (n - k) / n + z^2/4) / (n + z^2)`` (Wilson 1927; Brown, Cai & DasGupta, "Interval estimation
for a binomial proportion", Statistical Science 16, 2001, who recommend it for small ``n``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.core.protocol import Json
from harness.study.prove.trial.outcome import MutantOutcome

Z = 1.959963984540054  # of 95 %, both sides
GROUPINGS: dict[str, Callable[[MutantOutcome], str]] = {
    "kind": lambda o: o.mutant.kind,
    "operator": lambda o: f"{o.mutant.kind}: {o.mutant.operator}",
    "stage": lambda o: o.mutant.stages[0] if o.mutant.stages else "",
    "tier": lambda o: o.tier,
}
"""What rates are told by. The tier is that of the verdict that caught it, or of the rule that let it pass."""


@dataclass(frozen=True)
class Rate:
    """``hits`` of ``of``; ``value`` is None of nothing."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The rate itself."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval; from 0 to 1 where there is nothing."""
        if not self.of:
            return 0.0, 1.0
        square, misses = Z * Z, self.of - self.hits
        centre = (self.hits + square / 2) / (self.of + square)
        half = Z * math.sqrt(self.hits * misses / self.of + square / 4) / (self.of + square)
        return max(centre - half, 0.0) if self.hits else 0.0, min(centre + half, 1.0) if misses else 1.0

    def as_json(self) -> dict[str, Json]:
        """The rate with its interval."""
        low, high = self.interval
        return {"hits": self.hits, "of": self.of, "rate": self.value, "low": low, "high": high}


@dataclass(frozen=True)
class RateRow:
    """The rates of one group. Equivalent mutants and such as could not be tried are in neither."""

    name: str
    detection: Rate
    localisation: Rate
    equivalent: int
    untried: int

    def as_json(self) -> dict[str, Json]:
        """All of it."""
        return {
            "name": self.name,
            "detection": self.detection.as_json(),
            "localisation": self.localisation.as_json(),
            "equivalent": self.equivalent,
            "untried": self.untried,
        }


def rates_of(name: str, outcomes: Iterable[MutantOutcome]) -> RateRow:
    """The rates of some outcomes: of localisation, among those that were caught."""
    fates = [(o.fate, o.localised) for o in outcomes]
    caught = sum(fate == "caught" for fate, _ in fates)
    survived = sum(fate == "survived" for fate, _ in fates)
    localised = sum(right for _, right in fates)
    equivalent, untried = (sum(fate == other for fate, _ in fates) for other in ("equivalent", "untried"))
    return RateRow(name, Rate(caught, caught + survived), Rate(localised, caught), equivalent, untried)


def tables(outcomes: Iterable[MutantOutcome]) -> dict[str, list[RateRow]]:
    """The rates by each grouping, in the order of the names; a tier is of those that were caught or survived alone."""
    every = list(outcomes)
    found = {}
    for grouping, key in GROUPINGS.items():
        told = [o for o in every if grouping != "tier" or o.fate in ("caught", "survived")]
        names = sorted({key(o) for o in told})
        found[grouping] = [rates_of(name, [o for o in told if key(o) == name]) for name in names]
    return found
