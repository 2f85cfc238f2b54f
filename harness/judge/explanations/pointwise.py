"""Changes of every number alike: another type, a sign, a factor, an offset, a conjugate or a phase."""

from __future__ import annotations

import cmath
import math

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.measures import LEAST, accounted, digits, norm

_PHASE = 1e-3  # of the modulus and of the angle: nearer to 1 or to 0, it is neither factor nor phase


def constant(golden: Array, obtained: Array) -> Explanation | None:
    """Every element is one number, whatever the golden's are."""
    if obtained.size < LEAST or not (obtained == obtained.flat[0]).all():
        return None
    was = f", and was {digits(golden.flat[0].item())}" if (golden == golden.flat[0]).all() else ""
    return Explanation("constant", f"every number is {digits(obtained.flat[0].item())}{was}", 0.0)


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
    return factor_sentence(ratio, left)


def factor_sentence(ratio: complex, left: float = 0.0) -> Explanation:
    """That every number is ``ratio`` times what it was, where ``left`` of the obtained is not accounted for."""
    ratio = complex(ratio)
    modulus, angle = cmath.polar(ratio)
    if abs(ratio + 1) <= max(_PHASE * (left > 0), 1e-6):
        return Explanation("sign", "the sign of every number is the other one", left)
    if not ratio.imag or abs(angle) <= _PHASE * (left > 0):
        return Explanation("factor", f"every number is × {digits(ratio.real, 1.0, left * modulus)}", left)
    if abs(modulus - 1) <= _PHASE:
        return Explanation("global phase", f"a global phase of {digits(angle, 0.0, left, signed=True)} rad", left)
    words = f"{digits(modulus, 0.0, left * modulus)} with a phase of {digits(angle, 0.0, left, signed=True)} rad"
    return Explanation("factor", f"every number is × {words}", left)


def offset(golden: Array, obtained: Array) -> Explanation | None:
    """The golden and one number more."""
    if golden.size < LEAST:
        return None
    more = (obtained - golden).mean().item()
    left = accounted(golden, obtained, golden + more)
    return None if left is None else offset_sentence(more, left, left * norm(obtained) / math.sqrt(obtained.size))


def offset_sentence(more: complex, left: float = 0.0, unsure: float = 0.0) -> Explanation:
    """That every number is ``more`` beyond what it was; its digits end where it is ``unsure``."""
    more = more.real if isinstance(more, complex) and abs(more.imag) <= 1e-9 * abs(more) else more
    sign = "" if isinstance(more, complex) or more < 0 else "+"
    return Explanation("offset", f"every number is {sign}{digits(more, 0.0, unsure)} off", left)


def conjugate(golden: Array, obtained: Array) -> Explanation | None:
    """The complex conjugate, or the parts of complex numbers in each other's place."""
    if golden.dtype.kind != "c":
        return None
    left = accounted(golden, obtained, golden.conj())
    if left is not None:
        return Explanation("conjugate", "every number is its complex conjugate", left)
    left = accounted(golden, obtained, golden.imag + 1j * golden.real)
    return None if left is None else Explanation("conjugate", "real and imaginary parts have changed places", left)


def affine(golden: Array, obtained: Array) -> Explanation | None:
    """A factor and an offset at once: two numbers that fit, so that nothing but rounding may be left."""
    if golden.dtype.kind != "f" or obtained.dtype.kind != "f" or golden.size < 2 * LEAST:
        return None
    g, o = (a.astype(np.float64).ravel() for a in (golden, obtained))
    varies = g - g.mean()
    if len(np.unique(g[:_SAMPLE])) < 3 or not (energy := float(varies @ varies)):
        return None
    ratio = float(varies @ o) / energy
    more = float((o - ratio * g).mean())
    left = accounted(g, o, ratio * g + more)
    if left is None or not ratio or left > 1e-6 * norm(o - o.mean()) / norm(o):
        return None
    return Explanation(
        "factor and offset", f"every number is × {digits(ratio, 1.0)}, and then {digits(more, signed=True)}", left
    )


def absolute(golden: Array, obtained: Array) -> Explanation | None:
    """The moduli of real numbers."""
    if golden.dtype.kind == "c" or golden.size < LEAST or not np.array_equal(np.abs(golden), obtained):
        return None
    return Explanation("sign", "every number has lost its sign", 0.0)


_SAMPLE = 4096
