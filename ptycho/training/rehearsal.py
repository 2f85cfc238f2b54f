"""A training played through without a step: what ``train_network`` has built, read from the built things.

Optimiser, callbacks, batches and validation are those that training makes of the configuration; only the model is
not there, so that nothing is learned and any size takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ptycho.arrays import Integer, Real
from ptycho.config.network import TrainConfig
from ptycho.data.grouping import Groups
from ptycho.model.backend import keras, learning_rate, step_counter
from ptycho.training import training
from ptycho.training.training import GroupBatches

OPTIMIZER_SETTINGS = (
    *("beta_1", "beta_2", "epsilon", "amsgrad", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue"),
    *("use_ema", "loss_scale_factor", "gradient_accumulation_steps"),
)
PLATEAU_SETTINGS = ("monitor", "factor", "patience", "min_delta", "cooldown", "min_lr")
STALLS = (4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 1.99995, 1.9999, 1.0, 1.0, 1.0)
"""A watched loss that improves, stalls for five epochs, improves, creeps for three, improves and stalls again."""


@dataclass(frozen=True)
class Rehearsed:
    """``optimizer``, ``fit``: settings, as they are in the built things; ``callbacks``: their classes.
    ``learning_rate``: of the first step of every epoch, and of the one after the last. ``plateau``: the settings of
    the callback that lowers the rate, and ``rates``, what it makes of it after each epoch of ``STALLS``; None without
    one. ``batch_sizes``, ``validation_sizes``: of an epoch's steps. ``order`` ``(epochs, G)``: the groups that each
    epoch trains on, in their order; ``learned``, ``held``: those of training and of validation."""

    optimizer: dict[str, Any]
    fit: dict[str, Any]
    callbacks: list[str]
    learning_rate: list[float]
    plateau: dict[str, Any] | None
    batch_sizes: Integer
    validation_sizes: Integer
    order: Integer
    learned: Integer
    held: Integer


class Prompter:
    """What ``train_network`` takes for a model: it is compiled and fitted, and notes with what."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.trainable_weights: list[Any] = []
        self.settings: dict[str, Any] = {}
        self.callbacks: Sequence[Any] = ()
        self.epochs: list[list[Integer]] = []
        self.validation: list[Integer] = []
        self.learning_rates: list[float] = []

    def compile(self, optimizer: Any, jit_compile: bool, **options: Any) -> None:
        """Keep the optimiser; whether XLA compiles is the backend's and changes nothing."""
        self.optimizer, self.settings = optimizer, dict(options)

    def get_weights(self) -> list[Real]:
        """None: there is nothing to train."""
        return []

    def set_weights(self, weights: list[Real]) -> None:
        """Take what was given."""

    def fit(
        self,
        batches: GroupBatches,
        validation_data: GroupBatches | None,
        epochs: int,
        callbacks: Sequence[Any],
        verbose: int = 0,
        **options: Any,
    ) -> None:
        """Ask for every batch of every epoch as Keras does, and for those of validation."""
        self.callbacks = callbacks
        self.settings |= {"epochs": epochs, **options}
        for callback in callbacks:
            callback.set_model(self)
        for epoch in range(epochs):
            self._advance(epoch * len(batches))
            for callback in callbacks:
                callback.on_epoch_begin(epoch)
            self.epochs.append(_batches(batches))
        self._advance(epochs * len(batches))
        self.validation = [] if validation_data is None else _batches(validation_data)

    def _advance(self, step: int) -> None:
        step_counter(self.optimizer).assign(step)
        self.learning_rates.append(learning_rate(self.optimizer))


def rehearse_training(groups: Groups, config: TrainConfig) -> Rehearsed:
    """Play ``train_network`` through for these groups; see ``Rehearsed``."""
    known = {row.tobytes(): index for index, row in enumerate(groups.members)}

    def make(some: Groups) -> dict[str, Real]:
        return {"group": np.array([known[row.tobytes()] for row in some.members], np.int32)}

    prompter = Prompter()
    training.train_network(cast(Any, prompter), make, groups, config)
    first = prompter.epochs[0]
    return Rehearsed(
        optimizer=optimizer_settings(prompter.optimizer),
        fit={name: _plain(value) for name, value in sorted(prompter.settings.items())},
        callbacks=[type(callback).__name__ for callback in prompter.callbacks],
        learning_rate=prompter.learning_rates,
        plateau=_drilled(prompter),
        batch_sizes=np.array([len(batch) for batch in first], np.int32),
        validation_sizes=np.array([len(batch) for batch in prompter.validation], np.int32),
        order=np.array([np.concatenate(epoch) for epoch in prompter.epochs], np.int32),
        learned=np.sort(np.concatenate(first)),
        held=np.concatenate([np.zeros(0, np.int32), *prompter.validation]),
    )


def optimizer_settings(optimizer: Any) -> dict[str, Any]:
    """Class and settings of an optimiser; None for what its version of Keras does not have."""
    own = optimizer.get_config()
    classes = [kind.__name__ for kind in type(optimizer).__mro__ if kind.__module__.startswith(("keras", "ptycho"))]
    return {
        "class": classes[0],
        "adam": "Adam" in classes[1:],
        **{name: _plain(own.get(name)) for name in OPTIMIZER_SETTINGS},
    }


def _drilled(prompter: Prompter) -> dict[str, Any] | None:
    """What the callback that watches a loss makes of the rate where it goes as ``STALLS``; the other loss falls on."""
    watching = [c for c in prompter.callbacks if isinstance(c, keras.callbacks.ReduceLROnPlateau)]
    if not watching:
        return None
    watched, rates = "val_loss" if prompter.validation else "loss", []
    settings = {
        name: _plain(getattr(watching[0], name)) for name in PLATEAU_SETTINGS
    }  # before it trains and turns a sign
    for callback in watching:
        callback.on_train_begin()
    for epoch, loss in enumerate(STALLS):
        for callback in watching:
            callback.on_epoch_end(epoch, {"loss": -float(epoch), "val_loss": -float(epoch), watched: loss})
        rates.append(learning_rate(prompter.optimizer))
    return {**settings, "rates": rates}


def _batches(batches: GroupBatches) -> list[Integer]:
    return [np.asarray(batches[index][0]["group"]) for index in range(len(batches))]


def _plain(value: Any) -> Any:
    """A setting as JSON has it; of anything but a number, a text or nothing the name of its type."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return float(value) if isinstance(value, float | np.number) else type(value).__name__
