"""Gates on the quality of measured data, which need no truth: what a right run keeps, and a wrong one does not.

The bounds are measured; docs/explanation/preflight.md has the figures and the command that made them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ptycho.data.frames import Frames
from ptycho.data.raw.quantum import photon_estimate, photon_quantum
from ptycho.quality.invariants import Invariant, within_bounds

OVER_FLOOR = 3.5  # Fourier error over what photon noise and the model's own limit leave together
MODEL_FLOOR = 0.03  # what network and oracle leave of noise-free frames: their shifts, edges and sweeps
NETWORK_OVER_ORACLE = 2.0
HALF_SCAN_AGREEMENT = 0.3
HELD_OUT = 1.5
SEEN_BY_BOTH = 0.8  # of the whole scan's support: the star's halves share 0.98 of it, a sparse scan's 0.13
ENERGY_RATIO = 1.5
NOISE_FRAMES = 64


def photon_floor(frames: Frames) -> float:
    """``sqrt(sum var(sqrt n) / sum n)`` over all frames: the Fourier error of the true object, from noise alone.

    ``var(sqrt n)`` is 1/4 where photons fall, and next to nothing where none do. Where amplitudes are on no ladder of
    photons, the noise of the frames says about what one is.
    """
    quantum = photon_quantum(frames.diffraction)
    if quantum.kind == "counts":  # amplitudes that are whole numbers: one photon a pixel at most
        quantum = photon_quantum(frames.diffraction**2)
    power = None if quantum.unit is None else quantum.unit**2
    if power is None:
        some = frames.diffraction[:: max(1, len(frames) // NOISE_FRAMES)]
        power = photon_estimate(some**2, np.ones(some.shape[1:], bool) if frames.mask is None else frames.mask)
    lit = sum(int((part > 0).sum()) for part in np.array_split(frames.diffraction, max(1, len(frames) // 64)))
    return float(np.sqrt(0.25 * lit * power / frames.energy().sum()))


def expected_error(floor: float) -> float:
    """The Fourier error that photon noise and the model's own limit leave together."""
    return float(np.hypot(floor, MODEL_FLOOR))


def measured_gates(quality: dict[str, Any]) -> list[Invariant]:
    """The gates of a finished run on measured data; ``quality`` are its metrics (``compare_objects``).

    The network's own half-scans share what training learnt of the whole scan, so that the agreement is the oracle's.
    """
    errors, halves = quality["fourier_error"], quality["half_scan"]
    expected = expected_error(errors["photon_floor"])
    found = []
    for name in ("network", "oracle"):
        ratio = errors[name] / expected
        evidence = f"{errors[name]:.4f}, {ratio:.1f} times what photon noise leaves; at most {OVER_FLOOR:g} times"
        found.append(within_bounds(f"fourier_error_{name}", ratio, None, OVER_FLOOR, evidence))
    held_out = [("held_out_frames", "network_held_out", "network", HELD_OUT)] if seen_by_both(quality) else []
    for gate, error, other, most in [("network_against_oracle", "network", "oracle", NETWORK_OVER_ORACLE), *held_out]:
        ratio = errors[error] / errors[other]
        found.append(within_bounds(gate, ratio, None, most, f"Fourier errors {ratio:.2f} to 1; at most {most:g}"))
    agreement = half_scan_agreement(halves)
    words = "the two halves see no common part" if np.isnan(agreement) else f"pearson_r {agreement:.3f} of two halves"
    found.append(within_bounds("half_scan_agreement", agreement, HALF_SCAN_AGREEMENT, None, words))
    return found


def seen_by_both(quality: dict[str, Any]) -> bool:
    """Whether the halves of the scan have lit the same object, all but an edge: else one cannot explain the other.

    Where the pixels that both have are not counted, the scan is one that is known to be dense.
    """
    common = quality["half_scan"].get("oracle", {}).get("amplitude", {}).get("count")
    return common is None or bool(common >= SEEN_BY_BOTH * quality["support"]["count"])


def half_scan_agreement(halves: dict[str, Any]) -> float:
    """The better correlation of the oracle's two halves, of amplitude and phase; NaN where there is none.

    An object of one amplitude, or of one phase, correlates in the other alone.
    """
    parts = halves.get("oracle", {})
    known = [part["pearson_r"] for name in ("amplitude", "phase") if (part := parts.get(name))]
    return max((r for r in known if r is not None), default=float("nan"))


def inference_gates(error: float, floor: float) -> list[Invariant]:
    """The gates of new data under a trained model: how well it explains them."""
    ratio = error / expected_error(floor)
    evidence = f"{error:.4f}, {ratio:.1f} times what photon noise leaves; at most {OVER_FLOOR:g} times"
    return [within_bounds("fourier_error_network", ratio, None, OVER_FLOOR, evidence)]
