"""Whole runs, from which the damaged ones are derived."""

from __future__ import annotations

import json


def statistics(mean, std=0.5):
    return {"mean": mean, "std": std, "min": 0.0, "max": 4.8, "nan_count": 0}


def stage(name, mean, split="test"):
    about = {"split": split, "count": 64, "gridsize": 2, "source": "simulate"}
    return {
        "name": name,
        "metadata": about,
        "stats": {**statistics(mean), "dtype": "float32", "shape": [64, 4, 64, 64]},
    }


def quality(mean, truth):
    return {
        "bias_summary": {"mean": mean - truth, "median": 0.05, "p05": -0.4, "p95": 0.5}, "count": 18770, "mae": 0.19,
        "rmse": 0.25, "max_abs": 1.1, "pearson_r": 0.94,
        "pred_stats": statistics(mean), "truth_stats": statistics(truth),
        "ratio": {"count": 18770, "mean": 0.98, "median": 0.98, "p05": 0.8, "p95": 1.1, "least_squares": 0.98,
                  "scaled": {"mean": {"mae": 0.2, "rmse": 0.3}}},
    }  # fmt: skip


def offsets(low, high):
    return [{"axis": i, "min": low, "max": high, "mean": (low + high) / 2, "std": 9.0} for i in (0, 1)]


def own():
    """A folder of ``ptycho run`` with everything that it may hold."""
    rungs = {
        "raw_to_grouped": 1.0,
        "grouped_to_normalized": 0.5,
        "normalized_to_predicted": 1.0,
        "predicted_to_object": 2.0,
    }
    curves = {
        "loss": [692.4, 653.6, 640.0],
        "nll_loss": [692.4, 653.6, 640.0],
        "mae_loss": [0.0, 0.0, 0.0],
        "gradient_norm": [82255.5, 74144.3, 70000.0],
        "learning_rate": [1e-3, 5e-4, 1e-4],
    }
    config = {
        "N": 64, "gridsize": 2, "group": {"neighbors": 4, "train_groups": 32}, "infer": {"frames": "test"},
        "loss": {"nll_weight": 1.0, "mae_weight": 0.0}, "measured": None, "train": {"epochs": 3, "seed": 42},
        "model": {"amplitude_head": "positive", "log_scale_trainable": True},
        "simulate": {"nphotons": 1e9, "object": {"size": 392, "kind": "lines"}, "probe": {"scale": 10.0}},
    }  # fmt: skip
    names = ("raw_diffraction", "grouped_diffraction", "grouped_X_full", "container_X")
    means = dict(zip(names, (0.144, 0.143, 0.078, 0.078), strict=True))
    return {
        "run_metadata.json": {
            "config": config, "scenario": "gs2_ideal", "seeds": {"train.seed": 42},
            "scales": {"N": 64, "nphotons": 1e9},
            "stages": [{"stage": s, "config_digest": "9594ea" * 8} for s in ("simulate", "train")],
        },
        "intensity_stats.json": {
            "amplitude_head": {"kind": "sigmoid", "ceiling": 1.0, "required_rms": 1.6, "predicted_rms": 0.9,
                               "predicted_max": 1.0, "saturated_share": 0.4},
            "bundle_intensity_scale": 988.2, "config_intensity_scale": 988.2, "full_chain_product": 1.02,
            "dataset_scale_info": {"N": 64, "batch_mean_sum_intensity": 2942.5, "nphotons": 1e9},
            "gain_ladder": [{"gain": k, "expected": v, "measured": 0.99 * v} for k, v in rungs.items()],
            "intensity_scaler_state": {"config_intensity_scale": 988.2, "log_scale_value": 6.7,
                                       "log_scale_initial": 6.9, "trainable": True},
            "normalize_gain": 0.546, "stage_means": means,
            "stages": [stage(n, m, split) for split in ("train", "test") for n, m in means.items()],
        },
        "comparison_metrics.json": {
            "amplitude": quality(2.67, 2.62), "phase": quality(-0.007, 0.0),
            "support": {"count": 18770, "coverage": 0.12, "reconstructed_share": 0.9, "threshold": 0.5},
        },
        "inference_outputs/stats.json": {
            "amplitude": statistics(2.8), "covered_pixels": 37665, "fits_canvas": True, "padded_size": 550,
            "required_canvas": 400, "offsets": {"axis_max_abs": [183.9, 89.5], "centred": True, "max_abs": 183.9},
            "prediction_scale": {"mode": "least_squares", "value": 1.8, "applied": True, "source": "truth"},
        },
        "train_outputs/history.json": {"epochs": [1, 2, 3], "metrics": curves},
        "train_outputs/history_summary.json": {
            "metrics": {name: {"count": 3, "first_nan_epoch": None, "has_nan": False, "last": curve[-1]}
                        for name, curve in curves.items()},
            "nan_overview": {"has_nan": False, "metrics": []},
        },
        "train_outputs/weights.json": {"unmoved": ["log_scale"]},
        "error.json": {"epoch": 2, "step": 3, "components": ["nll_loss"], "kind": "NaN"},
        "prediction_scaling.json": quality(2.6, 2.6)["ratio"],
        "grouping_summary.json": {"subsets": {
            "train": {"status": "ok", "point_count": 64, "requested_groups": 40, "actual_groups": 32, "members_each": 4,
                      "nn_indices_shape": [32, 4], "coords_offsets": {"axis_stats": offsets(0.0, 390.0)},
                      "coords_relative": {"min": -9.0, "max": 9.0}, "overlap_fraction": 0.1,
                      "neighbour_distance": {"mean": 4.0, "min": 1.0, "max": 9.0},
                      "reuse": {"mean": 2.0, "max": 5, "unused": 0}},
            "test": {"status": "error", "error": "K=1 must be >= C=4", "point_count": 64, "requested_groups": 32},
        }},
        "reassembly_limits.json": {"window_px": 64, "subsets": {
            "train": {"canvas": {"fits_canvas": False, "max_combined_abs_offset": 390.0, "padded_size": 78,
                                 "required_canvas": 844, "legacy_padded_size": 78},
                      "offsets": {"combined": {"axis_stats": offsets(0.0, 390.0)}},
                      "reassembly": {"loss_fraction": 0.9, "loss_fraction_legacy": 0.9}},
        }},
        "probe_report.json": {
            "probe": {"amplitude": {**statistics(0.3), "l2": 3.0}, "rms_width_px": 1.5, "area_above_half_max_px": 3.0},
            "given": {"amplitude": {**statistics(0.3), "l2": 42.0}},
            "comparison": {"max_abs_delta": 1e-7, "l2_delta": 1e-7, "amp_ratio": {"mean": 1.0}, "overlap": 0.99},
            "metadata": {"probe_mode": "custom", "probe_scale": 4.0, "probe_mask": False, "scenario": "gs1_custom"},
        },
    }  # fmt: skip


def load(folder):
    """The JSON files of a real folder by their places in it."""
    return {str(p.relative_to(folder)): json.loads(p.read_bytes()) for p in sorted(folder.rglob("*.json"))}


def put(folder, files):
    """Write ``files``, which are trees of JSON or bytes, into ``folder``."""
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder
