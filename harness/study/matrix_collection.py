"""The reports of several environments, read and put together to a matrix."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from harness.core.adapters.faults import sentence_of
from harness.core.errors import HarnessError
from harness.core.protocol import Tier
from harness.core.reports import read_report
from harness.core.text import joined
from harness.core.verdicts import Report, ScenarioReport, Status
from harness.study.axes import Movement, movement
from harness.study.matrix import Cell, ConditionalRule, Environment, Matrix, SharedFailure

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SURE = 0.5  # of a tolerance: a value that uses more is no evidence that its environment is right


Axes: TypeAlias = Callable[[Mapping[str, str]], Mapping[str, str]]


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
    folders = [f for f in sorted(root.iterdir()) if f.is_dir()]
    reports = {f.name: [read_report(p) for p in sorted(f.rglob("report.json"))] for f in folders}
    if not any(reports.values()):
        raise HarnessError(f"{root} holds no ENVIRONMENT/report.json: run `harness verify --out {root}/ENVIRONMENT`")
    return {name: listed for name, listed in reports.items() if listed}


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
    every = [(name, r) for name, listed in reports.items() for r in listed]
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
        _conditional({name: reports[name] for name in order}),
    )


def _conditional(reports: Mapping[str, Sequence[Report]]) -> tuple[ConditionalRule, ...]:
    """The rules with a condition by which any value was judged, each with their number in each environment."""
    found: dict[str, Counter[str]] = {}
    for name, listed in reports.items():
        rules = Counter(v.rule for report in listed for s in report.scenarios for a in s.artifacts for v in a.verdicts)
        for rule, count in rules.items():
            if _has_condition(rule):
                found.setdefault(rule, Counter())[name] += count
    return tuple(ConditionalRule(rule, dict(found[rule])) for rule in sorted(found))


def _has_condition(rule: str) -> bool:
    """Whether a rule, as verdicts show it, holds in some environments alone."""
    if "when" not in rule:
        return False
    try:
        return any("when" in terms for terms in tomllib.loads(rule).values())
    except (ValueError, TypeError, AttributeError):  # of another harness, which wrote rules otherwise
        return False


def _gaps(
    cells: Mapping[tuple[str, str, Tier], Cell], environments: Iterable[str], complete: Iterable[str]
) -> dict[str, str]:
    """By environment, what it compared nothing of; ``complete`` ones must compare what any other of them did."""
    gaps = {}
    for name in environments:
        if not any(e == name for e, _, _ in cells):
            gaps[name] = "nothing was compared"
    for name in complete:
        gone = dict.fromkeys(f"{s} ({t})" for e, s, t in cells if e in complete and (name, s, t) not in cells)
        if gone and name not in gaps:
            gaps[name] = f"nothing was compared of {joined([*gone])}"
    return gaps


def _environment(name: str, reports: Sequence[Report], axes: Axes, gap: str) -> Environment:
    first, *rest = reports
    for other in rest:
        if odd := [k for k, v in first.environment.items() if other.environment.get(k) != v]:
            raise HarnessError(f"two reports of {name} were made with different {odd[0]}: remove the older one")
    problems = tuple(dict.fromkeys([*(p for r in reports for p in r.problems), *([gap] if gap else [])]))
    seconds = sum(r.seconds for r in reports)
    try:
        levels = axes(first.environment)
    except Exception as error:
        raise HarnessError(
            f"a report of {name} lacks in its environment what the adapter's axes need ({sentence_of(error)}): "
            "verify there again"
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
    cells = {}
    for key, group in groups.items():
        worst = max(group, key=_rank)
        cells[key] = Cell(len(group), sum(v.failed for v in group), worst.used, worst.address)
    return cells


def _findings(values: Iterable[_Value], levels: Mapping[str, Mapping[str, str]]) -> tuple[SharedFailure, ...]:
    """What failed, by what it moves with: what most values move with comes first."""
    by_address: dict[str, list[_Value]] = {}
    ran: dict[str, set[str]] = {}  # by an artifact's place, the environments where its stage gave something to compare
    for value in values:
        by_address.setdefault(value.address, []).append(value)
        if value.address != value.place:
            ran.setdefault(value.place, set()).add(value.environment)
    groups: dict[Movement, list[list[_Value]]] = {}
    for judged in by_address.values():
        bad = {v.environment for v in judged if v.failed}
        if bad:
            passed = {v.environment for v in judged} - bad
            unsure = {v.environment for v in judged if (v.used or 0.0) > _SURE} & passed
            # Where a stage raised, and what should not be there at all, have no value elsewhere that could pass.
            good = passed - unsure if passed else ran.get(judged[0].place, set()) - bad
            groups.setdefault(movement(bad, good, levels, unsure), []).append([v for v in judged if v.failed])
    failures = []
    for moved, members in groups.items():
        every = [v for failed in members for v in failed]
        where = tuple(name for name in levels if any(v.environment == name for v in every))
        used = max((v.used for v in every if v.used is not None), default=None)
        failures.append(SharedFailure(moved, where, len(members), members[0][0].address, used))
    return tuple(sorted(failures, key=lambda f: -f.values))
