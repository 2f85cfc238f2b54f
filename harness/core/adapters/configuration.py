"""A scenario's configuration is data: what JSON cannot hold exactly is refused, with its key, before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from harness.core import text
from harness.core.errors import ProjectError
from harness.core.protocol import Json

_DEEPEST = 48  # a golden may be nested 64 deep, and its configuration lies within it
_MOST = 1_000_000  # values
_LONGEST = 8 * 2**20  # characters of a text
_LONGEST_INTEGER = 1328  # bits: 400 digits, the longest integer that a golden may hold
_REMEDIES: dict[type, str] = {
    bytes: "decode it",
    set: "give a sorted list",
    frozenset: "give a sorted list",
    complex: "give a list of its two parts",
    np.ndarray: "give a list, or load the array within a stage",
}


def plain_configuration(config: Any, where: str) -> dict[str, Json]:
    """``config`` as plain JSON values of the same worth; raises ProjectError, with key and remedy, for anything else.

    ``where`` names the scenario. Mappings become dicts, NumPy's scalars and subclasses of text and numbers Python's
    own; tuples stay tuples.
    """
    if not isinstance(config, Mapping):
        raise ProjectError(f"{where} has a {_kind(config)} for its configuration: give a mapping, {{}} if it is empty")
    return dict(_Reader(where).plain(config, "", 0))


class _Reader:
    """One configuration that is read, and how many values were seen of it."""

    def __init__(self, where: str) -> None:
        self.where, self.seen = where, 0

    def plain(self, value: Any, key: str, depth: int) -> Any:
        """One value, and all within it."""
        self.seen += 1
        if self.seen > _MOST:
            self.refuse(key, f"has more than {_MOST:,} values before it", "read large data within a stage")
        if depth > _DEEPEST:
            self.refuse(key, f"is nested more than {_DEEPEST} deep, or holds itself", "make it flatter")
        if isinstance(value, Mapping):
            return {
                self.key(k, key): self.plain(v, f"{key}.{k}" if key else str(k), depth + 1) for k, v in value.items()
            }
        if type(value) in (list, tuple):
            return type(value)(self.plain(v, f"{key}[{i}]", depth + 1) for i, v in enumerate(value))
        return self.scalar(value, key)

    def key(self, name: Any, key: str) -> str:
        """The name of a setting."""
        if not isinstance(name, str) or isinstance(name, Enum):
            shown = text.clipped(ascii(name), 40)
            self.refuse(key, f"has the key {shown}, which is no text but a {_kind(name)}", "write it as text")
        return str(self.words(str(name), key))

    def scalar(self, value: Any, key: str) -> Json:
        """A value that holds no other."""
        if isinstance(value, Enum):
            self.refuse(key, f"is a member of the enumeration {_kind(value)}", "give its value")
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if value.bit_length() > _LONGEST_INTEGER:
                self.refuse(key, f"is an integer of {value.bit_length():,} bits", "give at most 400 digits")
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                self.refuse(key, f"is {float(value)}, which JSON does not know", "leave it out, or give null or text")
            return float(value)
        if isinstance(value, str):
            return self.words(str.__str__(value), key)
        remedy = next((r for kind, r in _REMEDIES.items() if isinstance(value, kind)), "give text, numbers or lists")
        return self.refuse(key, f"is a {_kind(value)}, which is neither JSON nor a NumPy scalar", remedy)

    def words(self, value: str, key: str) -> str:
        """A text that can be written."""
        if len(value) > _LONGEST:
            self.refuse(key, f"is a text of {len(value):,} characters", "read large data within a stage")
        try:
            value.encode()
        except UnicodeEncodeError:
            self.refuse(key, "has half of a surrogate pair in it, which is no text", "decode it with another codec")
        return value

    def refuse(self, key: str, what: str, remedy: str) -> Any:
        """Say what is wrong, and where."""
        place = f"setting {text.clipped(key, 80)!r}" if key else "the configuration"
        raise ProjectError(f"{self.where}: {place} {what}: {remedy}")


def _kind(value: Any) -> str:
    return text.clipped(type(value).__name__, 60)
