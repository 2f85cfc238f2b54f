"""Measured data, checked before anything is computed from them.

Files hold ``data`` (or ``diffraction``, ``diff3d``) ``(M, n, n)``, ``probe`` (or ``probeGuess``)
``(n, n)`` complex, and ``scan`` (or ``positions``) ``(M, 2)`` in pixels of the object grid, or
``xcoords`` and ``ycoords`` ``(M,)``. See ``ptycho.files`` for the formats.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data import files
from ptycho.data.files import find_data_file
from ptycho.data.frames import Dataset, Frames
from ptycho.data.layout import centred_frames, positions_xy
from ptycho.data.raw.beam import dark_frames, energy_trend
from ptycho.data.raw.pixels import bad_pixels
from ptycho.data.raw.quantum import photon_quantum
from ptycho.data.raw.statistics import frame_statistics
from ptycho.errors import DataError
from ptycho.optics import probes

DATA_KEYS = ("data", "diffraction", "diff3d")
PROBE_KEYS = ("probe", "probeGuess")
SCAN_KEYS = ("scan", "positions")
AXIS_KEYS = ("xcoords", "ycoords")
LAYOUT_KEYS = ("photon_scale",)  # what `ptycho simulate` writes beside the arrays
LARGEST_SPAN_PX = 16384


def load_probe(path: str) -> Complex:
    """The probe stored in a data file or as a bare ``.npy``, ``(n, n)`` complex64."""
    source = find_data_file(path)
    if source.suffix == ".npy":
        return _as_probe(files.read_npy(source), source)
    return _as_probe(picked(files.read_arrays(source, PROBE_KEYS), PROBE_KEYS, source), source)


def load_measured(config: MeasuredConfig, N: int) -> Dataset:
    """The measured data set, cropped to ``N`` central detector pixels.

    Cropping the detector coarsens the object grid, so positions scale by ``N / n`` and the probe
    is Fourier-cropped. Amplitudes are square-rooted counts (``photon_scale`` 1), and the probe is
    scaled once so that its energy is the mean frame's, which makes an empty object 1.
    """
    source = find_data_file(config.path)
    arrays = files.read_arrays(source, (*DATA_KEYS, *PROBE_KEYS, *SCAN_KEYS, *AXIS_KEYS, *LAYOUT_KEYS))
    raw = frame_stack(picked(arrays, DATA_KEYS, source), source)
    probe = _as_probe(picked(arrays, PROBE_KEYS, source), source)
    scan = scan_columns(arrays, len(raw), source)
    if config.frames > len(raw):
        raise DataError(f"{source.name}: measured.frames = {config.frames} asked of {len(raw)} frames")
    if config.frames:
        raw, scan = raw[: config.frames], scan[: config.frames]
    side = raw.shape[-1]
    if side < N:
        raise DataError(f"{source.name}: frames of {side} pixels a side are smaller than N = {N}: choose a smaller N")
    if probe.shape[-1] != side:
        raise DataError(
            f"{source.name}: the probe has {probe.shape[-1]} pixels a side, expected {side} as the frames have"
        )
    amplitude, mask = _centred_amplitude(raw, probe, config, N, source)
    positions = positions_xy(scan, config) * (N / side)
    positions = positions - np.floor(positions.min(0)) + N // 2 + 1
    extent = np.ceil(positions.max(0)).astype(int) + N // 2 + 2
    scale = stated_photon_scale(arrays, config, source)
    frames = _lit(Frames(amplitude / np.float32(scale or 1), positions, np.arange(len(amplitude)), mask), config)
    energy = float(frames.energy().mean())
    probe = probes.fourier_crop(probe, N)
    if scale is None:
        probe = (probe * (np.sqrt(energy) / np.linalg.norm(probe.astype(np.complex128)))).astype(np.complex64)
    else:  # cropping is from n to N pixels of a unitary transform
        probe = (probe * (N / side)).astype(np.complex64)
    photon_scale = scale or 1.0
    return Dataset(frames, probe, (int(extent[1]), int(extent[0])), photon_scale, energy * photon_scale**2, None)


def stated_photon_scale(arrays: dict[str, Any], config: MeasuredConfig, path: Path) -> float | None:
    """The photon scale ``s`` of ``counts = (s A)**2`` in units of the file's own probe, or None to scale the probe.

    ``probe_scale = file`` keeps the probe's scale without one, too: counts are then in units of ``|P O|**2``.
    """
    if config.probe_scale == "data":
        return None
    if arrays.get("photon_scale") is None:
        return 1.0 if config.probe_scale == "file" else None
    value = float(np.ravel(arrays["photon_scale"])[0])
    if not (np.isfinite(value) and value > 0):
        raise DataError(f"{path.name}: photon_scale is {value:g}, expected a positive number")
    return value


def _lit(frames: Frames, config: MeasuredConfig) -> Frames:
    """The frames without dark ones, and with the beam's drift taken out where asked."""
    energy = frames.energy()
    dark = dark_frames(energy)
    if dark.any() and not dark.all():
        frames, energy = frames.take(np.flatnonzero(~dark)), energy[~dark]
    if config.level_energy:
        level = np.sqrt(energy_trend(energy))[:, None, None].astype(np.float32)
        frames = replace(frames, diffraction=frames.diffraction / level)
    return frames


