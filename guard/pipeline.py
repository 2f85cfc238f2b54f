"""The adapter of the reference pipeline: the only module that knows both ``harness`` and ``ptycho``.

A stage's output here is data: what ``ptycho`` hands on as objects is taken apart into arrays and
numbers, and put together again where a later stage needs it. Nothing heavy is imported before a
stage runs.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guard import observers as observe
from guard.axes import axes
from harness.core.protocol import (
    Artifact,
    Curve,
    Image,
    Invariant,
    Json,
    Ladder,
    Output,
    Pipeline,
    Progress,
    Scenario,
    Stage,
)

if TYPE_CHECKING:
    from ptycho.config.pipeline import PipelineConfig
    from ptycho.data.frames import Dataset
    from ptycho.data.normalization import Scales
    from ptycho.data.splitting import Split
    from ptycho.pipeline.stages import Comparison, Grouped, Reference, Trained
    from ptycho.reconstruction.stitching import Reconstruction

PINNED_STEPS = 30
PINNED_RATE = 1e-4  # at ten times this, gs1_ideal's steps multiply rounding a thousandfold
MODEL = ("N", "gridsize", "model", "loss")  # what a trained model is built anew from


def typed(config: Mapping[str, Json]) -> PipelineConfig:
    """The pipeline's own frozen configuration, as far as a stage declares that it reads it."""
    from ptycho.config.reading import from_parts

    return from_parts(config, "harness")


def simulate(config: Mapping[str, Json], report: Progress) -> Output:
    """Frames, probe, and the truth where there is one."""
    from ptycho.pipeline import stages

    made = stages.simulate(typed(config), report)
    return {
        "diffraction": made.frames.diffraction, "positions": made.frames.positions, "probe": made.probe,
        "object_shape": list(made.object_shape), "photon_scale": made.photon_scale, "nphotons": made.nphotons,
        "truth": made.truth,
    }  # fmt: skip


def split(config: Mapping[str, Json], report: Progress, simulate: Output) -> Output:
    """The frames of either part, by their index in the scan."""
    from ptycho.pipeline import stages

    parts = stages.split(typed(config), report, dataset(simulate))
    return {"train": parts.train.ids, "test": parts.test.ids}


def probe(config: Mapping[str, Json], report: Progress, simulate: Output, split: Output) -> Output:
    """The probe of the model."""
    from ptycho.pipeline import stages

    return {"probe": stages.probe(typed(config), report, dataset(simulate), parts(simulate, split))}


def group(config: Mapping[str, Json], report: Progress, simulate: Output, split: Output) -> Output:
    """Groups to train on and groups to reconstruct."""
    from ptycho.pipeline import stages

    made = stages.group(typed(config), report, dataset(simulate), parts(simulate, split))
    return {"train": _groups(made.train), "infer": _groups(made.infer), "frames": made.frames.ids}


def normalize(
    config: Mapping[str, Json], report: Progress, simulate: Output, split: Output, probe: Output, group: Output
) -> Output:
    """The scales."""
    from ptycho.pipeline import stages

    data = dataset(simulate)
    made = stages.normalize(
        typed(config), report, data, parts(simulate, split), probe["probe"], grouped(simulate, group)
    )
    return dataclasses.asdict(made)


def train(
    config: Mapping[str, Json], report: Progress,
    simulate: Output, split: Output, probe: Output, group: Output, normalize: Output,
) -> Output:  # fmt: skip
    """Trained weights and the history."""
    from ptycho.model.backend import weight_name
    from ptycho.pipeline import stages

    made = stages.train(
        typed(config), report, dataset(simulate), parts(simulate, split), probe["probe"],
        grouped(simulate, group), scales(normalize),
    )  # fmt: skip
    if made.outcome.diverged is not None:
        raise made.outcome.diverged
    if made.outcome.interrupted:
        raise KeyboardInterrupt
    return {
        "weights": {f"{i:03d}": np.asarray(weight) for i, weight in enumerate(made.model.get_weights())},
        "names": [weight_name(weight) for weight in made.model.weights],
        "history": made.outcome.history,
    }


