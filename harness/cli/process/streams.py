"""Standard output and error that always take what is written: what the encoding lacks is spelled in ASCII, and what
cannot be written at all (a closed stream, a full disk) is remembered for the exit status, not raised.

So a command that changes files is never stopped half-way by whoever reads its output.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

FALLBACK = "harness-ascii"  # the name of the error handler of encodings
_SPELLED = {
    "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-", "\u00d7": "x", "\u00b7": "*",
    "\u2026": "...", "\u221e": "inf", "\u00b1": "+-", "\u2264": "<=", "\u2265": ">=", "\u2192": "->", "\ufffd": "?",
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00ab": "<<", "\u00bb": ">>", "\u00a0": " ",
    "\u2713": "ok", "\u2715": "x", "\u25b2": "^", "\u2022": "*", "\u2501": "-", "\u2500": "-", "\u2502": "|",
}  # fmt: skip


def spell(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks: their look in ASCII, or else their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_SPELLED.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lost), error.end


codecs.register_error(FALLBACK, spell)


class TolerantStream(io.TextIOBase):
    """A standard stream by its name, ``"stdout"`` or ``"stderr"``; ``failure`` is why it could not be written."""

    def __init__(self, name: str, stream: TextIO | None) -> None:
        self.name, self.stream = name, stream
        self.failure: OSError | None = None if stream else OSError(errno.EBADF, "it is closed")
        if hasattr(stream, "reconfigure"):
            self.attempt(lambda stream: stream.reconfigure(errors=FALLBACK))

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of what is written."""
        return getattr(self.stream, "encoding", None) or "utf-8"

    @property
    def buffer(self) -> TolerantBytes:
        """The stream as bytes."""
        return TolerantBytes(self)

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether somebody watches."""
        return bool(self.stream and self.stream.isatty())

    def fileno(self) -> int:
        """The descriptor."""
        if self.stream is None:
            raise io.UnsupportedOperation("the stream is closed")
        return self.stream.fileno()

    def write(self, words: str) -> int:
        """Write, or remember why not."""
        self.attempt(lambda stream: stream.write(words))
        return len(words)

    def flush(self) -> None:
        """Hand on what is written."""
        self.attempt(lambda stream: stream.flush())

    def attempt(self, action: Any) -> None:
        """Do something with the stream, unless it failed before."""
        if self.stream is None or self.failure:
            return
        try:
            action(self.stream)
        except OSError as error:
            self.failure = error
            self._forget()
        except ValueError as error:  # somebody closed it
            self.failure = OSError(errno.EBADF, str(error))

    def _forget(self) -> None:
        """Let what is left in the buffer go nowhere, so that Python does not try again when it ends."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


class TolerantBytes(io.RawIOBase):
    """The bytes of an ``TolerantStream``."""

    def __init__(self, output: TolerantStream) -> None:
        self.output = output

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, content: Any) -> int:
        """Write, or remember why not."""

        def put(stream: TextIO) -> None:
            stream.flush()
            stream.buffer.write(content)
            stream.buffer.flush()

        self.output.attempt(put)
        return len(content)


@contextlib.contextmanager
def standard_streams() -> Iterator[tuple[TolerantStream, TolerantStream]]:
    """Let ``sys.stdout`` and ``sys.stderr`` be such streams; a descriptor that is closed leads nowhere meanwhile.

    Else the next file that is opened would be standard error, and take what libraries print there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    out, error = TolerantStream("stdout", sys.stdout), TolerantStream("stderr", sys.stderr)
    sys.stdout, sys.stderr = out, error
    try:
        yield out, error
    finally:
        out.flush()
        error.flush()
        sys.stdout, sys.stderr = before
