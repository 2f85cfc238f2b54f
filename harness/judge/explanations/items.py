"""Lists whose items are others: in another order, lost, or new, while all the rest of them is equal."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence

from harness.core.protocol import Json
from harness.core.trees import unwrapped
from harness.core.verdicts import Explanation
from harness.judge.kinds import NUMERIC, as_number, kind_of

_DIGITS = {"float": 12, "float32": 6, "float16": 3}  # in which items that are equal agree: their last may be rounding
_NAMED = 5  # items that are named
_KEPT = 0.5  # of the shorter list, at least, is in both


def explain_items(golden: Json, obtained: Json, failing: Collection[str]) -> dict[str, Explanation]:
    """What accounts for each failing path below a list whose items are in another order, lost or new.

    The outermost list that is explained tells of all below it.
    """
    ordered = sorted(failing)
    found: dict[str, Explanation] = {}
    for path, explanation in _lists(golden, obtained, "", _above(failing)):
        start, end = bisect_left(ordered, f"{path}/"), bisect_left(ordered, f"{path}0")  # 0 comes next after /
        found |= dict.fromkeys(ordered[start:end] if path else ordered, explanation)
        if path in failing:
            found[path] = explanation
    return found


def _above(failing: Collection[str]) -> set[str]:
    """Every path that something fails at or below, with the root's."""
    above = {""}
    for path in failing:
        while path and path not in above:
            above.add(path)
            path = path.rpartition("/")[0]
    return above


def _lists(golden: Json, obtained: Json, path: str, touched: Collection[str]) -> Iterator[tuple[str, Explanation]]:
    """Every list that is explained, by its path; only where something failed."""
    kinds = kind_of(golden), kind_of(obtained)
    pairs: Iterable[tuple[object, Json, Json]] = ()
    if kinds == ("mapping", "mapping"):
        before, after = unwrapped(golden)[1], unwrapped(obtained)[1]
        pairs = ((key, item, after[key]) for key, item in before.items() if key in after)
    elif kinds == ("list", "list"):
        before, after = unwrapped(golden)[1], unwrapped(obtained)[1]
        if not hasattr(before, "places") and (explanation := _explained(before, after)):
            yield path, explanation
            return
        if all(kind_of(item) in ("mapping", "list") for item in before):
            pairs = zip(getattr(before, "places", range(len(before))), before, after, strict=False)
    for name, one, other in pairs:
        below = f"{path}/{name}" if path else str(name)
        if below in touched:
            yield from _lists(one, other, below, touched)


def _explained(before: Sequence[Json], after: Sequence[Json]) -> Explanation | None:
    if len(before) < 2 or not after:
        return None
    numbers = all(kind_of(item) in NUMERIC for item in before)
    if numbers and len(before) == len(after):
        return None  # as an array
    sides = [_signature(item) for item in before], [_signature(item) for item in after]
    if sides[0] == sides[1]:
        return None
    if Counter(sides[0]) == Counter(sides[1]):
        moved = sum(one != other for one, other in zip(*sides, strict=True))
        return Explanation("permutation", f"{moved} of {len(before)} items are in another order")
    changed = lost_or_new(*sides)
    return Explanation("items", changed) if changed else None


def lost_or_new(
    before: Sequence[Hashable], after: Sequence[Hashable], thing: str = "item", where: str = "", most: int | None = None
) -> str | None:
    """Which items only one side has, where those that both have are in the same order; None where that is not all.

    ``thing``: what an item is called, and ``where`` follows its place. ``most``: as many may be lost, or new.
    """
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    middles = before[first : len(before) - last], after[first : len(after) - last]
    lost, new = _only_there(*middles), _only_there(middles[1], middles[0])
    kept = [[s for i, s in enumerate(m) if i not in gone] for m, gone in zip(middles, (lost, new), strict=True)]
    equal = len(before) - len(lost)
    if kept[0] != kept[1] or lost == new or equal < max(2, _KEPT * min(len(before), len(after))):
        return None
    if most is not None and max(len(lost), len(new)) > most:
        return None
    parts = [_named([i + first for i in sorted(lost)], thing, f" of {len(before)}{where}", "lost")] if lost else []
    parts += [_named([i + first for i in sorted(new)], thing, where, "new")] if new else []
    return f"{' and '.join(parts)}; the other {equal} are equal"


def _only_there(one: Sequence[Hashable], other: Sequence[Hashable]) -> set[int]:
    """Indices of items that the other list has not, or not as often; of equal ones the last."""
    left = Counter(other)
    only = set()
    for i, item in enumerate(one):
        if left[item]:
            left[item] -= 1
        else:
            only.add(i)
    return only


def _named(places: Sequence[int], thing: str, of: str, word: str) -> str:
    shown = ", ".join(map(str, places[:_NAMED])) + (", ..." if len(places) > _NAMED else "")
    one = len(places) == 1
    many = f"{len(places)} {thing}s ({shown})" if len(places) > _NAMED else f"{thing}s {shown}"
    return f"{f'{thing} {shown}' if one else many}{of} {'is' if one else 'are'} {word}"


def _signature(item: Json) -> str:
    """An item as text in which the last digits of floats are not seen."""
    return json.dumps(_seen(item), sort_keys=True, default=str)


def _seen(item: Json) -> Json:
    kind = kind_of(item)
    if kind in _DIGITS:
        return [kind, f"{as_number(item):.{_DIGITS[kind]}g}"]
    inner = unwrapped(item)[1]
    if kind == "mapping":
        return {str(key): _seen(value) for key, value in inner.items()}
    return [_seen(each) for each in inner] if kind == "list" else inner
