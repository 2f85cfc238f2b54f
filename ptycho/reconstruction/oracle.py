"""The built-in reference reconstruction: ePIE on the whole scan (docs/explanation/physics.md, "The oracle").

It knows nothing of networks, gains or groups, so it tells what quality the data allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.config.pipeline import ReferenceConfig
from ptycho.data.frames import Frames
from ptycho.optics import probes
from ptycho.optics.projections import Correction, Projections, corrected_probes, correction

_KEPT_BYTES = 512 * 2**20  # of illuminations that are kept between sweeps


@dataclass(frozen=True)
class Iterate:
    """The state after one sweep: the object on the whole grid, the probe, and the Fourier error.

    ``probe`` is ``(N, N)``, or ``(K, N, N)`` for incoherent modes. ``positions`` ``(M, 2)`` are those that an engine
    corrected, and ``levels`` ``(M,)`` the factors of the frames' amplitudes that it found, ``mean(levels**2) = 1``;
    None where it takes both as they are given.
    """

    sweep: int
    object: Complex
    probe: Complex
    fourier_error: float
    positions: Real | None = None
    levels: Real | None = None


def epie(frames: Frames, probe: Complex, shape: tuple[int, int], config: ReferenceConfig) -> Iterator[Iterate]:
    """Yield an ``Iterate`` after every sweep over the frames, in a seeded random order.

    The object starts flat at the amplitude that the data's energy demands,
    ``sqrt(mean sum A**2) / ||P||`` (as far as the detector sees either). The probe is shifted by Fourier phase for
    sub-pixel positions.
    ``damping`` and ``softness`` make it rPIE, and calm (``ptycho.optics.projections``); 1 and 0 are ePIE.
    With ``update_probe_from`` the probe is corrected from that sweep on (measured data) and keeps
    its energy.
    The Fourier error is ``sqrt(sum (A - |F|)**2 / sum A**2)``, each frame taken before its update. Masked
    pixels keep the modulus that the object predicts, and count nowhere.
    """
    N = probe.shape[-1]
    probe = probe.astype(np.complex128)
    energies = frames.energy()
    start = float(np.sqrt(energies.mean()) / probes.seen_norm(probe, frames.mask))
    margin = N
    energy_norm = np.linalg.norm(probe)
    canvas = np.full((1, shape[0] + 2 * margin, shape[1] + 2 * margin), start, np.complex128)
    pixel = np.rint(frames.positions).astype(int)
    fraction = frames.positions - pixel
    corners = (pixel[None, :, ::-1] - N // 2 + margin).astype(int)
    rng = np.random.default_rng(config.seed)
    inside = (slice(margin, -margin), slice(margin, -margin))
    A = np.fft.ifftshift(frames.diffraction, axes=(-2, -1))
    mask = None if frames.mask is None else np.fft.ifftshift(frames.mask)
    projections = Projections(canvas, N, N, mask, config.softness)
    energy = float(energies.sum())

    def illumination(m: int) -> tuple[Complex, Correction]:
        """The probe at a frame, and what corrects the object there: three arrays ``(1, N, N)`` at most."""
        at = probes.shift_probe(probe, fraction[m])[None]
        return at, correction(at, config.step, config.damping)

    kept = lru_cache(_KEPT_BYTES // (3 * probe.nbytes))(illumination)  # while the probe is as it was given
    for number in range(1, config.sweeps + 1):
        updating = 0 < config.update_probe_from <= number
        error = 0.0
        for m in rng.permutation(len(frames)):
            P, by = illumination(m) if updating else kept(m)
            modulus = N * A[m : m + 1].astype(np.float64)
            seen = projections.update(corners[:, m], P, by, modulus)
            error += float(np.sum((modulus - seen.modulus) ** 2)) / N**2
            if updating:
                probe = probes.shift_probe(corrected_probes(P, config.step, seen)[0], -fraction[m])
        if updating:  # the probe keeps its energy, so that the object's scale means something
            factor = np.linalg.norm(probe) / energy_norm
            probe = probe / factor
            canvas *= factor
        obj = canvas[0][inside].astype(np.complex64)
        yield Iterate(number, obj, probe.astype(np.complex64), float(np.sqrt(error / energy)))


def fourier_error(
    obj: Complex, probe: Complex, frames: Frames, positions: Real | None = None, levels: Real | None = None
) -> float:
    """``sqrt(sum (A - l |FFT2(P O)| / N)**2 / sum A**2)`` of an object in object units, over all frames' valid pixels.

    The probe is shifted by Fourier phase, so the figure is comparable with the oracle's own. Modes ``(K, N, N)`` add
    their intensities. ``positions`` and ``levels`` l ``(M,)`` stand for the frames' own, and for 1, where given.
    """
    at = frames if positions is None else replace(frames, positions=positions)
    factors = np.ones(len(frames)) if levels is None else levels
    pairs = zip(factors, amplitudes(obj, probe, at), strict=True)
    error = sum(float(np.sum((A - level * had) ** 2)) for level, (A, had) in pairs)
    return float(np.sqrt(error / frames.energy().sum()))


def diffracted_energy(obj: Complex, probe: Complex, frames: Frames) -> float:
    """Mean ``sum |FFT2(P O)|**2 / N**2`` of an object's exit waves at the frames' positions, over valid pixels."""
    return float(np.mean([np.sum(had**2) for _, had in amplitudes(obj, probe, frames)]))


def amplitudes(obj: Complex, probe: Complex, frames: Frames) -> Iterator[tuple[Real, Real]]:
    """Every frame's amplitude ``(N, N)``, and the one that object and probe predict; both zero at masked pixels.

    ``probe`` is ``(N, N)``, or ``(K, N, N)`` for incoherent modes, whose intensities add.
    """
    N = probe.shape[-1]
    modes = probe.reshape(-1, N, N)
    pixel = np.rint(frames.positions).astype(int)
    fraction = frames.positions - pixel
    padded = np.pad(obj, N)
    for m, (x, y) in enumerate(pixel):
        patch = padded[y + N // 2 : y + 3 * N // 2, x + N // 2 : x + 3 * N // 2]
        waves = [np.abs(np.fft.fft2(patch * probes.shift_probe(mode, fraction[m]))) for mode in modes]
        modulus = waves[0] if len(waves) == 1 else np.sqrt(sum(wave**2 for wave in waves))
        had = np.fft.fftshift(modulus) / N
        yield frames.diffraction[m], had if frames.mask is None else np.where(frames.mask, had, 0.0)
