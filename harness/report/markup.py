"""Pieces of Markdown: tables, code spans, icons, and text that stays text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from harness.core import text

PASSED_ICON, FAILED_ICON, IMPROVED_ICON, NEUTRAL_ICON = "\u2705", "\u274c", "\u2b06\ufe0f", "\u26aa"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Collection[int] = ()) -> str:
    """A table; the columns at the indices ``numeric`` lean to the right.

    Cells are Markdown already. A pipe or a line break in one would end it, so the pipe is escaped (unless it is)
    and the break becomes a blank.
    """
    rule = ["---:" if i in numeric else "---" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in (head, rule, *rows))


def _cell(words: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", re.sub(r"[\r\n]+", " ", words))


def code(words: str) -> str:
    """Text as a code span that nothing in it can end."""
    words = text.clipped(words).replace("|", "\\|")
    longest = max(map(len, re.findall("`+", words)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{words or ' '}{space}{fence}"


def prose(words: str, longest: int = text.LONGEST_LINE) -> str:
    """Text without markup of its own: no link, mention, HTML or table cell can come out of it."""
    words = text.clipped(words, longest).replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
    return re.sub(r"([\\`*_\[\]#|~>!])", r"\\\1", words)
