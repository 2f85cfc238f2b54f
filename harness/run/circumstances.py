"""What decides numbers beside source, settings, files and versions: how the interpreter was started, and where."""

from __future__ import annotations

import locale
import os
import sys
import time

from harness.core.protocol import Json

_FAMILIES = (  # how variables begin that libraries read for themselves, and that decide numbers
    *("KERAS_", "TF_", "XLA_", "JAX_", "TORCH_", "CUDA_", "CUBLAS_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_"),
    *("NUMEXPR_", "NPY_", "NUMBA_", "SCIPY_", "SKLEARN_"),
)


def circumstances() -> dict[str, Json]:
    """What else decides numbers, and what no report needs to name: options of the interpreter, and its surroundings.

    Libraries read variables of their own, in compiled code too; those of the families that decide numbers count.
    """
    libraries = {name: value for name, value in os.environ.items() if name.startswith(_FAMILIES) and "LOG" not in name}
    return {
        "optimize": sys.flags.optimize,
        "warnings": list(sys.warnoptions),
        "zone": [os.environ.get("TZ", ""), *time.tzname],
        "encoding": locale.getpreferredencoding(False),
        "variables": libraries,
    }
