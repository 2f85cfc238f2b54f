"""What is verified of the reference pipeline's stages: small, telling figures and pictures.

Each function is ``(config, output, **outputs of needs) -> Artifact``. Images are averaged down and kept
in half precision: they are there to be seen and compared in structure, the figures carry the digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Artifact, Output

_Array = NDArray[Any]

LOSSES = ("loss", "mae_loss", "val_loss", "val_mae_loss")
AMPLITUDE = ("pearson_r", "relative_bias", "mae", "rmse", "ssim")
PHASE = ("pearson_r", "mae", "rmse")


def observe_simulation(config: Mapping[str, Any], output: Output) -> Artifact:
    """Frames, energies and photons of the data; the mean frame and the truth as pictures."""
    amplitude, truth = output["diffraction"], output["truth"]
    energy = np.einsum("mij,mij->m", amplitude, amplitude, dtype=np.float64)
    values = {
        "frames": {"count": len(amplitude), "side_px": amplitude.shape[-1]},
        "object_shape_px": output["object_shape"],
        "photon_scale": output["photon_scale"],
        "nphotons": output["nphotons"],
        "frame_energy": _summary(energy),
        "amplitude": _summary(amplitude),
        "probe": {"energy": float(np.sum(np.abs(output["probe"]) ** 2, dtype=np.float64))},
        "truth": None
        if truth is None
        else {"amplitude": _summary(np.abs(truth)), "phase_rad": _summary(np.angle(truth))},
    }
    mean = amplitude.mean(axis=0, dtype=np.float64).astype(np.float32)
    arrays = {"positions": output["positions"], "mean_diffraction": np.log10(1 + mean).astype(np.float32)}
    if truth is not None:
        arrays["truth_amplitude"] = half(np.abs(binned(truth, 4)))
    return Artifact(values, arrays)


def observe_split(config: Mapping[str, Any], output: Output, simulate: Output) -> Artifact:
    """Which frames train and which test, and what both have."""
    train, test = output["train"], output["test"]
    values = {
        "train": len(train),
        "test": len(test),
        "of": len(simulate["positions"]),
        "shared_frames": len(np.intersect1d(train, test)),
    }
    return Artifact(values, {"train": train.astype(np.int32), "test": test.astype(np.int32)})


def observe_probe(config: Mapping[str, Any], output: Output, simulate: Output, split: Output) -> Artifact:
    """The model's probe, and how far it is from the data's."""
    model_probe, given = output["probe"], simulate["probe"]
    intensity = np.abs(model_probe.astype(np.complex128)) ** 2
    rows, columns = np.indices(model_probe.shape) - (np.array(model_probe.shape) / 2)[:, None, None]
    overlap = abs(np.vdot(model_probe, given)) / (np.linalg.norm(model_probe) * np.linalg.norm(given))
    values = {
        "energy": float(intensity.sum()),
        "rms_width_px": float(np.sqrt((intensity * (rows**2 + columns**2)).sum() / (2 * intensity.sum()))),
        "peak_amplitude": float(np.sqrt(intensity.max())),
        "overlap_with_given": float(overlap),
    }
    return Artifact(values, {"probe": model_probe})


def observe_groups(config: Mapping[str, Any], output: Output, simulate: Output, split: Output) -> Artifact:
    """Members and offsets of the groups."""
    values: dict[str, Any] = {}
    arrays = {}
    for name in ("train", "infer"):
        members, offsets = output[name]["members"], output[name]["offsets"]
        values[name] = {
            "groups": members.shape[0],
            "members_each": members.shape[1],
            "frames_used": len(np.unique(members)),
            "offset_px": _summary(np.abs(offsets)),
            "reach_px": int(np.abs(np.rint(offsets)).max()),
        }
        arrays[f"{name}_members"] = members.astype(np.int32)
    return Artifact(values, arrays)


def observe_trained(
    config: Mapping[str, Any],
    output: Output,
    simulate: Output,
    split: Output,
    probe: Output,
    group: Output,
    normalize: Output,
) -> Artifact:
    """How training went: the losses that are watched, epoch by epoch and at the end."""
    history = {name: series for name, series in output["history"].items() if name in LOSSES}
    weights = output["weights"].values()
    values = {
        "epochs": len(history["loss"]),
        "weights": {"count": len(weights), "parameters": int(sum(w.size for w in weights))},
        "final": {name: series[-1] for name, series in history.items()},
        "learning_rate": output["history"]["learning_rate"],
    }
    curves = {f"history/{name}": np.array(series) for name, series in history.items() if name.endswith("loss")}
    return Artifact(values, {name: curves[name] for name in curves if "mae" not in name})


def observe_reconstruction(
    config: Mapping[str, Any],
    output: Output,
    simulate: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
) -> Artifact:
    """Where the reconstruction lies, and its amplitude."""
    obj, weight, sync = output["object"], output["weight"], output["synchronization"]
    covered = weight > 0
    values = {
        "canvas_side_px": output["side"],
        "origin_px": output["origin"],
        "covered_pixels": int(covered.sum()),
        "non_finite_pixels": int((~np.isfinite(obj)).sum()),
        "amplitude": {"mean": float(np.abs(obj[covered]).mean()), "std": float(np.abs(obj[covered]).std())},
        "synchronization": None
        if sync is None
        else {
            "overlapping_pairs": sync["overlapping_pairs"],
            "components": sync["components"],
            "disagreement_after_rad": sync["disagreement_after"],
        },
    }
    return Artifact(values, {"amplitude": half(np.abs(binned(obj, 2)))})


def observe_oracle(config: Mapping[str, Any], output: Output, simulate: Output, group: Output) -> Artifact:
    """The Fourier error of every sweep, and the object's amplitude."""
    values = {"fourier_errors": output["fourier_errors"], "amplitude": _summary(np.abs(output["object"]))}
    return Artifact(values, {"amplitude": half(np.abs(binned(output["object"], 4)))})


