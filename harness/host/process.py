"""A supervised process: it answers one question at a time, and may end, hang or be killed at any moment.

The pipeline's code is a stranger's. In a process of its own it can end itself, block, or change whatever is global, and
the process that judges goes on: it says what happened in which call, and starts another one for the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import harness
from harness.core import errors, text
from harness.core.errors import HarnessError
from harness.host.orphans import MARK, end_orphans
from harness.host.wire import Channel, UnreadableError
from harness.run.cache import AbsentError
from harness.run.circumstances import passed
from harness.run.work import StageError

Heard = Callable[[int, int, str], None]
"""A callback for progress: steps done, steps in total, and a note."""

_BRIEF_S = 600.0  # that a call may take which is no stage
_SAY_S = 30.0  # how long nothing comes before that is said
_END_S = 2.0  # that a process may take to end by itself
_HOME = str(Path(harness.__file__).resolve().parents[1])
_NURSE = str(Path(__file__).with_name("nurse.py"))
_START = """
import gc, json, sys
gc.disable()  # what is imported below stays
descriptor, harness, main = json.loads(sys.argv[1])
nurse, home, *path = json.loads(sys.argv[2])
with open(nurse, encoding="utf-8") as file:
    exec(compile(file.read(), nurse, "exec"), of_nurse := {"__name__": "nurse"})
parent = of_nurse["start_nursed"](harness, main, descriptor)  # before anything is imported, as it forks
sys.path[:] = [home, *path]  # first this harness, whatever else is called so
from harness.host import child
sys.path[:] = path
gc.freeze()  # nor is it looked through later, here or in what is forked from here
gc.enable()
child.answer(descriptor, harness, parent, main)
"""
_ERRORS = {kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type)} | {
    "AbsentError": AbsentError
}


class RaisedError(StageError):
    """The pipeline's code raised: the message says what and where, ``details`` is the traceback."""


class DiedError(StageError):
    """The process of the pipeline ended, or was ended because it took too long, while it was asked something."""


