"""A network from its configuration, its bundle, and what it makes of new frames."""

from __future__ import annotations

import numpy as np

from ptycho.arrays import Complex
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.validation import require
from ptycho.data.frames import Dataset, Frames
from ptycho.data.grouping import Groups, make_groups
from ptycho.data.normalization import Scales
from ptycho.model.backend import host
from ptycho.model.bundle import Bundle
from ptycho.model.features import FeatureMaker
from ptycho.model.network import Architecture, PtychoModel
from ptycho.optics.probes import window_energy
from ptycho.pipeline.values import Trained
from ptycho.progress import Progress
from ptycho.reconstruction.stitching import Reconstruction, stitch_object

_WINDOW_LOSS = 0.01  # share of the probe's energy that may fall outside the predicted window


def make_model(config: PipelineConfig, scales: Scales, probe: Complex, reach: int) -> tuple[PtychoModel, FeatureMaker]:
    """An untrained model, and what makes its inputs."""
    window = config.window_px
    sweeps = config.model.sweeps if config.model.features == "conditioned" else 0
    cut = 1 - window_energy(probe, window)
    require(
        cut <= _WINDOW_LOSS, "model.window", config.model.window, f"it cuts {cut:.1%} of the probe's energy, say full"
    )
    architecture = Architecture(config.model, config.loss, scales, config.group_size, window, window + 2 * reach + 2)
    return PtychoModel(architecture, probe), FeatureMaker(probe, scales, window, sweeps, config.model.sweeps_on)


def infer_groups(config: PipelineConfig, frames: Frames) -> Groups:
    """One group a frame, sorted from top to bottom, so that neighbours are near in memory."""
    rng = np.random.default_rng([config.group.seed, 1])
    groups = make_groups(frames.positions, config.gridsize, config.group.neighbors, rng)
    return groups.take(np.argsort(groups.centers[:, 1], kind="stable"))


def infer_frames(
    config: PipelineConfig,
    model: PtychoModel,
    maker: FeatureMaker,
    frames: Frames,
    groups: Groups,
    progress: Progress | None,
) -> Reconstruction:
    """Infer and stitch as ``config.infer`` says."""
    return stitch_object(
        model,
        maker,
        frames,
        groups,
        batch_size=config.infer.batch_size,
        align_phases=config.infer.synchronize,
        progress=progress,
    )


def to_bundle(
    config: PipelineConfig, dataset: Dataset, scales: Scales, trained: Trained, versions: dict[str, str]
) -> Bundle:
    """The trained model as data."""
    model = trained.model
    log_scale = float(host(model.scaler.log_scale))
    scale, given = dataset.photon_scale, dataset.probe
    mask = dataset.frames.mask
    return Bundle(config, scales, log_scale, scale, model.probe, given, model.get_weights(), versions, mask)
