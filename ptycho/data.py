"""Measured data: NPZ, HDF5 and CXI files, checked before anything is computed from them.

NPZ and HDF5 files hold ``data`` (or ``diffraction``, ``diff3d``) ``(M, n, n)``, ``probe`` (or
``probeGuess``) ``(n, n)`` complex, and ``scan`` (or ``positions``) ``(M, 2)`` in pixels of the
object grid, or ``xcoords`` and ``ycoords``. An NPZ may be compressed with bzip2. CXI files follow
the CXI layout: translations in metres become pixels of ``wavelength * distance / (n * pixel)``.
"""

from __future__ import annotations

import bz2
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho import probes
from ptycho.arrays import Complex, Real
from ptycho.config import MeasuredConfig
from ptycho.errors import DataError
from ptycho.frames import Dataset, Frames

DATA_KEYS = ("data", "diffraction", "diff3d")
PROBE_KEYS = ("probe", "probeGuess")
SCAN_KEYS = ("scan", "positions")
LARGEST_SPAN_PX = 16384
HC_JOULE_METRE = 1.98644586e-25  # Planck constant times speed of light


def find(path: str) -> Path:
    """The file at ``path``: here, in ``$PTYCHO_TEST_DATA``, or in a ``shared/data`` beside or above this folder."""
    above = [folder / "shared" / "data" for folder in Path.cwd().parents]
    for folder in (Path(), Path(os.environ.get("PTYCHO_TEST_DATA", "")), *above):
        candidate = folder / path
        if candidate.is_file():
            return candidate
    raise DataError(
        f"data file {path!r} does not exist here, nor in $PTYCHO_TEST_DATA, nor in ../shared/data beside the repository"
    )


def load_probe(path: str) -> Complex:
    """The probe stored in a data file or as a bare ``.npy``, ``(n, n)`` complex64."""
    source = find(path)
    if source.suffix == ".npy":
        return _as_probe(_load_npy(source), source)
    with _open(source) as arrays:
        return _as_probe(_pick(arrays, PROBE_KEYS, source), source)


def load(config: MeasuredConfig, N: int) -> Dataset:
    """The measured data set, cropped to ``N`` central detector pixels.

    Cropping the detector coarsens the object grid, so positions scale by ``N / n`` and the probe
    is Fourier-cropped. Amplitudes are square-rooted counts (``photon_scale`` 1), and the probe is
    scaled once so that its energy is the mean frame's, which makes an empty object 1.
    """
    source = find(config.path)
    with _open(source) as arrays:
        raw = _as_frames(_pick(arrays, DATA_KEYS, source), source)
        probe = _as_probe(_pick(arrays, PROBE_KEYS, source), source)
        positions = _as_positions(arrays, len(raw), source)
    side = raw.shape[-1]
    if side < N:
        raise DataError(f"{source.name}: frames of {side} pixels a side cannot be cropped to N = {N}")
    if probe.shape[-1] != side:
        raise DataError(f"{source.name}: the probe has {probe.shape[-1]} pixels a side, the frames {side}")
    amplitude = _amplitude(raw, config.quantity, source)
    if not config.centred:
        amplitude = np.fft.fftshift(amplitude, axes=(-2, -1))
    start = (side - N) // 2
    amplitude = np.ascontiguousarray(amplitude[:, start : start + N, start : start + N])
    if config.order == "yx":
        positions = positions[:, ::-1]
    span = float(np.ptp(positions, axis=0).max())
    if not 1 <= span <= LARGEST_SPAN_PX:
        raise DataError(
            f"{source.name}: scan positions span {span:.3g} pixels, expected 1 to {LARGEST_SPAN_PX}: "
            "convert them to pixels of the object grid"
        )
    positions = positions * (N / side)
    positions = positions - np.floor(positions.min(0)) + N // 2 + 1
    extent = np.ceil(positions.max(0)).astype(int) + N // 2 + 2
    frames = Frames(amplitude, positions, np.arange(len(amplitude)))
    energy = float(frames.energy().mean())
    probe = probes.fourier_crop(probe, N)
    probe = (probe * (np.sqrt(energy) / np.linalg.norm(probe))).astype(np.complex64)
    return Dataset(frames, probe, (int(extent[1]), int(extent[0])), 1.0, energy, None)


