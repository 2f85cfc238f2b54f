"""The findings about a detector's counting: small counts cut away, noise that is shared, halves of another gain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ptycho.arrays import Mask, Real
from ptycho.data.raw.pixels import farfield
from ptycho.preflight.counting.dim import LEAST_FRAMES, dim_noise
from ptycho.preflight.counting.small import small_counts
from ptycho.preflight.counting.spectrum import NoiseSpectrum, noise_spectrum
from ptycho.preflight.counting.steps import gain_step
from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey

SPLIT_EVENLY, SPLIT = 0.8, 1.22  # mean square of a - 2b + c over 4, where a + b + c = 2; photons make 1
SPLIT_SURE, SPLIT_SPREAD, TRIPLES_LEAST = 4.0, 1.3, 400  # standard errors; the spread of one triple's; triples
MISSING_LEAST = 30  # times that the smallest count occurs
SUBTRACTED, SUBTRACTED_ZEROS = 0.1, 0.7  # what a constant background leaves: means alike beyond noise, and some zeros
SHARED, SHARED_SURE = 0.1, 4.0  # of the noise of dim pixels; its standard errors
LEVEL_LEAST = 0.1  # power over photons in the emptiest frequencies, of whole counts
BESIDE_PROBE = 0.05  # the same over the probe's own
NORMALIZED = 0.1  # variance of the frames' energies over what photons alone make
GAIN_SCORE, GAIN_LEAST = 5.0, 0.06  # times the change at other lines; of the logarithm


SHARE = {
    "frames": "each frame holds part of the one before it; frames were averaged or interpolated, or the detector keeps "
    "an afterglow",
    "pixels": "each pixel holds part of its neighbour; frames were blurred by a point spread, smoothed or resampled, "
    "or multiplied by a gain below one and rounded",
}


@dataclass(frozen=True)
class Counted:
    """The sample's intensities ``(S, n, n)`` of a survey, in photons where a ladder tells them, and its spectrum."""

    seen: Survey
    values: Real
    in_photons: bool
    spectrum: NoiseSpectrum

    @property
    def whole(self) -> bool:
        """Whether the file's values are whole counts."""
        return self.in_photons and self.seen.quantum.whole


def counted(seen: Survey) -> Counted:
    """What the checks of counting look at."""
    unit, amplitude = seen.quantum.unit, seen.config.quantity == "amplitude"
    in_photons = unit is not None and seen.quantum.kind == seen.config.quantity
    values = seen.sample / np.float32(unit) if in_photons and unit else seen.sample
    values = values**2 if amplitude else values
    values = np.rint(values) if in_photons else values
    return Counted(seen, values, in_photons, noise_spectrum(values, seen.subset, farfield(seen.scan.probe)))


def check_counting(had: Counted) -> Iterator[Observation]:
    """What frames alone tell of how they were counted."""
    cut = list(_small(had)) if had.in_photons else []
    yield from cut
    if not any(o.level == "error" for o in cut) and len(had.values) >= LEAST_FRAMES:
        yield from _noise(had)
    yield from _steps(had.seen)


def check_resolution(had: Counted) -> Iterator[Observation]:
    """Whether frames hold the finest detail that the probe itself diffracts; this trusts the file's probe."""
    if len(had.values) < LEAST_FRAMES:
        return
    ratio = had.spectrum.beside_probe
    words = f"the frames hold {ratio:.2g} times the finest detail that the probe diffracts by itself"
    if ratio < BESIDE_PROBE:
        sentence = (
            f"{words}, and no object takes it away: they were blurred by a point spread, smoothed or resampled, or the "
            "probe is another one; store the counts as they were recorded"
        )
        yield Observation("blur", "error", ratio, BESIDE_PROBE, sentence)
    else:
        yield Observation("blur", "info", ratio, BESIDE_PROBE, words)


def _small(had: Counted) -> Iterator[Observation]:
    known = ~had.seen.bad.any & (had.seen.mean > 0)  # rows that are zero in all frames split nothing
    small = small_counts(had.values, known)
    if small.missing and small.above >= MISSING_LEAST:
        first = small.missing + 1
        sentence = (
            f"counts from 1 to {small.missing} never occur, and {first} does {small.above} times: what was below "
            f"{first} was set to zero, and the dim light with it; store the counts as they were recorded"
        )
        yield Observation("small_counts", "error", small.missing, 0, sentence)
        return
    if small.triples < TRIPLES_LEAST:
        words = "too few dim pixels hold photons to tell whether small counts were cut away"
        yield Observation("small_counts", "info", None, SPLIT, words)
        return
    error = SPLIT_SPREAD / np.sqrt(small.triples)
    words = f"two photons on three neighbouring pixels split {small.split:.2f} times as unevenly as photons do"
    if small.split > SPLIT + SPLIT_SURE * error and not _constant(had.values, known):
        sentence = (
            f"a constant was subtracted, and what fell below zero set to zero, where no such background lay: {words}; "
            "store the counts as they were recorded"
        )
        yield Observation("small_counts", "error", small.split, SPLIT, sentence)
    elif small.split < SPLIT_EVENLY - SPLIT_SURE * error:
        sentence = f"the counts were smoothed or rounded: {words}; store them as they were recorded"
        yield Observation("small_counts", "error", small.split, SPLIT_EVENLY, sentence)
    else:
        yield Observation("small_counts", "info", small.split, SPLIT, words)


