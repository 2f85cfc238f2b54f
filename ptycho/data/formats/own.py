"""The house's own arrays, in an NPZ or at the top of an HDF5 file: frames, probe and positions by name."""

from __future__ import annotations

from typing import Any, Literal, cast

from ptycho.arrays import Mask, Real
from ptycho.data.containers.archive import Archive
from ptycho.data.containers.stack import FrameStack
from ptycho.data.containers.tree import Tree
from ptycho.data.containers.units import ELECTRON_VOLT_J
from ptycho.data.formats import checks, geometry, masks
from ptycho.data.formats.record import DataFile, Format
from ptycho.errors import DataError

DATA_KEYS = ("data", "diffraction", "diff3d")
PROBE_KEYS = ("probe", "probeGuess")
SCAN_KEYS = ("scan", "positions")
AXIS_KEYS = ("xcoords", "ycoords")
MASK_KEY = "mask"


def _read(source: Archive | Tree, name: str, held: list[str], frames: FrameStack | None) -> DataFile:
    """The record, of whatever gives arrays by name; ``held`` are the names of all."""
    count, path = None if frames is None else len(frames), source.path
    probe = next((source.array(key) for key in PROBE_KEYS if key in held), None)
    about = ", ".join(held) or "nothing"
    numbers = {key: source.number(key) for key in ("energy_ev", "distance_m", "detector_pixel_m", "pixel_size_m")}
    energy = None if numbers["energy_ev"] is None else numbers["energy_ev"] * ELECTRON_VOLT_J
    pixel, detector = ((size, size) if (size := numbers[f"{n}_m"]) else None for n in ("pixel_size", "detector_pixel"))
    side = None if frames is None else frames.shape[1]
    quantity, order = _word(source, "quantity", ("counts", "amplitude")), _word(source, "order", ("xy", "yx"))
    centred = source.number("centred")
    stated = {"quantity": quantity, "order": order, "centred": centred}
    return DataFile(
        path,
        name,
        frames,
        None if probe is None else checks.probe_modes(probe, path),
        _positions(source, held, count),
        mask=_mask(source, held, side),
        quantity=cast(Literal["counts", "amplitude"], quantity) if quantity else None,
        order=cast(Literal["xy", "yx"], order) if order else None,
        centred=None if centred is None else bool(centred),
        energy_j=energy,
        distance_m=numbers["distance_m"],
        detector_pixel_m=detector,
        pixel_size_m=pixel or geometry.object_pixels(energy, numbers["distance_m"], side, detector),
        photon_scale=source.number("photon_scale"),
        stated=frozenset(name for name, value in stated.items() if value is not None),
        lacks={
            "frames": _without(path.name, DATA_KEYS, about),
            "probe": f"{_without(path.name, PROBE_KEYS, about)}: give one with --probe FILE",
            "positions": _without(path.name, SCAN_KEYS, about),
        },
    )


def _word(source: Archive | Tree, name: str, allowed: tuple[str, ...]) -> str | None:
    word = source.text(name)
    if word is not None and word not in allowed:
        raise DataError(f"{source.path.name}: {name} is {word!r}, expected {' or '.join(allowed)}")
    return word


def _without(name: str, keys: tuple[str, ...], held: str) -> str:
    return f"{name} has no {' or '.join(map(repr, keys))}; it holds: {held}"


def _positions(source: Archive | Tree, held: list[str], count: int | None) -> Real | None:
    if all(key in held for key in AXIS_KEYS):
        x, y = (source.array(key) for key in AXIS_KEYS)
        return checks.from_axes(x, y, AXIS_KEYS, count, source.path)
    key = next((key for key in SCAN_KEYS if key in held), None)
    return None if key is None else checks.two_columns(source.array(key), count, source.path)


def _mask(source: Archive | Tree, held: list[str], side: int | None) -> Mask | None:
    if MASK_KEY not in held:
        return None
    return masks.from_array(source.array(MASK_KEY) == 0, side, source.path, "the mask")


def _read_archive(source: Archive) -> DataFile:
    key = source.first(DATA_KEYS)
    return _read(source, "NPZ", source.names, None if key is None else _archive_frames(source, key))


def _archive_frames(source: Archive, key: str) -> FrameStack:
    header = source.header(key)
    return source.stack(key, checks.frames_shape(header.shape, header.dtype, source.path))


def _read_tree(source: Tree) -> DataFile:
    held = [name for name in source.names() if source.is_array(name)]
    key = next((key for key in DATA_KEYS if key in held), None)
    frames = None
    if key is not None:
        item: Any = source.dataset(key)
        frames = source.stack(key, checks.frames_shape(item.shape, item.dtype, source.path))
    return _read(source, "HDF5", held, frames)


OWN_NPZ: Format[Archive] = Format("NPZ", lambda source: True, _read_archive)
OWN_HDF5: Format[Tree] = Format("HDF5", lambda source: True, _read_tree)
