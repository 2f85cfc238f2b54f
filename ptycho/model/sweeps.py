"""The sweeps behind the network's first estimate, computed by the Keras backend where it computes all else.

The same updates as ``ptycho.optics.projections`` makes in NumPy, its reference in tests, for all groups of a batch at
once. Everything is float32, the transforms too, so that an accelerator is as fast as it can be; NumPy's are in double
precision. A complex field is a pair of tensors, as in ``ptycho.model.physics``.
"""

from __future__ import annotations

import numpy as np

from ptycho.arrays import Complex
from ptycho.model import physics
from ptycho.model.backend import ops, repeated
from ptycho.model.physics import Pair, Tensor
from ptycho.model.precision import Float32Model

_UNSEEN = 1e-6  # of the largest modulus: below, float32 has left nothing of a phase
_TINY = 1e-12  # keeps the factor of an image of nothing finite


class Sweeps(Float32Model):
    """Groups' amplitudes to their estimates; it has no weights, and compiles like any model.

    ``probe`` ``(N, N)``; ``window``: side of the part of a patch that is estimated; ``side``: of a group's canvas,
    which is flat at ``start``; ``count`` sweeps, and ``momentum`` of the canvas between them.
    """

    def __init__(self, probe: Complex, window: int, side: int, *, start: float, count: int, momentum: float) -> None:
        super().__init__()
        self.N, self.window, self.side = probe.shape[-1], window, side
        self.start, self.count, self.momentum = start, count, momentum
        spectrum = np.fft.fft2(probe.astype(np.complex128))
        self.spectrum = spectrum.real.astype(np.float32), spectrum.imag.astype(np.float32)
        self.frequencies = np.fft.fftfreq(self.N).astype(np.float32)
        self.built = True

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> Tensor:
        """``(B, C, 4, w, w)``: real and imaginary part of every patch, and what the last sweep changed of both.

        ``inputs``: ``diffraction`` ``(B, C, N, N)`` in square roots of photons, ``offsets`` ``(B, C, 2)``, and ``mask``
        ``(B, N, N)`` where the detector has masked pixels.
        """
        offsets = inputs["offsets"]
        shifts = ops.round(offsets)
        matrices = physics.interpolation(shifts, self.window, self.side)
        probes = self._moved_probes(offsets - shifts)
        half = (self.N // 2, self.N // 2)
        modulus = self.N * ops.roll(inputs["diffraction"], half, axis=(-2, -1))
        valid = None if "mask" not in inputs else ops.roll(inputs["mask"], half, axis=(-2, -1))[:, None] > 0
        nothing = ops.zeros_like(offsets[:, :1, :1]) + ops.zeros((self.side, self.side))

        def sweep(_: Tensor, state: tuple[Pair, Pair, Pair]) -> tuple[Pair, Pair, Pair]:
            moved, _, velocity = state
            before = _plus(moved, velocity, self.momentum)
            after = self._swept(before, probes, modulus, valid, matrices)
            change = _plus(after, before, -1.0)
            return after, change, _plus(change, velocity, self.momentum)

        flat = (nothing + self.start, nothing)
        canvas, change, _ = repeated(self.count, sweep, (flat, (nothing, nothing), (nothing, nothing)))
        return ops.stack([physics.cut_windows(part, matrices) for part in (*canvas, *change)], axis=2)

    def _swept(self, canvas: Pair, probes: Pair, modulus: Tensor, valid: Tensor | None, matrices: Pair) -> Pair:
        """The canvases ``(B, M, M)`` after one update by each frame in turn, as ePIE has it."""
        peak = ops.max(physics.squared_modulus(probes), axis=(-2, -1), keepdims=True)
        for c in range(modulus.shape[1]):
            here = matrices[0][:, c : c + 1], matrices[1][:, c : c + 1]
            probe = probes[0][:, c : c + 1], probes[1][:, c : c + 1]
            psi = physics.multiply(probe, tuple(physics.cut_windows(part, here) for part in canvas))
            change = _plus(self._with_modulus(psi, modulus[:, c : c + 1], valid), psi, -1.0)
            corrected = physics.multiply((probe[0], -probe[1]), change)
            moved = (physics.place_windows(part / peak[:, c : c + 1], here) for part in corrected)
            canvas = tuple(part + by for part, by in zip(canvas, moved, strict=True))
        return canvas

    def _with_modulus(self, psi: Pair, modulus: Tensor, valid: Tensor | None) -> Pair:
        """Exit waves ``(B, 1, w, w)`` with the measured modulus ``(B, 1, N, N)`` where it is valid."""
        w = self.window
        field = physics.padded_transform(psi, self.N)
        had = ops.sqrt(physics.squared_modulus(field))
        factor = modulus / ops.maximum(had, _UNSEEN * ops.max(had, axis=(-2, -1), keepdims=True) + _TINY)
        if valid is not None:
            factor = ops.where(valid, factor, 1.0)
        real, imaginary = _inverse((field[0] * factor, field[1] * factor), self.N)
        return real[..., :w, :w], imaginary[..., :w, :w]

    def _moved_probes(self, offsets: Tensor) -> Pair:
        """The probe's window ``(B, C, w, w)`` moved by sub-pixel ``offsets`` ``(B, C, 2)``, by Fourier phase."""
        x, y = offsets[..., 0, None, None], offsets[..., 1, None, None]
        f, *spectrum = (ops.convert_to_tensor(array) for array in (self.frequencies, *self.spectrum))
        angle = (-2 * np.pi) * (y * f[:, None] + x * f[None, :])
        moved = _inverse(physics.multiply(tuple(spectrum), (ops.cos(angle), ops.sin(angle))), self.N)
        crop = slice((self.N - self.window) // 2, (self.N + self.window) // 2)
        return moved[0][..., crop, crop], moved[1][..., crop, crop]


def _plus(a: Pair, b: Pair, times: float) -> Pair:
    """``a + times b``."""
    return a[0] + times * b[0], a[1] + times * b[1]


def _inverse(field: Pair, N: int) -> Pair:
    """The inverse transform by the forward one, which every Keras has: ``conj(FFT2(conj F)) / N**2``."""
    real, imaginary = ops.fft2((field[0], -field[1]))
    return real / N**2, imaginary / -(N**2)
