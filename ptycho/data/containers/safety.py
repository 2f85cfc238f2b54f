"""What no file may do to its reader: sizes are checked before anything is read, and every failure is one sentence."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ptycho.errors import DataError, PtychoError

HARMLESS_BYTES = 2**28  # whatever a file of a few bytes becomes, this much may be read
LARGEST_RATIO = 500  # sparse counts compress a hundredfold; nobody's photons compress more
LARGEST_XZ_DICTIONARY = 2**28
_STEP = 2**20


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside is a DataError that names the file."""
    try:
        yield
    except PtychoError:
        raise
    except Exception as error:  # what a library raises of a damaged file is the damage's choice
        if isinstance(error, ValueError) and "pickle" in str(error):
            raise pickled(path) from error
        told = str(error) or type(error).__name__
        raise DataError(
            f"{path.name} cannot be read ({told}): it may be truncated, or not the format its name says"
        ) from error


def pickled(path: Path) -> DataError:
    """The refusal of Python objects."""
    return DataError(f"{path.name} holds pickled Python objects, which are never unpickled: save plain arrays")


def check_size(path: Path, what: str, becomes: int, stored: int) -> None:
    """Raise DataError where ``stored`` bytes would become more than any measurement makes of them."""
    if becomes > HARMLESS_BYTES and becomes > LARGEST_RATIO * max(stored, 1):
        raise DataError(
            f"{path.name}: {what} would become {becomes / 2**20:.0f} MiB from {stored / 2**20:.3g} MiB in the file, "
            f"more than {LARGEST_RATIO} times as much, which no measurement does: save it without such compression"
        )


def check_memory(path: Path, what: str, becomes: int) -> None:
    """Raise DataError where an array is larger than this machine's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if becomes > memory:
        raise DataError(
            f"{path.name}: {what} needs {becomes / 2**30:.3g} GiB, and this machine has {memory / 2**30:.3g}: "
            "choose fewer with measured.frames, or crop them beforehand"
        )


def array_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """The bytes of an array, counted without overflow."""
    count = dtype.itemsize
    for axis in shape:
        count *= int(axis)
    return count


def first_bytes(path: Path) -> bytes:
    """What a file begins with, which says what it is."""
    with reading(path), path.open("rb") as file:
        return file.read(8)


def unpacked(path: Path, start: bytes) -> IO[bytes] | None:
    """The content of a bzip2, gzip or xz stream in a temporary file; None for a file that is no such stream."""
    kinds: dict[bytes, Callable[[IO[bytes]], Iterator[bytes]]] = {
        b"BZh": lambda packed: _steps(bz2.BZ2File(packed)),
        b"\x1f\x8b": lambda packed: _steps(gzip.GzipFile(fileobj=packed)),
        b"\xfd7zXZ\x00": _xz_steps,
    }
    steps = next((kinds[magic] for magic in kinds if start.startswith(magic)), None)
    if steps is None:
        return None
    size, written = path.stat().st_size, 0
    content: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (whoever asked for it closes it)
    try:
        with reading(path), path.open("rb") as packed:
            for step in steps(packed):
                written += len(step)
                check_size(path, "its content", written, size)
                content.write(step)
        content.seek(0)
    except BaseException:
        content.close()
        raise
    return content


def _steps(stream: Any) -> Iterator[bytes]:
    while step := stream.read(_STEP):
        yield step


def _xz_steps(packed: IO[bytes]) -> Iterator[bytes]:
    """As ``_steps``, with a bound on the memory that a stream's header may ask for."""
    unpacker = lzma.LZMADecompressor(memlimit=LARGEST_XZ_DICTIONARY)
    while not unpacker.eof:
        more = packed.read(_STEP) if unpacker.needs_input else b""
        if unpacker.needs_input and not more:
            raise EOFError("the compressed stream ends early")
        yield unpacker.decompress(more, _STEP)
