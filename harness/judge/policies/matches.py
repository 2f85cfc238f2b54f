"""``matches = "regex"``: a text that varies, such as one with a date in it, and has a form.

The whole of it has to match, and so does the golden. Patterns are those of ``re`` as far as they can be matched in
linear time (see ``harness.judge.expressions``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.protocol import Json
from harness.core.trees import unwrapped
from harness.core.verdicts import Status, Worst
from harness.judge.elements import Array, Terms
from harness.judge.ensemble import Interval
from harness.judge.expressions.reading import UnreadablePatternError, compiled_expression
from harness.judge.judgement import ArrayJudgement, Judgement, Number, refused
from harness.judge.policies.policy import Policy, takes

_SHOWN = 5  # elements of an array


def _regex(value: Any) -> str:
    """The check of a term that is a pattern."""
    if not isinstance(value, str) or not value:
        return "is no regular expression"
    try:
        compiled_expression(value)
    except UnreadablePatternError as error:
        return str(error)
    return ""


class Matches(Policy):
    """Text, golden and obtained, of which all matches a pattern."""

    name, written = "matches", 'matches = "regex"'
    keys = takes(matches=_regex)
    decisive = frozenset(keys)
    measured = False
    any_kind = True

    def unusable_number(self, golden: Number) -> str:
        """A number is no text."""
        return "matches is for text, and this is a number"

    def unusable_array(self, array: Array, terms: Terms) -> str:
        """Only text is."""
        return "" if array.dtype.kind == "U" else f"matches is for text, and this is {array.dtype}"

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Refused."""
        return refused(self.unusable_number(golden), self.allowed(terms))

    def plain(self, kind: str, golden: Json, obtained: Json, terms: Terms) -> Judgement:
        """Pass where both match."""
        if kind != "text":
            return refused(f"matches is for text, and this is {kind}", self.allowed(terms))
        form, texts = compiled_expression(terms["matches"]), (str(unwrapped(golden)[1]), str(unwrapped(obtained)[1]))
        if not form.matches(texts[1]):
            message = f"obtained {texts[1]!r}, which does not match {terms['matches']!r} as a whole"
            return Judgement(Status.FAIL, message, self.allowed(terms))
        if not form.matches(texts[0]):
            message = f"the golden {texts[0]!r} does not match {terms['matches']!r} as a whole: accept one that does"
            return Judgement(Status.FAIL, message, self.allowed(terms))
        return Judgement(Status.PASS, "", self.allowed(terms))

    def array(self, golden: Array, obtained: Array, terms: Terms, interval: Interval | None) -> ArrayJudgement:
        """Pass where every element of both matches."""
        form, problems, share = compiled_expression(terms["matches"]), [], 0.0
        worst: tuple[Worst, ...] = ()
        for what, array in (("", obtained), (" of the golden", golden)):
            odd = [i for i, text in enumerate(array.ravel().tolist()) if not form.matches(text)]
            if odd:
                places = [tuple(int(n) for n in np.unravel_index(i, array.shape)) for i in odd[:_SHOWN]]
                shown = ", ".join(f"{list(place)} {str(array[place])!r}" for place in places[:3])
                problems.append(f"{len(odd)} of {array.size} elements{what} do not match as a whole, such as {shown}")
                worst = worst or tuple(Worst(p, str(golden[p]), str(obtained[p]), float("inf")) for p in places)
                share = max(share, len(odd) / array.size)
        return ArrayJudgement(self.allowed(terms), "; ".join(problems), share=share, worst=lambda failed: worst)

    def allowed(self, terms: Terms) -> str:
        """The form."""
        return f"text that matches {terms['matches']!r}"


POLICY = Matches()
