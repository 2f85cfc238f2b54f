"""A trained bundle on new data: what ``ptycho infer`` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ptycho import artifacts, bundle, data, figures
from ptycho.config import MeasuredConfig
from ptycho.infer import reconstruct
from ptycho.pipeline import inference_stats
from ptycho.reference import fourier_error
from ptycho.stages import infer_groups, make_model


def infer_file(
    path: Path, measured: MeasuredConfig, out: Path, progress: Callable[[str, int, int, str], None] | None = None
) -> float:
    """Reconstruct ``measured`` with the bundle at ``path``, write the artifacts, return the Fourier error.

    Gain, probe and units are the bundle's. Raises BundleError when the data's probe is another one.
    """
    trained = bundle.load(path)
    config = trained.config
    dataset = data.load(measured, config.N)
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

    result = reconstruct(
        model, maker, frames, groups,
        batch_size=config.infer.batch_size, align_phases=config.infer.synchronize, report=report,
    )  # fmt: skip
    shape = dataset.object_shape
    known = result.support(shape)
    placed = result.on(shape)
    error = fourier_error(np.where(known, placed, np.abs(placed[known]).mean()), trained.probe, frames)
    folder = out / "inference_outputs"
    artifacts.write_npy(folder / "amplitude.npy", np.abs(result.object))
    artifacts.write_npy(folder / "phase.npy", np.angle(result.object))
    artifacts.write_npy(folder / "coverage.npy", result.weight > 0)
    figures.image(folder / "amplitude.png", np.abs(result.object), "amplitude, object units")
    figures.image(folder / "phase.png", np.angle(result.object), "phase (rad)")
    artifacts.write_json(
        folder / "stats.json", inference_stats(result, frames, config.window_px) | {"fourier_error": error}
    )
    return error
