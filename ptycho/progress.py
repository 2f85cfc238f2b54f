"""Callbacks that hear of the progress of long work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int, str], None]
"""Done, total, note."""

StageProgress: TypeAlias = Callable[[str, int, int, str], None]
"""The stage's name, then done, total, note."""
