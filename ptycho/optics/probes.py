"""Probes: the illumination, as ``(N, N)`` complex64 arrays centred on the patch.

The centre is between pixels (pixel centres at half-integers), as in docs/explanation/physics.md, "Conformance figures".
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from ptycho.arrays import Complex, Mask, Real
from ptycho.errors import DataError

LEAST_SEEN = 0.1  # of the energy of the probe's own diffraction, in valid pixels


def idealized(N: int, width: float = 0.7) -> Complex:
    """A smooth disk: the outer product of two Gaussians cut at half maximum, blurred by 1 px.

    ``width`` sets the Gaussians' standard deviation, ``N / (width * pi**2)`` pixels.
    """
    profile = np.exp(-0.5 * (_axis(N) * width * np.pi**2 / N) ** 2)
    profile /= profile.max()
    disk = np.outer(profile, profile) > 0.5
    return (gaussian_filter(disk.astype(float), 1.0) + 1e-9).astype(np.complex64)


def defocused(N: int) -> Complex:
    """A generated stand-in for a measured probe: an annular pupil, defocused and astigmatic.

    The aberrations grow with ``N``, so that the beam fills about half of any patch. It has no
    symmetry that could hide a flipped axis.
    """
    u = _axis(N) / (N / 4)
    x, y = u[None, :], u[:, None]
    radius2 = x**2 + y**2
    pupil = gaussian_filter(((radius2 < 1.0) & (radius2 > 0.06)).astype(float), 0.7)
    defocus, astigmatism, coma = 12.0 * radius2, 2.0 * x * y, x * (3 * radius2 - 2)
    phase = (defocus + astigmatism + coma) * N / 64  # radians at the pupil's edge, for N = 64
    return to_real_space(pupil * np.exp(1j * phase)).astype(np.complex64)


def fourier_crop(probe: Complex, N: int) -> Complex:
    """The probe on a grid of ``N`` pixels over the same extent: its central spatial frequencies.

    Pixel ``n/2`` stays where it is, which moves a probe centred between pixels by a quarter pixel:
    a gauge that the object takes up. Raises DataError when the probe is smaller than ``N``.
    """
    side = probe.shape[-1]
    if side < N:
        raise DataError(f"the probe has {side} pixels a side, which cannot be cropped to N = {N}")
    start = (side - N) // 2
    spectrum = fft.fftshift(fft.fft2(fft.ifftshift(probe.astype(np.complex128))))
    return to_real_space(spectrum[start : start + N, start : start + N]).astype(np.complex64)


def to_real_space(spectrum: Complex) -> Complex:
    """Inverse transform of a centred spectrum into a centred field."""
    return np.asarray(fft.fftshift(fft.ifft2(fft.ifftshift(spectrum))))


def circular_mask(N: int) -> Mask:
    """Pixels closer to the centre than ``N // 4``."""
    axis = _axis(N)
    return np.hypot(axis[:, None], axis[None, :]) < N // 4


def normalize_probe(probe: Complex, scale: float, mask: bool) -> Complex:
    """The probe divided by ``scale * mean(|P * mask|)``, and masked when ``mask`` is set.

    With ``scale`` 10 the mean amplitude over the patch becomes 0.1.
    """
    shape = circular_mask(probe.shape[-1]) if mask else np.ones(probe.shape, bool)
    masked = np.where(shape, probe, 0).astype(np.complex128)
    return (masked / (scale * np.abs(masked).mean())).astype(np.complex64)


def incoherent_modes(probe: Complex, shares: tuple[float, ...]) -> Complex:
    """Modes ``(1 + K, N, N)`` of a partially coherent beam that has the probe's energy, the first of its shape.

    ``shares`` ``(K,)`` are those of the further modes; they look like the probe with a node down its middle,
    then across it, and are orthogonal to all before, as modes of a beam are (Thibault & Menzel 2013).
    """
    first = probe.astype(np.complex128)
    norm = np.linalg.norm(first)
    modes = [first / norm]
    axis = _axis(probe.shape[-1])
    for node in (axis[None, :], axis[:, None])[: len(shares)]:
        mode = node * modes[0]
        for other in modes:
            mode = mode - other * np.vdot(other, mode)
        modes.append(mode / np.linalg.norm(mode))
    powers = np.sqrt([1 - sum(shares), *shares])
    return (norm * powers[:, None, None] * np.stack(modes)).astype(np.complex64)


def shift_probe(probe: Complex, offsets: Real) -> Complex:
    """Copies of the probe moved by sub-pixel ``offsets`` ``(..., 2)`` in ``[x, y]``, by Fourier phase; complex128."""
    f = fft.fftfreq(probe.shape[-1])
    x, y = offsets[..., 0, None], offsets[..., 1, None]
    ramp = np.exp(-2j * np.pi * y * f)[..., :, None] * np.exp(-2j * np.pi * x * f)[..., None, :]
    return np.asarray(fft.ifft2(fft.fft2(probe.astype(np.complex128)) * ramp))


def seen_norm(probe: Complex, mask: Mask | None) -> float:
    """``||P||`` as the detector sees it: ``sqrt(sum |FFT2(P)|**2) / N`` over the valid pixels of ``mask``.

    Without a mask that is ``||P||`` itself, by Parseval. Data whose frames have the energy ``E`` in their valid
    pixels come from an object of about the amplitude ``sqrt(E) / seen_norm``, flat as far as its scale is
    concerned. Raises DataError where less than ``LEAST_SEEN`` of the probe's own diffraction is seen, as
    behind a beamstop: then the data do not tell that scale.
    """
    wide = probe.astype(np.complex128)
    norm = float(np.linalg.norm(wide))
    if mask is None:
        return norm
    seen = float(np.linalg.norm(fft.fftshift(fft.fft2(wide))[mask]) / probe.shape[-1])
    if seen**2 < LEAST_SEEN * norm**2:
        raise DataError(
            f"the detector mask hides {1 - (seen / norm) ** 2:.1%} of what the probe itself diffracts, so the object's "
            f"amplitude cannot be told: unmask the middle of the frames (True is for valid pixels), "
            f"at least {LEAST_SEEN:.0%} must be seen"
        )
    return seen


def rms_width(probe: Complex) -> float:
    """Root-mean-square radius of ``|P|**2`` about its centre of mass, pixels."""
    share = np.abs(probe) ** 2 / np.sum(np.abs(probe) ** 2)
    rows, columns = np.indices(probe.shape)
    y, x = (share * rows).sum(), (share * columns).sum()
    return float(np.sqrt((share * ((rows - y) ** 2 + (columns - x) ** 2)).sum()))


def window_energy(probe: Complex, window: int) -> float:
    """Share of the probe's energy in its central ``window`` x ``window`` pixels."""
    N = probe.shape[-1]
    cut = slice((N - window) // 2, (N + window) // 2)
    return float(np.sum(np.abs(probe[cut, cut]) ** 2) / np.sum(np.abs(probe) ** 2))


def _axis(N: int) -> Real:
    return np.arange(N) - (N - 1) / 2
