"""Frames against positions: which supposition explains them, and whether the declared one is it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ptycho.arrays import Real
from ptycho.data.raw.beam import energy_trend
from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey
from ptycho.preflight.trials.engine import Supposition, TrialResult, run_trials
from ptycho.preflight.trials.noise import noise_level, sample_floor
from ptycho.preflight.trials.rivals import (
    DECLARED,
    NEAR_SCALES,
    ROWS,
    SHUFFLED,
    Evidence,
    evidence_of,
    first_suppositions,
    further_suppositions,
)
from ptycho.preflight.trials.words import rival_flag, rival_words

GAIN, SURE = 0.1, 5.0  # a rival explains this share more than the declared, and this many standard errors
GAIN_OF_ROWS, SURE_OF_ROWS, SURE_OF_SCALE = 0.01, 8.0, 12.0  # rows moved against each other; a scale that is near to 1
TOLD_APART = 0.02  # a gain below it, either way, leaves a rival and the declared undecided
EXPLAINED_LEAST = 0.5  # beside noise, by the declared positions
EXPLAINED_WELL = 0.65
RIVAL_LEAST = 0.4  # what a rival must explain itself to be named
PHOTONS_TO_TELL = 2e4  # a frame: with fewer, noise hides how well positions explain it
ROOM_TO_TELL = 1.9  # the shuffled scan's squared error over that of noise: with less, light does
PHOTONS_AT_ALL = 300
ENERGY_SCATTER = 0.08
SCATTER_OF_NOISE = 3.0  # times the scatter of a frame's photons: a fit to few of them follows their noise
DRIFT, DRIFT_EXPLAINED, DRIFT_SCATTER = 0.25, 0.7, 0.02
TAIL_FRAMES, TAIL_SURE, TAIL_SURE_OF_FEW = 8, 5.0, 8.0  # the last where noise hides most
MISFIT_SHARE, MISFIT_DEVIATIONS = 0.7, 4.5  # of the frame's own error when shuffled; of the logarithm, over all frames
MISFIT_NEIGHBOURS, MISFIT_ALONE = 6, 2.0  # its deviations over those that two of its nearest frames have as well
QUANTITY_GAIN = 0.2
FEWEST_FRAMES = 6
FEW_FRAMES, SURE_OF_FEW = 30, 1.0  # standard errors of few frames are themselves uncertain


@dataclass(frozen=True)
class Fit:
    """The trials of one scan, and the shares that they explain of what a shuffled scan leaves.

    ``floor`` and ``noise`` are Fourier errors that photon noise makes, of a perfect fit and of the mean frame.
    """

    trials: dict[str, TrialResult]
    floor: float
    noise: float

    @property
    def declared(self) -> TrialResult:
        """The trial of the positions as declared."""
        return self.trials[DECLARED]

    @property
    def explained(self) -> float:
        """Share of the shuffled scan's error that the declared positions take away; 1 reaches the photon floor."""
        return self.explained_by(DECLARED)

    def explained_by(self, name: str) -> float:
        """The same of any trial."""
        none, here = self.trials[SHUFFLED].error ** 2, self.trials[name].error ** 2
        return float((none - here) / max(none - self.floor**2, 1e-30))

    @property
    def explained_beside_noise(self) -> float:
        """The same, where what noise makes of the mean frame counts as explained; of use where there is room."""
        none, here = self.trials[SHUFFLED].error ** 2, self.declared.error**2
        return float((none - here) / max(none - self.noise**2, 1e-30))

    def gain(self, name: str) -> float:
        """How much more than the declared a rival explains, as a share of what the best of all does."""
        best = min(t.error for t in self.trials.values())
        worst = max(self.trials[SHUFFLED].error, self.declared.error)
        return float((self.declared.error**2 - self.trials[name].error ** 2) / max(worst**2 - best**2, 1e-30))

    def sureness(self, name: str) -> float:
        """Standard errors, over the frames, of how much less each is missed: of the logarithm, as frames differ."""
        return _standard_errors(np.log(self.declared.squared + 1e-12) - np.log(self.trials[name].squared + 1e-12))

    @property
    def room(self) -> float:
        """The shuffled scan's squared error over that of noise: what there is to explain beside it."""
        return float((self.trials[SHUFFLED].error / max(self.noise, 1e-30)) ** 2)

    def rivals(self, tell: bool) -> list[str]:
        """Those that explain surely more than the declared, the best first.

        Where noise hides most (not ``tell``), all that spread or shrink the scan, or move a part of it, are left out:
        frames that share less fit their noise better.
        """
        names = [n for n in self.trials if n not in (DECLARED, SHUFFLED) and self.explained_by(n) > RIVAL_LEAST * tell]
        names = [n for n in names if tell or n.startswith(("--", "shift"))]
        better = [n for n in names if self.gain(n) > self._bounds(n)[0] and self.sureness(n) > self._bounds(n)[1]]
        return sorted(better, key=lambda n: self.trials[n].error)

    def _bounds(self, name: str) -> tuple[float, float]:
        if name.startswith(ROWS):
            return GAIN_OF_ROWS, SURE_OF_ROWS
        return GAIN, SURE_OF_SCALE if name in NEAR_SCALES else SURE


