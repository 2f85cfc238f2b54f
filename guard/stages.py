"""The stages as the harness runs them: outputs are data, put together again where a later stage needs them.

Nothing heavy is imported before a stage runs. Each function is ``(config, progress, **outputs of needs)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from guard.observers import binned
from guard.values import (
    as_comparison,
    as_config,
    as_dataset,
    as_groups,
    as_prepared,
    as_reconstruction,
    as_reference,
    as_scales,
    as_split,
    as_trained,
)
from harness import Output, Progress

PINNED_STEPS = 30
PINNED_RATE = 1e-4  # at ten times this, gs1_ideal's steps multiply rounding a thousandfold
Config = Mapping[str, Any]


def simulate(config: Config, progress: Progress) -> Output:
    """Frames, probe, and the truth where there is one."""
    from ptycho.pipeline import stages

    data = stages.simulate(as_config(config), progress)
    mask = {} if data.frames.mask is None else {"mask": data.frames.mask}
    return {
        "diffraction": data.frames.diffraction,
        "positions": data.frames.positions,
        "probe": data.probe,
        "object_shape": list(data.object_shape),
        "photon_scale": data.photon_scale,
        "nphotons": data.nphotons,
        "truth": data.truth,
        **mask,
    }


def split(config: Config, progress: Progress, simulate: Output) -> Output:
    """The frames of either part, by their index in the scan."""
    from ptycho.pipeline import stages

    both = stages.split(as_config(config), progress, as_dataset(simulate))
    return {"train": both.train.ids, "test": both.test.ids}


def probe(config: Config, progress: Progress, simulate: Output, split: Output) -> Output:
    """The probe of the model."""
    from ptycho.pipeline import stages

    return {"probe": stages.probe(as_config(config), progress, as_dataset(simulate), as_split(simulate, split))}


def group(config: Config, progress: Progress, simulate: Output, split: Output) -> Output:
    """Groups to train on and groups to reconstruct."""
    from ptycho.pipeline import stages

    groups = stages.group(as_config(config), progress, as_dataset(simulate), as_split(simulate, split))
    return {"train": _arrays(groups.train), "infer": _arrays(groups.infer), "frames": groups.frames.ids}


def normalize(
    config: Config, progress: Progress, simulate: Output, split: Output, probe: Output, group: Output
) -> Output:
    """The scales."""
    from ptycho.pipeline import stages

    return dataclasses.asdict(stages.normalize(as_config(config), progress, as_prepared(simulate, split, probe, group)))


def train(
    config: Config,
    progress: Progress,
    simulate: Output,
    split: Output,
    probe: Output,
    group: Output,
    normalize: Output,
) -> Output:
    """Trained weights and the history."""
    from ptycho.model.backend import weight_name
    from ptycho.pipeline import stages

    result = stages.train(as_config(config), progress, as_prepared(simulate, split, probe, group), as_scales(normalize))
    if result.outcome.diverged is not None:
        raise result.outcome.diverged
    if result.outcome.interrupted:
        raise KeyboardInterrupt
    return {
        "weights": {f"{i:03d}": np.asarray(weight) for i, weight in enumerate(result.model.get_weights())},
        "names": [weight_name(weight) for weight in result.model.weights],
        "history": result.outcome.history,
    }


def pinned(
    config: Config,
    progress: Progress,
    simulate: Output,
    split: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
) -> Output:
    """Outputs, losses and gradients at the given weights, and the losses of the first steps from there."""
    from ptycho.training.pinned import first_steps, fixed_batches

    settings = as_config(config)
    network = as_trained(settings, simulate, probe, group, normalize, train)
    frames, groups = as_split(simulate, split).train, as_groups(simulate, group).train
    batches = fixed_batches(network.maker, frames, groups, settings.train.batch_size)
    steps = first_steps(network.model, batches, PINNED_STEPS, PINNED_RATE, settings.train.clip_norm)
    one = slice(0, 1)  # a golden of one group's canvas says as much as one of two
    return {**dataclasses.asdict(steps), "object": steps.object[one], "weight": steps.weight[one]}


def infer(
    config: Config,
    progress: Progress,
    simulate: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
) -> Output:
    """The reconstruction, cut to where anything was reconstructed."""
    from ptycho.pipeline import stages

    settings = as_config(config)
    network = as_trained(settings, simulate, probe, group, normalize, train)
    result = stages.infer(settings, progress, as_groups(simulate, group), network)
    rows, columns = (np.flatnonzero((result.weight > 0).any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    sync = result.synchronization
    return {
        "object": result.object[box],
        "weight": result.weight[box],
        "corner": [int(rows[0]), int(columns[0])],
        "side": result.object.shape[0],
        "origin": list(result.origin),
        "synchronization": None if sync is None else dataclasses.asdict(sync),
    }


def oracle(config: Config, progress: Progress, simulate: Output, group: Output) -> Output:
    """The reference reconstruction; what only some engines correct is there where it was corrected."""
    from ptycho.pipeline import stages

    result = stages.oracle(as_config(config), progress, as_dataset(simulate), as_groups(simulate, group))
    found = {"object": result.object, "probe": result.probe, "fourier_errors": result.fourier_errors}
    corrected = {"positions": result.positions, "levels": result.levels}
    return found | {name: value for name, value in corrected.items() if value is not None}


def compare(
    config: Config,
    progress: Progress,
    simulate: Output,
    split: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
    infer: Output,
    oracle: Output,
) -> Output:
    """Quality of network and oracle, and the aligned reconstruction at half its resolution."""
    from ptycho.output.artifacts import to_plain
    from ptycho.pipeline import stages

    settings = as_config(config)
    inputs = as_prepared(simulate, split, probe, group)
    network = as_trained(settings, simulate, probe, group, normalize, train)
    result = stages.compare(settings, progress, inputs, network, as_reconstruction(infer), as_reference(oracle))
    return {
        "metrics": to_plain(result.metrics),
        "support": result.support,
        "network": binned(np.where(result.support, result.network, 0), 2),
    }


def measure(
    config: Config,
    progress: Progress,
    simulate: Output,
    split: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
    infer: Output,
    compare: Output,
) -> Output:
    """What every scale did."""
    from ptycho.output.artifacts import to_plain
    from ptycho.pipeline import stages

    settings = as_config(config)
    inputs = as_prepared(simulate, split, probe, group)
    network = as_trained(settings, simulate, probe, group, normalize, train)
    result = stages.measure(settings, progress, inputs, network, as_reconstruction(infer), as_comparison(compare))
    return dict(to_plain(result))


def _arrays(groups: Any) -> dict[str, Any]:
    return {"members": groups.members, "centers": groups.centers, "offsets": groups.offsets}
