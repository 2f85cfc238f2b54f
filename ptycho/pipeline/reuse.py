"""A trained bundle on new data: what ``ptycho infer`` does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ptycho.config.experiment import MeasuredConfig
from ptycho.data.measured import load_measured
from ptycho.model import bundle
from ptycho.pipeline.execution import write_inference
from ptycho.pipeline.inference import infer_frames, infer_groups, make_model
from ptycho.progress import StageProgress
from ptycho.quality import telemetry
from ptycho.reconstruction.oracle import fourier_error


def infer_file(path: Path, measured: MeasuredConfig, out: Path, progress: StageProgress | None = None) -> float:
    """Reconstruct ``measured`` with the bundle at ``path``, write the artifacts, return the Fourier error.

    Gain, probe and units are the bundle's. Raises BundleError when the data's probe is another one.
    """
    trained = bundle.load_bundle(path)
    config = trained.config
    dataset = load_measured(measured, config.N)
    trained.check(config.N, config.gridsize, dataset.probe)
    frames = dataclasses.replace(
        dataset.frames, diffraction=dataset.frames.diffraction / np.float32(trained.photon_scale)
    )
    groups = infer_groups(config, frames)
    model, maker = make_model(config, trained.scales, trained.probe, groups.reach)
    model.set_weights(trained.weights)

    def report(done: int, total: int, note: str) -> None:
        if progress:
            progress("infer", done, total, note)

    result = infer_frames(config, model, maker, frames, groups, report)
    shape = dataset.object_shape
    known = result.support(shape)
    placed = result.on(shape)
    error = fourier_error(np.where(known, placed, np.abs(placed[known]).mean()), trained.probe, frames)
    stats = telemetry.inference_stats(result, frames, config.window_px) | {"fourier_error": error}
    write_inference(out / "inference_outputs", result, stats)
    return error