class Host:
    """The process of one pipeline, started when it is first needed, and again after it ended.

    ``root``: the folder of the project. ``log``: the file that gets whatever the process prints. ``limit_s``: how long
    a stage may take. ``opened`` has what the process said of itself when it started.
    """

    def __init__(self, root: Path, log: Path, limit_s: float) -> None:
        self.root, self.log, self.limit_s = root, log, limit_s
        self.opened: Any = None
        self._declared: tuple[str, ...] = ()  # the environment variables that the pipeline declares
        self._process: _Process | None = None
        self._failures: list[Exception] = []  # of a start that nobody asked for yet
        self._turn = threading.RLock()

    def ask(self, question: str, *arguments: Any, doing: str, brief: bool = False, heard: Heard | None = None) -> Any:
        """The answer to one of ``harness.host.questions``; ``doing`` says what is done, in an error.

        What is ``brief`` may take ten minutes at most, whatever a stage may. Raises DiedError when the process ends or
        takes too long, RaisedError when the pipeline's code raises, and whatever HarnessError the answer is.
        """
        with self._turn:
            if self._failures:
                raise self._failures.pop()
            if self._process is None or not self._process.alive:
                self.end()
                self._start()
            return self._asked(question, arguments, doing, _BRIEF_S if brief else self.limit_s, heard)

    def begin(self) -> None:
        """Start the process while the caller does something else; who asks first is told where that failed."""

        def begin() -> None:
            with self._turn:
                try:
                    if self._process is None:
                        self._start()
                except Exception as error:
                    self._failures.append(error)

        threading.Thread(target=begin, name="start of the pipeline", daemon=True).start()

    def end(self) -> None:
        """End the process and all that it started; the next question starts another."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _start(self) -> None:
        self._open()
        declared = tuple(self.opened["plain"]["environment"])
        if passed(os.environ, declared) != passed(os.environ, self._declared):
            # Libraries read variables when they are imported, and before: so once more, with those of the pipeline.
            self.end()
            self._declared = declared
            self._open()

    def _open(self) -> None:
        """Start the process, and import the adapter in it."""
        given = passed(os.environ, self._declared)
        withheld = {name: value for name, value in os.environ.items() if name not in given}
        self._process = _Process(self.root, self.log, given)
        question = (str(self.root), withheld)
        self.opened = self._asked("open", question, "importing the adapter", _BRIEF_S, None)

    def _asked(self, question: str, arguments: Any, doing: str, most_s: float, heard: Heard | None) -> Any:
        process, limit_s = self._process, min(most_s, self.limit_s)
        assert process is not None
        process.watch(limit_s, heard)
        try:
            process.channel.send((question, arguments, key := os.urandom(16)))
            process.channel.key = key
            while True:
                kind, *rest = process.channel.receive()
                if kind == "answer":
                    return rest[0]
                if kind == "error":
                    name, message, details = rest
                    raise (
                        _ERRORS[name](message) if name in _ERRORS else RaisedError(f"{doing} raised {message}", details)
                    )
                process.hear(*rest)
        except _TooLongError as error:
            self.end()
            raise DiedError(
                f"{doing} took longer than {text.seconds(limit_s)} and was ended: raise stage_seconds in "
                f"[tool.harness], or see {self.log}"
            ) from error
        except (EOFError, OSError) as error:
            how = process.ending()
            self.end()
            raise DiedError(f"{doing} ended its process, which {how}: see {self.log}", process.last_words()) from error
        except (UnreadableError, ValueError, TypeError) as error:
            self.end()
            raise DiedError(f"{doing} gave what is no data ({error})") from error
        except HarnessError:
            raise
        except BaseException:  # such as Ctrl-C: its answer is still to come, and nobody would wait for it
            self.end()
            raise


class _TooLongError(Exception):
    pass


class _Process:
    """One process, and the channel to it."""

    def __init__(self, root: Path, log: Path, environment: Mapping[str, str]) -> None:
        self.mark, self.log = uuid.uuid4().hex, log
        ours, theirs = socket.socketpair()
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # such as -O and -X dev
        self.channel = Channel(ours, bytes.fromhex(self.mark), self._look)
        with _opened(log) as output:
            self.started_at = os.fstat(output).st_size
            self.process = subprocess.Popen(
                [sys.executable, *flags, "-c", _START, *_start_arguments(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environment, MARK: self.mark},
                cwd=root,  # wherever the command was started
                start_new_session=True,  # so that Ctrl-C is not its own to handle, and all of it can be ended
            )
        theirs.close()  # so that the channel ends when the process does
        self._ended = weakref.finalize(self, _end, self.process, ours, self.mark)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def watch(self, limit_s: float, heard: Heard | None) -> None:
        """From now on it may take ``limit_s``."""
        self.heard, self.since = heard, time.monotonic()
        self.until, self.silent = self.since + limit_s, self.since

    def hear(self, done: int, total: int, note: str) -> None:
        """It reports progress."""
        self.since = self.silent = time.monotonic()
        self._look()
        if self.heard:
            self.heard(done, total, note)

    def _look(self) -> None:
        """Nothing came for a moment: it may have ended, or take too long."""
        now = time.monotonic()
        if not self.alive and not select.select([self.channel.end], [], [], 0)[0]:
            raise EOFError
        if now > self.until:
            raise _TooLongError
        if self.heard and now - self.silent > _SAY_S:
            self.heard(0, 1, f"still running, nothing heard for {text.seconds(now - self.since)}")
            self.silent = now

    def ending(self) -> str:
        """How the process ended, or that it stopped to answer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_S)
        code = self.process.returncode
        if code is None:
            return "closed its connection"
        if code >= 0:
            return f"ended with status {code}"
        name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else f"signal {-code}"
        hint = ", perhaps because there was no memory left" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"

    def last_words(self) -> str:
        """The end of what it printed."""
        try:
            with open(os.open(self.log, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    return ""
                file.seek(max(self.started_at, about.st_size - 8192))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def end(self) -> None:
        """End it, and all that it started."""
        self._ended()


def _end(process: subprocess.Popen[bytes], end: socket.socket, mark: str) -> None:
    end.close()  # which is how it is asked to end
    try:
        process.wait(_END_S if process.poll() is None else 0)
    except subprocess.TimeoutExpired:
        _kill(process)
    end_orphans(mark)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Let the nurse end everything, even if it was stopped; then end the nurse itself, if it does not."""
    try:
        process.terminate()
        process.send_signal(signal.SIGCONT)
        process.wait(_END_S if sys.platform == "linux" else 0)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


@contextlib.contextmanager
def _opened(log: Path) -> Any:
    """The log's descriptor, at its end; where it cannot be written, what only reads still works, without one."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        os.set_blocking(descriptor, True)
    except OSError:
        descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _start_arguments(descriptor: int) -> list[str]:
    main = threading.current_thread() is threading.main_thread()
    return [
        json.dumps([descriptor, os.getpid(), main]),
        json.dumps([_NURSE, _HOME, *(p for p in sys.path if isinstance(p, str))]),
    ]
