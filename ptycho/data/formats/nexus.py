"""NeXus (manual.nexusformat.org): groups say what they are by ``NX_class``, every length and energy has its unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ptycho.arrays import Mask, Real
from ptycho.data.containers import units
from ptycho.data.containers.tree import Tree
from ptycho.data.formats import checks, geometry, masks
from ptycho.data.formats.record import DataFile, Format
from ptycho.errors import DataError

_AXIS = re.compile(
    r"(?:(?:sample|sam|stage|scan|probe|beam|translation|trans|position|pos|motor|piezo|s)_?)*([xy])"
    r"(?:_?(?:position|pos|value|set|readback|rbv|m|um|nm))*"
)
_ENERGIES = ("incident_energy", "energy", "photon_energy", "incident_beam_energy")
_WAVELENGTHS = ("incident_wavelength", "wavelength")
_SPECTRAL = ("NXbeam", "NXmonochromator")
_ALL_BITS = 2**32 - 1


def _recognises(tree: Tree) -> bool:
    return _entry(tree) is not None


def _read(tree: Tree) -> DataFile:
    """Positions are the sample's translations, in the axes of NeXus, which are CXI's."""
    path, entry = tree.path, _entry(tree) or "entry"
    place = _signal(tree, entry)
    frames, shape = None, ()
    if place is not None and (item := tree.dataset(place)) is not None:
        shape = item.shape or ()
        folded = (int(np.prod(shape[:-2])), *shape[-2:]) if len(shape) > 3 else shape
        frames = tree.stack(place, checks.frames_shape(folded, item.dtype, path))
    count, side = (None, None) if frames is None else frames.shape[:2]
    detector = _detector(tree, entry, place)
    distances = (_values(tree, f"{detector}/{name}") for name in ("distance", "detector_distance"))
    distance = next((value for value in distances if value is not None), None)
    energies, energy_at = _energies(tree, entry)
    energy = geometry.one(energies, energy_at, tree)
    sizes = [_values(tree, f"{detector}/{axis}_pixel_size") for axis in "xy"]
    x, y = (size if size is not None else sizes[1 - i] for i, size in enumerate(sizes))
    pixel = None if x is None or y is None else (x, y)
    probe = next(
        (
            a
            for g in _groups(tree, f"{entry}/instrument", ("NXsource",), "source")
            if (a := _probe(tree, g)) is not None
        ),
        None,
    )
    absent = [n for n, v in (("distance", distance), ("x_pixel_size", pixel), ("incident_energy", energy)) if v is None]
    return DataFile(
        path,
        "NeXus",
        frames,
        None if probe is None else checks.probe_modes(probe, path),
        _positions(tree, entry, place, shape[:-2], count),
        "m",
        _mask(tree, detector, side),
        quantity="counts",
        order="xy",
        centred=True,
        energy_j=energy,
        energies_j=geometry.each(energies, count, energy_at, tree),
        distance_m=distance,
        detector_pixel_m=pixel,
        pixel_size_m=geometry.object_pixels(energy, distance, side, pixel),
        lacks={
            "frames": f"{path.name} has no frames in {entry}: add {entry}/data/data or instrument/detector/data",
            "probe": f"{path.name} has no probe, as NeXus files have none: give one with --probe FILE",
            "positions": f"{path.name} has no positions in {entry}: add sample/transformations/x and y in metres",
            "pixel_size_m": f"{path.name} lacks {', '.join(absent)} in {entry}/instrument: add them with their units",
        },
    )


def _class(tree: Tree, group: str) -> str:
    return str(tree.attribute(group, "NX_class") or "")


def _entry(tree: Tree) -> str | None:
    """The entry that the file names as its default, else the first."""
    entries = [
        n for n in _local_groups(tree, "/") if _class(tree, n) == "NXentry" or re.fullmatch(r"entry\d*(_\d+)?", n)
    ]
    default = tree.attribute("/", "default")
    return default if default in entries else next(iter(entries), None)


def _local_groups(tree: Tree, group: str) -> Iterator[str]:
    base = "" if group == "/" else f"{group}/"
    for name in tree.names(group):
        if not tree.leads_away(f"{base}{name}") and tree.group(f"{base}{name}") is not None:
            yield f"{base}{name}"


def _groups(tree: Tree, parent: str, classes: tuple[str, ...], word: str) -> Iterator[str]:
    """The groups below ``parent`` of one of ``classes``, or of a name that begins so."""
    for group in _local_groups(tree, parent):
        if _class(tree, group) in classes or group.rpartition("/")[2].startswith(word):
            yield group


def _signal(tree: Tree, entry: str) -> str | None:
    """Where the frames are: the plottable data of the entry, else a detector's own, else the one stack there is."""
    places = list(_groups(tree, entry, ("NXdata",), "data"))
    default = f"{entry}/{tree.attribute(entry, 'default')}"
    for group in sorted(places, key=lambda place: place != default):
        signal = tree.attribute(group, "signal")
        named = [signal] if isinstance(signal, str) else []
        for name in (*named, "data"):
            if tree.is_array(f"{group}/{name}") and _is_stack(tree, f"{group}/{name}"):
                return f"{group}/{name}"
    for group in _groups(tree, f"{entry}/instrument", ("NXdetector",), "detector"):
        if tree.is_array(f"{group}/data") and _is_stack(tree, f"{group}/data"):
            return f"{group}/data"
    stacks = [place for place in tree.walk(entry) if _is_stack(tree, place) and not place.endswith("mask")]
    if len(stacks) == 1:
        return stacks[0]
    away = [f"{group}/{name}" for group in places for name in tree.names(group) if tree.leads_away(f"{group}/{name}")]
    return away[0] if away else None


