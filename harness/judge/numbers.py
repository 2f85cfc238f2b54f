"""The judgement on one number: what its rule may be asked of it, then what its policy says."""

from __future__ import annotations

from harness.core.verdicts import Status
from harness.judge.ensemble import Interval
from harness.judge.judgement import Judgement, Number, is_finite, refused
from harness.judge.rules import Rule


def judge_number(golden: Number, obtained: Number, rule: Rule, address: str, interval: Interval | None) -> Judgement:
    """The judgement on two numbers of one type; ``interval`` is the address's, if the ensemble has one."""
    policy, terms = rule.policy, rule.terms
    matching = terms.get("nan") == "match" and not (is_finite(golden) and is_finite(obtained))
    if matching and not rule.conditions:
        return policy.matched(golden, obtained)
    if policy.ensemble and interval is None:
        return Judgement(Status.FAIL, without_interval(address), policy.allowed(terms))
    if rule.conditions:
        return refused(f"{rule.conditions[0].key} is for arrays, and this is a single value")
    if problem := policy.unusable_number(golden):
        return refused(problem)
    if not (is_finite(golden) or policy.ranged) or not is_finite(obtained):
        return policy.not_finite(golden, obtained, terms)
    return policy.number(golden, obtained, terms, interval)


def without_interval(place: str) -> str:
    """What to say of a value that an interval rule speaks of and the ensemble does not."""
    return f"the ensemble has no interval for {place!r}: run `harness calibrate`, then review and accept the ensemble"
