"""Tolerances: what a rule says, and which rule speaks of an address. The most specific one wins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core import globs
from harness.core.errors import RuleError
from harness.core.files import json_digest
from harness.core.protocol import Tier
from harness.judge.elements import Terms
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
        """The rule's rank among those that match the same address."""
        return globs.specificity(self.pattern)


@dataclass(frozen=True)
class Rules:
    """The rules of a scenario, the most specific first. ``sources``: its own file, then those it extends.

    ``uncompared``: patterns of artifacts whose goldens no verification compares, and the file each stands in.
    ``profiles``: the profiles whose goldens have a verification of their own, likewise.
    """

    rules: tuple[Rule, ...]
    sources: tuple[Path, ...]
    root: Path
    uncompared: Mapping[str, Path] = field(default_factory=dict)
    profiles: Mapping[str, Path] = field(default_factory=dict)
    _by_address: dict[str, Rule | None] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        return json_digest({rule.pattern: rule.terms for rule in self.rules})

    @cached_property
    def structured(self) -> bool:
        """Whether any rule says how items are matched."""
        return any(rule.structural for rule in self.rules)

    def place(self, path: Path | None = None) -> str:
        """How messages name ``path`` (default: the scenario's own file): from the goldens folder's parent on."""
        return place_of(self.sources[0] if path is None else path, self.root)

    @cached_property
    def _ranked(self) -> tuple[tuple[globs.Specificity, re.Pattern[str], Rule], ...]:
        return tuple((rule.specificity, rule.regex, rule) for rule in self.rules)

    def _search(self, address: str) -> Rule | None:
        best: Rule | None = None
        whole = address + "/"
        for rank, regex, rule in self._ranked:
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


def toml(value: Any) -> str:
    """A term's value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def place_of(path: Path, root: Path) -> str:
    """How messages name ``path``: from the folder above ``root`` on, where it is below that."""
    return path.relative_to(root.parent).as_posix() if path.is_relative_to(root.parent) else path.as_posix()
