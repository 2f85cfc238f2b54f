"""Other simulated scans than ``star_scan``: natural pictures as object, and other probes, doses and grids.

``right_variants`` and ``wrong_variants`` of a ``Draw`` are lists as those of ``spoilt``. Of ``SECOND`` the bounds of
``ptycho.preflight.counting`` were chosen with its figures in sight, and of ``THIRD`` none was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter
from skimage import data as pictures
from star_scan import Scan

from ptycho.optics import probes


@dataclass(frozen=True)
class Draw:
    """One choice of what a scan is of: pictures for phase and absorption, the pupil's radius as a share of the frame,
    a factor on all aberrations, frames, and a seed."""

    pictures: tuple[str, str]
    pupil: float
    aberrations: float
    count: int
    seed: int


SECOND = Draw(("camera", "coins"), 0.2, 1.0, 130, 17)
THIRD = Draw(("astronaut", "chelsea"), 0.27, -0.8, 121, 41)


@cache
def picture(name: str) -> Any:
    """A picture of skimage as grey levels from 0 to 1 ``(h, w)``."""
    image = np.asarray(getattr(pictures, name)(), float)
    image = image.mean(axis=-1) if image.ndim == 3 else image
    return (image - image.min()) / np.ptp(image)


def natural(size: int, names: tuple[str, str], phase: float = 1.2, absorption: float = 0.25) -> Any:
    """A phase object that looks like one picture, and absorbs like another; complex128 ``(size, size)``."""
    first, second = (picture(name)[20 : 20 + size, 30 : 30 + size] for name in names)
    return np.exp(1j * phase * first - absorption * second)


def probe_of(kind: str, n: int, draw: Draw) -> Any:
    """A probe ``(n, n)``: ``zone`` plate with a stop, ``mirrors`` (rectangle), ``diffuser``, ``pinhole``, ``twist``."""
    v, u = (np.indices((n, n)) - n // 2) / (n * draw.pupil)
    radius2 = u**2 + v**2
    grow = n / 64 * draw.aberrations
    if kind == "zone":
        pupil = gaussian_filter(((radius2 < 1) & (radius2 > 0.12)).astype(float), 0.6)
        phase = -9 * radius2 + 1.5 * (u**2 - v**2) + 0.8 * (u**3 - 3 * u * v**2)
    elif kind == "mirrors":
        pupil = ((np.abs(u) < 0.9) & (np.abs(v) < 0.6)).astype(float)
        phase = 7 * u**2 + 10 * v**2 + 1.2 * u**3
    elif kind == "diffuser":
        rng = np.random.default_rng(draw.seed + 4)
        pupil = gaussian_filter((radius2 < 1).astype(float), 0.6)
        phase = 5 * radius2 + 9 * gaussian_filter(rng.normal(size=(n, n)), n / 14) * n / 14
    elif kind == "twist":
        pupil = gaussian_filter((radius2 < 0.8).astype(float), 0.6)
        phase = 6 * radius2 + 2 * np.arctan2(v, u) / grow
    else:
        y, x = np.indices((n, n)) - n // 2
        hole = gaussian_filter((x**2 + y**2 < (n / 6) ** 2).astype(float), 0.5)
        return np.fft.ifft2(np.fft.fft2(hole) * np.fft.ifftshift(np.exp(4j * radius2)))
    return probes.to_real_space(pupil * np.exp(1j * phase * grow))


def places(grid: str, count: int, step: float, seed: int) -> Any:
    """Positions ``(count, 2)``, [x, y]: ``raster``, ``snake`` and ``hexagon`` jittered by an eighth of a step,
    ``spiral``, ``row``, ``random``."""
    rng = np.random.default_rng(seed)
    index = np.arange(count)
    column, row = index % row_length(count), index // row_length(count)
    if grid == "spiral":  # of Fermat
        angle = index * np.pi * (3 - np.sqrt(5)) + 0.3
        return 0.57 * step * np.sqrt(index + 0.5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    if grid == "row":
        return np.stack([index * step, 0.05 * index], -1) + rng.normal(0, 0.1, (count, 2))
    if grid == "random":
        return rng.uniform(0, step * np.sqrt(count), (count, 2))
    if grid == "snake":
        column = np.where(row % 2, row_length(count) - 1 - column, column)
    at = np.stack([column, row], -1).astype(float)
    if grid == "hexagon":
        at = np.stack([column + 0.5 * (row % 2), row * np.sqrt(0.75)], -1)
    return at * step + rng.uniform(-0.12, 0.12, (count, 2)) * step


def row_length(count: int) -> int:
    """Frames of a row of the grids."""
    return int(np.ceil(np.sqrt(count * 1.3)))


def held_scan(
    draw: Draw,
    probe: str | Any = "zone",
    grid: str = "raster",
    count: int = 0,
    photons: float = 3e5,
    step: float = 4.3,
    n: int = 64,
    obj: Callable[..., Any] = natural,
    names: tuple[str, str] = ("", ""),
    beam: Any = 1.0,
    noise: bool = True,
) -> Scan:
    """The scan of a draw; ``photons`` a frame, ``beam`` the relative intensity of each. Float64 without ``noise``."""
    P = probe_of(probe, n, draw) if isinstance(probe, str) else np.asarray(probe)
    modes = P if P.ndim == 3 else P[None]
    count = count or draw.count
    at = places(grid, count, step * n / 64, draw.seed)
    corner = at - at.min(axis=0)
    whole = np.floor(corner).astype(int)
    O = obj(int(np.ceil(corner.max())) + n + 2, names if names[0] else draw.pictures)  # noqa: E741 (the paper's name)
    rates = np.empty((count, n, n))
    for m, (x, y) in enumerate(whole):
        moved = probes.shift_probe(modes, np.broadcast_to(corner[m] - whole[m], (len(modes), 2)))
        waves = np.fft.fftshift(np.fft.fft2(O[y : y + n, x : x + n] * moved), axes=(-2, -1))
        rates[m] = (np.abs(waves) ** 2).sum(axis=0)
    rates *= photons / rates.sum(axis=(1, 2)).mean() * np.broadcast_to(beam, count)[:, None, None]
    return Scan(np.random.default_rng(draw.seed + 12).poisson(rates).astype(np.uint32) if noise else rates, P, at, O)


Maker = Callable[[Scan], Scan]


def values(change: Callable[[Any], Any]) -> Maker:
    """A change of the frames."""
    return lambda s: s.but(data=change(s.data))


def moved(change: Callable[[Any], Any]) -> Maker:
    """A change of the positions."""
    return lambda s: s.but(scan=change(s.scan))


def gain(factor: float, quadrant: bool = False, rows: bool = False, whole: bool = False) -> Maker:
    """The right half of the detector, or its lower, or a quadrant, at another gain."""

    def change(d: Any) -> Any:
        n = d.shape[-1]
        y, x = np.indices((n, n)) >= n // 2
        part = x & ~y if quadrant else y if rows else x
        scaled = d * np.where(part, factor, 1)
        return np.rint(scaled).astype(np.uint32) if whole else scaled.astype(np.float32)

    return values(change)


def subtracted(constant: int) -> Maker:
    """A constant taken away, and what fell below zero set to zero."""
    return values(lambda d: np.maximum(d.astype(int) - constant, 0).astype(np.uint32))


def background_removed(d: Any) -> Any:
    """A background of three photons that was there, subtracted, with what fell below zero set to zero."""
    noise = np.random.default_rng(5).poisson(3, d.shape)
    return np.maximum(d.astype(int) + noise - 3, 0).astype(np.uint32)


def below(threshold: int) -> Maker:
    """Counts below a threshold set to zero."""
    return values(lambda d: np.where(d < threshold, 0, d))


def blurred(sigma: float, whole: bool = False) -> Maker:
    """A point spread after counting."""

    def change(d: Any) -> Any:
        spread = gaussian_filter(d.astype(float), (0, sigma, sigma))
        return np.rint(spread).astype(np.uint32) if whole else spread.astype(np.float32)

    return values(change)


def averaged(d: Any) -> Any:
    """Each frame the mean of itself and the next."""
    return (d.astype(float) + np.roll(d, -1, axis=0)) / 2


def backlash(px: float) -> Maker:
    """Every second row moved along x."""

    def change(at: Any) -> Any:
        return at + np.where(np.arange(len(at)) // row_length(len(at)) % 2, px, 0)[:, None] * [1, 0]

    return moved(change)


def flat_fielded(d: Any) -> Any:
    """Counts corrected for each pixel's efficiency."""
    return (d * np.random.default_rng(5).uniform(0.9, 1.1, d.shape[1:])).astype(np.float32)


