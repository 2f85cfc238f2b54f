"""Messages between the harness and the process of a pipeline: plain values and arrays, and never code.

What comes from the pipeline's process is read by an unpickler that knows plain values, NumPy's arrays and scalars, and
the records of the protocol, so that nothing that a pipeline sends can run in the process that judges it.
"""

from __future__ import annotations

import io
import pickle
import socket
import struct
from collections.abc import Callable
from typing import Any

from harness.core import protocol
from harness.core.codecs import Parted
from harness.run.work import StageAnswer

LOOK_S = 0.2  # how long nothing comes or goes before ``idle`` is called
_HEAD = struct.Struct("!16sQ")  # before each message: the channel's key, so that it is one, and its size in bytes
_ARRAYS = {"ndarray", "dtype", "_reconstruct", "_frombuffer", "scalar"}
_RECORDS = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        protocol.Artifact,
        protocol.Curve,
        protocol.Image,
        protocol.Invariant,
        protocol.Ladder,
        protocol.Scenario,
        Parted,
        StageAnswer,
    )
}


class UnreadableError(Exception):
    """A message that holds something else than plain values."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _RECORDS:
            return _RECORDS[module, name]
        numpys = module.partition(".")[0] == "numpy" and (name in _ARRAYS or module == "numpy.dtypes")
        if numpys or (module, name) == ("_codecs", "encode"):  # old protocols write bytes as text
            return super().find_class(module, name)
        raise UnreadableError(f"{module}.{name}")


class Channel:
    """One end of the connection; ``key`` is 16 bytes that both ends know: another one from each question on.

    ``idle`` is called while nothing comes or goes; what it raises ends the wait.
    """

    def __init__(self, end: socket.socket, key: bytes, idle: Callable[[], None] | None = None) -> None:
        self.end, self.key, self.idle = end, key, idle
        end.settimeout(LOOK_S if idle else None)

    def send(self, message: Any) -> None:
        """Send a message; raises what pickle raises for a value that cannot be sent, OSError when nobody listens."""
        content = memoryview(_HEAD.pack(self.key, len(body := pickle.dumps(message, protocol=5))) + body)
        while content:
            try:
                content = content[self.end.send(content) :]
            except TimeoutError:
                self._wait()

    def receive(self) -> Any:
        """A message of the pipeline's process; raises EOFError at its end, UnreadableError for what is no message."""
        content = self._content()
        try:
            return _Reader(io.BytesIO(content)).load()
        except UnreadableError:
            raise
        except Exception as error:  # what a damaged pickle raises has no common base
            raise UnreadableError(f"{type(error).__name__}: {error}") from error

    def receive_trusted(self) -> Any:
        """A message of the harness, in the pipeline's process."""
        return pickle.loads(self._content())

    def _content(self) -> bytes:
        key, size = _HEAD.unpack(self._exactly(_HEAD.size))
        if key != self.key:
            raise UnreadableError("something else wrote to the connection")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            try:
                part = self.end.recv(min(size, 2**20))
            except TimeoutError:
                self._wait()
                continue
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
            if size:
                self._wait()  # a message may come drop by drop
        return b"".join(parts)

    def _wait(self) -> None:
        if self.idle:
            self.idle()
