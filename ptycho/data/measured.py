"""Measured data, checked before anything is computed from them.

Files hold ``data`` (or ``diffraction``, ``diff3d``) ``(M, n, n)``, ``probe`` (or ``probeGuess``)
``(n, n)`` complex, and ``scan`` (or ``positions``) ``(M, 2)`` in pixels of the object grid, or
``xcoords`` and ``ycoords`` ``(M,)``. See ``ptycho.files`` for the formats.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data import files
from ptycho.data.files import find_data_file
from ptycho.data.frames import Dataset, Frames
from ptycho.errors import DataError
from ptycho.optics import probes

DATA_KEYS = ("data", "diffraction", "diff3d")
PROBE_KEYS = ("probe", "probeGuess")
SCAN_KEYS = ("scan", "positions")
AXIS_KEYS = ("xcoords", "ycoords")
LARGEST_SPAN_PX = 16384


def load_probe(path: str) -> Complex:
    """The probe stored in a data file or as a bare ``.npy``, ``(n, n)`` complex64."""
    source = find_data_file(path)
    if source.suffix == ".npy":
        return _as_probe(files.read_npy(source), source)
    return _as_probe(_pick(files.read_arrays(source, PROBE_KEYS), PROBE_KEYS, source), source)


def load_measured(config: MeasuredConfig, N: int) -> Dataset:
    """The measured data set, cropped to ``N`` central detector pixels.

    Cropping the detector coarsens the object grid, so positions scale by ``N / n`` and the probe
    is Fourier-cropped. Amplitudes are square-rooted counts (``photon_scale`` 1), and the probe is
    scaled once so that its energy is the mean frame's, which makes an empty object 1.
    """
    source = find_data_file(config.path)
    arrays = files.read_arrays(source, (*DATA_KEYS, *PROBE_KEYS, *SCAN_KEYS, *AXIS_KEYS))
    raw = _as_frames(_pick(arrays, DATA_KEYS, source), source)
    probe = _as_probe(_pick(arrays, PROBE_KEYS, source), source)
    positions = _as_positions(arrays, len(raw), source)
    if config.frames > len(raw):
        raise DataError(f"{source.name}: measured.frames = {config.frames} asked of {len(raw)} frames")
    if config.frames:
        raw, positions = raw[: config.frames], positions[: config.frames]
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
    start = (side - N) // 2
    amplitude = np.ascontiguousarray(amplitude[:, start : start + N, start : start + N])
    if config.order == "yx":
        positions = positions[:, ::-1]
    positions = positions * (N / side)
    positions = positions - np.floor(positions.min(0)) + N // 2 + 1
    extent = np.ceil(positions.max(0)).astype(int) + N // 2 + 2
    frames = Frames(amplitude, positions, np.arange(len(amplitude)))
    energy = float(frames.energy().mean())
    probe = probes.fourier_crop(probe, N)
    probe = (probe * (np.sqrt(energy) / np.linalg.norm(probe.astype(np.complex128)))).astype(np.complex64)
    return Dataset(frames, probe, (int(extent[1]), int(extent[0])), 1.0, energy, None)


def _pick(arrays: dict[str, Any], names: tuple[str, ...], path: Path) -> Any:
    for name in names:
        if name in arrays:
            return np.asarray(arrays[name])
    held = ", ".join(sorted(arrays)) or "nothing"
    raise DataError(f"{path.name} has no {' or '.join(map(repr, names))}; it holds: {held}")


def _squeeze(array: Any, ndim: int, what: str, path: Path) -> Any:
    """``array`` without leading axes of length one, which must leave ``ndim`` axes."""
    shape = array.shape
    while array.ndim > ndim and array.shape[0] == 1:
        array = array[0]
    if array.ndim != ndim:
        raise DataError(f"{path.name}: {what} has shape {shape}, expected {ndim} axes")
    return array


def _as_frames(array: Any, path: Path) -> Real:
    frames = _squeeze(array, 3, "data", path)
    if frames.dtype.kind not in "fiu":
        raise DataError(f"{path.name}: data has type {frames.dtype}, expected real numbers")
    if frames.shape[1] != frames.shape[2] or len(frames) == 0:
        raise DataError(f"{path.name}: data has shape {frames.shape}, expected square frames (M, n, n)")
    frames = _single(frames, np.float32, "data", path)
    if frames.min() < 0:
        negative = int((frames < 0).sum())
        raise DataError(
            f"{path.name}: data has {negative} negative values; counts and amplitudes cannot be negative: "
            "set them to zero if a background was subtracted"
        )
    if not frames.any():
        raise DataError(f"{path.name}: every value of data is zero: check that the file holds the frames themselves")
    return frames


def _as_probe(array: Any, path: Path) -> Complex:
    shape = array.shape
    while array.ndim > 2 and len(array):  # further modes: the first, strongest one
        array = array[0]
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.dtype.kind != "c" or array.size == 0:
        raise DataError(f"{path.name}: probe has shape {shape} and type {array.dtype}, expected a square complex array")
    probe = _single(array, np.complex64, "probe", path)
    if not probe.any():
        raise DataError(f"{path.name}: every value of probe is zero: give a first guess of the illumination")
    return probe


def _as_positions(arrays: dict[str, Any], count: int, path: Path) -> Real:
    if all(name in arrays for name in AXIS_KEYS):
        x, y = (np.ravel(arrays[name]) for name in AXIS_KEYS)
        if len(x) != len(y):
            raise DataError(f"{path.name}: xcoords has {len(x)} values and ycoords {len(y)}, expected {count} of each")
        scan = np.stack([x, y], axis=-1)
    else:
        scan = _squeeze(_pick(arrays, SCAN_KEYS, path), 2, "scan", path)
    if scan.shape != (count, 2) or scan.dtype.kind not in "fiu":
        raise DataError(
            f"{path.name}: scan has shape {scan.shape} and type {scan.dtype}, "
            f"expected ({count}, 2) real numbers, one row a frame"
        )
    scan = _single(scan, np.float64, "scan", path)
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
