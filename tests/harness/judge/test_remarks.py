"""What passes with a remark: ``ignore``, ``matches`` and ``warn``, and that none of them makes a failure pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_comparison import FAIL, MISSING, PASS, UNEXPECTED, judged, one

from harness.core.errors import RuleError
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.judge.comparison import NOTHING_COMPARED
from harness.judge.tolerances import read_rule

IGNORED, WARNING = Status.IGNORED, Status.WARNING
BY = {"**": {"exact": True}, "x": {"ignore": "a wall time"}, "x/**": {"ignore": "a wall time"}}


def beside(golden, obtained, **more):
    """The verdicts on an ignored value ``x`` beside one that is compared."""
    arrays = more.pop("arrays", ({}, {}))
    found = judged({"n": 1} | golden, {"n": 1} | obtained, by=BY, arrays=arrays)
    assert found.pop("n").status is PASS
    return found


# ignore


@pytest.mark.parametrize(
    ("golden", "obtained"),
    [
        (1.0, 2.0),
        (1, 9),
        ("a", "b"),
        (True, False),
        (1.0, "NaN"),
        ("NaN", "Infinity"),
        (None, None),
        ([], []),
        ({}, {}),
    ],
)
def test_an_ignored_value_is_not_compared_and_keeps_its_reason(golden, obtained):
    (verdict,) = beside({"x": golden}, {"x": obtained}).values()
    assert (verdict.status, verdict.message) == (IGNORED, "a wall time")
    assert (verdict.expected, verdict.obtained) == (
        golden if golden not in ([], {}) else verdict.expected,
        verdict.obtained,
    )
    assert verdict.rule.endswith('{ ignore = "a wall time" }')
    assert not verdict.status.failed


def test_an_ignored_array_keeps_dtype_and_shape():
    def status(obtained):
        (verdict,) = beside({}, {}, arrays=({"x": np.arange(3.0)}, {"x": obtained})).values()
        return verdict.status

    assert status(np.array([7.0, np.nan, 9.0])) is IGNORED
    assert status(np.arange(3)) is FAIL
    assert status(np.arange(4.0)) is FAIL
    (text,) = beside({}, {}, arrays=({"x": np.array(["a"])}, {"x": np.array(["b"])})).values()
    assert text.status is IGNORED


@pytest.mark.parametrize(
    ("golden", "obtained", "status"),
    [
        ({"x": 1.0}, {}, MISSING),
        ({}, {"x": 1.0}, UNEXPECTED),
        ({"x": 1.0}, {"x": 1}, FAIL),
        ({"x": 1.0}, {"x": "1.0"}, FAIL),
        ({"x": 1.0}, {"x": None}, FAIL),
        ({"x": 1.0}, {"x": [1.0]}, FAIL),
        ({"x": [1.0, 2.0]}, {"x": [1.0]}, MISSING),
        ({"x": {"a": 1.0}}, {"x": {"b": 1.0}}, MISSING),
    ],
)
def test_an_ignored_value_that_vanishes_or_changes_type_is_told(golden, obtained, status):
    assert status in {verdict.status for verdict in beside(golden, obtained).values()}


def test_where_everything_is_ignored_nothing_is_compared_and_that_fails():
    found = judged({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}, ignore="all of it")
    assert found[""].status is FAIL
    assert found[""].message == NOTHING_COMPARED
    assert {found["a"].status, found["b"].status} == {IGNORED}


def report_of(*verdicts):
    artifact = ArtifactReport("make", "made", "cpu", verdicts)
    return Report("p", "cpu", {}, "", 0.0, (ScenarioReport("one", "cpu", "", (artifact,)),))


def test_what_is_ignored_or_skipped_does_not_count_as_compared():
    left = [Verdict("x", status, "exact", "why") for status in (IGNORED, Status.SKIPPED)]
    report = report_of(*left)
    assert report.compared == 0
    assert not report.passed
    assert report_of(*left, Verdict("y", PASS, "exact")).passed


# matches


def test_a_text_matches_as_a_whole_and_so_must_the_golden():
    rule = {"matches": r"run of \d{4}"}
    assert one("run of 2024", "run of 2025", **rule).status is PASS
    late = one("run of 2024", "run of 2025!", **rule)
    assert late.status is FAIL
    assert "'run of 2025!', which does not match" in late.message
    assert "the golden 'run' does not match" in one("run", "run of 2025", **rule).message
    assert one("run", "run", **rule).status is FAIL


@pytest.mark.parametrize(("golden", "kind"), [(1.5, "number"), (3, "number"), (True, "boolean"), (None, "null")])
def test_matches_is_for_text_and_says_so(golden, kind):
    verdict = one(golden, golden, matches=".*")
    assert verdict.status is FAIL
    assert f"matches is for text, and this is {'a ' if kind == 'number' else ''}{kind}" in verdict.message


def test_matches_looks_at_every_element_of_an_array_of_text():
    def verdict(golden, obtained):
        arrays = ({"x": np.array(golden)}, {"x": np.array(obtained)})
        return judged({}, {}, arrays=arrays, matches="[ab]+")["x"]

    assert verdict(["a", "b"], ["b", "a"]).status is PASS
    odd = verdict(["aa", "bb"], ["aa", "ac"])
    assert odd.status is FAIL
    assert "1 of 2 elements do not match as a whole, such as [1] 'ac'" in odd.message
    assert odd.worst[0].index == (1,)
    assert "of the golden" in verdict(["aa", "ac"], ["aa", "bb"]).message
    assert verdict([1.0], [1.0]).status is FAIL


# warn


def test_a_value_near_its_limit_passes_with_a_warning():
    rule = {"atol": 1.0, "warn": 0.5}
    assert one(0.0, 0.4, **rule).status is PASS
    near = one(0.0, 0.5, **rule)
    assert near.status is WARNING
    assert not near.status.failed
    assert near.message == "0.5 of its tolerance is used, and its rule warns from 0.5 on"
    assert one(0.0, 1.0, **rule).status is WARNING
    assert one(0.0, 1.01, **rule).status is FAIL
    assert near.rule == '"**" = { atol = 1.0, warn = 0.5 }'


@pytest.mark.parametrize("rule", [{"rtol": 0.1}, {"ulp": 10}, {"max": 2.0}, {"min": 0.0, "max": 2.0}])
def test_every_measured_policy_warns_for_arrays_too(rule):
    step = 8 * np.spacing(1.0) if "ulp" in rule else 0.08 if "rtol" in rule else 0.9
    arrays = ({"x": np.ones(3)}, {"x": np.array([1.0, 1.0, 1.0 + step])})
    assert judged({}, {}, arrays=arrays, warn=0.5, **rule)["x"].status is WARNING
    assert judged({}, {}, arrays=arrays, warn=0.99, **rule)["x"].status is PASS
    assert one(1.0, 1.0 + step, warn=0.5, **rule).status is WARNING


# What does not go together


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"ignore": ""}, 'ignore = "" is no reason: say in one line why'),
        ({"ignore": "  "}, "is no reason"),
        ({"ignore": "two\nlines"}, "is no reason"),
        ({"ignore": True}, "ignore = true is no reason"),
        ({"ignore": "r", "rtol": 1.0}, "it has rtol/atol and ignore; a rule has exactly one of"),
        ({"ignore": "r", "warn": 0.5}, "warn beside ignore has no meaning"),
        ({"ignore": "r", "nan": "match"}, "nan beside ignore has no meaning"),
        ({"ignore": "r", "l2": 0.5}, "l2 beside ignore has no meaning"),
        ({"ignore": "r", "exact": True}, "it has exact and ignore"),
        ({"matches": ""}, "is no regular expression"),
        ({"matches": 3}, "is no regular expression"),
        ({"matches": "("}, "is no regular expression"),
        ({"matches": "(a)\\1"}, "a reference back"),
        ({"matches": "a", "exact": True}, "it has exact and matches"),
        ({"matches": "a", "warn": 0.5}, "warn beside matches has no meaning"),
        ({"matches": "a", "nan": "match"}, "nan beside matches has no meaning"),
        ({"matches": "a", "share": 0.5, "times": 2.0}, "share beside matches has no meaning"),
        ({"exact": True, "warn": 0.5}, "warn beside exact has no meaning: there is no tolerance"),
        ({"rtol": 1.0, "warn": 0}, "warn = 0 is not above 0 and below 1"),
        ({"rtol": 1.0, "warn": 1}, "is not above 0 and below 1"),
        ({"rtol": 1.0, "warn": "0.5"}, "is not a finite number"),
        ({"warn": 0.5}, "it has no policy"),
    ],
)
def test_what_has_no_meaning_is_refused_with_file_and_rule(terms, why):
    with pytest.raises(RuleError) as error:
        read_rule("a/b", terms, Path("t.toml"), "goldens/t.toml")
    assert str(error.value).startswith('goldens/t.toml: "a/b"')
    assert why in str(error.value)


def test_a_reason_may_be_any_word_and_is_written_as_toml():
    rule = read_rule("a", {"ignore": 'forbid "it"'}, Path("t"), "t")
    assert rule.terms == {"ignore": 'forbid "it"'}
    assert rule.text == '"a" = { ignore = "forbid \\"it\\"" }'
    assert read_rule("a", {"ignore": "forbid"}, Path("t"), "t").terms == {"ignore": "forbid"}
