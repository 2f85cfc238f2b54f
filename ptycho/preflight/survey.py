"""One look at all frames, chunk by chunk: statistics, bad pixels, each frame's energy and digest, and a few in full."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ptycho.arrays import Integer, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.layout import centred_frames
from ptycho.data.opening import OpenScan
from ptycho.data.raw.beam import dark_frames
from ptycho.data.raw.pixels import BadPixels, look_at_detector
from ptycho.data.raw.quantum import Quantum, photon_estimate
from ptycho.data.raw.statistics import FrameStatistics, chunks
from ptycho.errors import DataError
from ptycho.preflight.trials.engine import compact_subset

MEGABYTES_A_CHUNK = 16


@dataclass(frozen=True)
class Survey:
    """What was seen of a scan, centred and in pixels as its configuration declares.

    ``energy`` ``(M,)``: sum of each frame's values over valid pixels, squared where they are amplitudes;
    ``digests``: equal for equal frames. ``mean`` ``(n, n)`` is the mean frame of intensities, zero where bad.
    ``positions`` ``(M, 2)`` are pixels of the file's frames, not of cropped ones. ``subset`` are the indices of the
    frames that ``sample`` ``(S, n, n)`` holds in full: those nearest to the scan's middle.
    """

    config: MeasuredConfig
    scan: OpenScan
    N: int
    stats: FrameStatistics
    quantum: Quantum
    bad: BadPixels
    mean: Real
    energy: Real
    dark: Real
    digests: list[bytes]
    positions: Real
    subset: Integer
    sample: Real

    @property
    def count(self) -> int:
        """Frames of the scan."""
        return len(self.energy)

    @property
    def side(self) -> int:
        """Pixels a side of the file's frames."""
        return int(self.mean.shape[-1])

    @property
    def photons(self) -> Real | None:
        """Photons of each frame, or None where the values do not tell."""
        unit = self.quantum.unit
        if unit is None or self.quantum.kind == "unknown":
            return None
        return self.energy / (unit if self.config.quantity == "counts" else unit**2)

    @cached_property
    def photons_about(self) -> Real:
        """Photons of each frame; where the values do not tell, by the noise of the frames."""
        known = self.photons
        if known is not None:
            return known
        intensity = self.sample if self.config.quantity == "counts" else self.sample**2
        return self.energy / max(photon_estimate(intensity, ~self.bad.any), 1e-300)


def survey_scan(scan: OpenScan, config: MeasuredConfig, N: int) -> Survey:
    """Look at all frames; memory holds one chunk and the sample. Raises DataError where nothing is there to look at."""
    detector = look_at_detector(scan.frames, config, scan.probe, scan.valid)
    stats, quantum, bad = detector.stats, detector.quantum, detector.bad
    if not (np.isfinite(stats.largest) & (stats.largest > 0)).any():
        raise DataError(f"{scan.name}: every value of data is zero: check that the file holds the frames themselves")
    valid = ~bad.any
    to_intensity: Callable[[Real], Real] = np.square if config.quantity == "amplitude" else np.asarray
    positions = scan.positions(config)
    subset = compact_subset(positions)
    energy, digests, kept = np.empty(len(scan.frames)), [], []
    total, done = np.zeros(valid.shape), 0
    for part in chunks(scan.frames, MEGABYTES_A_CHUNK * 2**20):
        digests += [hashlib.blake2b(np.ascontiguousarray(frame).tobytes(), digest_size=16).digest() for frame in part]
        frames = _measured(centred_frames(part, config), valid)
        values = to_intensity(frames)
        energy[done : done + len(part)] = values.sum(axis=(1, 2), dtype=np.float64)
        total += values.sum(axis=0, dtype=np.float64)
        here = subset[(subset >= done) & (subset < done + len(part))] - done
        kept.append(frames[here])
        done += len(part)
    mean = total / done
    dark = dark_frames(energy)
    lit = ~dark[subset]
    sample = np.concatenate(kept)[lit]
    return Survey(config, scan, N, stats, quantum, bad, mean, energy, dark, digests, positions, subset[lit], sample)


def _measured(frames: Any, valid: Real) -> Real:
    """Frames as float32, zero where a pixel is bad or a value is no measurement."""
    values = np.asarray(frames, np.float32)
    fine = valid & np.isfinite(values) & (values >= 0)
    return np.where(fine, values, np.float32(0))
