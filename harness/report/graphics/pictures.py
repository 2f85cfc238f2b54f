"""Golden, obtained and difference of an array, side by side on stated colour scales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core import text
from harness.report.graphics import png
from harness.report.graphics.planes import (
    Reals,
    block_extremes,
    block_means,
    block_samples,
    block_size,
    common_limits,
    flat_plane,
    holds_labels,
    modulus,
    reduction_note,
    shown_plane,
)

_COARSE = 64  # pixels of a difference in which one stands alone
_ISOLATED = 0.01  # share of pixels at half the largest difference or more, under which that one gets a ring


@dataclass(frozen=True)
class Tile:
    """One image. ``low``, ``middle`` and ``high`` are the scale's texts under ``gradient`` (CSS).

    ``nearest``: its pixels are not to be blurred. ``ring``: place of the largest difference in percent of width and
    height, where it stands alone.
    """

    title: str
    source: str
    alt: str
    width: int
    height: int
    low: str
    middle: str
    high: str
    gradient: str
    ring: tuple[float, float] | None = None
    nearest: bool = False


@dataclass(frozen=True)
class Picture:
    """What is shown of one array. Without ``tiles``, ``notes`` say why there are none.

    ``deviation``: largest difference over the golden's range; infinite where none can be taken.
    """

    label: str
    place: str
    tiles: tuple[Tile, ...]
    notes: tuple[str, ...]
    deviation: float
    failed: bool = False
    compared: bool = True


def compare_pictures(
    golden: NDArray[Any] | None,
    obtained: NDArray[Any] | None,
    label: str,
    place: str,
    colormap: str = "gray",
    side: int = 256,
    failed: bool = False,
) -> Picture:
    """The picture of an array and its golden, at most ``side`` pixels wide and high.

    Complex arrays are shown by their modulus, and differ by the modulus of the difference. Arrays of more
    than two dimensions are shown at the plane that differs most. Equal arrays are shown once.
    """
    arrays = {n: a for n, a in (("golden", golden), ("obtained", obtained)) if a is not None}
    if not arrays:
        return Picture(label, place, (), ("Neither the golden nor the obtained artifact has this array.",), 0.0, failed)
    if note := _not_drawable(arrays):
        return Picture(label, place, (), (note,), math.inf if failed else 0.0, failed)
    notes, colours = _remarks(arrays), png.colour_table(colormap)
    if colours is None:
        notes.append(f"Colour map {colormap!r} is unknown: shown in gray.")
        colormap, colours = "gray", png.colour_table("gray")
    assert colours is not None
    listed = list(arrays.values())
    first, last = listed[0], listed[-1]  # the golden and the obtained one, or twice the only one
    compared = len(arrays) == 2
    delta = _difference(first, last) if compared and first.shape == last.shape else None
    plane, note = shown_plane(first if delta is None else delta)
    planes = {name: modulus(flat_plane(array, plane)) for name, array in arrays.items()}
    notes += [note] if note else []
    notes += [note for name, values in planes.items() for note in _not_finite(name, values)]
    labels = all(map(holds_labels, arrays.values()))
    reduced, shrunk = (
        reduction_note(next(iter(planes.values())), side, labels),
        block_samples if labels else block_means,
    )
    low, high = common_limits(list(planes.values()))
    ends = text.limits(low, high)
    scale = (ends[0], "", ends[1], png.gradient(colormap))
    equal = delta is not None and first.dtype == last.dtype and not np.any(delta)
    shown = {"golden = obtained": planes["golden"]} if equal else planes
    tiles = [_tile(n, png.indices(shrunk(a, side), low, high), colours, label, scale) for n, a in shown.items()]
    tiles = [replace(tile, nearest=labels) for tile in tiles]
    if equal:
        return Picture(label, place, tuple(tiles), ("Equal to the last bit.", *notes, *reduced), 0.0, failed)
    if delta is None:
        return Picture(label, place, tuple(tiles), (*notes, *reduced), math.inf, failed, compared)
    difference, deviation, n = _difference_tile(flat_plane(delta, plane), side, label, high - low)
    difference = replace(difference, nearest=labels)
    reduced += [f"Of the difference, the largest of every {n} \u00d7 {n} pixels."] if n > 1 else []
    return Picture(label, place, (*tiles, difference), (*notes, *reduced), deviation, failed)


def _not_drawable(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Why one of the arrays has no picture; empty where all have one."""
    for name, array in arrays.items():
        if array.dtype.kind not in "biufc" or array.ndim == 0 or array.size == 0:
            return f"The {name} array is {array.dtype} of shape {array.shape}: it has no picture."
    return ""


