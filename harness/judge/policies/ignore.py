"""``ignore = "reason"``: the value is not compared, and every report lists it with its reason.

That it is there, and its type, still count: a value that vanishes is no value that varies.
"""

from __future__ import annotations

from harness.core.protocol import Json
from harness.core.verdicts import Status
from harness.judge.elements import Array, Terms
from harness.judge.ensemble import Interval
from harness.judge.judgement import ArrayJudgement, Judgement, Number
from harness.judge.policies.policy import Policy, some_text, takes

_ALLOWED = "anything of its type"


class Ignored(Policy):
    """Whatever it is, of the golden's type; what is ignored counts as not compared."""

    name, written = "ignore", 'ignore = "reason"'
    keys = takes(ignore=lambda value: some_text(value) and "is no reason: say in one line why it cannot be compared")
    decisive = frozenset(keys)
    ranged = True
    measured = False
    any_kind = True
    passes = Status.IGNORED

    def number(self, golden: Number, obtained: Number, terms: Terms, interval: Interval | None) -> Judgement:
        """Not compared."""
        return Judgement(Status.IGNORED, terms["ignore"], _ALLOWED)

    def plain(self, kind: str, golden: Json, obtained: Json, terms: Terms) -> Judgement:
        """Not compared."""
        return Judgement(Status.IGNORED, terms["ignore"], _ALLOWED)

    def not_finite(self, golden: Number, obtained: Number, terms: Terms) -> Judgement:
        """Not compared."""
        return Judgement(Status.IGNORED, terms["ignore"], _ALLOWED)

    def array(self, golden: Array, obtained: Array, terms: Terms, interval: Interval | None) -> ArrayJudgement:
        """Not compared, beyond shape and dtype."""
        return ArrayJudgement(_ALLOWED, whole=False)

    def allowed(self, terms: Terms) -> str:
        """Anything."""
        return _ALLOWED


POLICY = Ignored()
