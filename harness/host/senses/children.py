"""Processes that this one started and that still run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

# Helpers that Python and joblib keep for later on purpose; they do nothing by themselves.
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "loky.backend", "joblib.externals.loky")
_LONGEST = 80


def running_children() -> dict[int, str]:
    """By process, the command line of every child that runs, without Python's own helpers."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return {}
    found = {}
    for process in _children():
        line = _command_line(process)
        if line and not any(name in line for name in _HELPERS):
            found[process] = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
    return found


def _children() -> Iterator[int]:
    tasks = Path("/proc/self/task")
    for task in tasks.iterdir() if tasks.is_dir() else ():
        try:
            yield from map(int, (task / "children").read_bytes().split())
        except OSError:  # the thread has ended
            continue


def _command_line(process: int) -> str:
    """The command line; empty where the process has ended, though nobody asked yet how."""
    folder = Path("/proc", str(process))
    try:
        while not (line := (folder / "cmdline").read_bytes()):  # it has ended, or it has only just begun
            state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if state in b"ZX":
                return ""
            time.sleep(0.001)
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode(errors="replace").strip()
