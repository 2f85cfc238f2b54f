"""Tables of checks: what a row asks for, when, and in which order the findings come."""

from __future__ import annotations

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Finding

FIXED = CauseCheck[int]("odd", "warning", lambda n: n % 2, "It is odd.", ("a remainder",), "Add one.", 0.5)
COMPUTED = CauseCheck[int](
    "large",
    "fault",
    lambda n: n > 9,
    lambda n: f"It is {n}.",
    lambda n: (f"{n} > 9",),
    lambda n: f"Take {n - 9}.",
    float,
)


def test_a_check_that_holds_gives_its_finding():
    assert evaluate([FIXED], 3) == [Finding("odd", "warning", "It is odd.", ("a remainder",), "Add one.", 0.5)]


def test_a_finding_may_be_computed_from_the_facts():
    assert evaluate([COMPUTED], 12) == [Finding("large", "fault", "It is 12.", ("12 > 9",), "Take 3.", 12.0)]


def test_a_check_that_does_not_hold_gives_nothing():
    assert evaluate([FIXED, COMPUTED], 4) == []


def test_findings_come_in_the_order_of_the_table():
    assert [f.cause for f in evaluate([COMPUTED, FIXED], 13)] == ["large", "odd"]
    assert [f.cause for f in evaluate([FIXED, COMPUTED], 13)] == ["odd", "large"]


def test_what_is_stated_is_computed_only_where_the_check_holds():
    """A sentence may use a figure that is not there unless the check holds."""
    inverse = CauseCheck[int]("inverse", "info", lambda n: n != 0, lambda n: f"{1 / n:.1f}")
    assert evaluate([inverse], 0) == []
