"""A text that differs, as the unified difference of its lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from harness.core import text
from harness.core.protocol import Json
from harness.core.verdicts import Verdict

SHOWN_LINES = 40
_LONGEST = 2_000  # lines that are matched with each other; beyond, they are compared one by one
_LONGEST_INLINE = 60  # characters of a text that a cell of a table shows as well
_CONTEXT = 2  # lines around a difference


def line_difference(verdict: Verdict) -> tuple[str, ...]:
    """The lines of a text of several that failed; none of any other value."""
    pair = verdict.expected, verdict.obtained
    several = any(isinstance(words, str) and "\n" in words for words in pair)
    return tuple(text_difference(*pair)) if verdict.status.failed and several else ()


def text_difference(expected: Json, obtained: Json) -> list[str]:
    """Two texts as a unified difference, the first ``SHOWN_LINES``.

    Nothing where either is no text, or both are short enough for a cell.
    """
    if not isinstance(expected, str) or not isinstance(obtained, str) or expected == obtained:
        return []
    if max(len(expected), len(obtained)) <= _LONGEST_INLINE and "\n" not in expected + obtained:
        return []
    found = list(_unified(_lines(expected), _lines(obtained)))
    rest = len(found) - SHOWN_LINES
    return [*found[:SHOWN_LINES], *([f"\u2026 and {text.count(rest, 'more line')}"] if rest > 0 else [])]


def _unified(before: list[str], after: list[str]) -> Iterator[str]:
    if before == after:
        yield "the lines are equal: how they end is not"
    elif max(len(before), len(after)) > _LONGEST:
        for i, (old, new) in enumerate(zip(before, after, strict=False)):
            if old != new:
                yield from (f"@@ {i + 1} @@", _visible(f"-{old}"), _visible(f"+{new}"))
        if len(before) != len(after):
            yield f"{len(before):,} lines are now {len(after):,}"
    else:
        yield from map(_visible, difflib.unified_diff(before, after, "golden", "obtained", n=_CONTEXT, lineterm=""))


def _lines(words: str) -> list[str]:
    """The lines of a text; one that does not end its last line says so, as git does."""
    return [*words.splitlines(), *([] if words.endswith("\n") else ["\\ no line end"])]


def _visible(line: str) -> str:
    """A line of a difference, with its blanks to be seen where there are others than single ones between words."""
    mark, words = line[:1], line[1:]
    if " ".join(words.split()) == words:
        return line
    return mark + words.replace(" ", "\u00b7").replace("\t", "\u21e5")
