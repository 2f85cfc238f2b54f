"""Patterns over addresses. ``*`` and ``?`` stay within a part; a part ``**`` is any number of parts, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

Specificity = tuple[int, ...]
_ID_PARTS = 3  # of a golden's id, at the start of an address


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


def may_begin(pattern: str, parts: Sequence[str]) -> bool:
    """Whether an address that begins with ``parts``, or is those, can match; True in doubt."""
    for wanted, part in zip(pattern.split("/"), parts, strict=False):
        if wanted == "**":
            return True
        if wanted != part and "*" not in wanted and "?" not in wanted:
            return False
    return True


def address_problem(address: str) -> str:
    """Why ``address`` is none of a golden's values; empty when it is."""
    if problem := pattern_problem(address):
        return f"{address} is no address: {problem}"
    parts = address.split("/")
    if len(parts) < _ID_PARTS and "**" not in parts:
        return f"{address} is no address: it is scenario/track/artifact/value, as in `harness pending`"
    return ""


def address_patterns(address: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What an address matches: ids of goldens, and values in them. An id alone names all of its values."""
    parts = address.split("/")
    start = "/".join(parts[:_ID_PARTS] if "**" not in parts[:_ID_PARTS] else ["**"])
    return compiled(start), compiled(f"{address}/**" if len(parts) == _ID_PARTS and "**" not in parts else address)


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
