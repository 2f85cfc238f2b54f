"""Trials: the same frames reconstructed under several suppositions at once, by a few sweeps each.

A supposition is a set of positions and a probe. Whichever is true explains the frames better than all
others after two sweeps; that is how orientation, scale and order of a scan are told. The update is that of
``ptycho.optics.projections`` with the probe corrected from the second sweep on; positions are rounded to
whole pixels, which costs little and halves the transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from ptycho.arrays import Complex, Integer, Mask, Real

SWEEPS = 4
STEP, PROBE_STEP, PROBE_FROM = 0.7, 0.5, 2
TRIAL_FRAMES = 100
TRIAL_SIDE = 64


@dataclass(frozen=True)
class Supposition:
    """``positions`` ``(M, 2)`` in pixels, [x, y], and the ``probe`` ``(N, N)`` that may have made the frames."""

    name: str
    positions: Real
    probe: Complex


@dataclass(frozen=True)
class TrialResult:
    """What a supposition explains: ``squared`` ``(M,)``, each frame's ``sum (A - |F|)**2`` in the last sweep.

    ``error`` is the Fourier error of the last sweep, ``energy_ratio`` ``(M,)`` the energy of each frame over the
    one that the object and the probe gave it there.
    """

    name: str
    error: float
    squared: Real
    energy_ratio: Real


def run_trials(
    amplitude: Real, suppositions: Sequence[Supposition], mask: Mask | None = None, sweeps: int = SWEEPS
) -> list[TrialResult]:
    """A trial of each supposition on frames ``(M, N, N)``, centred amplitudes; masked pixels keep the model's value."""
    A = fft.ifftshift(amplitude, axes=(-2, -1)).astype(np.float32)
    seen = np.ones(A.shape[1:], bool) if mask is None else fft.ifftshift(mask)
    M, N, _ = A.shape
    energy = np.einsum("mij,mij->m", A, A, dtype=np.float64)
    P = np.stack([h.probe for h in suppositions]).astype(np.complex64)
    P *= np.sqrt(energy.mean() / (np.abs(P) ** 2).sum((1, 2)))[:, None, None]
    corners, shape = _corners(suppositions, N)
    canvas = np.ones((len(suppositions), *shape), np.complex64)
    squared, ratio = np.zeros((len(suppositions), M)), np.zeros((len(suppositions), M))
    rng = np.random.default_rng(0)
    for sweep in range(1, sweeps + 1):
        for m in rng.permutation(M):
            windows = [c[y : y + N, x : x + N] for c, (y, x) in zip(canvas, corners[:, m], strict=True)]
            O = np.stack(windows)  # noqa: E741 (the object, as in the paper)
            psi = P * O
            F = fft.fft2(psi)
            had = np.abs(F)
            squared[:, m] = np.square(A[m] * N - had, where=seen, out=np.zeros_like(had)).sum((1, 2)) / N**2
            ratio[:, m] = energy[m] * N**2 / np.maximum(np.square(had * seen).sum((1, 2)), 1e-30)
            scale = np.where(seen, A[m] * N / np.maximum(had, 1e-6 * had.max() + 1e-30), 1)
            change = fft.ifft2(F * scale) - psi
            new = O + STEP * P.conj() * change / _brightest(P)
            if sweep >= PROBE_FROM:
                P = P + PROBE_STEP * O.conj() * change / _brightest(O)
            for window, update in zip(windows, new, strict=True):
                window[...] = update
    errors = np.sqrt(squared.sum(axis=1) / energy.sum())
    rows = zip(suppositions, errors, squared, ratio, strict=True)
    return [TrialResult(h.name, float(e), s, r) for h, e, s, r in rows]


def _corners(suppositions: Sequence[Supposition], N: int) -> tuple[Integer, tuple[int, int]]:
    """First pixel ``(B, M, 2)``, row and column, of each patch, and the canvas that holds all of them."""
    pixels = np.stack([np.rint(h.positions - h.positions.min(0)).astype(int) for h in suppositions])
    height, width = (int(pixels[..., axis].max()) + N for axis in (1, 0))
    return pixels[..., ::-1], (height, width)


def _brightest(field: Complex) -> Real:
    return np.asarray(np.max(field.real**2 + field.imag**2, axis=(-2, -1), keepdims=True))


def compact_subset(positions: Real, count: int = TRIAL_FRAMES) -> Integer:
    """The ``count`` frames nearest to the scan's middle, in their order: where positions overlap, they do there."""
    off = np.abs(positions - np.median(positions, axis=0)).max(axis=1)
    return np.sort(np.argsort(off, kind="stable")[:count])
