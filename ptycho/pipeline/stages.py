"""The stages of the pipeline, each a function of the configuration and of earlier outputs.

``PIPELINE`` declares what each stage needs and which parts of the configuration it reads.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.validation import require
from ptycho.data.frames import Dataset, Frames
from ptycho.data.grouping import Groups, make_groups
from ptycho.data.measured import load_measured
from ptycho.data.normalization import Scales, compute_scales
from ptycho.data.simulation import simulate_scan
from ptycho.data.splitting import Split, split_frames
from ptycho.model.backend import host, weight_path
from ptycho.model.bundle import Bundle
from ptycho.model.features import FeatureMaker
from ptycho.model.network import Architecture, PtychoModel
from ptycho.optics import probes
from ptycho.optics.geometry import Canvas
from ptycho.quality import metrics, telemetry
from ptycho.reconstruction.oracle import diffracted_energy, epie, fourier_error
from ptycho.reconstruction.stitching import Reconstruction, stitch_object
from ptycho.training.training import Progress, TrainingOutcome, input_maker, train_network

WINDOW_LOSS = 0.01  # share of the probe's energy that may fall outside the predicted window


@dataclass(frozen=True)
class Grouped:
    """Groups of the training frames, and of the frames that will be reconstructed."""

    train: Groups
    frames: Frames
    infer: Groups


@dataclass(frozen=True)
class Trained:
    """A trained model and how its training went."""

    model: PtychoModel
    maker: FeatureMaker
    outcome: TrainingOutcome
    initial: list[Real]
    seconds: float


@dataclass(frozen=True)
class Reference:
    """The oracle's object and how it got there."""

    object: Complex
    probe: Complex
    fourier_errors: list[float]
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """Quality figures, the support they are over, and the aligned objects for the figures."""

    metrics: dict[str, Any]
    support: Mask
    network: Complex
    oracle: Complex


@dataclass(frozen=True)
class Telemetry:
    """What every scale did: ``intensity`` is the content of ``intensity_stats.json``, ``inference`` that
    of ``inference_outputs/stats.json``; ``unmoved`` names weights that training should have moved."""

    intensity: dict[str, Any]
    inference: dict[str, Any]
    unmoved: list[str]


@dataclass(frozen=True)
class Stage:
    """A named step: the configuration keys it reads and the earlier stages whose output it takes."""

    name: str
    run: Callable[..., Any]
    reads: tuple[str, ...]
    needs: tuple[str, ...] = ()


def simulate(config: PipelineConfig, report: Progress) -> Dataset:
    """Simulate, or load measured data."""
    return load_measured(config.measured, config.N) if config.measured else simulate_scan(config)


def split(config: PipelineConfig, report: Progress, simulate: Dataset) -> Split:
    """Train and test frames."""
    return split_frames(simulate.frames, config.split)


def probe(config: PipelineConfig, report: Progress, simulate: Dataset, split: Split) -> Complex:
    """The probe of the model: the data's own, corrected on the training frames when they are measured.

    A measured probe comes from another reconstruction, in its own gauge; ePIE with probe update
    fits it to this data.
    """
    sweeps = config.measured.refine_probe_sweeps if config.measured else 0
    if not sweeps:
        return simulate.probe
    settings = dataclasses.replace(config.reference, sweeps=sweeps, update_probe_from=2)
    for iterate in epie(split.train, simulate.probe, simulate.object_shape, settings):
        report(iterate.sweep, sweeps, f"Fourier error {iterate.fourier_error:.4f}")
    return iterate.probe


def group(config: PipelineConfig, report: Progress, simulate: Dataset, split: Split) -> Grouped:
    """Training groups, and one group a frame for inference."""
    frames = split.test if config.infer.frames == "test" else simulate.frames
    seeds = np.random.SeedSequence(config.group.seed).spawn(2)
    train = make_groups(
        split.train.positions, config.gridsize, config.group.neighbors, np.random.default_rng(seeds[0]),
        config.group.train_groups, config.group.oversample,
    )  # fmt: skip
    return Grouped(train, frames, infer_groups(config, frames))


