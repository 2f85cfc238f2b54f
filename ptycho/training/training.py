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
    """Adam that keeps every weight finite, and counts on the device, so that no step waits for the host.

    It sums the squares of the gradients' global norms, before they are clipped. The first step of an epoch whose
    gradients or new weights are not finite leaves the weights as they were, and so does every later one.
    """

    def build(self, variables: list[Any]) -> None:
        """Make the counters beside Adam's own variables, so that every backend carries them along."""
        super().build(variables)
        if not hasattr(self, "energy"):  # Keras 2 builds at every step that it traces
            self.energy, self.taken, self.lost = (
                self.add_variable((), initializer="zeros", name=name)
                for name in ("gradient_energy", "steps_taken", "first_step_lost")
            )

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        """One step."""
        weights = self._trainable_variables if trainable_variables is None else trainable_variables
        before = [ops.copy(ops.convert_to_tensor(w)) for w in weights]
        super().apply(grads, weights)
        after = [ops.convert_to_tensor(w) for w in weights]
        energy = ops.sum(ops.stack([ops.sum(ops.square(g)) for g in grads]))
        finite = ops.all(ops.stack([ops.isfinite(energy), *(ops.all(ops.isfinite(w)) for w in after)]))
        self.energy.assign_add(energy)
        self.taken.assign_add(1.0)
        taken, lost = ops.convert_to_tensor(self.taken), ops.convert_to_tensor(self.lost)
        lost = ops.where(ops.logical_and(lost == 0.0, ops.logical_not(finite)), taken, lost)
        self.lost.assign(lost)
        for weight, new, old in zip(weights, after, before, strict=True):
            weight.assign(ops.where(lost == 0.0, new, old))

    def take_counts(self) -> tuple[int, int, float]:
        """Steps, the first of them that was lost or 0, and the sum of squares, since these were last taken."""
        counters = (self.taken, self.lost, self.energy)
        steps, lost, energy = (float(host(counter)) for counter in counters)
        for counter in counters:
            counter.assign(0.0)
        return int(steps), int(lost), energy


class Guard(keras.callbacks.Callback):
    """Sets the batches' epoch; stops where a step was not finite; notes learning rate and gradient norm.

    It looks at the end of an epoch: until then nothing leaves the device. ``trained``: epochs that were finite.
    """

    def __init__(self, batches: GroupBatches, progress: Progress | None, epochs: int) -> None:
        super().__init__()
        self.batches, self.progress, self.epochs = batches, progress, epochs
        self.trained = 0
        self.learning_rates: list[float] = []
        self.gradient_norms: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Set this epoch's batch order; note the learning rate."""
        self.batches.epoch = epoch + 1
        self.learning_rates.append(learning_rate(self.model.optimizer))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Raise TrainingDiverged where a step or validation was not finite; report progress."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        steps, lost, energy = self.model.optimizer.take_counts()
        bad, kind = _not_finite({name: values.get(name, 0.0) for name in (*COMPONENTS, "loss")})
        if bad:
            raise TrainingDiverged(epoch + 1, lost or steps, [n for n in bad if n in COMPONENTS] or bad, kind)
        if lost:
            raise TrainingDiverged(epoch + 1, lost, ["the weights after the update"], "non-finite")
        self.trained = epoch + 1
        bad, kind = _not_finite(values)
        if bad:
            raise TrainingDiverged(epoch + 1, steps, bad, kind)
        self.gradient_norms.append(math.sqrt(energy / steps))
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

    ``make`` turns groups into inputs (see ``ptycho.features``). A NaN or an infinity ends training with that epoch, and
    the step is named (``Outcome.diverged``); Ctrl-C ends it at once (``Outcome.interrupted``). Validation is on
    ``hold_out``'s groups, none of whose frames is trained on.
    """
    learned, held = hold_out(groups, config)
    batches = GroupBatches(make, learned, config.batch_size, config.seed)
    validation = None if held is None else GroupBatches(make, held, config.batch_size, None)
    compile_model(model, config, steps=len(batches) * config.epochs)
    guard = Guard(batches, progress, config.epochs)
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
    _ = guard.model  # JAX keeps the latest weights to itself until a callback asks for its model
    history = {
        k: [float(v) for v in values[: guard.trained]]
        for k, values in recorder.history.items()
        if k not in ("learning_rate", "lr")
    }
    outcome.history = {
        **history,
        "learning_rate": guard.learning_rates[: guard.trained],
        "gradient_norm": guard.gradient_norms[: guard.trained],
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
