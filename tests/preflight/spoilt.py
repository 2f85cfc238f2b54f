"""Wrong inputs of measured data, each with the finding that must name it, and right ones that must pass in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import held_out
import numpy as np
from star_scan import N, Scan, positions_of, probe_of, scan_of

Maker = Callable[[Scan], Scan]


@dataclass(frozen=True)
class Wrong:
    """A way to spoil the common scan: what must be ``found`` (any of them), and the option that mends it."""

    spoil: Maker
    found: tuple[str, ...]
    flag: str = ""
    level: str = "error"
    config: dict[str, Any] = field(default_factory=dict)
    n: int = N


def _rng() -> np.random.Generator:
    return np.random.default_rng(11)


def pixel(value: float, dtype: Any = np.uint32, at: tuple[int, int] = (40, 21), frames: Any = slice(None)) -> Maker:
    def spoil(s: Scan) -> Scan:
        data = s.data.astype(dtype)
        data[frames, at[0], at[1]] = value
        return s.but(data=data)

    return spoil


def block(rows: slice, columns: slice, value: float = 0) -> Maker:
    def spoil(s: Scan) -> Scan:
        data = s.data.copy()
        data[:, rows, columns] = value
        return s.but(data=data)

    return spoil


def moved(change: Callable[[Any], Any]) -> Maker:
    return lambda s: s.but(scan=change(s.scan))


def values(change: Callable[[Any], Any]) -> Maker:
    return lambda s: s.but(data=change(s.data))


def beam(course: Any, grid: str = "raster") -> Maker:
    return lambda s: scan_of(grid=grid, beam=course)


def framed(change: Callable[[Any], Any]) -> Maker:
    """A change of data and positions together: frames doubled or dark."""

    def spoil(s: Scan) -> Scan:
        data = s.data.copy()
        change(data)
        return s.but(data=data)

    return spoil


def modes() -> Any:
    """Three orthogonal modes ``(3, N, N)`` that hold 70, 20 and 10 % of the power."""
    P = probe_of("asymmetric")
    y, x = np.indices((N, N)) - (N - 1) / 2
    found = [P / np.linalg.norm(P)]
    for factor in (x, y):
        more = P * factor
        for known in found:
            more = more - known * np.vdot(known, more)
        found.append(more / np.linalg.norm(more))
    return np.stack(found) * np.sqrt([0.7, 0.2, 0.1])[:, None, None]


def copy_frames(to: slice, of: slice) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data[to] = data[of]

    return change


def set_frames(which: slice, value: float) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data[which] = value

    return change


def flat_fielded(s: Scan) -> Scan:
    """Counts that were corrected for each pixel's efficiency, so that no ladder of photons is left."""
    return s.but(data=(s.data * _rng().uniform(0.9, 1.1, s.data.shape[1:])).astype(np.float32))


def read_out(s: Scan) -> Scan:
    """Counts with a CCD's noise, and with what fell below zero set to zero."""
    return s.but(data=np.maximum(s.data + _rng().normal(0, 0.3, s.data.shape), 0).astype(np.float32))


def behind_a_stop(s: Scan) -> Scan:
    """A declared mask of all but the far field's faint outskirts, in frames whose light lies there as well."""
    far = np.abs(np.fft.fftshift(np.fft.fft2(s.probe))) ** 2
    valid = far < np.sort(far.ravel())[np.searchsorted(np.cumsum(np.sort(far.ravel())), 0.08 * far.sum())]
    return s.but(data=s.data + np.uint32(1), extra={"mask": valid})


def one_moved(m: int, by: list[float]) -> Callable[[Any], Any]:
    return lambda at: at + np.where((np.arange(len(at)) == m)[:, None], by, 0)


def exchanged(a: int, b: int) -> Any:
    order = np.arange(100)
    order[[a, b]] = order[[b, a]]
    return order


def garbled(data: Any) -> None:
    data[30] = _rng().permutation(data[30].ravel()).reshape(N, N)


