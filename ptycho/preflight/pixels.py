"""The detector: what its bad pixels are, where the beam lies on it, and what a crop leaves out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import fft

from ptycho.arrays import Integer
from ptycho.data.raw.pixels import farfield
from ptycho.optics.probes import LEAST_SEEN
from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey

REASONS = {
    "flagged": "at their type's largest value",
    "negative": "negative in most frames",
    "non_finite": "not finite in most frames",
    "stuck": "constant over all frames",
    "hot": "far brighter than all around them",
    "dead": "zero in all frames amid light, as in a gap between modules or behind a beamstop",
}
MASKED_SHARE = 0.25
LOST_SHARE = 0.1
OFF_CENTRE_SHARE = 1 / 16


def check_detector(seen: Survey) -> Iterator[Observation]:
    """All findings about the detector."""
    declared = int(seen.bad.declared.sum())
    if declared:
        sentence = f"{declared} pixels are masked by the file or by --mask, and take no part in anything"
        yield Observation("pixels_declared", "info", declared, 0, sentence)
    for reason, words in REASONS.items():
        count = int(getattr(seen.bad, reason).sum())
        if count:
            sentence = f"{count} pixels are {words}; they are masked, and take no part in anything"
            yield Observation(f"pixels_{reason}", "warning", count, 0, sentence)
    share = float(seen.bad.found[~seen.bad.declared].mean())
    if share > MASKED_SHARE:
        sentence = f"{share:.0%} of the detector measures nothing, too much to trust the rest"
        yield Observation("masked_share", "error", share, MASKED_SHARE, sentence)
    far = farfield(seen.scan.probe)
    hidden = float(far[seen.bad.any].sum() / far.sum())
    if hidden > 1 - LEAST_SEEN:
        sentence = f"{hidden:.1%} of what the probe itself diffracts is masked, so that no amplitude can be told"
        yield Observation("masked_light", "error", hidden, 1 - LEAST_SEEN, sentence)
    yield from _centre(seen)
    yield from _crop(seen)


def _centre(seen: Survey) -> Iterator[Observation]:
    """Which declaration puts the light in the middle, and how far it lies off where the probe has it."""
    n = seen.side
    far = farfield(seen.scan.probe)
    here, there = (_overlap(image, far) for image in (seen.mean, np.fft.fftshift(seen.mean)))
    declared, other = ("centred", "corner") if seen.config.centred else ("corner", "centred")
    if there > 2 * here:
        sentence = f"the light lies as it does in frames of the kind {other}, and they were said to be {declared}"
        yield Observation("centre", "error", here / there, 0.5, sentence, f"--{other}")
        return
    off = float(np.abs(beam_offset(seen)).max())
    bound = OFF_CENTRE_SHARE * n
    if off > bound:
        sentence = (
            f"the beam's centre lies {off:.0f} px off the middle of the frames, where the probe has it: shift them"
        )
        yield Observation("centre", "error", off, bound, sentence)
    else:
        yield Observation("centre", "info", off, bound, f"the beam lies within {off:.0f} px of where the probe has it")


def beam_offset(seen: Survey) -> Integer:
    """Whole pixels ``(2,)``, rows and columns, by which the mean frame lies off the probe's far field."""
    cross = fft.ifft2(fft.fft2(seen.mean) * fft.fft2(farfield(seen.scan.probe)).conj()).real
    peak = np.array(np.unravel_index(int(np.argmax(cross)), cross.shape))
    return np.asarray((peak + seen.side // 2) % seen.side - seen.side // 2)


def _overlap(a: object, b: object) -> float:
    x, y = (np.sqrt(np.asarray(v, float)) for v in (a, b))
    return float((x * y).sum() / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-300))


def _crop(seen: Survey) -> Iterator[Observation]:
    if seen.side <= seen.N or not seen.N:
        return
    start = (seen.side - seen.N) // 2
    cut = slice(start, start + seen.N)
    lost = float(1 - seen.mean[cut, cut].sum() / seen.mean.sum())
    sizes = [n for n in (128, 256) if seen.N < n <= seen.side]
    flag = f"--set N={sizes[0]}" if sizes else ""
    sentence = f"{lost:.1%} of the photons lie outside the central {seen.N} of {seen.side} pixels"
    if lost > LOST_SHARE:
        yield Observation("crop", "error", lost, LOST_SHARE, f"{sentence} and would be thrown away", flag)
    else:
        yield Observation("crop", "info", lost, LOST_SHARE, sentence)
