"""Pixels so dim that photon noise is all there is in them: there, what one frame or pixel has, no other knows of.

Photons make a variance ``u * mean`` in each pixel, and an object that moves under the beam one in proportion to
``mean**2``. Over dim pixels the ratio of both is ``u + c * mean``, and ``u``, where that meets zero, is the value of
one photon. Photons come one by one: their noise in a pixel is independent of that in its neighbour and in the next
frame, so that half the mean square difference of the two is ``u * mean`` at least, whatever the light does. It is less
where frames were averaged, interpolated in time, blurred by a point spread, or smoothed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ptycho.arrays import Integer, Mask, Real

LEAST_FRAMES = 25
LEAST_PIXELS = 60  # of a class of pixels that are about as dim
CLASS = 2.0  # ratio of the largest to the smallest mean in a class
GROWTH = 0.5  # of variance over mean, as a power of the mean, over three classes: photons make 0, light makes 1
ONE_PHOTON = 1.5  # times the value of one photon, where a ladder tells it: what varies more is light
CONTRAST = 15.0  # variance over mean**2 in the dimmest class where no ladder tells: light that moves has a few
PAIRS = (
    ((slice(1, None), slice(None)), (slice(-1), slice(None))),
    ((slice(None), slice(1, None)), (slice(None), slice(-1))),
)


@dataclass(frozen=True)
class DimNoise:
    """The noise of dim pixels: the share that neighbours have in common, 0 for photons; None where too few are dim.

    ``unit`` is the variance over the mean that photons make there, ``pixels`` how many they are, and
    ``photons`` what they hold in all frames: a share is uncertain by the inverse of its root.
    """

    unit: float
    pixels: int
    photons: float
    between_pixels: float | None
    between_frames: float | None


def dim_noise(
    intensity: Real, known: Mask, numbers: Integer, photon: float | None, surely: bool = False
) -> DimNoise | None:
    """The noise of the dim pixels of frames ``(S, n, n)``; ``numbers`` ``(S,)`` are theirs in the scan.

    ``photon``: the value of one photon, or None where no ladder tells it; ``surely``: it is no part of one. None is
    the result where no pixel is so dim that photon noise is most of what varies in it.
    """
    if len(intensity) < LEAST_FRAMES:
        return None
    mean = intensity.mean(axis=0, dtype=np.float64)
    variance = intensity.var(axis=0, dtype=np.float64, ddof=1)
    classes = _classes(mean, variance, known)
    found = None if photon is None else _by_ladder(classes, photon)
    found = found if found or surely else _by_contrast(classes)
    return None if found is None else _shared(intensity, mean, found, numbers)


@dataclass(frozen=True)
class _Class:
    """Pixels whose means are alike: the ``step`` of their means, their ``level``, and variance over mean."""

    step: int
    pixels: Mask
    level: float
    ratio: float


def _classes(mean: Real, variance: Real, known: Mask) -> list[_Class]:
    """Classes of pixels, dimmest first; those of too few are left out."""
    lit = known & (mean > 0)
    if not lit.any():
        return []
    step = np.where(lit, np.floor(np.log(np.where(lit, mean, 1) / mean[lit].min()) / np.log(CLASS)), -1)
    masks = [(k, step == k) for k in range(int(step.max()) + 1)]
    return [
        _Class(k, m, float(mean[m].mean()), float(variance[m].sum() / mean[m].sum()))
        for k, m in masks
        if m.sum() >= LEAST_PIXELS
    ]


def _by_ladder(classes: list[_Class], photon: float) -> list[_Class] | None:
    """The dimmest class and those that follow without a gap, while they vary as photons do."""
    found: list[_Class] = []
    for part in classes:
        if part.ratio > ONE_PHOTON * photon or (found and part.step > found[-1].step + 1):
            break
        found.append(replace(part, ratio=min(part.ratio, photon)))
    return found or None


def _by_contrast(classes: list[_Class]) -> list[_Class] | None:
    """The first two of three classes that vary as photons do, and far more than light that moves."""
    for three in zip(classes, classes[1:], classes[2:], strict=False):
        level, ratio = np.array([(c.level, max(c.ratio, 1e-300)) for c in three]).T
        growth = np.polyfit(np.log(level), np.log(ratio), 1)[0]
        unit = float(min(ratio[0], np.polyfit(level, ratio, 1)[1] if growth > 0 else ratio[1]))
        near = three[2].step - three[0].step == 2
        if near and ratio[0] > CONTRAST * level[0] and growth < GROWTH and unit > 0.5 * ratio[0]:
            return [replace(c, ratio=min(c.ratio, unit)) for c in three[:2]]
    return None


def _shared(intensity: Real, mean: Real, found: list[_Class], numbers: Integer) -> DimNoise:
    due = sum((np.where(c.pixels, c.ratio * mean, 0) for c in found), np.zeros(mean.shape))
    dim = due > 0
    off = intensity - mean
    square = noise = 0.0
    count = 0
    for here, there in PAIRS:
        both = dim[here] & dim[there]
        change = (off[(slice(None), *here)] - off[(slice(None), *there)])[:, both]
        square += float(np.square(change).mean(axis=0, dtype=np.float64).sum()) / 2
        noise += float((due[here] + due[there])[both].sum()) / 2
        count += int(both.sum())
    after = np.flatnonzero(np.diff(numbers) == 1)
    change = (intensity[after + 1] - intensity[after])[:, dim]
    between = float(np.square(change).mean(axis=0, dtype=np.float64).sum()) / 2 if after.size else 0.0
    return DimNoise(
        found[0].ratio,
        int(dim.sum()),
        float(mean[dim].sum()) * len(intensity) / found[0].ratio,
        1 - square / noise if count >= LEAST_PIXELS else None,
        1 - between / float(due.sum()) if len(after) >= LEAST_FRAMES // 2 else None,
    )
