"""A small simulated scan of a Siemens star, as a file of measured data would hold it, and ways to spoil it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ptycho.optics import probes

N = 64


def star(size: int = 150, spokes: int = 18, height: float = 0.8, absorption: float = 0.15) -> Any:
    """A Siemens star with broken symmetry: a phase step with some absorption, complex128 ``(size, size)``."""
    y, x = np.indices((size, size)) - size * np.array([0.47, 0.55])[:, None, None]
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    spoke = 1 / (1 + np.exp(-4 * np.sin(spokes * angle) * np.minimum(radius / 6, 2)))
    ring = 0.5 + 0.5 * np.tanh(np.sin(radius / 4.5))
    thick = np.where(radius < 0.6 * size, 0.75 * spoke + 0.25 * ring, 0.2 * ring)
    return np.exp((1j * height - absorption) * thick * (1 + 0.3 * x / size))


def probe_of(kind: str, n: int = N) -> Any:
    """A probe ``(n, n)`` complex128: ``asymmetric`` (aberrated), ``disk``, ``gaussian`` or ``vortex``."""
    if kind == "asymmetric":
        return probes.defocused(n).astype(np.complex128)
    if kind == "disk":
        return probes.idealized(n).astype(np.complex128)
    y, x = np.indices((n, n)) - (n - 1) / 2
    wide = np.exp(-(x**2 + y**2) / (2 * (n / 9) ** 2)) * np.exp(0.02j * (x**2 + y**2) * 64 / n)
    return wide if kind == "gaussian" else wide * (x + 1j * y)


def positions_of(kind: str, count: int, step: float = 5.0, seed: int = 1) -> Any:
    """Positions ``(count, 2)`` in pixels, [x, y]: ``raster``, ``snake``, ``spiral``, ``random``, ``row``; jittered."""
    rng = np.random.default_rng(seed)
    index = np.arange(count)
    side = int(np.ceil(np.sqrt(count)))
    column, row = index % side, index // side
    if kind == "snake":
        column = np.where(row % 2, side - 1 - column, column)
    if kind in ("raster", "snake"):
        at = np.stack([column, row], -1) * step
    elif kind == "spiral":
        turn = np.pi * (3 - np.sqrt(5)) * index
        at = 0.564 * step * np.sqrt(index)[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    elif kind == "row":
        at = np.stack([index * step, 0 * index], -1)
    else:
        at = rng.uniform(0, side * step, (count, 2))
    return at + rng.uniform(-0.5, 0.5, (count, 2))


@dataclass(frozen=True)
class Scan:
    """What a file holds, centred counts and positions [x, y], and the object and rates behind it."""

    data: Any
    probe: Any
    scan: Any
    object: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, Any]:
        """The arrays by their names in the file."""
        return {"data": self.data, "probe": self.probe, "scan": self.scan, **self.extra}

    def but(self, **changes: Any) -> Scan:
        """The same scan with some arrays replaced."""
        return replace(self, **changes)


def scan_of(
    probe: str | Any = "asymmetric",
    grid: str = "raster",
    count: int = 100,
    photons: float = 1e6,
    step: float = 5.0,
    obj: Any = None,
    n: int = N,
    seed: int = 3,
    beam: Any = 1.0,
) -> Scan:
    """A scan with Poisson noise; ``beam`` ``(count,)`` is the relative intensity of each frame."""
    P = probe_of(probe, n) if isinstance(probe, str) else probe
    modes = P if P.ndim == 3 else P[None]
    at = positions_of(grid, count, step)
    corner = at - at.min(0)
    extent = int(np.ceil(corner.max())) + n + 2
    O = star(extent) if obj is None else obj(extent)  # noqa: E741
    whole = np.floor(corner).astype(int)
    rates = np.empty((count, n, n))
    for m, (x, y) in enumerate(whole):
        patch = O[y : y + n, x : x + n]
        shifted = probes.shift_probe(modes, np.broadcast_to(corner[m] - whole[m], (len(modes), 2)))
        rates[m] = sum(np.abs(np.fft.fftshift(np.fft.fft2(patch * mode))) ** 2 for mode in shifted)
    rates *= photons / rates.sum((1, 2)).mean() * np.broadcast_to(beam, count)[:, None, None]
    counts = np.random.default_rng(seed).poisson(rates)
    return Scan(counts.astype(np.uint32), P, at, O)
