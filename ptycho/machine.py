"""What a run ran on: processors, accelerators, memory and versions."""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import version
from typing import Any

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
    from ptycho.backend import keras

    backend = keras.backend.backend()
    return {"python": platform.python_version(), "backend": backend, **{n: version(n) for n in (*PACKAGES, backend)}}


def device() -> dict[str, Any]:
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
    from ptycho.backend import devices, keras

    if keras.backend.backend() == "torch":  # Keras cannot list PyTorch's devices
        import torch

        return [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return [name for name in devices() if not name.startswith("cpu")]
