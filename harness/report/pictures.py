"""Golden, obtained and difference of an array, side by side on stated colour scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core import text
from harness.report import png

Real = NDArray[np.float64]
TAILS = (0.5, 99.5)  # percentiles that the common scale spans: one hot pixel must not hide the rest
SAMPLES = 65_536  # elements that are enough to place percentiles
COARSE = 64  # pixels of a difference in which one stands alone
ISOLATED = 0.01  # share of pixels at half the largest difference or more, under which that one gets a ring


@dataclass(frozen=True)
class Tile:
    """One image. ``low``, ``middle`` and ``high`` are the scale's texts under ``gradient`` (CSS).

    ``ring``: place of the largest difference in percent of width and height, where it stands alone.
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
    notes: list[str] = []
    both = golden is not None and obtained is not None
    same_shape = both and golden.shape == obtained.shape  # type: ignore[union-attr]
    shown = [(n, a) for n, a in (("golden", golden), ("obtained", obtained)) if a is not None]
    if not shown:
        return Picture(label, place, (), ("Neither the golden nor the obtained artifact has this array.",), 0.0, failed)
    for name, array in shown:
        if array.dtype.kind not in "biufc" or array.ndim == 0 or array.size == 0:
            note = f"The {name} array is {array.dtype} of shape {array.shape}: it has no picture."
            return Picture(label, place, (), (note,), math.inf if failed else 0.0, failed)
    if both and not same_shape:
        shapes = [" \u00d7 ".join(map(str, a.shape)) for _, a in shown]
        notes.append(f"No difference can be taken: the golden is {shapes[0]}, obtained is {shapes[1]}.")
    if not both:
        notes.append("There is no golden yet." if golden is None else "Nothing was obtained.")
    if both and shown[0][1].dtype != shown[1][1].dtype:
        notes.append(f"The golden is {shown[0][1].dtype}, obtained is {shown[1][1].dtype}.")
    if any(a.dtype.kind == "c" for _, a in shown):
        notes.append("Modulus of complex values; the difference is the modulus of the complex difference.")
    colours = png.colour_table(colormap)
    if colours is None:
        notes.append(f"Colour map {colormap!r} is unknown: shown in gray.")
        colormap, colours = "gray", png.colour_table("gray")
    assert colours is not None

    delta = _difference(shown[0][1], shown[1][1]) if same_shape else None
    plane, note = _plane(shown[0][1] if delta is None else delta)
    notes += [note] if note else []
    planes = [(name, _modulus(_flat(array, plane))) for name, array in shown]
    for name, array in planes:
        if missing := int(array.size - np.isfinite(array).sum()):
            notes.append(f"{text.count(missing, 'pixel')} of the {name} array not finite, shown in magenta.")
    low, high = _limits([array for _, array in planes])
    ends = text.limits(low, high)
    scale = (ends[0], "", ends[1], png.gradient(colormap))

    equal = delta is not None and not np.any(delta)
    if equal and shown[0][1].dtype == shown[1][1].dtype:
        array = planes[0][1]
        tile = _tile("golden = obtained", png.indices(_mean(array, side), low, high), colours, label, scale)
        notes.insert(0, "Equal to the last bit.")
        return Picture(label, place, (tile,), (*notes, *_reduced(array, side)), 0.0, failed)
    notes += _reduced(planes[0][1], side)
    tiles = [_tile(n, png.indices(_mean(a, side), low, high), colours, label, scale) for n, a in planes]
    deviation = math.inf
    if delta is not None:
        change = _flat(delta, plane)
        tile, deviation, n = _difference_tile(change, side, label, high - low)
        tiles.append(tile)
        notes += [f"Of the difference, the largest of every {n} \u00d7 {n} pixels."] if n > 1 else []
    return Picture(label, place, tuple(tiles), tuple(notes), deviation, failed, both)


def _difference(golden: NDArray[Any], obtained: NDArray[Any]) -> Real:
    """Obtained minus golden; by its modulus where complex; NaN against NaN (and like infinities) is none."""
    if "c" in (golden.dtype.kind, obtained.dtype.kind):
        wide = [np.asarray(a, np.complex128) for a in (golden, obtained)]
    else:
        wide = [np.asarray(a, np.float64) for a in (golden, obtained)]
    with np.errstate(invalid="ignore", over="ignore"):
        change = wide[1] - wide[0]
        same = (wide[0] == wide[1]) | (np.isnan(wide[0]) & np.isnan(wide[1]))
    return _modulus(np.where(same, 0, change))


