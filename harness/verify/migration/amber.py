"""Syrupy's amber files, read as far as they are data: numbers, texts, booleans, None, and lists and dicts of these.

What an amber file holds of any other object is its ``repr``, from which the object cannot be told: it is refused by
name. Nothing of a file is run.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NoReturn

import numpy as np

from harness.core import text
from harness.core.errors import RefusedDataError

_DATA = {"list([": "])", "tuple(": ")", "dict({": "})", "OrderedDict({": "})", "defaultdict({": "})"}
_OPEN = re.compile(r"(\w+)\((?:\[|\{|)")
_KEY = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^:'"]+): (.*)""", re.DOTALL)
_TEXT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_NUMBER = re.compile(r"[+-]?\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\d+\.(?:\d+)?(?:[eE][+-]?\d+)?")
_SCALAR = re.compile(r"np\.(float(?:16|32|64)|u?int(?:8|16|32|64))\((.+)\)")
_NAMES = {"True": True, "False": False, "None": None, "nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}
_NAMES |= {"np.True_": True, "np.False_": False}
_QUOTES = "'''"
_INDENT = "  "
_DEEPEST = 100


def amber_sections(content: str, place: str) -> dict[str, str]:
    """The text of each snapshot of a file, by its name; raises RefusedDataError for what is no amber of version 1."""
    lines = content.split("\n")
    if not lines[0].startswith("# serializer version: 1"):
        raise RefusedDataError(f"{place} is no amber of version 1: update the snapshots with a syrupy of today first")
    sections: dict[str, str] = {}
    name = ""
    held: list[str] = []
    for line in lines[1:]:
        if line.startswith("# name: "):
            name, held = line.removeprefix("# name: ").strip(), []
        elif line.startswith("# ---") and name:
            sections[name], name = "\n".join(held), ""
        elif line.startswith(_INDENT) and name:
            held.append(line.removeprefix(_INDENT))
    return sections


def read_snapshot(snapshot: str, place: str) -> Any:
    """The data of one snapshot; raises RefusedDataError, which begins with ``place``, for what is none."""
    reader = _Reader(snapshot.split("\n"), place)
    value = reader.value(reader.next_line(), 0)
    if reader.at < len(reader.lines):
        reader.refuse(f"{reader.lines[reader.at]!r:.60} after its end")
    # A line of a text may look like the end of one; then more of such lines are there than texts begin and end.
    ends = [line.strip().rpartition(": ")[2] for line in reader.lines]
    if sum(end in (_QUOTES, f"{_QUOTES},") for end in ends) != 2 * reader.texts:
        reader.refuse("a text with a line of three quotes, whose end cannot be told")
    return value


def _within(number: int, dtype: np.dtype[Any]) -> bool:
    return int(np.iinfo(dtype).min) <= number <= int(np.iinfo(dtype).max)


class _Reader:
    """The lines of a snapshot, of which ``at`` is the next; ``texts`` of several lines were read."""

    def __init__(self, lines: list[str], place: str) -> None:
        self.lines, self.place, self.at, self.texts = lines, place, 0, 0

    def refuse(self, what: str) -> NoReturn:
        raise RefusedDataError(f"{self.place} holds {text.line(what)}: check the data themselves, and accept them anew")

    def next_line(self) -> str:
        if self.at >= len(self.lines):
            self.refuse("data that end too early")
        self.at += 1
        return self.lines[self.at - 1]

    def value(self, head: str, depth: int) -> Any:
        """The value whose first line, without what stands before it, is ``head``; its end's comma is taken, too."""
        if depth > _DEEPEST:
            self.refuse(f"more than {_DEEPEST} levels")
        if head == _QUOTES:
            return self._text(depth)
        opened = _OPEN.fullmatch(head)
        if opened is None:
            return self._scalar(head[:-1] if depth and head.endswith(",") else head)
        if head in ("set({", "frozenset({"):
            self.refuse(f"a {opened[1]}, whose order is not its own")
        if head not in _DATA:
            self.refuse(f"an object, {opened[1]}")
        return self._items(head, depth)

    def _items(self, head: str, depth: int) -> Any:
        end = _INDENT * depth + _DATA[head] + ("," if depth else "")
        inside, items = _INDENT * (depth + 1), []
        keyed = head.endswith("({")
        while (line := self.next_line()) != end:
            if not line.startswith(inside):
                self.refuse(f"{line!r:.60} in a {head.rstrip('([{')}")
            rest = line.removeprefix(inside)
            key = None
            if keyed:
                found = _KEY.fullmatch(rest)
                if found is None or not isinstance(key := self._scalar(found[1]), str):
                    self.refuse(f"the key {rest.partition(': ')[0]!r:.60}, which is no text")
                rest = found[2]
            items.append((key, self.value(rest, depth + 1)))
        if keyed:
            if len({key for key, _ in items}) < len(items):
                self.refuse("one key twice")
            return dict(items)
        return [value for _, value in items] if head == "list([" else tuple(value for _, value in items)

    def _text(self, depth: int) -> str:
        self.texts += 1
        end = _INDENT * depth + _QUOTES + ("," if depth else "")
        inside, found = _INDENT * (depth + 1) if depth else "", []
        while (line := self.next_line()) != end:
            if line and not line.startswith(inside):
                self.refuse(f"{line!r:.60} in a text")
            found.append(line.removeprefix(inside))
        return "\n".join(found)

    def _scalar(self, word: str) -> Any:
        if word in _NAMES:
            return _NAMES[word]
        if _TEXT.fullmatch(word) or _NUMBER.fullmatch(word):
            return self._literal(word)
        if (narrow := _SCALAR.fullmatch(word)) and (narrow[2] in _NAMES or _NUMBER.fullmatch(narrow[2])):
            number = _NAMES[narrow[2]] if narrow[2] in _NAMES else self._literal(narrow[2])
            if "int" in narrow[1] and not (isinstance(number, int) and _within(number, np.dtype(narrow[1]))):
                self.refuse(f"{word[:40]}, which is no {narrow[1]}")
            return np.dtype(narrow[1]).type(number)
        called = re.match(r"<?([A-Za-z_][\w.]*)(?=[ (])", word)
        return self.refuse(f"the repr of an object, {called[1] if called else word[:40]}, and not its data")

    def _literal(self, word: str) -> Any:
        try:
            return ast.literal_eval(word)
        except (ValueError, SyntaxError, MemoryError):
            return self.refuse(f"{word[:40]!r}, which cannot be read")
