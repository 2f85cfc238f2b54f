"""What a file of measured data says: one record, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.data.containers.stack import FrameStack
from ptycho.errors import DataError

S = TypeVar("S")


@dataclass(frozen=True)
class DataFile:
    """The content of one file of measured data. What the file does not say is None.

    ``probe`` ``(modes, n, n)`` complex, the strongest first. ``positions`` ``(M, 2)`` in the file's own
    order of columns, in ``unit``: pixels of the object grid, or metres. ``mask`` ``(n, n)`` bool, laid out
    as the frames are: True where a pixel is valid. Pairs are ``(x, y)``. ``quantity``, ``order`` and
    ``centred`` (zero frequency in the middle) are as the format has them by custom, and as the file itself says where
    ``stated`` names them. ``lacks`` holds a
    sentence for each part that is missing. The frames can be read until the file is closed.
    """

    path: Path
    format: str
    frames: FrameStack | None = None
    probe: Complex | None = None
    positions: Real | None = None
    unit: Literal["px", "m"] = "px"
    mask: Mask | None = None
    quantity: Literal["counts", "amplitude"] | None = None
    order: Literal["xy", "yx"] | None = None
    centred: bool | None = None
    energy_j: float | None = None
    energies_j: Real | None = None  # (M,), where every frame has its own
    distance_m: float | None = None
    detector_pixel_m: tuple[float, float] | None = None
    pixel_size_m: tuple[float, float] | None = None  # of the object grid, for frames of all n pixels
    photon_scale: float | None = None  # ``counts = (photon_scale * A)**2``, ``A`` in units of the file's probe
    reconstruction: Complex | None = None  # of a product: its object, ``(height, width)``
    stated: frozenset[str] = frozenset()
    lacks: Mapping[str, str] = field(default_factory=dict)
    resources: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    def __enter__(self) -> DataFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.resources.close()

    def require(self, part: str) -> Any:
        """The part of that name; raises DataError, saying how to add it, where the file has none."""
        value = getattr(self, part)
        if value is None:
            raise DataError(self.lacks.get(part, f"{self.path.name} has no {part}: expected them in {self.format}"))
        return value

    def positions_px(self, order: str) -> Real:
        """Positions in pixels of the object grid, ``(M, 2)``; ``order`` says what their columns are.

        Raises DataError where they are in metres and the pixel size does not follow from the file.
        """
        positions = self.require("positions")
        if self.unit == "px":
            return np.asarray(positions)
        x, y = self.require("pixel_size_m")
        return np.asarray(positions / np.array([x, y] if order == "xy" else [y, x]))


@dataclass(frozen=True)
class Format(Generic[S]):
    """A format: how it is recognised in an open NPZ or HDF5 file, and how it is read from there."""

    name: str
    recognises: Callable[[S], bool]
    read: Callable[[S], DataFile]
