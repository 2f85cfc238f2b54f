"""Complex numbers: a real and an imaginary part."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, part


def _split(value: Any) -> Parts:
    return {"real": value.real, "imag": value.imag}


def _restore_double(parts: Parts) -> complex:
    return complex(part(parts, "real", float), part(parts, "imag", float))


def _restore_single(parts: Parts) -> Any:
    number = np.zeros((), np.complex64)
    number.real, number.imag = part(parts, "real", np.float32), part(parts, "imag", np.float32)
    return number[()]


CODECS = (
    Codec("complex", ("complex", "numpy.complex128"), _split, _restore_double),
    Codec("numpy.complex64", ("numpy.complex64",), _split, _restore_single),
)
