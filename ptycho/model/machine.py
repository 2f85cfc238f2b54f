"""What a run ran on: processors, accelerators, memory and versions.

Each backend is asked itself, because Keras does not tell a device's name or memory.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("keras", "numpy", "scipy", "scikit-image", "matplotlib", "h5py")


def cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_mb() -> float:
    """The process's largest resident memory so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def versions() -> dict[str, str]:
    """Versions of Python and of every library that computes, and the backend's name."""
    from ptycho.model.backend import keras

    backend = keras.backend.backend()
    return {"python": platform.python_version(), "backend": backend, **{n: version(n) for n in (*PACKAGES, backend)}}


def compute_device() -> dict[str, Any]:
    """The platform, its processors, and the accelerators that the backend sees."""
    return {
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": cpus(),
        "accelerators": accelerators(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def accelerators() -> list[str]:
    """The accelerators that the Keras backend in use sees."""
    from ptycho.model.backend import devices, keras

    if keras.backend.backend() == "torch":  # Keras cannot list PyTorch's devices
        import torch

        return [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return [name for name in devices() if not name.startswith("cpu")]


def computes_on() -> str:
    """Where the backend in use puts a product of two arrays: ``cpu:0``, ``gpu:0``, ``cuda:0``.

    An accelerator may be seen and not used, where a variable or a setting keeps the backend on the CPU.
    """
    from ptycho.model.backend import keras, ops

    square = ops.convert_to_tensor(np.ones((8, 8), np.float32))
    product = ops.matmul(square, square)
    if keras.backend.backend() == "jax":
        (device,) = product.devices()
        return f"{device.platform}:{device.id}"
    name = str(product.device).lower().rpartition("device:")[2]
    return name if ":" in name else f"{name}:0"


def device_name(place: str) -> str:
    """The model's name of the device at ``place``, as ``computes_on`` tells it."""
    from ptycho.model.backend import keras

    backend, index = keras.backend.backend(), int(place.rpartition(":")[2])
    if place.startswith("cpu"):
        return _processor()
    if backend == "tensorflow":
        import tensorflow as tf

        physical = tf.config.list_physical_devices(place.partition(":")[0].upper())[index]
        return str(tf.config.experimental.get_device_details(physical).get("device_name", place))
    if backend == "jax":
        import jax

        return str(next(d.device_kind for d in jax.devices() if d.id == index))
    import torch

    return str(torch.cuda.get_device_name(index)) if place.startswith("cuda") else place


def peak_device_memory_mb(place: str) -> float | None:
    """The largest memory of the accelerator at ``place`` that this process had in use, MiB; None where nobody tells."""
    from ptycho.model.backend import keras

    backend, index = keras.backend.backend(), int(place.rpartition(":")[2])
    if place.startswith("cpu"):
        return None
    peak: float | None = None
    if backend == "tensorflow":
        import tensorflow as tf

        peak = tf.config.experimental.get_memory_info(place.upper())["peak"]
    elif backend == "jax":
        import jax

        stats = next(d.memory_stats() for d in jax.devices() if d.id == index) or {}
        peak = stats.get("peak_bytes_in_use")
    elif place.startswith("cuda"):
        import torch

        peak = torch.cuda.max_memory_allocated(index)
    return None if peak is None else peak / 2**20


def _processor() -> str:
    """The processor's model name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
