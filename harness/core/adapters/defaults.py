"""What a function does where nobody says otherwise, as data that can have a golden."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from harness.core.protocol import Json


def defaults_of(function: Callable[..., Any]) -> dict[str, Json]:
    """The defaults of a function's parameters, by their names: a change of one is a change for whoever leaves it out.

    What is no text, number, list or table is told by the name of its type.
    """
    given = inspect.signature(function).parameters.values()
    return {p.name: _plain(p.default) for p in given if p.default is not inspect.Parameter.empty}


def _plain(value: Any) -> Json:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return [_plain(item) for item in value]
    if type(value) is dict and all(type(key) is str and key for key in value):
        return {key: _plain(item) for key, item in value.items()}
    return getattr(value, "__qualname__", type(value).__qualname__)
