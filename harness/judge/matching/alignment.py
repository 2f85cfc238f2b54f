"""Lists, tables and arrays whose rule says how their items are matched, put into the golden's order before comparison.

``key``, ``unordered`` and ``length`` speak of the outermost list, table or array of their rule; what lies inside an
item keeps its order, unless a rule of its own says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import describe_array
from harness.core.protocol import Artifact, Json
from harness.core.trees import unwrapped
from harness.core.verdicts import Status, Verdict
from harness.judge.kinds import kind_of
from harness.judge.matching.aligned import Aligned, MatchedItems
from harness.judge.matching.frames import idle_masks, is_frame, matched_frames, picked_rows, row_arrays, without_stop
from harness.judge.matching.items import chosen_items, counted_items, narrowed_texts, some_items
from harness.judge.matching.keyed import MatchedRows, keys_of_rows, matched_rows, table_columns
from harness.judge.matching.pairs import TooManyRowsError
from harness.judge.matching.unordered import FindRule, ordered_as, paired_items
from harness.judge.rules import Rule

ArraysByName: TypeAlias = dict[str, NDArray[Any]]
TellOfItems: TypeAlias = Callable[[str, Status, str, Json, Json], Verdict]
"""The verdict on a list or table as such: its path, what became of it, the words, and what both sides show."""

_TOO_MANY = "it has too many rows to find their counterparts among all: give a table with a key"


def aligned(golden: Artifact, obtained: Artifact, find: FindRule, tell: TellOfItems) -> Aligned:
    """Two artifacts with their items matched; ``find`` gives the rule of a path, ``tell`` a verdict."""
    made = Aligned(golden, obtained)
    _Alignment(made, find, tell, dict(golden.arrays), dict(obtained.arrays)).run()
    return made


@dataclass
class _Alignment:
    made: Aligned
    find: FindRule
    tell: TellOfItems
    before: ArraysByName
    after: ArraysByName

    def run(self) -> None:
        values = self.walk("", self.made.golden.values, self.made.obtained.values, None)
        for name in [name for name in self.before if name in self.after]:
            rule = self.find(name)
            if rule and rule.structural and name not in self.made.refused and not self._covered(name, rule):
                self._array(name, rule)
        for path in self.made.refused:
            for arrays in (self.before, self.after):
                for name in [n for n in arrays if n == path or n.startswith(f"{path}/" if path else "")]:
                    del arrays[name]
        self.made.golden, self.made.obtained = Artifact(values[0], self.before), Artifact(values[1], self.after)

    def _covered(self, path: str, rule: Rule) -> bool:
        return not self.made.is_idle(path, rule)

    def walk(self, path: str, golden: Json, obtained: Json, inside: Rule | None) -> tuple[Any, Any]:
        """Both sides of a branch, its items matched; ``inside``: the rule that has matched an outer one."""
        kinds = kind_of(golden), kind_of(obtained)
        if kinds not in (("mapping", "mapping"), ("list", "list")):
            return golden, obtained
        if kinds[0] == "mapping":  # the parts of a value of another kind stand behind its marker
            golden, obtained = unwrapped(golden)[1], unwrapped(obtained)[1]
        rule = self.find(path)
        speaks = rule is not None and rule.structural and rule is not inside
        if kinds[0] == "list":
            one, other = unwrapped(golden)[1], unwrapped(obtained)[1]
            if speaks:
                assert rule is not None
                self.made.spoken[path], inside = rule, rule
                one, other = self._list(path, one, other, rule)
            pairs = [
                self.walk(f"{path}/{i}", g, o, inside)
                for i, g, o in zip(getattr(one, "places", range(len(one))), one, other, strict=False)
            ]
            paired = len(pairs)
            sides = ([p[n] for p in pairs] + list(side[paired:]) for n, side in enumerate((one, other)))
            if isinstance(one, MatchedItems):
                return tuple(MatchedItems(side, one.places) for side in sides)  # type: ignore[return-value]
            return tuple(sides)  # type: ignore[return-value]
        if speaks and rule is not None and (key := rule.terms.get("key")) is not None:
            if is_frame(golden) and is_frame(obtained):
                return self._frame(path, golden, obtained, rule)
            columns = self._columns(path, golden, obtained)
            if key in columns:
                self.made.spoken[path] = rule
                return self._table(path, golden, obtained, columns, rule)
        both = {
            k: self.walk(f"{path}/{k}" if path else str(k), golden[k], obtained[k], inside)
            for k in golden
            if k in obtained
        }
        kept = [
            {k: both[k][n] if k in both else v for k, v in side.items()} for n, side in enumerate((golden, obtained))
        ]
        for n in (0, 1):
            kept[n] = {k: v for k, v in kept[n].items() if (f"{path}/{k}" if path else str(k)) not in self.made.refused}
        return kept[0], kept[1]

    # Lists

    def _list(self, path: str, golden: Sequence[Json], obtained: Sequence[Json], rule: Rule) -> tuple[Any, Any]:
        if "key" in rule.terms:
            key = rule.terms["key"]
            keys = [
                keys_of_rows(rows, key, side)
                for side, rows in (("the golden", golden), ("what was obtained", obtained))
            ]
            for problem in keys:
                if isinstance(problem, str):
                    return self._refuse(path, problem, golden, obtained)
            found = matched_rows(keys[0], keys[1], key)
            if isinstance(found, str):
                return self._refuse(path, found, golden, obtained)
            self._rows(path, found, rule, (len(golden), len(obtained)), "row", False)
            self._rename(path, found)
            return chosen_items(golden, obtained, found.pairs)
        if "unordered" in rule.terms:
            pairs, problem = paired_items(golden, obtained, path, self.find)
            if problem:
                return self._refuse(path, problem, golden, obtained)
            self._unpaired(path, golden, obtained, pairs)
            return chosen_items(golden, obtained, pairs)
        return self._free(path, golden, obtained)

    def _free(self, path: str, golden: Sequence[Json], obtained: Sequence[Json]) -> tuple[Any, Any]:
        """MatchedItems beyond the golden's are judged against themselves: their rule asks for bounds, or a form."""
        shown = counted_items(golden), counted_items(obtained)
        if golden and not obtained:
            self._told(path, Status.MISSING, f"had {shown[0]}, has none: nothing of it is left", *shown)
            return MatchedItems([], []), MatchedItems([], [])
        known, extra = {kind_of(item) for item in golden}, obtained[len(golden) :]
        odd = [i for i, item in enumerate(extra, len(golden)) if known and kind_of(item) not in known]
        if odd:
            what = f"item {odd[0]} is {kind_of(obtained[odd[0]])}, which no item of the golden is"
            return self._refuse(path, what, golden, obtained)
        self._told(path, Status.PASS, "", *shown)
        n = len(obtained)
        return MatchedItems([*golden[:n], *extra], range(n)), MatchedItems(obtained, range(n))

    def _unpaired(
        self, path: str, golden: Sequence[Json], obtained: Sequence[Json], pairs: Sequence[tuple[int, int]]
    ) -> None:
        paired = [{pair[side] for pair in pairs} for side in (0, 1)]
        lost, added = (
            [item for i, item in enumerate(items) if i not in paired[side]]
            for side, items in enumerate((golden, obtained))
        )
        if not lost and not added:
            self._told(path, Status.PASS, "", counted_items(golden), counted_items(obtained))
            return
        words = [f"{len(lost)} of {counted_items(golden)} have no counterpart: {some_items(lost)}"] if lost else []
        if added:
            words.append(f"{'in their place' if lost else 'not in the golden'}: {some_items(added)}")
        status = Status.FAIL if lost and added else Status.MISSING if lost else Status.UNEXPECTED
        self._told(path, status, "; ".join(words), counted_items(golden), counted_items(obtained))

    # Tables of columns

    def _columns(self, path: str, *sides: Mapping[str, Json]) -> set[str]:
        """What some side has in a mapping: its lists, and the arrays of its name."""
        prefix = f"{path}/" if path else ""
        arrays = {n.removeprefix(prefix) for side in (self.before, self.after) for n in side if n.startswith(prefix)}
        return {*(k for side in sides for k, v in side.items()), *(n for n in arrays if "/" not in n)}

    def _table(
        self, path: str, golden: Mapping[str, Json], obtained: Mapping[str, Json], names: set[str], rule: Rule
    ) -> tuple[Any, Any]:
        prefix, key = f"{path}/" if path else "", rule.terms["key"]
        columns: list[dict[str, Any]] = []
        both = (("the golden", golden, self.before), ("what was obtained", obtained, self.after))
        for side, values, arrays in both:
            found = table_columns(side, key, {n: arrays.get(prefix + n, unwrapped(values.get(n))[1]) for n in names})
            if isinstance(found, str):
                return self._refuse(path, found, golden, obtained)
            columns.append(found)
        keys = [
            [*column.tolist()] if isinstance(column, np.ndarray) else column for column in (c[key] for c in columns)
        ]
        matched = matched_rows(keys[0], keys[1], key)
        if isinstance(matched, str):
            return self._refuse(path, matched, golden, obtained)
        self._rows(path, matched, rule, (len(keys[0]), len(keys[1])), "row", True)
        return self._picked(prefix, columns, matched, (golden, obtained))

    def _picked(
        self, prefix: str, columns: list[dict[str, Any]], matched: MatchedRows, values: tuple[Any, Any]
    ) -> tuple[Any, Any]:
        """The columns with the rows that both sides have, in the golden's order."""
        places = [[pair[side] for pair in matched.pairs] for side in (0, 1)]
        whole = len(places[0]) == len(matched.names) and not matched.added
        sides = []
        for side, arrays in enumerate((self.before, self.after)):
            kept = dict(values[side])
            for name, column in columns[side].items():
                if isinstance(column, np.ndarray):
                    rows = column[places[side]]
                    arrays[prefix + name] = rows if whole or rows.dtype.kind != "U" else narrowed_texts(rows)
                else:
                    kept[name] = MatchedItems([column[i] for i in places[side]], places[0])
            sides.append(kept)
        return sides[0], sides[1]

    def _frame(
        self, path: str, golden: Mapping[str, Json], obtained: Mapping[str, Json], rule: Rule
    ) -> tuple[Any, Any]:
        """A table of pandas, whose columns and index are arrays below its parts."""
        self.made.spoken[path], sides = rule, ((golden, self.before), (obtained, self.after))
        rows = [row_arrays(path, arrays) for _, arrays in sides]
        matched = matched_frames(path, rule.terms["key"], (golden, obtained), (rows[0], rows[1]))
        if isinstance(matched, str):
            return self._refuse(path, matched, golden, obtained)
        self._rows(path, matched, rule, matched.counts, "row", True)
        self.made.names[f"{path}/columns"] = self.made.names.pop(path)
        for side, (_, arrays) in enumerate(sides):
            arrays.update(picked_rows(rows[side], [pair[side] for pair in matched.pairs], bool(matched.sentence)))
        for arrays, others in ((self.before, self.after), (self.after, self.before)):
            for name in idle_masks(arrays, others, path):
                del arrays[name]
        return (without_stop(golden), without_stop(obtained)) if matched.sentence else (golden, obtained)

    # Arrays

    def _array(self, name: str, rule: Rule) -> None:
        golden, obtained = self.before[name], self.after[name]
        self.made.spoken[name] = rule
        shown = describe_array(golden), describe_array(obtained)
        if "key" in rule.terms:
            self._refuse(name, "key is for tables, and this is an array of no table that has it", *shown)
        elif not (golden.ndim and obtained.ndim):
            self._refuse(name, "it has no rows: take unordered or length out of its rule", *shown)
        elif golden.dtype.kind != obtained.dtype.kind or golden.shape[1:] != obtained.shape[1:]:
            return  # which the comparison tells
        elif "unordered" in rule.terms and golden.shape == obtained.shape and golden.dtype == obtained.dtype:
            try:
                self.after[name] = ordered_as(golden, obtained, rule)
            except TooManyRowsError:
                self._refuse(name, _TOO_MANY, *shown)
        elif "length" in rule.terms and len(golden) != len(obtained):
            if rule.policy.ensemble:
                what = 'length = "free" is for lists: an array\'s distance from its golden is that of one shape'
                self._refuse(name, f"was {shown[0]}, is {shown[1]}: {what}", *shown)
            elif len(golden) and not len(obtained):
                self._refuse(name, "had rows, has none: nothing of it is left", *shown)
            else:
                extra = obtained[len(golden) :]
                extra = extra if golden.dtype.kind == "U" else extra.astype(golden.dtype)
                self.before[name] = np.concatenate([golden[: len(obtained)], extra])

    # What is said

    def _rows(
        self, path: str, found: MatchedRows, rule: Rule, counts: tuple[int, int], what: str, columns: bool
    ) -> None:
        self.made.names[path] = (found.names, columns)
        shown = tuple(f"{n} {what}{'' if n == 1 else 's'}" for n in counts)
        free = "length" in rule.terms
        if found.names and not found.pairs:
            self._told(path, Status.MISSING, f"no row of the golden is left: {found.sentence}", *shown)
        elif free or not found.sentence:
            self._told(path, Status.PASS, found.sentence, *shown)
        else:
            self._told(path, Status.MISSING if found.lost else Status.UNEXPECTED, found.sentence, *shown)

    def _rename(self, path: str, found: MatchedRows) -> None:
        """ArraysByName within rows go with their rows; those of rows that one side lacks are told with the row."""
        for side, arrays in enumerate((self.before, self.after)):
            to = {str(pair[side]): str(pair[0]) for pair in found.pairs}
            moved = {}
            for name in [name for name in arrays if name.startswith(f"{path}/")]:
                place, _, rest = name.removeprefix(f"{path}/").partition("/")
                array = arrays.pop(name)
                if place in to:
                    moved[f"{path}/{to[place]}/{rest}"] = array
            arrays.update(moved)

    def _refuse(self, path: str, why: str, golden: Json, obtained: Json) -> tuple[Any, Any]:
        shown = [v if isinstance(v, str) else counted_items(v) for v in (golden, obtained)]
        self._told(path, Status.FAIL, f"its rule cannot judge it: {why}", *shown)
        self.made.refused.add(path)
        return ({}, {}) if kind_of(golden) == "mapping" else (MatchedItems([], []), MatchedItems([], []))

    def _told(self, path: str, status: Status, message: str, golden: Json, obtained: Json) -> None:
        self.made.verdicts.append(self.tell(path, status, message, golden, obtained))