def infer_groups(config: PipelineConfig, frames: Frames) -> Groups:
    """One group a frame, sorted from top to bottom, so that neighbours are near in memory."""
    rng = np.random.default_rng([config.group.seed, 1])
    groups = make_groups(frames.positions, config.gridsize, config.group.neighbors, rng)
    return groups.take(np.argsort(groups.centers[:, 1], kind="stable"))


def normalize(
    config: PipelineConfig, report: Progress, simulate: Dataset, split: Split, probe: Complex, group: Grouped
) -> Scales:
    """The scales, from the training groups."""
    norm = float(np.linalg.norm(probe.astype(np.complex128)))
    return compute_scales(split.train, group.train, norm, simulate.nphotons)


def make_model(config: PipelineConfig, scales: Scales, probe: Complex, reach: int) -> tuple[PtychoModel, FeatureMaker]:
    """An untrained model, and what makes its inputs."""
    window = config.window_px
    sweeps = config.model.sweeps if config.model.features == "conditioned" else 0
    cut = 1 - probes.window_energy(probe, window)
    require(
        cut <= WINDOW_LOSS, "model.window", config.model.window, f"it cuts {cut:.1%} of the probe's energy, say full"
    )
    architecture = Architecture(config.model, config.loss, scales, config.group_size, window, window + 2 * reach + 2)
    return PtychoModel(architecture, probe), FeatureMaker(probe, scales, window, sweeps)


def train(
    config: PipelineConfig,
    report: Progress,
    simulate: Dataset,
    split: Split,
    probe: Complex,
    group: Grouped,
    normalize: Scales,
) -> Trained:
    """Train the network; it may end early (see ``Outcome``) with finite weights."""
    reach = max(group.train.reach, group.infer.reach)
    model, maker = make_model(config, normalize, probe, reach)
    initial = model.get_weights()
    truth = simulate.truth if config.loss.realspace_weight and config.loss.realspace_mae_weight else None
    make = input_maker(maker, split.train, truth, model.architecture.canvas)
    started = time.perf_counter()
    outcome = train_network(model, make, group.train, config.train, report)
    return Trained(model, maker, outcome, initial, time.perf_counter() - started)


def infer(config: PipelineConfig, report: Progress, group: Grouped, train: Trained) -> Reconstruction:
    """The reconstruction in object units."""
    return infer_frames(config, train.model, train.maker, group.frames, group.infer, report)


def infer_frames(
    config: PipelineConfig,
    model: PtychoModel,
    maker: FeatureMaker,
    frames: Frames,
    groups: Groups,
    report: Progress | None,
) -> Reconstruction:
    """Infer and stitch as ``config.infer`` says."""
    return stitch_object(
        model, maker, frames, groups,
        batch_size=config.infer.batch_size, align_phases=config.infer.synchronize, report=report,
    )  # fmt: skip


def oracle(config: PipelineConfig, report: Progress, simulate: Dataset, group: Grouped) -> Reference:
    """The reference reconstruction of the same frames."""
    started = time.perf_counter()
    errors = []
    for iterate in epie(group.frames, simulate.probe, simulate.object_shape, config.reference):
        errors.append(iterate.fourier_error)
        report(iterate.sweep, config.reference.sweeps, f"Fourier error {iterate.fourier_error:.4f}")
    return Reference(iterate.object, iterate.probe, errors, time.perf_counter() - started)