def _is_stack(tree: Tree, place: str) -> bool:
    item = tree.dataset(place)
    return item is not None and item.shape is not None and item.ndim >= 3


def _detector(tree: Tree, entry: str, place: str | None) -> str:
    """The group of the detector that the frames are in, else the first."""
    groups = list(_groups(tree, f"{entry}/instrument", ("NXdetector",), "detector"))
    within = (place or "").rpartition("/")[0]
    return within if within in groups else next(iter(groups), f"{entry}/instrument/detector")


def _scale(tree: Tree, name: str, scales: dict[str, float]) -> float:
    scale = geometry.scale_of(tree, name, scales)
    if scale is None:
        raise DataError(f"{tree.path.name}: {name} has no attribute units, which NeXus asks for: add it")
    return scale


def _values(tree: Tree, name: str) -> float | None:
    """A length in metres."""
    if not tree.is_array(name):
        return None
    return geometry.one(geometry.positive(tree, name, {}, _scale(tree, name, units.LENGTHS_M)), name, tree)


def _energies(tree: Tree, entry: str) -> tuple[Real | None, str]:
    """Photon energies in joules, from an energy or a wavelength of the beam; and where they stand."""
    groups = [g for parent in (f"{entry}/instrument", f"{entry}/sample", entry)
              for g in (*_groups(tree, parent, _SPECTRAL, "beam"), *_groups(tree, parent, (), "mono"))]  # fmt: skip
    groups += [f"{entry}/instrument/detector/detectorSpecific", f"{entry}/instrument"]
    for group in groups:
        for name in _ENERGIES:
            if tree.is_array(f"{group}/{name}"):
                at = f"{group}/{name}"
                return geometry.positive(tree, at, {}, _scale(tree, at, units.ENERGIES_J)), at
        for name in _WAVELENGTHS:
            if tree.is_array(f"{group}/{name}"):
                at = f"{group}/{name}"
                lengths = geometry.positive(tree, at, {}, _scale(tree, at, units.LENGTHS_M))
                return (None if lengths is None else units.HC_JOULE_METRE / lengths), at
    return None, f"{entry}/instrument/beam/incident_energy"


def _probe(tree: Tree, group: str) -> Any:
    return next((tree.array(f"{group}/{n}") for n in ("probe", "illumination") if tree.is_array(f"{group}/{n}")), None)


def _mask(tree: Tree, detector: str, side: int | None) -> Mask | None:
    places = (f"{detector}/{name}" for name in ("pixel_mask", "mask"))
    place = next((p for p in places if tree.is_array(p)), None)
    return None if place is None else masks.from_bits(tree, place, side, _ALL_BITS)


