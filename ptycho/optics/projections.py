"""Ptychographic projections on many small canvases at once.

One update per frame, as in ePIE (Maiden & Rodenburg 2009, eqs. 2-6) or rPIE (Maiden, Johnson & Li 2017): form the
exit wave, replace its diffraction modulus by the measured one, and correct the object where the probe shone. The
canvases are independent, so a group's result does not depend on the groups beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

from ptycho.arrays import Complex, Integer, Mask, Real

_TINY = 1e-30  # keeps the factor of a pixel finite where neither wave nor measurement has anything
UNSEEN = 1e-9  # of the largest modulus: below, a phase is what rounding left of zero


def projection_sweep(
    canvas: Complex,
    probes: Complex,
    corners: Integer,
    amplitude: Real,
    step: float,
    order: Integer | None = None,
    probe_step: float = 0.0,
    mask: Mask | None = None,
    damping: float = 1.0,
    softness: float = 0.0,
) -> tuple[float, float]:
    """Update ``canvas`` in place from every frame once; returns ``(sum (A - |F|)**2, sum A**2)``.

    ``canvas`` ``(B, H, W)``; ``probes`` ``(B, C, n, n)``, each already shifted by its sub-pixel
    offset and corrected too when ``probe_step`` is positive; ``corners`` ``(B, C, 2)``: row and
    column of each patch's first pixel; ``amplitude`` ``(B, C, N, N)`` with ``n <= N``: diffraction
    amplitudes with the zero frequency at the *corner*, in units of ``FFT2(P O) / N``. ``order``:
    in which order the frames are used. ``mask`` ``(N, N)``, its zero frequency at the corner too: where it
    is False nothing was measured, the wave keeps the modulus that it has, and neither sum counts it.

    ``damping`` weighs the peak of ``|P|**2`` against ``|P|**2`` itself in the denominator of the object's update
    (alpha of rPIE, eq. 12): 1 is ePIE. ``softness`` bounds what is made of a modulus near zero (``_with_modulus``).
    """
    B, C, n, _ = probes.shape
    N = amplitude.shape[-1]
    batch, windows = np.arange(B), sliding_window_view(canvas, (n, n), axis=(1, 2), writeable=True)
    error = energy = 0.0
    for c in range(C) if order is None else order:
        P, A = probes[:, c], amplitude[:, c].astype(canvas.real.dtype, copy=False) * N
        here = (batch, corners[:, c, 0], corners[:, c, 1])
        O = windows[here]  # noqa: E741 (the object, as in the paper)
        psi = P * O
        corrected, had = _with_modulus(psi, A, N, mask, softness)
        error += float(np.sum((A - had) ** 2)) / N**2
        energy += float(np.sum(A**2)) / N**2
        change = corrected - psi
        windows[here] = O + step * P.conj() * change / _denominator(P, damping)
        if probe_step:
            probes[:, c] = P + probe_step * O.conj() * change / _peak(O)
    return error, energy


def _with_modulus(psi: Complex, modulus: Real, N: int, mask: Mask | None, softness: float) -> tuple[Complex, Real]:
    """``psi`` with its Fourier modulus replaced where ``mask`` allows, and the modulus it had there (else zero).

    ``psi`` is zero-padded to ``N``.

    Where ``psi`` has next to nothing, nothing is put: a measured modulus with a phase that rounding
    chose would make every sweep depend on the FFT's last bits. The FFTs are in double precision, so
    that their own rounding lies below what single precision keeps.

    With ``softness`` e the factor ``A / |F|`` becomes ``(A |F| + e A**2) / (|F|**2 + e A**2)``. Both are 1 where the
    modulus is right. But where noise put photons on a node of the wave, whose phase is chance, the plain one jumps
    by ``2 A`` when the node moves, so that two runs apart by a rounding error part ways. The soft one leaves a
    node alone and grows smoothly around it.
    """
    n, kept, double = psi.shape[-1], psi.dtype, np.complex128
    F = fft.fft(fft.fft(psi.astype(double, copy=False), N, axis=-1), N, axis=-2).astype(kept, copy=False)
    had = np.sqrt(F.real**2 + F.imag**2)
    if softness:
        soft = softness * modulus**2
        factor = (modulus * had + soft) / (had**2 + soft + _TINY)
    else:
        factor = modulus / np.maximum(had, UNSEEN * had.max(axis=(-2, -1), keepdims=True) + 1e-12)
    if mask is not None:
        factor, had = np.where(mask, factor, factor.dtype.type(1)), np.where(mask, had, had.dtype.type(0))
    F *= factor
    back = fft.ifft(fft.ifft(F.astype(double, copy=False), axis=-2)[..., :n, :], axis=-1)[..., :n]
    return back.astype(kept, copy=False), had


def _denominator(field: Complex, damping: float) -> Real:
    """``(1 - damping) |field|**2 + damping max |field|**2``."""
    peak = _peak(field)
    return peak if damping == 1 else (1 - damping) * (field.real**2 + field.imag**2) + damping * peak


def _peak(field: Complex) -> Real:
    """The largest intensity of each field, ``(B, 1, 1)``."""
    return np.max(field.real**2 + field.imag**2, axis=(-2, -1), keepdims=True)
