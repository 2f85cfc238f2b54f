"""The reconstruction, with a probe that is known."""

import numpy as np

from ptycho import params


def pie(Y, probe, positions):
    """The ptychographic iterative engine: the object, and the Fourier error after each iteration."""
    N = params.get("N")
    obj = np.ones(tuple(positions.max(axis=0) + N), dtype=complex)
    weight = params.get("beta") * np.conj(probe) / np.abs(probe).max() ** 2
    errors = []
    for _ in range(params.get("iterations")):
        error = 0.0
        for (r, c), measured in zip(positions, Y):
            exit_wave = obj[r : r + N, c : c + N] * probe
            wave = np.fft.fft2(exit_wave, norm="ortho")
            error += np.sum((np.abs(wave) - measured) ** 2)
            corrected = np.fft.ifft2(measured * np.exp(1j * np.angle(wave)), norm="ortho")
            obj[r : r + N, c : c + N] += weight * (corrected - exit_wave)
        errors.append(error / np.sum(Y**2))
    return obj, errors
