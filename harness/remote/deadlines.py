"""A call of somebody else's code that may never come back is given up after some seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

_Answer = TypeVar("_Answer")


def in_time(seconds: float, call: Callable[[], _Answer]) -> _Answer:
    """What ``call`` returns or raises; raises TimeoutError where it takes longer, and leaves it behind.

    It runs in a thread that nobody waits for, at the end of the process either: no library's own limits are relied on.
    """
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="harness-remote")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]
