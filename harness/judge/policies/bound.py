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
    """Not below ``min``, nor above ``max``.

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
        below, above = math.isfinite(low), math.isfinite(high)
        inside = low <= obtained <= high
        used: float | None = None
        if below and above:
            used = used_share(abs(obtained - (low / 2 + high / 2)), high / 2 - low / 2, inside)
        elif is_finite(golden):  # the share of the golden's distance from the bound that is gone
            room, gone = (golden - low, golden - obtained) if below else (high - golden, obtained - golden)
            used = used_share(max(gone, 0), room, inside) if room > 0 else None
        both = expected_obtained(golden, obtained)
        if not inside:
            how = f"below min = {low:g} by" if obtained < low else f"above max = {high:g} by"
            amount = low - obtained if obtained < low else obtained - high
            return Judgement(Status.FAIL, f"{both}: {how} {brief_text(amount)}", text, used)
        better = obtained > golden if below else obtained < golden
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
        """Elements beyond a bound; the share is that of the room between golden and bound, or between both."""
        low, high = bounds(terms)
        doubles = np.result_type(golden.dtype, np.float64)
        g, o = golden.astype(doubles), obtained.astype(doubles)
        out = (o < low) | (o > high)
        if math.isfinite(low) and math.isfinite(high):
            return out, np.abs(o - (low / 2 + high / 2)) / (high / 2 - low / 2)
        room, gone = (g - low, g - o) if math.isfinite(low) else (high - g, o - g)
        return out, np.where(room > 0, np.maximum(gone, 0) / room, np.nan)


def bounds(terms: Terms) -> tuple[float, float]:
    """``min`` and ``max``, infinite where the rule has none."""
    return terms.get("min", -math.inf), terms.get("max", math.inf)


POLICY = Bound()
