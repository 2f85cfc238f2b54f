"""Changes of behaviour at the boundary to a library: each is what an upgrade could bring, and raises nothing.

``FAULTS`` tells of each in which module it is, and the axis and level of the environments that get it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """``patch()`` changes ``module`` once that is imported; in environments at ``level`` of ``axis``, or all."""

    what: str
    module: str
    patch: Callable[[], None]
    axis: str
    level: str = ""


def wrap(owner: Any, name: str, change: Callable[..., Any]) -> None:
    """``owner.name`` becomes ``change(original, *arguments)``."""
    original = getattr(owner, name)

    def changed(*arguments: Any, **options: Any) -> Any:
        return change(original, *arguments, **options)

    setattr(owner, name, changed)


def default(function: Any, name: str, value: Any) -> None:
    """Another default for a function's argument."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    values = [*function.__defaults__]
    values[names.index(name) - len(names)] = value
    function.__defaults__ = tuple(values)


def adam_epsilon() -> None:
    import keras

    default(keras.optimizers.Adam.__init__, "epsilon", 1e-5)


def upsampling() -> None:
    import keras

    default(keras.layers.UpSampling2D.__init__, "interpolation", "bilinear")


def no_clipping() -> None:
    import keras

    wrap(keras.optimizers.Adam, "__init__", lambda f, *a, **k: f(*a, **{**k, "global_clipnorm": None}))


def fft_of_tensorflow() -> None:
    import tensorflow as tf

    wrap(tf.signal, "fft2d", lambda f, x, **k: f(x, **k) / float(x.shape[-1]))


def padding_of_tensorflow() -> None:
    """A convolution that keeps the size pads by the image's own edge instead of by zeros."""
    import tensorflow as tf

    def edge(f: Any, x: Any, kernel: Any, *a: Any, **k: Any) -> Any:
        message = (k.get("padding") or (a[1] if len(a) > 1 else "VALID")).upper()
        if message != "SAME":
            return f(x, kernel, *a, **k)
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        return f(x, kernel, **{**k, "strides": k.get("strides", a[0] if a else None), "padding": "VALID"})

    wrap(tf.nn, "convolution", edge)


def fft_of_jax() -> None:
    import jax

    wrap(jax.numpy.fft, "fft2", lambda f, *a, **k: f(*a, **{**k, "norm": "ortho"}))


def precision_of_torch() -> None:
    import torch

    def coarse(f: Any, x: Any, weight: Any, *a: Any, **k: Any) -> Any:
        return f(x.bfloat16().float(), weight.bfloat16().float(), *a, **k)

    wrap(torch.nn.functional, "conv2d", coarse)


def generator_of_numpy() -> None:
    import numpy as np

    def other(f: Any, seed: Any = None) -> np.random.Generator:
        return seed if isinstance(seed, np.random.Generator) else np.random.Generator(np.random.SFC64(seed))

    wrap(np.random, "default_rng", other)


def our_own() -> None:
    sys.modules["ptycho.model.losses"].FLOOR = 1e-1  # type: ignore[attr-defined]


FAULTS = {
    "adam-epsilon": Fault("Adam's epsilon is 1e-5 instead of 1e-7", "keras", adam_epsilon, "Keras", "3.3.3"),
    "no-clipping": Fault("gradients are not clipped by their global norm", "keras", no_clipping, "Keras", "3.8.0"),
    "upsampling": Fault("UpSampling2D interpolates by default", "keras", upsampling, "Keras", "3.15.1"),
    "tensorflow-fft": Fault("the FFT is divided by N", "tensorflow", fft_of_tensorflow, "TensorFlow", "2.16.2"),
    "tensorflow-padding": Fault(
        "convolutions pad by the edge", "tensorflow", padding_of_tensorflow, "TensorFlow", "2.18.1"
    ),
    "jax-fft": Fault("the FFT is orthonormal", "jax", fft_of_jax, "backend", "jax 0.10.2"),
    "torch-precision": Fault(
        "convolutions compute in bfloat16", "torch", precision_of_torch, "backend", "torch 2.13.0"
    ),
    "numpy-generator": Fault(
        "the default random generator is another",
        "numpy",
        generator_of_numpy,
        "Python/NumPy/SciPy",
        "3.13/2.4.6/1.17.1",
    ),
    "own-floor": Fault("our own: the floor of the likelihood's rate", "ptycho.model.losses", our_own, ""),
}
