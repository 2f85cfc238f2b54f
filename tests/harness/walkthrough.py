"""A tutorial as a list of steps: files to write, edits to make, commands to run, and what they are said to print."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial-harness.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Write:
    """A whole file."""

    path: str
    content: str

    def do(self, root: Path) -> None:
        target = root / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.content, encoding="utf-8")


@dataclass(frozen=True)
class Edit:
    """Some lines of a file that become others."""

    path: str
    old: str
    new: str

    def do(self, root: Path) -> None:
        target = root / self.path
        text = target.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.path} does not hold once:\n{self.old}"
        before = target.stat().st_mtime
        target.write_text(text.replace(self.old, self.new), encoding="utf-8")
        os.utime(target, (before + 2, before + 2))  # else bytecode of the same second could pass for its own


@dataclass(frozen=True)
class Commands:
    """Lines for a shell, each with its exit status, and what the tutorial shows of their output."""

    lines: tuple[tuple[str, int], ...]
    shown: list[str] = field(default_factory=list)


def steps(text: str) -> Iterator[Write | Edit | Commands]:
    """The tutorial's steps in order; raises ValueError for a block that would be passed over."""
    last: Commands | None = None
    for language, title, body in BLOCK.findall(text):
        if title:
            yield Write(title, body)
        elif language == "diff":
            yield _edit(body)
        elif language == "sh":
            last = Commands(tuple(map(_command, body.strip().splitlines())))
            yield last
        elif language == "text" and last is not None:
            last.shown.append(body)
        else:
            raise ValueError(f"a block of {language} without a title:\n{body}")


def _edit(body: str) -> Edit:
    head, *lines = body.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in kinds) for kinds in ("- ", "+ "))
    return Edit(head.removeprefix("--- ").strip(), old, new)


def _command(line: str) -> tuple[str, int]:
    command, _, status = line.partition("  # exits with ")
    return command, int(status or 0)


def fragments(shown: str) -> list[str]:
    """What a block of output promises: its lines without borders, blanks as one, cut where it has an ellipsis."""
    parts = (part for line in shown.splitlines() for part in line.split("…"))
    return [promise for part in parts if (promise := flat(part))]


def flat(text: str) -> str:
    """Text without what a terminal's tables are drawn with, and with single blanks."""
    return " ".join(re.sub("[│┃┏┓┗┛┡┩└┘━─┬┴┼╇┳╈├┤]", " ", text).split())
