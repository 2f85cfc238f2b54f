"""Objects of the interpreter that code can replace for everybody: streams, hooks, functions, ``os.environ``."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Mapping
from typing import Any

from harness.host.senses.origins import Origin, origin

BUILTINS = ("open", "print", "input", "__import__", "sum", "round")
_PLACES: dict[str, tuple[Any, str]] = {
    **{f"sys.{name}": (sys, name) for name in ("stdin", "stdout", "stderr", "excepthook", "displayhook")},
    **{f"the built-in {name}": (builtins, name) for name in BUILTINS},
    "os.environ": (os, "environ"),
}


def replaceable_objects() -> dict[str, Any]:
    """The objects now, by what they are called."""
    return {label: getattr(place, name, None) for label, (place, name) in _PLACES.items()}


def replaced_objects(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What was replaced, but for a library's own functions."""
    return [label for label, value in after.items() if value is not before[label] and not _is_a_librarys(value)]


def put_objects_back(before: Mapping[str, Any]) -> None:
    """Undo what ``replaced_objects`` tells of."""
    for label in replaced_objects(before, replaceable_objects()):
        place, name = _PLACES[label]
        setattr(place, name, before[label])


def _is_a_librarys(value: Any) -> bool:
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    return code is not None and origin(code.co_filename) in (Origin.THIRD, Origin.HARNESS)
