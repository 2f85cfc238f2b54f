"""Tolerances: what a rule says, and which rule speaks of an address. The most specific one wins."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core import globs
from harness.core.errors import RuleError
from harness.core.files import json_digest
from harness.core.protocol import Tier
from harness.judge.elements import Terms
from harness.judge.environments.levels import ListedAxes, holds, levels_here, when_problem
from harness.judge.policies.policy import Condition, Policy
from harness.judge.policies.registry import conditions_of, policies_of

STRUCTURE = frozenset({"key", "unordered", "length"})
"""The terms that say which item is held against which of the golden, and whether there may be more or fewer."""


@dataclass(frozen=True)
class Rule:
    """What the values whose address matches ``pattern`` may do.

    ``terms``: what it says, by key, without what is the default anyway. ``source``: the file it stands in.
    """

    pattern: str
    source: Path
    terms: Terms

    @cached_property
    def policy(self) -> Policy:
        """The one way in which the rule compares."""
        (policy,) = policies_of(self.terms)
        return policy

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What it asks of an array as a whole."""
        return conditions_of(self.terms)

    @cached_property
    def text(self) -> str:
        """The rule as one line of TOML."""
        own = [*self.policy.keys, "nan", *(key for condition in self.conditions for key in condition.keys)]
        keys = [*own, *(key for key in self.terms if key not in own)]
        shown = ", ".join(f"{key} = {toml(self.terms[key])}" for key in keys if key in self.terms)
        return f"{toml(self.pattern)} = {{ {shown} }}"

    @cached_property
    def structural(self) -> bool:
        """Whether it says how the items of a list, or the rows of a table, are matched."""
        return not STRUCTURE.isdisjoint(self.terms)

    def tier_or(self, default: Tier) -> Tier:
        """The tier that the rule names, else the one that its policy implies."""
        tier: Tier = self.terms.get("tier") or self.policy.tier or default
        return tier

    def matches(self, address: str) -> bool:
        """Whether the rule speaks of ``address``."""
        return self.regex.fullmatch(address + "/") is not None

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The pattern, for addresses that end in ``/``."""
        return globs.compiled(self.pattern)

    @cached_property
    def specificity(self) -> globs.Specificity:
        """The rule's rank among those that match the same address; of one pattern, that with more conditions wins."""
        return *globs.specificity(self.pattern), len(self.when)

    @property
    def when(self) -> Mapping[str, str]:
        """The levels of axes that it holds under; empty for a rule that always holds."""
        when: Mapping[str, str] = self.terms.get("when", {})
        return when


Ranked = tuple[tuple[globs.Specificity, re.Pattern[str], Rule], ...]


@dataclass(frozen=True)
class Rules:
    """The rules of a scenario, the most specific first. ``sources``: its own file, then those it extends.

    ``uncompared``: patterns of artifacts whose goldens no verification compares, and the file each stands in.
    ``profiles``: the profiles whose goldens have a verification of their own, likewise. ``axes``: what rules may name
    of environments. ``here``: the levels of this environment; None as long as nobody asked (see ``under``).
    """

    rules: tuple[Rule, ...]
    sources: tuple[Path, ...]
    root: Path
    uncompared: Mapping[str, Path] = field(default_factory=dict)
    profiles: Mapping[str, Path] = field(default_factory=dict)
    axes: ListedAxes = field(default_factory=dict)
    here: Mapping[str, str] | None = None
    _by_address: dict[str, Rule | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    _by_head: dict[tuple[str, ...], Ranked] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, address: str) -> Rule | None:
        """The rule of ``address``, None where there is none; raises RuleError where two rank the same."""
        if address not in self._by_address:
            self._by_address[address] = self._search(address)
        return self._by_address[address]

    def unmatched(self, addresses: Iterable[str]) -> list[Rule]:
        """The rules, of any file, that match none of ``addresses``."""
        known = [address + "/" for address in addresses]
        return [rule for rule in self.rules if not any(map(rule.regex.fullmatch, known))]

    @cached_property
    def digest(self) -> str:
        """The digest of what the rules say: comments, order and files change nothing."""
        terms: dict[str, list[Terms]] = {}
        for rule in self.rules:
            terms.setdefault(rule.pattern, []).append(rule.terms)
        said = {p: each[0] if len(each) == 1 else sorted(each, key=json_digest) for p, each in terms.items()}
        return json_digest([said, {a: sorted(v) for a, v in self.axes.items()}] if self.axes else said)

    def joined(self, own: Sequence[Rule]) -> Rules:
        """These rules and others; raises RuleError for one of the others that names what ``axes`` does not list."""
        for rule in own:
            if problem := when_problem(rule.when, self.axes):
                raise RuleError(f"{self.place(rule.source)}: {toml(rule.pattern)}: {problem} (in {self.place()})")
        return replace(self, rules=in_rank_order((*self.rules, *own)), here=None)

    def under(self, levels: Callable[[], Mapping[str, str]]) -> Rules:
        """These rules in an environment, whose ``levels`` on its axes are asked for where some rule names one.

        Raises RuleError where the environment lacks such an axis, or has a level of it that nobody listed.
        """
        wanted = {axis for rule in self.rules for axis in rule.when}
        if not wanted:
            return self
        here = levels_here(self.axes, wanted, levels())
        if isinstance(here, str):
            raise RuleError(f"{self.place()}: {here}")
        return replace(self, here=here)

    @cached_property
    def structured(self) -> bool:
        """Whether any rule says how items are matched."""
        return any(rule.structural for rule in self.rules)

    def place(self, path: Path | None = None) -> str:
        """How messages name ``path`` (default: the scenario's own file): from the goldens folder's parent on."""
        return place_of(self.sources[0] if path is None else path, self.root)

    @cached_property
    def _ranked(self) -> Ranked:
        if self.here is None and (odd := [rule for rule in self.rules if rule.when]):
            raise RuleError(f"{self.place(odd[0].source)}: whether {odd[0].text} holds depends on an environment")
        holding = (rule for rule in self.rules if not rule.when or holds(rule.when, self.here or {}))
        return tuple((rule.specificity, rule.regex, rule) for rule in holding)

    def _search(self, address: str) -> Rule | None:
        best: Rule | None = None
        whole = address + "/"
        head = tuple(address.split("/", 2)[:2])
        if head not in self._by_head:
            self._by_head[head] = tuple(r for r in self._ranked if globs.may_begin(r[2].pattern, head))
        for rank, regex, rule in self._by_head[head]:
            if best is not None and rank < best.specificity:
                break
            if regex.fullmatch(whole):
                if best is not None:
                    raise RuleError(
                        f"{address!r} matches two rules equally well, {best.text} in {self.place(best.source)} and "
                        f"{rule.text} in {self.place(rule.source)}: write one that names more of it"
                    )
                best = rule
        return best


def in_rank_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Rules, the most specific first."""
    return tuple(sorted(rules, key=lambda rule: (rule.specificity, rule.pattern), reverse=True))


def toml(value: Any) -> str:
    """A term's value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_bare(key)} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _bare(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else toml(key)


def place_of(path: Path, root: Path) -> str:
    """How messages name ``path``: from the folder above ``root`` on, where it is below that."""
    return path.relative_to(root.parent).as_posix() if path.is_relative_to(root.parent) else path.as_posix()
