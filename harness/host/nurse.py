"""The nurse: a process between the harness and a pipeline's, which is given whatever the latter leaves behind.

Linux hands an orphan to its nearest ancestor that asks for orphans. The nurse asks, so that neither a session of its
own, nor a cleared environment, nor a second fork takes a process out of reach: when the pipeline's process ends, the
nurse ends all that is left, and then ends in the same way. It imports nothing of the harness, and runs none of the
pipeline.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator

_SUBREAPER, _DEATH_SIGNAL = 36, 1  # PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG of Linux's prctl
_LOOK_S = 0.5
_PATIENCE_S = 2.0


def start_nursed(harness: int, main: bool, descriptor: int) -> int:
    """Fork: the new process goes on and is given the id of its parent, the old one stays as its nurse.

    ``harness``: the process that started this one, with whose end everything ends; ``main``: its main thread did.
    ``descriptor``: the connection, which is the new process's alone. Where the system gives orphans to nobody, there
    is no nurse, and no fork.
    """
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        return harness
    nurse = os.getpid()
    pipeline = os.fork()
    if pipeline == 0:
        return nurse
    os.close(descriptor)
    _end_like(_wait(pipeline, harness, main))
    raise AssertionError


def _wait(pipeline: int, harness: int, main: bool) -> int:
    """The pipeline's status, once it and everything that it started has ended."""
    signals = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    if main:  # the signal comes when the thread that started this process ends
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
    ended: dict[int, int] = {}
    while pipeline not in _reap(ended):
        got = signal.sigtimedwait(signals, _LOOK_S)
        if (got is not None and got.si_signo == signal.SIGTERM) or os.getppid() != harness:
            os.kill(pipeline, signal.SIGKILL)
    until = time.monotonic() + _PATIENCE_S
    while (left := set(_descendants())) and time.monotonic() < until:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.005)
        _reap(ended)
    return ended[pipeline]


def _reap(ended: dict[int, int]) -> dict[int, int]:
    """Take note of the children that have ended, and of their status."""
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
    except ChildProcessError:
        pass
    return ended


def _descendants() -> Iterator[int]:
    """Every process that comes from this one."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return  # as a rule
    parents: dict[int, int] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
    known = {os.getpid()}
    while found := {process for process, parent in parents.items() if parent in known and process not in known}:
        known |= found
        yield from found


def _end_like(status: int) -> None:
    """End this process as another one ended: with its exit status, or by its signal."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        os._exit(code)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if -code not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    os._exit(128 - code)