def _difference_tile(change: Real, side: int, label: str, span: float) -> tuple[Tile, float, int]:
    """The tile on a scale symmetric about zero, the largest difference over ``span``, and a block's size."""
    finite = np.where(np.isfinite(change), np.abs(change), 0)
    most = float(finite.max())
    worst = np.unravel_index(int(np.where(np.isfinite(change), finite, np.inf).argmax()), change.shape)
    small = np.isfinite(change) & (finite < most / 2) | (change == 0)
    alone = change.size - np.count_nonzero(small) < ISOLATED * change.size
    ring = (100 * (worst[1] + 0.5) / change.shape[1], 100 * (worst[0] + 0.5) / change.shape[0]) if alone else None
    side = min(side, COARSE) if alone else side  # a lone pixel must be large enough to be seen
    colours = png.colour_table(png.DIVERGING)
    assert colours is not None
    limit = text.number(most, 3)
    scale = (f"\u2212{limit}", "0", f"+{limit}", png.gradient(png.DIVERGING))
    tile = _tile("difference", png.indices(_extreme(change, side), -most, most), colours, label, scale, ring)
    deviation = math.inf if not np.isfinite(change).all() else most / span if span else math.inf if most else 0.0
    return tile, deviation, _block(change, side)


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


def _limits(arrays: list[Real]) -> tuple[float, float]:
    """The common scale: the percentiles of all arrays together, those that are finite."""
    samples = [a.ravel()[:: max(1, a.size // SAMPLES)] for a in arrays]
    samples = [s[np.isfinite(s)] for s in samples]
    found = [np.percentile(s, TAILS, method="nearest") for s in samples if s.size]
    if not found:
        return 0.0, 1.0
    low, high = float(min(f[0] for f in found)), float(max(f[1] for f in found))
    if low == high:  # nearly all of it is one value: the rest may be what matters
        low, high = float(min(s.min() for s in samples if s.size)), float(max(s.max() for s in samples if s.size))
    return low, high


def _plane(array: NDArray[Any]) -> tuple[int, str]:
    """Which plane of an array to show, and a note that says so; 0 where there is only one."""
    if array.ndim <= 2:
        return 0, ""
    planes = array.reshape(-1, *array.shape[-2:])
    if len(planes) == 1:
        return 0, ""
    most = np.abs(planes).max(axis=(1, 2))
    chosen = int(np.where(np.isnan(most), np.inf, most).argmax())
    index = ", ".join(map(str, np.unravel_index(chosen, array.shape[:-2])))
    return chosen, f"Plane [{index}] of {len(planes):,}: the one that differs most."


def _flat(array: NDArray[Any], plane: int) -> NDArray[Any]:
    if array.ndim < 2:
        return array.reshape(1, -1)
    planes = array.reshape(-1, *array.shape[-2:])
    return np.asarray(planes[min(plane, len(planes) - 1)])


def _modulus(array: NDArray[Any]) -> Real:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.abs(array) if array.dtype.kind == "c" else array, np.float64)


def _blocks(array: Real, side: int) -> Real:
    """Blocks of equal pixels on each side, ``(rows, columns, n * n)``; the edge is repeated to fill the last."""
    n = _block(array, side)
    rows, columns = -(-array.shape[0] // n), -(-array.shape[1] // n)
    padded = np.pad(array, ((0, rows * n - array.shape[0]), (0, columns * n - array.shape[1])), mode="edge")
    return padded.reshape(rows, n, columns, n).swapaxes(1, 2).reshape(rows, columns, n * n)


def _mean(array: Real, side: int) -> Real:
    if max(array.shape) <= side:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(_blocks(array, side).mean(axis=2))


def _extreme(array: Real, side: int) -> Real:
    """Each block's largest deviation with its sign: a mean would hide a single wrong pixel."""
    if max(array.shape) <= side:
        return array
    blocks = _blocks(array, side)
    most = np.where(np.isfinite(blocks), np.abs(blocks), np.inf).argmax(axis=2)
    return np.asarray(np.take_along_axis(blocks, most[..., None], axis=2)[..., 0])


def _reduced(array: Real, side: int) -> list[str]:
    n = _block(array, side)
    size = f"{array.shape[0]} \u00d7 {array.shape[1]}"
    return [f"Shown of {size}: means of {n} \u00d7 {n} pixels."] if n > 1 else []


def _block(array: Real, side: int) -> int:
    """How many pixels, in each direction, one that is shown stands for."""
    longest: int = max(array.shape)
    return math.ceil(longest / side)