def of_a_camera(d: Any) -> Any:
    """Counts with the noise of a camera, zero where that was negative."""
    return np.maximum(d + np.random.default_rng(5).normal(0, 0.3, d.shape), 0).astype(np.float32)


def guessed(s: Scan) -> Scan:
    """A probe that is near, not right."""
    y, x = np.indices(s.probe.shape) - s.probe.shape[0] / 2
    return s.but(probe=s.probe * np.exp(0.003j * (x**2 - y**2)) * np.exp(-(x**2 + y**2) / 1800))


def with_gap(s: Scan) -> Scan:
    """A declared gap between modules."""
    valid = np.ones(s.data.shape[1:], bool)
    valid[:, 40:43] = valid[20:22] = False
    return s.but(data=s.data * valid.astype(np.uint32), extra={"mask": valid})


def one_mode(draw: Draw) -> Scan:
    """A partially coherent beam whose file holds its strongest mode alone."""
    P = probe_of("zone", 64, draw)
    return held_scan(draw, probe=probes.incoherent_modes(P, (0.2, 0.1))).but(probe=P)


def right_variants(draw: Draw) -> dict[str, Any]:
    """Right data by name: how they are made, the configuration that declares them, and ``N``."""

    def make(change: Maker = lambda s: s, config: dict[str, Any] | None = None, N: int = 0, **scan: Any) -> Any:
        return (lambda: change(held_scan(draw, **scan)), config or {}, N or scan.get("n", 64))

    amplitude = {"quantity": "amplitude"}
    doses = {f"{p:g} photons, {g}": make(photons=p, grid=g) for p in (1e4, 1e5, 1e6, 1e7) for g in ("raster", "spiral")}
    beams = {f"{kind}, {p:g} photons": make(probe=kind, photons=p)
             for kind in ("mirrors", "diffuser", "pinhole", "twist") for p in (3e4, 1e6)}  # fmt: skip
    large = {f"128 px, {kind}": make(n=128, probe=kind) for kind in ("zone", "mirrors", "diffuser")}
    objects = {name: make(obj=partial(natural, phase=phase, absorption=absorption), names=names)
               for name, phase, absorption, names in (("weak object", 0.2, 0.02, ("", "")),
                                                      ("strong object", 3.0, 0.8, ("brick", "moon")),
                                                      ("gravel", 2.0, 0.3, ("gravel", "grass")))}  # fmt: skip
    return {
        "3e5 photons": make(),
        **{f"type {t}": make(values(lambda d, t=t: d.astype(t))) for t in ("uint16", "int32", "float32")},
        **doses,
        **beams,
        **large,
        **objects,
        **{f"grid {g}": make(grid=g) for g in ("snake", "hexagon", "random")},
        "single row": make(grid="row", count=40),
        **{f"{count} frames": make(count=count) for count in (4, 9, 25)},
        "300 frames": make(count=300, step=3.0),
        "coarse": make(step=8.0),
        "fine": make(step=2.0),
        "128 px cropped to 64": make(n=128, N=64, probe="pinhole"),
        "128 px, 1e4 photons, spiral": make(n=128, photons=1e4, grid="spiral"),
        "amplitude": make(values(lambda d: np.sqrt(d)), amplitude),
        "amplitude in other units": make(values(lambda d: (np.sqrt(d) * 0.013).astype(np.float32)), amplitude),
        "counts with a gain": make(values(lambda d: (d * 2.7).astype(np.float32))),
        "counts with a gain, rounded": make(values(lambda d: np.rint(d * 2.7).astype(np.uint32))),
        "a third of the counts, rounded": make(values(lambda d: np.rint(d * 0.3).astype(np.uint32))),
        "corrected pixel by pixel": make(values(flat_fielded)),
        "corrected pixel by pixel, 1e6 photons": make(values(flat_fielded), photons=1e6),
        "noise of a camera": make(values(of_a_camera), photons=1e6),
        "without noise": make(values(lambda d: d.astype(np.float32)), noise=False),
        "columns row, column": make(moved(lambda at: at[:, ::-1]), {"order": "yx"}),
        "both flipped": make(moved(np.negative), {"flip_x": True, "flip_y": True}),
        "corner": make(values(lambda d: np.fft.ifftshift(d, axes=(1, 2))), {"centred": False}),
        "transposed": make(values(lambda d: d.swapaxes(1, 2)), {"transpose": True}),
        "micrometres": make(moved(lambda at: at * 0.05), {"position_scale": 20.0}),
        "positions far from zero": make(moved(lambda at: at + np.array([-3000, 700]))),
        "whole positions, int8": make(moved(lambda at: np.rint(at - at.mean(axis=0)).astype(np.int8))),
        "declared gap": make(with_gap),
        "beam 2 px off": make(values(lambda d: np.roll(d, (1, -2), (1, 2)))),
        "beam 3 px off": make(values(lambda d: np.roll(d, 3, 2))),
        "beam noise of 1.5 %": make(beam=np.random.default_rng(5).normal(1, 0.015, draw.count)),
        "background subtracted that was there": make(values(background_removed), photons=1e6),
        "a guess of the probe": make(guessed),
    }


