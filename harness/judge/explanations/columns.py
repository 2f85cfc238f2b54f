"""Values of a JSON tree that differ, explained together: columns of tables as arrays, and single numbers that agree.

A column is every number whose path is the same but for the indices of lists: ``rows/*/area`` of a list of mappings,
``area/*`` of a mapping of lists. Numbers that are within their tolerance belong to it too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from harness.core.protocol import Json
from harness.core.trees import unwrapped
from harness.core.verdicts import Explanation, Verdict
from harness.judge.elements import Array
from harness.judge.explanations.explain import explain_difference
from harness.judge.explanations.items import explain_items
from harness.judge.explanations.kinds import PLACED
from harness.judge.explanations.measures import LEAST
from harness.judge.explanations.pointwise import factor_sentence, offset_sentence
from harness.judge.explanations.tables import exchange
from harness.judge.explanations.words import explain_text
from harness.judge.kinds import NUMERIC, as_number, kind_of

_ALIKE = 1e-6  # of how far a ratio is from 1, or of a difference: nearer, two numbers changed in the same way
_ROUNDING = 2e-15  # relative, of a number in double precision after some operations
_CHANCE, _SHARE = 50, 0.1  # of more amounts than these, this share has to agree
_SIBLINGS = 40  # columns of one mapping that are tried in each other's place
_WHOLE = 2**53  # beyond it a float holds no integer exactly
_TYPES = {"float32": np.float32, "float16": np.float16, "integer": np.int64}


@dataclass
class _Column:
    """The numbers of one column on one side, by path; ``index``: of each, the indices of its lists."""

    numbers: dict[str, float] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    index: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def array(self) -> Array | None:
        """The column as an array of as many dimensions as it has indices; None where it is no whole one."""
        places = np.array(list(self.index.values()))
        shape = tuple(int(n) for n in places.max(axis=0) + 1)
        kind = self.kinds.pop() if len(self.kinds) == 1 else ""
        values = np.array(list(self.numbers.values()), _TYPES.get(kind, np.float64))
        if math.prod(shape) != len(values):
            return None
        whole = np.empty(shape, values.dtype)
        whole[tuple(places.T)] = values
        return whole


def explain_values(
    golden: Json, obtained: Json, verdicts: Sequence[Verdict], known: Collection[Explanation] = ()
) -> tuple[Verdict, ...]:
    """The verdicts on the values of two JSON trees, those that fail with what accounts for them, if anything does.

    ``known``: what accounts for the arrays beside them; a single number that changed likewise is said to.
    """
    failing = {v.path: v for v in verdicts if v.status.failed}
    if not failing:
        return tuple(verdicts)
    found = explain_items(golden, obtained, failing)
    found |= _texts(golden, obtained, failing.keys() - found.keys())
    before, after = _columns(golden), _columns(obtained)
    found |= _exchanged(before, after, failing.keys() - found.keys())
    for pattern in before.keys() & after.keys():
        found |= _column(before[pattern], after[pattern], failing.keys() - found.keys())
    lone = {path: pair for path, pair in _pairs(before, after).items() if path in failing and path not in found}
    found |= _agreeing(lone, [*known, *found.values()])
    return tuple(replace(v, explanation=found.get(v.path)) if v.path in failing else v for v in verdicts)


def _texts(golden: Json, obtained: Json, paths: Collection[str]) -> dict[str, Explanation]:
    sides = [{p: v for p, _, _, v in _leaves(tree) if type(v) is str and p in paths} for tree in (golden, obtained)]
    both = {p: explain_text(before, sides[1][p]) for p, before in sides[0].items() if p in sides[1]}
    return {path: explanation for path, explanation in both.items() if explanation}


def _leaves(
    value: Json, path: str = "", pattern: str = "", index: tuple[int, ...] = ()
) -> Iterator[tuple[str, str, tuple[int, ...], Json]]:
    """Path, pattern and indices of every value that is no branch, with the value as it is written."""
    kind = kind_of(value)
    if kind == "mapping":
        for key, item in unwrapped(value)[1].items():
            below = (f"{path}/{key}", f"{pattern}/{key}") if path else (str(key), str(key))
            yield from _leaves(item, *below, index)
    elif kind == "list":
        items = unwrapped(value)[1]
        for i, (place, item) in enumerate(zip(getattr(items, "places", range(len(items))), items, strict=True)):
            below = (f"{path}/{place}", f"{pattern}/*") if path else (str(place), "*")
            yield from _leaves(item, *below, (*index, i))
    else:
        yield path, pattern, index, value


def _columns(tree: Json) -> dict[str, _Column]:
    columns: dict[str, _Column] = {}
    for path, pattern, index, value in _leaves(tree):
        kind = kind_of(value)
        if kind in NUMERIC and not (kind == "integer" and abs(value) > _WHOLE):
            column = columns.setdefault(pattern, _Column())
            column.numbers[path], column.index[path] = float(as_number(value)), index
            column.kinds.add(kind)
    return columns


def _column(before: _Column, after: _Column, failing: Collection[str]) -> dict[str, Explanation]:
    """What accounts for a whole column, for those of its numbers that fail."""
    concerned = [path for path in before.numbers if path in failing]
    if not concerned or len(before.numbers) < LEAST or not any(before.index.values()):
        return {}
    was, is_now = before.array(), after.array()
    explanation = None if was is None or is_now is None else explain_difference(was, is_now)
    if explanation and explanation.kind in PLACED and any(_is_elsewhere(*one) for one in before.index.items()):
        return {}
    return dict.fromkeys(concerned, explanation) if explanation else {}


def _exchanged(
    before: Mapping[str, _Column], after: Mapping[str, _Column], failing: Collection[str]
) -> dict[str, Explanation]:
    """Columns, or single numbers, of one mapping that have changed places."""
    beside: dict[str, list[str]] = {}
    for pattern in before:
        if pattern in after and any(path in failing for path in before[pattern].numbers):
            beside.setdefault(pattern.rpartition("/")[0], []).append(pattern)
    found: dict[str, Explanation] = {}
    for patterns in beside.values():
        for one, other in combinations(patterns[:_SIBLINGS], 2):
            was, is_now = ([[*side[p].numbers.values()] for p in (one, other)] for side in (before, after))
            if was == is_now[::-1] and was != is_now:
                both = [*before[one].numbers, *before[other].numbers]
                found |= dict.fromkeys([p for p in both if p in failing], exchange(one, other))
    return found


def _is_elsewhere(path: str, index: tuple[int, ...]) -> bool:
    """Whether a number of matched rows has another index among them than in the golden."""
    parts = path.split("/")
    return any(str(i) not in parts for i in index)


def _pairs(before: Mapping[str, _Column], after: Mapping[str, _Column]) -> dict[str, tuple[float, float]]:
    """Every number that both sides have, as both have it; integers, which agree by chance, are left out."""
    return {
        path: (number, after[pattern].numbers[path])
        for pattern, column in before.items()
        if pattern in after and "integer" not in column.kinds
        for path, number in column.numbers.items()
        if path in after[pattern].numbers
    }


def _agreeing(pairs: Mapping[str, tuple[float, float]], known: Collection[Explanation]) -> dict[str, Explanation]:
    """Numbers that all have one factor, or one offset: at least two different ones, or one and an array."""
    found: dict[str, Explanation] = {}
    told = {(e.kind, e.sentence): e for e in known}
    finite = {p: (g, o) for p, (g, o) in pairs.items() if math.isfinite(g) and math.isfinite(o)}
    ratios = {p: o / g for p, (g, o) in finite.items() if g and o and math.isfinite(o / g) and o / g}
    for group in _groups(ratios, 1.0):
        ratio = math.fsum(ratios[p] for p in group) / len(group)
        spread = max(abs(ratios[p] / ratio - 1) for p in group)
        explanation = factor_sentence(ratio, spread if spread > _ROUNDING else 0.0, _ROUNDING)
        one = (explanation.kind, explanation.sentence)
        if len({finite[p][0] for p in group}) > 1 or one in told:
            found |= dict.fromkeys(group, explanation)
    more = {p: o - g for p, (g, o) in finite.items() if p not in found and math.isfinite(o - g)}
    for group in _groups(more, 0.0):
        if len({finite[p][0] for p in group}) > 1:
            mean, size = math.fsum(more[p] for p in group) / len(group), max(abs(finite[p][1]) for p in group)
            spread, rounding = max(abs(more[p] - mean) for p in group), _ROUNDING * max(size, abs(mean))
            left = spread / (size or 1.0) if spread > rounding else 0.0
            found |= dict.fromkeys(group, offset_sentence(mean, left, max(spread / 4, rounding)))
    return found


def _groups(amounts: Mapping[str, float], neutral: float) -> list[list[str]]:
    """Paths whose amounts are the same but for rounding; of many amounts, some few of which agree by chance, none."""
    groups: list[list[str]] = []
    last = math.nan
    for path, amount in sorted(amounts.items(), key=lambda pair: pair[1]):
        if abs(amount - last) <= _ALIKE * abs(amount - neutral):
            groups[-1].append(path)
        else:
            groups.append([path])
        last = amount
    return [group for group in groups if len(group) >= _SHARE * (len(amounts) - _CHANCE)]
