"""Checks as rows of a table: what may be wrong, when it is, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ptycho.diagnostics.findings import Finding, Level

Facts = TypeVar("Facts")  # what an analysis has read of a run
Value = TypeVar("Value")


@dataclass(frozen=True)
class CauseCheck(Generic[Facts]):
    """One cause that an analysis looks for in its facts; what follows ``when`` is asked only where that holds.

    All but ``cause`` and ``when`` are as in ``Finding``, or functions of the facts.
    """

    cause: str
    level: Level | Callable[[Facts], Level]
    when: Callable[[Facts], Any]
    statement: str | Callable[[Facts], str]
    evidence: tuple[str, ...] | Callable[[Facts], tuple[str, ...]] = ()
    remedy: str | Callable[[Facts], str] = ""
    weight: float | Callable[[Facts], float] = 0.0


def evaluate(checks: Sequence[CauseCheck[Facts]], facts: Facts) -> list[Finding]:
    """The findings of all ``checks`` that hold, in their order."""
    return [
        Finding(
            check.cause,
            _value(check.level, facts),
            _value(check.statement, facts),
            _value(check.evidence, facts),
            _value(check.remedy, facts),
            _value(check.weight, facts),
        )
        for check in checks
        if check.when(facts)
    ]


def _value(stated: Value | Callable[[Facts], Value], facts: Facts) -> Value:
    return stated(facts) if callable(stated) else stated
