"""Faults of the training's loop, none of which raises anything: a commit might bring each.

Every fault is a function that changes ``ptycho.training.training`` or what it uses, by ``put(owner, name, value)``,
such as ``setattr``.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ptycho.model.backend import keras, ops
from ptycho.model.network import PtychoModel
from ptycho.training import training as t

Put = Callable[[Any, str, Any], None]


def _around(put: Put, owner: Any, name: str, change: Callable[..., Any]) -> None:
    """``owner.name`` becomes ``change(original, *arguments)``."""
    original = getattr(owner, name)
    put(owner, name, lambda *arguments, **options: change(original, *arguments, **options))


def _optimizer(**settings: Any) -> Callable[[Put], None]:
    """Other settings of the optimiser."""

    def fault(put: Put) -> None:
        _around(put, t.WatchedAdam, "__init__", lambda f, self, *a, **given: f(self, *a, **{**given, **settings}))

    return fault


def _plateau(**settings: Any) -> Callable[[Put], None]:
    """Other settings of the callback that lowers the rate."""

    def fault(put: Put) -> None:
        kind = keras.callbacks.ReduceLROnPlateau
        _around(
            put,
            kind,
            "__init__",
            lambda f, self, monitor, **given: f(self, **{"monitor": monitor, **given, **settings}),
        )

    return fault


def _config(**settings: Any) -> Callable[[Put], None]:
    """A training under another configuration than it is given."""

    def fault(put: Put) -> None:
        def changed(f: Any, model: Any, make: Any, groups: Any, config: Any, *rest: Any) -> Any:
            values = {k: v(getattr(config, k)) for k, v in settings.items()}
            return f(model, make, groups, dataclasses.replace(config, **values), *rest)

        _around(put, t, "train_network", changed)

    return fault


def _history(change: Callable[[dict[str, list[float]]], None]) -> Callable[[Put], None]:
    """A history that tells something else than what happened."""

    def fault(put: Put) -> None:
        def changed(f: Any, *arguments: Any) -> Any:
            outcome = f(*arguments)
            change(outcome.history)
            return outcome

        _around(put, t, "train_network", changed)

    return fault


def _gradients(change: Callable[[Any, list[Any], list[Any]], list[Any]]) -> Callable[[Put], None]:
    """Gradients changed by hand, which no setting of the optimiser tells."""

    def fault(put: Put) -> None:
        def changed(f: Any, self: Any, grads: list[Any], variables: list[Any] | None = None) -> None:
            f(self, change(self, grads, variables or []), variables)

        _around(put, t.WatchedAdam, "apply", changed)

    return fault


def cosine_over_one_epoch(put: Put) -> None:
    _around(put, t, "compile_model", lambda f, model, config, steps: f(model, config, steps=steps // config.epochs))


def unshuffled(put: Put) -> None:
    put(t.GroupBatches, "order", lambda self: np.arange(len(self.groups)))


def same_order(put: Put) -> None:
    put(t.GroupBatches, "order", lambda self: np.random.default_rng([self.seed or 0, 1]).permutation(len(self.groups)))


def last_batch_dropped(put: Put) -> None:
    put(t.GroupBatches, "__len__", lambda self: len(self.groups) // self.batch_size or 1)


def clip_each(put: Put) -> None:
    def changed(f: Any, self: Any, *arguments: Any, global_clipnorm: float) -> None:
        f(self, *arguments, clipnorm=global_clipnorm)

    _around(put, t.WatchedAdam, "__init__", changed)


def validation_trained_on(put: Put) -> None:
    _around(put, t, "hold_out", lambda f, groups, config: (groups, f(groups, config)[1]))


def validation_elsewhere(put: Put) -> None:
    _around(put, t, "hold_out", lambda f, groups, config: f(groups, dataclasses.replace(config, seed=config.seed + 1)))


def keras_shuffles(put: Put) -> None:
    def changed(f: Any, self: Any, *arguments: Any, **given: Any) -> Any:
        random.seed(1)  # Python's own generator, which Keras asks: two batches in one order would be no fault
        return f(self, *arguments, **{**given, "shuffle": True})

    _around(put, PtychoModel, "fit", changed)


def loss_weights(put: Put) -> None:
    def changed(f: Any, self: Any, inputs: Any, output: Any) -> Any:
        values = f(self, inputs, output)
        return {**values, "loss": values["loss"] + 10.0 * values["mae_loss"]}

    _around(put, PtychoModel, "loss_components", changed)


def loss_times(put: Put) -> None:
    _around(put, PtychoModel, "compute_loss", lambda f, *a, **k: 1.001 * f(*a, **k))


def restores_the_start(put: Put) -> None:
    def changed(f: Any, model: Any, *rest: Any) -> Any:
        before = model.get_weights()
        outcome = f(model, *rest)
        model.set_weights(before)
        return outcome

    _around(put, t, "train_network", changed)


def _swap(history: dict[str, list[float]]) -> None:
    if "val_loss" in history:
        history["loss"], history["val_loss"] = history["val_loss"], history["loss"]


def _late_rate(history: dict[str, list[float]]) -> None:
    history["learning_rate"] = [*history["learning_rate"][:1], *history["learning_rate"][:-1]]


def _clip_by_hand(self: Any, grads: list[Any], variables: list[Any]) -> list[Any]:
    limit = self.global_clipnorm
    return [g * (limit / ops.maximum(ops.sqrt(ops.sum(ops.square(g))), limit)) for g in grads]


def _decay_by_hand(self: Any, grads: list[Any], variables: list[Any]) -> list[Any]:
    for variable in variables:
        variable.assign(variable * (1.0 - 1e-2 * 1e-4))
    return grads


FAULTS: dict[str, Callable[[Put], None]] = {
    "the cosine ends after one epoch": cosine_over_one_epoch,
    "batches are not shuffled": unshuffled,
    "each epoch has the same order": same_order,
    "the last batch is dropped": last_batch_dropped,
    "Keras shuffles": keras_shuffles,
    "each gradient is clipped by itself": clip_each,
    "each gradient is clipped by itself, by hand": _gradients(_clip_by_hand),
    "Adam's epsilon is 1e-8": _optimizer(epsilon=1e-8),
    "Adam's beta_2 is 0.99": _optimizer(beta_2=0.99),
    "weights decay": _optimizer(weight_decay=4e-3),
    "weights decay, by hand": _gradients(_decay_by_hand),
    "gradients are accumulated": _optimizer(gradient_accumulation_steps=2),
    "the plateau's patience is 3": _plateau(patience=3),
    "the plateau halves less": _plateau(factor=0.7),
    "the plateau watches what is trained on": _plateau(monitor="loss"),
    "the history's losses are swapped": _history(_swap),
    "the history's rate is of another epoch": _history(_late_rate),
    "validation is trained on": validation_trained_on,
    "validation is of other groups": validation_elsewhere,
    "the loss has another weight": loss_weights,
    "the gradient is a thousandth too large": loss_times,
    "the weights are those of the start": restores_the_start,
    "the rate is a thousandth too large": _config(learning_rate=lambda rate: 1.001 * rate),
    "the batch is larger by one": _config(batch_size=lambda size: size + 1),
    "another seed": _config(seed=lambda seed: seed + 1),
    "one epoch too many": _config(epochs=lambda epochs: epochs + 1),
}
