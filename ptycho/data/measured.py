"""Measured data, checked before anything is computed from them.

What a file holds is read by ``ptycho.data.formats``; here it becomes a data set, or is refused with the remedy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.files import find_data_file
from ptycho.data.formats import DataFile, is_single_array, open_data, read_npy
from ptycho.data.formats.checks import probe_modes
from ptycho.data.formats.masks import from_array
from ptycho.data.frames import Dataset, Frames, Geometry
from ptycho.errors import DataError
from ptycho.optics import probes

LARGEST_SPAN_PX = 16384
_FRAMES_SAY = 16  # so many show which pixels see light


def load_probe(path: str) -> Complex:
    """The probe stored in a data file, a product or as a bare ``.npy``, ``(n, n)`` complex64; of several modes the
    first, strongest one."""
    source = find_data_file(path)
    if source.suffix == ".npy" or is_single_array(source):
        return _as_probe(probe_modes(read_npy(source), source), source)
    with open_data(source) as file:
        return _as_probe(file.require("probe"), source)


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


def load_measured(config: MeasuredConfig, N: int) -> Dataset:
    """The measured data set, cropped to ``N`` central detector pixels.

    Cropping the detector coarsens the object grid, so positions scale by ``N / n`` and the probe
    is Fourier-cropped. Amplitudes are square-rooted counts (``photon_scale`` 1), and the probe is
    scaled once so that its energy is the mean frame's, which makes an empty object 1. What the file or
    ``config.mask`` marks as bad is not looked at, and zero.
    """
    source = find_data_file(config.path)
    with open_data(source) as file:
        mask = _whole_mask(file, config)
        raw = _as_frames(file, config.frames, mask)
        probe = load_probe(config.probe) if config.probe else _as_probe(file.require("probe"), source)
        positions = _as_positions(file.positions_px(config.order), source)[: len(raw)]
        geometry = _geometry(file, N)
    side = raw.shape[-1]
    if side < N:
        raise DataError(f"{source.name}: frames of {side} pixels a side are smaller than N = {N}: choose a smaller N")
    if probe.shape[-1] != side:
        raise DataError(
            f"{source.name}: the probe has {probe.shape[-1]} pixels a side, expected {side} as the frames have"
        )
    amplitude = _amplitude(raw, config.quantity, source)
    if not config.centred:
        amplitude = np.fft.fftshift(amplitude, axes=(-2, -1))
        mask = None if mask is None else np.fft.fftshift(mask)
    start = (side - N) // 2
    amplitude = np.ascontiguousarray(amplitude[:, start : start + N, start : start + N])
    mask = None if mask is None else np.ascontiguousarray(mask[start : start + N, start : start + N])
    if config.order == "yx":
        positions = positions[:, ::-1]
    positions = positions * (N / side)
    positions = positions - np.floor(positions.min(0)) + N // 2 + 1
    extent = np.ceil(positions.max(0)).astype(int) + N // 2 + 2
    frames = Frames(amplitude, positions, np.arange(len(amplitude)), mask)
    energy = float(frames.energy().mean())
    probe = probes.fourier_crop(probe, N)
    probe = (probe * (np.sqrt(energy) / probes.seen_norm(probe, frames.mask))).astype(np.complex64)
    return Dataset(frames, probe, (int(extent[1]), int(extent[0])), 1.0, energy, None, geometry)


def _whole_mask(file: DataFile, config: MeasuredConfig) -> Mask | None:
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


def _geometry(file: DataFile, N: int) -> Geometry | None:
    """What is known of lengths, for frames cropped to ``N`` pixels."""
    if file.pixel_size_m is None:
        return None
    coarser = file.require("frames").shape[-1] / N
    x, y = file.pixel_size_m
    return Geometry((x * coarser, y * coarser), file.energy_j, file.distance_m)


def _as_frames(file: DataFile, count: int, mask: Mask | None) -> Real:
    path, stack = file.path, file.require("frames")
    if count > len(stack):
        raise DataError(f"{path.name}: measured.frames = {count} asked of {len(stack)} frames")
    raw = stack[: count or len(stack)]
    if mask is not None:
        _check_mask(raw[:_FRAMES_SAY], mask, path)
        raw[:, ~mask] = 0
    frames = _single(raw, np.float32, "data", path)
    if frames.min() < 0:
        negative = int((frames < 0).sum())
        raise DataError(
            f"{path.name}: data has {negative} negative values; counts and amplitudes cannot be negative: "
            "set them to zero if a background was subtracted"
        )
    if not frames.any():
        raise DataError(f"{path.name}: every value of data is zero: check that the file holds the frames themselves")
    return frames


def _check_mask(some: Real, mask: Mask, path: Path) -> None:
    """Raise DataError where a mask leaves out most of the pixels that see light, as an inverted one does."""
    lit = (some > 0).any(axis=0)
    if (lit & ~mask).sum() > (lit & mask).sum():
        raise DataError(
            f"{path.name}: the mask leaves out {int((lit & ~mask).sum())} of {int(lit.sum())} pixels that see light: "
            "check which value means valid, it may be inverted"
        )


def _as_probe(modes: Complex, path: Path) -> Complex:
    """The first of the ``modes`` ``(K, n, n)``, complex64."""
    probe = np.asarray(_single(modes[0], np.complex64, "probe", path))
    if not probe.any():
        raise DataError(f"{path.name}: every value of probe is zero: give a first guess of the illumination")
    return probe


def _as_positions(scan: Real, path: Path) -> Real:
    scan = np.asarray(_single(scan, np.float64, "scan", path))
    span = float(np.ptp(scan, axis=0).max())
    if not 1 <= span <= LARGEST_SPAN_PX:
        raise DataError(
            f"{path.name}: scan positions span {span:.3g} pixels, expected 1 to {LARGEST_SPAN_PX}: "
            "convert them to pixels of the object grid"
        )
    return scan


def _single(array: Any, dtype: Any, what: str, path: Path) -> Any:
    """``array`` as ``dtype``; raises where a value is not finite, or too large to be."""
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


def _amplitude(values: Real, quantity: str, path: Path) -> Real:
    """Amplitudes from what the file is said to hold; raises when whole numbers tell otherwise."""
    if quantity == "amplitude":
        if _whole(values) and values.max() > 1:
            raise DataError(
                f"{path.name}: data is said to be amplitude but holds whole numbers only, as photon counts do: "
                "say quantity = counts"
            )
        return values
    if not _whole(values) and _whole(values**2, tolerance=4 * np.finfo(np.float32).eps * values**2):
        raise DataError(
            f"{path.name}: data is said to be counts but its squares are whole numbers: "
            "it is amplitude already, say quantity = amplitude"
        )
    return np.sqrt(values)


def _whole(values: Real, tolerance: Real | float = 0.0) -> bool:
    """Whether all positive values are whole; where the tolerance reaches a quarter, nothing can be said."""
    tellable = (np.asarray(tolerance) < 0.25) & (values > 0)
    off = np.abs(values - np.rint(values))
    return bool(tellable.any() and np.all((off <= tolerance)[tellable]))
