"""``l2 = x``: the relative L2 distance of an array from its golden is at most ``x``."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from harness.judge.elements import Array, Terms
from harness.judge.judgement import ArrayJudgement
from harness.judge.policies.policy import NUMBERS, Condition, Policy, above_zero, binary_exponent, scaled, takes, wide


class RelativeL2(Condition):
    """``|obtained - golden| / |golden|`` in the L2 norm."""

    key = "l2"
    keys = takes(l2=above_zero)

    def problem(self, terms: Terms, policy: Policy) -> str:
        """Beside equality it says nothing, and an ensemble has no one array to be near."""
        if policy.ensemble:
            return "l2 beside an interval has no meaning: an ensemble has no one array to be near"
        return f"l2 beside {policy.name} has no meaning" if policy.name == "exact" else ""

    def unusable_array(self, array: Array) -> str:
        """What is not of numbers has no norm."""
        return "" if array.dtype.kind in NUMBERS else f"l2 is for numbers, and this is {array.dtype}"

    def allowed(self, terms: Terms) -> str:
        """The distance."""
        return f"relative L2 at most {terms['l2']:g}"

    def apply(self, judgement: ArrayJudgement, golden: Array, obtained: Array, terms: Terms) -> ArrayJudgement:
        """Add the distance where it is too large, and the share of it that is used."""
        distance, limit = relative_l2(golden, obtained), terms["l2"]
        problems = judgement.problems
        if not distance <= limit:
            problems = (*problems, f"its relative L2 distance is {distance:.3g}, above {limit:g}")
        return dataclasses.replace(judgement, problems=problems, besides=(*judgement.besides, distance / limit))


def relative_l2(golden: Array, obtained: Array) -> float:
    """``|obtained - golden| / |golden|`` in the L2 norm, both finite or matching; 0 for equal arrays.

    Infinite where the golden is zero everywhere and ``obtained`` is not.
    """
    g, o = wide(golden), wide(obtained)
    both = binary_exponent(g, o)
    distance, off = _norm(scaled(o, -both) - scaled(g, -both))
    size, reach = _norm(g)
    if not size:
        return math.inf if distance else 0.0
    try:
        return math.ldexp(distance / size, off + both - reach)
    except OverflowError:
        return math.inf


def _norm(array: Array) -> tuple[float, int]:
    """The L2 norm of an array as a number of moderate size, and the exponent of the power of two that it lacks."""
    exponent = binary_exponent(array)
    return float(np.linalg.norm(scaled(array, -exponent))), exponent


CONDITION = RelativeL2()
