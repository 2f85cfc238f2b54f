"""The columns of a table as arrays of one length under their names, so that a rule can match rows by a key.

What else is to be known of a column is under ``stored``; which of its values are missing is an array beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.codecs.codec import Parts, UnkeptError, part

GAPS = ":missing"
"""What is added to a column's name for the array that says which of its values are missing."""


def table_parts(columns: Mapping[str, Parts]) -> dict[str, Any]:
    """The parts of a table of such columns, each of which has ``values``, and ``missing`` where some are."""
    arrays: dict[str, Any] = {}
    stored: dict[str, Any] = {}
    for name, parts in columns.items():
        if name + GAPS in columns:
            raise UnkeptError(f"a table with a column {name + GAPS!r}, where gaps are kept", "give it another name")
        arrays[name] = parts["values"]
        if "missing" in parts:
            arrays[name + GAPS] = parts["missing"]
        if rest := {key: value for key, value in parts.items() if key not in ("values", "missing")}:
            stored[name] = rest
    return {"columns": arrays, "stored": stored}


def column_parts(parts: Parts, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The parts of each column; raises ValueError where the table has others."""
    columns, stored = part(parts, "columns", dict), part(parts, "stored", dict)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        missing = {"missing": columns[name + GAPS]} if name + GAPS in columns else {}
        found[name] = {"values": part(columns, name, np.ndarray), **missing, **stored.get(name, {})}
    if sum(1 + ("missing" in each) for each in found.values()) != len(columns) or not set(stored) <= set(names):
        raise ValueError("its columns are not those that it names")
    return found


def texts_array(items: Sequence[Any], missing: Any, at: str) -> Any:
    """Texts as an array, missing ones empty; raises UnkeptError for what is no text, or one that no array holds."""
    given = ["" if gone else item for item, gone in zip(items, missing, strict=True)]
    if not all(type(item) is str for item in given):
        raise UnkeptError("a column of objects that are not all texts", "give its numbers, or x.astype(str)", at)
    values = np.array(given, f"U{max([1, *map(len, given)])}")
    if values.tolist() != given:
        raise UnkeptError("a column of texts that end with NUL", "give them without", at)
    return values
