"""Changes of every element alike: another type, a sign, a factor, an offset, a conjugate, a phase, fewer digits."""

from __future__ import annotations

import cmath
from collections.abc import Iterator

import numpy as np

from harness.judge.elements import Array
from harness.judge.explanations.explanation import LEAST, Explanation, accounted, digits, norm

_PHASE = 1e-3  # of the modulus and of the angle: nearer to 1 or to 0, it is neither factor nor phase


def constant(golden: Array, obtained: Array) -> Explanation | None:
    """Every element is one number, and the golden's are not."""
    if obtained.size < LEAST or np.ptp(golden.real) == 0 == np.ptp(golden.imag):
        return None
    if (obtained == obtained.flat[0]).all():
        return Explanation("constant", f"every element is {digits(obtained.flat[0].item())}", 0.0)
    return None


def factor(golden: Array, obtained: Array) -> Explanation | None:
    """The golden times one number, real or complex: a sign, a factor, a global phase, or the last two."""
    energy = norm(golden) ** 2
    if energy == 0 or golden.size < LEAST or not obtained.any():
        return None
    ratio = complex(np.vdot(golden, obtained)) / energy
    if golden.dtype.kind != "c":
        ratio = complex(ratio.real)
    value = ratio if golden.dtype.kind == "c" else ratio.real
    left = accounted(golden, obtained, golden * value)
    if left is None:
        return None
    modulus, angle = cmath.polar(ratio)
    if abs(ratio + 1) <= max(_PHASE * (left > 0), 1e-6):
        return Explanation("sign", "the sign of every element is the other one", left)
    if not ratio.imag or abs(angle) <= _PHASE * (left > 0):
        return Explanation("factor", f"every element is × {digits(ratio.real, 1.0)}", left)
    if abs(modulus - 1) <= _PHASE:
        return Explanation("global phase", f"a global phase of {angle:+.5g} rad", left)
    return Explanation("factor", f"every element is × {digits(modulus)} with a phase of {angle:+.5g} rad", left)


def offset(golden: Array, obtained: Array) -> Explanation | None:
    """The golden and one number more."""
    if golden.size < LEAST:
        return None
    more = (obtained - golden).mean().item()
    left = accounted(golden, obtained, golden + more)
    more = more.real if isinstance(more, complex) and abs(more.imag) <= 1e-9 * abs(more) else more
    sign = "" if isinstance(more, complex) or more < 0 else "+"
    return None if left is None else Explanation("offset", f"every element is {sign}{digits(more)} off", left)


def conjugate(golden: Array, obtained: Array) -> Explanation | None:
    """The complex conjugate, or the parts of complex numbers in each other's place."""
    if golden.dtype.kind != "c":
        return None
    left = accounted(golden, obtained, golden.conj())
    if left is not None:
        return Explanation("conjugate", "every element is its complex conjugate", left)
    left = accounted(golden, obtained, golden.imag + 1j * golden.real)
    return None if left is None else Explanation("conjugate", "real and imaginary parts have changed places", left)


def rounded(golden: Array, obtained: Array) -> Explanation | None:
    """The golden in a type of fewer digits, or rounded to some; equal to the last bit, or it is not that."""
    if golden.dtype.kind not in "fc" or obtained.dtype.kind not in "fc" or golden.size < LEAST:
        return None
    with np.errstate(over="ignore"):
        for sentence, changed in _coarser(golden):
            if np.array_equal(changed, obtained, equal_nan=True):
                return Explanation("rounding", sentence, 0.0)
    return None


def _coarser(golden: Array) -> Iterator[tuple[str, Array]]:
    kept = golden.dtype
    if kept.kind == "f":
        for name in ("float32", "float16"):
            yield f"every element is rounded to {name}", golden.astype(name).astype(kept)
        yield "every element is cut to a whole number", np.trunc(golden)
    elif kept == np.complex128:
        yield "every element is rounded to complex64", golden.astype(np.complex64).astype(kept)
    for places in range(13):
        what = f"{places} decimal{'s' * (places != 1)}" if places else "a whole number"
        yield f"every element is rounded to {what}", np.round(golden, places)
