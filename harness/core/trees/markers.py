"""The markers of strict JSON, which stand for what it has no form for, and what stands behind each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.protocol import Json

ARRAY, FLOAT, QUOTED, TUPLE, KIND = "$array", "$float", "$text", "$tuple", "$kind"
KIND_NAME = "kind"
"""What stands behind ``$kind`` is a mapping: the name of a codec under this, and the parts of the value."""
NARROW = {"$float16": np.float16, "$float32": np.float32}
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_MARKER = re.compile(r"\$+(array|float|text|tuple|float16|float32)")


def looks_marked(value: Mapping[str, Json]) -> bool:
    """Whether data look like a marker, or like what stands for data that do."""
    if len(value) != 1:
        return False
    ((key, inner),) = value.items()
    if key.endswith(KIND) and set(key[: -len(KIND)]) <= {"$"}:
        return _names_kind(inner)
    return _MARKER.fullmatch(key) is not None


def _names_kind(inner: Any) -> bool:
    """Whether it could be the parts of a value, under the name of their kind."""
    return isinstance(inner, Mapping) and isinstance(inner.get(KIND_NAME), str)


def without_escape(key: str, value: Mapping[str, Json]) -> str:
    """A key of a mapping as the data had it."""
    return key[1:] if key.startswith("$$") and looks_marked(value) else key


def _marker(value: Any) -> str | None:
    """The marker that a mapping is; None for anything else."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((key, inner),) = value.items()
    if key == TUPLE:
        return key if isinstance(inner, list) else None
    if key == KIND:
        return key if _names_kind(inner) else None
    if key in NARROW:
        return key if type(inner) is float or (isinstance(inner, str) and inner in NON_FINITE) else None
    if key not in (ARRAY, FLOAT, QUOTED) or not isinstance(inner, str):
        return None
    return key if key == ARRAY or inner in NON_FINITE else None


def unwrapped(value: Json) -> tuple[str | None, Json]:
    """The marker that a value is, if it is one, and what it stands for: of an array its path, of a
    float its name, of a value of some kind its parts and, as ``kind``, its name."""
    if type(value) is not dict and not isinstance(value, Mapping):
        return None, value
    marker = _marker(value)
    return marker, value[marker] if marker else value


def non_finite_name(value: float) -> str:
    """The name of a float that is not finite."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
