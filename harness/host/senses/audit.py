"""One audit hook for the whole process, which cannot be taken out again: whoever listens is called from here.

The hook is asked for every event of the interpreter, hundreds of thousands a second where ``id`` is called, so
what nobody listens to costs one look-up. It never raises: what a listener could not judge is kept in ``faults``.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

Listener: TypeAlias = Callable[[tuple[Any, ...]], None]

faults: list[str] = []
"""Events that a listener failed on, each with the kind of error."""

_MOST_FAULTS = 1000
_listeners: dict[str, tuple[Listener, ...]] = {}
_hooked = False


class _Quiet(threading.local):
    depth = 0


_quiet = _Quiet()


class unheard:  # noqa: N801
    """A context in which this thread's events reach no listener: what the harness itself does."""

    def __enter__(self) -> None:
        _quiet.depth += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _quiet.depth -= 1


def listen(event: str, listener: Listener) -> None:
    """Call ``listener`` with the arguments of every ``event`` from now on."""
    global _hooked
    _listeners[event] = (*_listeners.get(event, ()), listener)
    if not _hooked:
        _hooked = True
        sys.addaudithook(_hook)


def call(event: str, listener: Listener, arguments: tuple[Any, ...]) -> None:
    """Call ``listener``, whatever it meets: it must not disturb who is listened to."""
    if _quiet.depth:
        return
    _quiet.depth += 1
    try:
        listener(arguments)
    except Exception as error:
        if len(faults) < _MOST_FAULTS:
            faults.append(f"{event}: {type(error).__name__}")
    finally:
        _quiet.depth -= 1


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    listeners = _listeners.get(event)
    if listeners is not None:
        for listener in listeners:
            call(event, listener, arguments)
