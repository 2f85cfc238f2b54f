"""The files whose edits count, looked at again and again: whatever git tracks, or would track."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from harness.core.git import git_output, place_in_repository, top

FileStates: TypeAlias = Mapping[str, tuple[int, int]]
"""By file, when it was written (in ns) and its size in bytes."""

PAUSE_S = 0.3  # between two looks


class WatchedFiles:
    """The files of a repository but for those in ``state``. Those that each run writes itself are left out, too."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root, self._state = top(root), f"{place_in_repository(root, state)}/"
        self.restless: set[str] = set()
        self._written: set[str] = set()  # while the last run went on

    def state(self) -> FileStates:
        """How every file is now."""
        found: dict[str, tuple[int, int]] = {}
        for name in self._names("--cached", "--others", "--exclude-standard"):
            if name.startswith(self._state) or name in self.restless:
                continue
            with contextlib.suppress(OSError):  # it is gone, which its absence tells
                about = os.lstat(self.root / name)
                found[name] = (about.st_mtime_ns, about.st_size)
        return found

    def _names(self, *which: str) -> list[str]:
        listed = git_output(self.root, "ls-files", "-z", *which).decode(errors="surrogateescape")
        return [name for name in listed.split("\0") if name]

    def next_edit(self, before: FileStates) -> list[str]:
        """Wait until something is otherwise than ``before``, and then nothing for a moment; gives what was edited."""
        while not (changed := edits_between(before, self.state())):
            time.sleep(PAUSE_S)
        last = self.state()
        time.sleep(PAUSE_S)
        while (now := self.state()) != last:  # an editor or git is still at it
            last = now
            time.sleep(PAUSE_S)
        return edits_between(before, now) or changed

    def note_run(self, written: list[str]) -> list[str]:
        """Hear what changed while a run went on; gives what changed in the one before as well, and is left out now.

        A file that git tracks is never left out: somebody may well save it during two runs.
        """
        new = set(written).difference(self._names("--cached"))
        again = sorted(self._written & new)
        self._written = new.difference(again)
        self.restless.update(again)
        return again


def edits_between(before: FileStates, now: FileStates) -> list[str]:
    """The files that are new, gone, or written since."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def shown(names: list[str], most: int = 3) -> Iterator[str]:
    """The first few names, and how many more."""
    yield from names[:most]
    if len(names) > most:
        yield f"{len(names) - most} more"
