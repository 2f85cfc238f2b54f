"""Lengths and energies in an HDF5 file: each in its stated unit, or in the one that its format has by default."""

from __future__ import annotations

from typing import Any

import numpy as np

from ptycho.arrays import Real
from ptycho.data.containers import units
from ptycho.data.containers.tree import Tree
from ptycho.errors import DataError

_LARGEST_SPREAD = 0.01  # of energies: one grid cannot hold an object seen at more


def positive(tree: Tree, name: str, scales: dict[str, float], bare: float | None) -> Real | None:
    """The values of a data set in SI units, ``(K,)``; None where there is none.

    ``bare`` is the scale of values without a unit, and of all where no ``scales`` are given; None: energies, which are
    told by their size. Raises DataError
    for a unit that is none, and for values that are not positive.
    """
    values = numbers(tree, name)
    if values is None:
        return None
    scale = (scale_of(tree, name, scales) if scales else None) or (
        photon_scale(tree, name, values) if bare is None else bare
    )
    scaled = np.asarray(values * scale, np.float64)
    if not (np.isfinite(scaled) & (scaled > 0)).all():
        bad = values[~(np.isfinite(scaled) & (scaled > 0))][0]
        raise DataError(f"{tree.path.name}: {name} is {bad:g}, expected a positive number in SI units")
    return scaled


def numbers(tree: Tree, name: str) -> Real | None:
    """The real numbers of a data set, flat; None where there is none."""
    values = tree.array(name)
    if values is None or values.size == 0:
        return None
    if values.dtype.kind not in "fiu":
        raise DataError(f"{tree.path.name}: {name} has type {values.dtype}, expected real numbers")
    return np.asarray(np.ravel(values), np.float64)


def scale_of(tree: Tree, name: str, scales: dict[str, float]) -> float | None:
    """What the attribute ``units`` of a data set says; None where it has none."""
    unit = tree.attribute(name, "units")
    if unit is None or not str(unit).strip():
        return None
    scale = units.unit_scale(str(unit), scales)
    if scale is None:
        raise DataError(f"{tree.path.name}: {name} is in {str(unit)!r}, expected one of {', '.join(sorted(scales))}")
    return scale


def photon_scale(tree: Tree, name: str, values: Real) -> float:
    """Joules or electronvolts, for photon energies without a unit; raises DataError where they could be neither."""
    low, high = float(np.min(values)), float(np.max(values))
    if high < units.HIGHEST_PHOTON_J:
        return 1.0
    if low >= units.LOWEST_PHOTON_EV:
        return units.ELECTRON_VOLT_J
    raise DataError(
        f"{tree.path.name}: {name} is {low:g}, which is a photon's energy neither in joules nor in electronvolts: "
        "give it an attribute units"
    )


def one(values: Real | None, name: str, tree: Tree) -> float | None:
    """The mean, which stands for all values; raises DataError where they are further apart than a grid bears."""
    if values is None:
        return None
    low, high = float(values.min()), float(values.max())
    if high > low * (1 + _LARGEST_SPREAD):
        raise DataError(
            f"{tree.path.name}: {name} goes from {low:g} to {high:g}, and a pixel of the object grid with it: "
            f"reconstruct frames apart that differ by more than {_LARGEST_SPREAD:.0%}"
        )
    return low if high == low else float(values.mean())


def each(values: Real | None, count: int | None, name: str, tree: Tree) -> Real | None:
    """One value for every frame, ``(M,)``; None where there is one for all. Raises DataError for another number."""
    if values is None or len(values) == 1:
        return None
    if count is not None and len(values) != count:
        raise DataError(
            f"{tree.path.name}: {name} has {len(values)} values, expected one, or {count} as there are frames"
        )
    return values


def pixel_sizes(tree: Tree, x: str, y: str) -> tuple[float, float] | None:
    """The sizes ``(x, y)`` of a pixel in metres, which is square where there is only one; None without any."""
    wide, high = (one(positive(tree, name, units.LENGTHS_M, 1.0), name, tree) for name in (x, y))
    if wide is None or high is None:
        size = wide if high is None else high
        return None if size is None else (size, size)
    return wide, high


def object_pixels(
    energy_j: float | None, distance_m: float | None, side: int | None, detector_m: tuple[float, float] | None
) -> tuple[float, float] | None:
    """The object grid's pixel ``(x, y)`` in metres; None where the file does not tell."""
    if energy_j is None or distance_m is None or side is None or detector_m is None:
        return None
    x, y = (units.object_pixel_m(energy_j, distance_m, side, pixel) for pixel in detector_m)
    return x, y


def coordinates(array: Any, count: int | None, name: str, tree: Tree) -> Real:
    """Columns x and y of translations ``(M, 3)``, ``(3, M)``, ``(M, 2)`` or ``(2, M)``, ``(M, 2)``."""
    shape = array.shape
    flat = array.reshape([axis for axis in shape if axis != 1] or [1]) if array.ndim > 2 else array
    if flat.ndim == 2 and flat.dtype.kind in "fiu":
        rows = flat.shape[0] if count is None else count
        if flat.shape in ((rows, 3), (rows, 2)):
            return np.asarray(flat[:, :2], np.float64)
        if flat.shape in ((3, rows), (2, rows)) or (count is None and flat.shape[0] in (2, 3)):
            return np.asarray(flat[:2].T, np.float64)
    raise DataError(
        f"{tree.path.name}: {name} has shape {shape} and type {array.dtype}, "
        f"expected ({'M' if count is None else count}, 3) real numbers, one row a frame"
    )
