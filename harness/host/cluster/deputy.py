"""A deputy: the process in which a worker of Dask runs jobs, in the circumstances of who gave the command.

A worker's own process will not do. Dask sets variables in it that decide numbers, such as the number of threads; jobs
run in a thread of it, where nobody can stop them; and what one command imports would be there for the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import harness
from harness.host.cluster.command import Command, UnlikeError
from harness.host.cluster.likeness import differences, likeness
from harness.run.jobs import Job
from harness.run.processes import serve

JobAnswer = tuple[Any, tuple[str, str] | None]
"""What a job gave; or message and traceback of its failure."""

_LOOK_S = 0.2
_IDLE_S = 60.0  # a deputy that nobody asks for so long ends: who gave the command may have been killed
_HOME = str(Path(harness.__file__).resolve().parents[1])
_START = """
import json, sys
descriptor, parent, meeting, digest, home, *path = json.loads(sys.argv[1])
sys.path[:] = [home, *path]  # first this harness, whatever else is called so
from harness.host.cluster import deputy
sys.path[:] = path
deputy.work(descriptor, parent, meeting, digest)
"""


class StoppedError(Exception):
    """Nobody wants the job any more."""


class Deputy:
    """The process, which is asked for one job at a time; raises UnlikeError where it may not work for the command."""

    def __init__(self, meeting: Path, digest: str) -> None:
        command = Command.read(meeting, digest)
        if not Path(command.root).is_dir():
            raise UnlikeError(f"has no {command.root}: share that folder, or check out the same commit there")
        ours, theirs = socket.socketpair()
        self._pipe = Connection(ours.detach())
        arguments = [theirs.fileno(), os.getpid(), str(meeting), digest, _HOME, *map(str, sys.path)]
        self.process = subprocess.Popen(
            [sys.executable, *command.flags, "-c", _START, json.dumps(arguments)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=command.variables(os.environ),
            cwd=command.root,
            start_new_session=True,  # a terminal's Ctrl-C is the command's to handle
        )
        theirs.close()  # so that the pipe ends when the process does
        self._greeted = False

    def ask(self, job: Job, wanted: Callable[[], bool]) -> JobAnswer:
        """Its answer; EOFError or OSError where it dies, StoppedError once the job is no longer ``wanted``."""
        self._greet(wanted)
        self._pipe.send(job)
        answer: JobAnswer = self._heard(wanted)
        return answer

    def _greet(self, wanted: Callable[[], bool]) -> None:
        """Wait until it is ready, once."""
        if not self._greeted and (unlike := self._heard(wanted)):
            raise UnlikeError(*unlike)
        self._greeted = True

    def _heard(self, wanted: Callable[[], bool]) -> Any:
        while not self._pipe.poll(_LOOK_S):
            if not wanted():
                raise StoppedError
        return self._pipe.recv()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def end(self) -> None:
        """End it at once, and what it started; what runs a pipeline's stages ends with it by itself."""
        self._pipe.close()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def dismiss(self) -> None:
        """Let it end by itself; whoever asks does not wait for that."""
        self._pipe.close()
        threading.Thread(target=self.process.wait, daemon=True).start()


def work(descriptor: int, parent: int, meeting: str, digest: str) -> None:
    """Say in what this process differs from the command, as sentences, then answer jobs: the deputy's own part."""
    os.set_inheritable(descriptor, False)
    pipe = Connection(descriptor)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        command = Command.read(Path(meeting), digest)
        unlike = differences(_likeness_here(command), command.likeness)
    except UnlikeError as error:
        unlike = list(error.args)
    except Exception as error:  # whatever it is: this one cannot work
        unlike = [f"cannot open the repository: {error}"]
    pipe.send(unlike)
    if not unlike:
        serve(pipe, _IDLE_S)


def _likeness_here(command: Command) -> dict[str, Any]:
    from harness.host.project import open_project

    project = open_project(Path(command.root), keep_log=True)
    try:
        found: dict[str, Any] = json.loads(json.dumps(likeness(project)))
        return found
    finally:
        project.host.end()


def _end_with(parent: int) -> None:
    """End this process with its worker, whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.killpg(0, signal.SIGKILL)  # and what it started, as it has a group of its own