@contextmanager
def _open(path: Path) -> Iterator[Mapping[str, Any]]:
    """The arrays of a file by name; a file that cannot be read raises DataError."""
    try:
        if path.suffix in (".h5", ".hdf5", ".cxi"):
            with h5py.File(path, "r") as file:
                yield _cxi_arrays(file, path) if "entry_1" in file else file
        else:
            content = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                if not isinstance(file, np.lib.npyio.NpzFile):
                    raise DataError(
                        f"{path.name} is a single array, expected an NPZ with {DATA_KEYS[0]}, probe and scan"
                    )
                yield file
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if "pickle" in str(error):
            raise DataError(
                f"{path.name} holds pickled Python objects, which are never unpickled: save plain arrays"
            ) from error
        raise DataError(
            f"{path.name} cannot be read ({error}): it may be truncated, or not the format its name says"
        ) from error


def _load_npy(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path.name} cannot be read as a plain array ({error})") from error


def _cxi_arrays(file: h5py.File, path: Path) -> dict[str, Any]:
    """The arrays of a CXI file under this module's names."""
    try:
        detector = file["entry_1/instrument_1/detector_1"]
        data = file["entry_1/data_1/data"]
        energy = float(np.ravel(file["entry_1/instrument_1/source_1/energy"][()])[0])
        distance = float(np.ravel(detector["distance"][()])[0])
        pixel = float(np.ravel(detector["x_pixel_size"][()])[0])
        shifts = file["entry_1/sample_1/geometry_1/translation"][()]
        probe = file["entry_1/instrument_1/source_1/probe"][()]
    except KeyError as error:
        raise DataError(f"{path.name} lacks a CXI entry: {str(error).strip(chr(34))}") from error
    width_m = HC_JOULE_METRE / energy * distance / (data.shape[-1] * pixel)
    return {"data": data[()], "probe": probe, "scan": np.asarray(shifts)[:, :2] / width_m}


def _pick(arrays: Mapping[str, Any], names: tuple[str, ...], path: Path) -> Any:
    for name in names:
        if name in arrays:
            return np.asarray(arrays[name][()] if isinstance(arrays[name], h5py.Dataset) else arrays[name])
    raise DataError(
        f"{path.name} has no {' or '.join(map(repr, names))}; it holds: {', '.join(sorted(arrays)) or 'nothing'}"
    )


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
    _refuse_nonfinite(frames, "data", path)
    if frames.min() < 0:
        raise DataError(
            f"{path.name}: data has {int((frames < 0).sum())} negative values; counts and amplitudes cannot be negative"
        )
    return np.asarray(frames, np.float32)


def _as_probe(array: Any, path: Path) -> Complex:
    while array.ndim > 2:  # further modes: the first, strongest one
        array = array[0]
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.dtype.kind != "c":
        raise DataError(
            f"{path.name}: probe has shape {array.shape} and type {array.dtype}, expected a square complex array"
        )
    _refuse_nonfinite(array, "probe", path)
    return np.asarray(array, np.complex64)


def _as_positions(arrays: Mapping[str, Any], count: int, path: Path) -> Real:
    if "xcoords" in arrays and "ycoords" in arrays:
        scan = np.stack([np.asarray(arrays["xcoords"]), np.asarray(arrays["ycoords"])], axis=-1)
    else:
        scan = _squeeze(_pick(arrays, SCAN_KEYS, path), 2, "scan", path)
    if scan.shape != (count, 2) or scan.dtype.kind not in "fiu":
        raise DataError(
            f"{path.name}: scan has shape {scan.shape} and type {scan.dtype}, "
            f"expected ({count}, 2) real numbers, one row a frame"
        )
    _refuse_nonfinite(scan, "scan", path)
    return np.asarray(scan, np.float64)


def _refuse_nonfinite(array: Any, what: str, path: Path) -> None:
    bad = int((~np.isfinite(array)).sum())
    if bad:
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise DataError(f"{path.name}: {what} has {bad} values that are not finite, the first at index {first}")


def _amplitude(values: Real, quantity: str, path: Path) -> Real:
    """Amplitudes from what the file is said to hold; raises when integers tell otherwise."""
    if not values.any():
        raise DataError(f"{path.name}: every value of data is zero")
    if quantity == "amplitude":
        if _all_integers(values) and values.max() > 1:
            raise DataError(
                f"{path.name}: data is said to be amplitude but holds whole numbers only, as photon counts do: "
                "say quantity = counts"
            )
        return values
    if not _all_integers(values) and _all_integers(values**2):
        raise DataError(
            f"{path.name}: data is said to be counts but its squares are whole numbers: "
            "it is amplitude already, say quantity = amplitude"
        )
    return np.sqrt(values)


def _all_integers(values: Real) -> bool:
    return bool(np.all(np.abs(values - np.rint(values)) <= 1e-5 * np.maximum(values, 1)))
