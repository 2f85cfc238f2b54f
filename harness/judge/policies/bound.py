"""``min`` and ``max``: within bounds, however far from the golden."""

from __future__ import annotations

import math

import numpy as np

from harness.core.verdicts import Status
from harness.judge.elements import Array, Terms
from harness.judge.ensemble import Interval
from harness.judge.judgement import (
    Judgement,
    Number,
    brief_text,
    distance,
    expected_obtained,
    is_finite,
    out_of_range,
    used_share,
)
from harness.judge.policies.close import tolerance
from harness.judge.policies.elementwise import Elementwise
from harness.judge.policies.policy import finite_number, not_negative, takes

CLOSE = frozenset({"rtol", "atol"})


class Bound(Elementwise):
    """Not below ``min``, nor above ``max``. The share that is used is of the way from the golden to the bound.

    Beside one bound, ``rtol`` and ``atol`` say what is better than the golden by more than a trifle.
    """

    name, written = "min/max", "min and/or max"
    keys = takes(rtol=not_negative, atol=not_negative, min=finite_number, max=finite_number)
    decisive = frozenset({"min", "max"})
    tier = "statistical"
    ranged = True

    def problem(self, terms: Terms) -> str:
        """Bounds that leave nothing, and tolerances beside two bounds."""
        if not self.decisive <= set(terms):
            return ""
        if terms["min"] > terms["max"]:
            return "min is above max"
        if CLOSE & set(terms):
            return "rtol/atol beside both min and max has no meaning: it tells what is better than a one-sided bound"
        return ""

    def unusable_array(self, array: Array, terms: Terms) -> str:
        """What is better is told of single values only, and complex numbers have no order."""
        if CLOSE & set(terms):
            return "rtol/atol beside min or max is for single values, and this is an array"
        return "min and max are for real numbers, and this is complex" if array.dtype.kind == "c" else ""

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Pass within the bounds; improved where it is clearly better than the golden."""
        (low, high), text = bounds(terms), self.allowed(terms)
        inside = low <= obtained <= high
        used = _share_gone(golden, obtained, low, high, inside)
        both = expected_obtained(golden, obtained)
        if not inside:
            how = f"below min = {low:g} by" if obtained < low else f"above max = {high:g} by"
            amount = abs(distance(obtained, low if obtained < low else high))
            return Judgement(Status.FAIL, f"{both}: {how} {brief_text(amount)}", text, used)
        better = obtained > golden if math.isfinite(low) else obtained < golden
        measured = bool(CLOSE & set(terms)) and is_finite(golden)
        if better and measured and abs(obtained - golden) > tolerance(golden, terms):
            remedy = "if this is to stay, refresh the golden with `harness accept`"
            return Judgement(Status.IMPROVED, f"{both}, which is better: {remedy}", text, used)
        return Judgement(Status.PASS, "", text, used)

    def allowed(self, terms: Terms) -> str:
        """The bounds."""
        low, high = bounds(terms)
        if math.isfinite(low) and math.isfinite(high):
            return f"{low:g} to {high:g}"
        return f"at least {low:g}" if math.isfinite(low) else f"at most {high:g}"

    def not_finite(self, golden: Number, obtained: Number, terms: Terms) -> Judgement:
        """What is not finite lies within no bounds."""
        return out_of_range(obtained)

    def elements(self, golden: Array, obtained: Array, terms: Terms) -> tuple[Array, Array]:
        """Elements beyond a bound; the share is that of the golden's way to the bound which is gone."""
        low, high = bounds(terms)
        doubles = np.result_type(golden.dtype, np.float64)
        g, o = golden.astype(doubles), obtained.astype(doubles)
        moved, room = np.abs(o - g), np.where(o > g, high - g, g - low)
        shares = np.where(np.isinf(room) | (moved == 0), 0.0, moved / room)
        middle = np.abs(o - (low / 2 + high / 2)) / (high / 2 - low / 2)  # NaN where one bound is missing
        placed = (g >= low) & (g <= high) & ((room > 0) | (moved == 0))
        return (o < low) | (o > high), np.where(placed, shares, middle)


def bounds(terms: Terms) -> tuple[float, float]:
    """``min`` and ``max``, infinite where the rule has none."""
    return terms.get("min", -math.inf), terms.get("max", math.inf)


def _share_gone(golden: Number, obtained: Number, low: float, high: float, inside: bool) -> float | None:
    """The share of the golden's way to a bound that is gone; where it has none, how far from the middle, or None."""
    if is_finite(golden) and low <= golden <= high:
        bound = high if obtained > golden else low
        if obtained == golden or not math.isfinite(bound):
            return 0.0
        if bound != golden:
            return used_share(abs(distance(obtained, golden)), abs(distance(bound, golden)), inside)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return used_share(abs(distance(obtained, low / 2 + high / 2)), high / 2 - low / 2, inside)


POLICY = Bound()
