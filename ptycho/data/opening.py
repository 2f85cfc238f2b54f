"""The one way from a file of measured data to its frames: opened, masked, with the probe that goes with them.

What a file holds is read by ``ptycho.data.formats``. The preflight looks at what is opened here, and
``ptycho.data.measured`` makes a data set of it, so that both see the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.containers.stack import FrameStack
from ptycho.data.files import find_data_file
from ptycho.data.formats import DataFile, is_single_array, open_data, read_npy
from ptycho.data.formats.checks import probe_modes
from ptycho.data.formats.masks import from_array
from ptycho.data.layout import positions_xy
from ptycho.errors import DataError

_FRAMES_SAY = 16  # so many show which pixels see light


@dataclass(frozen=True)
class OpenScan:
    """A scan in an open file.

    ``frames`` ``(M, n, n)`` are read when they are asked for, as the file holds them, and are zero where ``valid``
    ``(n, n)`` is False: at what the file and ``measured.mask`` call bad. None: they call nothing bad. ``probe``
    ``(modes, n, n)`` complex64, the strongest first.
    """

    file: DataFile
    frames: FrameStack
    valid: Mask | None
    probe: Complex

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.file.path.name

    @property
    def side(self) -> int:
        """Pixels a side of the frames."""
        return self.frames.shape[-1]

    def require_side(self, N: int) -> None:
        """Raise DataError where the frames have no ``N`` pixels a side to crop to."""
        if self.side < N:
            raise DataError(
                f"{self.name}: frames of {self.side} pixels a side are smaller than N = {N}: choose a smaller N"
            )

    def positions(self, config: MeasuredConfig) -> Real:
        """``(M, 2)`` positions ``[x, y]`` as ``config`` declares them, in pixels of the object grid of all ``n``."""
        columns = finite(self.file.positions_px(config.order), np.float64, "scan", self.file.path)
        return positions_xy(columns[: len(self.frames)], config)


@contextmanager
def open_scan(config: MeasuredConfig) -> Iterator[OpenScan]:
    """The scan that ``config`` declares, until it is left. Raises DataError for what can be no scan."""
    source = find_data_file(config.path)
    with open_data(source) as file:
        frames = file.require("frames")
        if config.frames > len(frames):
            raise DataError(f"{source.name}: measured.frames = {config.frames} asked of {len(frames)} frames")
        probe = load_modes(config.probe) if config.probe else _checked(file.require("probe"), source)
        if probe.shape[-1] != frames.shape[-1]:
            sides = probe.shape[-1], frames.shape[-1]
            raise DataError(
                f"{source.name}: the probe has {sides[0]} pixels a side, expected {sides[1]} as the frames have"
            )
        valid = _valid(file, config)
        if valid is not None:
            _check_mask(frames[: min(_FRAMES_SAY, len(frames))], valid, source)
        scan = OpenScan(file, _part(frames, config.frames or len(frames), valid), valid, probe)
        scan.positions(config)
        yield scan


def _part(frames: FrameStack, count: int, valid: Mask | None) -> FrameStack:
    """The first frames, zero at pixels that are not valid."""
    if valid is None:
        return FrameStack((count, *frames.shape[1:]), frames.dtype, frames.read)

    def read(start: int, stop: int) -> Real:
        part = frames.read(start, stop)  # a fresh array
        part[:, ~valid] = 0
        return part

    return FrameStack((count, *frames.shape[1:]), frames.dtype, read)


def _valid(file: DataFile, config: MeasuredConfig) -> Mask | None:
    """Pixels that both the file and ``config.mask`` call valid; None where all are."""
    mask, shape = file.mask, file.require("frames").shape[1:]
    if config.mask:
        given = load_mask(config.mask)
        if given.shape != shape:
            raise DataError(f"{config.mask}: the mask has shape {given.shape}, expected {shape} as the frames have")
        mask = given if mask is None else mask & given
    if mask is not None and not mask.any():
        raise DataError(f"{file.path.name}: its mask leaves no valid pixel: check which value means valid")
    return None if mask is None or mask.all() else mask


def _check_mask(some: Real, mask: Mask, path: Path) -> None:
    """Raise DataError where a mask leaves out most of the pixels that see light, as an inverted one does."""
    lit = (some > 0).any(axis=0)
    if (lit & ~mask).sum() > (lit & mask).sum():
        raise DataError(
            f"{path.name}: the mask leaves out {int((lit & ~mask).sum())} of {int(lit.sum())} pixels that see light: "
            "check which value means valid, it may be inverted"
        )


def load_mask(path: str) -> Mask:
    """The mask in a data file or a bare ``.npy``, ``(n, n)`` bool, True where a pixel is valid.

    A ``.npy`` and the house's own ``mask`` are not zero there; in other formats it is as they say.
    """
    source = find_data_file(path)
    if source.suffix == ".npy" or is_single_array(source):
        array = read_npy(source)
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"{source.name}: the mask has type {array.dtype}, expected bool: True where a pixel is valid"
            )
        return from_array(array == 0, None, source, "the mask")
    with open_data(source) as file:
        if file.mask is None:
            raise DataError(f"{source.name} has no mask: add an array 'mask' (n, n), True where a pixel is valid")
        return file.mask


def load_modes(path: str) -> Complex:
    """The probe in a data file, a product or a bare ``.npy``: its modes ``(modes, n, n)``, the strongest first."""
    source = find_data_file(path)
    if source.suffix == ".npy" or is_single_array(source):
        return _checked(probe_modes(read_npy(source), source), source)
    with open_data(source) as file:
        return _checked(file.require("probe"), source)


def load_probe(path: str) -> Complex:
    """The first, strongest mode of the probe in a file, ``(n, n)`` complex64."""
    return np.asarray(load_modes(path)[0])


def _checked(modes: Complex, path: Path) -> Complex:
    """``modes`` as complex64; raises DataError for a first one that is dark."""
    only = len(modes) == 1  # then an index is that of a pixel
    probe = np.asarray(finite(modes[0] if only else modes, np.complex64, "probe", path)).reshape(modes.shape)
    if not probe[0].any():
        raise DataError(f"{path.name}: every value of probe is zero: give a first guess of the illumination")
    return probe


def finite(array: Any, dtype: Any, what: str, path: Path) -> Any:
    """``array`` as ``dtype``; raises DataError where a value is not finite, or too large to be."""
    with np.errstate(over="ignore"):
        cast = np.asarray(array, dtype)
    bad = ~np.isfinite(cast)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{path.name}: {what} has {int(bad.sum())} values that are not finite, the first at index {first}: "
            "replace them, zero will do for dead pixels"
        )
    return cast
