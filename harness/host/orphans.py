"""Processes that a pipeline's process left behind: they carry its mark in their environment, and are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "HARNESS_PROCESS"  # the environment variable by which a process and all that it starts are known
_PROCESSES = Path("/proc")
_PATIENCE_S = 2.0


def end_orphans(mark: str) -> int:
    """End every process with the mark, and those that they start meanwhile; gives how many there were.

    Linux alone tells other processes' environments; elsewhere nothing is found.
    """
    ended: set[int] = set()
    until = time.monotonic() + _PATIENCE_S
    while (alive := set(marked_processes(mark))) and time.monotonic() < until:
        for pid in alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        ended |= alive
        time.sleep(0.01)
    return len(ended)


def marked_processes(mark: str) -> Iterator[int]:
    """The ids of the processes that carry ``mark``, zombies left out."""
    wanted = f"{MARK}={mark}".encode()
    for folder in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                yield int(folder.name)
