"""What an adapter may give as its invariants: one rule, for who asks the adapter and for who judges what arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core import text
from harness.core.protocol import Invariant

OWN = ("finite_everywhere", "configuration_unchanged", "invariants_can_be_judged")
"""The names of the harness's own invariants."""

_WIDEST = 1023  # bits
_LONGEST_NAME = 200  # characters
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)
_GAVE = "the adapter's invariants gave"


def invariants_problem(asked: Sequence[Any]) -> str:
    """Why one of the invariants cannot be judged, or would stand for another; empty when all can."""
    names: set[str] = set(OWN)
    for given in asked:
        if problem := _problem(given, names):
            return f"{_GAVE} {problem}"
        names.add(given.name)
    return ""


def _problem(given: Any, names: set[str]) -> str:
    if not isinstance(given, Invariant):
        return f"a value of {type(given).__name__}: give harness.Invariant(name, value)"
    name: Any = given.name
    shown = text.clipped(ascii(name), 80)
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or "/" in name or text.line(name) != name:
        return f"one called {shown}: a name is one line of at most {_LONGEST_NAME} characters, without slashes"
    if name in names:
        return f"two called {shown}: give one of them another name"
    numbers: dict[str, Any] = {"value": given.value, "low": given.low, "high": given.high}
    for what, number in numbers.items():
        if not isinstance(number, _NUMBERS) and not (number is None and what != "value"):
            return f"{shown} a {what} of {type(number).__name__}, which is no number: give float(x)"
        if isinstance(number, int) and number.bit_length() > _WIDEST:
            return f"{shown} a {what} beyond every float: give its logarithm"
    return ""
