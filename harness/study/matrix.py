"""Environments side by side: which tier used how much of its tolerance where, and what failures move with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.protocol import TIERS, Json, Tier
from harness.study.axes import Movement

MATRIX_VERSION = 1


@dataclass(frozen=True)
class Environment:
    """One environment: its levels on the axes, what it was made of, and how long its verification took."""

    name: str
    axes: Mapping[str, str]
    versions: Mapping[str, str]
    started: str
    seconds: float
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One tier of a scenario in one environment. ``used``: the most of any tolerance; ``address``: whose."""

    compared: int
    failed: int
    used: float | None
    address: str


@dataclass(frozen=True)
class SharedFailure:
    """Failures that move with the same axes. ``first``: in the pipeline's order; ``used``: by the furthest out."""

    movement: Movement
    environments: tuple[str, ...]
    values: int
    first: str
    used: float | None


@dataclass(frozen=True)
class ConditionalRule:
    """A rule that holds in some environments alone: how many values it judged in each where it judged any."""

    rule: str
    values: Mapping[str, int]


@dataclass(frozen=True)
class Matrix:
    """``cells`` by environment, scenario and tier.

    ``missing``: expected, and not there; ``stale``: their reports are of other source or goldens than was asked for.
    """

    environments: tuple[Environment, ...]
    scenarios: tuple[str, ...]
    cells: Mapping[tuple[str, str, Tier], Cell]
    findings: tuple[SharedFailure, ...]
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    may_fail: tuple[str, ...] = ()
    conditional: tuple[ConditionalRule, ...] = ()

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers in which anything was compared."""
        return tuple(t for t in TIERS if any(tier == t for _, _, tier in self.cells))

    def failed(self, name: str) -> bool:
        """Whether anything failed in an environment, or its store has a problem."""
        bad = any(cell.failed for (e, _, _), cell in self.cells.items() if e == name)
        return bad or any(e.problems for e in self.environments if e.name == name)

    @property
    def passed(self) -> bool:
        """Whether every environment that may not fail is there and has passed."""
        absent = [name for name in (*self.missing, *self.stale) if name not in self.may_fail]
        return not absent and not any(self.failed(e.name) for e in self.environments if e.name not in self.may_fail)

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        bad, n = [e.name for e in self.environments if self.failed(e.name)], len(self.environments)
        absent = [(self.missing, "left no report"), (self.stale, "left an old report")]
        if bad:
            outcome = f"{len(bad)} of {n} environments failed"
        elif self.missing or self.stale:
            outcome = f"{n} of {n + len(self.missing) + len(self.stale)} environments passed"
        else:
            outcome = "Every environment agrees"
        return "; ".join([outcome, *(f"{len(names)} {what}" for names, what in absent if names)])

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know of environments beside their values, one sentence each."""
        may = {name: ", which it may" if name in self.may_fail else "" for name in (*self.missing, *self.stale)}
        return (
            *(f"{name} left no report{may[name]}" for name in self.missing),
            *(f"{name} left a report of other source or goldens{may[name]}: run it again" for name in self.stale),
            *(f"{e.name}: {problem}" for e in self.environments for problem in e.problems),
        )


def matrix_to_json(matrix: Matrix) -> dict[str, Json]:
    """The matrix as strict JSON, by ``schemas/harness/matrix.schema.json``."""
    return {
        "version": MATRIX_VERSION,
        "passed": matrix.passed,
        "headline": matrix.headline,
        "environments": [
            {
                "name": e.name,
                "axes": dict(e.axes),
                "versions": dict(e.versions),
                "started": e.started,
                "seconds": e.seconds,
                "failed": matrix.failed(e.name),
                "problems": list(e.problems),
            }
            for e in matrix.environments
        ],
        "missing": list(matrix.missing),
        "stale": list(matrix.stale),
        "may_fail": list(matrix.may_fail),
        "cells": [
            {
                "environment": e,
                "scenario": s,
                "tier": t,
                "compared": c.compared,
                "failed": c.failed,
                "used": _finite(c.used),
                "address": c.address,
            }
            for (e, s, t), c in matrix.cells.items()
        ],
        "conditional": [{"rule": c.rule, "values": dict(c.values)} for c in matrix.conditional],
        "findings": [
            {
                "moves_with": f.movement.kind,
                "axes": list(f.movement.axes),
                "statement": f.movement.sentence,
                "environments": list(f.environments),
                "values": f.values,
                "first": f.first,
                "used": _finite(f.used),
            }
            for f in matrix.findings
        ],
    }


def _finite(used: float | None) -> float | None:
    return used if used is not None and math.isfinite(used) else None
