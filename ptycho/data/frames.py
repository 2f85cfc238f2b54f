"""The records that travel between the first stages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ptycho.arrays import Complex, Integer, Mask, Real
from ptycho.errors import DataError


@dataclass(frozen=True)
class Frames:
    """Diffraction frames with their places in the scan.

    ``diffraction`` ``(M, N, N)`` float32: amplitude (already square-rooted), zero frequency in the
    middle, in units of ``P * O``. ``positions`` ``(M, 2)``: pixels on the object grid, ``[x, y]``.
    ``ids`` ``(M,)``: each frame's index in the whole scan.
    ``mask`` ``(N, N)`` bool: True where the detector's pixel is valid; None: everywhere. Whatever a file
    holds at the other pixels (a saturated value, NaN, a cosmetic fill), ``diffraction`` is zero there, so
    that no sum, maximum or network ever sees it. Raises DataError for a mask of another shape or type,
    and for one that leaves nothing.
    """

    diffraction: Real
    positions: Real
    ids: Integer
    mask: Mask | None = None

    def __post_init__(self) -> None:
        if self.mask is None:
            return
        mask, shape = np.asarray(self.mask), self.diffraction.shape[1:]
        if mask.shape != shape or mask.dtype != np.bool_:
            raise DataError(
                f"the detector mask has shape {mask.shape} and type {mask.dtype}, expected {shape} and bool: "
                "True where a pixel is valid"
            )
        if not mask.any():
            raise DataError("the detector mask leaves no valid pixel: True is for valid pixels, perhaps invert it")
        object.__setattr__(self, "mask", mask)
        if self.diffraction[:, ~mask].any():  # NaN counts as true
            object.__setattr__(self, "diffraction", np.where(mask, self.diffraction, self.diffraction.dtype.type(0)))

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, which: Integer) -> Frames:
        """The frames at these indices."""
        return replace(self, diffraction=self.diffraction[which], positions=self.positions[which], ids=self.ids[which])

    def energy(self) -> Real:
        """``sum(A**2)`` of every frame over its valid pixels, ``(M,)``; without a mask the exit wave's, by Parseval."""
        return np.einsum("mij,mij->m", self.diffraction, self.diffraction, dtype=np.float64)


@dataclass(frozen=True)
class Dataset:
    """What the first stage gives: frames, the probe that made them, and the truth where known.

    ``photon_scale`` (``s`` in docs/explanation/physics.md, "Forward model") is the scale that was
    applied to the exit wave before detection and divided out afterwards:
    ``counts = (photon_scale * A)**2``. ``nphotons``: mean photons of an image in its valid pixels.
    """

    frames: Frames
    probe: Complex
    object_shape: tuple[int, int]
    photon_scale: float
    nphotons: float
    truth: Complex | None
