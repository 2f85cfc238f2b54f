"""The records that travel between the first stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho.arrays import Complex, Integer, Real


@dataclass(frozen=True)
class Frames:
    """Diffraction frames with their places in the scan.

    ``diffraction`` ``(M, N, N)`` float32: amplitude (already square-rooted), zero frequency in the
    middle, in units of ``P * O``. ``positions`` ``(M, 2)``: pixels on the object grid, ``[x, y]``.
    ``ids`` ``(M,)``: each frame's index in the whole scan.
    """

    diffraction: Real
    positions: Real
    ids: Integer

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, which: Integer) -> Frames:
        """The frames at these indices."""
        return Frames(self.diffraction[which], self.positions[which], self.ids[which])

    def energy(self) -> Real:
        """``sum(A**2)`` of every frame, ``(M,)``; by Parseval the exit wave's energy."""
        return np.einsum("mij,mij->m", self.diffraction, self.diffraction, dtype=np.float64)


@dataclass(frozen=True)
class Dataset:
    """What the first stage gives: frames, the probe that made them, and the truth where known.

    ``photon_scale`` (``s`` in docs/explanation/physics.md, "Forward model") is the scale that was
    applied to the exit wave before detection and divided out afterwards:
    ``counts = (photon_scale * A)**2``.
    """

    frames: Frames
    probe: Complex
    object_shape: tuple[int, int]
    photon_scale: float
    nphotons: float
    truth: Complex | None
