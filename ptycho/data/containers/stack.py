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

    @property
    def ndim(self) -> int:
        """Three, as of any array of frames."""
        return len(self.shape)

    def __getitem__(self, which: int | slice) -> Real:
        """One frame ``(n, n)``, or those of a slice ``(K, n, n)``; the file must be open."""
        if not isinstance(which, slice):
            index = range(len(self))[which]
            return np.asarray(self.read(index, index + 1)[0])
        start, stop, step = which.indices(len(self))
        if step == 1:
            return self.read(start, max(start, stop))
        parts = [self.read(index, index + 1) for index in range(start, stop, step)]
        return np.concatenate(parts) if parts else self.read(0, 0)

    def blocks(self, largest_bytes: int = 2**26) -> Iterator[tuple[int, Real]]:
        """All frames in blocks of at most ``largest_bytes``, each with the index of its first frame."""
        one = max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize)
        count = max(1, largest_bytes // one)
        for start in range(0, len(self), count):
            yield start, self[start : start + count]
