"""A trained bundle on new data: what ``ptycho infer`` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.data.frames import Dataset, Frames
from ptycho.data.measured import load_measured
from ptycho.errors import BundleError
from ptycho.model import bundle
from ptycho.model.bundle import Bundle
from ptycho.optics import probes
from ptycho.pipeline.execution import write_inference
from ptycho.pipeline.inference import infer_frames, infer_groups, make_model
from ptycho.preflight.declared import bundle_layout
from ptycho.preflight.outcome import preflight, summary
from ptycho.progress import StageProgress
from ptycho.quality import telemetry
from ptycho.quality.gates import ENERGY_RATIO, inference_gates, photon_floor
from ptycho.quality.invariants import Invariant
from ptycho.reconstruction.oracle import fourier_error


@dataclass(frozen=True)
class Inferred:
    """How well the reconstruction explains the new data, and the gates on that."""

    fourier_error: float
    gates: list[Invariant]

    @property
    def failed(self) -> list[Invariant]:
        """The gates that do not hold."""
        return [gate for gate in self.gates if not gate.passed]


def infer_file(
    path: Path,
    data: str,
    given: Mapping[str, Any],
    out: Path,
    progress: StageProgress | None = None,
    rescale: bool = False,
    forced: bool = False,
) -> Inferred:
    """Reconstruct the file ``data`` with the bundle at ``path``, and write the artifacts.

    Gain, probe, units and layout are the bundle's; ``given`` options may add to the layout. Raises BundleError
    for a layout, a probe or an exposure that contradict the bundle, and DataError for what the preflight refuses;
    ``rescale`` brings another exposure to the training's, ``forced`` goes on all the same.
    """
    trained = bundle.load_bundle(path)
    config = trained.config
    measured = bundle_layout(config, data, given)
    examined = preflight(measured, config.N, out, forced)
    dataset = load_measured(measured, config.N)
    trained.check(config.N, config.gridsize, dataset.probe)
    frames, exposure = _in_bundle_units(trained, dataset, rescale, forced)
    groups = infer_groups(config, frames)
    model, maker = make_model(config, trained.scales, trained.probe, groups.reach)
    model.set_weights(trained.weights)

    def report(done: int, total: int, note: str) -> None:
        if progress:
            progress("infer", done, total, note)

    result = infer_frames(config, model, maker, frames, groups, report)
    error = fourier_error(result.filled(dataset.object_shape), trained.probe, frames)
    gates = inference_gates(error, photon_floor(frames))
    stats = telemetry.inference_stats(result, frames, config.window_px) | {
        "fourier_error": error,
        "gates": gates,
        "preflight": summary(examined, forced),
        "exposure": exposure,
    }
    write_inference(out / "inference_outputs", result, stats)
    return Inferred(error, gates)


def _in_bundle_units(trained: Bundle, dataset: Dataset, rescale: bool, forced: bool) -> tuple[Frames, dict[str, Any]]:
    """The frames in the units of the training data, and their exposure over the training's.

    Both are mean counts of a frame, so the ratio needs no other unit, and both in the pixels that are valid here and
    were in training: what else the training saw is taken off as the probe's own diffraction has it.
    """
    frames = dataset.frames
    if trained.mask is not None:
        frames = dataclasses.replace(frames, mask=trained.mask if frames.mask is None else frames.mask & trained.mask)
    share = (probes.seen_norm(trained.probe, frames.mask) / probes.seen_norm(trained.probe, trained.mask)) ** 2
    photons = float(frames.energy().mean()) * dataset.photon_scale**2
    expected = trained.scales.nphotons * share
    ratio = photons / expected
    if not (1 / ENERGY_RATIO <= ratio <= ENERGY_RATIO or rescale or forced):
        raise BundleError(
            f"the frames hold {ratio:.3g} times the photons of the training's ({photons:.4g} against "
            f"{expected:.4g} a frame), and the network knows one exposure: --rescale brings them to the "
            "training's, --force takes them as they are"
        )
    factor = dataset.photon_scale / trained.photon_scale  # square roots of counts, then the bundle's units
    if rescale:
        factor /= np.sqrt(ratio)
    frames = dataclasses.replace(frames, diffraction=frames.diffraction * np.float32(factor))
    return frames, {"ratio": float(ratio), "rescaled": rescale}
