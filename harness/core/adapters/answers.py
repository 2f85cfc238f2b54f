"""What an adapter says of runs has the form of ``schemas/harness``; another is refused before anything shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.core import text
from harness.core.errors import HarnessError, ProjectError
from harness.core.files import dump_json
from harness.core.protocol import Json

_NAME = re.compile("[a-z][a-z0-9_]*")
_ANALYSIS = {
    "name": _NAME,
    "title": str,
    "figures": dict,
    "tables": [{"title": str, "columns": [str], "rows": [list]}],
    "notes": [str],
}
_RUN = {
    "name": str,
    "layout": str,
    "missing": [str],
    "verdict": str,
    "findings": [
        {"cause": str, "level": ("fault", "warning", "info"), "statement": str, "evidence": [str], "remedy": str}
    ],
    "hypotheses": [{"id": str, "statement": str, "status": str, "evidence": str}],
    "analyses": [_ANALYSIS],
}
_FORMS: dict[str, Any] = {
    "explain": _RUN,
    "analyze": {"runs": [_RUN], "together": [_ANALYSIS]},
    "contrast": {
        "a": str,
        "b": str,
        "missing": {"a": [str], "b": [str]},
        "verdict": str,
        "analyses": [_ANALYSIS],
    },
}


def checked_answer(answer: Any, hook: str) -> dict[str, Json]:
    """What ``explain``, ``analyze`` or ``contrast`` gave; raises ProjectError where it has another form."""
    if wrong := _misfit(answer, _FORMS[hook], "it"):
        raise ProjectError(f"the adapter's {hook} gave an answer that cannot be shown: {wrong}")
    for analysis in _analyses(answer):
        for table in analysis["tables"]:
            if any(len(row) != len(table["columns"]) for row in table["rows"]):
                where = text.clipped(f"{analysis['name']}, {table['title']}")
                raise ProjectError(
                    f"the adapter's {hook} gave a table whose rows and columns differ in number: {where}"
                )
    try:
        dump_json(answer)
    except HarnessError as error:
        raise ProjectError(f"the adapter's {hook} gave an answer that cannot be shown: {error}") from error
    return dict(answer)


def _analyses(answer: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    runs = answer.get("runs", ())
    return [*answer.get("analyses", ()), *answer.get("together", ()), *(a for run in runs for a in run["analyses"])]


def _misfit(value: Any, form: Any, place: str) -> str:
    """Where ``value`` is not of a form, in words; empty where it is.

    A form is a type, a tuple of words to choose from, a pattern, or a list or mapping of forms.
    """
    if isinstance(form, dict):
        if not isinstance(value, Mapping):
            return f"{place} is a {_kind(value)}, not a mapping"
        if lacking := [key for key in form if key not in value]:
            return f"{place} lacks {lacking[0]!r}"
        found = (
            _misfit(value[key], inner, f"{key} of {place}" if place != "it" else key) for key, inner in form.items()
        )
        return next(filter(None, found), "")
    if isinstance(form, list):
        if not isinstance(value, list | tuple):
            return f"{place} is a {_kind(value)}, not a list"
        return next(filter(None, (_misfit(item, form[0], f"{place} {i}") for i, item in enumerate(value))), "")
    if isinstance(form, tuple):
        return "" if value in form else f"{place} is none of {', '.join(form)}"
    if isinstance(form, re.Pattern):
        fits = isinstance(value, str) and form.fullmatch(value)
        return "" if fits else f"{place} is no name of small letters, digits and '_'"
    return "" if isinstance(value, form) else f"{place} is a {_kind(value)}, not a {form.__name__}"


def _kind(value: Any) -> str:
    return text.clipped(type(value).__name__, 60)
