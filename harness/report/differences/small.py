"""Candidates with their numbers: small arrays written out, and of tables what they hold before how they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.core import text
from harness.core.protocol import Artifact
from harness.core.verdicts import Status, Verdict

_SMALL = 12  # elements of an array that is written out
_TABLES = "/columns/"
_KEPT = ("/index/", "/names/", "/kind", "/columns", "/names", "/index")  # how a table is kept, beside its columns


def with_numbers(verdicts: Sequence[Verdict], golden: Artifact | None, obtained: Artifact | None) -> list[Verdict]:
    """The verdicts with the numbers of small arrays beside their types and shapes."""
    sides = [side.arrays if side else {} for side in (golden, obtained)]
    return [
        replace(
            v, expected=_written(v.expected, sides[0].get(v.path)), obtained=_written(v.obtained, sides[1].get(v.path))
        )
        if any(v.path in side for side in sides)
        else v
        for v in verdicts
    ]


def numbers_first(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """What is new with its numbers, columns of tables first, and apart from it how new tables are kept."""
    tables = {v.path.partition(_TABLES)[0] for v in verdicts if _TABLES in v.path}
    kept = [v for v in verdicts if v.status is Status.MISSING and _says_how(v.path, tables)]
    shown = [v for v in verdicts if v not in kept]
    return sorted(shown, key=lambda v: v.status is Status.MISSING and _TABLES not in v.path), kept


def _says_how(path: str, tables: set[str]) -> bool:
    return any(path.removeprefix(table).startswith(_KEPT[:2]) or path.removeprefix(table) in _KEPT for table in tables)


def _written(described: object, array: NDArray[np.generic] | None) -> object:
    """What a row shows of an array: its type and shape, and its numbers where they are few."""
    if array is None or not isinstance(described, str) or not 0 < array.size <= _SMALL:
        return described
    return f"{described}: {', '.join(text.value(item) for item in array.ravel().tolist())}"
