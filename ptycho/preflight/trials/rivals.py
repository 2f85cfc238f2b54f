"""The suppositions that a scan is put to: other orientations, scales and orders of its positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ptycho.arrays import Complex, Integer, Mask, Real
from ptycho.config.experiment import MeasuredConfig
from ptycho.optics.probes import fourier_crop
from ptycho.preflight.pixels import beam_offset
from ptycho.preflight.scan import probe_diameter, spacing_px
from ptycho.preflight.survey import Survey
from ptycho.preflight.trials.engine import TRIAL_SIDE, Supposition
from ptycho.preflight.trials.rows import rows_of

DECLARED, SHUFFLED = "as declared", "shuffled"
SCALES = (0.5, 0.8, 1.25, 2.0)
NEAR_SCALES = ("x0.8", "x1.25")
ROWS = "every second row"
ROWS_PX = (-3, 3)  # of a trial
SHIFTS = (-1, 1)
STRETCHES = ((0.5, 1.0), (2.0, 1.0), (1.0, 0.5), (1.0, 2.0), (0.1, 0.1), (10.0, 10.0))
LARGEST_TRIAL_PX = 2000  # of a trial: its canvases must stay small
LARGEST_SPACING = 0.6  # of neighbours over the probe's diameter, for a rival that spreads the scan
TURNS_DEG = (-45.0, -20.0, -10.0, 10.0, 20.0, 45.0)
FAR_SHIFTS = (-10, -5, -4, -3, -2, 2, 3, 4, 5, 10)


@dataclass(frozen=True)
class Evidence:
    """The frames that trials use: centred amplitudes ``(S, N, N)`` of the sample, their mask, the probe on them.

    ``places`` ``(M, 2)`` are the declared positions of the whole scan in pixels of that grid.
    """

    amplitude: Real
    mask: Mask
    probe: Complex
    places: Real
    zoom: float


def evidence_of(seen: Survey) -> Evidence:
    """What the survey's sample gives for trials, on at most ``TRIAL_SIDE`` central pixels."""
    side = min(TRIAL_SIDE, seen.side)
    start = (seen.side - side) // 2
    cut = slice(start, start + side)
    values = seen.sample[:, cut, cut]
    amplitude = np.sqrt(values) if seen.config.quantity == "counts" else values
    probe = fourier_crop(towards_beam(seen.scan.probe[0], beam_offset(seen)), side)
    zoom = side / seen.side
    return Evidence(amplitude, ~seen.bad.any[cut, cut], probe, seen.positions * zoom, zoom)


def towards_beam(probe: Complex, offset: Integer) -> Complex:
    """The probe ``(n, n)`` with its far field moved by whole pixels ``(2,)``, rows and columns: a phase ramp on it.

    A beam that lies off the middle of the frames is that ramp, and nothing that positions could tell.
    """
    at = np.arange(probe.shape[-1]) / probe.shape[-1]
    y, x = (np.exp(2j * np.pi * shift * at) for shift in offset)
    return np.asarray(probe * y[:, None] * x[None, :])


def orientations(config: MeasuredConfig) -> Iterator[tuple[str, MeasuredConfig]]:
    """The eight cases of axes and signs, each as the options that declare it, the declared one first."""
    for order in (config.order, "xy" if config.order == "yx" else "yx"):
        for flip_x in (config.flip_x, not config.flip_x):
            for flip_y in (config.flip_y, not config.flip_y):
                case = replace(config, order=order, flip_x=flip_x, flip_y=flip_y)
                flips = [name for name, on in (("--flip-x", flip_x), ("--flip-y", flip_y)) if on]
                yield " ".join([f"--order {order}", *flips]), case


def first_suppositions(seen: Survey, evidence: Evidence) -> list[Supposition]:
    """As declared, shuffled, the other seven orientations, four scales, one frame later or earlier, rows moved."""
    P, at, subset = evidence.probe, evidence.places, seen.subset
    cases = list(orientations(seen.config))
    turned = [(name, seen.scan.positions(case)[subset] * evidence.zoom) for name, case in cases]
    rows = [(DECLARED, turned[0][1]), (SHUFFLED, np.random.default_rng(1).permutation(at[subset])), *turned[1:]]
    rows += [(f"x{scale:g}", at[subset] * scale) for scale in SCALES if _overlap_left(seen, scale)]
    rows += [(f"shift {shift:+d}", np.roll(at, -shift, axis=0)[subset]) for shift in SHIFTS]
    rows += _rows_moved(seen, evidence)
    return [Supposition(name, places, P) for name, places in rows]


def _rows_moved(seen: Survey, evidence: Evidence) -> list[tuple[str, Real]]:
    """Every second row of a raster moved along itself."""
    found = rows_of(seen.positions)
    if found is None:
        return []
    fast, row = found
    odd = (row[seen.subset] % 2)[:, None] * np.eye(2)[fast]
    at = evidence.places[seen.subset]
    return [(f"{ROWS} moved by {px / evidence.zoom:+g} px", at + px * odd) for px in ROWS_PX]


def _overlap_left(seen: Survey, scale: float) -> bool:
    """Whether frames still overlap at this scale: where none do, each is fitted by itself, and anything explains it."""
    return scale <= 1 or scale * spacing_px(seen) < LARGEST_SPACING * probe_diameter(seen)


def further_suppositions(seen: Survey, evidence: Evidence) -> list[Supposition]:
    """What is tried where nothing explains the frames well: one axis stretched, all positions turned."""
    at = evidence.places[seen.subset]
    fair = [(x, y) for x, y in STRETCHES if _overlap_left(seen, max(x, y))]
    stretched = [(f"x{x:g} in x and x{y:g} in y", at * [x, y]) for x, y in fair]
    rows = [(name, places) for name, places in stretched if np.ptp(places, axis=0).max() < LARGEST_TRIAL_PX]
    rows += [(f"shift {shift:+d}", np.roll(evidence.places, -shift, axis=0)[seen.subset]) for shift in FAR_SHIFTS]
    for turn in TURNS_DEG:
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        rows.append((f"turned by {turn:+g} degrees", at @ np.array([[c, s], [-s, c]])))
    return [Supposition(name, places, evidence.probe) for name, places in [(DECLARED, at), *rows]]
