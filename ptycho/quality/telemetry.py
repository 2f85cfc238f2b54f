"""What the stages did to the amplitudes: statistics, ratios, scales, and the ladder of gains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ptycho.arrays import Mask, Real
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.data.normalization import Scales
from ptycho.optics.geometry import required_canvas
from ptycho.quality.metrics import array_summary

if TYPE_CHECKING:
    from ptycho.reconstruction.stitching import Reconstruction

GROUPS_A_CHUNK = 64  # groups gathered at one time


def array_stats(chunks: Iterable[Real], shape: tuple[int, ...], mask: Mask | None = None) -> dict[str, Any]:
    """Statistics of an array seen chunk by chunk, over the valid pixels of ``mask``; non-finite values are
    counted and left out."""
    low, high, total, square, finite, nan, count = math.inf, -math.inf, 0.0, 0.0, 0, 0, 0
    dtype = "none"
    for whole in chunks:
        chunk = whole if mask is None else whole[..., mask]
        good = np.isfinite(chunk)
        values = chunk[good].astype(np.float64)
        dtype, count = str(chunk.dtype), count + chunk.size
        finite, nan = finite + values.size, nan + int(np.isnan(chunk).sum())
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            total, square = total + float(values.sum()), square + float(values @ values)
    mean = total / finite if finite else math.nan
    return {
        "shape": list(shape),
        "dtype": dtype,
        "min": low,
        "max": high,
        "mean": mean,
        "std": math.sqrt(max(square / finite - mean**2, 0.0)) if finite else math.nan,
        "finite_count": finite,
        "total_count": count,
        "nan_count": nan,
    }


def stage_stats(
    frames: Frames, groups: Groups, scales: Scales, container: Iterator[Real], split: str
) -> list[dict[str, Any]]:
    """Four stages for one split, as upstream reports them: raw, grouped, normalised, and what the network got.

    ``container`` yields the network's own normalised input, batch by batch, so that its agreement
    with the normalised stage is a check and not an identity.
    """
    G, C = groups.members.shape
    N = frames.diffraction.shape[-1]

    def grouped(factor: float) -> Iterator[Real]:
        for i in range(0, G, GROUPS_A_CHUNK):
            yield frames.diffraction[groups.members[i : i + GROUPS_A_CHUNK]] * np.float32(factor)

    def stage(name: str, source: str, count: int, chunks: Iterable[Real], shape: tuple[int, ...]) -> dict[str, Any]:
        about = {"source": source, "count": count, "split": split, "gridsize": math.isqrt(C)}
        return {"name": name, "metadata": about, "stats": array_stats(chunks, shape, frames.mask)}

    shape = (G, C, N, N)
    return [
        stage(
            "raw_diffraction",
            "simulate or load, then split",
            len(frames),
            [frames.diffraction],
            frames.diffraction.shape,
        ),
        stage("grouped_diffraction", "group", G, grouped(1.0), shape),
        stage("grouped_X_full", "normalize", G, grouped(scales.gain), shape),
        stage("container_X", "the network's input", G, container, shape),
    ]


def intensity_stats(
    stages: list[dict[str, Any]],
    frames: Frames,
    scales: Scales,
    log_scale: float,
    trainable: bool,
    ladder: list[dict[str, Any]],
) -> dict[str, Any]:
    """The content of ``intensity_stats.json``; ``frames`` are the test frames, as in upstream's reports."""
    means = {s["name"]: s["stats"]["mean"] for s in stages if s["metadata"]["split"] == "test"}
    names = ["raw_diffraction", "grouped_diffraction", "grouped_X_full", "container_X"]
    keys = ["raw_to_grouped", "grouped_to_normalized", "normalized_to_container"]
    ratios = {k: means[b] / means[a] for k, a, b in zip(keys, names, names[1:], strict=False)}
    energy = float(frames.energy().mean())
    dataset = math.sqrt(scales.nphotons / energy)
    fallback = scales.closed_form_intensity_scale
    drop = min(ratios, key=lambda key: ratios[key])
    at = keys.index(drop)
    return {
        "normalize_gain": scales.gain,
        "bundle_intensity_scale": scales.counts_scale,
        "config_intensity_scale": fallback,
        "scale_delta": scales.counts_scale - fallback,
        "dataset_scale_info": {
            "N": scales.N,
            "nphotons": scales.nphotons,
            "batch_mean_sum_intensity": energy,
            "dataset_scale": dataset,
            "fallback_scale": fallback,
            "delta": dataset - fallback,
            "ratio": dataset / fallback,
        },
        "intensity_scaler_state": {
            "log_scale_value": log_scale,
            "log_scale_initial": scales.log_scale,
            "exp_log_scale": math.exp(log_scale),
            "config_intensity_scale": scales.counts_scale,
            "trainable": trainable,
            "delta": math.exp(log_scale) - scales.counts_scale,
            "ratio": math.exp(log_scale) / scales.counts_scale,
        },
        "stages": stages,
        "stage_means": means,
        "ratios": ratios,
        "largest_drop": {
            "key": drop,
            "ratio": ratios[drop],
            "from_stage": names[at],
            "from_mean": means[names[at]],
            "to_stage": names[at + 1],
            "to_mean": means[names[at + 1]],
        },
        "gain_ladder": ladder,
        "full_chain_product": math.prod(rung["measured"] for rung in ladder),
        "prediction_to_object_units": scales.prediction_to_object_units(log_scale),
    }


