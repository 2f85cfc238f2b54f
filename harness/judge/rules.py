"""Tolerances: rules by glob over addresses, read from ``tolerances.toml``. The most specific rule wins.

Every key of a rule means something where it stands, or it is refused: a misspelt tolerance must not
become a default.
"""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.core import globs
from harness.core.errors import RuleError
from harness.core.files import json_digest
from harness.core.protocol import TIERS, Json, Tier

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = 1
LARGEST = 2**20  # bytes
TOP = ("version", "extends", "rules")
POLICIES = "exact, rtol and/or atol, ulp, interval, min and/or max"
CHOICES = {"nan": ("forbid", "match"), "better": ("higher", "lower"), "tier": TIERS}
KEYS = ("exact", "rtol", "atol", "ulp", "interval", "min", "max", "nan", "better", "l2", "ssim", "tier")

Policy = Literal["exact", "close", "ulp", "interval", "bound"]


@dataclass(frozen=True)
class Rule:
    """What the values whose address matches ``pattern`` may do.

    ``low`` and ``high`` are what is written ``min`` and ``max``. ``source``: the file it stands in.
    """

    pattern: str
    source: Path
    exact: bool = False
    rtol: float | None = None
    atol: float | None = None
    ulp: int | None = None
    interval: bool = False
    low: float | None = None
    high: float | None = None
    nan: Literal["forbid", "match"] = "forbid"
    better: Literal["higher", "lower"] | None = None
    l2: float | None = None
    ssim: float | None = None
    tier: Tier | None = None

    @cached_property
    def policy(self) -> Policy:
        """The one way in which the rule compares; a bound rules whatever stands beside it."""
        if self.low is not None or self.high is not None:
            return "bound"
        return "exact" if self.exact else "ulp" if self.ulp is not None else "interval" if self.interval else "close"

    @property
    def terms(self) -> dict[str, Json]:
        """What the rule says, as it is written, without what is the default anyway."""
        said = {
            "exact": self.exact or None,
            "rtol": self.rtol,
            "atol": self.atol,
            "ulp": self.ulp,
            "interval": self.interval or None,
            "min": self.low,
            "max": self.high,
            "nan": None if self.nan == "forbid" else self.nan,
            "better": self.better,
            "l2": self.l2,
            "ssim": self.ssim,
            "tier": self.tier,
        }
        return {key: value for key, value in said.items() if value is not None}

    @cached_property
    def text(self) -> str:
        """The rule as one line of TOML."""
        shown = ", ".join(f"{key} = {_toml(value)}" for key, value in self.terms.items())
        return f'"{self.pattern}" = {{ {shown} }}'

    @property
    def atol_or_zero(self) -> float:
        """The absolute part of the tolerance."""
        return self.atol or 0.0

    @property
    def rtol_or_zero(self) -> float:
        """The relative part of the tolerance."""
        return self.rtol or 0.0

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """``min`` and ``max``, infinite where the rule has none."""
        return -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high

    def tier_or(self, default: Tier) -> Tier:
        """The tier that the rule names, else the one that its policy implies."""
        implied: dict[Policy, Tier] = {"exact": "exact", "interval": "statistical", "bound": "statistical"}
        return self.tier or implied.get(self.policy, default)

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
    """The rules of a scenario, the most specific first. ``sources``: its own file, then those it extends."""

    rules: tuple[Rule, ...]
    sources: tuple[Path, ...]
    root: Path
    _found: dict[str, Rule | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, address: str) -> Rule | None:
        """The rule of ``address``, None where there is none; raises RuleError where two rank the same."""
        if address not in self._found:
            self._found[address] = self._search(address)
        return self._found[address]

    def unmatched(self, addresses: Iterable[str]) -> list[Rule]:
        """The rules, of any file, that match none of ``addresses``."""
        known = [address + "/" for address in addresses]
        return [rule for rule in self.rules if not any(map(rule.regex.fullmatch, known))]

    @cached_property
    def digest(self) -> str:
        """The digest of what the rules say: comments, order and files change nothing."""
        return json_digest({rule.pattern: rule.terms for rule in self.rules})

    def place(self, path: Path | None = None) -> str:
        """How messages name ``path`` (default: the scenario's own file): from the goldens folder's parent on."""
        return _place(self.sources[0] if path is None else path, self.root)

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


def load_rules(path: Path, root: Path) -> Rules:
    """The rules of ``path`` and of what it extends, all within the folder ``root``.

    A rule replaces the one of the same pattern in a file that is extended. Raises RuleError, naming
    file and pattern, for whatever cannot be used.
    """
    root, chain = root.resolve(), [path.resolve()]
    found: dict[str, Rule] = {}
    while True:
        current = chain[-1]
        table = _read(current, root)
        for pattern, terms in table.get("rules", {}).items():
            found.setdefault(pattern, read_rule(pattern, terms, current, _place(current, root)))
        if "extends" not in table:
            break
        target = (current.parent / table["extends"]).resolve()
        if target in chain:
            names = " -> ".join(_place(p, root) for p in [*chain, target])
            raise RuleError(f"{_place(current, root)}: extends goes in a circle ({names}): take one of them out")
        chain.append(target)
    ordered = sorted(found.values(), key=lambda rule: (rule.specificity, rule.pattern), reverse=True)
    return Rules(tuple(ordered), tuple(chain), root)


