"""What a finished run measures of itself for its diagnostics: groups, canvas, probe, truth over prediction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Integer, Mask, Real
from ptycho.optics.geometry import required_canvas
from ptycho.optics.probes import circular_mask, rms_width
from ptycho.quality.metrics import truth_to_prediction

LEGACY_BUFFER, LEGACY_STEP = 10, 4  # the original project's fixed padding, px (docs/explanation/history.md)


def grouping(positions: Real, members: Integer, N: int, requested: int) -> dict[str, Any]:
    """Summary of groups ``members`` ``(G, C)`` of frames at ``positions`` ``(M, 2)``, order ``[x, y]``, px.

    ``neighbour_distance``: between the patches of a group; ``overlap_fraction``: the mean area that two of
    them share, over ``N**2``; ``reuse``: how many groups a frame is in.
    """
    where = positions[members].astype(np.float64)  # (G, C, 2)
    centres = where.mean(axis=1)
    relative = where - centres[:, None]
    first, second = np.triu_indices(members.shape[1], 1)
    steps = where[:, first] - where[:, second]
    distance = np.hypot(steps[..., 0], steps[..., 1])
    shared = np.prod(np.clip(1 - np.abs(steps) / N, 0, None), axis=-1)
    uses = np.bincount(members.ravel(), minlength=len(positions))
    return {
        "status": "ok",
        "point_count": len(positions),
        "requested_groups": requested,
        "actual_groups": len(members),
        "members_each": members.shape[1],
        "nn_indices_shape": list(members.shape),
        "coords_offsets": {"axis_stats": _axes(centres)},
        "coords_relative": {"min": float(relative.min()), "max": float(relative.max()), "std": float(relative.std())},
        "neighbour_distance": _spread(distance),
        "overlap_fraction": float(shared.mean()) if shared.size else None,
        "reuse": {"mean": float(uses.mean()), "max": int(uses.max()), "unused": int((uses == 0).sum())},
    }


def reassembly(positions: Real, window: int, gridsize: int, given: int) -> dict[str, Any]:
    """Canvas that patches of ``window`` px at ``positions`` need, centred and not, and what each size would lose.

    Losses are measured: patches of ones are placed on the canvas, and what falls outside is counted.
    """
    xy = positions.astype(np.float64)
    centre = xy.mean(axis=0)
    reach, absolute = float(np.abs(xy - centre).max()), float(np.abs(xy).max())
    legacy = window + LEGACY_BUFFER + (gridsize - 1) * LEGACY_STEP
    needed = required_canvas(positions, window)
    return {
        "status": "ok",
        "point_count": len(positions),
        "canvas": {
            "padded_size": given,
            "legacy_padded_size": legacy,
            "required_canvas": needed,
            "required_canvas_uncentred": math.ceil(window + 2 * absolute),
            "max_combined_abs_offset": reach,
            "fits_canvas": needed <= given,
        },
        "offsets": {"combined": {"axis_stats": _axes(xy - centre)}, "uncentred": {"axis_stats": _axes(xy)}},
        "reassembly": {
            "loss_fraction": lost_share(xy - centre, window, given),
            "loss_fraction_legacy": lost_share(xy - centre, window, legacy),
        },
    }


def lost_share(offsets: Real, window: int, side: int) -> float:
    """Share of patches of ones that a canvas of ``side`` px cuts off; they lie at ``offsets`` from its middle."""
    low = offsets + (side - window) / 2
    inside = np.clip(np.minimum(low + window, side) - np.maximum(low, 0), 0, None)
    return float(1 - np.prod(inside, axis=1).sum() / (len(offsets) * window**2))


def probe_statistics(P: Complex) -> dict[str, Any]:
    """Statistics of a probe ``(N, N)``: amplitude, energy, second-moment width, area, share inside ``N // 4``."""
    amplitude = np.abs(P.astype(np.complex128))
    intensity = amplitude**2
    total = intensity.sum()
    return {
        "amplitude": {
            "mean": float(amplitude.mean()),
            "max": float(amplitude.max()),
            "min": float(amplitude.min()),
            "std": float(amplitude.std()),
            "l2": float(np.sqrt(total)),
        },
        "normalization_factor": float(amplitude.mean()),
        "rms_width_px": rms_width(P) / math.sqrt(2),  # along either axis
        "area_above_half_max_px": int((amplitude > amplitude.max() / 2).sum()),
        "mask_energy": float(intensity[circular_mask(P.shape[0])].sum() / total),
    }


def probes(model: Complex, given: Complex) -> dict[str, Any]:
    """The model's probe and the data's, and how they differ."""
    difference = np.abs(model) - np.abs(given)
    overlap = abs(np.vdot(model, given)) / (np.linalg.norm(model) * np.linalg.norm(given))
    return {
        "probe": probe_statistics(model),
        "given": probe_statistics(given),
        "comparison": {
            "max_abs_delta": float(np.abs(difference).max()),
            "l2_delta": float(np.linalg.norm(model) - np.linalg.norm(given)),
            "overlap": float(overlap),
        },
    }


def scaling(prediction: Complex, truth: Complex, support: Mask) -> dict[str, Any]:
    """Truth over prediction, pixel by pixel over ``support``, as five scalars, and the errors each would leave.

    A diagnosis: none of them scales anything.
    """
    p, t = (np.abs(x[support]).astype(np.float64) for x in (prediction, truth))
    ratio = truth_to_prediction(p, t)
    errors = {}
    for name, scalar in ratio.items():
        if name != "count":
            left = None if scalar is None else scalar * p - t
            errors[name] = {
                "mae": None if left is None else float(np.abs(left).mean()),
                "rmse": None if left is None else float(np.sqrt(np.mean(left**2))),
            }
    return {**ratio, "scaled": errors}


def _axes(xy: Real) -> list[dict[str, Any]]:
    return [{"axis": i, **_spread(xy[:, i]), "std": float(xy[:, i].std())} for i in (0, 1)]


def _spread(values: Real) -> dict[str, Any]:
    if not values.size:
        return {"mean": None, "min": None, "max": None}
    return {"mean": float(values.mean()), "min": float(values.min()), "max": float(values.max())}
