"""The file without a name to which processes that were started by this one write what they touch.

It belongs to the process: who was started in one stage, as a server of forks, may be at work in the next.
"""

from __future__ import annotations

import json
import os
import tempfile

_open: list[tuple[int, tuple[int, int]]] = []  # its number, and which file that is


def descriptor() -> int:
    """The number of the file, which is made when it is first needed, and again after somebody closed it."""
    if not _open or not is_open():
        made = os.memfd_create("record") if hasattr(os, "memfd_create") else _nameless()
        _open[:] = [(made, _identity(made))]
    return _open[0][0]


def is_open() -> bool:
    """Whether it is there, or was never needed."""
    return not _open or _identity(_open[0][0]) == _open[0][1]


def use(given: int) -> None:
    """Write to a file that another process made."""
    _open[:] = [(given, _identity(given))]


def length() -> int:
    """How many bytes are in it."""
    return os.fstat(_open[0][0]).st_size if _open and is_open() else 0


def send(kind: str, name: str) -> None:
    """Write one line at its end."""
    if _open and is_open():
        os.lseek(_open[0][0], 0, os.SEEK_END)
        os.write(_open[0][0], (json.dumps([kind, name]) + "\n").encode())


def lines_since(start: int) -> list[tuple[str, str]]:
    """What was written after the first ``start`` bytes."""
    content = os.pread(_open[0][0], max(0, length() - start), start) if _open and is_open() else b""
    found = []
    for line in content.splitlines():
        try:
            kind, name = json.loads(line)
        except ValueError:  # two processes wrote at once
            kind, name = "fault", "processes that were started"
        found.append((kind, name))
    return found


def _identity(given: int) -> tuple[int, int]:
    try:
        status = os.fstat(given)
    except OSError:
        return (0, -1)
    return (status.st_dev, status.st_ino)


def _nameless() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
