"""The stage of what a training leaves on disk: written as a run writes it, read again, and used on new data."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guard.stages import Config
from guard.values import as_config, as_dataset, as_groups, as_scales, as_trained
from harness import Output, Progress

if TYPE_CHECKING:
    from ptycho.data.frames import Dataset
    from ptycho.model.bundle import Bundle
    from ptycho.pipeline.values import Trained

BUNDLE, ONES = "train_outputs/bundle.npz", slice(0, 4)


def bundle(
    config: Config,
    progress: Progress,
    simulate: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
) -> Output:
    """Whether a bundle comes back as it was saved and infers the same, and what it makes of a file of new data."""
    from ptycho.config.pipeline import PipelineConfig
    from ptycho.config.reading import from_mapping
    from ptycho.model.bundle import load_bundle
    from ptycho.pipeline.execution import save_training

    settings = from_mapping(PipelineConfig, config, "the harness's stage")
    trained, dataset = as_trained(as_config(config), simulate, probe, group, normalize, train), as_dataset(simulate)
    outputs = {"simulate": dataset, "normalize": as_scales(normalize), "train": trained}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_training(folder, settings, outputs)
        files = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.rglob("*.json"))}
        loaded = load_bundle(folder / BUNDLE)
        reused = None if settings.measured else _reused(folder, dataset)
    return {
        "same": _same(loaded, settings, outputs),
        "log_scale": loaded.log_scale,
        "inferred": _inferred(loaded, simulate, group),
        "as_trained": _predicted(trained, simulate, group),
        "reused": reused,
        "files": files,
    }


def _same(loaded: Bundle, config: Any, outputs: dict[str, Any]) -> dict[str, bool]:
    """Which parts of the bundle are, to the bit, those that were saved."""
    dataset, trained = outputs["simulate"], outputs["train"]
    weights = trained.model.get_weights()
    return {
        "config": loaded.config == config,
        "scales": loaded.scales == outputs["normalize"],
        "photon_scale": loaded.photon_scale == dataset.photon_scale,
        "probe": _equal(loaded.probe, trained.model.probe),
        "given_probe": _equal(loaded.given_probe, dataset.probe),
        "mask": (loaded.mask is None) == (dataset.frames.mask is None) and _equal(loaded.mask, dataset.frames.mask),
        "weights": len(loaded.weights) == len(weights) and all(map(_equal, loaded.weights, weights)),
    }


def _equal(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and bool(np.array_equal(a, b))


def _inferred(loaded: Bundle, simulate: Output, group: Output) -> dict[str, float]:
    """What a model that is built from the bundle alone predicts."""
    from ptycho.pipeline.inference import make_model

    reach = as_groups(simulate, group).reach
    model, maker = make_model(loaded.config, loaded.scales, loaded.probe, reach)
    model.set_weights(loaded.weights)
    return _prediction(model, maker, simulate, group)


def _predicted(trained: Trained, simulate: Output, group: Output) -> dict[str, float]:
    return _prediction(trained.model, trained.maker, simulate, group)


def _prediction(model: Any, maker: Any, simulate: Output, group: Output) -> dict[str, float]:
    """Norm and mean of the first groups' objects, normalised units."""
    from ptycho.model.backend import host

    grouped = as_groups(simulate, group)
    first = dataclasses.replace(grouped.infer.take(ONES))
    objects = host(model(maker(grouped.frames, first))["object"]).astype(np.float64)
    return {"norm": float(np.linalg.norm(objects)), "mean": float(objects.mean())}


def _reused(folder: Path, dataset: Dataset) -> dict[str, Any]:
    """``ptycho infer`` on the frames themselves, as a file of counts: its Fourier error, exposure and amplitude."""
    from ptycho.pipeline.reuse import infer_file

    frames = dataset.frames
    counts = np.rint(np.square(frames.diffraction.astype(np.float64) * dataset.photon_scale)).astype(np.uint32)
    mask: dict[str, Any] = {} if frames.mask is None else {"mask": frames.mask}
    data, out = folder / "new.npz", folder / "new"
    np.savez(data, data=counts, probe=dataset.probe, scan=frames.positions, **mask)
    done = infer_file(folder / BUNDLE, str(data), {}, out, forced=True)
    stats = json.loads((out / "inference_outputs/stats.json").read_text("utf-8"))
    amplitude = np.load(out / "inference_outputs/amplitude.npy").astype(np.float64)
    return {
        "fourier_error": done.fourier_error,
        "gates": {gate.name: gate.passed for gate in done.gates},
        "exposure": stats["exposure"],
        "amplitude": {"norm": float(np.linalg.norm(amplitude)), "shape": list(amplitude.shape)},
    }