def half_shuffled(at: Any) -> Any:
    at = at.copy()
    some = np.sort(_rng().permutation(len(at))[: len(at) // 2])
    at[some] = _rng().permutation(at[some])
    return at


def trigger_lost(at: Any, k: int = 40) -> Any:
    return np.concatenate([at[:k], np.roll(at, -1, axis=0)[k:]])


def turned(at: Any, degrees: float) -> Any:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return at @ np.array([[c, s], [-s, c]])


def wide(s: Scan) -> Scan:
    """The same experiment on a detector of twice the side, most of whose photons lie outside the middle half."""
    P = probe_of("asymmetric", 2 * N)
    spectrum = np.fft.fftshift(np.fft.fft2(probe_of("gaussian", 2 * N) * 0 + P))
    y, x = np.indices((2 * N, 2 * N)) - N
    ring = np.exp(-((np.hypot(x, y) - 0.62 * N) ** 2) / 60) * np.exp(
        2.5j * np.arctan2(y, x) + 0.002j * (x**2 + 2 * y**2)
    )
    probe = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(0.2 * spectrum / np.abs(spectrum).max() + ring)))
    return scan_of(probe=probe, n=2 * N)


linear = np.linspace(1, 0.3, 100)
WRONG: dict[str, Wrong] = {
    "dead pixel at 2^32 - 1": Wrong(pixel(2**32 - 1), ("pixels_flagged",), level="warning"),
    "dead pixel at 2^32 - 1, as float": Wrong(
        pixel(2**32 - 1, np.float32), ("pixels_stuck", "pixels_hot"), level="warning"
    ),
    "dead pixel at -1": Wrong(pixel(-1, np.int32), ("pixels_negative",), level="warning"),
    "dead pixel NaN": Wrong(pixel(np.nan, np.float32), ("pixels_non_finite",), level="warning"),
    "hot pixel, constant": Wrong(pixel(5000), ("pixels_stuck",), level="warning"),
    "hot pixel, noisy": Wrong(lambda s: s.but(data=s.data + _hot(s)), ("pixels_hot",), level="warning"),
    "cosmic ray in one frame": Wrong(pixel(60000, frames=17), ("pixels_hot",), level="warning"),
    "module gap set to zero": Wrong(block(slice(None), slice(20, 24)), ("pixels_dead",), level="warning"),
    "module gap in rows, filled with one": Wrong(
        block(slice(38, 41), slice(None), 1), ("pixels_stuck",), level="warning"
    ),
    "module gap at 65535": Wrong(
        lambda s: s.but(data=block(slice(None), slice(40, 44), 65535)(s).data.astype(np.uint16)),
        ("pixels_flagged",),
        level="warning",
    ),
    "beamstop": Wrong(block(slice(28, 36), slice(28, 36)), ("pixels_dead",), level="warning"),
    "micrometres as pixels": Wrong(moved(lambda at: at / 33), ("spacing",), "--position-scale"),
    "nanometres as pixels": Wrong(moved(lambda at: at * 33), ("spacing",), "--position-scale"),
    "pixels of twice the size": Wrong(moved(lambda at: at / 2), ("positions",), "--position-scale 2"),
    "pixels of half the size": Wrong(moved(lambda at: at * 2), ("positions",), "--position-scale 0.5"),
    "pixels of a tenth": Wrong(moved(lambda at: at / 10), ("positions", "spacing"), "--position-scale"),
    "x in other pixels than y": Wrong(moved(lambda at: at * [2, 1]), ("positions",)),
    "sample instead of probe positions": Wrong(moved(np.negative), ("positions",), "--order xy --flip-x --flip-y"),
    "x counted backwards": Wrong(moved(lambda at: at * [-1, 1]), ("positions",), "--order xy --flip-x"),
    "y counted backwards": Wrong(moved(lambda at: at * [1, -1]), ("positions",), "--order xy --flip-y"),
    "columns swapped": Wrong(moved(lambda at: at[:, ::-1]), ("positions",), "--order yx"),
    "columns swapped and one backwards": Wrong(moved(lambda at: at[:, ::-1] * [1, -1]), ("positions",), "--order yx"),
    "frames transposed": Wrong(values(lambda d: d.swapaxes(1, 2)), ("positions",), "--order yx"),
    "frames upside down": Wrong(values(lambda d: d[:, ::-1]), ("positions",), "--order xy --flip-y"),
    "frames turned by 180 degrees": Wrong(
        values(lambda d: d[:, ::-1, ::-1]), ("positions",), "--order xy --flip-x --flip-y"
    ),
    "positions turned by 30 degrees": Wrong(moved(lambda at: turned(at, 30)), ("positions",)),
    "frames shuffled": Wrong(values(lambda d: _rng().permutation(d)), ("positions",)),
    "half of the frames shuffled": Wrong(moved(half_shuffled), ("positions",)),
    "frames in reverse": Wrong(values(lambda d: d[::-1]), ("positions",)),
    "frames off by one trigger": Wrong(values(lambda d: np.roll(d, 1, axis=0)), ("positions",)),
    "a trigger lost on the way": Wrong(moved(trigger_lost), ("trigger", "positions")),
    "one position 15 px wrong": Wrong(moved(one_moved(50, [15, 0])), ("misfits",)),
    "one position 60 px wrong": Wrong(moved(one_moved(50, [60, 0])), ("misfits",)),
    "one position beyond everything": Wrong(moved(one_moved(50, [3000, 0])), ("isolated",)),
    "two frames exchanged": Wrong(values(lambda d: d[exchanged(20, 60)]), ("misfits",)),
    "one frame garbled": Wrong(framed(garbled), ("misfits",)),
    "positions 3 px wrong": Wrong(moved(lambda at: at + _rng().normal(0, 3, at.shape)), ("positions",)),
    "all positions at one place": Wrong(
        moved(lambda at: np.where(np.arange(len(at))[:, None] < 1, at + 3, at[1])), ("spacing",)
    ),
    "amplitude read as counts": Wrong(
        values(lambda d: np.sqrt(d) * np.float32(0.37)), ("quantity",), "--quantity amplitude"
    ),
    "noise-free amplitude read as counts": Wrong(
        values(lambda d: np.sqrt(d + _rng().uniform(0, 1, d.shape)).astype(np.float32)),
        ("quantity",),
        "--quantity amplitude",
    ),
    "counts read as amplitude": Wrong(
        lambda s: s, ("quantity",), "--quantity counts", config={"quantity": "amplitude"}
    ),
    "scaled intensity read as amplitude": Wrong(
        values(lambda d: ((d + _rng().uniform(0, 0.5, d.shape)) * 0.013).astype(np.float32)),
        ("quantity",),
        "--quantity counts",
        config={"quantity": "amplitude"},
    ),
    "log1p of counts": Wrong(values(lambda d: np.log1p(d).astype(np.float32)), ("quantity",)),
    "log1p of amplitudes": Wrong(
        values(lambda d: np.log1p(np.sqrt(d)).astype(np.float32)), ("quantity",), config={"quantity": "amplitude"}
    ),
    "saturated amplitudes": Wrong(
        values(lambda d: np.sqrt(np.minimum(d, 255)).astype(np.float32)),
        ("saturation",),
        config={"quantity": "amplitude"},
    ),
    "columns swapped of few photons, corrected pixel by pixel": Wrong(
        lambda s: (lambda t: t.but(scan=t.scan[:, ::-1]))(flat_fielded(scan_of(photons=1e4))),
        ("positions",),
        "--order yx",
    ),
    "squares of counts": Wrong(values(lambda d: d.astype(np.float64) ** 2), ("quantity",)),
    "frames off by four triggers": Wrong(values(lambda d: np.roll(d, -4, axis=0)), ("positions",)),
    "pairs of frames swapped": Wrong(values(lambda d: d[np.arange(len(d)) ^ 1]), ("positions",)),
    "positions skewed": Wrong(moved(lambda at: at @ np.array([[1, 0.4], [0, 1]])), ("positions",)),
    "a beamstop that hides the beam, declared": Wrong(behind_a_stop, ("masked_light",)),
    "half of the detector dead": Wrong(block(slice(0, 26), slice(None)), ("pixels_dead",), level="warning"),
    "log10 of counts": Wrong(values(lambda d: np.log10(1 + d.astype(np.float64))), ("quantity",)),
    "beam decays to 30 %": Wrong(beam(linear), ("drift",), "--level-energy"),
    "beam decays to 30 %, random scan": Wrong(beam(linear, "random"), ("drift", "energy_scatter"), "--level-energy"),
    "beam jumps to half": Wrong(beam(np.where(np.arange(100) < 50, 1, 0.5)), ("energy_scatter", "drift")),
    "beam flickers by 20 %": Wrong(beam(_rng().lognormal(0, 0.2, 100)), ("energy_scatter",)),
    "beam off for five frames": Wrong(framed(set_frames(slice(30, 35), 0)), ("dark_frames",), level="warning"),
    "beam off for a third": Wrong(framed(set_frames(slice(30, 65), 0)), ("dark_frames",)),
    "detector stood still": Wrong(framed(copy_frames(slice(50, 60), slice(40, 50))), ("duplicates",)),
    "one frame twice": Wrong(framed(copy_frames(slice(50, 51), slice(20, 21))), ("duplicates",)),
    "saturated uint8": Wrong(values(lambda d: np.minimum(d, 255).astype(np.uint8)), ("saturation",)),
    "clipped at 1000, float": Wrong(values(lambda d: np.minimum(d, 1000).astype(np.float32)), ("saturation",)),
    "wrapped uint8": Wrong(values(lambda d: (d % 256).astype(np.uint8)), ("saturation", "positions")),
    "corner frames said to be centred": Wrong(
        values(lambda d: np.fft.ifftshift(d, axes=(1, 2))), ("centre",), "--corner"
    ),
    "beam 9 px off the centre": Wrong(values(lambda d: np.roll(d, 9, axis=2)), ("centre",)),
    "background of 10 photons": Wrong(
        values(lambda d: d + _rng().poisson(10, d.shape).astype(np.uint32)), ("background",)
    ),
    "crop that throws photons away": Wrong(wide, ("crop",), "--set N=128"),
    "partially coherent beam": Wrong(lambda s: scan_of(probe=modes()), ("probe_modes",)),
    "probe of another experiment": Wrong(lambda s: s.but(probe=probe_of("vortex")), ("positions", "centre")),
    "probe in Fourier space": Wrong(
        lambda s: s.but(probe=np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(s.probe)))),
        ("positions", "spacing", "centre"),
    ),
    "right half of the detector at 0.8 of the gain": Wrong(held_out.gain(0.8), ("gain_step",)),
    "a quadrant at 0.8 of the gain": Wrong(held_out.gain(0.8, quadrant=True), ("gain_step",)),
    "lower half at 1.25 times the gain, whole counts": Wrong(
        held_out.gain(1.25, rows=True, whole=True), ("gain_step",)
    ),
    "a constant of 3 subtracted and clipped": Wrong(held_out.subtracted(3), ("small_counts",)),
    "counts below 3 set to zero": Wrong(held_out.below(3), ("small_counts",)),
    "counts of 1 set to zero": Wrong(held_out.below(2), ("small_counts",)),
    "frames averaged in pairs": Wrong(values(held_out.averaged), ("noise",)),
    "frames of 1e4 photons averaged in pairs, whole": Wrong(
        lambda s: values(lambda d: held_out.averaged(d).astype(np.uint32))(scan_of(photons=1e4)), ("noise",)
    ),
    "afterglow of a fifth at 1e4 photons": Wrong(
        lambda s: values(lambda d: d + 0.2 * np.roll(d, 1, axis=0))(scan_of(photons=1e4)), ("noise",)
    ),
    "blurred by 1 px": Wrong(held_out.blurred(1.0), ("blur",)),
    "blurred by 1 px, whole counts": Wrong(held_out.blurred(1.0, whole=True), ("small_counts", "noise")),
    "rounded amplitudes read as counts": Wrong(
        values(lambda d: np.rint(np.sqrt(d)).astype(np.uint16)), ("small_counts", "noise", "quantity")
    ),
    **{
        f"backlash of {px} px, {grid}": Wrong(
            lambda s, px=px, grid=grid: (lambda t: t.but(scan=t.scan + np.outer(np.arange(100) // 10 % 2, [px, 0])))(
                scan_of(grid=grid)
            ),
            ("positions",),
        )
        for px, grid in ((4, "raster"), (-4, "raster"), (4, "snake"), (-4, "snake"))
    },
    "positions that wrapped in int8": Wrong(
        moved(lambda at: (np.rint(at) + 100).astype(int).astype(np.int8)), ("positions_wrapped",)
    ),
    "positions of 1.2 times the scale": Wrong(moved(lambda at: at * 1.2), ("positions",), "--position-scale 0.8"),
    "positions of 0.8 times the scale": Wrong(moved(lambda at: at * 0.8), ("positions",), "--position-scale 1.25"),
    "probe with its middle at the corner": Wrong(
        lambda s: s.but(probe=np.fft.fftshift(s.probe)), ("probe_place", "centre")
    ),
    "frames divided by their sums": Wrong(
        lambda s: values(lambda d: d / d.sum(axis=(1, 2), keepdims=True))(scan_of(photons=1e4)), ("normalized",)
    ),
    "halves that share nothing": Wrong(
        moved(lambda at: at + np.where(np.arange(len(at)) % 2, 900, 0)[:, None]), ("half_scan",)
    ),
}


def _hot(s: Scan) -> Any:
    hot = np.zeros(s.data.shape, np.uint32)
    hot[:, 12, 50] = _rng().poisson(3000, len(hot))
    return hot


def with_(change: Maker = lambda s: s, config: dict[str, Any] | None = None, n: int = N, **scan: Any) -> Any:
    """A right variant: the scan's options, a change of layout, and the configuration that declares it."""
    return (lambda: change(scan_of(**scan)), config or {}, n)


def cast(dtype: Any) -> Maker:
    return values(lambda d: d.astype(dtype))


def detuned(s: Scan) -> Scan:
    """A first guess that is near, not right: another defocus and a little more width."""
    y, x = np.indices(s.probe.shape) - (s.probe.shape[0] - 1) / 2
    return s.but(probe=s.probe * np.exp(0.004j * (x**2 + y**2)) * np.exp(-(x**2 + y**2) / 1500))


def lines(size: int) -> Any:
    from ptycho.optics.objects import lines as drawn

    whole = drawn(max(size, 160), 3)
    return whole[:size, :size]


def field_of(size: int) -> Any:
    from ptycho.optics.objects import complex_field

    return complex_field(size, 5, 6.0, 0.5)


def opaque(size: int) -> Any:
    from star_scan import star

    ring = star(size)
    return ring * np.where(np.angle(ring) > 0.45, 0.1, 1.0)


RIGHT: dict[str, Any] = {
    "common": with_(),
    **{
        f"type {np.dtype(t)}": with_(cast(t))
        for t in (np.uint16, np.int16, np.int32, np.int64, np.uint64, np.float32, np.float64)
    },
    "uint8 at low dose": with_(cast(np.uint8), photons=2e4),
    "amplitude": with_(values(lambda d: np.sqrt(d).astype(np.float32)), {"quantity": "amplitude"}),
    "amplitude in other units": with_(
        values(lambda d: (0.01 * np.sqrt(d)).astype(np.float32)), {"quantity": "amplitude"}
    ),
    "counts with a gain": with_(values(lambda d: (2.7 * d).astype(np.float32))),
    "intensity without a ladder": with_(
        values(lambda d: ((d + _rng().uniform(0, 0.2, d.shape)) * 0.1).astype(np.float32))
    ),
    **{
        f"amplitude of {photons:g} photons": with_(
            values(lambda d: np.sqrt(d).astype(np.float32)), {"quantity": "amplitude"}, photons=photons
        )
        for photons in (1e2, 1e4)
    },
    **{
        f"{photons:g} photons, corrected pixel by pixel": with_(flat_fielded, photons=photons)
        for photons in (1e2, 1e3, 1e4, 1e5)
    },
    "amplitude of photons corrected pixel by pixel": with_(
        lambda s: (lambda t: t.but(data=np.sqrt(t.data)))(flat_fielded(s)), {"quantity": "amplitude"}, photons=1e4
    ),
    "noise of a CCD, 1e4 photons": with_(read_out, photons=1e4),
    "noise of a CCD, 1e6 photons": with_(read_out),
    "columns row, column": with_(moved(lambda at: at[:, ::-1]), {"order": "yx"}),
    "flipped x, declared": with_(moved(lambda at: at * [-1, 1]), {"flip_x": True}),
    "flipped y, declared": with_(moved(lambda at: at * [1, -1]), {"flip_y": True}),
    "both flipped, order yx": with_(moved(lambda at: -at[:, ::-1]), {"order": "yx", "flip_x": True, "flip_y": True}),
    "frames transposed, declared": with_(values(lambda d: d.swapaxes(1, 2)), {"transpose": True}),
    "corner": with_(values(lambda d: np.fft.ifftshift(d, axes=(1, 2))), {"centred": False}),
    "micrometres, declared": with_(moved(lambda at: at * 0.03), {"position_scale": 1 / 0.03}),
    "positions far from zero": with_(moved(lambda at: at + np.array([5000, -300]))),
    "random": with_(grid="random"),
    "snake": with_(grid="snake"),
    "spiral": with_(grid="spiral"),
    "single row": with_(grid="row", count=40),
    "single column": with_(moved(lambda at: at[:, ::-1]), {"order": "yx"}, grid="row", count=40),
    "short row": with_(grid="row", count=12, step=3.0),
    "nine frames": with_(count=9),
    "sixteen frames": with_(count=16),
    "four frames": with_(count=4),
    "225 frames": with_(count=225),
    "fine steps": with_(step=2.0),
    "coarse steps": with_(step=10.0),
    "very coarse steps": with_(step=14.0),
    "100 photons": with_(photons=100),
    "1e3 photons": with_(photons=1e3),
    "1e4 photons": with_(photons=1e4),
    "1e5 photons": with_(photons=1e5),
    "1e8 photons": with_(photons=1e8),
    "1e10 photons": with_(cast(np.uint64), photons=1e10),
    "vortex probe": with_(probe="vortex"),
    "gaussian probe": with_(probe="gaussian"),
    "disk probe": with_(probe="disk"),
    "vortex, low dose, spiral": with_(probe="vortex", photons=1e4, grid="spiral"),
    "disk, random, coarse": with_(probe="disk", grid="random", step=8.0),
    "a guess of the probe": with_(detuned),
    "strong absorber": with_(obj=lines),
    "random field": with_(obj=field_of),
    "nearly opaque parts": with_(obj=opaque),
    "beam noise of 2 %": with_(beam=np.random.default_rng(5).normal(1, 0.02, 100)),
    "beam decays by 10 %": with_(beam=np.linspace(1, 0.9, 100)),
    "beam 2 px off the centre": with_(values(lambda d: np.roll(d, 2, axis=2))),
    "weak background": with_(values(lambda d: d + _rng().poisson(0.02, d.shape).astype(np.uint32))),
    "cropped without loss": with_(n=64, probe=None),
    "first frames only": with_(config={"frames": 50}),
    "jittered random walk": with_(lambda s: scan_of(grid="random", step=4.0, seed=9), count=100),
}
SHORT = (
    "3e5 photons",
    "10000 photons, spiral",
    "1e+07 photons, raster",
    "mirrors, 30000 photons",
    "diffuser, 30000 photons",
    "pinhole, 30000 photons",
    "twist, 1e+06 photons",
    "weak object",
    "gravel",
    "grid hexagon",
    "a third of the counts, rounded",
    "counts with a gain, rounded",
    "corrected pixel by pixel",
    "noise of a camera",
    "without noise",
    "whole positions, int8",
    "declared gap",
    "beam 3 px off",
    "background subtracted that was there",
)
RIGHT |= {f"second scan: {name}": held_out.right_variants(held_out.SECOND)[name] for name in SHORT}
# Strong detail along an edge of the third scan: all frames beside each other there fit badly.
RIGHT |= {f"third scan: {name}": held_out.right_variants(held_out.THIRD)[name] for name in ("grid snake", "coarse")}
RIGHT["cropped without loss"] = (lambda: scan_of(probe=_oversampled(), n=2 * N, step=10.0), {}, N)


def _oversampled() -> Any:
    """The common probe on twice the detector's side: its spectrum padded, so that the middle half holds the light."""
    spectrum = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(probe_of("asymmetric"))))
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(np.pad(spectrum, N // 2))))


__all__ = ["RIGHT", "WRONG", "Wrong", "positions_of"]
