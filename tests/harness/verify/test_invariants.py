"""The harness's own invariants, and what an adapter may give as one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness import Invariant, Pipeline
from harness.core.protocol import Artifact
from harness.core.verdicts import Status
from harness.run.cache import Item
from harness.verify.invariants import judge_invariant, own_invariants, pipeline_invariants


def item(stage, non_finite):
    about = {"stage": stage, "config_before": "a", "config_after": "a", "non_finite": non_finite}
    return Item("0" * 64, about, lambda: Artifact({}), dict)


def finite(*items, matched=lambda stage, path: False):
    invariant = own_invariants(items, matched)[0]
    assert (invariant.name, invariant.low, invariant.high) == ("finite_everywhere", None, 0)
    return invariant.value, invariant.evidence


def asked(*invariants):
    def give(artifacts):
        return invariants

    return pipeline_invariants(Pipeline("p", (), dict, lambda *_: None, (), invariants=give), {})


def test_what_is_not_finite_is_counted_but_where_a_rule_matches_it():
    items = item("load", {"sea": 5, "table/3": 1}), item("fit", {"loss": 2}), item("end", {})
    assert finite(*items) == (
        8,
        "8 non-finite numbers: 5 at 'sea' of stage load, 1 at 'table/3' of stage load, 2 at 'loss' of stage fit; "
        'verify them under a rule with nan = "match", or let the stage give finite numbers',
    )
    assert finite(*items, matched=lambda stage, path: (stage, path) == ("load", "sea"))[0] == 3
    assert finite(*items, matched=lambda *_: True) == (
        0, "0 non-finite numbers in the outputs of 3 stages; 3 places more, where a rule matches them"
    )  # fmt: skip
    many = item("load", {f"x/{i}": 1 for i in range(9)})
    assert "1 at 'x/2' of stage load and 6 other places; " in finite(many)[1]


def test_a_result_of_an_older_harness_has_no_places_that_a_rule_could_match():
    assert finite(item("load", 4), item("fit", 0), matched=lambda *_: True)[0] == 4


@pytest.mark.parametrize(
    ("invariants", "problem"),
    [
        ([Invariant("a", 1), Invariant("a", 2)], "two called 'a': give one of them another name"),
        ([Invariant("finite_everywhere", 0, high=1e9)], "two called 'finite_everywhere'"),
        ([Invariant("a", None)], "gave 'a' a value of NoneType, which is no number: give float(x)"),
        ([Invariant("a", "1")], "a value of str, which is no number"),
        ([Invariant("a", np.ones(2))], "a value of ndarray, which is no number"),
        ([Invariant("a", 1j)], "a value of complex, which is no number"),
        ([Invariant("a", 1, low="0")], "a low of str, which is no number"),
        ([Invariant("a", 10**400)], "gave 'a' a value beyond every float: give its logarithm"),
        ([Invariant("a/b", 1)], "one called 'a/b': a name is one line of at most 200 characters, without slashes"),
        ([Invariant("", 1)], "one called ''"),
        ([Invariant(3, 1)], "one called 3"),
        ([("a", 1)], "a value of tuple: give harness.Invariant(name, value)"),
    ],
    ids=range(12),
)
def test_what_cannot_be_judged_fails_and_says_why(invariants, problem):
    (only,) = asked(*invariants)
    verdict = judge_invariant(only)
    assert (verdict.path, verdict.status) == ("invariants_can_be_judged", Status.FAIL)
    assert verdict.message.startswith("the adapter's invariants gave ")
    assert problem in verdict.message


def test_numbers_of_any_kind_are_judged():
    given = Invariant("a", np.float32(0.5), low=np.int64(0), high=np.float64(1)), Invariant("b", True, high=1)
    assert [judge_invariant(i).status for i in asked(*given)] == [Status.PASS, Status.PASS]
    assert judge_invariant(*asked(Invariant("a", math.nan, low=0))).status is Status.FAIL
