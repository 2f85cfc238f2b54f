"""Histories for the tests of bisection, written by ``git fast-import`` at once, however long they are."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """A commit to be made: what it changes, and by their numbers in the history (0 is the start) what it follows."""

    files: Mapping[str, str] = field(default_factory=dict)
    follows: tuple[int, ...] = ()


def write_history(root: Path, branch: str, start: str, commits: Sequence[Made]) -> list[str]:
    """Make ``branch`` of ``commits`` after ``start``, or from nothing; gives the hashes, that of ``start`` first.

    Neither the working tree nor the index is touched.
    """
    lines: list[bytes] = []
    for number, commit in enumerate(commits, 1):
        follows = [start if n == 0 else f":{n}" for n in commit.follows or (number - 1,)]
        message = f"{branch} {number}".encode()
        lines += [b"commit refs/heads/%s" % branch.encode(), b"mark :%d" % number]
        lines += [b"committer Grace Example <grace@example.org> %d +0000" % (1_700_000_000 + number)]
        lines += [b"data %d\n%s" % (len(message), message)]
        lines += [b"%s %s" % (b"merge" if n else b"from", to.encode()) for n, to in enumerate(follows) if to]
        for name, text in commit.files.items():
            lines += [b"M 100644 inline %s" % name.encode(), b"data %d\n%s" % (len(text.encode()), text.encode())]
    marks = root / ".git" / f"{branch}.marks"
    command = ["git", "fast-import", "--quiet", "--force", f"--export-marks={marks}"]
    subprocess.run(command, cwd=root, input=b"\n".join(lines) + b"\n", check=True)
    by_mark = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    asked = subprocess.run(["git", "rev-parse", start or branch], cwd=root, check=True, capture_output=True, text=True)
    first = asked.stdout.split() if start else []
    return [*first, *(by_mark[f":{number}"] for number in range(1, len(commits) + 1))]
