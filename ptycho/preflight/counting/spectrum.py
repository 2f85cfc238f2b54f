"""Frames in the frequencies that light leaves most empty.

The spectrum of a diffraction pattern is the autocorrelation of an exit wave, which fades where the probe's parts lie
farthest apart. An object makes it no narrower than the probe's own. The noise of photons is white: ``|FFT2(n)|**2`` is
``sum n`` in photons at every frequency. A point spread takes away from both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter

from ptycho.arrays import Integer, Real

EMPTIEST_PERCENT = 15  # of the frequencies
SMOOTHED = 8  # parts of a side


@dataclass(frozen=True)
class NoiseSpectrum:
    """Power in the emptiest frequencies: ``level`` of the frames over their sum of values, ``step`` of half the
    difference of consecutive frames over the same, ``beside_probe`` of the frames over what the probe itself diffracts.

    In photons the first two are 1 for their noise, and light can only add to it. ``step`` is None without consecutive
    frames.
    """

    level: float
    step: float | None
    beside_probe: float


def noise_spectrum(intensity: Real, numbers: Integer, far: Real) -> NoiseSpectrum:
    """The spectrum of centred frames ``(S, n, n)``.

    ``numbers`` ``(S,)`` are the frames' in the scan, and ``far`` ``(n, n)`` is what the probe diffracts.
    """
    waves = fft.fft2(intensity.astype(np.float32))
    total = max(float(intensity.sum(dtype=np.float64)) / len(intensity), 1e-300)
    power = np.square(np.abs(waves)).mean(axis=0, dtype=np.float64) / total
    smooth = uniform_filter(power, max(3, intensity.shape[-1] // SMOOTHED), mode="wrap")
    empty = smooth <= np.percentile(smooth, EMPTIEST_PERCENT)
    level = float(power[empty].mean())
    own = float(np.square(np.abs(fft.fft2(far / max(float(far.sum()), 1e-300))))[empty].mean()) * total
    after = np.flatnonzero(np.diff(numbers) == 1)
    step = None
    if after.size:
        change = np.square(np.abs(waves[after + 1] - waves[after])).mean(axis=0, dtype=np.float64) / 2 / total
        step = float(change[empty].mean())
    return NoiseSpectrum(level, step, level / max(own, 1e-300))
