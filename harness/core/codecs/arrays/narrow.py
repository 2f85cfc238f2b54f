"""The narrow numbers of ml_dtypes, such as bfloat16: exact in float32, which is what they are compared as."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part, values_alone

_NAME = re.compile(r"bfloat16|float(8|6|4)_[a-z0-9]{1,16}|u?int[124]")
_SCALARS = (
    *("bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"),
    *("int1", "int2", "int4", "uint1", "uint2", "uint4"),
)


def _split(value: Any) -> Parts:
    array = np.asarray(value, order="C")
    wide = np.float32 if "float" in array.dtype.name else np.int8
    values = array.astype(wide)
    width = f"u{array.dtype.itemsize}"
    if (values.astype(array.dtype).view(width) != array.view(width)).any():
        raise UnkeptError(f"NaN of {array.dtype.name} that say more than that", "give x.astype(np.float32)")
    return {"values": values, "dtype": array.dtype.name}


def _restore(parts: Parts) -> Any:
    name: str = part(parts, "dtype", str)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r:.40} is no narrow number")
    return part(parts, "values", np.ndarray).astype(np.dtype(getattr(imported_library("ml_dtypes", "narrow"), name)))


def _restore_scalar(parts: Parts) -> Any:
    return _restore(parts)[()]


def _is_narrow(value: Any) -> bool:
    return value.dtype.type.__module__.partition(".")[0] == "ml_dtypes" and bool(_NAME.fullmatch(value.dtype.name))


CODECS = (
    Codec("ml_dtypes.array", ("numpy.ndarray",), _split, _restore, "narrow", _is_narrow, values_alone),
    Codec("ml_dtypes.scalar", tuple(f"ml_dtypes.{n}" for n in _SCALARS), _split, _restore_scalar, "narrow", _is_narrow),
)