def pinned(
    config: Mapping[str, Json], report: Progress,
    simulate: Output, split: Output, probe: Output, group: Output, normalize: Output, train: Output,
) -> Output:  # fmt: skip
    """Outputs, losses and gradients at the given weights, and the losses of the first steps from there."""
    from ptycho.training.pinned import first_steps, fixed_batches

    settings = typed(config)
    made = trained(settings, simulate, probe, group, normalize, train)
    frames, groups = parts(simulate, split).train, grouped(simulate, group).train
    batches = fixed_batches(made.maker, frames, groups, settings.train.batch_size)
    found = first_steps(made.model, batches, PINNED_STEPS, PINNED_RATE, settings.train.clip_norm)
    one = slice(0, 1)  # a golden of one group's canvas says as much as one of two
    return {**dataclasses.asdict(found), "object": found.object[one], "weight": found.weight[one]}


def infer(
    config: Mapping[str, Json], report: Progress,
    simulate: Output, probe: Output, group: Output, normalize: Output, train: Output,
) -> Output:  # fmt: skip
    """The reconstruction, cut to where anything was reconstructed."""
    from ptycho.pipeline import stages

    settings = typed(config)
    made = trained(settings, simulate, probe, group, normalize, train)
    found = stages.infer(settings, report, grouped(simulate, group), made)
    rows, columns = (np.flatnonzero((found.weight > 0).any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    sync = found.synchronization
    return {
        "object": found.object[box], "weight": found.weight[box], "corner": [int(rows[0]), int(columns[0])],
        "side": found.object.shape[0], "origin": list(found.origin),
        "synchronization": None if sync is None else dataclasses.asdict(sync),
    }  # fmt: skip


def oracle(config: Mapping[str, Json], report: Progress, simulate: Output, group: Output) -> Output:
    """The reference reconstruction."""
    from ptycho.pipeline import stages

    made = stages.oracle(typed(config), report, dataset(simulate), grouped(simulate, group))
    return {"object": made.object, "probe": made.probe, "fourier_errors": made.fourier_errors}


def compare(
    config: Mapping[str, Json], report: Progress,
    simulate: Output, split: Output, probe: Output, group: Output, normalize: Output, train: Output,
    infer: Output, oracle: Output,
) -> Output:  # fmt: skip
    """Quality of network and oracle, and the aligned reconstruction at half its resolution."""
    from ptycho.output import artifacts
    from ptycho.pipeline import stages

    settings = typed(config)
    made = stages.compare(
        settings, report, dataset(simulate), parts(simulate, split), probe["probe"], grouped(simulate, group),
        trained(settings, simulate, probe, group, normalize, train), reconstruction(infer), reference(oracle),
    )  # fmt: skip
    return {
        "metrics": artifacts.to_plain(made.metrics),
        "support": made.support,
        "network": observe.binned(np.where(made.support, made.network, 0), 2),
    }


def measure(
    config: Mapping[str, Json], report: Progress,
    simulate: Output, split: Output, probe: Output, group: Output, normalize: Output, train: Output,
    infer: Output, compare: Output,
) -> Output:  # fmt: skip
    """What every scale did."""
    from ptycho.output import artifacts
    from ptycho.pipeline import stages

    settings = typed(config)
    made = stages.measure(
        settings, report, dataset(simulate), parts(simulate, split), probe["probe"], grouped(simulate, group),
        scales(normalize), trained(settings, simulate, probe, group, normalize, train), reconstruction(infer),
        comparison(compare),
    )  # fmt: skip
    return dict(artifacts.to_plain(made))


def dataset(simulate: Output) -> Dataset:
    """The data set of the first stage."""
    from ptycho.data.frames import Dataset, Frames

    amplitude = simulate["diffraction"]
    frames = Frames(amplitude, simulate["positions"], np.arange(len(amplitude)))
    shape = simulate["object_shape"]
    return Dataset(
        frames, simulate["probe"], (shape[0], shape[1]), simulate["photon_scale"], simulate["nphotons"],
        simulate["truth"],
    )  # fmt: skip


def parts(simulate: Output, split: Output) -> Split:
    """Train and test frames."""
    from ptycho.data.splitting import Split

    frames = dataset(simulate).frames
    return Split(frames.take(split["train"]), frames.take(split["test"]))


def grouped(simulate: Output, group: Output) -> Grouped:
    """The groups, and the frames that are reconstructed."""
    from ptycho.data.grouping import Groups
    from ptycho.pipeline.stages import Grouped

    frames = dataset(simulate).frames.take(group["frames"])
    return Grouped(Groups(**group["train"]), frames, Groups(**group["infer"]))


def scales(normalize: Output) -> Scales:
    """The scales."""
    from ptycho.data.normalization import Scales

    return Scales(**normalize)


def trained(
    config: PipelineConfig, simulate: Output, probe: Output, group: Output, normalize: Output, train: Output
) -> Trained:
    """The trained model, built anew and given its weights."""
    from ptycho.pipeline.stages import Trained, make_model
    from ptycho.training.training import TrainingOutcome

    both = grouped(simulate, group)
    reach = max(both.train.reach, both.infer.reach)
    model, maker = make_model(config, scales(normalize), probe["probe"], reach)
    initial = model.get_weights()
    model.set_weights([train["weights"][name] for name in sorted(train["weights"])])
    return Trained(model, maker, TrainingOutcome(train["history"]), initial, 0.0)


def reconstruction(infer: Output) -> Reconstruction:
    """The reconstruction on its whole canvas."""
    from ptycho.reconstruction.stitching import Reconstruction
    from ptycho.reconstruction.synchronization import Synchronization

    obj, weight = (np.zeros((infer["side"], infer["side"]), infer[name].dtype) for name in ("object", "weight"))
    (top, left), (height, width) = infer["corner"], infer["object"].shape
    obj[top : top + height, left : left + width] = infer["object"]
    weight[top : top + height, left : left + width] = infer["weight"]
    sync = None if infer["synchronization"] is None else Synchronization(**infer["synchronization"])
    return Reconstruction(obj, weight, (infer["origin"][0], infer["origin"][1]), sync, 0.0)


def reference(oracle: Output) -> Reference:
    """The oracle's result."""
    from ptycho.pipeline.stages import Reference

    return Reference(oracle["object"], oracle["probe"], oracle["fourier_errors"], 0.0)


def comparison(compare: Output) -> Comparison:
    """The comparison; its full-size pictures are not kept."""
    from ptycho.pipeline.stages import Comparison

    nothing = np.zeros((0, 0), np.complex64)
    return Comparison(dict(compare["metrics"]), compare["support"], nothing, nothing)


def _groups(groups: Any) -> dict[str, Any]:
    return {"members": groups.members, "centers": groups.centers, "offsets": groups.offsets}


def scenarios() -> dict[str, str]:
    """Every scenario's name and title."""
    from ptycho.config.scenario import list_scenarios

    return list_scenarios()


def load(name: str, profile: str, overrides: Sequence[str] = ()) -> Scenario:
    """A resolved scenario; one of measured data says so where the data is not found."""
    from harness.core.errors import ProjectError
    from ptycho.config.reading import to_mapping
    from ptycho.config.scenario import load_scenario
    from ptycho.data.files import input_files
    from ptycho.errors import PtychoError

    try:
        found = load_scenario(name, profile, overrides)
    except PtychoError as error:
        raise ProjectError(str(error)) from error
    config = to_mapping(found.config)
    missing = ""
    try:
        input_files(config)
    except PtychoError as error:
        missing = str(error)
    return Scenario(name, profile, found.title, config, missing)


def files(config: Mapping[str, Json]) -> list[Path]:
    """Files whose content decides the data."""
    from ptycho.data.files import input_files

    return input_files(config)


def invariants(artifacts: Mapping[str, Artifact]) -> list[Invariant]:
    """The pipeline's own invariants, from what was observed of its stages."""
    from ptycho.quality.invariants import check_invariants

    telemetry, simulation = artifacts["telemetry"].values, artifacts["simulation"].values
    held = check_invariants(
        telemetry["intensity"], telemetry["inference"], artifacts["comparison"].values["metrics"],
        float(np.sqrt(simulation["nphotons"])) / (simulation["frames"]["side_px"] / 2),
        ["the harness compares configurations itself"], artifacts["split"].values["shared_frames"],
        artifacts["reconstruction"].values["non_finite_pixels"], telemetry["unmoved"],
    )  # fmt: skip
    own = ("one_configuration",)  # the harness's own invariant sees the stages apart
    return [Invariant(i.name, i.value, i.low, i.high, i.evidence) for i in held if i.name not in own]


def explain(scenario: Scenario, artifacts: Mapping[str, Artifact]) -> Json:
    """The diagnosis of one run, from whichever of its artifacts there are."""
    from guard.diagnosis import parts
    from ptycho.diagnostics import RunRecord, diagnose_run
    from ptycho.output.artifacts import to_plain

    return to_plain(diagnose_run(RunRecord(scenario.name, "verification", parts(scenario, artifacts))))


def reseed(config: Mapping[str, Json], member: int) -> dict[str, Json]:
    """The configuration of one ensemble member: other initial weights, another batch order."""
    return {
        **config,
        "model": {**config["model"], "init_seed": config["model"]["init_seed"] + 1 + member},
        "train": {**config["train"], "seed": config["train"]["seed"] + 1 + member},
    }


BEFORE_TRAINING = ("simulate", "split", "probe", "group", "normalize")

pipeline = Pipeline(
    name="ptycho",
    stages=(
        Stage(
            "simulate", "simulation", simulate, observe.simulation,
            reads=("N", "simulate", "measured"), files=files, replay="verify",
        ),
        Stage("split", "split", split, observe.split, ("simulate",), ("split",), replay="verify"),
        Stage(
            "probe", "probe", probe, observe.probe, ("simulate", "split"), ("measured", "reference"), replay="verify",
        ),
        Stage(
            "group", "groups", group, observe.groups, ("simulate", "split"), ("gridsize", "group", "infer"),
            replay="verify",
        ),
        Stage(
            "normalize", "normalized", normalize, None, ("simulate", "split", "probe", "group"), replay="verify",
        ),
        Stage(
            "train", "trained", train, observe.trained, BEFORE_TRAINING,
            (*MODEL, "train"), replay="given", tier="statistical",
        ),
        Stage(
            "pinned", "pinned", pinned, None, (*BEFORE_TRAINING, "train"), (*MODEL, "train"),
            main=False, replay="verify", tier="pinned",
        ),
        Stage(
            "infer", "reconstruction", infer, observe.reconstruction,
            ("simulate", "probe", "group", "normalize", "train"), (*MODEL, "infer"), replay="verify",
            tier="statistical",
        ),
        Stage("oracle", "oracle", oracle, observe.oracle, ("simulate", "group"), ("reference",), replay="verify"),
        Stage(
            "compare", "comparison", compare, observe.comparison, (*BEFORE_TRAINING, "train", "infer", "oracle"),
            (*MODEL, "group", "infer", "reference", "compare"), replay="verify", tier="statistical",
        ),
        Stage(
            "measure", "telemetry", measure, observe.telemetry, (*BEFORE_TRAINING, "train", "infer", "compare"),
            MODEL, replay="verify", tier="statistical",
        ),
    ),
    scenarios=scenarios,
    load=load,
    source_roots=("ptycho", "guard"),
    invariants=invariants,
    reseed=reseed,
    libraries=("numpy", "scipy", "scikit-image", "h5py", "keras", os.environ.get("KERAS_BACKEND", "tensorflow")),
    environment=("KERAS_BACKEND",),
    axes=axes,
    reference=(
        "oracle/**", "comparison/metrics/oracle/**", "comparison/oracle/**", "comparison/metrics/fourier_error/oracle",
    ),
    quality=("comparison/**",),
    learned="train",
    analyze="ptycho.diagnostics:analyze",
    contrast="ptycho.diagnostics:contrast",
    explain=explain,
    errors=("ptycho.errors:PtychoError",),
    views=(
        Image("reconstruction", "amplitude", "Amplitude, object units"),
        Image("comparison", "phase", "Phase, rad", "twilight"),
        Image("oracle", "amplitude", "Oracle's amplitude, object units"),
        Image("simulation", "truth_amplitude", "True amplitude, object units"),
        Image("simulation", "mean_diffraction", "Mean diffraction amplitude, log10(1 + A)", "viridis"),
        Curve("trained", "history/loss", "Training loss", log=True),
        Curve("oracle", "fourier_errors", "Oracle's Fourier error a sweep", log=True),
        Ladder("telemetry", "intensity/gain_ladder", "Gains from raw data to object units"),
    ),
)  # fmt: skip
