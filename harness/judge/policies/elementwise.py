"""Policies that judge an array element by element, and what they say of the elements that are out."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from harness.core.protocol import Json
from harness.core.trees import plain_json
from harness.core.verdicts import Worst
from harness.judge.elements import Array, Quick, Tally, Terms, scan_elements
from harness.judge.ensemble import Interval
from harness.judge.judgement import ArrayJudgement, times_over
from harness.judge.policies.policy import Policy

_NAMED = 3  # worst elements that the message names


class Elementwise(Policy):
    """A policy that knows of each element whether it is out. ``equality``: nothing but equality will do."""

    equality: bool = False

    @abstractmethod
    def elements(self, golden: Array, obtained: Array, terms: Terms) -> tuple[Array, Array]:
        """Of each element: whether it is out, and what share of its tolerance it uses; finite ones are meant."""

    def quick(self, terms: Terms, dtype: np.dtype[Any], size: int) -> Quick | None:
        """What tells about the largest share of the tolerance that a chunk uses, if that is to be had fast."""
        return None

    def hint(self, terms: Terms) -> str:
        """What to say where an element is out whose golden is zero."""
        return ""

    def array(self, golden: Array, obtained: Array, terms: Terms, interval: Interval | None) -> ArrayJudgement:
        """Pass where no element is out."""
        tally = scan_elements(golden, obtained, self, terms)
        worst = _worst(tally, golden, obtained)
        return ArrayJudgement(
            self.allowed(terms),
            elements=self._message(tally, worst, golden, terms) if tally.out else "",
            used=None if self.equality else tally.used,
            share=tally.out / golden.size if golden.size else 0.0,
            whole=not tally.not_finite,
            worst=lambda failed: worst,
        )

    def _message(self, tally: Tally, worst: tuple[Worst, ...], golden: Array, terms: Terms) -> str:
        count = f"{tally.out} of {golden.size} element{'s' * (golden.size > 1)} ({100 * tally.out / golden.size:.3g} %)"
        text = f"{count} {'not equal, the first' if self.equality else 'out of tolerance, the worst'}: "
        text += "; ".join(_element(w, self.equality or not self.ranged) for w in worst[:_NAMED] if w.used > 1)
        if tally.not_finite:
            remedy = ', which nan = "forbid" does not allow' if terms.get("nan", "forbid") == "forbid" else ""
            text += f"; {tally.not_finite} not finite{remedy}"
        zero = golden.dtype.kind in "iufc" and any(golden.flat[i] == 0 for _, i in tally.worst)
        return f"{text}; {self.hint(terms)}" if zero and self.hint(terms) else text


def _element(worst: Worst, golden: bool) -> str:
    place = f"{list(worst.index)} " if worst.index else ""
    over = f" ({times_over(worst.used)})" if math.isfinite(worst.used) else ""
    expected = f"expected {worst.expected}, " if golden else ""
    return f"{place}{expected}obtained {worst.obtained}{over}"


def _worst(tally: Tally, golden: Array, obtained: Array) -> tuple[Worst, ...]:
    places = [(used, tuple(int(i) for i in np.unravel_index(flat, golden.shape))) for used, flat in tally.worst]
    return tuple(Worst(i, _shown(golden[i]), _shown(obtained[i]), used) for used, i in places)


def _shown(element: Any) -> Json:
    """An element for people: a float32 by the fewest digits that tell it, not by those of its double."""
    if isinstance(element, np.complexfloating):
        return str(element).strip("()")
    if isinstance(element, np.floating):
        return plain_json(float(str(element)))
    return element.decode("utf-8", "replace") if isinstance(element, bytes) else plain_json(element)
