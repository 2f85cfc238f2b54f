"""The pipeline's process: it answers what the harness asks, and ends when nobody asks any more."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from harness.core.adapters.faults import sentence_of, traceback_of
from harness.core.errors import HarnessError
from harness.host.orphans import MARK
from harness.host.questions import Questions
from harness.host.wire import Channel

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
_PARENT_S = 0.5


def answer() -> None:
    """Answer questions on the connection that the command line names, until it is closed."""
    descriptor, parent, main = json.loads(sys.argv[1])
    sys.argv[:] = ["harness"]
    os.set_inheritable(descriptor, False)
    _end_with(parent, main)
    faulthandler.enable(2)
    channel, own = Channel(socket.socket(fileno=descriptor), bytes.fromhex(os.environ[MARK])), os.getpid()
    questions = Questions()

    def progress(done: int, total: int, note: str) -> None:
        if os.getpid() == own:
            channel.send(("progress", int(done), int(total), str(note)[:500]))

    while True:
        try:
            question, arguments = channel.receive_trusted()
        except (EOFError, OSError):
            return
        given = _answer(questions, question, arguments, progress)
        if os.getpid() != own:
            os._exit(0)  # the call forked, and this is not the process that was asked
        try:
            channel.send(given)
        except OSError:
            os._exit(1)
        except Exception as error:  # what pickle raises has no common base
            channel.send(("error", "", f"it gave what cannot be sent: {sentence_of(error)}", ""))


def _answer(questions: Questions, question: str, arguments: Any, progress: Any) -> tuple[Any, ...]:
    try:
        return "answer", questions.answer(question, progress, arguments)
    except BaseException as error:  # the pipeline's code may raise whatever there is
        known = isinstance(error, HarnessError)
        message = str(error) if known or questions.is_for_users(error) else sentence_of(error)
        kind = type(error).__name__ if known else "HarnessError" if questions.is_for_users(error) else ""
        return "error", kind, message, traceback_of(error)
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # it is whatever the pipeline made of it
                continue


def _end_with(parent: int, main: bool) -> None:
    """End this process with its parent, even if that is killed and this one hangs in compiled code."""
    if sys.platform == "linux" and main:  # the signal comes when the thread that started this process ends
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_S)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=look, daemon=True).start()