def _centred_amplitude(
    raw: Real, probe: Complex, config: MeasuredConfig, N: int, path: Path
) -> tuple[Real, Mask | None]:
    """Amplitudes of the central ``N`` pixels, and their mask, None where every pixel is valid."""
    stats = frame_statistics(raw)
    quantum = photon_quantum(raw, np.inf if stats.top is None else stats.top)
    bad = bad_pixels(stats, config, probe, quantum.unit if quantum.kind == "counts" else None).any
    frames = centred_frames(raw, config)
    if bad.any():
        frames = np.where(bad, frames.dtype.type(0), frames)
    amplitude = _amplitude(_as_frames(frames, path), config.quantity, path)
    start = (raw.shape[-1] - N) // 2
    cut = (slice(start, start + N), slice(start, start + N))
    mask = ~bad[cut]
    return np.ascontiguousarray(amplitude[:, cut[0], cut[1]]), None if mask.all() else mask


def picked(arrays: dict[str, Any], names: tuple[str, ...], path: Path) -> Any:
    """The first of ``names`` that the file holds, an open data set as it is; raises DataError for none."""
    for name in names:
        if name in arrays:
            return arrays[name] if hasattr(arrays[name], "dtype") else np.asarray(arrays[name])
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


def frame_stack(array: Any, path: Path) -> Real:
    """Frames ``(M, n, n)`` as the file holds them."""
    frames = _squeeze(array, 3, "data", path)
    if frames.dtype.kind not in "fiu":
        raise DataError(f"{path.name}: data has type {frames.dtype}, expected real numbers")
    if frames.shape[1] != frames.shape[2] or len(frames) == 0:
        raise DataError(f"{path.name}: data has shape {frames.shape}, expected square frames (M, n, n)")
    return frames


def _as_frames(frames: Real, path: Path) -> Real:
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
    return np.asarray(probe_modes(array, path)[0])  # the first mode, the strongest one


def probe_modes(array: Any, path: Path) -> Complex:
    """The probe's modes ``(modes, n, n)`` complex64, the strongest first."""
    shape = array.shape
    while array.ndim > 3 and len(array):  # leading axes are further probes
        array = array[0]
    if array.ndim < 2 or array.shape[-2] != array.shape[-1] or array.dtype.kind != "c" or array.size == 0:
        raise DataError(f"{path.name}: probe has shape {shape} and type {array.dtype}, expected a square complex array")
    modes = _single(array, np.complex64, "probe", path).reshape(-1, *array.shape[-2:])
    if not modes[0].any():
        raise DataError(f"{path.name}: every value of probe is zero: give a first guess of the illumination")
    return np.asarray(modes)


def scan_columns(arrays: dict[str, Any], count: int, path: Path) -> Real:
    """Positions ``(M, 2)`` float64 as the file's two columns have them."""
    if all(name in arrays for name in AXIS_KEYS):
        x, y = (np.ravel(arrays[name]) for name in AXIS_KEYS)
        if len(x) != len(y):
            raise DataError(f"{path.name}: xcoords has {len(x)} values and ycoords {len(y)}, expected {count} of each")
        scan = np.stack([x, y], axis=-1)
    else:
        scan = _squeeze(picked(arrays, SCAN_KEYS, path), 2, "scan", path)
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
