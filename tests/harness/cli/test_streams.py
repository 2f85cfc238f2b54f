"""Streams that take whatever is written."""

from __future__ import annotations

import errno
import io

import pytest

from harness.cli.process.streams import TolerantStream


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding)


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", b"a - x ... +- inf ok | caf\\xe9 \\u6f22 \\U0001f469 \\udc80"),
        ("latin-1", b"a - \xd7 ... \xb1 inf ok | caf\xe9 \\u6f22 \\U0001f469 \\udc80"),
        ("cp1252", b"a - \xd7 \x85 \xb1 inf ok | caf\xe9 \\u6f22 \\U0001f469 \\udc80"),
        (
            "utf-8",
            "a \u2212 \u00d7 \u2026 \u00b1 \u221e \u2713 \u2502 caf\u00e9 \u6f22 \U0001f469 ".encode() + b"\\udc80",
        ),
    ],
)
def test_what_an_encoding_lacks_is_spelled(encoding, written):
    below = stream(encoding)
    tolerant = TolerantStream("stdout", below)
    tolerant.write("a \u2212 \u00d7 \u2026 \u00b1 \u221e \u2713 \u2502 caf\u00e9 \u6f22 \U0001f469 \udc80")
    tolerant.flush()
    assert below.buffer.getvalue() == written
    assert tolerant.failure is None


def test_bytes_follow_the_words_before_them():
    below = stream("utf-8")
    tolerant = TolerantStream("stdout", below)
    tolerant.write("first ")
    tolerant.buffer.write(b"\xe2\x88\x92")
    tolerant.write(" last")
    tolerant.flush()
    assert below.buffer.getvalue().decode() == "first \u2212 last"


def test_a_failure_is_remembered_and_never_raised():
    class Full(io.RawIOBase):
        def writable(self):
            return True

        def write(self, content):
            raise OSError(errno.ENOSPC, "full")

    tolerant = TolerantStream("stdout", io.TextIOWrapper(io.BufferedWriter(Full()), "utf-8"))
    tolerant.write("x" * 100_000)
    tolerant.buffer.write(b"y")
    tolerant.flush()
    assert tolerant.failure.errno == errno.ENOSPC
    tolerant.write("more")
    assert tolerant.failure.errno == errno.ENOSPC


def test_a_stream_that_is_closed_takes_everything():
    for below in (None, stream("utf-8")):
        if below:
            below.close()
        tolerant = TolerantStream("stdout", below)
        assert tolerant.write("x") == 1
        tolerant.flush()
        assert tolerant.failure.errno == errno.EBADF
