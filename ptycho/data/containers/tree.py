"""HDF5 files, read path by path: nothing outside the file is opened, and sizes are known before a value is read."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho.arrays import Real
from ptycho.data.containers.safety import array_bytes, check_memory, check_size, reading
from ptycho.data.containers.stack import FrameStack
from ptycho.errors import DataError

_MOST_LINKS = 16
_OWN_FILE = "."  # as a virtual data set calls the file that it lies in


@dataclass(frozen=True)
class Tree:
    """An open HDF5 file. ``path`` names it in messages."""

    path: Path
    file: h5py.File
    resources: ExitStack  # closed when the file is

    def item(self, name: str) -> Any:
        """The group or data set at a path; None where there is none. Raises DataError for what leads elsewhere."""
        with reading(self.path):
            return self._walk(name, [_MOST_LINKS])

    def _walk(self, name: str, left: list[int]) -> Any:
        item: Any = self.file
        done = ""
        for part in (p for p in name.split("/") if p not in ("", ".")):
            if not isinstance(item, h5py.Group):
                return None
            link = _link(item, part)
            if link is None:
                return None
            if isinstance(link, h5py.SoftLink):
                left[0] -= 1
                if left[0] < 0:
                    raise DataError(f"{self.path.name}: {name} is a link that leads in a circle: remove the link")
                item = self._walk(link.path if link.path.startswith("/") else f"{done}/{link.path}", left)
            elif isinstance(link, h5py.HardLink):
                item = item.get(part)
            else:
                raise self._outside(f"{done}/{part}", "a link to another file")
            done = f"{done}/{part}"
        return item

    def _outside(self, name: str, what: str) -> DataError:
        return DataError(
            f"{self.path.name}: {name.strip('/')} is {what}, which is not followed: copy the values into this file"
        )

    def group(self, name: str) -> h5py.Group | None:
        """The group at a path; None where there is none."""
        item = self.item(name)
        return item if isinstance(item, h5py.Group) else None

    def names(self, group: str = "/") -> list[str]:
        """The names in a group, as they are, links too."""
        found = self.group(group)
        with reading(self.path):
            return [] if found is None else sorted(found)

    def leads_away(self, name: str) -> bool:
        """Whether the last step of a path is a link to another file."""
        found = self.group(name.rpartition("/")[0])
        with reading(self.path):
            link = None if found is None else _link(found, name.rpartition("/")[2])
        return link is not None and not isinstance(link, h5py.HardLink | h5py.SoftLink)

    def is_array(self, name: str) -> bool:
        """Whether there is a data set at a path, or a link to another file, which is refused when it is read."""
        if self.leads_away(name):
            return True
        item = self.item(name)
        with reading(self.path):
            return isinstance(item, h5py.Dataset) and not _is_none(item)

    def dataset(self, name: str) -> h5py.Dataset | None:
        """The data set at a path, checked; None where there is none. Raises DataError for one that is not safe."""
        item = self.item(name) if self.is_array(name) else None
        if item is not None:
            with reading(self.path):
                self._check(name, item)
        return item

    def _check(self, name: str, item: h5py.Dataset) -> None:
        becomes = max(array_bytes(shape or (), item.dtype) for shape in (item.shape, item.chunks))
        check_size(self.path, name, becomes, self._stored(name, item, _MOST_LINKS))
        filters = item.id.get_create_plist()
        for index in range(filters.get_nfilters()):
            if not _has_filter(filters.get_filter(index)[0]):
                raise DataError(
                    f"{self.path.name}: {name} is compressed by a filter that is not installed here: "
                    "give Python the package hdf5plugin, or write the file without it"
                )

    def _stored(self, name: str, item: h5py.Dataset, depth: int) -> int:
        """The bytes that a data set takes in this file; raises DataError where any lie elsewhere."""
        if item.external:
            raise self._outside(name, "kept in other files")
        if not item.is_virtual:
            return int(item.id.get_storage_size())
        stored = 0
        for source in {(s.file_name, s.dset_name) for s in item.virtual_sources()}:
            below = self._walk(source[1], [_MOST_LINKS]) if source[0] == _OWN_FILE and depth else None
            if not isinstance(below, h5py.Dataset):
                raise self._outside(name, "put together from other files")
            stored += self._stored(source[1], below, depth - 1)
        return stored

    def array(self, name: str) -> Any:
        """A whole array; None where there is none."""
        item = self.dataset(name)
        if item is None or item.shape is None:
            return None
        if item.dtype.hasobject:
            raise DataError(f"{self.path.name}: {name} has type {item.dtype}, expected numbers")
        check_memory(self.path, name, array_bytes(item.shape, item.dtype))
        with reading(self.path):
            values = np.asarray(item[()])
        if values.dtype.names in (("real", "imag"), ("re", "im")):  # complex numbers, as MATLAB and others write them
            real, imaginary = (values[name] for name in values.dtype.names)
            return np.asarray(real + 1j * imaginary)
        return values

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of the group or data set at a path, text as ``str``; None where there is none."""
        item = self.item(name)
        with reading(self.path):
            if item is None or attribute not in item.attrs or item.attrs.get_id(attribute).dtype.kind == "V":
                return None
            value = item.attrs[attribute]
        value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def text(self, name: str) -> str | None:
        """A string of any kind; None where there is none."""
        item = self.dataset(name)
        if item is None or item.shape is None or item.size != 1 or item.dtype.kind not in "OS":
            return None
        with reading(self.path):
            value = np.ravel(np.asarray(item[()]))[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def number(self, name: str) -> float | None:
        """A real number, or a truth value as 0 or 1; None where there is none."""
        item = self.dataset(name)
        if item is None or item.shape is None or item.size != 1 or item.dtype.kind not in "fiub":
            return None
        return float(np.ravel(self.array(name))[0])

    def stack(self, name: str, shape: tuple[int, int, int]) -> FrameStack:
        """The frames of a data set, read a slice at a time; ``shape`` is its own with leading axes folded into one."""
        item = self.dataset(name)
        if item is None:
            raise DataError(f"{self.path.name} has no {name}")
        folded: tuple[int, ...] = item.shape[: item.ndim - 2]

        def read(start: int, stop: int) -> Real:
            check_memory(self.path, name, array_bytes((stop - start, *shape[1:]), item.dtype))
            with reading(self.path):
                if len(folded) == 1:
                    return np.asarray(item[start:stop])
                out = np.empty((stop - start, *shape[1:]), item.dtype)
                for done, index, taken in _rows(folded, start, stop):
                    out[done : done + taken.stop - taken.start] = item[(*index, taken)]
                return out

        return FrameStack(shape, item.dtype, read)

    def walk(self, group: str) -> Iterator[str]:
        """The paths of the data sets in a group and below it, each once; links to other places are not followed."""
        waiting, seen = [group], set()
        while waiting:
            place = waiting.pop()
            found = self.group(place)
            with reading(self.path):
                address = None if found is None else h5py.h5o.get_info(found.id).addr
            if address is None or address in seen:
                continue
            seen.add(address)
            for name in self.names(place):
                path = f"{place.rstrip('/')}/{name}"
                with reading(self.path):
                    direct = isinstance(_link(found, name), h5py.HardLink)
                if direct and isinstance(self.item(path), h5py.Dataset):
                    yield path
                elif direct:
                    waiting.append(path)


def _rows(folded: tuple[int, ...], start: int, stop: int) -> Iterator[tuple[int, tuple[int, ...], slice]]:
    """Frames ``start`` to ``stop`` of a raster: where they go, their leading indices, and their part of a line."""
    line, at = folded[-1], start
    while at < stop:
        index = tuple(int(i) for i in np.unravel_index(at // line, folded[:-1]))
        first = at % line
        count = min(line - first, stop - at)
        yield at - start, index, slice(first, first + count)
        at += count


def _link(group: h5py.Group, name: str) -> Any:
    """The link of that name; None where there is none, and an object of no known kind for one of another kind."""
    try:
        return group.get(name, getlink=True)
    except TypeError:
        return object()


def _is_none(item: h5py.Dataset) -> bool:
    """Whether a data set stands for Python's None, as in the files of ptypy."""
    kind = item.attrs.get("type") if "type" in item.attrs else None
    return isinstance(kind, str | bytes) and kind in ("None", b"None")


def _has_filter(code: int) -> bool:
    """Whether a compression is known here, with what the package hdf5plugin adds where that is installed."""
    if h5py.h5z.filter_avail(code):
        return True
    try:
        importlib.import_module("hdf5plugin")
    except ImportError:
        return False
    return bool(h5py.h5z.filter_avail(code))


def open_tree(path: Path, source: Any, resources: ExitStack) -> Tree:
    """The HDF5 file at ``path`` (or the open stream ``source``), until ``resources`` are closed."""
    with reading(path):
        return Tree(path, resources.enter_context(h5py.File(source, "r")), resources)
