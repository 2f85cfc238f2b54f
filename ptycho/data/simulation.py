"""Simulation: object and probe to noisy diffraction (docs/explanation/physics.md, "Forward model")."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.experiment import DetectorConfig, ObjectConfig, ProbeConfig, ScanConfig
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.validation import require
from ptycho.data.frames import Dataset, Frames
from ptycho.data.opening import load_probe
from ptycho.data.photons import poisson_quantile
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
    if config.kind == "opaque_star":
        return objects.opaque_star(config.size, config.transmission)
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


def make_modes(probe: Complex, config: ProbeConfig) -> Complex:
    """The probe itself, or ``(K, N, N)`` incoherent modes of its energy, as ``config`` shares the light out."""
    shares = tuple(share for share in (config.second_mode, config.third_mode) if share)
    return probes.incoherent_modes(probe, shares) if shares else probe


def make_mask(config: DetectorConfig, N: int) -> Mask | None:
    """Where the detector is valid, ``(N, N)``; None for a whole one. Raises ConfigError for a gap outside it."""
    if not (config.gap_px or config.bad_pixels):
        return None
    first = N // 2 + config.gap_offset_px
    require(
        first >= 0 and first + config.gap_px <= N,
        "detector.gap_offset_px",
        config.gap_offset_px,
        f"the gap would leave the frame of {N} pixels",
    )
    require(config.bad_pixels < N**2, "detector.bad_pixels", config.bad_pixels, f"fewer than the {N**2} there are")
    mask = np.ones((N, N), bool)
    mask[:, first : first + config.gap_px] = False
    mask.flat[np.random.default_rng(config.seed).choice(N**2, config.bad_pixels, replace=False)] = False
    return mask


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
    obj: Complex,
    probe: Complex,
    positions: Real,
    nphotons: float,
    rng: np.random.Generator,
    shift: str = "bilinear",
) -> tuple[Real, float]:
    """Diffraction amplitudes with photon noise ``(M, N, N)`` float32, and the scale ``s`` used.

    ``probe`` ``(N, N)``, or ``(K, N, N)`` for incoherent modes, whose intensities add. ``shift``: between pixels
    the object is interpolated bilinearly, as the network's own physics does, or the probe is moved by Fourier
    phase, which is exact for a beam without light at the edges of its patch.

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
    amplitude, wide = np.empty((len(positions), N, N), np.float32), obj.astype(np.complex128)
    starts = range(0, len(positions), _CHUNK)
    for i in starts:
        amplitude[i : i + _CHUNK] = _amplitude(wide, probe, positions[i : i + _CHUNK], shift)
    energy = np.einsum("mij,mij->", amplitude, amplitude, dtype=np.float64) / len(positions)
    s = float(np.sqrt(nphotons / energy))
    for i in starts:
        rate = (s * amplitude[i : i + _CHUNK].astype(np.float64)) ** 2
        amplitude[i : i + _CHUNK] = np.sqrt(poisson_quantile(rate, rng.random(rate.shape))) / s
    return amplitude, s


def _amplitude(obj: Complex, probe: Complex, positions: Real, shift: str) -> Real:
    """Noise-free diffraction amplitudes ``(B, N, N)`` of an object in double precision, at some positions."""
    N, at = probe.shape[-1], positions
    modes = [np.asarray(mode) for mode in probe.reshape(-1, N, N)]
    if shift == "fourier":
        at = np.rint(positions)
        modes = [probes.shift_probe(mode, positions - at) for mode in modes]
    patches = extract_patches(obj, at, N)
    if len(modes) == 1:
        return diffraction_amplitude(patches * modes[0], N)
    return np.asarray(np.sqrt(sum(diffraction_amplitude(patches * mode, N) ** 2 for mode in modes)))


def simulate_scan(config: PipelineConfig) -> Dataset:
    """The simulated data set of ``config.simulate``; raises ConfigError when there is none.

    Of a partially coherent beam the data set knows no modes: it has the one probe, with all of the light.
    """
    sim = config.simulate
    if sim is None:
        raise ConfigError("this scenario has measured data: there is nothing to simulate")
    obj = make_object(sim.object)
    probe = make_probe(sim.probe, config.N)
    positions = scan_positions(sim.scan, sim.object.size)
    rng = np.random.Generator(np.random.Philox(sim.noise_seed))  # counter-based: a pixel's place is its count
    modes, mask = make_modes(probe, sim.probe), make_mask(sim.detector, config.N)
    amplitude, s = detect(obj, modes, positions, sim.nphotons, rng, sim.shift)
    frames = Frames(amplitude, positions, np.arange(len(positions)), mask)
    seen = sim.nphotons if mask is None else float(s**2 * frames.energy().mean())
    return Dataset(frames, probe, (obj.shape[0], obj.shape[1]), s, seen, obj)
