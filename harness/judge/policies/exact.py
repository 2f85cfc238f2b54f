"""``exact = true``: equality, to the bit of a number's value; -0.0 is not 0.0."""

from __future__ import annotations

import math

import numpy as np

from harness.judge.elements import Array, Terms
from harness.judge.ensemble import Interval
from harness.judge.judgement import Judgement, Number, brief_text, expected_obtained, verdict_of
from harness.judge.policies.elementwise import Elementwise
from harness.judge.policies.policy import only_true, takes


class Exact(Elementwise):
    """Nothing but equality will do. Booleans, text and nulls are compared like this under any rule."""

    name = written = "exact"
    keys = takes(exact=only_true)
    decisive = frozenset(keys)
    tier = "exact"
    equality = True
    measured = False

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Pass where both are equal."""
        if golden == obtained:
            same = math.copysign(1, golden) == math.copysign(1, obtained) or golden != 0
            message = "" if same else f"{expected_obtained(golden, obtained)}: the sign of zero differs"
            return Judgement(verdict_of(same), message, "exactly")
        off = brief_text(abs(obtained - golden))
        message = f"{expected_obtained(golden, obtained)}: off by {off}, and must be equal"
        return Judgement(verdict_of(False), message, "exactly")

    def allowed(self, terms: Terms) -> str:
        """Equality."""
        return "exactly"

    def elements(self, golden: Array, obtained: Array, terms: Terms) -> tuple[Array, Array]:
        """Elements that are not equal; equality has no share."""
        out = obtained != golden
        if golden.dtype.kind in "fc":  # -0.0 is not 0.0
            for g, o in ((golden.real, obtained.real), (golden.imag, obtained.imag)):
                out |= (g == 0) & (o == 0) & (np.signbit(g) != np.signbit(o))
        return out, np.zeros(out.shape)


POLICY = Exact()