def wrong_variants(draw: Draw) -> dict[str, Any]:
    """Wrong data by name, as ``right_variants``, that must be refused or mended."""

    def make(change: Maker, config: dict[str, Any] | None = None, **scan: Any) -> Any:
        return (lambda: change(held_scan(draw, **scan)), config or {}, scan.get("n", 64))

    def int8(factor: float, offset: float = 0.0) -> Maker:
        return moved(lambda at: (np.rint((at - at.min(axis=0)) * factor) + offset).astype(int).astype(np.int8))

    return {
        "half at gain 0.8": make(gain(0.8)),
        "half at gain 0.8, 1e6 photons, whole": make(gain(0.8, whole=True), photons=1e6),
        "quadrant at gain 0.8": make(gain(0.8, quadrant=True)),
        "quadrant at gain 1.3, spiral": make(gain(1.3, quadrant=True), grid="spiral", photons=1e5),
        "half at gain 0.9, mirrors": make(gain(0.9), probe="mirrors", photons=1e6),
        "upper half at gain 1.25, 128 px": make(gain(0.8, rows=True), probe="diffuser", n=128),
        "minus 3, pinhole": make(subtracted(3), probe="pinhole", photons=1e6),
        "minus 3, gravel": make(subtracted(3), obj=partial(natural, phase=2.0), names=("gravel", "grass")),
        "minus 3": make(subtracted(3)),
        "minus 3, 1e6 photons, spiral": make(subtracted(3), photons=1e6, grid="spiral"),
        "below 2 to zero": make(below(2)),
        "below 3 to zero": make(below(3)),
        "below 5 to zero, 1e6 photons, mirrors": make(below(5), photons=1e6, probe="mirrors"),
        "averaged in pairs": make(values(averaged)),
        "averaged in pairs, whole, spiral": make(values(lambda d: averaged(d).astype(np.uint32)), grid="spiral"),
        "averaged in pairs, 1e6 photons": make(values(averaged), photons=1e6),
        "afterglow of a fifth": make(values(lambda d: (d + 0.2 * np.roll(d, 1, axis=0)).astype(np.float32))),
        **{f"blurred by 1 px, {p:g} photons": make(blurred(1.0), photons=p) for p in (1e4, 3e5, 1e6)},
        "blurred by 0.7 px": make(blurred(0.7)),
        "blurred by 1 px, whole": make(blurred(1.0, whole=True)),
        "blurred by 1 px, 128 px, diffuser": make(blurred(1.0), n=128, probe="diffuser"),
        "median of 3 by 3": make(values(lambda d: median_filter(d, (1, 3, 3)))),
        "rounded amplitudes read as counts": make(values(lambda d: np.rint(np.sqrt(d)).astype(np.uint16))),
        **{f"backlash of {px} px, {g}": make(backlash(px), grid=g) for px in (4, -4) for g in ("raster", "snake")},
        "wrapped int8": make(int8(1.0, 100.0)),
        "wrapped int8, in thirds of pixels": make(int8(3.0), {"position_scale": 1 / 3}),
        "wrapped uint16": make(
            moved(lambda at: (np.rint(at * 100) - 1500).astype(int).astype(np.uint16)), {"position_scale": 0.01}
        ),
        "frames divided by their sums": make(
            values(lambda d: d / d.sum(axis=(1, 2), keepdims=True)), obj=partial(natural, absorption=0.8)
        ),
        "frames divided by their largest": make(values(lambda d: d / d.max(axis=(1, 2), keepdims=True))),
        "probe at the corner": make(lambda s: s.but(probe=np.fft.fftshift(s.probe))),
        "probe conjugated": make(lambda s: s.but(probe=s.probe.conj())),
        "probe's amplitude alone": make(lambda s: s.but(probe=np.abs(s.probe) + 0j)),
        "bytes swapped": make(values(lambda d: d.byteswap())),
        "wrapped below zero, uint16": make(values(lambda d: d.astype(np.uint16) - np.uint16(3))),
        "pedestal of 5": make(values(lambda d: d + np.uint32(5))),
        "frames turned by 90 degrees": make(values(lambda d: np.rot90(d, axes=(1, 2)))),
        "lower half of the detector 3 px off": make(
            values(lambda d: np.concatenate([d[:, :32], np.roll(d[:, 32:], 3, 2)], axis=1))
        ),
        "positions 1.2 times": make(moved(lambda at: at * 1.2)),
        "positions 1.2 times, 128 px": make(moved(lambda at: at * 1.2), n=128),
        "one mode of three": (lambda: one_mode(draw), {}, 64),
    }
