"""NPZ files, read member by member: types and sizes are known before a value is read, and nothing is unpickled."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from ptycho.arrays import Real
from ptycho.data.containers.safety import array_bytes, check_memory, check_size, pickled, reading
from ptycho.data.containers.stack import FrameStack
from ptycho.errors import DataError

_STEP = 2**24
_SUFFIX = ".npy"


@dataclass(frozen=True)
class Header:
    """What an array's header declares, and where its values begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    columns_first: bool  # Fortran's order
    start: int


@dataclass(frozen=True)
class Archive:
    """An open NPZ: its arrays by name, none of them read yet. ``path`` names it in messages."""

    path: Path
    file: zipfile.ZipFile
    resources: ExitStack  # closed when the file is
    headers: dict[str, Header] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The arrays' names."""
        return sorted(n.removesuffix(_SUFFIX) for n in self.file.namelist() if n.endswith(_SUFFIX))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def first(self, names: tuple[str, ...]) -> str | None:
        """The first of ``names`` that there is."""
        return next((name for name in names if name in self), None)

    def header(self, name: str) -> Header:
        """An array's declaration; raises DataError for Python objects, and for one that its bytes cannot hold."""
        if name not in self.headers:
            info = self.file.getinfo(name + _SUFFIX)
            check_size(self.path, name, info.file_size, info.compress_size)
            with reading(self.path), self.file.open(info) as stream:
                header = _header(stream)
            if header.dtype.hasobject:
                raise pickled(self.path)
            if header.start + array_bytes(header.shape, header.dtype) != info.file_size:
                raise DataError(
                    f"{self.path.name} cannot be read ({name} declares shape {header.shape} of {header.dtype}, "
                    f"which is not what its {info.file_size} bytes hold): it may be truncated, "
                    "or not the format its name says"
                )
            self.headers[name] = header
        return self.headers[name]

    def array(self, name: str) -> Any:
        """A whole array."""
        header = self.header(name)
        count = array_bytes(header.shape, header.dtype)
        check_memory(self.path, name, count)
        with reading(self.path), _Member(self.file, name, header.start) as member:
            flat = member.values(header.dtype, count // max(header.dtype.itemsize, 1), count, last=True)
        return flat.reshape(header.shape, order="F" if header.columns_first else "C")

    def text(self, name: str) -> str | None:
        """A string; None where there is none."""
        if name not in self or self.header(name).dtype.kind not in "US" or self.header(name).shape not in ((), (1,)):
            return None
        return str(np.ravel(self.array(name))[0])

    def number(self, name: str) -> float | None:
        """A real number, or a truth value as 0 or 1; None where there is none."""
        if name not in self or self.header(name).dtype.kind not in "fiub" or self.header(name).shape not in ((), (1,)):
            return None
        return float(np.ravel(self.array(name))[0])

    def stack(self, name: str, shape: tuple[int, int, int]) -> FrameStack:
        """The array's frames, read one after another from the file; ``shape`` is its own but for axes of one."""
        header = self.header(name)
        if header.columns_first:
            return array_stack(self.array(name).reshape(shape))
        reader = self.resources.enter_context(_Reader(self.path, self.file, name, header, shape))
        return FrameStack(shape, header.dtype, reader.read)


def open_archive(path: Path, source: Any, resources: ExitStack) -> Archive:
    """The NPZ at ``path`` (or in the open stream ``source``), until ``resources`` are closed."""
    with reading(path):
        file = resources.enter_context(zipfile.ZipFile(source))
    names = file.namelist()
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path.name} holds two arrays {twice.removesuffix(_SUFFIX)!r}: remove one of them")
    return Archive(path, file, resources)


def array_stack(array: Any) -> FrameStack:
    """Frames that are in memory already."""
    return FrameStack(array.shape, array.dtype, lambda start, stop: np.array(array[start:stop]))


def _header(stream: IO[bytes]) -> Header:
    """An ``.npy`` header; raises ValueError for anything else."""
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array in version {version} of its format")
    shape, columns_first, dtype = readers[version](stream)
    return Header(shape, dtype, columns_first, stream.tell())


class _Member:
    """A member's values from the first on; its checksum is compared when the last is read."""

    def __init__(self, file: zipfile.ZipFile, name: str, start: int) -> None:
        self.stream = file.open(name + _SUFFIX)
        self.skip(start)

    def __enter__(self) -> _Member:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def skip(self, count: int) -> None:
        """Pass over bytes, which are still checked."""
        while count:
            count -= len(self._some(min(count, _STEP)))

    def values(self, dtype: np.dtype[Any], count: int, size: int, last: bool) -> Any:
        """The next ``count`` values, ``size`` bytes; ``last`` where nothing follows."""
        out = np.empty(count, dtype)
        into: Any = out.view(np.uint8) if size else np.empty(0, np.uint8)
        done = 0
        while done < size:
            some = self._some(min(size - done, _STEP))
            into[done : done + len(some)] = np.frombuffer(some, np.uint8)
            done += len(some)
        if last:
            self.stream.read(1)
        return out

    def _some(self, count: int) -> bytes:
        some = self.stream.read(count)
        if not some:
            raise EOFError("it ends early")
        return some


class _Reader:
    """Frames of a member in order; going back means starting again."""

    def __init__(
        self, path: Path, file: zipfile.ZipFile, name: str, header: Header, shape: tuple[int, int, int]
    ) -> None:
        self.path, self.file, self.name, self.header, self.shape = path, file, name, header, shape
        self.member: _Member | None = None
        self.next = 0

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        if self.member:
            self.member.stream.close()

    def read(self, start: int, stop: int) -> Real:
        """The frames from ``start`` to ``stop``."""
        header, one = self.header, array_bytes(self.shape[1:], self.header.dtype)
        check_memory(self.path, self.name, (stop - start) * one)
        with reading(self.path):
            if self.member is None or start < self.next:
                self.__exit__()
                self.member, self.next = _Member(self.file, self.name, header.start), 0
            self.member.skip((start - self.next) * one)
            count = (stop - start) * (one // header.dtype.itemsize)
            flat = self.member.values(header.dtype, count, (stop - start) * one, last=stop == self.shape[0])
            self.next = stop
        return np.asarray(flat.reshape(stop - start, *self.shape[1:]))
