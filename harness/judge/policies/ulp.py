"""``ulp = n``: at most ``n`` units in the last place apart."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from harness.judge.elements import Array, Terms, integer_distance
from harness.judge.ensemble import Interval
from harness.judge.judgement import Judgement, Number, expected_obtained, times_over, used_share, verdict_of
from harness.judge.policies.elementwise import Elementwise
from harness.judge.policies.policy import takes, whole_above_zero


class Ulp(Elementwise):
    """So many floats at most lie between the golden and what was obtained."""

    name = written = "ulp"
    keys = takes(ulp=whole_above_zero)
    decisive = frozenset(keys)

    def unusable_number(self, golden: Number) -> str:
        """Integers have no last place."""
        return "ulp is for floats, and this is an integer" if isinstance(golden, int) else ""

    def unusable_array(self, array: Array, terms: Terms) -> str:
        """Integers, and floats wider than double precision."""
        kind, size = array.dtype.kind, array.dtype.itemsize
        if kind in "iu" or size > (16 if kind == "c" else 8):
            return f"ulp is for float16, float32 and float64, and this is {array.dtype}"
        return ""

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Pass where few enough floats lie between."""
        steps, limit = abs(_place(float(obtained)) - _place(float(golden))), terms["ulp"]
        inside = steps <= limit
        used = used_share(steps, limit, inside)
        both = expected_obtained(golden, obtained)
        message = "" if inside else f"{both}: {steps} ulp apart, {times_over(used)} of {limit} ulp"
        return Judgement(verdict_of(inside), message, f"{limit} ulp", used)

    def allowed(self, terms: Terms) -> str:
        """The number of units."""
        return f"{terms['ulp']} ulp"

    def elements(self, golden: Array, obtained: Array, terms: Terms) -> tuple[Array, Array]:
        """Elements that are too many floats apart."""
        steps = ulps(golden, obtained)
        return steps > terms["ulp"], steps / np.float64(terms["ulp"])


def ulps(golden: Array, obtained: Array) -> NDArray[np.uint64]:
    """How many floats lie between each two; of complex numbers, by the part that is further off."""
    if golden.dtype.kind == "c":
        real = np.dtype(f"f{golden.dtype.itemsize // 2}")
        steps = ulps(golden.view(real), obtained.view(real))
        return steps.reshape(-1, 2).max(axis=1) if steps.size else steps
    whole = np.dtype(f"i{golden.dtype.itemsize}")
    lowest = np.iinfo(whole).min

    def place(floats: Array) -> Array:  # both zeros are 0, and the next float is the next integer
        bits = floats.view(whole)
        return np.where(bits >= 0, bits, lowest - bits)

    return integer_distance(place(golden), place(obtained))


def _place(value: float) -> int:
    """The place of a float among all floats: both zeros are 0, and the next float is the next integer."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(2**63) - bits


POLICY = Ulp()
