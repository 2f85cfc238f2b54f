"""The file of rules, ``tolerances.toml``: every key of a rule means something where it stands, or it is refused.

A misspelt tolerance must not become a default.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core import globs
from harness.core.errors import RuleError
from harness.core.protocol import TIERS
from harness.judge.elements import Terms
from harness.judge.environments.levels import axes_problem, when_form, when_problem
from harness.judge.policies.policy import (
    Condition,
    Policy,
    TermCheck,
    one_of,
    only_true,
    share_below_one,
    some_text,
    whole_above_zero,
)
from harness.judge.policies.registry import CHECKS, POLICIES, conditions_of, policies_of
from harness.judge.rules import Rule, Rules, in_rank_order, place_of, toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOLERANCES_VERSION = 1
_LARGEST = 2**20  # bytes
_TOP = ("version", "extends", "uncompared", "profiles", "axes", "rules")
# What any rule may say beside its policy and its conditions.
_MODIFIERS: dict[str, TermCheck] = {
    "nan": one_of("forbid", "match"),
    "warn": share_below_one,
    "key": some_text,
    "unordered": only_true,
    "length": one_of("free"),
    "when": when_form,
    "tier": one_of(*TIERS),
}
_CHECKS: dict[str, TermCheck] = {**CHECKS, **_MODIFIERS}
_KNOWN = tuple(sorted(_CHECKS))


def load_rules(path: Path, root: Path) -> Rules:
    """The rules of ``path`` and of what it extends, all within the folder ``root``.

    A rule replaces the one of the same pattern in a file that is extended. Raises RuleError, naming
    file and pattern, for whatever cannot be used.
    """
    root, chain = root.resolve(), [path.resolve()]
    rules: dict[str, list[Rule]] = {}
    axes: dict[str, tuple[str, ...]] = {}
    uncompared: dict[str, Path] = {}
    profiles: dict[str, Path] = {}
    while True:
        current = chain[-1]
        table = _read(current, root)
        name = place_of(current, root)
        for pattern, terms in table.get("rules", {}).items():
            rules.setdefault(pattern, read_rules(pattern, terms, current, name))
        for axis, levels in table.get("axes", {}).items():
            axes.setdefault(axis, tuple(levels))
        for pattern in table.get("uncompared", []):
            uncompared.setdefault(pattern, current)
        for profile in table.get("profiles", []):
            profiles.setdefault(profile, current)
        if "extends" not in table:
            break
        target = (current.parent / table["extends"]).resolve()
        if target in chain:
            names = " -> ".join(place_of(p, root) for p in [*chain, target])
            raise RuleError(f"{place_of(current, root)}: extends goes in a circle ({names}): take one of them out")
        chain.append(target)
    every = in_rank_order(rule for found in rules.values() for rule in found)
    for rule in every:
        if problem := when_problem(rule.when, axes):
            raise RuleError(f"{place_of(rule.source, root)}: {toml(rule.pattern)}: {problem}")
    return Rules(every, tuple(chain), root, uncompared, profiles, axes)


def _read(path: Path, root: Path) -> dict[str, Any]:
    name = place_of(path, root)
    if not path.is_relative_to(root):
        raise RuleError(f"{name} is outside {root.name}/: tolerances stay within the goldens folder")
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise RuleError(f"{name} is larger than {_LARGEST} bytes: it holds no tolerances")
        table = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise RuleError(f"cannot read the tolerances {name}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RuleError(f"{name} is not valid TOML: {error}") from error
    for key in table:
        if key not in _TOP:
            raise RuleError(f"{name} has an unknown key {key!r}; {_hint(key, _TOP)}")
    if type(table.get("version")) is not int or table["version"] != TOLERANCES_VERSION:
        raise RuleError(
            f"{name} has version {table.get('version')!r}; this harness reads version = {TOLERANCES_VERSION}"
        )
    extends = table.get("extends", ".")
    if not isinstance(extends, str) or not extends or "\0" in extends or Path(extends).is_absolute():
        raise RuleError(f"{name}: extends = {extends!r} is not a relative path")
    if not isinstance(table.get("rules", {}), dict):
        raise RuleError(f"{name}: rules is not a table")
    if problem := axes_problem(table.get("axes", {})):
        raise RuleError(f"{name}: {problem}")
    for key, example in (("uncompared", "replay/my_artifact"), ("profiles", "small")):
        if problem := _list_problem(key, table.get(key, []), example):
            raise RuleError(f"{name}: {problem}")
    return table


def _list_problem(key: str, entries: Any, example: str) -> str:
    """Why a list of what a verification leaves out cannot be used; empty when it can."""
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        return f'{key} = {entries!r:.80} is not a list of texts, such as ["{example}"]'
    for entry in entries:
        if key == "uncompared" and (problem := globs.pattern_problem(entry)):
            return f'{key}: "{entry}" is not a pattern: {problem}'
        if entries.count(entry) > 1:
            return f'{key}: "{entry}" stands there twice: once is enough'
    return ""


def read_rules(pattern: str, terms: Any, source: Path, name: str) -> list[Rule]:
    """The rules of one pattern: one, or a list of such as hold in different environments; raises RuleError."""
    if not isinstance(terms, list):
        return [read_rule(pattern, terms, source, name)]
    found = [read_rule(pattern, each, source, name) for each in terms]
    if not found:
        raise RuleError(f'{name}: "{pattern}" = [] is no rule: write one like {{ rtol = 1e-6 }}')
    for i, rule in enumerate(found):
        if any(dict(rule.when) == dict(other.when) for other in found[:i]):
            same = f"when = {toml(rule.when)}" if rule.when else "without a when"
            raise RuleError(f'{name}: "{pattern}" has two rules {same}, which hold at once: take one out')
    return found


def read_rule(pattern: str, terms: Any, source: Path, name: str) -> Rule:
    """One rule of the file called ``name``; raises RuleError for what would not do what it seems to say."""
    where = f'{name}: "{pattern}"'
    if problem := globs.pattern_problem(pattern):
        raise RuleError(f"{where} is not a pattern: {problem}")
    if not isinstance(terms, Mapping):
        raise RuleError(f"{where} = {terms!r} is not a rule: write one like {{ rtol = 1e-6 }}")
    for key, value in terms.items():
        if key not in _CHECKS:
            raise RuleError(f"{where} has an unknown key {key!r}; {_hint(key, _KNOWN)}; quote a pattern that has dots")
        if problem := _CHECKS[key](value):
            raise RuleError(f"{where}: {key} = {toml(value)} {problem}")
    if problem := _combination_problem(terms):
        raise RuleError(f"{where}: {problem}")
    return Rule(
        pattern, source, {key: _plain(key, value) for key, value in terms.items() if (key, value) != ("nan", "forbid")}
    )


def _plain(key: str, value: Any) -> Any:
    """A tolerance that is written as a whole number is the same as a float; a count stays one."""
    return float(value) if type(value) is int and _CHECKS[key] is not whole_above_zero else value


def _combination_problem(terms: Terms) -> str:
    policies, conditions = policies_of(terms), conditions_of(terms)
    if len(policies) != 1:
        names = " and ".join(policy.name for policy in policies)
        written = ", ".join(policy.written for policy in POLICIES)
        return f"it has {names or 'no policy'}; a rule has exactly one of: {written}"
    policy = policies[0]
    taken = {*policy.keys, *_MODIFIERS, *(key for condition in conditions for key in condition.keys)}
    if idle := sorted(set(terms) - taken):
        owner = next(other for other in POLICIES if idle[0] in other.keys)
        return f"{idle[0]} belongs to a rule with {owner.written}"
    problems = (
        policy.problem(terms),
        *(condition.problem(terms, policy) for condition in conditions),
        _modifier_problem(terms, policy, conditions),
    )
    return next(filter(None, problems), "")


def _modifier_problem(terms: Terms, policy: Policy, conditions: Sequence[Condition]) -> str:
    """Why what a rule says beside its policy has no meaning there; empty when it has."""
    if "warn" in terms and not policy.measured:
        return f"warn beside {policy.name} has no meaning: there is no tolerance to use a part of; take it out"
    if policy.any_kind and (idle := ["nan"] if "nan" in terms else [c.key for c in conditions]):
        return f"{idle[0]} beside {policy.name} has no meaning: no number is compared; take it out"
    return _structure_problem(terms, policy, conditions)


def _structure_problem(terms: Terms, policy: Policy, conditions: Sequence[Condition]) -> str:
    """Why what a rule says of the items of lists and the rows of tables has no meaning there; empty when it has."""
    alone = policy.ranged or policy.any_kind  # each value, wherever it is
    if "key" in terms and "unordered" in terms:
        return "unordered beside key has no meaning: rows that have a key may be in any order; take it out"
    if policy.ensemble and (found := sorted({"key", "unordered"} & set(terms))):
        return f"{found[0]} beside interval has no meaning: an ensemble knows items by their place; take it out"
    if "unordered" in terms and "length" in terms:
        return "length beside unordered has no meaning: an item may have no counterpart then; give the rows a key"
    if "unordered" in terms and alone:
        return f"unordered beside {policy.name} has no meaning: each item is judged by itself; take it out"
    if "length" in terms and "key" not in terms and not alone:
        return (
            f"length beside {policy.name} has no meaning: an item beyond the golden's has nothing to be compared with; "
            "give the rows a key, or bounds"
        )
    if conditions and ("unordered" in terms or ("length" in terms and "key" not in terms)):
        term = "unordered" if "unordered" in terms else "length"
        return f"{conditions[0].key} beside {term} has no meaning: it is of elements in their places; take one out"
    return ""


def _hint(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it may hold: {', '.join(known)}"
