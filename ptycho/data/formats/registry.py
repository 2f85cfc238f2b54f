"""The formats, and the one door to all of them: a file is what its content says, whatever its name."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho.data.containers.archive import Archive, open_archive
from ptycho.data.containers.safety import array_bytes, first_bytes, pickled, reading, unpacked
from ptycho.data.containers.tree import Tree, open_tree
from ptycho.data.files import require_plain
from ptycho.data.formats.cxi import CXI
from ptycho.data.formats.nexus import NEXUS
from ptycho.data.formats.own import OWN_HDF5, OWN_NPZ
from ptycho.data.formats.pinn import PINN
from ptycho.data.formats.product import PRODUCT
from ptycho.data.formats.ptypy import PTYPY, PTYPY_RESULT
from ptycho.data.formats.record import DataFile, Format
from ptycho.data.formats.tike import TIKE
from ptycho.errors import DataError

IN_ARCHIVES: tuple[Format[Archive], ...] = (PINN, TIKE, OWN_NPZ)
IN_TREES: tuple[Format[Tree], ...] = (CXI, PTYPY, PTYPY_RESULT, PRODUCT, NEXUS, OWN_HDF5)
"""The formats in the order in which they are tried; the last of each recognises everything."""

_ZIP, _NPY, _HDF5 = b"PK", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"


def open_data(path: Path) -> DataFile:
    """The data file at ``path``, which may be packed with bzip2, gzip or xz; close it, or use it with ``with``.

    Nothing but what the record needs is read: frames are read from it, a slice at a time. Raises DataError, with
    the file's name and the remedy, for a file of no known kind, one that is damaged, and one that is not safe.
    """
    require_plain(path)
    with ExitStack() as resources:
        start = first_bytes(path)
        content = unpacked(path, start)
        source: Any = path
        if content is not None:
            source = resources.enter_context(content)
            start = source.read(8)
            source.seek(0)
        record = _record(path, source, start, resources)
        return dataclasses.replace(record, resources=resources.pop_all())


def _record(path: Path, source: Any, start: bytes, resources: ExitStack) -> DataFile:
    if start.startswith(_ZIP):
        archive = open_archive(path, source, resources)
        return next(known for known in IN_ARCHIVES if known.recognises(archive)).read(archive)
    if start.startswith(_HDF5) or (source is path and h5py.is_hdf5(path)):
        tree = open_tree(path, source, resources)
        return next(known for known in IN_TREES if known.recognises(tree)).read(tree)
    if start.startswith(_NPY[:6]):
        raise DataError(f"{path.name} is a single array, expected an NPZ with data, probe and scan")
    raise DataError(f"{path.name} is neither NPZ nor HDF5: it may be truncated, or not the format its name says")


def is_single_array(path: Path) -> bool:
    """Whether a file is one plain array (``.npy``)."""
    return first_bytes(path).startswith(_NPY)


def read_npy(path: Path) -> Any:
    """The one array of a ``.npy`` file."""
    with reading(path), path.open("rb") as file:
        if not is_single_array(path):
            raise DataError(f"{path.name} is no plain array: it may be truncated, or not the format its name says")
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        if dtype.hasobject:
            raise pickled(path)
        if file.tell() + array_bytes(shape, dtype) > path.stat().st_size:
            raise EOFError("its values end early")
        file.seek(0)
        return np.load(file, allow_pickle=False)


def file_layout(path: Path) -> tuple[dict[str, Any], frozenset[str]]:
    """Those of ``quantity``, ``order`` and ``centred`` that are known from the file, and which of them it states.

    The others are the custom of its format.
    """
    with open_data(path) as file:
        known = {"quantity": file.quantity, "order": file.order, "centred": file.centred}
        return {name: value for name, value in known.items() if value is not None}, file.stated
