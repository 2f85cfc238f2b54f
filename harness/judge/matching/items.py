"""Some items of a list or an array, and how messages speak of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.protocol import Json
from harness.judge.matching.aligned import MatchedItems

_SHOWN = 3  # items without a counterpart that are shown


def chosen_items(
    golden: Sequence[Json], obtained: Sequence[Json], pairs: Sequence[tuple[int, int]]
) -> tuple[MatchedItems, MatchedItems]:
    """The items of both sides that are paired, with their places in the golden."""
    places = [i for i, _ in pairs]
    return MatchedItems([golden[i] for i in places], places), MatchedItems([obtained[j] for _, j in pairs], places)


def narrowed_texts(texts: NDArray[Any]) -> NDArray[Any]:
    """Texts of no wider dtype than they need: rows that one side lacks may have been wider."""
    return np.array(texts.tolist(), dtype=str).reshape(texts.shape) if texts.size else texts.astype("U1")


def counted_items(items: Json) -> str:
    """How many items there are, in words."""
    noun = "key" if isinstance(items, Mapping) else "item"
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def some_items(items: Sequence[Json]) -> str:
    """The first few items."""
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(f"{item!r:.80}" for item in items[:_SHOWN]) + more
