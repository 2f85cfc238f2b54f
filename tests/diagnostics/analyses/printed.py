"""Figures at a path, with as many decimals as a report printed."""

from __future__ import annotations


def at(tree, path: str):
    """The figure at a path like ``chain/deviations/0/stage``."""
    for key in path.split("/"):
        tree = tree[int(key)] if isinstance(tree, list | tuple) else tree[key]
    return tree


def as_printed(value, printed: str) -> str:
    """``value`` with as many decimals as ``printed`` has."""
    if isinstance(value, str):
        return value
    _, _, decimals = printed.partition(".")
    return f"{value:.{len(decimals)}f}"
