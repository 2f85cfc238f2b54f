"""What the values are: counts or amplitudes, whole or not, saturated, negative, with a background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho.data.layout import centred_frames
from ptycho.data.raw.pixels import farfield
from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey

CLIPPED_RATIO = 10  # as many pixels at the largest value as ten times those in the tenth of the range below it
CLIPPED_LEAST = 8
BACKGROUND_LEAST = 0.5  # photons a pixel and frame
BACKGROUND_SHARE = 0.02
BACKGROUND_VARIES = 0.25  # relative variance of the rate in the faintest pixels: that of scattered light is about 1
BACKGROUND_OF_PROBE = 0.3
BACKGROUND_FRAMES = 16
BAD_SHARE = 0.3


def check_values(seen: Survey) -> Iterator[Observation]:
    """All findings about the frames' values, but for a background: values that are no counts look like one."""
    yield _quantity(seen)
    yield from _saturation(seen)
    yield from _not_measurements(seen)


def _quantity(seen: Survey) -> Observation:
    kind, declared, unit = seen.quantum.kind, seen.config.quantity, seen.quantum.unit
    if kind == "squares":
        sentence = "every value is the square of a whole number: the counts were squared, store the counts themselves"
        return Observation("quantity", "error", None, None, sentence, "")
    if kind == "logarithm":
        sentence = (
            "the values are logarithms, log(1 + n) of whole counts or of their roots: store the counts themselves"
        )
        return Observation("quantity", "error", None, None, sentence, "")
    if kind in ("counts", "amplitude") and kind != declared:
        what = "whole counts" if kind == "counts" else "square roots of counts"
        sentence = f"the values are {what} in units of {unit:.4g}, and were said to be {declared}"
        return Observation("quantity", "error", unit, None, sentence, f"--quantity {kind}")
    told = f"{kind} in units of {unit:.4g}" if unit else "on no ladder that photons would leave; a trial fit compares"
    return Observation("quantity", "info", unit, None, f"the values are {told}; they were said to be {declared}")


def _saturation(seen: Survey) -> Iterator[Observation]:
    at_top = centred_frames(seen.stats.at_top, seen.config) * ~seen.bad.any
    values = seen.sample
    top = float(values.max())
    clipped = int((values >= top).sum())
    below = int(((values >= 0.9 * top) & (values < top)).sum())
    found = int(at_top.sum()) or (clipped if clipped >= CLIPPED_LEAST and top > CLIPPED_LEAST * _unit(seen) else 0)
    ratio = clipped / max(below, 1) if found else 0.0
    if at_top.any() or (found and ratio > CLIPPED_RATIO):
        level = seen.stats.top if at_top.any() else top
        sentence = f"{found} values are clipped at {level:.6g}: photons beyond it were not counted"
        yield Observation("saturation", "error", ratio, CLIPPED_RATIO, sentence, "")
    else:
        yield Observation(
            "saturation", "info", ratio, CLIPPED_RATIO, f"nothing is clipped at the largest value {top:.6g}"
        )


def _unit(seen: Survey) -> float:
    return seen.quantum.unit or 0.0


def _not_measurements(seen: Survey) -> Iterator[Observation]:
    """Negative values and NaN beside those of pixels that are bad altogether."""
    good = ~seen.bad.any
    for name, counts in (("negative", seen.stats.negative), ("non_finite", seen.stats.non_finite)):
        left = int((centred_frames(counts, seen.config) * good).sum())
        if left:
            what = "negative" if name == "negative" else "not finite"
            sentence = f"{left} values of good pixels are {what}: subtract less background and set the rest to zero"
            yield Observation(name, "error", left, 0, sentence, "")


def check_background(seen: Survey) -> Iterator[Observation]:
    """A constant under all frames: where the probe shines least, counts vary as little as a constant rate's would."""
    if seen.quantum.kind != "counts" or not seen.quantum.unit or seen.config.quantity != "counts":
        return
    if seen.count < BACKGROUND_FRAMES:
        return
    unit = seen.quantum.unit
    mean, variance = (centred_frames(v, seen.config) for v in (seen.stats.mean / unit, seen.stats.variance / unit**2))
    good = ~seen.bad.any
    far = farfield(seen.scan.probe)
    far = far * (mean[good].sum() / far.sum())
    faint = good & (mean <= np.percentile(mean[good], 25))
    level = float(np.median(mean[faint]))
    varies = float(np.median(variance[faint] - mean[faint]) / max(level, 1e-12) ** 2)
    share = level * mean.size / max(float(mean[good].sum()), 1e-12)
    shone = float(np.median(far[faint])) > BACKGROUND_OF_PROBE * level
    constant = level > BACKGROUND_LEAST and varies < BACKGROUND_VARIES and not shone
    if constant and share > BACKGROUND_SHARE:
        sentence = (
            f"a constant background of {level:.3g} photons a pixel lies under all frames, {share:.0%} of the light: "
            "subtract it, with what falls below zero set to zero"
        )
        yield Observation("background", "error", share, BACKGROUND_SHARE, sentence, "")
    else:
        sentence = "no constant background lies under the frames"
        yield Observation("background", "info", share if constant else 0.0, BACKGROUND_SHARE, sentence)
