"""Physical invariants: what must hold of every run, whatever its scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CHAIN_TOLERANCE = 0.05
SCALE_TOLERANCE = 0.05  # training may move log_scale a little; another N moves it by a factor of 2
COVERED_SHARE = 0.99
SATURATED_SHARE = 0.01


@dataclass(frozen=True)
class Invariant:
    """One statement: it holds when ``low <= value <= high``, and ``evidence`` says so in words."""

    name: str
    passed: bool
    evidence: str
    value: float = 0.0
    low: float | None = None
    high: float | None = None


def check_invariants(
    stats: dict[str, Any],
    inference: dict[str, Any],
    quality: dict[str, Any],
    closed_form_scale: float,
    digests: list[str],
    shared_frames: int,
    non_finite: int,
    unmoved: list[str],
) -> list[Invariant]:
    """Every invariant of a finished run.

    ``closed_form_scale`` is ``sqrt(nphotons) / (N/2)`` of the configuration, computed apart from the
    scales that the run used. ``non_finite`` counts pixels of the reconstruction.
    """
    product = stats["full_chain_product"]
    scaler = stats["intensity_scaler_state"]["exp_log_scale"]
    share = quality["support"]["reconstructed_share"]
    needed, given = inference["required_canvas"], inference["padded_size"]
    different = len(set(digests))
    head = stats["amplitude_head"]
    reach = 0.0 if head["ceiling"] is None else head["required_rms"] / head["ceiling"]
    saturated = head["saturated_share"] or 0.0
    return [
        within_bounds(
            "full_chain_product",
            product,
            1 - CHAIN_TOLERANCE,
            1 + CHAIN_TOLERANCE,
            f"{product:.4f}, within {CHAIN_TOLERANCE:.0%} of 1",
        ),
        within_bounds(
            "intensity_scale",
            scaler / closed_form_scale,
            1 - SCALE_TOLERANCE,
            1 + SCALE_TOLERANCE,
            f"{scaler:.3f} against sqrt(nphotons)/(N/2) = {closed_form_scale:.3f}",
        ),
        within_bounds("one_configuration", different, 1, 1, f"{different} digest in {len(digests)} stages"),
        within_bounds("no_shared_frames", shared_frames, None, 0, f"{shared_frames} frames in both train and test"),
        within_bounds("fits_canvas", given - needed, 0, None, f"{needed} px needed, {given} px given"),
        within_bounds("finite", non_finite, None, 0, f"{non_finite} non-finite pixels"),
        within_bounds("covered", share, COVERED_SHARE, None, f"{share:.2%} of the illuminated pixels reconstructed"),
        within_bounds(
            "amplitude_head_reaches",
            max(reach, saturated / SATURATED_SHARE),
            None,
            1 - 1e-9,
            f"{head['kind']} head, ceiling {head['ceiling'] or 'none'}; data require {head['required_rms']:.3f} rms, "
            f"{saturated:.1%} saturated",
        ),
        within_bounds("trainable_weights_moved", len(unmoved), None, 0, ", ".join(unmoved) or "all of them"),
    ]


def within_bounds(name: str, value: float, low: float | None, high: float | None, evidence: str) -> Invariant:
    """An invariant that holds within bounds. NaN holds nothing: every comparison with it is false."""
    held = (low is None or value >= low) and (high is None or value <= high) and value == value
    return Invariant(name, bool(held), evidence, float(value), low, high)
