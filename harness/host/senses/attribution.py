"""Who changed what of the process: variables, warnings filters, signal handlers, threads. The frame tells.

Only what own code did is held against a stage: a library may set up its process when it is first used.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Origin, caller

variables_of_others: set[str] = set()
"""Environment variables that others than own code set or removed last."""

filters_of_others: list[Any] = []
"""Warnings filters that others than own code put."""

handlers_of_others: dict[int, Any] = {}
"""By signal, the handler that others than own code set last."""

_MOST_FILTERS = 10_000
_threads_of_others: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_installed = False


def attribute_changes() -> None:
    """Take note, from now on, of who changes what; the first call counts."""
    global _installed
    if _installed:
        return
    _installed = True
    audit.listen("os.putenv", _on_variable)
    audit.listen("os.unsetenv", _on_variable)
    for name in ("filterwarnings", "simplefilter"):
        setattr(warnings, name, _noting_filters(getattr(warnings, name)))
    setattr(signal, "signal", _noting_handlers(signal.signal))  # noqa: B010
    start: Callable[..., None] = threading.Thread.start

    def noting_start(self: threading.Thread) -> None:
        audit.call("threading.Thread.start", _on_thread, (self,))
        start(self)

    threading.Thread.start = noting_start  # type: ignore[method-assign]


def started_by_others(thread: threading.Thread) -> bool:
    """Whether a library started a thread for itself, or it waits for work that an executor was not given yet."""
    return thread in _threads_of_others or _is_idle(thread)


def _is_idle(thread: threading.Thread) -> bool:
    """Whether it belongs to an executor that was not shut down, and has nothing to do."""
    futures = sys.modules.get("concurrent.futures.thread")
    queue = futures._threads_queues.get(thread) if futures else None
    frame = sys._current_frames().get(thread.ident or 0)
    at_rest = frame is not None and frame.f_code is futures._worker.__code__ if futures else False
    return queue is not None and queue.empty() and at_rest


def _others() -> bool:
    """Whether the innermost frame that is not the standard library's is a third party's, or the harness's."""
    asks = caller()
    return bool(asks.by_third) or asks.origin is not Origin.OWN


def _on_variable(arguments: tuple[Any, ...]) -> None:
    name = os.fsdecode(arguments[0])
    if _others():
        variables_of_others.add(name)
    else:
        variables_of_others.discard(name)


def _on_thread(arguments: tuple[Any, ...]) -> None:
    if _others():
        _threads_of_others.add(arguments[0])


def _noting_filters(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def noting(*arguments: Any, **keywords: Any) -> None:
        before = {id(item) for item in warnings.filters}
        function(*arguments, **keywords)
        audit.call("warnings", _on_filters, ([item for item in warnings.filters if id(item) not in before],))

    return noting


def _noting_handlers(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def noting(number: int, handler: Any) -> Any:
        before = function(number, handler)
        audit.call("signal.signal", _on_handler, (number, handler))
        return before

    return noting


def _on_handler(arguments: tuple[Any, ...]) -> None:
    number, handler = arguments
    if _others():
        handlers_of_others[int(number)] = handler
    else:
        handlers_of_others.pop(int(number), None)


def _on_filters(arguments: tuple[Any, ...]) -> None:
    if _others() and len(filters_of_others) < _MOST_FILTERS:
        filters_of_others.extend(item for item in arguments[0] if item not in filters_of_others)
