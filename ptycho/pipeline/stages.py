"""The functions of the stages; ``declaration`` says what each reads and needs."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from ptycho.arrays import Complex
from ptycho.config.pipeline import PipelineConfig
from ptycho.data.frames import Dataset
from ptycho.data.grouping import make_groups
from ptycho.data.measured import load_measured
from ptycho.data.normalization import Scales, compute_scales
from ptycho.data.simulation import simulate_scan
from ptycho.data.splitting import Split, split_frames
from ptycho.optics.probes import seen_norm
from ptycho.pipeline.comparison import compare_objects
from ptycho.pipeline.inference import infer_frames, infer_groups, make_model
from ptycho.pipeline.measurement import measure_scales
from ptycho.pipeline.values import Comparison, Grouped, Prepared, Reference, Telemetry, Trained
from ptycho.progress import Progress
from ptycho.reconstruction.engines import reconstruct
from ptycho.reconstruction.oracle import epie
from ptycho.reconstruction.stitching import Reconstruction
from ptycho.training.training import input_maker, train_network


def simulate(config: PipelineConfig, progress: Progress) -> Dataset:
    """Simulate, or load measured data."""
    return load_measured(config.measured, config.N) if config.measured else simulate_scan(config)


def split(config: PipelineConfig, progress: Progress, dataset: Dataset) -> Split:
    """Divide the frames into those that train and those that test."""
    return split_frames(dataset.frames, config.split)


def probe(config: PipelineConfig, progress: Progress, dataset: Dataset, parts: Split) -> Complex:
    """Give the probe of the model: the data's own, corrected on the training frames when they are measured.

    A measured probe comes from another reconstruction, in its own gauge; ePIE with probe update
    fits it to this data. It is one coherent probe, as the model has, and the built-in engine finds it whichever the
    oracle is.
    """
    sweeps = config.measured.refine_probe_sweeps if config.measured else 0
    if not sweeps:
        return dataset.probe
    settings = dataclasses.replace(config.reference, sweeps=sweeps, update_probe_from=2).builtin()
    for iterate in epie(parts.train, dataset.probe, dataset.object_shape, settings):
        progress(iterate.sweep, sweeps, f"Fourier error {iterate.fourier_error:.4f}")
    return iterate.probe


def group(config: PipelineConfig, progress: Progress, dataset: Dataset, parts: Split) -> Grouped:
    """Choose training groups, and one group a frame for inference."""
    frames = parts.test if config.infer.frames == "test" else dataset.frames
    seeds = np.random.SeedSequence(config.group.seed).spawn(2)
    train = make_groups(
        parts.train.positions,
        config.gridsize,
        config.group.neighbors,
        np.random.default_rng(seeds[0]),
        config.group.train_groups,
        config.group.oversample,
    )
    return Grouped(train, frames, infer_groups(config, frames))


def normalize(config: PipelineConfig, progress: Progress, prepared: Prepared) -> Scales:
    """Compute the scales, from the training groups."""
    norm = seen_norm(prepared.probe, prepared.split.train.mask)
    return compute_scales(prepared.split.train, prepared.groups.train, norm, prepared.dataset.nphotons)


def train(config: PipelineConfig, progress: Progress, prepared: Prepared, scales: Scales) -> Trained:
    """Train the network; it may end early (see ``TrainingOutcome``) with finite weights."""
    model, maker = make_model(config, scales, prepared.probe, prepared.groups.reach)
    initial = model.get_weights()
    truth = prepared.dataset.truth if config.loss.realspace_weight and config.loss.realspace_mae_weight else None
    make = input_maker(maker, prepared.split.train, truth, model.architecture.canvas)
    started = time.perf_counter()
    outcome = train_network(model, make, prepared.groups.train, config.train, progress)
    return Trained(model, maker, outcome, initial, time.perf_counter() - started)


def infer(config: PipelineConfig, progress: Progress, groups: Grouped, trained: Trained) -> Reconstruction:
    """Reconstruct the object, in object units."""
    return infer_frames(config, trained.model, trained.maker, groups.frames, groups.infer, progress)


def oracle(config: PipelineConfig, progress: Progress, dataset: Dataset, groups: Grouped) -> Reference:
    """Reconstruct the same frames iteratively."""
    started = time.perf_counter()
    errors = []
    for iterate in reconstruct(groups.frames, dataset.probe, dataset.object_shape, config.reference):
        errors.append(iterate.fourier_error)
        progress(iterate.sweep, config.reference.sweeps, f"Fourier error {iterate.fourier_error:.4f}")
    seconds = time.perf_counter() - started
    return Reference(iterate.object, iterate.probe, errors, seconds, iterate.positions, iterate.levels)


def compare(
    config: PipelineConfig,
    progress: Progress,
    prepared: Prepared,
    trained: Trained,
    reconstruction: Reconstruction,
    reference: Reference,
) -> Comparison:
    """Judge network and oracle against the truth where there is one, else against the data and one another."""
    return compare_objects(config, prepared, trained, reconstruction, reference)


def measure(
    config: PipelineConfig,
    progress: Progress,
    prepared: Prepared,
    trained: Trained,
    reconstruction: Reconstruction,
    comparison: Comparison,
) -> Telemetry:
    """Measure every stage's statistics, the ladder of gains, and where the reconstruction lies."""
    return measure_scales(config, prepared, trained, reconstruction, comparison)
