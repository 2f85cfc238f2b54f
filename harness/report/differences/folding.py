"""Failing verdicts as people read them: those that one explanation accounts for are folded into one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from harness.core import globs
from harness.core.text import joined
from harness.core.verdicts import ArtifactReport, Explanation, ScenarioReport, Status, Verdict
from harness.report.selection import Place, culprit_place, failing, list_of

_SPARSE = 0.5  # of the values that a pattern matches, at least, fail, or it would speak of the wrong ones
_NAMED = 3  # patterns that stand in the place of one

_OF_LISTS = ("items", "permutation", "exchange")  # whose sentence counts, and not values
_OF_THESE = ("factor", "offset", "sign")  # what some numbers of a column may have in common

Alike = tuple[str, str]
"""The kind and the sentence of an explanation: where they are the same, the same happened."""


def alike(explanation: Explanation) -> Alike:
    """What values that one explanation accounts for have in common."""
    return explanation.kind, explanation.sentence


def folded(verdicts: Sequence[Verdict], order: Sequence[Verdict] | None = None) -> list[Verdict]:
    """The failing ones of an artifact's ``verdicts``, in their order or in that of ``order``, alike ones as one.

    Its ``path`` is then a pattern of theirs, its message says how many they are, and its numbers are of the one that
    is furthest out.
    """
    groups: dict[Alike | int, list[Verdict]] = {}
    for i, verdict in enumerate([v for v in verdicts if v.status.failed] if order is None else order):
        groups.setdefault(alike(verdict.explanation) if verdict.explanation else i, []).append(verdict)
    paths = [v.path for v in verdicts]
    return [_one(group, paths) if len(group) > 1 else group[0] for group in groups.values()]


def folded_places(scenario: ScenarioReport) -> list[Place]:
    """Every failing verdict of a scenario as ``folded`` gives them: the furthest out first, invariants last."""
    places = [Place(scenario, a, v) for a in scenario.artifacts for v in folded(a.verdicts, failing(a.verdicts))]
    return places + [Place(scenario, None, v) for v in failing(scenario.invariants)]


def alike_in(report: ArtifactReport, verdict: Verdict) -> list[Verdict]:
    """The failing verdicts of an artifact that have the explanation of one of them; that one alone without."""
    if verdict.explanation is None:
        return [verdict]
    first = alike(verdict.explanation)
    return [v for v in report.verdicts if v.status.failed and v.explanation and alike(v.explanation) == first]


def culprit(scenario: ScenarioReport) -> Place | None:
    """The failing value to show first, folded with those that are alike."""
    place = culprit_place(scenario)
    if place is None or place.artifact is None or place.verdict.explanation is None:
        return place
    same = alike_in(place.artifact, place.verdict)
    return Place(scenario, place.artifact, folded(place.artifact.verdicts, same)[0])


def _one(group: Sequence[Verdict], paths: Sequence[str]) -> Verdict:
    furthest = max(group, key=_distance)
    explanations = [v.explanation for v in group if v.explanation]
    array = f"{furthest.path} ({furthest.expected})" if furthest.worst else ""
    residual = max(e.residual for e in explanations)
    members = {v.path for v in group}
    where, matching = _where([path for path in paths if path in members], paths)
    rules = dict.fromkeys(v.rule for v in group if v.rule)
    what = explanations[0]
    of = f"{len(group):,} of {matching:,}"
    if what.kind in _OF_LISTS:
        of = what.sentence
    elif 2 * len(group) >= matching or what.kind not in _OF_THESE:
        of = f"{of}, {what.sentence}"
    else:
        of = f"{of} fail, and of these {what.sentence}"
    message = ": ".join(filter(None, (f"furthest out is {furthest.path}", furthest.message)))
    if what.kind == "items" and not math.isfinite(furthest.used or math.inf):
        message = furthest.message  # as many as it has is all that can be said of each
    return replace(
        furthest,
        path=where,
        status=furthest.status if len({v.status for v in group}) == 1 else Status.FAIL,
        message=message,
        expected=array if furthest.expected == furthest.obtained and array else furthest.expected,
        obtained=array if furthest.expected == furthest.obtained and array else furthest.obtained,
        rule=next(iter(rules), "") if len(rules) == 1 else f"{len(rules)} rules",
        explanation=Explanation(what.kind, of, residual),
    )


def _distance(verdict: Verdict) -> tuple[bool, float]:
    """How far out a value is; that of a table's index counts less than any of its columns."""
    used = -1.0 if verdict.used is None or math.isnan(verdict.used) else verdict.used
    return "/index/" not in verdict.path, used


def _where(out: Sequence[str], paths: Sequence[str]) -> tuple[str, int]:
    """Patterns that match the paths that are ``out``, and how many of all paths they match."""
    shortest, patterns = min(out, key=len), _by_list(out)
    if shortest and all(path == shortest or path.startswith(f"{shortest}/") for path in out):
        return f"{shortest}/**", _matching([f"{shortest}/**"], paths)
    whole = common_pattern(out)
    if len(patterns) > _NAMED and whole and len(out) >= _SPARSE * (matching := _matching([whole], paths)):
        return whole, matching
    matching = _matching(patterns, paths)
    if len(patterns) > _NAMED + 1 and (above := _above(out)):
        return f"{above}/**", _matching([f"{above}/**"], paths)
    more = [f"{len(patterns) - _NAMED} more"] if len(patterns) > _NAMED + 1 else []
    return joined([*patterns[: _NAMED + 1 - len(more)], *more]), matching


def _above(paths: Sequence[str]) -> str:
    """The table that all of these paths are of, its columns and its index; empty where they are of none."""
    tables = {re.split(r"/(?:columns|index)/", path, maxsplit=1)[0] for path in paths}
    return next(iter(tables)) if len(tables) == 1 and any("/index/" in path for path in paths) else ""


def _matching(patterns: Sequence[str], paths: Sequence[str]) -> int:
    regexes = [globs.compiled(pattern) for pattern in patterns]
    return sum(any(regex.fullmatch(f"{path}/") for regex in regexes) for path in paths)


def common_pattern(paths: Sequence[str]) -> str:
    """The glob of paths that have equally many parts, literal where all agree; empty where there is none."""
    split = [path.split("/") for path in paths]
    if len(set(map(len, split))) != 1:
        return ""
    parts = [next(iter(set(column))) if len(set(column)) == 1 else "*" for column in zip_longest(*split)]
    return "" if set(parts) == {"*"} and len(parts) > 1 else "/".join(parts)


def _by_list(paths: Sequence[str]) -> list[str]:
    """A pattern for each list that the paths are in, the path itself where it is in none."""
    lists: dict[str, list[str]] = {}
    for path in paths:
        lists.setdefault(list_of(path), []).append(path)
    return [common_pattern(members) if len(members) > 1 else members[0] for members in lists.values()]
