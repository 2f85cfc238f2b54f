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
from ptycho.model.backend import host, keras, ops, weight_name, with_xla
from ptycho.model.features import FeatureMaker
from ptycho.model.network import PtychoModel
from ptycho.training.training import compile_built, input_maker

PROBING_RATE = 1e6  # of a plain gradient step, so large that the step is the gradient to all digits


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
    norms = _gradient_norms(model, batches[0], jit)
    _compile(model, keras.optimizers.Adam(rate, global_clipnorm=clip_norm), jit)
    losses = _losses(model, batches, steps)
    obj, weight = (host(output[name]) for name in ("object", "weight"))
    return Pinned(obj, weight, components, norms, losses)


def _gradient_norms(model: PtychoModel, batch: dict[str, Real], jit: bool | None = None) -> dict[str, float]:
    """From one plain gradient step, which every backend can take; the weights are put back."""
    before = model.get_weights()
    _compile(model, keras.optimizers.SGD(PROBING_RATE), jit)
    start = [host(w).copy() for w in model.trainable_weights]
    _losses(model, [batch], 1)
    steps = [(a - host(w)) / PROBING_RATE for a, w in zip(start, model.trainable_weights, strict=True)]
    names = [f"{i:02d}_{weight_name(w)}" for i, w in enumerate(model.trainable_weights)]
    model.set_weights(before)
    return {name: float(np.linalg.norm(step.astype(np.float64))) for name, step in zip(names, steps, strict=True)}


def _compile(model: PtychoModel, optimizer: keras.optimizers.Optimizer, jit: bool | None) -> None:
    compile_built(model, optimizer, with_xla() if jit is None else jit)


def _losses(model: PtychoModel, batches: list[dict[str, Real]], steps: int) -> list[float]:
    """Of each step: an epoch of ``fit``, because Keras 3.3's ``train_on_batch`` traces every step anew."""
    stream = ((batch, np.zeros(len(batch["offsets"]), np.float32)) for batch in itertools.cycle(batches))
    history = model.fit(stream, epochs=steps, steps_per_epoch=1, shuffle=False, verbose=0).history
    return [float(loss) for loss in history["loss"]]


def _number(tensor: Any) -> float:
    return float(host(tensor))
