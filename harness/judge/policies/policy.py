"""What a rule is made of: one policy, which compares, and any number of conditions on an array as a whole.

Adding one is adding a file beside this one with a ``POLICY``, or in ``judge/conditions`` with a ``CONDITION``: the
registry finds it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from harness.core.protocol import Json, Tier
from harness.core.verdicts import Status
from harness.judge.elements import Array, Terms
from harness.judge.ensemble import Interval
from harness.judge.judgement import (
    ArrayJudgement,
    Judgement,
    Number,
    expected_obtained,
    is_finite,
    verdict_of,
    words_apart,
)

TermCheck: TypeAlias = Callable[[Any], str]
"""Why a term cannot have a value, in words that follow it; empty when it can."""

NUMBERS = "iufc"  # dtype kinds; booleans and text are always compared exactly


class Policy(ABC):
    """One way to compare a value with its golden.

    ``name`` and ``written`` are what messages call it, ``keys`` the terms that it takes, each with its
    check, and ``decisive`` those that choose it. ``tier``: of its verdicts, None for the stage's own.
    ``ranged``: it asks for a place within bounds, however far from the golden. ``ensemble``: the bounds
    are those of an ensemble's interval. ``measured``: it says which share of a tolerance is used. ``any_kind``: it
    judges what is no number by itself, which others compare exactly. ``passes``: what becomes of a value that is right.
    """

    name: str
    written: str
    keys: Mapping[str, TermCheck]
    decisive: frozenset[str]
    tier: Tier | None = None
    ranged: bool = False
    ensemble: bool = False
    measured: bool = True
    any_kind: bool = False
    passes: Status = Status.PASS

    def problem(self, terms: Terms) -> str:
        """Why its terms do not go together; empty when they do."""
        return ""

    def unusable_number(self, golden: Number) -> str:
        """Why it cannot judge a number like ``golden``; empty when it can."""
        return ""

    def unusable_array(self, array: Array, terms: Terms) -> str:
        """Why it cannot judge an array like ``array``; empty when it can."""
        return ""

    @abstractmethod
    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """The judgement on two finite numbers of one type; a ranged policy's golden may be anything."""

    @abstractmethod
    def array(self, golden: Array, obtained: Array, terms: Terms, interval: Interval | None) -> ArrayJudgement:
        """The judgement on two arrays of one shape and dtype, of a kind that it can judge."""

    @abstractmethod
    def allowed(self, terms: Terms) -> str:
        """What it allows each element of an array, in words."""

    def plain(self, kind: str, golden: Json, obtained: Json, terms: Terms) -> Judgement:
        """The judgement on two values of one ``kind`` that is no number: by default nothing but equality will do."""
        if golden == obtained:
            return Judgement(Status.PASS, "", "exactly")
        message = f"{words_apart(golden, obtained)}: nothing but equality will do"
        return Judgement(Status.FAIL, message, "exactly")

    def matched(self, golden: Number, obtained: Number) -> Judgement:
        """The judgement on two numbers of which one is not finite, where the rule lets the same pass."""
        same = obtained == golden or (obtained != obtained and golden != golden)
        message = "" if same else expected_obtained(golden, obtained)
        return Judgement(verdict_of(same), message, "what the golden has")

    def not_finite(self, golden: Number, obtained: Number, terms: Terms) -> Judgement:
        """The judgement on two numbers of which one is not finite, where the rule allows no such number."""
        if is_finite(obtained):
            why = "a golden that is not finite has no tolerance; accept a finite one"
        else:
            why = 'nan = "forbid" allows nothing that is not finite'
        return Judgement(Status.FAIL, f"{expected_obtained(golden, obtained)}: {why}", "a finite number")


class Condition(ABC):
    """A condition on an array as a whole, beside the policy. ``key`` chooses it; ``keys`` are all that it takes."""

    key: str
    keys: Mapping[str, TermCheck]

    def problem(self, terms: Terms, policy: Policy) -> str:
        """Why it does not go with the rest of its rule; empty when it does."""
        return ""

    @abstractmethod
    def unusable_array(self, array: Array) -> str:
        """Why it cannot judge an array like ``array``; empty when it can."""

    @abstractmethod
    def allowed(self, terms: Terms) -> str:
        """What it allows, in words."""

    @abstractmethod
    def apply(self, judgement: ArrayJudgement, golden: Array, obtained: Array, terms: Terms) -> ArrayJudgement:
        """``judgement`` with what this condition has to say of the two arrays."""


def takes(**checks: TermCheck) -> Mapping[str, TermCheck]:
    """The terms that a policy or a condition takes, each with its check."""
    return MappingProxyType(checks)


def only_true(value: Any) -> str:
    """The check of a term that is a flag."""
    return "" if value is True else "has no meaning but true"


def finite_number(value: Any) -> str:
    """The check of a term that is any finite number."""
    return "" if type(value) in (int, float) and math.isfinite(value) else "is not a finite number"


def not_negative(value: Any) -> str:
    """The check of a term that is a tolerance."""
    return finite_number(value) or ("is negative" if value < 0 else "")


def above_zero(value: Any) -> str:
    """The check of a term that is a positive number."""
    return finite_number(value) or ("" if value > 0 else "is not above 0")


def share_below_one(value: Any) -> str:
    """The check of a term that is a part of a share."""
    return finite_number(value) or ("" if 0 < value < 1 else "is not above 0 and below 1")


def some_text(value: Any) -> str:
    """The check of a term that is a line of text."""
    fine = isinstance(value, str) and value.strip() == value != "" and value.isprintable()
    return "" if fine else "is not a line of text"


def whole_above_zero(value: Any) -> str:
    """The check of a term that is a count."""
    return "" if type(value) is int and value > 0 else "is not a whole number above zero"


def share_of_one(value: Any) -> str:
    """The check of a term that is a share."""
    return finite_number(value) or ("" if 0 < value <= 1 else "is not above 0 and at most 1")


def one_of(*choices: str) -> TermCheck:
    """The check of a term that is one of several words."""
    return lambda value: "" if value in choices else f"is none of {', '.join(choices)}"


def wide(array: Array) -> Array:
    """An array of numbers in double precision, 0 where it is not finite."""
    doubles = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return np.nan_to_num(doubles, nan=0.0, posinf=0.0, neginf=0.0)


def binary_exponent(*arrays: Array) -> int:
    """The exponent of two above the largest real or imaginary part of any of ``arrays``; 0 where all are zero."""
    parts = [part for a in arrays if a.size for part in ((a.real, a.imag) if a.dtype.kind == "c" else (a,))]
    return int(np.frexp(max((float(np.abs(part).max()) for part in parts), default=0.0))[1])


def scaled(array: Array, exponent: int) -> Array:
    """``array`` times two to the power of ``exponent``: sums of squares of it neither overflow nor underflow."""
    if array.dtype.kind != "c":
        return np.asarray(np.ldexp(array, exponent))
    result = np.empty_like(array)
    result.real, result.imag = np.ldexp(array.real, exponent), np.ldexp(array.imag, exponent)
    return result
