"""When a change of the golden counts as an explanation, and the numbers of its sentence."""

from __future__ import annotations

import math

import numpy as np

from harness.judge.elements import Array

UNEXPLAINED = 0.02  # of the difference, of the golden's own variation and of the obtained array, at most
_ALMOST = 0.1  # of the difference, that may be left where all that is left is rounding
_OTHERS = 0.3  # of the difference of all but its largest elements, that may be left there
LEAST = 4  # elements: of fewer, one number accounts for too much


def accounted(golden: Array, obtained: Array, changed: Array, *, exactly: bool = False) -> float | None:
    """The share of ``obtained`` that ``changed`` leaves, where ``changed`` accounts for the difference; else None.

    ``changed`` is the golden after a change, of the obtained array's shape. What is left must be small beside the
    difference itself, beside how much the golden varies (else any array far from zero would be another one's
    multiple), and beside the obtained array. ``exactly``: nothing but rounding may be left, for a change that has
    many ways to fit.
    """
    rest = obtained - changed
    away = obtained - golden if golden.shape == obtained.shape else obtained
    left, size, difference = norm(rest), norm(obtained), norm(away)
    if size == 0 or left > _ALMOST * difference or not everywhere(rest, away, changed):
        return None
    if left <= 8 * resolution(golden, obtained) * max(size, norm(changed)):
        return left / size
    varies = norm(changed - changed.mean()) or norm(changed)
    return None if exactly or left > UNEXPLAINED * min(difference, varies, size) else left / size


def everywhere(rest: Array, away: Array, changed: Array) -> bool:
    """Whether little of a difference is left beyond its few largest elements too, which would else speak for all.

    ``rest``: what is left of each element, ``away``: how far it was from the golden.
    """
    sizes = np.abs(away).ravel()
    few = max(1, sizes.size // 100)
    if sizes.size <= few:
        return True
    others = np.argpartition(sizes, -few)[:-few]
    left, whole = norm(rest.ravel()[others]), norm(sizes[others])
    return left <= max(_OTHERS * whole, 8 * resolution(rest) * norm(changed.ravel()[others]))


def resolution(*arrays: Array) -> float:
    """The relative rounding of the coarsest of these arrays' types."""
    return max(
        float(np.finfo(a.dtype).eps) if a.dtype.kind in "fc" else float(np.finfo(np.float64).eps) for a in arrays
    )


def norm(values: Array) -> float:
    """The L2 norm, in double precision, of all elements."""
    return float(np.linalg.norm(np.ravel(values).astype(np.complex128 if values.dtype.kind == "c" else np.float64)))


def digits(value: complex | float, neutral: float = 0.0, unsure: float = 0.0, signed: bool = False) -> str:
    """A number with five digits, and with four beyond those that it has in common with ``neutral``.

    They end where the number is ``unsure``, so that what is alike reads alike.
    """
    if isinstance(value, complex) and value.imag:
        return f"{value.real:.5g}{value.imag:+.5g}j"
    exact = complex(value).real + 0.0  # which is no -0
    if not math.isfinite(exact):
        return str(exact)
    places = math.ceil(-math.log10(unsure)) if unsure > 0 else 400
    real = round(exact, places) if places < 16 and round(exact, places) not in (neutral, 0.0) else exact
    common = -math.log10(abs(real / neutral - 1)) if neutral and real != neutral else 0.0
    return f"{real:{'+' if signed else ''}.{min(max(5, math.ceil(common) + 4), 16)}g}"
