"""What differs in one value, in lines for people: an array as numbers, a text line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from harness.core import text
from harness.core.protocol import Json
from harness.core.verdicts import Verdict, Worst

_LONGEST_INLINE = 60  # characters of a text that a cell of a table shows as well
_MOST_LINES = 40  # of a difference of texts
_CONTEXT = 2  # lines around a difference


def difference_lines(verdict: Verdict) -> list[str]:
    """What a table's row cannot say of a value: the explanation, the share that is out, the worst elements, the lines.

    Nothing of a value of which the row says all.
    """
    lines = [verdict.explanation.text] if verdict.explanation else []
    if verdict.share:
        lines.append(f"{text.portion(verdict.share)} of the elements out of tolerance")
    return [*lines, *map(_element, verdict.worst), *text_difference(verdict.expected, verdict.obtained)]


def _element(worst: Worst) -> str:
    old, new = text.pair(worst.expected, worst.obtained)
    change = text.difference(worst.expected, worst.obtained)
    moved = f"{old} \u2192 {new}" + (f" ({change})" if change else "")
    return f"{list(worst.index)}  {moved}, {text.used(worst.used)} of its tolerance"


def text_difference(expected: Json, obtained: Json) -> list[str]:
    """Two texts as a unified difference; nothing where either is no text, or both are short enough for a cell."""
    if not isinstance(expected, str) or not isinstance(obtained, str) or expected == obtained:
        return []
    many = any("\n" in words for words in (expected, obtained))
    if not many and max(len(expected), len(obtained)) <= _LONGEST_INLINE:
        return []
    found = list(_unified(expected, obtained))
    rest = len(found) - _MOST_LINES
    return [*found[:_MOST_LINES], *([f"... and {text.count(rest, 'more line')}"] if rest > 0 else [])]


def _unified(expected: str, obtained: str) -> Iterator[str]:
    before, after = _lines(expected), _lines(obtained)
    if before == after:
        yield "the texts differ in their line ends alone"
        return
    yield from map(_visible, difflib.unified_diff(before, after, "golden", "candidate", n=_CONTEXT, lineterm=""))


def _lines(words: str) -> list[str]:
    """The lines of a text; one that does not end its last line says so, as git does."""
    return [*words.splitlines(), *([] if words.endswith("\n") else ["\\ no line end"])]


def _visible(line: str) -> str:
    """A line of a difference, with its blanks to be seen where there are others than single ones between words."""
    mark, words = line[:1], line[1:]
    if " ".join(words.split()) == words:
        return line
    return mark + words.replace(" ", "\u00b7").replace("\t", "\u21e5")
