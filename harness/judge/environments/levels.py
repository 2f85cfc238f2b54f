"""``when = { backend = "jax" }``: a rule that holds in some environments alone.

What environments differ in are axes, such as a backend or a library's version, and each has levels. The file of rules
lists them, so that a misspelt level is an error and not a rule that never holds; one may be a pattern, such as
``"2.*"``. Where an environment has none of an axis's levels, nobody has decided what holds there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

ListedAxes: TypeAlias = Mapping[str, tuple[str, ...]]
"""By each axis that rules may name, all of its levels."""

_EXAMPLE = 'axes = { backend = ["jax", "torch"] }'


def axes_problem(axes: Any) -> str:
    """Why a file's ``axes`` cannot be used; empty when they can."""
    if not isinstance(axes, Mapping):
        return f"axes = {axes!r:.80} is not a table of levels, such as {_EXAMPLE}"
    for axis, levels in axes.items():
        if not isinstance(levels, list) or not levels or not all(isinstance(v, str) and v for v in levels):
            return f"axes: {axis} = {levels!r:.80} is not a list of levels, such as {_EXAMPLE}"
        if twice := sorted(v for v in levels if levels.count(v) > 1):
            return f"axes: {axis} lists {twice[0]!r} twice: once is enough"
    return ""


def when_form(value: Any) -> str:
    """The check of the term ``when``, before anything is known of axes."""
    fine = isinstance(value, Mapping) and value and all(isinstance(v, str) and v for v in value.values())
    return "" if fine else 'is no condition: write it like { backend = "jax" }'


def when_problem(when: Mapping[str, str], axes: ListedAxes) -> str:
    """Why a condition cannot hold, whatever the environment is; empty where it can."""
    for axis, level in when.items():
        if not axes:
            return f"when names the axis {axis!r}, and no axes are listed: add {_EXAMPLE} at the top, with all levels"
        if axis not in axes:
            return f"when names the axis {axis!r}, which axes does not list: {_hint(axis, axes)}"
        if level not in axes[axis]:
            return f"when names {axis} {level!r}, which axes does not list: {_hint(level, axes[axis])}"
    return ""


def levels_here(axes: ListedAxes, wanted: Iterable[str], environment: Mapping[str, str]) -> dict[str, str] | str:
    """By each of the ``wanted`` axes, the listed level that an environment has; else a sentence."""
    found = {}
    for axis in sorted(set(wanted)):
        if axis not in environment:
            return f"rules ask for the axis {axis!r}, which this environment does not have: {_hint(axis, environment)}"
        level = environment[axis]
        fitting = [each for each in axes[axis] if each == level] or [v for v in axes[axis] if fnmatchcase(level, v)]
        if len(fitting) != 1:
            what = "several of the levels" if fitting else "none of the levels"
            listed = ", ".join(fitting or axes[axis])
            return f"{axis} is {level!r} here, which is {what} in axes ({listed}): list it, and say which rule holds"
        found[axis] = fitting[0]
    return found


def holds(when: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Whether a condition holds, given the environment's listed levels."""
    return all(here[axis] == level for axis, level in when.items())


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