def compare(
    config: PipelineConfig,
    report: Progress,
    simulate: Dataset,
    split: Split,
    probe: Complex,
    group: Grouped,
    train: Trained,
    infer: Reconstruction,
    oracle: Reference,
) -> Comparison:
    """Network and oracle against the truth where there is one, else against the data and one another."""
    shape, settings = simulate.object_shape, config.compare
    support = illuminated(group.frames, probe, shape, settings.support_threshold)
    network = infer.on(shape)
    known = infer.support(shape)
    filled = np.where(known, network, np.abs(network[support & known]).mean()).astype(np.complex64)
    found: dict[str, Any] = {
        "support": {
            "threshold": settings.support_threshold,
            "count": int(support.sum()),
            "coverage": float(support.mean()),
            "reconstructed_share": float(known[support].mean()),
        },
        "fourier_error": {
            "network": fourier_error(filled, probe, group.frames),
            "network_held_out": fourier_error(filled, probe, split.test),
            "oracle": fourier_error(oracle.object, oracle.probe, group.frames),
        },
    }
    against = oracle.object if simulate.truth is None else simulate.truth
    aligned, how = metrics.align_objects(filled, against, support, settings.align_plane, settings.align_shift)
    scores = metrics.quality_scores(aligned, against, support)
    found["alignment"] = how
    if simulate.truth is None:
        found["network_to_oracle"] = scores
        found["half_scan"] = half_scan(config, simulate.object_shape, probe, group.frames, train)
        return Comparison(found, support, aligned, oracle.object)
    found |= scores
    best, _ = metrics.align_objects(oracle.object, simulate.truth, support, settings.align_plane, settings.align_shift)
    found["oracle"] = metrics.quality_scores(best, simulate.truth, support)
    whole = np.ones(shape, bool)
    found["full_canvas"] = metrics.quality_scores(np.where(known, aligned, 0), simulate.truth, whole)
    return Comparison(found, support, aligned, best)


def illuminated(frames: Frames, probe: Complex, shape: tuple[int, int], threshold: float) -> Mask:
    """Pixels that gathered at least ``threshold`` of the probe's peak intensity over the scan."""
    canvas = Canvas(shape)
    intensity = (np.abs(probe) ** 2 / np.max(np.abs(probe) ** 2)).astype(np.float32)
    for i in range(0, len(frames), 256):
        at = frames.positions[i : i + 256]
        canvas.add(np.ones((len(at), *probe.shape), np.complex64), intensity, at, "linear")
    return canvas.support(threshold)


def half_scan(
    config: PipelineConfig, shape: tuple[int, int], probe: Complex, frames: Frames, train: Trained
) -> dict[str, Any]:
    """Agreement of two reconstructions, each from every second frame: no truth is needed."""
    networks, oracles = [], []
    support = np.ones(shape, bool)
    for first in (0, 1):
        half = frames.take(np.arange(first, len(frames), 2))
        network = infer_frames(config, train.model, train.maker, half, infer_groups(config, half), None)
        networks.append(network.on(shape))
        *_, last = epie(half, probe, shape, config.reference)
        oracles.append(last.object)
        support &= illuminated(half, probe, shape, config.compare.support_threshold) & network.support(shape)
    found = {}
    for name, (a, b) in (("network", networks), ("oracle", oracles)):
        aligned, _ = metrics.align_objects(a, b, support, plane=True)
        found[name] = metrics.quality_scores(aligned, b, support)
    return found


def measure(
    config: PipelineConfig,
    report: Progress,
    simulate: Dataset,
    split: Split,
    probe: Complex,
    group: Grouped,
    normalize: Scales,
    train: Trained,
    infer: Reconstruction,
    compare: Comparison,
) -> Telemetry:
    """Statistics of every stage, the ladder of gains, and where the reconstruction lies."""
    shape, support, scales = simulate.object_shape, compare.support, normalize
    known = infer.support(shape)
    amplitude = np.abs(infer.on(shape))
    filled = np.where(known, infer.on(shape), amplitude[support & known].mean())
    ladder = telemetry.gain_ladder(levels(filled, probe, group, train), scales)
    stages = []
    for name, frames, groups in (("train", split.train, group.train), ("test", group.frames, group.infer)):
        stages += telemetry.stage_stats(frames, groups, scales, network_inputs(train, frames, groups), name)
    log_scale = float(host(train.model.scaler.log_scale))
    stats = telemetry.intensity_stats(stages, group.frames, scales, log_scale, config.model.log_scale_trainable, ladder)
    normalized = amplitude[support & known] / scales.prediction_to_object_units(log_scale)
    stats["amplitude_head"] = telemetry.amplitude_head_stats(config.model.amplitude_head, normalized, scales)
    inference = telemetry.inference_stats(infer, group.frames, config.window_px)
    return Telemetry(stats, inference, unmoved(train))


