"""When a change of the golden counts as an explanation, and the numbers of its sentence."""

from __future__ import annotations

import math

import numpy as np

from harness.judge.elements import Array

UNEXPLAINED = 0.02  # of the difference, of the golden's own variation and of the obtained array, at most
_ALMOST = 0.1  # of the difference, that may be left where all that is left is rounding
_OTHERS = 0.3  # of the difference of all but its largest elements, that may be left there
_DIGITS = 7  # of a number that has more
_SHORT = 4e-15  # relative: a number that is this near to one of few digits is that
LEAST = 4  # elements: of fewer, one number accounts for too much


def accounted(golden: Array, obtained: Array, changed: Array, *, exactly: bool = False) -> float | None:
    """The share of ``obtained`` that ``changed`` leaves, where ``changed`` accounts for the difference; else None.

    It is 0 where nothing but rounding is left, of every element.

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
    if is_rounding(rest, golden, obtained, changed):
        return 0.0
    varies = norm(changed - changed.mean()) or norm(changed)
    return None if exactly or left > UNEXPLAINED * min(difference, varies, size) else left / size


def is_rounding(rest: Array, golden: Array, obtained: Array, changed: Array) -> bool:
    """Whether ``rest``, what a change leaves of each element, is rounding: some units in the last place.

    Of elements that are nearly 0 beside the others it may be these others' last place.
    """
    fine = 8 * resolution(golden, obtained)
    if norm(rest) > fine * max(norm(obtained), norm(changed)):
        return False
    sizes = np.maximum(np.abs(obtained), np.abs(changed))
    sizes = np.maximum(sizes, np.median(sizes))
    sizes = np.maximum(sizes, np.abs(golden)) if golden.shape == obtained.shape else sizes
    return bool((np.abs(rest) <= fine * sizes).all())


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
    """A number with all of its digits where these are few, else with seven, or four beyond those of ``neutral``.

    They end where the number is ``unsure``, so that what is alike reads alike, and dots follow where it has more.
    """
    if isinstance(value, complex) and value.imag:
        return f"{value.real:.5g}{value.imag:+.5g}j"
    exact = complex(value).real + 0.0  # which is no -0
    if not math.isfinite(exact) or not exact:
        return f"{exact:{'+' if signed else ''}g}"
    sign = "+" if signed else ""
    common = -math.log10(abs(exact / neutral - 1)) if neutral and exact != neutral else 0.0
    shown = min(max(_DIGITS, math.ceil(common) + 4), 16)
    for few in range(1, shown + 1):
        near = float(f"{exact:.{few}g}")
        if abs(near - exact) <= max(_SHORT * abs(exact), unsure) and near not in (neutral, 0.0):
            return f"{near:{sign}.{max(few, _DIGITS)}g}"
    return f"{_cut(exact, shown, sign)}..."


def _cut(value: float, shown: int, sign: str) -> str:
    """A number's first digits, the last of which is not rounded: dots are to follow."""
    places = shown - 1 - math.floor(math.log10(abs(value)))
    below = math.trunc(value * 10.0**places) / 10.0**places if abs(places) < 300 else value
    return f"{below:{sign}#.{shown}g}"
