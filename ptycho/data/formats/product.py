"""Products of ptychodus and the pairs of pty-chi: positions in metres, the probe and the object in HDF5, and the
frames as ``dp`` in a file of their own."""

from __future__ import annotations

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.data.containers import units
from ptycho.data.containers.stack import FrameStack
from ptycho.data.containers.tree import Tree, open_tree
from ptycho.data.files import partner
from ptycho.data.formats import checks
from ptycho.data.formats.record import DataFile, Format
from ptycho.errors import DataError

_DATA = "dp"
_POSITIONS = ("probe_position_x_m", "probe_position_y_m")
_INDEXES, _PROBE, _OBJECT = "probe_position_indexes", "probe", "object"
_PIXEL = ("pixel_width_m", "pixel_height_m")
_RAW = "raw_data"  # what a product of PtychoPINN was made from
_ENERGY, _DISTANCE = "probe_energy_eV", "detector_object_distance_m"


def _recognises(tree: Tree) -> bool:
    return tree.is_array(_DATA) or all(tree.is_array(name) for name in _POSITIONS)


def _read(tree: Tree) -> DataFile:
    """Either file of a pair stands for both; a product alone has everything but frames."""
    other = _other(tree)
    with_frames, about = (tree, other or tree) if tree.is_array(_DATA) else (other, tree)
    whole = _frames(with_frames) if with_frames is not None and with_frames.is_array(_DATA) else None
    x, y = (about.array(name) for name in _POSITIONS)
    positions = None if x is None or y is None else checks.from_axes(x, y, _POSITIONS, None, about.path)
    frames, positions = _matched(whole, positions, about)
    count = None if frames is None else len(frames)
    raw = None if frames is not None else _raw(about)
    if raw is not None:
        frames, positions = raw
        count = len(frames)
    probe, energy = about.array(_PROBE), _attribute(about, "/", _ENERGY)
    pixel = _pixel(about, _OBJECT) or _pixel(about, _PROBE)
    beside = f"lay the other file of the pair beside it, {tree.path.name} needs both *_dp.hdf5 and *_para.hdf5"
    return DataFile(
        tree.path,
        "ptychodus",
        frames,
        None if probe is None else checks.probe_modes(_first_coherent(probe), about.path),
        None if positions is None else checks.two_columns(positions, count, about.path),
        "m" if raw is None else "px",
        quantity="counts" if raw is None else "amplitude",
        order="xy",
        centred=True,
        energy_j=None if energy is None else energy * units.ELECTRON_VOLT_J,
        distance_m=_attribute(about, "/", _DISTANCE),
        pixel_size_m=pixel,
        reconstruction=_object(about),
        lacks={
            "frames": f"{tree.path.name} is a product without frames: {beside}",
            "probe": f"{tree.path.name} has no probe: {beside}, or give one with --probe FILE",
            "positions": f"{tree.path.name} has no positions: {beside}",
            "pixel_size_m": f"{about.path.name} has no pixel size: add {_PIXEL[0]} and {_PIXEL[1]} to {_OBJECT}",
        },
    )


def _other(tree: Tree) -> Tree | None:
    """The other file of a pair, open until this one is closed."""
    beside = partner(tree.path)
    return None if beside is None else open_tree(beside, beside, tree.resources)


def _frames(tree: Tree, name: str = _DATA) -> FrameStack:
    item = tree.dataset(name)
    if item is None or item.shape is None:
        raise DataError(f"{tree.path.name} has no {name}")
    return tree.stack(name, checks.frames_shape(item.shape, item.dtype, tree.path))


def _raw(tree: Tree) -> tuple[FrameStack, Real] | None:
    """Amplitudes, and positions in pixels."""
    names = [f"{_RAW}/{name}" for name in ("diffraction", "xcoords", "ycoords")]
    if not all(tree.is_array(name) for name in names):
        return None
    frames = _frames(tree, names[0])
    x, y = (tree.array(name) for name in names[1:])
    return frames, checks.from_axes(x, y, ("xcoords", "ycoords"), len(frames), tree.path)


def _matched(frames: FrameStack | None, positions: Real | None, tree: Tree) -> tuple[FrameStack | None, Real | None]:
    """Frames and positions in one order: where the positions' indexes are all different they name frames."""
    indexes = tree.array(_INDEXES)
    if frames is None or positions is None or indexes is None or indexes.shape != (len(positions),):
        return frames, positions
    if indexes.dtype.kind not in "iu" or len(np.unique(indexes)) < len(indexes):
        return frames, positions
    if indexes.size == 0 or indexes.min() < 0 or indexes.max() >= len(frames):
        return frames, positions
    order = np.argsort(indexes)
    chosen, positions = indexes[order].astype(int), positions[order]
    if len(chosen) == len(frames):
        return frames, positions
    whole = frames

    def read(start: int, stop: int) -> Real:
        parts = [whole[0:0], *(whole[i : i + 1] for i in chosen[start:stop].tolist())]
        return np.concatenate(parts)

    return FrameStack((len(chosen), *whole.shape[1:]), whole.dtype, read), positions


def _first_coherent(probe: Complex) -> Complex:
    """``(modes, n, n)`` of ``(coherent, modes, n, n)``."""
    return probe[0] if probe.ndim == 4 and len(probe) else probe


def _object(tree: Tree) -> Complex | None:
    """The object's first layer, ``(height, width)``."""
    layers = tree.array(_OBJECT)
    if layers is None or layers.dtype.kind != "c" or layers.ndim not in (2, 3) or layers.size == 0:
        return None
    return np.asarray(layers[0] if layers.ndim == 3 else layers)


def _pixel(tree: Tree, name: str) -> tuple[float, float] | None:
    x, y = (_attribute(tree, name, attribute) for attribute in _PIXEL)
    return None if x is None or y is None else (x, y)


def _attribute(tree: Tree, name: str, attribute: str) -> float | None:
    """A positive number; zero is how a product says that it does not know."""
    value = tree.attribute(name, attribute)
    if not isinstance(value, int | float | np.number) or not np.isfinite(value) or value <= 0:
        return None
    return float(value)


PRODUCT = Format("ptychodus", _recognises, _read)
