"""A first rule for each pattern: exact, or a tolerance that was measured, or none, with the reason."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.judge.elements import Array
from harness.setup.measuring.samples import AGAIN, THREADS, ULP
from harness.setup.measuring.scatters import Scatter
from harness.verify.rule_gaps import artifact_of

_LOOSEST = 1e-3  # of a value: a rule at this bound still sees a change of 1 % of every value
_MARGIN, _LEAST_MARGIN = 100.0, 10.0  # how much further than it was seen to move a value may
_FLOORS = ((1e-12, 1e-9), (1e-5, 1e-5), (1.0, _LOOSEST))  # by the float's epsilon: what another machine may round
EXACT = "exact = true"
_STABLE = "make the step stable"
_NO_RESULT = (
    "if it tells when or how long something ran, it is no result: leave it out in the adapter, "
    'or write { ignore = "wall time" }'
)
_TIMES = {
    *("s", "sec", "secs", "second", "seconds", "ms", "time", "times", "timing", "timings", "elapsed", "duration"),
    *("durations", "runtime", "walltime", "wall", "clock", "took", "timestamp", "date", "datetime", "now"),
}
_SHORT = {AGAIN: "again", THREADS: "threads", ULP: "one ulp"}


@dataclass(frozen=True)
class DraftedRule:
    """``terms`` as TOML writes them, empty where there is no rule; ``remark`` says what was seen, or why there is none.

    ``lacking``: a person has to decide. ``random``: the stage gives something else on the same inputs. ``fragile``:
    there is a rule, under which another machine may fail.
    """

    pattern: str
    stage: str
    terms: str
    remark: str = ""
    lacking: bool = False
    random: bool = False
    fragile: bool = False


def draft_rules(scatters: Mapping[str, Scatter]) -> list[DraftedRule]:
    """A rule for each pattern, in order.

    What a stage gives in the replay may move as far as in the whole run, where that can be allowed: inputs that are
    one unit off hardly move an iteration that ends where it ended before, but rounding inside of it does.
    """
    drafted = []
    for pattern, scatter in scatters.items():
        rule = draft_rule(scatter)
        whole = scatters.get(pattern.removeprefix("replay/")) if pattern.startswith("replay/") else None
        if whole and scatter.floats and whole.floats:
            wider = draft_rule(scatter.beside(whole))
            rule = rule if wider.lacking else wider
        drafted.append(rule)
    return drafted


def draft_rule(scatter: Scatter) -> DraftedRule:
    """The rule that allows what was seen with a margin, and would still see 1 %; none where there is no such rule."""
    pattern, stage = scatter.pattern, scatter.stage
    for kind in (AGAIN, THREADS):
        if kind in scatter.moved:
            what = f"not reproducible: under {kind} {scatter.moved[kind]}"
            return _random(scatter, what)
    if scatter.exact:
        why = f"under {ULP} {scatter.moved[ULP]}: it may differ on another machine" if ULP in scatter.moved else ""
        return DraftedRule(pattern, stage, EXACT, why, fragile=bool(why))
    if ULP in scatter.moved:
        return DraftedRule(pattern, stage, "", f"under {ULP} {scatter.moved[ULP]}: {_STABLE}", True)
    alike = [*scatter.floats.values()]
    worst = {kind: max(_relative(*_group(several, kind)) for several in alike) for kind in _SHORT}
    found = _tolerance([_group(several) for several in alike], scatter.epsilon)
    if found is None:
        alone = (k for k in _SHORT if _tolerance([_group(several, k) for several in alike], scatter.epsilon) is None)
        kind = next(alone, max(worst, key=lambda k: worst[k]))
        what = f"under {kind} it moves by {worst[kind]:.1g} of its size, and a rule that allows this would not see 1 %"
        if kind != ULP:
            return _random(scatter, f"not reproducible: {what}")
        return DraftedRule(pattern, stage, "", f"{what}: {_STABLE}", lacking=True)
    rtol, atol = found
    terms = (
        f"rtol = {_shown(rtol)}"
        + (f", atol = {_shown(atol)}" if atol else "")
        + (', nan = "match"' if scatter.holes else "")
    )
    told = ", ".join(f"{worst[kind]:.0e} ({_SHORT[kind]})" for kind in (AGAIN, THREADS, ULP) if worst[kind])
    return DraftedRule(pattern, stage, terms, f"moved by {told}" if told else "")


def _random(scatter: Scatter, what: str) -> DraftedRule:
    """No rule for what a stage gives anew each time; a stage that also tells how long it took is not random by that."""
    if not _is_time(scatter):
        return DraftedRule(scatter.pattern, scatter.stage, "", what, lacking=True, random=True)
    return DraftedRule(scatter.pattern, scatter.stage, "", f"{what}; {_NO_RESULT}", lacking=True)


def _is_time(scatter: Scatter) -> bool:
    """Whether a value that is no array is called as a duration or a date is: ``fit_seconds``, ``elapsedTime``."""
    path = scatter.pattern[len(artifact_of(scatter.pattern)) :]
    alone = all(sizes.size == 1 for several in scatter.floats.values() for sizes, _ in several)
    return alone and not _TIMES.isdisjoint(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", path))


def _group(several: Sequence[tuple[Array, Mapping[str, Array]]], kind: str = "") -> tuple[Array, Array]:
    """The sizes of some values, and how far each moved at most, under one kind of change or any."""
    sizes = np.concatenate([sizes for sizes, _ in several])
    kinds = (kind,) if kind else tuple(_SHORT)
    moved = [np.concatenate([m.get(k, np.zeros(size.shape)) for size, m in several]) for k in kinds]
    return sizes, np.maximum.reduce(moved)


def _tolerance(groups: Sequence[tuple[Array, Array]], epsilon: float) -> tuple[float, float] | None:
    """``rtol`` and ``atol`` that allow the movements with a margin and still see 1 % of the larger half; else None.

    Each of the ``groups``, values of one scale, has to be seen by itself. What is smaller than its median may cancel,
    so that only an absolute tolerance can allow what it moves.
    """
    floor = next(rtol for largest, rtol in _FLOORS if epsilon <= largest)
    medians = [float(np.median(sizes[sizes > 0])) for sizes, _ in groups if sizes.any()]
    worst = max((_of_the_larger(*group) for group in groups), default=0.0)
    if _LEAST_MARGIN * worst > _LOOSEST:
        return None
    rtol = min(_LOOSEST, max(floor, _decade_above(_MARGIN * worst)))
    rest = max(float(np.max(_MARGIN * moved - rtol * sizes, initial=0.0)) for sizes, moved in groups)
    several = all(sizes.size > 1 for sizes, _ in groups) and bool(medians)
    atol = max(_decade_below(rtol * min(medians)) if several else 0.0, _decade_above(rest))
    most = _decade_below(_LOOSEST * min(medians)) if medians else 0.0
    if atol > most:
        atol = most
        if any(bool(np.any(_LEAST_MARGIN * moved > atol + rtol * sizes)) for sizes, moved in groups):
            return None
    return rtol, atol


def _of_the_larger(sizes: Array, moved: Array) -> float:
    """The largest movement relative to the value, of those that are not smaller than the median."""
    large = sizes >= np.median(sizes[sizes > 0]) if sizes.any() else np.zeros(sizes.shape, dtype=bool)
    return float(np.max(moved[large] / sizes[large], initial=0.0))


def _relative(sizes: Array, moved: Array) -> float:
    """The largest scatter of an element, relative to it or, where it is smaller, to the median."""
    some = sizes[sizes > 0]
    least = float(np.median(some)) if some.size else 1.0
    return float(np.max(moved / np.maximum(sizes, least), initial=0.0))


def _decade_above(value: float) -> float:
    return float(f"1e{math.ceil(math.log10(value) - 1e-9)}") if value > 0 else 0.0


def _decade_below(value: float) -> float:
    return float(f"1e{math.floor(math.log10(value) + 1e-9)}") if value > 0 else 0.0


def _shown(number: float) -> str:
    return f"{number:g}".replace("e-0", "e-")
