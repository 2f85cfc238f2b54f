"""Masked arrays: the values, and which of them count.

What lies under the mask means nothing, by the kind's own definition, and varies with what was there before: it is kept
as zeros, so that no difference is seen where there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.codecs.codec import Codec, Parts, UnkeptError, part, values_alone


def _split(value: np.ma.MaskedArray[Any, Any]) -> Parts:
    if value.dtype.names is not None:
        raise UnkeptError("a masked array with fields", "give each of its fields as a masked array")
    mask = np.ma.getmaskarray(value)
    values = np.array(value.data)
    values[mask] = np.zeros((), values.dtype)
    parts: dict[str, Any] = {"values": values, "mask": mask}
    if value.fill_value != np.ma.default_fill_value(value):
        parts["fill_value"] = np.asarray(value.fill_value, value.dtype)
    return parts | ({"hard": True} if value.hardmask else {})


def _restore(parts: Parts) -> Any:
    values, mask = part(parts, "values", np.ndarray), part(parts, "mask", np.ndarray)
    if mask.dtype != bool or mask.shape != values.shape:
        raise ValueError("its mask is of another shape, or not of booleans")
    fill = part(parts, "fill_value", np.ndarray)[()] if "fill_value" in parts else None
    return np.ma.MaskedArray(values, mask, fill_value=fill, hard_mask=parts.get("hard") is True)


def _picture(parts: Parts) -> NDArray[Any] | None:
    return values_alone({"values": parts.get("values"), "missing": parts.get("mask")})


CODECS = (Codec("numpy.ma.MaskedArray", ("numpy.MaskedArray",), _split, _restore, picture=_picture),)
