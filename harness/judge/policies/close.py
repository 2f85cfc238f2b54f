"""``rtol`` and ``atol``: the modulus of the difference is at most ``atol + rtol * |golden|``.

The form of NumPy's ``allclose``, with the golden as the reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.verdicts import Status
from harness.judge.elements import Array, Quick, Terms, integer_distance
from harness.judge.ensemble import Interval
from harness.judge.judgement import Judgement, Number, brief_text, expected_obtained, times_over, used_share
from harness.judge.policies.elementwise import Elementwise
from harness.judge.policies.policy import not_negative, takes

HINT = "where the golden is zero rtol alone allows nothing: give the rule an atol"


class Close(Elementwise):
    """Within a relative, an absolute, or both tolerances of the golden."""

    name, written = "rtol/atol", "rtol and/or atol"
    keys = takes(rtol=not_negative, atol=not_negative)
    decisive = frozenset(keys)

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Pass within the tolerance."""
        allowed, difference = tolerance(golden, terms), abs(obtained - golden)
        parts = ", ".join(f"{key} {terms[key]:g}" for key in ("atol", "rtol") if terms.get(key))
        text = f"±{allowed:.3g}" + (f" ({parts})" if parts else "")
        inside = difference <= allowed
        used = used_share(difference, allowed, inside)
        if inside:
            return Judgement(Status.PASS, "", text, used)
        alone = golden == 0 and not terms.get("atol") and terms.get("rtol")
        why = HINT if alone else f"{times_over(used)} of {text}"
        message = f"{expected_obtained(golden, obtained)}: off by {brief_text(difference)}, {why}"
        return Judgement(Status.FAIL, message, text, used)

    def allowed(self, terms: Terms) -> str:
        """The tolerance, in terms of the golden."""
        parts = [f"{terms['atol']:g}"] if terms.get("atol") else []
        parts += [f"{terms['rtol']:g}·|golden|"] if terms.get("rtol") else []
        return f"±({' + '.join(parts)})" if len(parts) > 1 else f"±{parts[0] if parts else 0}"

    def hint(self, terms: Terms) -> str:
        """A relative tolerance alone allows nothing there."""
        return "" if terms.get("atol") else HINT

    def elements(self, golden: Array, obtained: Array, terms: Terms) -> tuple[Array, Array]:
        """Integers without rounding, everything else in double precision."""
        rtol, atol = terms.get("rtol", 0.0), terms.get("atol", 0.0)
        if golden.dtype.kind in "iu":
            steps = integer_distance(golden, obtained)
            allowed = atol + rtol * np.abs(golden.astype(np.float64))
            whole = np.minimum(np.floor(allowed), np.nextafter(2.0**64, 0)).astype(np.uint64)
            return (steps > whole) & (allowed < 2.0**64), steps / allowed
        doubles = np.result_type(golden.dtype, np.float64)
        g, o = golden.astype(doubles), obtained.astype(doubles)
        difference, allowed = np.abs(o - g), atol + rtol * np.abs(g)
        return ~(difference <= allowed), difference / allowed

    def quick(self, terms: Terms, dtype: np.dtype[Any], size: int) -> Quick | None:
        """About the largest share of the tolerance that is used in a chunk, in the arrays' own precision.

        What it says is only to be trusted below ``elements.CLEAR``: whatever is not finite gives NaN or more than 1.
        """
        rtol, atol = terms.get("rtol", 0.0), terms.get("atol", 0.0)
        if dtype.kind != "f" or dtype.itemsize not in (4, 8):
            return None
        if not all(t == 0 or 1e-30 <= t <= 1e3 for t in (rtol, atol)):
            return None  # near the ends of float32's range a tolerance would itself be rounded
        # A tolerance of zero becomes the smallest number above it, which no difference but zero is
        # below. It is an array because NumPy's maximum with a scalar is five times slower.
        least = np.full(size, np.nextafter(dtype.type(0), dtype.type(1)), dtype)
        difference, allowed = np.empty(size, dtype), np.full(size, atol, dtype) if atol else least.copy()

        def share(golden: Array, obtained: Array) -> float:
            d, t = difference[: golden.size], allowed[: golden.size]
            np.subtract(obtained, golden, out=d)
            np.abs(d, out=d)
            if rtol:
                np.abs(golden, out=t)
                np.multiply(t, rtol, out=t)
                np.add(t, atol, out=t) if atol else np.maximum(t, least[: golden.size], out=t)
            np.divide(d, t, out=d)
            return float(d[d.argmax()])  # NaN, if there is one

        return share


def tolerance(golden: Number, terms: Terms) -> float:
    """``atol + rtol |golden|``; 0 for an integer beyond every float, where nothing but equality will do."""
    try:
        return float(terms.get("atol", 0.0) + terms.get("rtol", 0.0) * abs(float(golden)))
    except OverflowError:
        return 0.0


POLICY = Close()
