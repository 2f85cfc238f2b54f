"""Changes of every number alike: another type, a sign, a factor, an offset, a conjugate or a phase."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.constants import told
from harness.judge.explanations.measures import LEAST, accounted, digits, norm, resolution

_PHASE = 1e-3  # of the modulus and of the angle: nearer to 1 or to 0, it is neither factor nor phase


def constant(golden: Array, obtained: Array) -> Explanation | None:
    """Every element is one number, whatever the golden's are."""
    if obtained.size < LEAST or not (obtained == obtained.flat[0]).all():
        return None
    was = f", and was {digits(golden.flat[0].item())}" if (golden == golden.flat[0]).all() else ""
    return Explanation("constant", f"every number is {digits(obtained.flat[0].item())}{was}", 0.0)


def linear(golden: Array, obtained: Array) -> Explanation | None:
    """A factor, an offset, or both at once, whichever leaves the least; of two that are exact, the one told shorter."""
    ways = [way for way in (factor(golden, obtained), offset(golden, obtained)) if way]
    found = min(ways, key=lambda way: (way.residual, way.kind != "sign", len(way.sentence)), default=None)
    if found and found.residual and (both := affine(golden, obtained)):
        return min(found, both, key=lambda way: way.residual)
    return found


def factor(golden: Array, obtained: Array) -> Explanation | None:
    """The golden times one number, real or complex: a sign, a factor, a global phase, or the last two."""
    energy = norm(golden) ** 2
    if energy == 0 or golden.size < LEAST or not obtained.any():
        return None
    ratio = complex(np.vdot(golden, obtained)) / energy
    if golden.dtype.kind != "c":
        ratio = complex(ratio.real)
    left = accounted(golden, obtained, golden * _typed(golden, ratio))
    if left is None:
        return None
    said = factor_sentence(ratio, left, resolution(golden, obtained))
    if said.kind == "sign" and left:  # what is said is -1, and not the number next to it
        return replace(said, residual=norm(obtained + golden) / norm(obtained))
    return said


def _typed(golden: Array, ratio: complex) -> complex | float:
    return ratio if golden.dtype.kind == "c" else ratio.real


def factor_sentence(ratio: complex, left: float = 0.0, fine: float = 0.0) -> Explanation:
    """That every number is ``ratio`` times what it was, where ``left`` of the obtained is not accounted for.

    ``fine``: the relative rounding of the numbers that it was found with.
    """
    ratio = complex(ratio)
    modulus, angle = cmath.polar(ratio)
    unsure = max(left / 4, 8 * fine)  # digits that are not shown add little to what is left
    if abs(ratio + 1) <= max(_PHASE * (left > 0), 1e-6 if left or fine > 1e-10 else 1e-14):
        return Explanation("sign", "the sign of every number is the other one", left)
    if not ratio.imag or abs(angle) <= _PHASE * (left > 0):
        return Explanation("factor", f"every number is × {told(ratio.real, 1.0, unsure * modulus)}", left)
    turned = f"{told(angle, 0.0, unsure, signed=True)} rad"
    if abs(modulus - 1) <= (_PHASE if left else max(1e-14, 8 * fine)):
        return Explanation("global phase", f"a global phase of {turned}", left)
    words = f"{told(modulus, 0.0, unsure * modulus)} with a phase of {turned}"
    return Explanation("factor", f"every number is × {words}", left)


def offset(golden: Array, obtained: Array) -> Explanation | None:
    """The golden and one number more."""
    if golden.size < LEAST:
        return None
    more = (obtained - golden).mean().item()
    left = accounted(golden, obtained, golden + more)
    if left is None:
        return None
    rounding = 4 * resolution(golden, obtained) * float(np.abs(obtained).max())
    return offset_sentence(more, left, max(left / 4 * norm(obtained) / math.sqrt(obtained.size), rounding))


def offset_sentence(more: complex, left: float = 0.0, unsure: float = 0.0) -> Explanation:
    """That every number is ``more`` beyond what it was; its digits end where it is ``unsure``."""
    more = more.real if isinstance(more, complex) and abs(more.imag) <= 1e-9 * abs(more) else more
    if isinstance(more, complex):
        return Explanation("offset", f"every number is {digits(more, 0.0, unsure)} off", left)
    return Explanation("offset", f"every number is {told(more, 0.0, unsure, signed=True)} off", left)


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
    ratio = float(varies @ (o - o.mean())) / energy
    more = float(o.mean() - ratio * g.mean())
    left = accounted(g, o, ratio * g + more)
    if left is None or not ratio or left > 1e-6 * norm(o - o.mean()) / norm(o):
        return None
    by, then = _both_told(g, ratio, more, max(left, 8 * resolution(golden, obtained)) * norm(o) / norm(varies))
    if not (by + then).count(".."):  # what is said is shorter than what was found
        left = accounted(g, o, float(by.split()[0]) * g + float(then.split()[0]))
    if left is None:
        return None
    return Explanation("factor and offset", f"every number is × {by}, and then {then}", left)


def _both_told(golden: Array, ratio: float, more: float, unsure: float) -> tuple[str, str]:
    """A factor that is ``unsure`` and the offset beside it, which is as unsure times the size of the numbers."""
    size = norm(golden) / math.sqrt(golden.size)
    return told(ratio, 1.0, unsure), told(more, 0.0, unsure * size, signed=True)


def absolute(golden: Array, obtained: Array) -> Explanation | None:
    """The moduli of real numbers."""
    if golden.dtype.kind == "c" or golden.size < LEAST or not np.array_equal(np.abs(golden), obtained):
        return None
    return Explanation("sign", "every number has lost its sign", 0.0)


_SAMPLE = 4096
