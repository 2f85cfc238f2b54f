"""What a policy says of one number or of one array, and the words that it says it with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from harness.core.protocol import Json
from harness.core.trees import non_finite_name
from harness.core.verdicts import Status, Worst

OVER = math.nextafter(1.0, 2.0)
"""The least share of a tolerance that is more than all of it."""

Number = int | float


@dataclass(frozen=True)
class Judgement:
    """What became of a number: ``allowed`` in words, and the share of it that was ``used``, above 1 if it is out.

    ``used`` is None where there is no such share, and never NaN or infinite.
    """

    status: Status
    message: str = ""
    allowed: str = ""
    used: float | None = None


@dataclass(frozen=True)
class ArrayJudgement:
    """What became of an array under a policy, before the conditions on the whole of it.

    ``elements`` says which elements are out, empty where none is; ``problems`` what else is wrong.
    ``used`` is the largest share of a tolerance, infinite where there is none, and None where nothing
    but equality will do; ``besides`` has what each condition uses of its own. ``share``: the part of
    the elements that is out. ``whole``: whether there is anything for a condition on the whole array
    to look at. ``worst`` gives the elements to show, given whether the array fails. ``allowed``: what
    the policy allows, in words.
    """

    allowed: str
    elements: str = ""
    problems: tuple[str, ...] = ()
    used: float | None = None
    share: float | None = None
    besides: tuple[float, ...] = ()
    whole: bool = True
    worst: Callable[[bool], tuple[Worst, ...]] = lambda failed: ()

    @property
    def overall(self) -> float | None:
        """The largest share that is used of anything; None where there is no such share."""
        shares = [*([] if self.used is None else [self.used]), *self.besides]
        return max(shares) if shares and math.isfinite(max(shares)) else None

    @property
    def message(self) -> str:
        """Everything that is wrong; empty where nothing is."""
        return "; ".join(filter(None, (self.elements, *self.problems)))


def refused(why: str, allowed: str = "") -> Judgement:
    """The judgement on a number that a rule is not made for."""
    return Judgement(Status.FAIL, f"its rule cannot judge it: {why}", allowed)


def out_of_range(obtained: Number) -> Judgement:
    """The judgement on what is not finite where a place within bounds is asked for."""
    return Judgement(Status.FAIL, f"obtained {exact_text(obtained)}, which lies within no bounds", "a finite number")


def distance(one: Number, other: Number) -> Number:
    """``one - other``, exact where a float could not hold it."""
    try:
        return one - other
    except OverflowError:  # an integer beyond every float
        return int(one) - int(other)


def verdict_of(passed: bool) -> Status:
    """Pass or fail."""
    return Status.PASS if passed else Status.FAIL


def used_share(amount: Number, room: Number, inside: bool) -> float | None:
    """The share that ``amount`` is of ``room``: at most 1 inside, above 1 outside, None where there is none."""
    try:
        share = amount / room
    except (ZeroDivisionError, OverflowError):
        return 0.0 if inside else None
    if not math.isfinite(share):
        return None
    return float(min(share, 1.0) if inside else max(share, OVER))


def times_over(used: float | None, what: str = "its tolerance") -> str:
    """How far over ``what`` a value is, in words."""
    if used is None:
        return f"beyond {what}"
    return f"just over {what}" if used < 1.01 else f"{used:.3g} times {what}"


def expected_obtained(golden: Number, obtained: Number) -> str:
    """Both numbers, to the last digit."""
    return f"expected {exact_text(golden)}, obtained {exact_text(obtained)}"


def exact_text(value: Number) -> str:
    """A number with every digit that tells it from the next."""
    return repr(value) if is_finite(value) else non_finite_name(value)


def brief_text(amount: Number) -> str:
    """A number with three digits."""
    try:
        return f"{amount:.3g}"
    except OverflowError:
        return "more than 1e+308"


def is_finite(value: Number) -> bool:
    """Whether a number is finite; integers beyond every float are."""
    return isinstance(value, int) or math.isfinite(value)


def words_apart(expected: Json, obtained: Json) -> str:
    """How two values that are no numbers differ: of texts of several lines the first that does."""
    if not isinstance(expected, str) or not isinstance(obtained, str) or "\n" not in expected + obtained:
        return f"expected {expected!r}, obtained {obtained!r}"
    old, new = expected.splitlines(), obtained.splitlines()
    if len(old) != len(new):
        changed = f"{len(old):,} lines are now {len(new):,}"
    else:
        changed = f"{sum(a != b for a, b in zip(old, new, strict=True)):,} of {len(old):,} lines differ"
    pairs = enumerate(zip_longest(old, new, fillvalue="(none)"), 1)
    place, a, b = next(((i, a, b) for i, (a, b) in pairs if a != b), (0, "", ""))
    return f"{changed}, first line {place}: {a[:80]!r}, now {b[:80]!r}" if place else "its lines end in another way"
