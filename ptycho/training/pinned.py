"""The first steps of a training from given weights: what every backend must agree on.

No random number is drawn here: weights and batches are given. A fault of the physics, the layers,
the losses or the optimiser shows in these figures long before it shows in a finished training.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho.arrays import Real
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.model.backend import Adam, host, ops, weight_name, with_xla
from ptycho.model.features import FeatureMaker
from ptycho.model.network import PtychoModel
from ptycho.training.training import compile_built, input_maker


@dataclass(frozen=True)
class Pinned:
    """``object`` ``(B, 2, M, M)`` and ``weight`` ``(B, M, M)``: outputs before any step, normalised units.
    ``components``: the losses then, ``gradient_norms``: of every trainable weight in the model's order,
    ``losses``: of the optimiser's first steps."""

    object: Real
    weight: Real
    components: dict[str, float]
    gradient_norms: dict[str, float]
    losses: list[float]


def fixed_batches(maker: FeatureMaker, frames: Frames, groups: Groups, size: int) -> list[dict[str, Real]]:
    """The groups in their own order, in batches of one size, so that each backend compiles one step."""
    make, whole = input_maker(maker, frames), len(groups) // size * size
    return [make(groups.take(slice(i, i + size))) for i in range(0, whole, size)]


def first_steps(
    model: PtychoModel,
    batches: list[dict[str, Real]],
    steps: int,
    rate: float,
    clip_norm: float,
    jit: bool | None = None,
) -> Pinned:
    """Outputs, losses and gradients at ``model``'s weights, then ``steps`` of Adam over ``batches`` in turn.

    ``jit``: whether the steps are compiled by XLA; None for what training does on this backend.
    """
    tensors = {k: ops.convert_to_tensor(v) for k, v in batches[0].items()}
    output = model(tensors)
    components = {k: _number(v) for k, v in model.loss_components(tensors, output).items()}
    optimizer = NotingAdam(rate, global_clipnorm=clip_norm)
    compile_built(model, optimizer, with_xla() if jit is None else jit)
    losses = _losses(model, batches, steps)
    obj, weight = (host(output[name]) for name in ("object", "weight"))
    return Pinned(obj, weight, components, optimizer.gradient_norms(model.trainable_weights), losses)


class NotingAdam(Adam):
    """Adam that notes the norm of each weight's gradient in its first step, before it is clipped.

    So one step is traced for both; Keras has no way to a gradient that is the same on every backend.
    """

    def build(self, variables: list[Any]) -> None:
        """Make the norms beside Adam's own variables, so that every backend carries them along."""
        super().build(variables)
        if not hasattr(self, "norms"):  # Keras 2 builds at every step that it traces
            self.norms = [
                self.add_variable((), initializer="zeros", name=f"gradient_norm_{i}") for i in range(len(variables))
            ]

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        """One step."""
        first = ops.convert_to_tensor(self.iterations) == 0
        for norm, grad in zip(self.norms, grads, strict=True):
            now = ops.sqrt(ops.sum(ops.square(grad)))
            norm.assign(ops.where(first, now, ops.convert_to_tensor(norm)))
        super().apply(grads, trainable_variables)

    def gradient_norms(self, weights: list[Any]) -> dict[str, float]:
        """The norms by weight, after at least one step."""
        return {
            f"{i:02d}_{weight_name(weight)}": _number(norm)
            for i, (weight, norm) in enumerate(zip(weights, self.norms, strict=True))
        }


def _losses(model: PtychoModel, batches: list[dict[str, Real]], steps: int) -> list[float]:
    """Of each step: an epoch of ``fit``, because Keras 3.3's ``train_on_batch`` traces every step anew."""
    stream = ((batch, np.zeros(len(batch["offsets"]), np.float32)) for batch in itertools.cycle(batches))
    history = model.fit(stream, epochs=steps, steps_per_epoch=1, shuffle=False, verbose=0).history
    return [float(loss) for loss in history["loss"]]


def _number(tensor: Any) -> float:
    return float(host(tensor))
