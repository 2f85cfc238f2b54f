"""Products: a reconstruction as ptychodus keeps it, in HDF5, for other programs to go on with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ptycho.arrays import Complex, Integer, Real
from ptycho.data.containers.units import ELECTRON_VOLT_J
from ptycho.data.frames import Geometry
from ptycho.output import artifacts

_UNKNOWN_PIXEL_M = 1.0


@dataclass(frozen=True)
class Product:
    """An object ``(height, width)`` with the probe that goes with it, in square roots of photons, ``(N, N)`` or
    ``(K, N, N)`` for incoherent modes, and the positions ``(M, 2)`` of the probe in pixels of the object, ``[x, y]``;
    ``indexes`` name their frames."""

    name: str
    comments: str
    object: Complex
    probe: Complex
    positions: Real
    indexes: Integer
    photons: float  # mean, of a frame
    losses: Sequence[float]
    geometry: Geometry | None


def write_product(path: Path, product: Product) -> None:
    """Write the product, whole or not at all.

    Positions are metres from the middle of the object. Without a known geometry a pixel is 1 m, and the comments
    say so; an energy, a distance or an exposure that is not known is 0, as in other products.
    """
    geometry, comments = product.geometry, product.comments
    if geometry is None:
        geometry = Geometry((_UNKNOWN_PIXEL_M, _UNKNOWN_PIXEL_M), None, None)
        comments = f"{comments}; the pixel size is not known, so lengths are in pixels: 1 m is one pixel"
    pixel = {"pixel_width_m": geometry.pixel_size_m[0], "pixel_height_m": geometry.pixel_size_m[1]}
    middle = np.array(product.object.shape[::-1]) / 2
    metres = (product.positions - middle) * np.array(geometry.pixel_size_m)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["name"], file.attrs["comments"] = product.name, comments
        file.attrs["detector_object_distance_m"] = geometry.distance_m or 0.0
        file.attrs["probe_energy_eV"] = (geometry.energy_j or 0.0) / ELECTRON_VOLT_J
        file.attrs["probe_photon_count"] = product.photons
        file.attrs["exposure_time_s"] = file.attrs["mass_attenuation_m2_kg"] = 0.0
        file["probe_position_indexes"] = np.asarray(product.indexes, np.int64)
        file["probe_position_x_m"], file["probe_position_y_m"] = metres[:, 0], metres[:, 1]
        file["probe"] = product.probe.reshape(1, -1, *product.probe.shape[-2:]).astype(np.complex64)
        file["object"] = product.object[None].astype(np.complex64)
        file["object_layer_spacing_m"] = np.zeros(0)
        file["probe"].attrs.update(pixel)
        file["object"].attrs.update(pixel | {"center_x_m": 0.0, "center_y_m": 0.0})
        file["loss_epochs"] = np.arange(1, len(product.losses) + 1)
        file["loss_values"] = np.asarray(product.losses, np.float64)
    artifacts.write_bytes(path, buffer.getvalue())
