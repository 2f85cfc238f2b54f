"""``unordered = true``: a list's items, or an array's rows, are those of the golden in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from harness.core.protocol import Json
from harness.core.trees import unwrapped
from harness.judge.elements import Array
from harness.judge.kinds import NUMERIC, as_number, kind_of
from harness.judge.matching.pairs import Columns, Pairs, TooManyRowsError, paired_rows, sorted_rows
from harness.judge.policies.elementwise import Elementwise
from harness.judge.policies.policy import NUMBERS
from harness.judge.policies.registry import policy_named
from harness.judge.rules import Rule

FindRule: TypeAlias = Callable[[str], Rule | None]
"""The rule of a path."""

_EXACT = policy_named("exact")
_DTYPES = {"integer": np.int64, "float": np.float64, "float32": np.float32, "float16": np.float16}
_MANY = "it has too many items to find their counterparts among all: give them a key"


def paired_items(golden: Sequence[Json], obtained: Sequence[Json], path: str, find: FindRule) -> tuple[Pairs, str]:
    """Which item of a list is which of the golden's, and why that cannot be told, in words; empty where it can."""
    groups: dict[Any, tuple[list[int], list[int]]] = {}
    numbers: list[list[list[int | float]]] = [[], []]
    for side, items in enumerate((golden, obtained)):
        for i, item in enumerate(items):
            leaves = [*_leaves("", item)]
            if any(kind == "array" for _, kind, _ in leaves):
                return [], "it holds arrays, which unordered does not look into: give the rows a key"
            marks, columns = _divided(leaves, path, find)
            groups.setdefault(marks, ([], []))[side].append(i)
            numbers[side].append(columns)
    pairs: Pairs = []
    for marks, (left, right) in groups.items():
        if left and right:
            blocks = _blocks(marks, [[numbers[0][i] for i in left], [numbers[1][j] for j in right]], path, find)
            try:
                found = paired_rows(blocks, len(left), len(right))
            except TooManyRowsError:
                return [], _MANY
            pairs += [(left[i], right[j]) for i, j in found]
    return sorted(pairs), ""


def ordered_as(golden: Array, obtained: Array, rule: Rule) -> Array:
    """The rows of ``obtained`` in the golden's order; those without a counterpart in the places that are left.

    Both have one dtype and shape. Raises TooManyRowsError where counterparts cannot be told.
    """
    policy = rule.policy if golden.dtype.kind in NUMBERS else _EXACT
    if not isinstance(policy, Elementwise) or policy.unusable_array(golden, rule.terms) or not golden.size:
        return obtained
    block = Columns(golden.reshape(len(golden), -1), obtained.reshape(len(obtained), -1), policy, rule.terms)
    try:
        pairs = paired_rows([block], len(golden), len(obtained))
    except TooManyRowsError:
        if block.golden.shape[1] > 1 or golden.dtype.kind == "c":
            raise
        pairs = []  # in ascending order, than which no other is better
    paired = [{pair[side] for pair in pairs} for side in (0, 1)]
    left = [n for n in sorted_rows(golden).tolist() if n not in paired[0]]
    rest = [n for n in sorted_rows(obtained).tolist() if n not in paired[1]]
    order = np.empty(len(golden), np.intp)
    for i, j in [*pairs, *zip(left, rest, strict=True)]:
        order[i] = j
    return obtained[order]


def _leaves(path: str, value: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, kind and value of everything in an item; of branches only the empty are leaves."""
    kind, inner = kind_of(value), unwrapped(value)[1]
    if kind == "mapping" and inner:
        for key in sorted(inner):
            yield from _leaves(f"{path}/{key}", inner[key])
    elif kind == "list" and inner:
        for i, item in enumerate(inner):
            yield from _leaves(f"{path}/{i}", item)
    else:
        yield path, kind, value


def _divided(leaves: Sequence[tuple[str, str, Json]], path: str, find: FindRule) -> tuple[Any, list[int | float]]:
    """What has to be equal in two items that are counterparts, and the numbers that have to be near."""
    marks: list[Any] = []
    numbers: list[int | float] = []
    for below, kind, value in leaves:
        rule = find(f"{path}/0{below}")
        if rule is not None and (rule.policy.any_kind or rule.policy.ranged):
            marks.append((below, kind, "any"))
        elif kind in NUMERIC and _near(rule, number := as_number(value)):
            marks.append((below, kind, "near"))
            numbers.append(number)
        else:
            marks.append((below, kind, "equal", repr(unwrapped(value)[1])))
    return tuple(marks), numbers


def _near(rule: Rule | None, number: int | float) -> bool:
    if rule is None or not isinstance(rule.policy, Elementwise) or rule.policy.unusable_number(number):
        return False
    return isinstance(number, float) or -(2**63) <= number < 2**63


def _blocks(marks: Any, numbers: list[list[list[int | float]]], path: str, find: FindRule) -> list[Columns]:
    blocks = []
    for n, (below, kind, *_) in enumerate([mark for mark in marks if mark[2] == "near"]):
        rule = find(f"{path}/0{below}")
        assert rule is not None
        assert isinstance(rule.policy, Elementwise)
        golden, obtained = (np.array([[row[n]] for row in rows], _DTYPES[kind]) for rows in numbers)
        blocks.append(Columns(golden, obtained, rule.policy, rule.terms))
    return blocks
