"""Writers of one small scan in the layouts that other programs publish, each from its documentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho.data.containers.units import ELECTRON_VOLT_J, HC_JOULE_METRE

SIDE = 16
ENERGY_J, DISTANCE_M = 1.4e-15, 2.0
DETECTOR_M = (75e-6, 50e-6)  # x, y: pixels that are not square
PIXEL_M = tuple(HC_JOULE_METRE / ENERGY_J * DISTANCE_M / (SIDE * pixel) for pixel in DETECTOR_M)


@dataclass(frozen=True)
class Scan:
    """Photon counts with the zero frequency in the middle, two probe modes, positions ``[x, y]`` in pixels, and the
    detector's valid pixels."""

    counts: Any
    probe: Any
    xy: Any
    valid: Any

    @property
    def side(self):
        """Pixels a side of the frames."""
        return self.counts.shape[-1]

    @property
    def pixel_m(self):
        """The object's pixel ``(x, y)``."""
        return tuple(HC_JOULE_METRE / ENERGY_J * DISTANCE_M / (self.side * pixel) for pixel in DETECTOR_M)

    @property
    def metres(self):
        """Positions ``[x, y]`` in metres."""
        return self.xy * np.array(self.pixel_m)


def small_scan(count: int = 12) -> Scan:
    """A scan with no symmetry that a mistaken axis could hide behind."""
    rng = np.random.default_rng(3)
    rows, columns = np.indices((SIDE, SIDE)) - SIDE / 2
    rate = 80 * np.exp(-((rows - 1) ** 2 / 30 + (columns + 2) ** 2 / 12))
    valid = np.ones((SIDE, SIDE), bool)
    valid[3, 10], valid[12:14, 2] = False, False
    probe = np.exp(-(rows**2 / 9 + columns**2 / 16) + 1j * (0.2 * rows + 0.05 * columns * rows))
    modes = np.stack([probe, 0.3 * columns * probe / 4]).astype(np.complex64)
    xy = np.column_stack([np.linspace(0, 30, count) + rng.uniform(-1, 1, count), rng.uniform(5, 18, count)])
    return Scan(rng.poisson(rate, (count, SIDE, SIDE)).astype(np.uint16), modes, xy, valid)


def _h5(path: Path, entries: dict[str, Any], units: dict[str, str] | None = None) -> Path:
    with h5py.File(path, "w") as file:
        for name, value in entries.items():
            if value is not None:
                file[name] = value
        for name, unit in (units or {}).items():
            if name in file:
                file[name].attrs["units"] = unit
    return path


