"""Keys of a terminal, one at a time, as they are pressed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ESCAPE = 0x1B


def has_terminal() -> bool:
    """Whether somebody sits before both standard input and standard output."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout.isatty())


@contextmanager
def _without_echo(descriptor: int) -> Iterator[None]:
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSANOW)  # Ctrl-C stays what it is
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def read_key() -> str:
    """The next key, in lower case; empty at the end of input. One of several bytes, such as an arrow, is Escape."""
    descriptor = sys.stdin.fileno()
    with _without_echo(descriptor):
        first = os.read(descriptor, 1)
        if first and first[0] == _ESCAPE:
            os.set_blocking(descriptor, False)
            try:
                while os.read(descriptor, 1):
                    pass
            except BlockingIOError:
                pass
            finally:
                os.set_blocking(descriptor, True)
        return first.decode("latin-1").lower()


def read_line() -> str:
    """A line that somebody types, without blanks around it; empty at the end of input."""
    return sys.stdin.readline().strip()
