"""``share = x`` or ``count = n``, with ``times = k``: so many elements may be out of tolerance, each within bounds.

A few elements beyond the tolerance may be what a sound change does, such as pixels at an edge or photons
that fell on the other side of a rounding; how many, and how far each, is stated.
"""

from __future__ import annotations

import dataclasses
import math

from harness.judge.elements import Array, Terms
from harness.judge.judgement import ArrayJudgement
from harness.judge.policies.policy import (
    NUMBERS,
    Condition,
    Policy,
    finite_number,
    share_of_one,
    takes,
    whole_above_zero,
)


class FewOutside(Condition):
    """At most a share or a number of elements outside the policy's tolerance, none by more than ``times``."""

    key = "share"
    keys = takes(
        share=share_of_one,
        count=whole_above_zero,
        times=lambda value: finite_number(value) or ("" if value > 1 else "is not above 1"),
    )

    def problem(self, terms: Terms, policy: Policy) -> str:
        """It needs one measure of how many, one of how far, and a tolerance that both are of."""
        if ("share" in terms) == ("count" in terms):
            return "a rule with times has exactly one of share and count, which say how many elements may be out"
        if "times" not in terms:
            return "share and count need times: how many times its tolerance an element that is out may use"
        if policy.ranged or policy.name == "exact":
            return f"share and count beside {policy.name} have no meaning: there is no tolerance to be out of"
        return ""

    def unusable_array(self, array: Array) -> str:
        """Booleans and text have no tolerance."""
        return "" if array.dtype.kind in NUMBERS else f"share and count are for numbers, and this is {array.dtype}"

    def allowed(self, terms: Terms) -> str:
        """How many, and how far."""
        many = f"{100 * terms['share']:g} %" if "share" in terms else str(terms["count"])
        return f"at most {many} of the elements outside, each within {terms['times']:g} times that"

    def apply(self, judgement: ArrayJudgement, golden: Array, obtained: Array, terms: Terms) -> ArrayJudgement:
        """Let the elements that are out pass where they are few and near enough; else say which they are not."""
        if not judgement.elements:
            return judgement
        out = round((judgement.share or 0.0) * golden.size)
        most = terms["count"] if "count" in terms else math.floor(terms["share"] * golden.size)
        furthest = math.inf if judgement.used is None else judgement.used
        used = max(out / most if most else math.inf, furthest / terms["times"])
        problems = judgement.problems
        if out > most:
            problems = (*problems, f"{out} are out, and {most} may be")
        if furthest > terms["times"]:
            problems = (*problems, f"the furthest uses more than {terms['times']:g} times its tolerance")
        passed = out <= most and furthest <= terms["times"]
        return dataclasses.replace(
            judgement, elements="" if passed else judgement.elements, problems=problems, used=used
        )


CONDITION = FewOutside()
