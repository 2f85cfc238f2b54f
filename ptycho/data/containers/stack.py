"""Frames that wait in a file until they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho.arrays import Real


@dataclass(frozen=True)
class FrameStack:
    """Frames ``(M, n, n)`` that are read when they are asked for, a slice at a time.

    ``read(start, stop)`` gives those frames as the file holds them, a fresh array of type ``dtype``.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[int, int], Real]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: slice) -> Real:
        """Consecutive frames, ``(stop - start, n, n)``; the file must be open."""
        start, stop, step = which.indices(len(self))
        if step != 1:
            raise ValueError(f"frames are read one after another, not in steps of {step}")
        return self.read(start, max(start, stop))

    def blocks(self, largest_bytes: int = 2**26) -> Iterator[tuple[int, Real]]:
        """All frames in blocks of at most ``largest_bytes``, each with the index of its first frame."""
        one = max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize)
        count = max(1, largest_bytes // one)
        for start in range(0, len(self), count):
            yield start, self[start : start + count]