def observe_comparison(config: Mapping[str, Any], output: Output, **needs: Output) -> Artifact:
    """The metrics that people judge by, of network and oracle; the rings of the correlation and the aligned phase."""
    metrics = output["metrics"]
    kept: dict[str, Any] = {"support": metrics["support"], "fourier_error": metrics["fourier_error"]}
    arrays = {"phase": half(np.angle(output["network"]))}
    blocks = {"network": metrics} if "amplitude" in metrics else {"network_to_oracle": metrics["network_to_oracle"]}
    blocks |= {"oracle": metrics["oracle"]} if "oracle" in metrics else {}
    blocks |= {f"half_scan_{name}": block for name, block in metrics.get("half_scan", {}).items()}
    for name, block in blocks.items():
        kept[name] = {
            "amplitude": {key: block["amplitude"][key] for key in AMPLITUDE},
            "phase": {key: block["phase"][key] for key in PHASE},
            "frc_mean": block["frc"]["mean"],
        }
        arrays[f"{name}/frc"] = np.array(block["frc"]["correlation"])
    return Artifact({"metrics": kept}, arrays)


def observe_telemetry(config: Mapping[str, Any], output: Output, **needs: Output) -> Artifact:
    """The scales and the ladder of gains; of each stage's statistics mean and spread."""
    intensity, inference = dict(output["intensity"]), dict(output["inference"])
    intensity["stages"] = [
        {
            "name": stage["name"],
            "split": stage["metadata"]["split"],
            "count": stage["metadata"]["count"],
            "mean": stage["stats"]["mean"],
            "std": stage["stats"]["std"],
            "nan_count": stage["stats"]["nan_count"],
        }
        for stage in intensity["stages"]
    ]
    kept = ("required_canvas", "padded_size", "fits_canvas", "offsets")
    values = {
        "intensity": intensity,
        "inference": {key: inference[key] for key in kept},
        "unmoved": output["unmoved"],
    }
    return Artifact(values)


def binned(array: _Array, factor: int) -> _Array:
    """Means over ``factor`` by ``factor`` pixels; rows and columns that do not fill one are left out."""
    height, width = (n // factor * factor for n in array.shape)
    blocks = array[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))


def half(array: _Array) -> _Array:
    """Half precision: three digits are enough to see."""
    return array.astype(np.float16)


def _summary(values: _Array) -> dict[str, float]:
    values = np.asarray(values)
    return {
        "mean": float(values.mean(dtype=np.float64)),
        "std": float(values.std(dtype=np.float64)),
        "min": float(values.min()),
        "max": float(values.max()),
    }
