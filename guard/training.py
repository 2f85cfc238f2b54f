"""Stages that only the harness has: the training's loop, played through at full size and run for real on a few groups.

Each function is ``(config, progress, **outputs of needs)``, as in ``guard.stages``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from guard.stages import Config
from guard.values import as_config, as_dataset, as_scales
from harness import Artifact, Output, Progress

if TYPE_CHECKING:
    from ptycho.data.frames import Frames
    from ptycho.data.grouping import Groups

# A short training in which rounding stays rounding. Clipped so far down, gradients come near Adam's epsilon: their
# size then matters, as it does not to Adam else, and those that rounding alone decides move nothing.
LOOP: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 3,  # which leaves a short one at the end of every epoch
    "learning_rate": 3e-5,
    "clip_norm": 1e-3,
    "validation_fraction": 0.2,
}


def rehearse(config: Config, progress: Progress, group: Output) -> Output:
    """What training builds of the configuration: optimiser, schedule, callbacks, batches and who is held out."""
    from ptycho.data.grouping import Groups
    from ptycho.training.rehearsal import rehearse_training

    return dataclasses.asdict(rehearse_training(Groups(**group["train"]), as_config(config).train))


def observe_rehearsal(config: Config, output: Output, group: Output) -> Artifact:
    """All of it."""
    arrays = {name: value for name, value in output.items() if isinstance(value, np.ndarray)}
    return Artifact({name: value for name, value in output.items() if name not in arrays}, arrays)


def loop(
    config: Config,
    progress: Progress,
    simulate: Output,
    probe: Output,
    group: Output,
    normalize: Output,
    train: Output,
) -> Output:
    """A short training from the given weights: its history, how far every weight went, and who trained when."""
    from ptycho.model.backend import host
    from ptycho.pipeline.inference import make_model
    from ptycho.training.rehearsal import optimizer_settings, rehearse_training
    from ptycho.training.training import input_maker, train_network

    settings, dataset = as_config(config), as_dataset(simulate)
    groups = two_regions(dataset.frames, settings.gridsize)
    short = dataclasses.replace(settings.train, **LOOP)
    model, maker = make_model(settings, as_scales(normalize), probe["probe"], groups.reach)
    start = [train["weights"][name] for name in sorted(train["weights"])]
    model.set_weights(start)
    truth = dataset.truth if settings.loss.realspace_weight and settings.loss.realspace_mae_weight else None
    make = input_maker(maker, dataset.frames, truth, model.architecture.canvas)
    outcome = train_network(model, make, groups, short, progress)
    if outcome.diverged is not None:
        raise outcome.diverged
    played = rehearse_training(groups, short)
    names = [f"{index:02d}_{name}" for index, name in enumerate(train["names"])]
    return {
        "history": outcome.history,
        "steps": int(host(model.optimizer.iterations)),
        "optimizer": optimizer_settings(model.optimizer),
        "weights": dict(zip(names, map(_went, start, model.get_weights()), strict=True)),
        "order": played.order,
        "learned": played.learned,
        "held": played.held,
    }


def two_regions(frames: Frames, gridsize: int) -> Groups:
    """Groups of the upper and of the lower half of the frames, which share none: so that few can be held out."""
    from ptycho.data.grouping import Groups, make_groups

    half = len(frames) // 2
    across = np.argsort(frames.positions[:, 1], kind="stable")
    parts: list[Groups] = []
    for index, which in enumerate((across[:half], across[half:])):
        rng = np.random.default_rng([half, index])
        own = make_groups(frames.positions[which], gridsize, half - 1, rng, half - 1)
        parts.append(Groups(which[own.members], own.centers, own.offsets))
    return Groups(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in dataclasses.fields(Groups)))


def _went(start: Any, end: Any) -> dict[str, float]:
    """``norm`` at the end; ``moved``, the distance from the start; ``turned``, its direction along the start."""
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    moved, size = np.linalg.norm(end - start), np.linalg.norm(start)
    cosine = np.vdot(end - start, start) / (moved * size) if moved * size else 0.0
    return {"norm": float(np.linalg.norm(end)), "moved": float(moved), "turned": float(cosine)}
