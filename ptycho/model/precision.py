"""Float32 means float32: what accelerators may round to TF32 without being asked is not rounded here.

Recent cards multiply float32 numbers in 10 bits where a backend lets them: TensorFlow and JAX do for every product,
PyTorch for convolutions. ``model.precision`` says which part of the network computes in 16 bits, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ptycho.model.backend import keras


@contextmanager
def float32_products() -> Iterator[None]:
    """Within, no product of float32 is rounded further; afterwards each of the backend's switches is as it was."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            yield
    elif backend == "torch":
        switches = _torch_switches()
        before = [getattr(place, name) for place, name, _ in switches]
        try:
            for place, name, value in switches:
                setattr(place, name, value)
            yield
        finally:
            for (place, name, _), value in zip(switches, before, strict=True):
                setattr(place, name, value)
    else:
        import tensorflow as tf

        told = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(told)


def _torch_switches() -> list[tuple[Any, str, Any]]:
    """Places, their switch, and its position for whole products."""
    from torch import backends

    if not hasattr(backends.cudnn, "conv"):  # before PyTorch 2.9
        return [(backends.cuda.matmul, "allow_tf32", False), (backends.cudnn, "allow_tf32", False)]
    cuda, mkldnn = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn), backends.mkldnn
    return [(place, "fp32_precision", "ieee") for place in (*cuda, mkldnn.matmul, mkldnn.conv)]


class Float32Model(keras.Model):
    """A Keras model that is fitted, called, and predicts batches within ``float32_products``."""

    def fit(self, *args: Any, **options: Any) -> Any:
        """As Keras has it."""
        with float32_products():
            return super().fit(*args, **options)

    def predict_on_batch(self, x: Any) -> Any:
        """As Keras has it."""
        with float32_products():
            return super().predict_on_batch(x)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """As Keras has it."""
        with float32_products():
            return super().__call__(*args, **options)
