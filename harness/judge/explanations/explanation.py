"""An explanation, and when a change of the golden counts as one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.judge.elements import Array

UNEXPLAINED = 0.02  # of the difference, of the golden's own variation and of the obtained array, at most
_ALMOST = 0.1  # of the difference, that may be left where all that is left is rounding
LEAST = 4  # elements: of fewer, one number accounts for too much


@dataclass(frozen=True)
class Explanation:
    """``kind`` is one of ``KINDS``; ``sentence`` says it for people, in terms of the golden.

    ``residual``: what is left of the obtained array, as a share of its L2 norm.
    """

    kind: str
    sentence: str
    residual: float

    @property
    def text(self) -> str:
        """The sentence with what is left."""
        return self.sentence if self.residual < _ROUNDING else f"{self.sentence}; {self.residual:.2g} of it is left"


_ROUNDING = 1e-6


def accounted(golden: Array, obtained: Array, changed: Array, *, exactly: bool = False) -> float | None:
    """The share of ``obtained`` that ``changed`` leaves, where ``changed`` accounts for the difference; else None.

    ``changed`` is the golden after a change, of the obtained array's shape. What is left must be small beside the
    difference itself, beside how much the golden varies (else any array far from zero would be another one's
    multiple), and beside the obtained array. ``exactly``: nothing but rounding may be left, for a change that has
    many ways to fit.
    """
    left, size = norm(obtained - changed), norm(obtained)
    difference = norm(obtained - golden) if golden.shape == obtained.shape else size
    if size == 0 or left > _ALMOST * difference:
        return None
    if left <= 8 * resolution(golden, obtained) * max(size, norm(changed)):
        return left / size
    varies = norm(changed - changed.mean()) or norm(changed)
    return None if exactly or left > UNEXPLAINED * min(difference, varies, size) else left / size


def resolution(*arrays: Array) -> float:
    """The relative rounding of the coarsest of these arrays' types."""
    return max(
        float(np.finfo(a.dtype).eps) if a.dtype.kind in "fc" else float(np.finfo(np.float64).eps) for a in arrays
    )


def norm(values: Array) -> float:
    """The L2 norm, in double precision, of all elements."""
    return float(np.linalg.norm(np.ravel(values).astype(np.complex128 if values.dtype.kind == "c" else np.float64)))


def digits(value: complex | float, neutral: float = 0.0) -> str:
    """A number with five digits, and with four beyond those that it has in common with ``neutral``."""
    if isinstance(value, complex) and value.imag:
        return f"{value.real:.5g}{value.imag:+.5g}j"
    real = complex(value).real
    common = -math.log10(abs(real / neutral - 1)) if neutral and real != neutral else 0.0
    return f"{real:.{min(max(5, math.ceil(common) + 4), 16)}g}"
