"""What the golden of a test holds: every value that it checks by its name, and the rules that the test itself gives.

The rules are part of what is approved, so that a test which loosens one differs from its golden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, RuleError
from harness.core.ids import CHECK, GoldenId
from harness.core.protocol import Artifact, Json
from harness.core.trees import output_artifact
from harness.judge.elements import Terms
from harness.judge.rules import Rule, place_of
from harness.judge.tolerances import read_rule

CHECK_SCHEMA = "harness/check-1"  # any value with a codec; the golden fixes the names
RULES = "rules"  # the name that holds the rules among the values
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def prefix_of(identity: GoldenId) -> str:
    """What stands before the paths of a test's values in addresses."""
    return f"{CHECK}/{identity.scenario}/{identity.artifact}/"


def check_value_name(name: Any, test: str) -> str:
    """``name`` itself; raises HarnessError where it cannot name a value of ``test``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise HarnessError(
            f"{test} checks a value called {name!r:.80}: name it with letters, digits, '_', '-' and '.', "
            'as in check(peaks, "peaks")'
        )
    if name == RULES:
        raise HarnessError(f"{test} checks a value called {RULES!r}, where a golden keeps rules: give it another name")
    return name


def named_value(name: str, value: Any, test: str) -> Artifact:
    """A value under its name, as it is now; raises RefusedDataError, with the remedy, for what has no codec."""
    artifact = output_artifact({name: value}, f"{test} checks a value that holds")
    return Artifact(artifact.values, {path: array.copy() for path, array in artifact.arrays.items()})


def rule_of(identity: GoldenId, name: str, terms: Terms, source: Path, place: str) -> Rule:
    """The rule that a test gives for one of its values; raises RuleError for what would not do what it seems to say."""
    rule = read_rule(f"{prefix_of(identity)}{name}/**", dict(terms), source, place)
    if rule.policy.ensemble:
        raise RuleError(f"{place}: a test has no ensemble, which interval asks for: give rtol, atol or another rule")
    return rule


def checked_document(parts: Mapping[str, Artifact], rules: Mapping[str, Rule]) -> Artifact:
    """The artifact of a whole test: its values by name, and below ``rules`` what it says about them."""
    values: dict[str, Json] = {}
    arrays: dict[str, Any] = {}
    for part in parts.values():
        values |= part.values
        arrays |= part.arrays
    given = {name: dict(rule.terms) for name, rule in rules.items()}
    return Artifact({**values, RULES: given} if given else values, arrays)


def without_rules(document: Artifact) -> Artifact:
    """The values alone."""
    return Artifact({name: value for name, value in document.values.items() if name != RULES}, document.arrays)


def rules_alone(document: Artifact) -> Artifact:
    """The rules alone, as an artifact that can be compared."""
    return Artifact({name: value for name, value in document.values.items() if name == RULES})


def names_of(document: Artifact) -> set[str]:
    """The names of the values that a document holds."""
    return {path.split("/")[0] for path in (*document.values, *document.arrays)} - {RULES}


def own_rules(document: Artifact, identity: GoldenId, goldens: Path) -> list[Rule]:
    """The rules that a document holds; raises RuleError for one that is none."""
    given = document.values.get(RULES, {})
    source = goldens / f"{identity}.json"
    place = place_of(source, goldens)
    if not isinstance(given, Mapping):
        raise RuleError(f"{place}: {RULES} is no table: take the file from git again")
    return [rule_of(identity, check_value_name(name, place), terms, source, place) for name, terms in given.items()]
