"""What environments of the reference pipeline differ in."""

from __future__ import annotations

from collections.abc import Mapping


def axes(environment: Mapping[str, str]) -> dict[str, str]:
    """What environments differ in; TensorFlow is an axis only where it computes."""
    backend = environment.get("KERAS_BACKEND") or "tensorflow"
    other = backend != "tensorflow"
    return {
        **({} if other else {"TensorFlow": environment["tensorflow"]}),
        "Keras": environment["keras"],
        "backend": f"{backend} {environment[backend].partition('+')[0]}" if other else backend,
        "Python/NumPy/SciPy": "/".join(
            (environment["python"].rpartition(".")[0], environment["numpy"], environment["scipy"])
        ),
    }
