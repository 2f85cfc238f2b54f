"""Sparse matrices and arrays of SciPy: what each format stores, as it is stored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part

_STORED = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "coords"),
    "dia": ("data", "offsets"),
}
_FORMATS = (*_STORED, "lil", "dok")
_DRAWN = 2**22  # elements, up to which a matrix is drawn as if it were dense


def _split(value: Any) -> Parts:
    if value.format not in _STORED:
        raise UnkeptError(
            f"a sparse matrix in the format {value.format!r}, which is for building one", "give x.tocsr()"
        )
    array = "array" if type(value).__name__.endswith("_array") else "matrix"
    parts: dict[str, Any] = {"format": f"{value.format}_{array}", "shape": [int(n) for n in value.shape]}
    stored = {name: getattr(value, name, None) for name in _STORED[value.format]}
    if "coords" in stored:
        stored |= {"coords": np.stack(value.coords if stored["coords"] is not None else (value.row, value.col))}
    return parts | stored


def _restore(parts: Parts) -> Any:
    form, _, kind = part(parts, "format", str).partition("_")
    if form not in _STORED or kind not in ("array", "matrix"):
        raise ValueError(f"{form!r:.40} is no format")
    stored = [part(parts, name, np.ndarray) for name in _STORED[form]]
    if form == "coo":
        stored[1] = tuple(stored[1])
    made = getattr(imported_library("scipy.sparse", ""), f"{form}_{kind}")
    given: Any = (stored[0], stored[1]) if form in ("coo", "dia") else tuple(stored)
    matrix = made(given, shape=tuple(part(parts, "shape", list)))
    if form in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)  # else compiled code would follow a forged index
    return matrix


def _picture(parts: Parts) -> NDArray[Any] | None:
    shape = parts.get("shape")
    if not isinstance(shape, list) or len(shape) != 2 or not 0 < math.prod(shape) <= _DRAWN:
        return None
    return np.asarray(_restore(parts).toarray())


CODECS = (
    Codec(
        "scipy.sparse",
        tuple(f"scipy.{form}_{kind}" for form in _FORMATS for kind in ("array", "matrix")),
        _split,
        _restore,
        picture=_picture,
    ),
)
