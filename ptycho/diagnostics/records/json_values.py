"""Values in JSON that anyone may have written: each is a number, a text or a truth value, or it is None."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

FARTHEST = 1e30  # no figure of an experiment is beyond it, or below its inverse; products of a few stay finite

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}  # as ``artifacts.plain`` writes them


def at_path(tree: Any, *path: str) -> Any:
    """Whatever stands at ``path`` of nested mappings, or None."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def number_or_none(value: Any) -> float | None:
    """``value`` as a float, the names of what is not finite included; None for anything else."""
    if isinstance(value, str):
        return _NON_FINITE.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def finite_or_none(value: Any) -> float | None:
    """``value`` as a finite float, or None; one beyond ``FARTHEST`` counts as none."""
    number = number_or_none(value)
    return number if number is not None and abs(number) < FARTHEST else None


def cell_or_none(value: Any) -> Any:
    """``value`` where it fits in a table's cell, text cut to a line; None for what is nested."""
    if isinstance(value, str):
        return " ".join(value[:1000].split())[:200]
    return None if isinstance(value, dict | list) else value
