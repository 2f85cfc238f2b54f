"""The policies and conditions that there are: those of the files beside this one, and in ``judge/conditions``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from harness.judge import conditions, policies
from harness.judge.elements import Terms
from harness.judge.policies.policy import Condition, Policy, TermCheck

_NAMES = sorted(
    f"{package.__name__}.{module.name}"
    for package in (conditions, policies)
    for module in pkgutil.iter_modules(package.__path__)
    if module.name != "registry"
)
_MODULES = [importlib.import_module(name) for name in _NAMES]
POLICIES: tuple[Policy, ...] = tuple(module.POLICY for module in _MODULES if hasattr(module, "POLICY"))
CONDITIONS: tuple[Condition, ...] = tuple(module.CONDITION for module in _MODULES if hasattr(module, "CONDITION"))
CHECKS: Mapping[str, TermCheck] = dict(
    item for keys in (*(p.keys for p in POLICIES), *(c.keys for c in CONDITIONS)) for item in keys.items()
)
"""Every term that some policy or condition takes, with its check."""


def policies_of(terms: Terms) -> list[Policy]:
    """The policies that some terms choose; one gives way to another that takes all of its terms."""
    chosen = [policy for policy in POLICIES if policy.decisive & set(terms)]
    return [p for p in chosen if not any(set(p.keys) < set(other.keys) for other in chosen)]


def conditions_of(terms: Terms) -> tuple[Condition, ...]:
    """The conditions that some terms make."""
    return tuple(condition for condition in CONDITIONS if set(condition.keys) & set(terms))


def policy_named(name: str) -> Policy:
    """The policy that messages call ``name``."""
    return next(policy for policy in POLICIES if policy.name == name)
