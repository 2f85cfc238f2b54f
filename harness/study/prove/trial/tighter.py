"""The rule that would just not let a value pass: the same one, with its tolerances scaled down."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from harness.core.protocol import Json
from harness.judge.rules import Rule

WIDTHS = ("rtol", "atol", "ulp", "l2")  # terms whose value is a width, a share of which is a smaller width
BOUNDS = ("min", "max")
_SURE = 0.9  # of what would be the very limit


def scaled_rule(rule: Rule, share: float, pattern: str, golden: Json = None) -> Rule | None:
    """The rule for ``pattern`` with ``share`` of its widths, rounded down to two digits; None where it has none.

    Bounds come nearer to the ``golden`` number by as much, and stay as they are where there is none.
    """
    if not 0 < share < 1 or any(condition.key not in WIDTHS for condition in rule.conditions):
        return None
    bounded = any(key in rule.terms for key in BOUNDS)
    if bounded and (not isinstance(golden, float) or not math.isfinite(golden)):
        return None
    scaled: dict[str, Any] = {}
    for key, value in rule.terms.items():
        if bounded and key in BOUNDS:
            scaled[key] = float(f"{golden + (value - golden) * share:.6g}")
        elif not bounded and key in WIDTHS and value:
            scaled[key] = math.floor(value * share) if isinstance(value, int) else _down(value * share)
    if not scaled or any(key in WIDTHS and not value for key, value in scaled.items()):
        return None
    return replace(rule, pattern=pattern, terms={**rule.terms, **scaled})


def tightest_rule(rule: Rule, address: str, used: float | None, golden: Json = None) -> str:
    """The line of TOML for ``address`` alone under which what used ``used`` of the rule would fail; else empty."""
    tighter = scaled_rule(rule, _SURE * used, address, golden) if used else None
    return tighter.text if tighter else ""


def _down(value: float) -> float:
    """Two digits, rounded down; 0 for what is no normal float."""
    if value < 1e-300:
        return 0.0
    exponent = math.floor(math.log10(value)) - 1
    return float(f"{math.floor(value / 10.0**exponent + 1e-9)}e{exponent}")
