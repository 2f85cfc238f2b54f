"""Training: seeded batches, a history of every component, and an end that loses nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Integer, Real
from ptycho.config.network import TrainConfig
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.errors import TrainingDiverged
from ptycho.model.backend import Adam, PyDataset, host, keras, learning_rate, ops, with_xla
from ptycho.model.features import FeatureMaker
from ptycho.model.network import COMPONENTS, PtychoModel
from ptycho.optics.geometry import extract_patches
from ptycho.progress import Progress
from ptycho.training.validation import hold_out

CACHE_BYTES = 512 * 2**20  # inputs are kept between epochs when they are smaller than this


@dataclass
class TrainingOutcome:
    """What training leaves: the history by metric, and how it ended."""

    history: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False
    diverged: TrainingDiverged | None = None


class GroupBatches(PyDataset):
    """Batches of groups in an order that is a pure function of ``(seed, epoch)``.

    ``epoch`` counts from 1 and is set by ``Guard`` when an epoch begins, never by Keras, which also
    ends an "epoch" while it builds a model. ``seed`` None keeps the groups' own order.
    """

    def __init__(
        self, make: Callable[[Groups], dict[str, Real]], groups: Groups, batch_size: int, seed: int | None
    ) -> None:
        super().__init__()
        self.make, self.groups, self.batch_size, self.seed = make, groups, batch_size, seed
        self.epoch = 1
        first = make(groups.take(slice(0, 1)))
        bytes_all = len(groups) * sum(value.nbytes for value in first.values())
        self.cached = make(groups) if bytes_all <= CACHE_BYTES else None

    def __len__(self) -> int:
        return math.ceil(len(self.groups) / self.batch_size)

    def order(self) -> Integer:
        """This epoch's order of the groups."""
        if self.seed is None:
            return np.arange(len(self.groups))
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.groups))

    def __getitem__(self, index: int) -> tuple[dict[str, Real], Real]:
        which = self.order()[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = {k: v[which] for k, v in self.cached.items()} if self.cached else self.make(self.groups.take(which))
        return inputs, np.zeros(len(which), np.float32)  # Keras wants a target; the data is its own


class WatchedAdam(Adam):
    """Adam that sums the squares of the gradients' global norms, before they are clipped."""

    def build(self, variables: list[Any]) -> None:
        """Make the sum beside Adam's own variables, so that every backend carries it along."""
        super().build(variables)
        if not hasattr(self, "energy"):  # Keras 2 builds at every step that it traces
            self.energy = self.add_variable((), initializer="zeros", name="gradient_energy")

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        """One step."""
        super().apply(grads, trainable_variables)
        self.energy.assign_add(ops.sum(ops.stack([ops.sum(ops.square(g)) for g in grads])))

    def take_energy(self) -> float:
        """The sum since it was last taken."""
        energy = float(host(self.energy))
        self.energy.assign(0.0)
        return energy


class Guard(keras.callbacks.Callback):
    """Sets the batches' epoch; watches every step; keeps the latest finite weights; notes the learning rate."""

    def __init__(self, batches: GroupBatches, weights: list[Any], progress: Progress | None, epochs: int) -> None:
        super().__init__()
        self.batches, self.progress, self.epochs = batches, progress, epochs
        self.epoch = self.steps = 0
        self.finite = weights
        self.learning_rates: list[float] = []
        self.gradient_norms: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Set this epoch's batch order; note the learning rate."""
        self.epoch = epoch
        self.batches.epoch = epoch + 1
        self.learning_rates.append(learning_rate(self.model.optimizer))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Raise TrainingDiverged at the first step that is not finite."""
        values = {name: float((logs or {}).get(name, 0.0)) for name in (*COMPONENTS, "loss")}
        bad, kind = _not_finite(values)
        weights = self.model.get_weights()
        self.steps = batch + 1
        if bad:
            raise TrainingDiverged(self.epoch + 1, batch + 1, [n for n in bad if n in COMPONENTS] or bad, kind)
        if not all(np.isfinite(w).all() for w in weights):
            raise TrainingDiverged(self.epoch + 1, batch + 1, ["the weights after the update"], "non-finite")
        self.finite = weights

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Raise TrainingDiverged where validation was not finite; report progress."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        bad, kind = _not_finite(values)
        if bad:
            raise TrainingDiverged(epoch + 1, self.steps, bad, kind)
        self.gradient_norms.append(math.sqrt(self.model.optimizer.take_energy() / self.steps))
        if self.progress:
            self.progress(epoch + 1, self.epochs, f"loss {(logs or {}).get('loss', math.nan):.4g}")


def _not_finite(values: Mapping[str, float]) -> tuple[list[str], str]:
    """The names whose values are not finite, and whether any of them is NaN or all are infinite."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    return bad, "NaN" if any(math.isnan(values[name]) for name in bad) else "infinite"


def compile_model(model: PtychoModel, config: TrainConfig, steps: int) -> None:
    """Adam with clipped gradients; ``steps`` in all, for the cosine schedule."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    compile_built(model, WatchedAdam(rate, global_clipnorm=config.clip_norm), with_xla())


def compile_built(model: PtychoModel, optimizer: keras.optimizers.Optimizer, jit: bool) -> None:
    """Compile with an optimiser that has its variables: TensorFlow traces a step that makes some twice."""
    optimizer.build(model.trainable_weights)
    model.compile(optimizer, jit_compile=jit)


def train_network(
    model: PtychoModel,
    make: Callable[[Groups], dict[str, Real]],
    groups: Groups,
    config: TrainConfig,
    progress: Progress | None = None,
) -> TrainingOutcome:
    """Train ``model`` in place; its weights are finite afterwards, however training ended.

    ``make`` turns groups into inputs (see ``ptycho.features``). A NaN or an infinity stops training
    at that step (``Outcome.diverged``) and Ctrl-C at the next (``Outcome.interrupted``). Validation is on
    ``hold_out``'s groups, none of whose frames is trained on.
    """
    learned, held = hold_out(groups, config)
    batches = GroupBatches(make, learned, config.batch_size, config.seed)
    validation = None if held is None else GroupBatches(make, held, config.batch_size, None)
    compile_model(model, config, steps=len(batches) * config.epochs)
    guard = Guard(batches, model.get_weights(), progress, config.epochs)
    callbacks: list[keras.callbacks.Callback] = [guard]
    if config.schedule == "plateau":
        monitor = "loss" if held is None else "val_loss"
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(monitor, factor=0.5, patience=2, min_lr=1e-4 * config.learning_rate)
        )
    outcome = TrainingOutcome()
    recorder = keras.callbacks.History()
    try:
        model.fit(
            batches,
            validation_data=validation,
            epochs=config.epochs,
            shuffle=False,
            verbose=0,
            callbacks=[recorder, *callbacks],
        )
    except KeyboardInterrupt:
        outcome.interrupted = True
    except TrainingDiverged as error:
        outcome.diverged = error
    if outcome.interrupted or outcome.diverged:
        model.set_weights(guard.finite)
    history = {
        k: [float(v) for v in values] for k, values in recorder.history.items() if k not in ("learning_rate", "lr")
    }
    epochs = len(next(iter(history.values()), []))
    outcome.history = {
        **history,
        "learning_rate": guard.learning_rates[:epochs],
        "gradient_norm": guard.gradient_norms[:epochs],
    }
    return outcome


def input_maker(
    maker: FeatureMaker, frames: Frames, truth: Complex | None = None, canvas: int = 0
) -> Callable[[Groups], dict[str, Real]]:
    """The ``make`` of ``train`` for groups of ``frames``.

    With a ``truth`` the inputs hold it too, cut to each group's ``canvas`` and normalised, for the
    real-space loss.
    """

    def make(groups: Groups) -> dict[str, Real]:
        inputs = maker(frames, groups)
        if truth is not None:
            cut = maker.scales.gain * extract_patches(truth, groups.centers, canvas)
            inputs["truth"] = np.stack([cut.real, cut.imag], axis=1).astype(np.float32)
        return inputs

    return make