def fit_scan(seen: Survey) -> tuple[Fit, list[Observation]]:
    """Run the trials and say what they tell."""
    found: list[Observation] = []
    evidence = evidence_of(seen)
    fit = Fit(
        _trials(evidence, first_suppositions(seen, evidence)), sample_floor(seen, evidence), noise_level(seen, evidence)
    )
    tell = _photons(seen) > PHOTONS_TO_TELL and fit.room > ROOM_TO_TELL
    if tell and not fit.rivals(tell) and fit.explained < EXPLAINED_WELL:
        more = _trials(evidence, further_suppositions(seen, evidence))
        fit = replace(fit, trials=fit.trials | {n: t for n, t in more.items() if n != DECLARED})
    if seen.quantum.kind == "unknown":
        reading = _quantity(seen, evidence)
        if reading.level == "error":  # nothing else can be told before it is mended
            return fit, [reading]
        found.append(reading)
    places = _places(seen, fit, fit.rivals(tell), tell)
    found.append(places)
    if places.level != "error" and not too_little(seen):
        found += [*_tails(seen, fit, TAIL_SURE if tell else TAIL_SURE_OF_FEW), *_energies(seen, fit)]
        if tell and not any(o.name == "trigger" for o in found):
            found += _misfits(seen, fit, evidence.places[seen.subset])
    return fit, found


def too_little(seen: Survey) -> bool:
    """Whether the frames hold too little for any trial to tell."""
    return _photons(seen) < PHOTONS_AT_ALL or len(seen.subset) < FEWEST_FRAMES


def _trials(evidence: Evidence, suppositions: Sequence[Supposition]) -> dict[str, TrialResult]:
    return {t.name: t for t in run_trials(evidence.amplitude, suppositions, evidence.mask)}


def _photons(seen: Survey) -> float:
    """Photons of a typical frame, or about as many."""
    return float(np.median(seen.photons_about))


def _standard_errors(difference: Real) -> float:
    spread = float(difference.std()) / np.sqrt(max(len(difference) - 1, 1))
    return float(difference.mean() / spread) if spread > 0 else 0.0


def _places(seen: Survey, fit: Fit, rivals: list[str], tell: bool) -> Observation:
    """Whether the declared positions explain the frames, and which others do better."""
    here, none = fit.declared.error, fit.trials[SHUFFLED].error
    words = f"a trial fit has Fourier error {here:.3f}, and {none:.3f} with shuffled positions"
    share = fit.explained_beside_noise if tell else None
    if too_little(seen):
        sentence = f"undecided: too few photons or frames to tell orientation and order; {words}"
        return Observation("positions", "info", share, EXPLAINED_LEAST, sentence)
    if rivals:
        best = rivals[0]
        words_of = rival_words(best, fit.trials[best].error, here)
        return Observation("positions", "error", fit.gain(best), GAIN, words_of, rival_flag(best, seen.config))
    sure = -fit.sureness(SHUFFLED)
    few = len(seen.subset) < FEW_FRAMES
    if few and SURE_OF_FEW < sure < SURE:
        sentence = f"undecided: {len(seen.subset)} frames are few to tell orientation and order by; {words}"
        return Observation("positions", "info", share, EXPLAINED_LEAST, sentence)
    if sure < SURE or (share is not None and not few and share < EXPLAINED_LEAST):
        sentence = (
            f"the positions do not explain the frames: {words}; frames and positions may be shuffled, in another "
            "unit, or the probe is another one"
        )
        return Observation("positions", "error", share, EXPLAINED_LEAST, sentence)
    alike = [n for n in fit.trials if n.startswith("--") and abs(fit.gain(n)) < TOLD_APART]
    also = f"; {', '.join(alike)} would do as well: undecided between them" if alike else ""
    return Observation("positions", "info", share, EXPLAINED_LEAST, f"{words}: the declared orientation wins{also}")


def _energies(seen: Survey, fit: Fit) -> Iterator[Observation]:
    """Overlapping frames must agree about how bright the beam was; a drift that the object explains is none."""
    ratio = np.log(np.maximum(fit.declared.energy_ratio, 1e-12))
    photons = _photons(seen)
    scatter = float(np.sqrt(max(ratio.var() - 1 / photons, 0.0)))
    change, explained = _course(seen)
    words = f"frames are brighter or darker by {scatter:.1%} than those that overlap them explain"
    course = f"their energies run from 1 to {np.exp(change):.2f} along a smooth course"
    if abs(change) > DRIFT and explained > DRIFT_EXPLAINED and scatter > DRIFT_SCATTER:
        sentence = f"the beam drifted: {course}, and {words}"
        yield Observation("drift", "error", scatter, DRIFT_SCATTER, sentence, "--level-energy")
    elif scatter > max(ENERGY_SCATTER, SCATTER_OF_NOISE / np.sqrt(photons)):
        sentence = f"{words}: the beam's intensity was not the same for all of them"
        yield Observation("energy_scatter", "error", scatter, ENERGY_SCATTER, sentence, "--level-energy")
    else:
        yield Observation("energy_scatter", "info", scatter, ENERGY_SCATTER, f"{words}; {course}")


