"""``key = "label"``: the rows of a table are matched by what one of their values, or one of its columns, says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.protocol import Json
from harness.core.trees import unwrapped
from harness.judge.kinds import kind_of
from harness.judge.matching.pairs import Pairs

SHOWN_ROWS = 5  # rows that are named, of many
_KINDS = ("text", "integer", "boolean")
_LONGEST = 60  # characters of a name

Named = tuple[str, Json]
"""The kind and the value of a key: 1 is not true, nor "1"."""


@dataclass(frozen=True)
class MatchedRows:
    """Rows that are in both, and in one alone, by their places; ``names`` says how a row of the golden is called."""

    pairs: Pairs
    lost: tuple[int, ...]
    added: tuple[int, ...]
    names: tuple[str, ...]
    added_names: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows each side has."""
        return len(self.names), len(self.pairs) + len(self.added)

    @property
    def sentence(self) -> str:
        """Which rows were lost and added, by their keys; empty where none was."""
        lost = _listed([self.names[i] for i in self.lost], "missing")
        return "; ".join(filter(None, (lost, _listed(list(self.added_names), "not in the golden"))))


def matched_rows(golden: Sequence[Json], obtained: Sequence[Json], key: str) -> MatchedRows | str:
    """Rows by the keys of both sides; a sentence where these do not tell them apart."""
    sides: list[dict[Named, int]] = []
    for side, keys in (("the golden", golden), ("what was obtained", obtained)):
        places: dict[Named, int] = {}
        for i, value in enumerate(keys):
            kind, plain = kind_of(value), unwrapped(value)[1]
            if kind not in _KINDS:
                return f"in {side} {key} of row {i} is {kind}: rows are matched by texts, integers or booleans"
            if (kind, plain) in places:
                rows = f"rows {places[kind, plain]} and {i}"
                return f"{side} has {row_name(key, plain)} twice ({rows}): a key tells every row from all others"
            places[kind, plain] = i
        sides.append(places)
    before, after = sides
    pairs = [(i, after[name]) for name, i in before.items() if name in after]
    lost = tuple(i for name, i in before.items() if name not in after)
    added = [(j, row_name(key, name[1])) for name, j in after.items() if name not in before]
    names = tuple(row_name(key, plain) for _, plain in before)
    return MatchedRows(pairs, lost, tuple(j for j, _ in added), names, tuple(name for _, name in added))


def keys_of_rows(rows: Sequence[Json], key: str, side: str) -> list[Json] | str:
    """The key of every row of a list of mappings; a sentence where one has none."""
    keys = []
    for i, row in enumerate(rows):
        if kind_of(row) != "mapping" or not isinstance(row, Mapping) or key not in row:
            what = f"has no {key!r}" if isinstance(row, Mapping) else f"is {kind_of(row)}"
            return f"row {i} of {side} {what}: key is for mappings that all have it"
        keys.append(row[key])
    return keys


def table_columns(side: str, key: str, values: Mapping[str, Any]) -> dict[str, Any] | str:
    """The columns of a table by their names, lists and arrays; a sentence where they are no table with such a key."""
    found: dict[str, Any] = {}
    for name, column in sorted(values.items()):
        if isinstance(column, list) or (isinstance(column, np.ndarray) and column.ndim):
            found[name] = column
        elif column is not None:
            return f"in {side} {name} is no column: key is for lists of mappings, and for equally long columns"
    if key not in found:
        return f"{side} has no column {key!r}"
    if odd := [name for name in found if len(found[name]) != len(found[key])]:
        return f"in {side} {odd[0]} has {len(found[odd[0]])} rows and {key} has {len(found[key])}"
    return found


def row_name(key: str, value: Json) -> str:
    """How messages call a row."""
    text = str(value) if len(str(value)) <= _LONGEST else f"{str(value)[:_LONGEST]}..."
    return f"row {key}={text}"


def _listed(names: Sequence[str], what: str) -> str:
    if not names:
        return ""
    more = len(names) - SHOWN_ROWS
    if more > 0:
        return f"{', '.join(names[:SHOWN_ROWS])} and {more} more rows are {what}"
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {what}"
