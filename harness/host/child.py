"""The pipeline's process: it answers what the harness asks, and ends when nobody asks any more."""

from __future__ import annotations

import ctypes
import faulthandler
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
from harness.host.senses import programs
from harness.host.wire import Channel

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
_PARENT_S = 0.5


def answer(descriptor: int, harness: int, parent: int, main: bool) -> None:
    """Answer questions on the connection that is open as ``descriptor``, until it is closed or ``parent`` ends.

    ``parent``: the nurse, or where there is none the harness itself, whose ``main`` thread started this process or not.
    """
    sys.argv[:] = ["harness"]
    os.set_inheritable(descriptor, False)
    _end_with(parent, main or parent != harness)
    if parent != harness:
        programs.know_nurse(parent)
    faulthandler.enable(2)
    replies, questions = Replies(socket.socket(fileno=descriptor), bytes.fromhex(os.environ[MARK])), Questions()
    while True:
        try:
            question, arguments = replies.next_question()
        except (EOFError, OSError):
            return
        given = _answer(questions, question, arguments, replies.progress)
        if os.getpid() != replies.process:
            os._exit(0)  # the call forked, and this is not the process that was asked
        try:
            replies.answer(given)
        except OSError:
            os._exit(1)
        except Exception as error:  # what pickle raises has no common base
            replies.answer(("error", "", f"it gave what cannot be sent: {sentence_of(error)}", ""))


class Replies:
    """What this process says to the harness: to each question any number of notes on progress, and one answer.

    A question brings the key for what is said to it. What is said to none, or to one that was answered, is not sent.
    """

    def __init__(self, end: socket.socket, key: bytes) -> None:
        self._channel, self.process = Channel(end, key), os.getpid()
        self._turn, self._asked = threading.RLock(), False

    def next_question(self) -> tuple[str, Any]:
        """The next question and its arguments."""
        question, arguments, key = self._channel.receive_trusted()
        self._channel.key, self._asked = key, True
        return question, arguments

    def progress(self, done: int, total: int, note: str) -> None:
        """Tell how far a stage is."""
        with self._turn:
            if os.getpid() == self.process and self._asked:
                self._channel.send(("progress", int(done), int(total), str(note)[:500]))

    def answer(self, given: tuple[Any, ...]) -> None:
        """Answer the question; raises what pickle raises, and then it is still to be answered."""
        with self._turn:
            self._channel.send(given)
            self._asked = False


def _answer(questions: Questions, question: str, arguments: Any, progress: Any) -> tuple[Any, ...]:
    try:
        return "answer", questions.answer(question, progress, arguments)
    except BaseException as error:  # the pipeline's code may raise whatever there is
        known = isinstance(error, HarnessError)
        message = str(error) if known or questions.is_for_users(error) else sentence_of(error)
        kind = type(error).__name__ if known else "HarnessError" if questions.is_for_users(error) else ""
        details = traceback_of(error)
        if not kind or error.__cause__:  # the pipeline's own exception, or one that came from it
            questions.log(details)
        return "error", kind, message, details
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
