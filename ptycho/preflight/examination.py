"""The preflight: every check of a data file, in seconds, before anything is trained on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ptycho.config.experiment import MeasuredConfig
from ptycho.data.opening import open_scan
from ptycho.data.raw.pixels import farfield
from ptycho.preflight.beam import check_beam
from ptycho.preflight.counting.checks import check_counting, check_resolution, counted
from ptycho.preflight.declared import LAYOUT
from ptycho.preflight.encoder import check_wrapped
from ptycho.preflight.findings import Observation, PreflightReport, sorted_observations
from ptycho.preflight.pixels import check_detector
from ptycho.preflight.scan import check_scan, probe_diameter
from ptycho.preflight.survey import Survey, survey_scan
from ptycho.preflight.trials.fit import Fit, fit_scan
from ptycho.preflight.values import check_background, check_values

SPOILS_TRIALS = ("centre", "quantity", "spacing", "dark_frames")  # what must be mended before a trial can tell anything


def examine(config: MeasuredConfig, N: int) -> tuple[PreflightReport, Survey]:
    """The report on the data of ``config`` for patches of ``N`` pixels, and what it was told from.

    Raises DataError for a file that cannot be read at all.
    """
    with open_scan(config) as scan:
        scan.require_side(N)
        seen = survey_scan(scan, config, N)
    found: list[Observation] = [*check_values(seen), *check_detector(seen), *check_scan(seen)]
    found += [*check_wrapped(seen), *check_beam(seen)]
    frames = counted(seen)
    counting = [*check_counting(frames)]
    found += [*(counting if frames.in_photons else []), *check_background(seen)]
    fit = None
    if not any(o.level == "error" and o.name in SPOILS_TRIALS for o in found):
        fit, more = fit_scan(seen)
        found += more
    if frames.in_photons or not any(o.level == "error" and o.name == "quantity" for o in found):
        found += [*([] if frames.in_photons else counting), *check_resolution(frames)]
    report = PreflightReport(scan.name, seen.count, seen.side, sorted_observations(found), _figures(seen, fit))
    return report, seen


def _figures(seen: Survey, fit: Fit | None) -> dict[str, Any]:
    """The numbers behind the findings, as plain data."""
    photons = seen.photons
    trials = {} if fit is None else {name: trial.error for name, trial in fit.trials.items()}
    return {
        "layout": {name: getattr(seen.config, name) for name in LAYOUT},
        "photons_a_frame": None if photons is None else float(np.mean(photons)),
        "energy": {"mean": float(seen.energy.mean()), "min": float(seen.energy.min()), "max": float(seen.energy.max())},
        "probe_diameter_px": probe_diameter(seen),
        "farfield_overlap": float(np.corrcoef(farfield(seen.scan.probe).ravel(), seen.mean.ravel())[0, 1]),
        "span_px": [float(v) for v in np.ptp(seen.positions, axis=0)],
        "trial_fourier_errors": trials,
        "photon_floor": None if fit is None else fit.floor,
        "masked_pixels": int(seen.bad.any.sum()),
        "dark_frames": int(seen.dark.sum()),
    }