def npz(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """The house's own names."""
    arrays = {"data": scan.counts, "probe": scan.probe, "scan": scan.xy, "mask": scan.valid}
    with path.open("wb") as file:
        np.savez(file, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path


def hdf5(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """The house's own names, at the top of an HDF5 file."""
    return _h5(path, {"data": scan.counts, "probe": scan.probe, "scan": scan.xy, "mask": scan.valid} | changes)


def pinn(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """PtychoPINN: amplitudes and two arrays of coordinates."""
    arrays = {
        "diff3d": np.sqrt(scan.counts.astype(np.float32)),
        "probeGuess": scan.probe[0],
        "objectGuess": np.ones((50, 60), np.complex64),
        "xcoords": scan.xy[:, 0],
        "ycoords": scan.xy[:, 1],
        "xcoords_start": scan.xy[:, 0],
        "ycoords_start": scan.xy[:, 1],
        "scan_index": np.zeros(len(scan.xy), int),
    }
    with path.open("wb") as file:
        np.savez(file, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path


def tike(path: Path, scan: Scan) -> Path:
    """tike: the zero frequency at the corner, the row first, and axes for angles and eigen probes."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            data=np.fft.ifftshift(scan.counts, axes=(-2, -1))[None].astype(np.float32),
            probe=scan.probe[None, None, None],
            scan=scan.xy[None, :, ::-1],
        )
    return path


def cxi(path: Path, scan: Scan, /, units: dict[str, str] | None = None, **changes: Any) -> Path:
    """CXI 1.6, in SI units; bits of the mask are set at bad pixels."""
    bits = np.where(scan.valid, 0, 0x1).astype(np.uint32)
    bits[12, 2] = 0x0 if scan.valid[12, 2] else 0x200
    bits[5, 5] |= 0x1000  # has signal, which is no fault
    detector, source = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
    entries: dict[str, Any] = {
        "cxi_version": 160,
        "number_of_entries": 1,
        "entry_1/data_1/data": scan.counts,
        f"{source}/energy": ENERGY_J,
        f"{source}/probe": scan.probe,
        f"{detector}/distance": DISTANCE_M,
        f"{detector}/x_pixel_size": DETECTOR_M[0],
        f"{detector}/y_pixel_size": DETECTOR_M[1],
        f"{detector}/mask": bits,
        "entry_1/sample_1/geometry_1/translation": np.column_stack([scan.metres, np.zeros(len(scan.xy))]),
    }
    return _h5(path, entries | changes, units)


def ptypy(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """A ``.ptyd`` of two chunks: the row first, keV, and a weight for every pixel of every frame."""
    half, yx = len(scan.xy) // 2 + 1, scan.metres[:, ::-1]
    weights = np.broadcast_to(scan.valid.astype(float), scan.counts.shape)
    entries: dict[str, Any] = {
        "meta/energy": ENERGY_J / ELECTRON_VOLT_J / 1e3,
        "meta/distance": DISTANCE_M,
        "meta/psize": np.array(DETECTOR_M[::-1]),
        "meta/center": np.array([scan.side / 2, scan.side / 2]),
        "meta/shape": np.array([scan.side, scan.side]),
        "meta/num_frames": len(scan.xy),
        "info/lam": np.zeros(1),
        "common/weight2d": np.zeros(1),
    }
    for index, part in enumerate((slice(0, half), slice(half, None))):
        entries |= {
            f"chunks/{index}/data": scan.counts[part],
            f"chunks/{index}/positions": yx[part],
            f"chunks/{index}/weights": weights[part],
            f"chunks/{index}/indices": np.arange(len(scan.xy))[part],
        }
    path = _h5(path, entries | changes)
    with h5py.File(path, "a") as file:
        for name in ("info/lam", "common/weight2d"):
            file[name].attrs["type"] = "None"
    return path


def product(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """A product of ptychodus: metres, eV, and coherent before incoherent modes."""
    entries: dict[str, Any] = {
        "probe_position_indexes": np.arange(len(scan.xy)),
        "probe_position_x_m": scan.metres[:, 0],
        "probe_position_y_m": scan.metres[:, 1],
        "probe": scan.probe[None],
        "object": np.ones((1, 60, 70), np.complex64),
        "object_layer_spacing_m": np.zeros(0),
        "loss_epochs": np.arange(2),
        "loss_values": np.array([1.0, 0.5]),
    }
    path = _h5(path, entries | changes)
    with h5py.File(path, "a") as file:
        about = {"name": "scan", "comments": "", "detector_object_distance_m": DISTANCE_M}
        file.attrs.update(about | {"probe_energy_eV": ENERGY_J / ELECTRON_VOLT_J, "exposure_time_s": 0.0})
        for name in ("probe", "object"):
            file[name].attrs.update({"pixel_width_m": scan.pixel_m[0], "pixel_height_m": scan.pixel_m[1]})
        file["object"].attrs.update({"center_x_m": 0.0, "center_y_m": 0.0})
    return path


def ptychi(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """The pair of pty-chi: ``dp`` in one file, a product in the other; the first's path."""
    product(path.with_name(path.name.replace("_dp.", "_para.")), scan, **changes)
    return _h5(path, {"dp": scan.counts})


def nexus(path: Path, scan: Scan, /, **changes: Any) -> Path:
    """NeXus: every length with its unit, the frames in the detector, positions as the sample's transformations."""
    x, y = scan.metres.T
    entries: dict[str, Any] = {
        "entry/instrument/detector/data": scan.counts,
        "entry/instrument/detector/distance": DISTANCE_M * 1e3,
        "entry/instrument/detector/x_pixel_size": DETECTOR_M[0] * 1e6,
        "entry/instrument/detector/y_pixel_size": DETECTOR_M[1] * 1e6,
        "entry/instrument/detector/pixel_mask": (~scan.valid).astype(np.uint32) * 2,
        "entry/instrument/source/energy": 6.0,  # the ring's, GeV
        "entry/instrument/beam/incident_energy": ENERGY_J / ELECTRON_VOLT_J / 1e3,
        "entry/sample/transformations/x": x * 1e6,
        "entry/sample/transformations/y": y * 1e3,
    }
    units = {
        "entry/instrument/detector/distance": "mm",
        "entry/instrument/detector/x_pixel_size": "um",
        "entry/instrument/detector/y_pixel_size": "µm",
        "entry/instrument/source/energy": "GeV",
        "entry/instrument/beam/incident_energy": "keV",
        "entry/sample/transformations/x": "micron",
        "entry/sample/transformations/y": "mm",
    }
    path = _h5(path, entries | changes, units)
    classes = {"entry": "NXentry", "entry/instrument": "NXinstrument", "entry/instrument/detector": "NXdetector"}
    classes |= {"entry/instrument/beam": "NXbeam", "entry/sample": "NXsample"}
    with h5py.File(path, "a") as file:
        for name, kind in (classes | {"entry/sample/transformations": "NXtransformations"}).items():
            if name in file:
                file[name].attrs["NX_class"] = kind
    return path