def _read(path: Path, root: Path) -> dict[str, Any]:
    name = _place(path, root)
    if not path.is_relative_to(root):
        raise RuleError(f"{name} is outside {root.name}/: tolerances stay within the goldens folder")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise RuleError(f"{name} is larger than {LARGEST} bytes: it holds no tolerances")
        table = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise RuleError(f"cannot read the tolerances {name}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RuleError(f"{name} is not valid TOML: {error}") from error
    for key in table:
        if key not in TOP:
            raise RuleError(f"{name} has an unknown key {key!r}; {_hint(key, TOP)}")
    if type(table.get("version")) is not int or table["version"] != VERSION:
        raise RuleError(f"{name} has version {table.get('version')!r}; this harness reads version = {VERSION}")
    extends = table.get("extends", ".")
    if not isinstance(extends, str) or not extends or "\0" in extends or Path(extends).is_absolute():
        raise RuleError(f"{name}: extends = {extends!r} is not a relative path")
    if not isinstance(table.get("rules", {}), dict):
        raise RuleError(f"{name}: rules is not a table")
    return table


def read_rule(pattern: str, terms: Any, source: Path, name: str) -> Rule:
    """One rule of the file called ``name``; raises RuleError for what would not do what it seems to say."""
    where = f'{name}: "{pattern}"'
    if problem := globs.pattern_problem(pattern):
        raise RuleError(f"{where} is not a pattern: {problem}")
    if not isinstance(terms, Mapping):
        raise RuleError(f"{where} = {terms!r} is not a rule: write one like {{ rtol = 1e-6 }}")
    for key, value in terms.items():
        if key not in KEYS:
            raise RuleError(f"{where} has an unknown key {key!r}; {_hint(key, KEYS)}; quote a pattern that has dots")
        if problem := _term_problem(key, value):
            raise RuleError(f"{where}: {key} = {_toml(value)} {problem}")
    if problem := _combination_problem(terms):
        raise RuleError(f"{where}: {problem}")
    floats = {"rtol", "atol", "min", "max", "l2", "ssim"}
    fields: dict[str, Any] = {k: float(v) if k in floats else v for k, v in terms.items()}
    low, high = fields.pop("min", None), fields.pop("max", None)
    return Rule(pattern, source, low=low, high=high, **fields)


def _term_problem(key: str, value: Any) -> str:
    if key in ("exact", "interval"):
        return "" if value is True else "has no meaning but true"
    if key in CHOICES:
        return "" if value in CHOICES[key] else f"is none of {', '.join(CHOICES[key])}"
    if key == "ulp":
        return "" if type(value) is int and value > 0 else "is not a whole number above zero"
    if type(value) not in (int, float) or not math.isfinite(value):
        return "is not a finite number"
    if key == "l2":
        return "" if value > 0 else "is not above 0"
    if key == "ssim":
        return "" if 0 < value <= 1 else "is not above 0 and at most 1"
    return "is negative" if key in ("rtol", "atol") and value < 0 else ""


def _combination_problem(terms: Mapping[str, Any]) -> str:
    bound, close = {"min", "max"} & set(terms), {"rtol", "atol"} & set(terms)
    policies = [p for p in ("exact", "ulp", "interval") if p in terms]
    policies += ["min/max"] if bound else ["rtol/atol"] if close else []
    if len(policies) != 1:
        return f"it has {' and '.join(policies) or 'no policy'}; a rule has exactly one of: {POLICIES}"
    policy = policies[0]
    if len(bound) == 2 and terms["min"] > terms["max"]:
        return "min is above max"
    if len(bound) == 2 and close:
        return "rtol/atol beside both min and max has no meaning: it tells what is better than a one-sided bound"
    if "better" in terms and policy != "interval":
        return "better belongs to an interval"
    if "nan" in terms and terms["nan"] == "match" and policy in ("interval", "min/max"):
        return f'nan = "match" would undo {policy}: what is not finite lies within no bounds'
    if policy == "exact" and (beside := {"l2", "ssim"} & set(terms)):
        return f"{min(beside)} beside exact has no meaning"
    if "l2" in terms and policy == "interval":
        return "l2 beside an interval has no meaning: an ensemble has no one array to be near"
    return ""


def _hint(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it may hold: {', '.join(known)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _place(path: Path, root: Path) -> str:
    return path.relative_to(root.parent).as_posix() if path.is_relative_to(root.parent) else path.as_posix()
