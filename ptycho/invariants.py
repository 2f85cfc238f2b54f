"""Physical invariants: what must hold of every run, whatever its scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho.arrays import Real

CHAIN_TOLERANCE = 0.05
SCALE_TOLERANCE = 0.05  # training may move log_scale a little; another N moves it by a factor of 2


@dataclass(frozen=True)
class Invariant:
    """One statement, whether it holds, and the figures that say so."""

    name: str
    passed: bool
    evidence: str


def check(
    stats: dict[str, Any],
    inference: dict[str, Any],
    quality: dict[str, Any],
    closed_form_scale: float,
    digests: list[str],
    shared_frames: int,
    obj: Real,
    unmoved: list[str],
) -> list[Invariant]:
    """Every invariant of a finished run.

    ``closed_form_scale`` is ``sqrt(nphotons) / (N/2)`` of the configuration, computed apart from the
    scales that the run used.
    """
    product = stats["full_chain_product"]
    scaler = stats["intensity_scaler_state"]["exp_log_scale"]
    drift = scaler / closed_form_scale - 1
    share = quality["support"]["reconstructed_share"]
    head = stats["amplitude_head"]
    bad = int((~np.isfinite(obj)).sum())
    return [
        Invariant(
            "full_chain_product",
            abs(product - 1) <= CHAIN_TOLERANCE,
            f"{product:.4f}, within {CHAIN_TOLERANCE:.0%} of 1",
        ),
        Invariant(
            "intensity_scale",
            abs(drift) <= SCALE_TOLERANCE,
            f"{scaler:.3f} against sqrt(nphotons)/(N/2) = {closed_form_scale:.3f}",
        ),
        Invariant("one_configuration", len(set(digests)) == 1, f"{len(set(digests))} digest in {len(digests)} stages"),
        Invariant("no_shared_frames", shared_frames == 0, f"{shared_frames} frames in both train and test"),
        Invariant(
            "fits_canvas",
            inference["fits_canvas"],
            f"{inference['required_canvas']} px needed, {inference['padded_size']} px given",
        ),
        Invariant("finite", bad == 0, f"{bad} non-finite pixels"),
        Invariant("covered", share >= 0.99, f"{share:.2%} of the illuminated pixels reconstructed"),
        Invariant(
            "amplitude_head_reaches",
            head["ceiling"] is None or (head["required_rms"] < head["ceiling"] and head["saturated_share"] < 0.01),
            f"{head['kind']} head, ceiling {head['ceiling'] or 'none'}; data require {head['required_rms']:.3f} rms, "
            f"{head['saturated_share']:.1%} saturated",
        ),
        Invariant("trainable_weights_moved", not unmoved, ", ".join(unmoved) or "all of them"),
    ]
