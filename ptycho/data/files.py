"""Reading arrays from NPZ, HDF5 and CXI files; whatever cannot be read raises DataError.

NumPy's pickles are never opened, and a file's first bytes say what it is, not its name alone.
"""

from __future__ import annotations

import bz2
import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho.errors import DataError

HC_JOULE_METRE = 1.98644586e-25  # Planck constant times speed of light
HDF5_SUFFIXES = (".h5", ".hdf5", ".cxi")
CXI = {
    "data": "entry_1/data_1/data",
    "probe": "entry_1/instrument_1/source_1/probe",
    "translation": "entry_1/sample_1/geometry_1/translation",
    "energy": "entry_1/instrument_1/source_1/energy",
    "distance": "entry_1/instrument_1/detector_1/distance",
    "pixel": "entry_1/instrument_1/detector_1/x_pixel_size",
}


def find_data_file(path: str) -> Path:
    """The file at ``path``: here, in ``$PTYCHO_TEST_DATA``, or in a ``shared/data`` beside or above this folder."""
    above = [folder / "shared" / "data" for folder in Path.cwd().parents]
    for folder in (Path(), Path(os.environ.get("PTYCHO_TEST_DATA", "")), *above):
        candidate = folder / path
        if candidate.is_file():
            return candidate
    raise DataError(
        f"data file {path!r} does not exist here, nor in $PTYCHO_TEST_DATA, nor in ../shared/data beside the repository"
    )


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the arrays ``names`` that the file holds, and every other name with the value None."""
    try:
        if path.suffix in HDF5_SUFFIXES:
            with h5py.File(path, "r") as file:
                if "entry_1" in file:
                    return _read_cxi(file, path)
                arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
                return {name: item[()] if name in names else None for name, item in arrays.items()}
        content = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
        if not content.startswith((b"PK", b"\x93NUMPY")):
            raise DataError(f"{path.name} is no NPZ: it may be truncated, or not the format its name says")
        if not content.startswith(b"PK"):
            raise DataError(f"{path.name} is a single array, expected an NPZ with data, probe and scan")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {name: file[name] if name in names else None for name in file}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from error


def read_npy(path: Path) -> Any:
    """The one array of a ``.npy`` file."""
    try:
        if not path.read_bytes().startswith(b"\x93NUMPY"):
            raise DataError(f"{path.name} is no plain array: it may be truncated, or not the format its name says")
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    if "pickle" in str(error):
        return DataError(f"{path.name} holds pickled Python objects, which are never unpickled: save plain arrays")
    return DataError(f"{path.name} cannot be read ({error}): it may be truncated, or not the format its name says")


def _read_cxi(file: h5py.File, path: Path) -> dict[str, Any]:
    """Frames, probe and positions in pixels: ``wavelength * distance / (n * pixel)`` metres each."""
    missing = [entry for entry in CXI.values() if entry not in file]
    if missing:
        raise DataError(f"{path.name} lacks a CXI entry: add {', '.join(missing)}")
    energy, distance, pixel = (float(np.ravel(file[CXI[k]][()])[0]) for k in ("energy", "distance", "pixel"))
    for name, value in (("energy", energy), ("distance", distance), ("pixel", pixel)):
        if not (np.isfinite(value) and value > 0):
            raise DataError(f"{path.name}: {CXI[name]} is {value:g}, expected a positive number in SI units")
    data = file[CXI["data"]][()]
    width_m = HC_JOULE_METRE / energy * distance / (data.shape[-1] * pixel)
    shifts = np.asarray(file[CXI["translation"]][()])[..., :2]
    return {"data": data, "probe": file[CXI["probe"]][()], "scan": shifts / width_m}


def input_files(config: Mapping[str, Any]) -> list[Path]:
    """The files that a configuration, as plain data, reads; raises DataError for one that is not found."""
    measured, simulated = config.get("measured"), config.get("simulate")
    paths = [measured["path"]] if measured else []
    paths += [simulated["probe"]["path"]] if simulated and simulated["probe"]["path"] else []
    return [find_data_file(path) for path in paths]
