"""Ptychographic projections on many small canvases at once.

One update per frame, as in ePIE (Maiden & Rodenburg 2009, eqs. 2-6) or rPIE (Maiden, Johnson & Li 2017): form the
exit wave, replace its diffraction modulus by the measured one, and correct the object where the probe shone. The
canvases are independent, so a group's result does not depend on the groups beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import fft

from ptycho.arrays import Complex, Integer, Mask, Real

_TINY = 1e-30  # keeps the factor of a pixel finite where neither wave nor measurement has anything
UNSEEN = 1e-9  # of the largest modulus: below, a phase is what rounding left of zero


class Update(NamedTuple):
    """What one update saw; the next one writes into the same arrays.

    ``modulus`` ``(B, N, N)``: ``|FFT2(P O)|`` before, zero at masked pixels. ``patches`` and ``change`` ``(B, n, n)``:
    the object before, and what the measurement changed of its exit wave.
    """

    modulus: Real
    patches: Complex
    change: Complex


class Correction(NamedTuple):
    """What an exit wave's change is multiplied by to correct the object, one after the other; see ``correction``."""

    conjugate: Complex
    inverse: Complex


class Projections:
    """Canvases ``(B, H, W)`` that are corrected in place, by patches of ``n`` pixels and frames of ``N >= n``.

    Whatever an update needs is allocated once: a sweep asks for the same few arrays hundreds of times, and on many
    machines fresh memory costs more than the arithmetic.

    ``mask`` ``(N, N)``, its zero frequency at the corner: where it is False nothing was measured, and the wave keeps
    the modulus that it has. ``softness`` bounds what is made of a modulus near zero (``_replace_modulus``).
    """

    def __init__(self, canvas: Complex, n: int, N: int, mask: Mask | None = None, softness: float = 0.0) -> None:
        self.canvas, self.n, self.softness = canvas, n, softness
        self.hidden = None if mask is None else ~mask
        many, kind, real = len(canvas), canvas.dtype, canvas.real.dtype
        self._wave = np.empty((many, N, N), np.complex128)
        self._spectrum = self._wave if kind == np.complex128 else np.empty((many, N, N), kind)
        self._had, self._factor, self._spare = (np.empty((many, N, N), real) for _ in range(3))
        self._patches, self._psi, self._change = (np.empty((many, n, n), kind) for _ in range(3))

    def update(self, corners: Integer, probes: Complex, by: Correction, modulus: Real) -> Update:
        """Correct the canvases from one frame each.

        ``corners`` ``(B, 2)``: row and column of each patch's first pixel. ``probes`` ``(B, n, n)``, already shifted by
        their sub-pixel offsets, and ``by`` their ``correction``. ``modulus`` ``(B, N, N)``: measured, with the zero
        frequency at the *corner*, in units of ``FFT2(P O)``.

        The order of the arithmetic is part of what is accepted: where light is faint, a rounding grows over the sweeps.
        """
        n, patches, psi, change = self.n, self._patches, self._psi, self._change
        windows = [c[y : y + n, x : x + n] for c, (y, x) in zip(self.canvas, corners.tolist(), strict=True)]
        for patch, window in zip(patches, windows, strict=True):
            patch[...] = window
        np.multiply(probes, patches, out=psi)
        self._replace_modulus(modulus)
        np.copyto(change, self._wave[:, :n, :n], casting="same_kind")
        change -= psi
        np.multiply(by.conjugate, change, out=psi)
        psi *= by.inverse
        psi += patches
        for window, corrected in zip(windows, psi, strict=True):
            window[...] = corrected
        return Update(self._had, patches, change)

    def _replace_modulus(self, modulus: Real) -> None:
        """Put the measured modulus into the transform of ``_psi``, where the mask allows, and the wave into ``_wave``.

        ``psi`` is zero-padded to ``N``. ``_had`` becomes the modulus that it had there (else zero).

        Where the wave has next to nothing, nothing is put: a measured modulus with a phase that rounding
        chose would make every sweep depend on the FFT's last bits. The FFTs are in double precision, so
        that their own rounding lies below what single precision keeps.

        With ``softness`` e the factor ``A / |F|`` becomes ``(A |F| + e A**2) / (|F|**2 + e A**2)``. Both are 1 where
        the modulus is right. But where noise put photons on a node of the wave, whose phase is chance, the plain one
        jumps by ``2 A`` when the node moves, so that two runs apart by a rounding error part ways. The soft one leaves
        a node alone and grows smoothly around it.
        """
        n, wave, F, had, factor, spare = self.n, self._wave, self._spectrum, self._had, self._factor, self._spare
        wave[:, :n, :n], wave[:, :n, n:], wave[:, n:] = self._psi, 0, 0
        _transform(fft.fft, wave[:, :n], -1)
        _transform(fft.fft, wave, -2)
        if F is not wave:
            np.copyto(F, wave, casting="same_kind")
        np.multiply(F.real, F.real, out=had)
        np.multiply(F.imag, F.imag, out=spare)
        had += spare
        np.sqrt(had, out=had)
        if self.softness:
            np.multiply(modulus, modulus, out=spare)
            spare *= self.softness
            np.multiply(modulus, had, out=factor)
            factor += spare
            bottom = had * had
            bottom += spare
            bottom += _TINY
            factor /= bottom
        else:
            floor = UNSEEN * had.max(axis=(-2, -1), keepdims=True) + had.dtype.type(1e-12)
            np.maximum(had, floor, out=factor)
            np.divide(modulus, factor, out=factor)
        if self.hidden is not None:
            factor[:, self.hidden], had[:, self.hidden] = 1, 0
        F *= factor
        if F is not wave:
            wave[...] = F
        _transform(fft.ifft, wave, -2)
        _transform(fft.ifft, wave[:, :n], -1)


def correction(probes: Complex, step: float, damping: float = 1.0) -> Correction:
    """What corrects the object under ``probes`` ``(..., n, n)``: ``step P*``, and the inverse of the light
    ``(1 - damping) |P|**2 + damping max |P|**2``, which is one pixel where it is the same everywhere.

    ``damping`` is alpha of rPIE, eq. 12: 1 is ePIE.
    """
    intensity = probes.real**2 + probes.imag**2
    peak = _peak(intensity)
    light = peak if damping == 1 else (1 - damping) * intensity + damping * peak
    return Correction(step * probes.conj(), (1 / light).astype(probes.dtype))


def corrected_probes(probes: Complex, step: float, seen: Update) -> Complex:
    """The probes ``(B, n, n)`` after an update of the object, by ePIE's eq. 3."""
    O, change = seen.patches, seen.change  # noqa: E741 (the object, as in the paper)
    return probes + step * O.conj() * change / _peak(O.real**2 + O.imag**2)


def _peak(intensity: Real) -> Real:
    return intensity.max(axis=(-2, -1), keepdims=True)


def _transform(transform: Callable[..., Complex], array: Complex, axis: int) -> None:
    """``array`` transformed along ``axis``, in place: SciPy may do so, and need not."""
    done = transform(array, axis=axis, overwrite_x=True)
    if not np.may_share_memory(done, array):
        array[...] = done
