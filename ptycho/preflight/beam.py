"""The beam and the order of frames: dark ones, a drift, jumps, duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey

TOO_MANY_DARK = 0.2


def check_beam(seen: Survey) -> Iterator[Observation]:
    """All findings about the frames' energies and doubles."""
    yield from _dark(seen)
    yield from _duplicates(seen)


def _dark(seen: Survey) -> Iterator[Observation]:
    count = int(seen.dark.sum())
    share = count / seen.count
    if not count:
        return
    first = int(np.flatnonzero(seen.dark)[0])
    sentence = f"{count} frames are dark, the first is frame {first}"
    if share > TOO_MANY_DARK:
        yield Observation("dark_frames", "error", share, TOO_MANY_DARK, f"{sentence}: too many to leave out")
    else:
        yield Observation("dark_frames", "warning", share, TOO_MANY_DARK, f"{sentence}; they are left out")


def _duplicates(seen: Survey) -> Iterator[Observation]:
    """Equal frames at unequal places: a detector that stood still, or a file that was put together twice."""
    places = defaultdict(list)
    for m, digest in enumerate(seen.digests):
        if not seen.dark[m]:
            places[digest].append(m)
    doubles = [group for group in places.values() if len(group) > 1]
    count = sum(len(group) - 1 for group in doubles)
    photons = seen.photons
    if not count or (photons is not None and float(np.median(photons)) < 30):
        return
    first, second = doubles[0][:2]
    sentence = f"{count} frames are bit for bit the same as an earlier one, for example {first} and {second}"
    yield Observation("duplicates", "error", count, 0, f"{sentence}: leave them out, with their positions")
