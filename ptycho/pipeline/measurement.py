"""What every scale did, measured on the trained network: statistics, the ladder of gains, weights that never moved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.config.pipeline import PipelineConfig
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.model.backend import host, weight_path
from ptycho.pipeline.values import Comparison, Grouped, Prepared, Telemetry, Trained
from ptycho.quality import telemetry
from ptycho.reconstruction.oracle import diffracted_energy
from ptycho.reconstruction.stitching import Reconstruction


def measure_scales(
    config: PipelineConfig,
    prepared: Prepared,
    trained: Trained,
    reconstruction: Reconstruction,
    comparison: Comparison,
) -> Telemetry:
    """Statistics of every stage, the ladder of gains, and where the reconstruction lies."""
    frames, groups, probe = prepared.groups.frames, prepared.groups, prepared.probe
    shape, support, scales = prepared.dataset.object_shape, comparison.support, trained.maker.scales
    known = reconstruction.support(shape)
    amplitude = np.abs(reconstruction.on(shape))
    ladder = telemetry.gain_ladder(levels(reconstruction.filled(shape, support), probe, groups, trained), scales)
    stages = []
    for name, part, of in (("train", prepared.split.train, groups.train), ("test", frames, groups.infer)):
        stages += telemetry.stage_stats(part, of, scales, network_inputs(trained, part, of), name)
    log_scale = float(host(trained.model.scaler.log_scale))
    stats = telemetry.intensity_stats(stages, frames, scales, log_scale, config.model.log_scale_trainable, ladder)
    normalized = amplitude[support & known] / scales.prediction_to_object_units(log_scale)
    stats["amplitude_head"] = telemetry.amplitude_head_stats(config.model.amplitude_head, normalized, scales)
    inference = telemetry.inference_stats(reconstruction, frames, config.window_px)
    return Telemetry(stats, inference, unmoved_weights(trained))


def unmoved_weights(trained: Trained) -> list[str]:
    """Weights declared trainable that the model does not track, or that training did not move by one bit."""
    model = trained.model
    tracked = {id(w) for w in model.trainable_weights}
    names = []
    for weight, before in zip(model.weights, trained.initial, strict=True):
        moved = not np.array_equal(before, host(weight))
        if weight.trainable and (id(weight) not in tracked or not moved):
            names.append(weight_path(weight))
    if model.architecture.config.log_scale_trainable and id(model.scaler.log_scale) not in tracked:
        names.append("log_scale (declared trainable, not tracked)")
    return names


def levels(obj: Complex, probe: Complex, groups: Grouped, trained: Trained) -> dict[str, float]:
    """``sqrt(mean sum A**2)`` of an image at every rung of the ladder of gains, measured where it arises."""
    frames, model = groups.frames, trained.model
    normalized = predicted = 0.0
    part = groups.infer.take(slice(0, None, max(1, len(groups.infer) // 128)))
    for _, inputs in trained.maker.batches(frames, part, 16):
        normalized += float(np.sum(host(model.scaler(inputs["diffraction"])) ** 2))
        output = model(inputs)
        intensity = host(model.intensity(output["object"], inputs["offsets"]))
        predicted += float(np.sum(intensity if frames.mask is None else intensity[..., frames.mask]))
    images = part.members.size
    sampled = float(frames.energy()[part.members].mean())
    energy = float(frames.energy()[groups.infer.members].mean())
    ratio = energy / sampled  # the sample stands for all groups
    return {
        "raw": float(np.sqrt(frames.energy().mean())),
        "grouped": float(np.sqrt(energy)),
        "normalized": float(np.sqrt(normalized / images * ratio)),
        "predicted": float(np.sqrt(predicted / images * ratio)),
        "object": float(np.sqrt(diffracted_energy(obj, probe, frames))),
    }


def network_inputs(trained: Trained, frames: Frames, groups: Groups) -> Iterator[Real]:
    """What the network's scaler really passes on, batch by batch; the other inputs, which are dear, it never sees."""
    for start in range(0, len(groups), telemetry.GROUPS_A_CHUNK):
        part = groups.take(slice(start, start + telemetry.GROUPS_A_CHUNK))
        yield host(trained.model.scaler(trained.maker.diffraction(frames, part)))
