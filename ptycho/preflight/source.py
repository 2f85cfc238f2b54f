"""A data file opened for looking at: frames that are read chunk by chunk where the format allows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.data import files, measured
from ptycho.data.files import find_data_file
from ptycho.errors import DataError


@dataclass(frozen=True)
class OpenScan:
    """``data`` ``(M, n, n)``, in memory or in an open file; ``probe`` ``(modes, n, n)``; ``scan`` ``(M, 2)``."""

    name: str
    data: Any
    probe: Complex
    scan: Real


@contextmanager
def open_scan(path: str, frames: int = 0) -> Iterator[OpenScan]:
    """The data file at ``path``, its first ``frames`` (0: all); raises DataError for one that cannot be read."""
    source = find_data_file(path)
    names = (*measured.DATA_KEYS, *measured.PROBE_KEYS, *measured.SCAN_KEYS, *measured.AXIS_KEYS)
    if source.suffix in files.HDF5_SUFFIXES and h5py.is_hdf5(source):
        with h5py.File(source, "r") as file:
            key = next((k for k in measured.DATA_KEYS if k in file), "")
            lazy = file[key] if key else None
            if isinstance(lazy, h5py.Dataset) and lazy.ndim == 3:
                arrays = files.read_arrays(source, tuple(n for n in names if n != key))
                yield _scan(source, arrays | {key: lazy}, frames)
                return
    yield _scan(source, files.read_arrays(source, names), frames)


def _scan(source: Path, arrays: dict[str, Any], frames: int) -> OpenScan:
    data: Any = measured.frame_stack(measured.picked(arrays, measured.DATA_KEYS, source), source)
    modes = measured.probe_modes(measured.picked(arrays, measured.PROBE_KEYS, source), source)
    scan = measured.scan_columns(arrays, data.shape[0], source)
    if modes.shape[-1] != data.shape[-1]:
        sides = modes.shape[-1], data.shape[-1]
        raise DataError(
            f"{source.name}: the probe has {sides[0]} pixels a side, expected {sides[1]} as the frames have"
        )
    if 0 < frames < data.shape[0]:
        data, scan = _First(data, frames), scan[:frames]
    return OpenScan(source.name, data, modes, scan)


class _First:
    """The first frames of a stack, still unread."""

    def __init__(self, data: Any, count: int) -> None:
        self._data, self.shape, self.dtype = data, (count, *data.shape[1:]), data.dtype

    def __getitem__(self, which: slice) -> Real:
        return np.asarray(self._data[which.start : min(which.stop, self.shape[0])])