def _course(seen: Survey) -> tuple[float, float]:
    """The logarithm of last over first of a smooth course of the energies, and the share of their variance it is."""
    log = np.log(seen.energy[~seen.dark])
    line = np.log(energy_trend(np.exp(log), order=1))
    return float(line[-1] - line[0]), float(line.var() / max(log.var(), 1e-300))


def _tails(seen: Survey, fit: Fit, bound: float) -> Iterator[Observation]:
    """A trigger lost in the middle: the frames after it, or before it, belong one position on."""
    for name in [n for n in fit.trials if n in ("shift -1", "shift +1")]:
        gain = np.log(fit.declared.squared + 1e-12) - np.log(fit.trials[name].squared + 1e-12)
        for part, words in ((gain, "after"), (gain[::-1], "before")):
            tail = [_standard_errors(part[k:]) for k in range(len(part) - TAIL_FRAMES + 1)]
            if tail and max(tail) > bound:
                k = int(np.argmax(tail))
                frame = int((seen.subset if words == "after" else seen.subset[::-1])[k])
                sentence = f"frames {words} {frame} belong to the position one {'later' if '+' in name else 'earlier'}"
                yield Observation("trigger", "error", max(tail), bound, f"{sentence}: a trigger was lost on the way")
                return


def _misfits(seen: Survey, fit: Fit, places: Real) -> list[Observation]:
    """Single frames that fit no better than shuffled ones, amid others that do: exchanged, garbled, or misplaced.

    ``places`` ``(S, 2)`` are where the frames of the trial lie. Where an object has its strongest detail, frames
    beside each other fit badly, and none of them is told.
    """
    if len(seen.subset) < FEW_FRAMES:
        return []
    squared = fit.declared.squared
    missed = np.log(squared / np.maximum(seen.energy[seen.subset], 1e-30) + 1e-9)
    off = missed - np.median(missed)
    deviations = off / max(1.4826 * float(np.median(np.abs(off))), 1e-9)
    share = squared / np.maximum(fit.trials[SHUFFLED].squared, 1e-30)
    _, nearest = cKDTree(places).query(places, MISFIT_NEIGHBOURS + 1)
    alone = deviations > MISFIT_ALONE * np.sort(deviations[nearest[:, 1:]], axis=1)[:, -2]
    wrong = np.flatnonzero((share > MISFIT_SHARE) & (deviations > MISFIT_DEVIATIONS) & alone)
    worst = float(deviations.max())
    if not wrong.size:
        words = f"each of the {len(off)} frames in the middle fits its position as the others do"
        return [Observation("misfits", "info", worst, MISFIT_DEVIATIONS, words)]
    first = ", ".join(str(m) for m in seen.subset[wrong][:5])
    sentence = (
        f"{len(wrong)} frames fit their positions no better than shuffled ones, while the others do (frame {first}): "
        "a position is wrong there, or the frame is another's: leave them out, with their positions"
    )
    return [Observation("misfits", "error", worst, MISFIT_DEVIATIONS, sentence)]


def _quantity(seen: Survey, evidence: Evidence) -> Observation:
    """Where no ladder of photons tells: under the true reading of the values the positions explain most."""
    A = evidence.amplitude
    declared = seen.config.quantity
    other = "amplitude" if declared == "counts" else "counts"
    readings: dict[str, Any] = {declared: A, other: A**2 if declared == "counts" else np.sqrt(A)}
    pair = [Supposition(n, p, evidence.probe) for n, p in _true_and_shuffled(seen, evidence)]
    share = {}
    for name, values in readings.items():
        here, none = run_trials(values, pair, evidence.mask)
        share[name] = 1 - (here.error / none.error) ** 2
    words = f"read as {declared} the positions explain {share[declared]:.0%} of them, as {other} {share[other]:.0%}"
    gain = share[other] - share[declared]
    if gain > QUANTITY_GAIN:
        sentence = f"the values are {other}, and were said to be {declared}: {words}"
        return Observation("quantity", "error", gain, QUANTITY_GAIN, sentence, f"--quantity {other}")
    return Observation("quantity_trial", "info", gain, QUANTITY_GAIN, words)


def _true_and_shuffled(seen: Survey, evidence: Evidence) -> list[tuple[str, Real]]:
    """The best known places, and the same shuffled."""
    at = evidence.places[seen.subset]
    return [(DECLARED, at), (SHUFFLED, np.random.default_rng(1).permutation(at))]