def _remarks(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """What a reader must know of the arrays before they are drawn: what is missing, and where they do not match."""
    notes = []
    if len(arrays) == 1:
        notes.append("Nothing was obtained." if "golden" in arrays else "There is no golden yet.")
    else:
        golden, obtained = arrays["golden"], arrays["obtained"]
        if golden.shape != obtained.shape:
            shapes = [" \u00d7 ".join(map(str, a.shape)) for a in (golden, obtained)]
            notes.append(f"No difference can be taken: the golden is {shapes[0]}, obtained is {shapes[1]}.")
        if golden.dtype != obtained.dtype:
            notes.append(f"The golden is {golden.dtype}, obtained is {obtained.dtype}.")
    if any(a.dtype.kind == "c" for a in arrays.values()):
        notes.append("Modulus of complex values; the difference is the modulus of the complex difference.")
    return notes


def _not_finite(name: str, values: Reals) -> list[str]:
    n = int(values.size - np.isfinite(values).sum())
    return [f"{text.count(n, 'pixel')} of the {name} array not finite, shown in magenta."] if n else []


def _difference(golden: NDArray[Any], obtained: NDArray[Any]) -> Reals:
    """Obtained minus golden, as a modulus where complex; two NaN, and two equal infinities, do not differ."""
    if "c" in (golden.dtype.kind, obtained.dtype.kind):
        wide = [np.asarray(a, np.complex128) for a in (golden, obtained)]
    else:
        wide = [np.asarray(a, np.float64) for a in (golden, obtained)]
    with np.errstate(invalid="ignore", over="ignore"):
        change = wide[1] - wide[0]
        same = (wide[0] == wide[1]) | (np.isnan(wide[0]) & np.isnan(wide[1]))
    return modulus(np.where(same, 0, change))


def _difference_tile(change: Reals, side: int, label: str, span: float) -> tuple[Tile, float, int]:
    """The tile on a scale symmetric about zero, the largest difference over ``span``, and a block's size."""
    finite = np.where(np.isfinite(change), np.abs(change), 0)
    most = float(finite.max())
    worst = np.unravel_index(int(np.where(np.isfinite(change), finite, np.inf).argmax()), change.shape)
    small = np.isfinite(change) & (finite < most / 2) | (change == 0)
    alone = change.size - np.count_nonzero(small) < _ISOLATED * change.size
    ring = (100 * (worst[1] + 0.5) / change.shape[1], 100 * (worst[0] + 0.5) / change.shape[0]) if alone else None
    side = min(side, _COARSE) if alone else side  # a lone pixel must be large enough to be seen
    colours = png.colour_table(png.DIVERGING)
    assert colours is not None
    limit = text.number(most, 3)
    scale = (f"\u2212{limit}", "0", f"+{limit}", png.gradient(png.DIVERGING))
    tile = _tile("difference", png.indices(block_extremes(change, side), -most, most), colours, label, scale, ring)
    deviation = math.inf if not np.isfinite(change).all() else most / span if span else math.inf if most else 0.0
    return tile, deviation, block_size(change, side)


def _tile(
    title: str,
    places: NDArray[np.uint8],
    colours: NDArray[np.uint8],
    label: str,
    scale: tuple[str, str, str, str],
    ring: tuple[float, float] | None = None,
) -> Tile:
    low, middle, high, gradient = scale
    alt = f"{label}: {title}, colours from {low} to {high}"
    source = png.uri(png.encode(places, colours))
    return Tile(title, source, alt, places.shape[1], places.shape[0], low, middle, high, gradient, ring)
