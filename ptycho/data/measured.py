"""Measured data, checked before anything is computed from them.

What a file holds is opened by ``ptycho.data.opening``; here it becomes a data set, or is refused with the remedy.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ptycho.arrays import Mask, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.formats import DataFile
from ptycho.data.frames import Dataset, Frames, Geometry
from ptycho.data.layout import centred_frames
from ptycho.data.opening import OpenScan, finite, open_scan
from ptycho.data.raw.beam import dark_frames, energy_trend
from ptycho.data.raw.pixels import look_at_detector
from ptycho.errors import DataError
from ptycho.optics import probes

LARGEST_SPAN_PX = 16384


def load_measured(config: MeasuredConfig, N: int) -> Dataset:
    """The measured data set, cropped to ``N`` central detector pixels.

    Cropping the detector coarsens the object grid, so positions scale by ``N / n`` and the probe
    is Fourier-cropped. Amplitudes are square-rooted counts (``photon_scale`` 1), and the probe is
    scaled once so that its energy is the mean frame's, which makes an empty object 1; where the file states its
    photon scale, both keep the file's units (see ``stated_photon_scale``). Pixels that the file, ``config.mask`` or
    the frames themselves show to measure nothing are masked, and dark frames left out.
    """
    with open_scan(config) as scan:
        source, side = scan.file.path, scan.side
        scan.require_side(N)
        amplitude, mask = _centred_amplitude(scan, config, N)
        positions = _within_reach(scan.positions(config), source) * (N / side)
        scale, geometry = stated_photon_scale(scan.file, config), _geometry(scan.file, N)
    positions = positions - np.floor(positions.min(0)) + N // 2 + 1
    extent = np.ceil(positions.max(0)).astype(int) + N // 2 + 2
    frames = _lit(Frames(amplitude / np.float32(scale or 1), positions, np.arange(len(amplitude)), mask), config)
    energy = float(frames.energy().mean())
    probe = probes.fourier_crop(scan.probe[0], N)
    if scale is None:
        probe = (probe * (np.sqrt(energy) / probes.seen_norm(probe, frames.mask))).astype(np.complex64)
    else:  # cropping is from n to N pixels of a unitary transform
        probe = (probe * (N / side)).astype(np.complex64)
    unit = scale or 1.0
    return Dataset(frames, probe, (int(extent[1]), int(extent[0])), unit, energy * unit**2, None, geometry)


def stated_photon_scale(file: DataFile, config: MeasuredConfig) -> float | None:
    """The photon scale ``s`` of ``counts = (s A)**2`` in units of the probe that is used, or None to scale the probe.

    What the file states holds for its own probe, and for no other that ``config.probe`` names.
    ``probe_scale = file`` keeps the probe's scale without one, too: counts are then in units of ``|P O|**2``.
    """
    stated = None if config.probe else file.photon_scale
    if config.probe_scale == "data":
        return None
    if stated is None:
        return 1.0 if config.probe_scale == "file" else None
    if not (np.isfinite(stated) and stated > 0):
        raise DataError(f"{file.path.name}: photon_scale is {stated:g}, expected a positive number")
    return stated


def _geometry(file: DataFile, N: int) -> Geometry | None:
    """What is known of lengths, for frames cropped to ``N`` pixels."""
    if file.pixel_size_m is None:
        return None
    coarser = file.require("frames").shape[-1] / N
    x, y = file.pixel_size_m
    return Geometry((x * coarser, y * coarser), file.energy_j, file.distance_m)


def _lit(frames: Frames, config: MeasuredConfig) -> Frames:
    """The frames without dark ones, and with the beam's drift taken out where asked."""
    energy = frames.energy()
    dark = dark_frames(energy)
    if dark.any() and not dark.all():
        frames, energy = frames.take(np.flatnonzero(~dark)), energy[~dark]
    if config.level_energy:
        level = np.sqrt(energy_trend(energy))[:, None, None].astype(np.float32)
        frames = replace(frames, diffraction=frames.diffraction / level)
    return frames


def _centred_amplitude(scan: OpenScan, config: MeasuredConfig, N: int) -> tuple[Real, Mask | None]:
    """Amplitudes of the central ``N`` pixels, and their mask, None where every pixel is valid."""
    raw = scan.frames[:]
    bad = look_at_detector(raw, config, scan.probe, scan.valid).bad.any
    frames = centred_frames(raw, config)
    if bad.any():
        frames = np.where(bad, frames.dtype.type(0), frames)
    path = scan.file.path
    amplitude = _amplitude(_as_frames(frames, path), config.quantity, path)
    start = (scan.side - N) // 2
    cut = (slice(start, start + N), slice(start, start + N))
    mask = ~bad[cut]
    return np.ascontiguousarray(amplitude[:, cut[0], cut[1]]), None if mask.all() else mask


def _as_frames(frames: Real, path: Path) -> Real:
    frames = finite(frames, np.float32, "data", path)
    if frames.min() < 0:
        negative = int((frames < 0).sum())
        raise DataError(
            f"{path.name}: data has {negative} negative values; counts and amplitudes cannot be negative: "
            "set them to zero if a background was subtracted"
        )
    if not frames.any():
        raise DataError(f"{path.name}: every value of data is zero: check that the file holds the frames themselves")
    return frames


def _within_reach(positions: Real, path: Path) -> Real:
    """Positions in pixels; raises DataError where they span less than one, or more than any object."""
    span = float(np.ptp(positions, axis=0).max())
    if not 1 <= span <= LARGEST_SPAN_PX:
        raise DataError(
            f"{path.name}: scan positions span {span:.3g} pixels, expected 1 to {LARGEST_SPAN_PX}: "
            "convert them to pixels of the object grid, or say how many a unit is with measured.position_scale"
        )
    return positions


def _amplitude(values: Real, quantity: str, path: Path) -> Real:
    """Amplitudes from what the file is said to hold; raises when whole numbers tell otherwise."""
    if quantity == "amplitude":
        if _whole(values) and values.max() > 1:
            raise DataError(
                f"{path.name}: data is said to be amplitude but holds whole numbers only, as photon counts do: "
                "say quantity = counts"
            )
        return values
    if not _whole(values) and _whole(values**2, tolerance=4 * np.finfo(np.float32).eps * values**2):
        raise DataError(
            f"{path.name}: data is said to be counts but its squares are whole numbers: "
            "it is amplitude already, say quantity = amplitude"
        )
    return np.sqrt(values)


def _whole(values: Real, tolerance: Real | float = 0.0) -> bool:
    """Whether all positive values are whole; where the tolerance reaches a quarter, nothing can be said."""
    tellable = (np.asarray(tolerance) < 0.25) & (values > 0)
    off = np.abs(values - np.rint(values))
    return bool(tellable.any() and np.all((off <= tolerance)[tellable]))
