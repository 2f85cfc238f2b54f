"""The reports of several environments as one: which tier used how much where, and what failures move with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.protocol import TIERS, Json, Tier
from harness.core.reports import read_report
from harness.core.text import joined
from harness.core.verdicts import Report, ScenarioReport, Status
from harness.study.axes import Movement, movement

VERSION = 1
SURE = 0.5  # of a tolerance: a value that uses more is no evidence that its environment is right

Axes = Callable[[Mapping[str, str]], Mapping[str, str]]


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
    """Failures that move with the same thing. ``first``: in the pipeline's order; ``used``: the most beyond."""

    movement: Movement
    environments: tuple[str, ...]
    values: int
    first: str
    used: float | None


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

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """Those that anything was compared in."""
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
            said = f"{len(bad)} of {n} environments failed"
        elif self.missing or self.stale:
            said = f"{n} of {n + len(self.missing) + len(self.stale)} environments passed"
        else:
            said = "Every environment agrees"
        return "; ".join([said, *(f"{len(names)} {what}" for names, what in absent if names)])

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of environments beside their values, one sentence each."""
        may = {name: ", which it may" if name in self.may_fail else "" for name in (*self.missing, *self.stale)}
        return (
            *(f"{name} left no report{may[name]}" for name in self.missing),
            *(f"{name} left a report of other source or goldens{may[name]}: run it again" for name in self.stale),
            *(f"{e.name}: {said}" for e in self.environments for said in e.problems),
        )


@dataclass(frozen=True)
class _Value:
    environment: str
    scenario: str
    tier: Tier
    place: str  # of its artifact; the address itself where that has no values, because its stage raised
    address: str
    failed: bool
    used: float | None


def read_matrix_reports(root: Path) -> dict[str, list[Report]]:
    """The reports below each folder of ``root``, which is named like its environment."""
    if not root.is_dir():
        raise HarnessError(f"{root} is no folder of reports: run `tox run -m matrix`, or name the folder")
    found = {
        f.name: [read_report(p) for p in sorted(f.rglob("report.json"))] for f in sorted(root.iterdir()) if f.is_dir()
    }
    if not any(found.values()):
        raise HarnessError(f"{root} holds no ENVIRONMENT/report.json: run `harness verify --out {root}/ENVIRONMENT`")
    return {name: reports for name, reports in found.items() if reports}


def collect_matrix(
    reports: Mapping[str, Sequence[Report]],
    axes: Axes,
    expected: Iterable[str] = (),
    may_fail: Iterable[str] = (),
    subject: str = "",
) -> Matrix:
    """The matrix of several environments' reports; ``expected`` ones come first, in that order.

    Of what one expected environment compared, every other must have compared something, too. ``subject``: what they
    must be reports of; without one, what the newest is of. Raises HarnessError for reports that do not go together.
    """
    wanted, may_fail = [*dict.fromkeys(expected)], tuple(may_fail)
    every = [(name, r) for name, made in reports.items() for r in made]
    newest = max((r for _, r in every), key=lambda r: r.started, default=None)
    for name, r in every:
        if newest and (r.project, r.profile) != (newest.project, newest.profile):
            raise HarnessError(
                f"a report of {name} is of {r.project} at profile {r.profile}, and the newest of {newest.project} at "
                f"{newest.profile}: collect those of one pipeline and profile"
            )
    subject = subject or (newest.subject if newest else "")
    stale = {name for name, r in every if r.subject != subject}
    order = [n for n in (*wanted, *(n for n in reports if n not in wanted)) if n in reports and n not in stale]
    values = [v for name in order for report in reports[name] for s in report.scenarios for v in _values(name, s)]
    cells = _cells(values)
    gaps = _gaps(cells, order, [name for name in order if name in wanted and name not in may_fail])
    environments = tuple(_environment(name, reports[name], axes, gaps.get(name, "")) for name in order)
    levels = {e.name: e.axes for e in environments}
    return Matrix(
        environments,
        tuple(dict.fromkeys(v.scenario for v in values)),
        cells,
        _findings(values, levels),
        tuple(n for n in wanted if n not in reports),
        tuple(n for n in reports if n in stale),
        may_fail,
    )


def _gaps(
    cells: Mapping[tuple[str, str, Tier], Cell], environments: Iterable[str], complete: Iterable[str]
) -> dict[str, str]:
    """What an environment compared nothing of: of anything, or, of those to be complete, of what another did."""
    found = {}
    for name in environments:
        if not any(e == name for e, _, _ in cells):
            found[name] = "nothing was compared"
    for name in complete:
        gone = dict.fromkeys(f"{s} ({t})" for e, s, t in cells if e in complete and (name, s, t) not in cells)
        if gone and name not in found:
            found[name] = f"nothing was compared of {joined([*gone])}"
    return found


def _environment(name: str, reports: Sequence[Report], axes: Axes, gap: str) -> Environment:
    first, *rest = reports
    for other in rest:
        if odd := [k for k, v in first.environment.items() if other.environment.get(k) != v]:
            raise HarnessError(f"two reports of {name} were made with different {odd[0]}: remove the older one")
    problems = tuple(dict.fromkeys([*(p for r in reports for p in r.problems), *([gap] if gap else [])]))
    seconds = sum(r.seconds for r in reports)
    try:
        levels = axes(first.environment)
    except KeyError as error:
        raise HarnessError(
            f"a report of {name} lacks in its environment what the adapter's axes need ({error}): verify there again"
        ) from error
    return Environment(name, levels, first.environment, first.started, seconds, problems)


def _values(environment: str, report: ScenarioReport) -> Iterator[_Value]:
    """What was compared of a scenario; a stage that gave nothing to compare is one failed value."""
    name = report.scenario
    for artifact in report.artifacts:
        place = f"{name}/{artifact.track}/{artifact.artifact}"
        if artifact.error or artifact.blocked:
            yield _Value(environment, name, "exact", place, place, True, None)
        for v in artifact.verdicts:
            yield _Value(environment, name, v.tier, place, f"{place}/{v.path}".rstrip("/"), v.status.failed, v.used)
    place = f"{name}/invariants"
    for v in report.invariants:
        if v.status is not Status.SKIPPED:
            yield _Value(environment, name, v.tier, place, f"{place}/{v.path}", v.status.failed, v.used)


def _rank(value: _Value) -> tuple[bool, float]:
    return value.failed, math.inf if value.failed and value.used is None else value.used or 0.0


def _cells(values: Iterable[_Value]) -> dict[tuple[str, str, Tier], Cell]:
    groups: dict[tuple[str, str, Tier], list[_Value]] = {}
    for value in values:
        groups.setdefault((value.environment, value.scenario, value.tier), []).append(value)
    made = {}
    for key, group in groups.items():
        worst = max(group, key=_rank)
        made[key] = Cell(len(group), sum(v.failed for v in group), worst.used, worst.address)
    return made


def _findings(values: Iterable[_Value], levels: Mapping[str, Mapping[str, str]]) -> tuple[SharedFailure, ...]:
    """What failed, by what it moves with: what most values say first."""
    by_address: dict[str, list[_Value]] = {}
    ran: dict[str, set[str]] = {}  # by an artifact's place, the environments where its stage gave something to compare
    for value in values:
        by_address.setdefault(value.address, []).append(value)
        if value.address != value.place:
            ran.setdefault(value.place, set()).add(value.environment)
    groups: dict[Movement, list[list[_Value]]] = {}
    for found in by_address.values():
        bad = {v.environment for v in found if v.failed}
        if bad:
            passed = {v.environment for v in found} - bad
            unsure = {v.environment for v in found if (v.used or 0.0) > SURE} & passed
            # Where a stage raised, and what should not be there at all, have no value elsewhere that could pass.
            good = passed - unsure if passed else ran.get(found[0].place, set()) - bad
            groups.setdefault(movement(bad, good, levels, unsure), []).append([v for v in found if v.failed])
    made = []
    for moved, members in groups.items():
        every = [v for failed in members for v in failed]
        where = tuple(name for name in levels if any(v.environment == name for v in every))
        used = max((v.used for v in every if v.used is not None), default=None)
        made.append(SharedFailure(moved, where, len(members), members[0][0].address, used))
    return tuple(sorted(made, key=lambda f: -f.values))


def matrix_to_json(matrix: Matrix) -> dict[str, Json]:
    """The matrix as strict JSON, by ``schemas/harness/matrix.schema.json``."""
    return {
        "version": VERSION,
        "passed": matrix.passed,
        "headline": matrix.headline,
        "environments": [
            {"name": e.name, "axes": dict(e.axes), "versions": dict(e.versions), "started": e.started,
             "seconds": e.seconds, "failed": matrix.failed(e.name), "problems": list(e.problems)}
            for e in matrix.environments
        ],
        "missing": list(matrix.missing),
        "stale": list(matrix.stale),
        "may_fail": list(matrix.may_fail),
        "cells": [
            {"environment": e, "scenario": s, "tier": t, "compared": c.compared, "failed": c.failed,
             "used": _finite(c.used), "address": c.address}
            for (e, s, t), c in matrix.cells.items()
        ],
        "findings": [
            {"moves_with": f.movement.kind, "axes": list(f.movement.axes), "statement": f.movement.said,
             "environments": list(f.environments), "values": f.values, "first": f.first, "used": _finite(f.used)}
            for f in matrix.findings
        ],
    }  # fmt: skip


def _finite(used: float | None) -> float | None:
    return used if used is not None and math.isfinite(used) else None