def gain_ladder(levels: dict[str, float], scales: Scales) -> list[dict[str, Any]]:
    """The gains from raw data to object units, expected and measured.

    ``levels``: ``sqrt(mean sum A**2)`` of an image at each stage, all in terms of diffraction. The
    product of the measured gains is 1 when every scale was applied once and undone once.
    """
    expected = {"grouped": 1.0, "normalized": scales.gain, "predicted": 1.0, "object": 1 / scales.gain}
    names = list(levels)
    return [
        {"gain": f"{a}_to_{b}", "expected": expected[b], "measured": levels[b] / levels[a]} for a, b in pairwise(names)
    ]


def amplitude_head_stats(kind: str, amplitude: Real, scales: Scales) -> dict[str, Any]:
    """Whether the amplitude head can represent the answer: its ceiling, the amplitude that the data
    requires, and the share of ``amplitude`` (normalised units) within 1 % of the ceiling."""
    ceiling = 1.0 if kind == "sigmoid" else None
    saturated = float(np.mean(amplitude > 0.99 * ceiling)) if ceiling else 0.0
    return {
        "kind": kind,
        "ceiling": ceiling,
        "required_rms": scales.required_amplitude,
        "predicted_rms": float(np.sqrt(np.mean(np.square(amplitude, dtype=np.float64)))),
        "predicted_max": float(amplitude.max()),
        "saturated_share": saturated,
    }


def intensity_markdown(stats: dict[str, Any]) -> str:
    """``intensity_stats.md``: the same figures for people."""

    def table(head: str, rows: Iterable[tuple[Any, ...]]) -> str:
        columns = head.count("|") - 1
        lines = [head, "| --- " + "| ---: " * (columns - 1) + "|"]
        lines += ["| " + " | ".join(_cell(v) for v in row) + " |" for row in rows]
        return "\n".join(lines)

    info, scaler, drop = stats["dataset_scale_info"], stats["intensity_scaler_state"], stats["largest_drop"]
    parts = [
        "# Intensity statistics",
        "## Intensity scales",
        table(
            "| Property | Value |",
            [
                ("Dataset-derived scale", info["dataset_scale"]),
                ("Closed-form scale", info["fallback_scale"]),
                ("Delta", info["delta"]),
                ("Ratio", info["ratio"]),
                ("nphotons", info["nphotons"]),
                ("N", info["N"]),
                ("Mean energy of an image", info["batch_mean_sum_intensity"]),
                ("Normalize gain", stats["normalize_gain"]),
            ],
        ),
        "## IntensityScaler state",
        table("| Property | Value |", scaler.items()),
        "## Ladder of gains",
        table(
            "| Gain | Expected | Measured |", ((r["gain"], r["expected"], r["measured"]) for r in stats["gain_ladder"])
        ),
        f"Full chain product: {stats['full_chain_product']:.6g} (1 when every scale is undone once)",
        "## Amplitude head",
        table("| Property | Value |", stats["amplitude_head"].items()),
        "## Stage means and ratios",
        table("| Stage | Mean |", stats["stage_means"].items()),
        table("| Transition | Ratio |", stats["ratios"].items()),
        f"Largest drop: {drop['from_stage']} to {drop['to_stage']}, ratio {drop['ratio']:.6g}",
        "## Stages",
        table(
            "| Stage | Split | Count | Mean | Std | Min | Max | NaN |",
            (
                (
                    s["name"],
                    s["metadata"]["split"],
                    s["metadata"]["count"],
                    *(s["stats"][k] for k in ("mean", "std", "min", "max", "nan_count")),
                )
                for s in stats["stages"]
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def history_summary(history: dict[str, list[float]]) -> dict[str, Any]:
    """First, last, extremes and the first NaN epoch of every metric."""
    metrics = {}
    for name, values in history.items():
        bad = [i for i, v in enumerate(values) if not math.isfinite(v)]
        good = [v for v in values if math.isfinite(v)]
        metrics[name] = {
            "count": len(values),
            "first": values[0] if values else None,
            "last": values[-1] if values else None,
            "min": min(good, default=None),
            "max": max(good, default=None),
            "has_nan": bool(bad),
            "first_nan_epoch": bad[0] + 1 if bad else None,
            "first_nan_step": None,
        }
    names = [name for name, m in metrics.items() if m["has_nan"]]
    return {"metrics": metrics, "nan_overview": {"has_nan": bool(names), "metrics": names}}


def inference_stats(result: Reconstruction, frames: Frames, window: int) -> dict[str, Any]:
    """The content of ``inference_outputs/stats.json``; offsets are centred on their mean."""
    needed = required_canvas(frames.positions, window)
    offsets = np.abs(frames.positions - frames.positions.mean(axis=0)).max(axis=0)
    sync = result.synchronization
    covered = result.weight > 0
    return {
        "padded_size": result.object.shape[0],
        "required_canvas": needed,
        "fits_canvas": needed <= result.object.shape[0],
        "origin": list(result.origin),
        "offsets": {"axis_max_abs": offsets.tolist(), "max_abs": float(offsets.max()), "centred": True},
        "amplitude": array_summary(np.abs(result.object[covered])),
        "phase": array_summary(np.angle(result.object[covered])),
        "covered_pixels": int(covered.sum()),
        "synchronization": None
        if sync is None
        else {
            "disagreement_before_rad": sync.disagreement_before,
            "disagreement_after_rad": sync.disagreement_after,
            "overlapping_pairs": sync.overlapping_pairs,
            "components": sync.components,
            "applied_std_rad": float(np.std(sync.phases)),
        },
    }
