"""A step of the mean frame along the straight line between two halves or quadrants of a detector.

The mean over many frames is smooth along the line and across it; another gain changes its logarithm by as much in all
rows that the line crosses. What the mean itself does there is seen at all other lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho.arrays import Mask, Real

LEAST_ROWS = 6
LEAST_LIGHT = 30.0  # photons of a pixel over all frames
MEDIAN_ERROR = 1.2533 * 1.4826  # standard error of a median over the median deviation, times sqrt(rows)


@dataclass(frozen=True)
class GainStep:
    """The logarithm of right over left, or lower over upper, and how many times larger than elsewhere it is."""

    change: float
    score: float
    where: str


def gain_step(mean: Real, known: Mask, count: int, photon: float) -> GainStep | None:
    """The step that stands out most along the middle lines of the mean ``(n, n)`` of ``count`` frames, centred or not.

    ``photon`` is the value of one. None where too few pixels along a line see light.
    """
    lit = known & (mean * count > LEAST_LIGHT * photon)
    log = np.log(np.where(lit, mean, 1.0))
    n = len(mean)
    found = []
    for image, seen, words in ((log, lit, ("columns", "upper", "lower")), (log.T, lit.T, ("rows", "left", "right"))):
        change = 1.5 * image[:, 2:-1] - 0.5 * image[:, 3:] - 1.5 * image[:, 1:-2] + 0.5 * image[:, :-3]
        fine = seen[:, 2:-1] & seen[:, 3:] & seen[:, 1:-2] & seen[:, :-3]
        halves = (slice(0, n // 2), f" in the {words[1]} half"), (slice(n // 2, n), f" in the {words[2]} half")
        parts = ((slice(0, n), ""), *halves)
        for part, half in parts:
            step = _stands_out(change[part], fine[part], n // 2 - 2)
            if step is not None:
                found.append(GainStep(*step, f"between {words[0]} {n // 2 - 1} and {n // 2}{half}"))
    return max(found, key=lambda s: s.score, default=None)


def _stands_out(change: Real, fine: Mask, line: int) -> tuple[float, float] | None:
    """The median change at a line, and how many times that at other lines it is."""
    rows = fine.sum(axis=0)
    told = rows >= max(LEAST_ROWS, rows.max() / 2)
    told[[line - 1, line + 1]] = False
    if not told[line] or told.sum() < 10:
        return None
    middles = np.where(fine, change, np.nan)[:, told]
    medians = np.zeros(len(rows))
    medians[told] = np.nanmedian(middles, axis=0)
    here = float(medians[line])
    own = MEDIAN_ERROR * float(np.median(np.abs(change[fine[:, line], line] - here))) / np.sqrt(rows[line])
    others = np.delete(medians, line)[np.delete(told, line)]
    return here, abs(here) / max(1.4826 * float(np.median(np.abs(others))), own, 1e-12)
