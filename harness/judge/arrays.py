"""The verdict on one array: shape and dtype first, then its policy, then what is asked of it as a whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import describe_array
from harness.core.protocol import Tier
from harness.core.verdicts import Status, Verdict
from harness.judge.ensemble import Interval
from harness.judge.explanations import explain_difference
from harness.judge.judgement import ArrayJudgement
from harness.judge.numbers import without_interval
from harness.judge.policies.policy import NUMBERS, Policy
from harness.judge.policies.registry import policy_named
from harness.judge.rules import Rule

_EXACT = policy_named("exact")


def compare_array(
    path: str,
    golden: NDArray[Any],
    obtained: NDArray[Any],
    rule: Rule,
    tier: Tier,
    interval: Interval | None = None,
) -> Verdict:
    """The verdict on ``obtained`` under ``rule``; ``tier`` is the rule's own, ``interval`` the address's."""
    golden, obtained = np.asarray(golden), np.asarray(obtained)
    if golden.dtype != obtained.dtype or golden.shape != obtained.shape:
        change = f"was {describe_array(golden)}, is {describe_array(obtained)}"
        judgement = ArrayJudgement("the same dtype and shape", problems=(change,))
    else:
        judgement = _judge_array(path, golden, obtained, rule, interval)
    failed = bool(judgement.message)
    explanation = explain_difference(golden, obtained) if failed else None
    return Verdict(
        path,
        Status.FAIL if failed else rule.policy.passes,
        tier,
        judgement.message or rule.terms.get("ignore", ""),
        rule.text,
        describe_array(golden),
        describe_array(obtained),
        judgement.allowed,
        judgement.overall,
        judgement.share,
        judgement.worst(failed),
        explanation,
    )


def _judge_array(
    path: str, golden: NDArray[Any], obtained: NDArray[Any], rule: Rule, interval: Interval | None
) -> ArrayJudgement:
    """The judgement on two arrays of one shape and dtype."""
    terms = rule.terms
    # Booleans and text are equal under every rule that does not say what else they may be.
    exactly = golden.dtype.kind not in NUMBERS and not (rule.policy.ensemble or rule.policy.any_kind)
    policy = _EXACT if exactly else rule.policy
    besides = [condition.allowed(terms) for condition in rule.conditions]
    if problem := _unusable(golden, rule, policy):
        allowed = "; ".join([policy.allowed(terms), *besides])
        return ArrayJudgement(allowed, problems=(f"its rule cannot judge it: {problem}",))
    if policy.ensemble and interval is None:
        return ArrayJudgement(policy.allowed(terms), problems=(without_interval(path),))
    judgement = policy.array(golden, obtained, terms, interval)
    if judgement.whole:
        for condition in rule.conditions:
            judgement = condition.apply(judgement, golden, obtained, terms)
    return dataclasses.replace(judgement, allowed="; ".join([judgement.allowed, *besides]))


def _unusable(array: NDArray[Any], rule: Rule, policy: Policy) -> str:
    """Why a rule cannot judge an array; empty when it can."""
    if array.dtype.kind not in NUMBERS + "bSU":
        return f"a {array.dtype} array is not compared"
    problems = (condition.unusable_array(array) for condition in rule.conditions)
    return next(filter(None, problems), "") or policy.unusable_array(array, rule.terms)
