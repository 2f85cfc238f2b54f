"""``interval = true``: within the prediction interval of the scenario's ensemble (see ``harness.judge.ensemble``).

For an array one number says how far it is from its golden. The members of an ensemble are each some
distance away; a healthy run is no further than their interval's upper end, and nearer than usual is
no fault. A list whose length varies has an interval of its length; of its items those are judged that
every member has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.core.trees import plain_json
from harness.core.verdicts import Status, Worst
from harness.judge.elements import Array, Terms, same_elements
from harness.judge.ensemble import Interval
from harness.judge.judgement import (
    ArrayJudgement,
    Judgement,
    Number,
    brief_text,
    distance,
    expected_obtained,
    out_of_range,
    times_over,
    used_share,
)
from harness.judge.policies.policy import (
    NUMBERS,
    Policy,
    above_zero,
    binary_exponent,
    one_of,
    only_true,
    scaled,
    takes,
)
from harness.judge.statistics.power import minimum_detectable

_SHOWN = 5  # elements that are furthest off


class WithinInterval(Policy):
    """Within the interval of the address, outside it an improvement on the side that is ``better``."""

    name = written = "interval"
    keys = takes(interval=only_true, better=one_of("higher", "lower"), resolution=above_zero)
    decisive = frozenset({"interval"})
    tier = "statistical"
    ranged = True
    ensemble = True

    def unusable_array(self, array: Array, terms: Terms) -> str:
        """Booleans and text have no distance."""
        return "" if array.dtype.kind in NUMBERS else "an interval is for numbers"

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Pass within the interval."""
        assert interval is not None
        low, high = interval.low, interval.high
        mean = "geometric mean" if interval.logarithmic else "mean"
        text = f"{low:.6g} to {high:.6g} ({interval.n} {interval.of}, {mean} {interval.mean:.6g})"
        allowed = f"{text[:-1]}; a shift of {minimum_detectable(interval):.3g} is caught 9 times in 10)"
        inside = low <= obtained <= high
        middle = low / 2 + high / 2
        off = interval.away(float(obtained)) if interval.logarithmic else abs(distance(obtained, middle))
        used = used_share(off, interval.half if interval.logarithmic else high / 2 - low / 2, inside)
        if inside:
            return Judgement(Status.PASS, "", allowed, used)
        side, amount = ("lower", distance(low, obtained)) if obtained < low else ("higher", distance(obtained, high))
        how_far = f"{brief_text(amount)} {side} than the ensemble's interval {text}"
        message = f"{expected_obtained(golden, obtained)}: {how_far}"
        if side == terms.get("better"):
            remedy = "if this is to stay, refresh the ensemble with `harness calibrate`"
            return Judgement(Status.IMPROVED, f"{message}, and {side} is better: {remedy}", allowed, used)
        return Judgement(Status.FAIL, f"{message}, {times_over(used, 'its half width')} from its middle", allowed, used)

    def array(self, golden: Array, obtained: Array, terms: Terms, interval: Interval | None) -> ArrayJudgement:
        """Pass where the distance from the golden is within the members' own."""
        assert interval is not None
        odd = ~np.isfinite(obtained)
        if terms.get("nan") == "match":
            odd = (odd | ~np.isfinite(golden)) & ~same_elements(golden, obtained)
        if bad := int(np.count_nonzero(odd)):
            what = "finite, or not, where the golden is" if terms.get("nan") == "match" else "finite"
            problem = f"{bad} of {obtained.size} elements are not {what}"
            return ArrayJudgement("finite numbers", problems=(problem,), whole=False)
        off, limit = rms_difference(golden, obtained), interval.high
        used = off / limit if limit > 0 else (0.0 if off == 0 else None)
        problems = (
            ()
            if off <= limit
            else (f"its root mean square difference from the golden is {off:.4g}, {times_over(used)} of {limit:.4g}",)
        )
        allowed = (
            f"root mean square difference at most {limit:.4g} ({interval.n} {interval.of}, mean {interval.mean:.4g})"
        )

        def worst(failed: bool) -> tuple[Worst, ...]:
            return _furthest(golden, obtained, limit) if failed else ()

        return ArrayJudgement(allowed, problems=problems, used=used, worst=worst)

    def allowed(self, terms: Terms) -> str:
        """An interval, whose ends only an ensemble knows."""
        return "an interval"

    def not_finite(self, golden: Number, obtained: Number, terms: Terms) -> Judgement:
        """What is not finite lies within no interval."""
        return out_of_range(obtained)


def judge_length(golden: int, obtained: int, interval: Interval) -> Judgement:
    """The judgement on a list's length, which is a value of its own where the members' lists vary in length."""
    low, high = max(math.ceil(interval.low), 0), math.floor(interval.high)
    text = f"{low} to {high} items ({interval.n} {interval.of}, mean {interval.mean:.6g})"
    if interval.low <= obtained <= interval.high:
        return Judgement(Status.PASS, "", text)
    return Judgement(Status.FAIL, f"had {golden} items, has {obtained}: outside the ensemble's {text}", text)


def only_its_length(address: str, intervals: Mapping[str, Interval]) -> bool:
    """Whether an item lies beyond the shortest member's list, so that no interval but the length's speaks of it."""
    parts = address.split("/")
    for i, part in enumerate(parts[1:], 1):
        above = intervals.get("/".join(parts[:i])) if part.isdigit() else None
        if above is not None and above.shortest is not None and int(part) >= above.shortest:
            return True
    return False


def rms_difference(golden: Array, obtained: Array) -> float:
    """The root mean square of the modulus of the difference of two arrays; what is alike not finite does not differ."""
    if not golden.size:
        return 0.0
    g, o = _without_alike(golden, obtained)
    exponent = binary_exponent(g, o)
    off = np.abs(scaled(o, -exponent) - scaled(g, -exponent))
    reach = binary_exponent(off)
    mean = float(np.sqrt(np.mean(scaled(off, -reach) ** 2)))
    return float(np.ldexp(mean, reach + exponent))


def _without_alike(golden: Array, obtained: Array) -> tuple[Array, Array]:
    """Both in double precision, 0 where neither is finite and both are alike."""
    doubles = np.complex128 if golden.dtype.kind == "c" else np.float64
    g, o = golden.astype(doubles), obtained.astype(doubles)
    alike = ~np.isfinite(g) & ~np.isfinite(o) & same_elements(g, o)
    return np.where(alike, 0, g), np.where(alike, 0, o)


def _furthest(golden: Array, obtained: Array, limit: float) -> tuple[Worst, ...]:
    g, o = _without_alike(golden, obtained)
    off: NDArray[np.float64] = np.ravel(np.abs(o - g))
    order = np.argsort(-off, kind="stable")[:_SHOWN]
    places = [tuple(int(i) for i in np.unravel_index(flat, golden.shape)) for flat in order]
    shares = [float(off[flat] / limit) if limit else 0.0 for flat in order]
    return tuple(
        Worst(at, plain_json(str(golden[at])), plain_json(str(obtained[at])), share)
        for at, share in zip(places, shares, strict=True)
    )


POLICY = WithinInterval()
