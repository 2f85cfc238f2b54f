"""What decides numbers beside source, settings, files and versions: how the interpreter was started, and where.

Stages are given no other environment variables than these and those that their pipeline declares. So what a
library, in compiled code too, reads of them is in the key, or it is not there.
"""

from __future__ import annotations

import codecs
import locale
import os
import sys
import time
from collections.abc import Collection, Mapping

from harness.core.protocol import Json

_FAMILIES = (  # how variables begin that libraries read for themselves, and that decide numbers
    *("KERAS_", "TF_", "XLA_", "JAX_", "TORCH_", "PYTORCH_", "TRITON_", "NCCL_", "CUDA_", "CUBLAS_", "CUDNN_", "CUPY_"),
    *("NVIDIA_", "GPU_", "HIP_", "HSA_", "ROCM_", "ROCR_", "MIOPEN_", "OMP_", "KMP_", "GOMP_", "TBB_", "RAYON_"),
    *("OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "DNNL_", "ONEDNN_", "NUMEXPR_", "NPY_", "NUMPY_", "NUMBA_"),
    *("SCIPY_", "SKLEARN_", "SKIMAGE_", "PANDAS_", "POLARS_", "ARROW_", "DASK_", "JOBLIB_", "LOKY_", "OPENCV_"),
    *("HDF5_", "H5PY_", "NETCDF_", "GDAL_", "PROJ_", "MPL", "MATPLOTLIB", "LC_", "LD_", "DYLD_", "MALLOC_", "PYTHON"),
)
_STRANGERS = (  # how Terraform's begin, which no library of numbers reads
    *("TF_CLI_", "TF_VAR_", "TF_TOKEN_", "TF_REGISTRY_", "TF_STATE_", "TF_PLUGIN_CACHE_", "TF_IN_AUTOMATION"),
    *("TF_WORKSPACE", "TF_DATA_DIR", "TF_INPUT", "TF_IGNORE"),
)
_VARIABLES = ("LANG", "LANGUAGE", "TZ", "GLIBC_TUNABLES")
_OF_PLACES = (  # where something lies; what lies there counts, not where. And seeds of hashes, which are random.
    *("MPLCONFIGDIR", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONSTARTUP"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE", "PYTHONSAFEPATH", "PYTHONHASHSEED"),
)
# What tells where things are and who works there, and how people are written to. It decides no number.
_PASSED = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV", "CONDA_PREFIX"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_DIRS"),
        *("COVERAGE_PROCESS_START", "COVERAGE_FILE", "COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE"),
        *("COLUMNS", "LINES", "TERM", "COLORTERM", "FORCE_COLOR", "NO_COLOR", "TQDM_DISABLE"),
    )
)


def passed(variables: Mapping[str, str], declared: Collection[str]) -> dict[str, str]:
    """The environment variables that stages are given, of ``variables``; a pipeline's ``declared`` ones are among them.

    Among those that are withheld are the names of users, machines, jobs and services, and whether this is CI.
    """
    return {name: value for name, value in variables.items() if name in declared or _is_passed(name)}


def decisive(variables: Mapping[str, str], declared: Collection[str]) -> dict[str, str]:
    """The environment variables that can decide numbers, of ``variables``: where things lie is not among them."""
    return {n: value for n, value in variables.items() if n in declared or (_is_read(n) and n not in _OF_PLACES)}


def _is_passed(name: str) -> bool:
    return name in _PASSED or _is_read(name)


def circumstances() -> dict[str, Json]:
    """What else decides numbers, and what no report needs to name: options of the interpreter, and its surroundings.

    Libraries read variables of their own, in compiled code too; those of the families that decide numbers count.
    """
    libraries = {name: value for name, value in os.environ.items() if _decides(name)}
    return {
        "optimize": sys.flags.optimize,
        "warnings": list(sys.warnoptions),
        "zone": [os.environ.get("TZ", ""), *time.tzname],
        "encoding": codecs.lookup(locale.getpreferredencoding(False)).name,
        "variables": libraries,
    }


def _decides(name: str) -> bool:
    if name in _OF_PLACES or "LOG" in name:
        return False
    return _is_read(name)


def _is_read(name: str) -> bool:
    return name in _VARIABLES or (name.startswith(_FAMILIES) and not name.startswith(_STRANGERS))
