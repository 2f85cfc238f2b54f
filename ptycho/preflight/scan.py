"""The scan: unit of the positions, overlap, and what two halves of it share; the probe's modes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from ptycho.data.containers.units import HC_JOULE_METRE
from ptycho.data.formats.geometry import object_pixels
from ptycho.optics.probes import rms_width
from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey

SPACING = (0.015, 1.0)  # nearest neighbours' distance over the probe's diameter
MODE_SHARE = 0.02
ACROSS_EDGES = 1.3  # width of a probe over that with its quadrants exchanged
SAME_PLACE_SHARE = 0.5
ISOLATED, ISOLATED_SHARE = 2.0, 0.5  # probe's diameters; where most are isolated, the spacing says it
PIXEL_OFF = 0.05  # of the object's pixel that a file states, from the one that its lengths give


def probe_diameter(seen: Survey) -> float:
    """Diameter of the disk with the probe's second moment, pixels of the file's grid."""
    return float(2 * np.sqrt(2) * rms_width(np.sqrt((np.abs(seen.scan.probe) ** 2).sum(axis=0))))


def check_scan(seen: Survey) -> Iterator[Observation]:
    """All findings about the positions, and the probe that they carry over the object."""
    nearest = spacing_px(seen)
    diameter = probe_diameter(seen)
    ratio = nearest / diameter
    low, high = SPACING
    words = f"neighbours lie {nearest:.3g} px apart, {ratio:.2g} of the probe's diameter of {diameter:.3g} px"
    metres = "the file's energy, distance or pixel size is wrong, or its positions are not in metres"
    pixels = "the positions are not in pixels of the object grid"
    in_metres = seen.scan.file.unit == "m"
    if ratio < low:
        sentence = f"{words}: {metres if in_metres else f'{pixels} (micrometres?)'}, or do not move"
        yield Observation("spacing", "error", ratio, low, sentence, "--position-scale PIXELS_A_UNIT")
    elif ratio > high:
        sentence = f"{words}: frames do not overlap, or {metres if in_metres else f'{pixels} (nanometres?)'}"
        yield Observation("spacing", "error", ratio, high, sentence, "--position-scale PIXELS_A_UNIT")
    else:
        yield Observation("spacing", "info", ratio, high, words)
    yield from _isolated(seen, diameter)
    yield from _sampling(seen)
    yield from _halves(seen, diameter)
    yield from _modes(seen)
    yield from _probe_place(seen)


def _sampling(seen: Survey) -> Iterator[Observation]:
    """The object's pixel, as the file states it and as its lengths give it."""
    file = seen.scan.file
    if file.pixel_size_m is None:
        return
    x, y = file.pixel_size_m
    words = f"an object pixel is {x:.4g} m by {y:.4g} m for frames of {seen.side} pixels"
    due = object_pixels(file.energy_j, file.distance_m, seen.side, file.detector_pixel_m)
    off = 0.0 if due is None else max(abs(x / due[0] - 1), abs(y / due[1] - 1))
    if due is not None and off > PIXEL_OFF:
        sentence = (
            f"the file states that {words}, and its energy, distance and detector pixel make it {due[0]:.4g} m by "
            f"{due[1]:.4g} m: correct whichever is wrong"
        )
        yield Observation("sampling", "error", off, PIXEL_OFF, sentence)
        return
    if file.energy_j is not None and file.distance_m is not None:
        wavelength = HC_JOULE_METRE / file.energy_j
        words = f"{words}, at a wavelength of {wavelength:.4g} m and a distance of {file.distance_m:.4g} m"
    yield Observation("sampling", "info", off, PIXEL_OFF, words)


def spacing_px(seen: Survey) -> float:
    """Median distance of the nearest position that is another one; 0 where most lie at one place."""
    places = np.unique(np.round(seen.positions, 6), axis=0)
    if len(places) < max(2, SAME_PLACE_SHARE * seen.count):
        return 0.0
    return float(np.median(cKDTree(places).query(places, k=2)[0][:, 1]))


def _isolated(seen: Survey, diameter: float) -> Iterator[Observation]:
    """Frames that lie so far from all others that the probe joins them to none: an encoder's glitch."""
    if seen.count < 3:
        return
    apart = cKDTree(seen.positions).query(seen.positions, k=2)[0][:, 1] / diameter
    alone = np.flatnonzero(apart > ISOLATED)
    if 0 < len(alone) < ISOLATED_SHARE * seen.count:
        first, far = int(alone[0]), float(apart[alone[0]])
        sentence = (
            f"{len(alone)} frames overlap with no other, the first is frame {first}, which lies {far:.3g} of the "
            "probe's diameters from its nearest: leave them out, with their positions"
        )
        yield Observation("isolated", "error", float(apart.max()), ISOLATED, sentence)


def _halves(seen: Survey, diameter: float) -> Iterator[Observation]:
    """The half-scan agreement needs object pixels that every second frame sees, and the others too."""
    if seen.count < 4:
        return
    apart = float(cKDTree(seen.positions[::2]).query(seen.positions[1::2])[0].min()) / diameter
    if apart > 1:
        sentence = (
            "every second frame and the frames between them see no common part of the object: no agreement can be told"
        )
        yield Observation("half_scan", "error", apart, 1.0, sentence)


def _probe_place(seen: Survey) -> Iterator[Observation]:
    """A probe that lies across the edges of its frame, as one does whose zero is at the corner."""
    amplitude = np.sqrt((np.abs(seen.scan.probe) ** 2).sum(axis=0))
    here, there = (rms_width(image) for image in (amplitude, np.fft.fftshift(amplitude)))
    ratio = here / max(there, 1e-30)
    if ratio > ACROSS_EDGES:
        sentence = (
            f"the probe lies across the edges of its frame, {ratio:.3g} times as wide as when its quadrants are "
            "exchanged: store it with its middle in the middle, as fftshift does"
        )
        yield Observation("probe_place", "error", ratio, ACROSS_EDGES, sentence)


def _modes(seen: Survey) -> Iterator[Observation]:
    power = (np.abs(seen.scan.probe.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    if len(power) < 2:
        return
    left = float(1 - power[0] / power.sum())
    sentence = f"the file's probe has {len(power)} modes, and those beside the first hold {left:.1%} of its power"
    if left > MODE_SHARE:
        yield Observation("probe_modes", "error", left, MODE_SHARE, f"{sentence}: they would be dropped")
    else:
        yield Observation("probe_modes", "info", left, MODE_SHARE, f"{sentence}; they are dropped")
