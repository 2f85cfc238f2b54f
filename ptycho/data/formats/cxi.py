"""CXI 1.6 (cxidb.org/cxi.html): the coherent X-ray imaging data bank's layout of HDF5, in SI units."""

from __future__ import annotations

import numpy as np

from ptycho.data.containers import units
from ptycho.data.containers.tree import Tree
from ptycho.data.formats import checks, geometry, masks
from ptycho.data.formats.record import DataFile, Format

_DETECTOR, _SOURCE = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
_DATA = ("entry_1/data_1/data", f"{_DETECTOR}/data")
_PROBE = (f"{_SOURCE}/probe", f"{_SOURCE}/illumination")
_TRANSLATION = ("entry_1/sample_1/geometry_1/translation", "entry_1/data_1/translation")
_ENERGY = (f"{_SOURCE}/energy", "entry_1/instrument_1/beam_1/incident_energy")
_DISTANCE, _X_PIXEL, _Y_PIXEL = f"{_DETECTOR}/distance", f"{_DETECTOR}/x_pixel_size", f"{_DETECTOR}/y_pixel_size"
_MASK = (f"{_DETECTOR}/mask", "entry_1/data_1/mask")
# Invalid, saturated, hot, dead, shadowed, bad, missing and noisy. That a pixel has signal (0x1000) is no fault,
# and the other bits are the writer's own.
BAD_BITS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x200 | 0x400


def _recognises(tree: Tree) -> bool:
    named = "cxi_version" in tree.names() or any(name.endswith("_1") for name in tree.names("entry_1"))
    return named and tree.group("entry_1") is not None


def _read(tree: Tree) -> DataFile:
    """Translations are the sample's, and so are the probe's on the object's grid, whose axes are the detector's:
    both are opposite to CXI's axes."""
    path = tree.path
    frames, lacks = None, {}
    found = {name: _first(tree, places) for name, places in (("data", _DATA), ("mask", _MASK), ("probe", _PROBE))}
    if found["data"]:
        item = tree.dataset(found["data"])
        shape, dtype = (item.shape, item.dtype) if item is not None else ((), np.dtype(float))
        frames = tree.stack(found["data"], checks.frames_shape(shape, dtype, path))
    count, side = (None, None) if frames is None else frames.shape[:2]
    energy_at, translation_at = _first(tree, _ENERGY) or _ENERGY[0], _first(tree, _TRANSLATION) or _TRANSLATION[0]
    energies = geometry.positive(tree, energy_at, units.ENERGIES_J, None)
    energy = geometry.one(energies, energy_at, tree)
    distance = geometry.one(geometry.positive(tree, _DISTANCE, units.LENGTHS_M, 1.0), _DISTANCE, tree)
    detector = geometry.pixel_sizes(tree, _X_PIXEL, _Y_PIXEL)
    translation, probe = tree.array(translation_at), tree.array(found["probe"]) if found["probe"] else None
    positions = None if translation is None else geometry.coordinates(translation, count, translation_at, tree)
    if positions is not None:
        positions = positions * (geometry.scale_of(tree, translation_at, units.LENGTHS_M) or 1.0)
    needed = ((energy, energy_at), (distance, _DISTANCE), (detector, _X_PIXEL))
    absent = [place for value, place in needed if value is None]
    for part, places in (("frames", _DATA[0]), ("positions", _TRANSLATION[0]), ("pixel_size_m", ", ".join(absent))):
        lacks[part] = f"{path.name} lacks a CXI entry: add {places}"
    lacks["probe"] = f"{path.name} lacks a CXI entry: add {_PROBE[0]}, or give a probe with --probe FILE"
    return DataFile(
        path,
        "CXI",
        frames,
        None if probe is None else checks.probe_modes(probe, path),
        positions,
        "m",
        None if found["mask"] is None else masks.from_bits(tree, found["mask"], side, BAD_BITS),
        quantity="counts",
        order="xy",
        centred=True,
        energy_j=energy,
        energies_j=geometry.each(energies, count, energy_at, tree),
        distance_m=distance,
        detector_pixel_m=detector,
        pixel_size_m=geometry.object_pixels(energy, distance, side, detector),
        lacks=lacks,
    )


def _first(tree: Tree, places: tuple[str, ...]) -> str | None:
    return next((place for place in places if tree.is_array(place)), None)


CXI = Format("CXI", _recognises, _read)
