"""What the pipeline hands on as objects, from the data that the harness keeps of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import Output

if TYPE_CHECKING:
    from ptycho.config.pipeline import PipelineConfig
    from ptycho.data.frames import Dataset
    from ptycho.data.normalization import Scales
    from ptycho.data.splitting import Split
    from ptycho.pipeline.values import Comparison, Grouped, Prepared, Reference, Trained
    from ptycho.reconstruction.stitching import Reconstruction


def as_config(config: Mapping[str, Any]) -> PipelineConfig:
    """The pipeline's own frozen configuration, as far as a stage declares that it reads it."""
    from ptycho.config.reading import from_parts

    return from_parts(config, "the harness's stage")


def as_dataset(simulate: Output) -> Dataset:
    """The data set of the first stage."""
    from ptycho.data.frames import Dataset, Frames

    amplitude, (height, width) = simulate["diffraction"], simulate["object_shape"]
    frames = Frames(amplitude, simulate["positions"], np.arange(len(amplitude)), simulate.get("mask"))
    photons = simulate["photon_scale"], simulate["nphotons"]
    return Dataset(frames, simulate["probe"], (height, width), *photons, simulate["truth"])


def as_split(simulate: Output, split: Output) -> Split:
    """Train and test frames."""
    from ptycho.data.splitting import Split

    frames = as_dataset(simulate).frames
    return Split(frames.take(split["train"]), frames.take(split["test"]))


def as_groups(simulate: Output, group: Output) -> Grouped:
    """The groups, and the frames that are reconstructed."""
    from ptycho.data.grouping import Groups
    from ptycho.pipeline.values import Grouped

    frames = as_dataset(simulate).frames.take(group["frames"])
    return Grouped(Groups(**group["train"]), frames, Groups(**group["infer"]))


def as_prepared(simulate: Output, split: Output, probe: Output, group: Output) -> Prepared:
    """Everything before normalisation."""
    from ptycho.pipeline.values import Prepared

    return Prepared(as_dataset(simulate), as_split(simulate, split), probe["probe"], as_groups(simulate, group))


def as_scales(normalize: Output) -> Scales:
    """The scales."""
    from ptycho.data.normalization import Scales

    return Scales(**normalize)


def as_trained(
    config: PipelineConfig, simulate: Output, probe: Output, group: Output, normalize: Output, train: Output
) -> Trained:
    """The trained model, built anew and given its weights."""
    from ptycho.pipeline.inference import make_model
    from ptycho.pipeline.values import Trained
    from ptycho.training.training import TrainingOutcome

    model, maker = make_model(config, as_scales(normalize), probe["probe"], as_groups(simulate, group).reach)
    initial = model.get_weights()
    model.set_weights([train["weights"][name] for name in sorted(train["weights"])])
    return Trained(model, maker, TrainingOutcome(train["history"]), initial, 0.0)


def as_reconstruction(infer: Output) -> Reconstruction:
    """The reconstruction on its whole canvas."""
    from ptycho.reconstruction.stitching import Reconstruction
    from ptycho.reconstruction.synchronization import Synchronization

    obj, weight = (np.zeros((infer["side"], infer["side"]), infer[name].dtype) for name in ("object", "weight"))
    (top, left), (height, width) = infer["corner"], infer["object"].shape
    obj[top : top + height, left : left + width] = infer["object"]
    weight[top : top + height, left : left + width] = infer["weight"]
    sync = None if infer["synchronization"] is None else Synchronization(**infer["synchronization"])
    return Reconstruction(obj, weight, (infer["origin"][0], infer["origin"][1]), sync, 0.0)


def as_reference(oracle: Output) -> Reference:
    """The oracle's result."""
    from ptycho.pipeline.values import Reference

    corrected = {name: oracle.get(name) for name in ("positions", "levels")}
    return Reference(oracle["object"], oracle["probe"], oracle["fourier_errors"], 0.0, **corrected)


def as_comparison(compare: Output) -> Comparison:
    """The comparison; its full-size pictures are not kept."""
    from ptycho.pipeline.values import Comparison

    nothing = np.zeros((0, 0), np.complex64)
    return Comparison(dict(compare["metrics"]), compare["support"], nothing, nothing)
