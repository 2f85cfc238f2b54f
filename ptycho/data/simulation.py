"""Simulation: object and probe to noisy diffraction (docs/explanation/physics.md, "Forward model")."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ptycho.arrays import Complex, Real
from ptycho.config.experiment import ObjectConfig, ProbeConfig, ScanConfig
from ptycho.config.pipeline import PipelineConfig
from ptycho.data.frames import Dataset, Frames
from ptycho.data.opening import load_probe
from ptycho.errors import ConfigError, DataError
from ptycho.optics import objects, probes
from ptycho.optics.geometry import extract_patches

_CHUNK = 128  # images held as complex fields at one time


def make_object(config: ObjectConfig) -> Complex:
    """The object that ``config`` describes, ``(size, size)`` complex64."""
    if config.kind == "lines":
        return objects.lines(config.size, config.seed)
    if config.kind == "points":
        return objects.points(config.size, config.seed)
    if config.kind == "gaussian_random_field":
        return objects.gaussian_random_field(config.size, config.seed, config.correlation_px)
    return objects.complex_field(config.size, config.seed, config.correlation_px, config.phase_std_rad)


def make_probe(config: ProbeConfig, N: int) -> Complex:
    """The normalised probe that ``config`` describes, ``(N, N)`` complex64."""
    if config.kind == "idealized":
        raw = probes.idealized(N, config.width)
    elif config.kind == "defocused":
        raw = probes.defocused(N)
    else:
        raw = probes.fourier_crop(load_probe(config.path), N)
    return probes.normalize_probe(raw, config.scale, config.mask)


def scan_positions(config: ScanConfig, size: int) -> Real:
    """Uniform random positions ``(images, 2)``: all x are drawn first, then all y."""
    rng = np.random.RandomState(config.seed)
    low, high = config.margin_px, size - config.margin_px
    x, y = rng.uniform(low, high, config.images), rng.uniform(low, high, config.images)
    return np.stack([x, y], axis=-1)


def diffraction_amplitude(exit_waves: Complex, N: int) -> Real:
    """``A = sqrt(fftshift(|FFT2(psi)|**2 / N**2))`` for ``(..., N, N)`` unshifted exit waves."""
    return np.asarray(np.abs(fft.fftshift(fft.fft2(exit_waves), axes=(-2, -1))) / N)


def detect(
    obj: Complex, probe: Complex, positions: Real, nphotons: float, rng: np.random.Generator
) -> tuple[Real, float]:
    """Diffraction amplitudes with photon noise ``(M, N, N)`` float32, and the scale ``s`` used.

    ``s = sqrt(nphotons / mean(sum |psi|**2))`` multiplies the exit wave before the photons are
    counted and is divided out afterwards, so the result is in units of ``P * O``. Raises DataError
    for a position outside the object.
    """
    N = probe.shape[-1]
    limits = np.array(obj.shape[::-1])
    outside = np.flatnonzero(((positions < 0) | (positions > limits)).any(axis=1))
    if outside.size:
        raise DataError(
            f"{outside.size} of {len(positions)} scan positions lie outside the object of {limits[0]} x {limits[1]} "
            f"pixels, the first at {positions[outside[0]].tolist()}"
        )
    amplitude = np.empty((len(positions), N, N), np.float32)
    starts = range(0, len(positions), _CHUNK)
    for i in starts:
        patches = extract_patches(obj, positions[i : i + _CHUNK], N)
        amplitude[i : i + _CHUNK] = diffraction_amplitude(patches.astype(np.complex128) * probe, N)
    energy = np.einsum("mij,mij->", amplitude, amplitude, dtype=np.float64) / len(positions)
    s = float(np.sqrt(nphotons / energy))
    for i in starts:
        rate = (s * amplitude[i : i + _CHUNK].astype(np.float64)) ** 2
        amplitude[i : i + _CHUNK] = np.sqrt(rng.poisson(rate)) / s
    return amplitude, s


def simulate_scan(config: PipelineConfig) -> Dataset:
    """The simulated data set of ``config.simulate``; raises ConfigError when there is none."""
    sim = config.simulate
    if sim is None:
        raise ConfigError("this scenario has measured data: there is nothing to simulate")
    obj = make_object(sim.object)
    probe = make_probe(sim.probe, config.N)
    positions = scan_positions(sim.scan, sim.object.size)
    rng = np.random.default_rng(sim.noise_seed)
    amplitude, s = detect(obj, probe, positions, sim.nphotons, rng)
    frames = Frames(amplitude, positions, np.arange(len(positions)))
    return Dataset(frames, probe, (obj.shape[0], obj.shape[1]), s, sim.nphotons, obj)