def unmoved(train: Trained) -> list[str]:
    """Weights declared trainable that the model does not track, or that training did not move by one bit."""
    model = train.model
    tracked = {id(w) for w in model.trainable_weights}
    names = []
    for weight, before in zip(model.weights, train.initial, strict=True):
        moved = not np.array_equal(before, host(weight))
        if weight.trainable and (id(weight) not in tracked or not moved):
            names.append(weight_path(weight))
    if model.architecture.config.log_scale_trainable and id(model.scaler.log_scale) not in tracked:
        names.append("log_scale (declared trainable, not tracked)")
    return names


def levels(obj: Complex, probe: Complex, group: Grouped, train: Trained) -> dict[str, float]:
    """``sqrt(mean sum A**2)`` of an image at every rung of the ladder of gains, measured where it arises."""
    frames, model = group.frames, train.model
    normalized = predicted = 0.0
    part = group.infer.take(slice(0, None, max(1, len(group.infer) // 128)))
    for _, inputs in train.maker.batches(frames, part, 16):
        normalized += float(np.sum(host(model.scaler(inputs["diffraction"])) ** 2))
        output = model(inputs)
        predicted += float(np.sum(host(model.intensity(output["object"], inputs["offsets"]))))
    images = part.members.size
    sampled = float(frames.energy()[part.members].mean())
    energy = float(frames.energy()[group.infer.members].mean())
    ratio = energy / sampled  # the sample stands for all groups
    return {
        "raw": float(np.sqrt(frames.energy().mean())),
        "grouped": float(np.sqrt(energy)),
        "normalized": float(np.sqrt(normalized / images * ratio)),
        "predicted": float(np.sqrt(predicted / images * ratio)),
        "object": float(np.sqrt(diffracted_energy(obj, probe, frames))),
    }


def network_inputs(train: Trained, frames: Frames, groups: Groups) -> Iterator[Real]:
    """What the network's scaler really passes on, batch by batch."""
    for _, inputs in train.maker.batches(frames, groups, telemetry.GROUPS_A_CHUNK):
        yield host(train.model.scaler(inputs["diffraction"]))


def to_bundle(
    config: PipelineConfig, dataset: Dataset, scales: Scales, train: Trained, versions: dict[str, str]
) -> Bundle:
    """The trained model as data."""
    model = train.model
    log_scale = float(host(model.scaler.log_scale))
    scale, given = dataset.photon_scale, dataset.probe
    return Bundle(config, scales, log_scale, scale, model.probe, given, model.get_weights(), versions)


PIPELINE = (
    Stage("simulate", simulate, ("N", "simulate", "measured")),
    Stage("split", split, ("split",), ("simulate",)),
    Stage("probe", probe, ("measured", "reference"), ("simulate", "split")),
    Stage("group", group, ("gridsize", "group", "infer"), ("simulate", "split")),
    Stage("normalize", normalize, (), ("simulate", "split", "probe", "group")),
    Stage(
        "train", train, ("N", "gridsize", "model", "loss", "train"),
        ("simulate", "split", "probe", "group", "normalize"),
    ),
    Stage("infer", infer, ("infer",), ("group", "train")),
    Stage("oracle", oracle, ("reference",), ("simulate", "group")),
    Stage(
        "compare", compare, ("compare", "infer", "gridsize", "group"),
        ("simulate", "split", "probe", "group", "train", "infer", "oracle"),
    ),
    Stage(
        "measure", measure, ("N", "model"),
        ("simulate", "split", "probe", "group", "normalize", "train", "infer", "compare"),
    ),
)  # fmt: skip
