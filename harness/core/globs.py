"""Patterns over addresses. ``*`` and ``?`` stay within a part; a part ``**`` is any number of parts, or none."""

from __future__ import annotations

import re
from itertools import pairwise

Specificity = tuple[int, ...]


def pattern_problem(pattern: str) -> str:
    """Why ``pattern`` is not one; empty when it is."""
    parts = pattern.split("/")
    if "" in parts:
        return "it has an empty part"
    if "[" in pattern:
        return "'[' has no meaning: use * or ?"
    if any("**" in part and part != "**" for part in parts):
        return "** is a part of its own"
    if any(a == b == "**" for a, b in pairwise(parts)):
        return "one ** is enough"
    return ""


def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern, for addresses that end in ``/`` (so that ``**`` may be nothing)."""
    wild = {"*": "[^/]*", "?": "[^/]"}

    def part(text: str) -> str:
        return "(?:[^/]*/)*" if text == "**" else "".join(wild.get(c) or re.escape(c) for c in text) + "/"

    return re.compile("".join(map(part, pattern.split("/"))))


def specificity(pattern: str) -> Specificity:
    """The rank of a pattern, larger is more specific.

    These are compared in turn: literal parts, parts with text and a wildcard, bare ``*`` parts; then, in the
    mixed parts, characters and ``?``; then the fewest ``*`` in them, and the fewest ``**``. A pattern
    whose addresses are some of another's never ranks below it: a part of the wider one that asks for
    something needs a part of the narrower one that asks for at least as much.
    """
    parts = pattern.split("/")
    mixed = [p for p in parts if p not in ("*", "**") and ("*" in p or "?" in p)]
    count = "".join(mixed).count
    text = sum(map(len, mixed)) - count("*") - count("?")
    single, several = parts.count("*"), parts.count("**")
    literal = len(parts) - len(mixed) - single - several
    return literal, len(mixed), single, text, count("?"), -count("*"), -several
