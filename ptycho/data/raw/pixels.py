"""Pixels of a detector that measure nothing: those said to be bad, and those that the frames themselves tell.

All images here are centred; ``farfield`` is ``|FFT2(P)|**2`` of the first guess of the probe, which says
where light and darkness are to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.layout import centred_frames
from ptycho.data.raw.quantum import Quantum, photon_quantum
from ptycho.data.raw.statistics import FrameStatistics, frame_statistics

OFTEN = 0.5  # share of the frames in which a pixel has no measurement, for it to count as bad
STUCK_FRAMES = 16  # a pixel that is constant over fewer frames may be so by chance
HOT_RATIO, HOT_CLUSTER_RATIO, HOT_COUNTS = 10.0, 30.0, 50.0
HIT_RATIO = 10.0  # the same for a pixel's largest value over the frames
DEAD_COUNTS = 100.0  # photons over the whole scan that a pixel's neighbours on both sides must have
SHONE_SHARE = 0.2  # of the brightest: where the probe itself shines so, zero in all frames is no measurement
ALONG_PROBE = 0.1  # a pixel that the probe itself leaves darker than this, beside its neighbours, is no dead one


@dataclass(frozen=True)
class BadPixels:
    """Masks ``(n, n)`` of centred frames by the reason: True where a pixel measures nothing.

    ``declared``: the file or a mask says so, and nothing else is then told of these pixels.
    """

    declared: Mask
    flagged: Mask
    negative: Mask
    non_finite: Mask
    stuck: Mask
    hot: Mask
    dead: Mask

    @property
    def any(self) -> Mask:
        """All of them together."""
        return self.declared | self.found

    @property
    def found(self) -> Mask:
        """Those that nobody declared."""
        return self.flagged | self.negative | self.non_finite | self.stuck | self.hot | self.dead


@dataclass(frozen=True)
class Detector:
    """What all frames tell of the detector: its pixels' statistics, what a photon is in them, and the bad ones."""

    stats: FrameStatistics
    quantum: Quantum
    bad: BadPixels


def look_at_detector(frames: Any, config: MeasuredConfig, probe: Complex, valid: Mask | None) -> Detector:
    """What frames ``(M, n, n)``, in memory or in an open file, tell of their detector.

    ``valid`` ``(n, n)`` is laid out as the frames are, which are zero where it is False.
    """
    stats = frame_statistics(frames)
    quantum = photon_quantum(frames, np.inf if stats.top is None else stats.top)
    return Detector(stats, quantum, bad_pixels(stats, quantum, config, probe, valid))


def bad_pixels(
    stats: FrameStatistics, quantum: Quantum, config: MeasuredConfig, probe: Complex, valid: Mask | None
) -> BadPixels:
    """The pixels of centred frames that measure nothing.

    ``probe`` ``(n, n)`` or ``(modes, n, n)`` in real space. ``valid``: False where a pixel was declared to be bad, in
    the layout of the frames. What is bright or dark is told in intensities, and in photons: where the values do not
    say what one is, a faint value stands for it.
    """
    amplitude = config.quantity == "amplitude"
    unit = (quantum.unit if quantum.kind == config.quantity else None) or quantum.faint
    unit = unit**2 if amplitude else unit

    def image(values: Real) -> Real:
        return centred_frames(values, config)

    often = OFTEN * stats.count
    declared = np.zeros(stats.mean.shape, bool) if valid is None else image(~valid)
    flagged, negative, non_finite = (
        image(counts) > often for counts in (stats.flagged, stats.negative, stats.non_finite)
    )
    known = ~(declared | flagged | negative | non_finite)
    power = stats.variance + stats.mean**2 if amplitude else stats.mean
    mean, largest, smallest = (image(v) for v in (power, stats.largest, stats.smallest))
    largest, smallest = (np.maximum(v, 0) ** 2 for v in (largest, smallest)) if amplitude else (largest, smallest)
    far = farfield(probe) if probe.shape[-2:] == mean.shape else np.zeros(mean.shape)
    far = far * (mean[known].sum() / max(far[known].sum(), 1e-300))
    total = mean * stats.count
    constant = known & (largest == smallest) & (largest > 0) & (stats.count >= STUCK_FRAMES)
    varied = largest[known & ~constant]
    clipped = largest == (varied.max() if varied.size else np.inf)  # others reach that value too, and pass it never
    stuck = constant & ~clipped
    hot = known & ~stuck & _stands_out(total, HOT_COUNTS * unit, known, HOT_RATIO) & (mean > HOT_RATIO * far)
    hit = known & ~stuck & _stands_out(largest, HOT_COUNTS * unit, known, HIT_RATIO)  # by a cosmic ray, once
    hot |= hit & (largest > HIT_RATIO * far)
    known &= ~(stuck | hot)
    shone = far * stats.count
    dark = _dark_in_light(total, shone, known & (largest > 0), DEAD_COUNTS * unit)
    dead = known & (largest <= 0) & (dark | ((shone > DEAD_COUNTS * unit) & (far > SHONE_SHARE * far.max())))
    return BadPixels(declared, flagged, negative, non_finite, stuck, hot, dead)


def farfield(probe: Complex) -> Real:
    """``sum over modes |FFT2(P)|**2`` ``(n, n)``, zero frequency in the middle."""
    modes = np.asarray(probe, np.complex128).reshape(-1, *probe.shape[-2:])
    return np.asarray(np.fft.fftshift((np.abs(np.fft.fft2(modes)) ** 2).sum(axis=0)))


def _stands_out(image: Real, least: float, known: Mask, ratio: float) -> Mask:
    """Pixels far above those around them: above the second highest of 8 neighbours, or most of 24."""
    quiet = np.where(known, image, 0)
    around = np.ones((3, 3), bool)
    around[1, 1] = False
    second = ndimage.rank_filter(quiet, rank=-2, footprint=around, mode="mirror")
    wide = np.ones((5, 5), bool)
    wide[2, 2] = False
    most = ndimage.rank_filter(quiet, rank=17, footprint=wide, mode="mirror")
    alone = quiet > ratio * second + least
    return np.asarray(alone | (quiet > HOT_CLUSTER_RATIO / HOT_RATIO * ratio * most + 2 * least))


def _dark_in_light(total: Real, far: Real, lit: Mask, least: float) -> Mask:
    """Pixels with light on both sides, in a row or a column, that the probe does not leave dark by itself."""
    reach = max(total.shape) // 4
    dark = np.zeros(total.shape, bool)
    for values, seen, model, turn in ((total, lit, far, False), (total.T, lit.T, far.T, True)):
        left, right = (_nearest(seen, reach, back) for back in (False, True))
        rows = np.arange(values.shape[0])[:, None]
        light, shine = (np.minimum(image[rows, left], image[rows, right]) for image in (values, model))
        found = (left >= 0) & (right >= 0) & (light > least) & (model >= ALONG_PROBE * shine)
        dark |= found.T if turn else found
    return dark


def _nearest(seen: Mask, reach: int, back: bool) -> Real:
    """Column of the nearest True to the left (``back``: to the right) of each pixel, -1 beyond ``reach``."""
    along = seen[:, ::-1] if back else seen
    columns = np.arange(seen.shape[1])
    last = np.maximum.accumulate(np.where(along, columns, -1), axis=1)
    last = np.where(columns - last <= reach, last, -1)
    if back:
        last = np.where(last >= 0, seen.shape[1] - 1 - last, -1)[:, ::-1]
    return last