def _positions(tree: Tree, entry: str, place: str | None, raster: tuple[int, ...], count: int | None) -> Real | None:
    """Positions in metres: a list of translations, else two coordinates of the sample or of the plotted data."""
    data = (place or "").rpartition("/")[0]
    samples = [*_groups(tree, entry, ("NXsample",), "sample")]
    for group in (*(f"{sample}/geometry_1" for sample in samples), *samples, data):
        at = f"{group}/translation"
        if group and tree.is_array(at):
            array = tree.array(at)
            return geometry.coordinates(array, count, at, tree) * _scale(tree, at, units.LENGTHS_M)
    for group in (*(f"{sample}/transformations" for sample in samples), *samples, data, f"{entry}/data"):
        axes = _axes(tree, group) if group else {}
        if set(axes) == {"x", "y"} and (group.startswith(tuple(samples)) or _fits(tree, axes, count)):
            return _coordinates(tree, group, axes, raster, count)
    for parent in (*samples, f"{entry}/instrument"):
        axes = _positioners(tree, parent)
        if set(axes) == {"x", "y"}:
            return _coordinates(tree, parent, axes, raster, count)
    return None


def _axes(tree: Tree, group: str) -> dict[str, str]:
    """The paths of a group's coordinates along x and y; of several names the shortest, as `x` before `x_set`."""
    names = sorted(tree.names(group), key=len, reverse=True)
    return {axis: f"{group}/{name}" for name in names if (axis := _axis(tree, f"{group}/{name}"))}


def _positioners(tree: Tree, parent: str) -> dict[str, str]:
    """The values of motors that are named as coordinates."""
    groups = [group for group in _local_groups(tree, parent) if _class(tree, group) == "NXpositioner"]
    found = {group: _AXIS.fullmatch(group.rpartition("/")[2].lower()) for group in groups}
    return {axis[1]: f"{g}/value" for g, axis in found.items() if axis and tree.is_array(f"{g}/value")}


def _fits(tree: Tree, axes: dict[str, str], count: int | None) -> bool:
    """Whether coordinates are those of the scan; in a group of data they may be the detector's."""
    x, y = (0 if (item := tree.dataset(at)) is None or item.shape is None else item.size for at in axes.values())
    return count is None or (count in (x, x * y) and (x == y or x * y == count))


def _axis(tree: Tree, place: str) -> str | None:
    """Whether a data set is a coordinate along x or y: by its vector where it has one, else by its name."""
    if not tree.is_array(place):
        return None
    vector = tree.attribute(place, "vector")
    if vector is not None and np.shape(vector) == (3,):
        main = int(np.argmax(np.abs(vector)))
        return "xy"[main] if main < 2 else None
    found = _AXIS.fullmatch(place.rpartition("/")[2].lower())
    return found[1] if found else None


def _coordinates(tree: Tree, group: str, axes: dict[str, str], raster: tuple[int, ...], count: int | None) -> Real:
    """Two coordinates as positions, laid out over the raster where each is given for its own axis alone."""
    values = {}
    for axis, at in axes.items():
        vector = tree.attribute(at, "vector")
        sign = -1.0 if vector is not None and vector["xy".index(axis)] < 0 else 1.0
        numbers = geometry.numbers(tree, at)
        values[axis] = (np.zeros(0) if numbers is None else numbers) * sign * _scale(tree, at, units.LENGTHS_M)
    x, y = values["x"], values["y"]
    if len(raster) == 2 and len(x) * len(y) == count and count not in (len(x), len(y)):
        slow = _slow(tree, group, axes, raster, len(x), len(y))
        grid = np.meshgrid(x, y) if slow == "y" else np.meshgrid(x, y, indexing="ij")
        x, y = grid[0].ravel(), grid[1].ravel()
    return checks.from_axes(x, y, (axes["x"], axes["y"]), count, tree.path)


def _slow(tree: Tree, group: str, axes: dict[str, str], raster: tuple[int, ...], wide: int, high: int) -> str:
    """Which coordinate the first axis of a raster is."""
    named = tree.attribute(group, "axes")
    first = next(iter(np.ravel(named)), None) if named is not None else None
    names = {at.rpartition("/")[2]: axis for axis, at in axes.items()}
    if str(first) in names:
        return names[str(first)]
    if wide != high:
        return "y" if raster == (high, wide) else "x"
    raise DataError(f"{tree.path.name}: {group} does not say which axis of the raster is x: give it an attribute axes")


NEXUS = Format("NeXus", _recognises, _read)
