"""The one door to Keras: Keras 3 as it is, and Keras 2 (of TensorFlow 2.15) under Keras 3's names.

Every other module takes ``keras``, ``ops`` and the rest from here, so that one set of goldens says
what either does. Under Keras 2 only what this package uses is there; nothing of Keras is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import layers

from ptycho.arrays import Real

__all__ = [
    "KERAS_2",
    "Adam",
    "PyDataset",
    "devices",
    "host",
    "keras",
    "layers",
    "learning_rate",
    "ops",
    "repeated",
    "weight_name",
    "weight_path",
    "with_xla",
]

KERAS_2 = keras.__version__.startswith("2.")

if not KERAS_2:
    from keras import ops
    from keras.optimizers import Adam
    from keras.utils import PyDataset

    devices = keras.distribution.list_devices
else:
    import tensorflow as tf
    from keras.utils import Sequence as PyDataset

    _same = ("abs", "cos", "exp", "expm1", "log", "log1p", "maximum", "round", "sigmoid", "sin", "softplus", "sqrt")
    ops = SimpleNamespace(
        **{name: getattr(tf.math, name) for name in (*_same, "square")},
        **{name: getattr(tf, name) for name in ("broadcast_to", "cast", "convert_to_tensor", "matmul", "pad", "roll")},
        **{name: getattr(tf, name) for name in ("shape", "stack", "stop_gradient", "where", "zeros")},
        **{name: getattr(tf, f"reduce_{name}") for name in ("all", "max", "mean", "sum")},
        **{name: getattr(tf, name) for name in ("logical_and", "logical_not")},
        copy=tf.identity,
        isfinite=tf.math.is_finite,
        **{name: getattr(tf.nn, name) for name in ("relu", "silu")},
        **{name: getattr(tf.experimental.numpy, name) for name in ("moveaxis", "swapaxes")},
        arange=lambda stop, dtype: tf.range(stop, dtype=dtype),
        concatenate=tf.concat,
        split=tf.split,
        squeeze=tf.squeeze,
        convert_to_numpy=np.asarray,
        zeros_like=tf.zeros_like,
        fft2=lambda pair: _parts(tf.signal.fft2d(tf.complex(*pair))),
    )

    def _parts(field: Any) -> tuple[Any, Any]:
        return tf.math.real(field), tf.math.imag(field)

    def devices() -> list[str]:
        """What TensorFlow sees, as Keras 3 would name it: ``cpu:0``."""
        return [d.name.removeprefix("/physical_device:").lower() for d in tf.config.list_physical_devices()]

    class Adam(keras.optimizers.Adam):  # type: ignore[no-redef]
        """Adam whose one step is ``apply``."""

        def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
            """One step."""
            super().apply_gradients(zip(grads, trainable_variables or (), strict=True))

        def apply_gradients(self, grads_and_vars: Any, **_: Any) -> None:
            """What Keras 2 calls for one step."""
            grads, variables = zip(*grads_and_vars, strict=True)
            self.apply(list(grads), list(variables))


def repeated(count: int, step: Callable[[Any, Any], Any], state: Any) -> Any:
    """``step(i, state)`` ``count`` times, compiled once: the last state."""
    if not KERAS_2:
        return ops.fori_loop(0, count, step, state)
    return tf.while_loop(lambda i, _: i < count, lambda i, state: (i + 1, step(i, state)), (0, state))[1]


def host(tensor: Any) -> Real:
    """A tensor or weight as an array."""
    return np.asarray(ops.convert_to_numpy(tensor))


def learning_rate(optimizer: Any) -> float:
    """Of the next step; Keras 2 would tell a schedule's value at the last one."""
    rate = optimizer._learning_rate if KERAS_2 else optimizer.learning_rate
    return float(host(rate(optimizer.iterations) if KERAS_2 and callable(rate) else rate))


def step_counter(optimizer: Any) -> Any:
    """The variable that counts every step. Since Keras 3.5 ``iterations`` is derived from it where gradients gather."""
    return getattr(optimizer, "_iterations", optimizer.iterations)


def weight_path(weight: Any) -> str:
    """A weight's name after its layer's, ``layer/kernel``."""
    return str(weight.name).partition(":")[0] if KERAS_2 else str(weight.path)


def weight_name(weight: Any) -> str:
    """A weight's own name."""
    return weight_path(weight).rpartition("/")[2]


def with_xla() -> bool:
    """Whether training is compiled by XLA: on the CPU, TensorFlow is fastest without it and JAX with it."""
    return bool(keras.backend.backend() == "jax")