def _constant(photons: Real, known: Mask) -> bool:
    """Whether the faintest pixels hold what a constant background leaves when it is subtracted: as much in each."""
    mean = photons.mean(axis=0, dtype=np.float64)
    faint = known & (mean <= np.percentile(mean[known], 25))
    level = float(np.median(mean[faint]))
    if level <= 0:
        return False
    spread = float(np.subtract(*np.percentile(mean[faint], (90, 10)))) / level
    noise = 2.56 * float(np.sqrt(photons[:, faint].var(dtype=np.float64) / len(photons))) / level
    zeros = float((photons[:, faint] == 0).mean())
    return spread < noise + SUBTRACTED and zeros < SUBTRACTED_ZEROS


def _noise(had: Counted) -> Iterator[Observation]:
    """Noise that neighbours or consecutive frames have in common, or that is less than photons make."""
    level, seen = had.spectrum.level, had.seen
    if had.whole and level < LEVEL_LEAST:
        sentence = (
            f"the counts vary {level:.2g} times as much as photons do from pixel to pixel: frames were blurred, "
            "smoothed or resampled, or the values are rounded amplitudes; store the counts as they were recorded"
        )
        yield Observation("noise", "error", level, LEVEL_LEAST, sentence)
        return
    dim = dim_noise(had.values, ~seen.bad.any, seen.subset, 1.0 if had.in_photons else None, had.whole)
    between = {"frames": dim.between_frames, "pixels": dim.between_pixels} if dim else {}
    if between.get("frames") is None and had.in_photons and not had.whole and had.spectrum.step is not None:
        between["frames"] = 1 - had.spectrum.step
    shared = {name: share for name, share in between.items() if share is not None}
    name = max(shared, key=lambda n: shared[n], default="")
    sure = dim is None or shared.get(name, 0.0) > SHARED_SURE / np.sqrt(dim.photons)
    if name and shared[name] > SHARED and sure:
        sentence = f"{shared[name]:.0%} of the photons' noise is shared between neighbouring {name}: {SHARE[name]}"
        yield Observation("noise", "error", shared[name], SHARED, sentence)
    elif name:
        words = "photons' noise is independent in neighbouring pixels and frames"
        yield Observation("noise", "info", shared[name], SHARED, words)
    else:
        yield Observation("noise", "info", None, SHARED, "no pixels are dim enough to tell photons' noise from light")
    if dim is not None:
        yield from _normalized(seen, dim.unit * (float(seen.energy.mean()) / float(had.values.sum(axis=(1, 2)).mean())))


def _normalized(seen: Survey, photon: float) -> Iterator[Observation]:
    """Energies that vary less than photons make them: each frame was divided by its own sum or by its monitor."""
    energy = seen.energy[~seen.dark]
    ratio = float(energy.var() / max(photon * float(energy.mean()), 1e-300))
    if ratio < NORMALIZED:
        sentence = (
            f"the frames' sums vary {ratio:.2g} times as much as photons alone make them: each was divided by its own "
            "sum, which takes away what the object absorbs; store the counts as they were recorded"
        )
        yield Observation("normalized", "error", ratio, NORMALIZED, sentence)


def _steps(seen: Survey) -> Iterator[Observation]:
    step = gain_step(
        seen.mean, ~seen.bad.any, seen.count, float(seen.energy.sum() / max(seen.photons_about.sum(), 1e-300))
    )
    if step is None:
        return
    words = f"across the middle of the frames the mean changes by a factor of {np.exp(step.change):.3f} {step.where}"
    if step.score > GAIN_SCORE and abs(step.change) > GAIN_LEAST:
        sentence = (
            f"{words}, {step.score:.1f} times what it does elsewhere: a half or a quadrant of the detector has another "
            "gain; divide by it"
        )
        yield Observation("gain_step", "error", step.score, GAIN_SCORE, sentence)
    else:
        yield Observation("gain_step", "info", step.score, GAIN_SCORE, words)
