"""One number against another under a rule. Integers are compared without rounding, floats in double precision."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.protocol import Json
from harness.core.trees import ARRAY, FLOAT, NON_FINITE, non_finite_name
from harness.core.verdicts import Status
from harness.judge.ensemble import Interval
from harness.judge.rules import Rule

OVER = math.nextafter(1.0, 2.0)
KINDS = {type(None): "null", bool: "boolean", int: "integer", float: "float", list: "list", tuple: "list"}

Number = int | float


@dataclass(frozen=True)
class Judgement:
    """What became of a number: ``allowed`` in words, and the share of it that was ``used``, above 1 if it is out.

    ``used`` is None where there is no such share, and never NaN or infinite.
    """

    status: Status
    message: str = ""
    allowed: str = ""
    used: float | None = None


def kind_of(value: Json) -> str:
    """The JSON type of a value; what stands for an array or for a float that is not finite counts as that."""
    if (kind := KINDS.get(type(value))) is not None:
        return kind
    if isinstance(value, str):
        return "float" if value in NON_FINITE else "text"
    if isinstance(value, Mapping):
        if set(value) == {FLOAT} and kind_of(value[FLOAT]) == "float":
            return "float"
        return "array" if set(value) == {ARRAY} else "mapping"
    return next((KINDS[base] for base in type(value).__mro__ if base in KINDS), type(value).__name__)


def as_number(value: Json) -> Number:
    """The number that JSON's integer, float or stand-in for what is not finite means."""
    if isinstance(value, Mapping):
        value = value[FLOAT]
    if isinstance(value, str):
        return NON_FINITE[value]
    return float(value) if isinstance(value, float) else int(value)


def judge_number(golden: Number, obtained: Number, rule: Rule, address: str, interval: Interval | None) -> Judgement:
    """The outcome for two numbers of one type; ``interval`` is the address's, if the ensemble has one."""
    if rule.policy == "interval" and interval is None:
        remedy = "run `harness calibrate`, then review and accept the ensemble"
        return Judgement(Status.FAIL, f"the ensemble has no interval for {address!r}: {remedy}", "an interval")
    if rule.l2 is not None or rule.ssim is not None:
        term = "ssim" if rule.l2 is None else "l2"
        return Judgement(Status.FAIL, f"its rule cannot judge it: {term} is for arrays, and this is a single value", "")
    if rule.policy == "ulp" and isinstance(golden, int):
        return Judgement(Status.FAIL, "its rule cannot judge it: ulp is for floats, and this is an integer", "")
    if not (_finite(golden) or rule.policy in ("interval", "bound")) or not _finite(obtained):
        return _not_finite(golden, obtained, rule)
    if rule.policy == "interval" and interval is not None:
        return _interval(golden, obtained, rule, interval)
    if rule.policy == "bound":
        return _bound(golden, obtained, rule)
    if rule.policy == "ulp":
        return _ulp(float(golden), float(obtained), rule.ulp or 0)
    if rule.policy == "exact":
        same = golden == obtained
        message = (
            "" if same else f"{_both(golden, obtained)}: off by {_brief(abs(obtained - golden))}, and must be equal"
        )
        return Judgement(_status(same), message, "exactly")
    return _close(golden, obtained, rule)


def times(used: float | None, what: str = "its tolerance") -> str:
    """How far over ``what`` a value is, in words."""
    if used is None:
        return f"beyond {what}"
    return f"just over {what}" if used < 1.01 else f"{used:.3g} times {what}"


def tolerance(golden: Number, rule: Rule) -> float:
    """``atol + rtol |golden|``."""
    try:
        return rule.atol_or_zero + rule.rtol_or_zero * abs(float(golden))
    except OverflowError:  # an integer beyond every float; nothing but equality will do
        return 0.0


def _close(golden: Number, obtained: Number, rule: Rule) -> Judgement:
    allowed, difference = tolerance(golden, rule), abs(obtained - golden)
    said = ", ".join(f"{key} {value:g}" for key, value in (("atol", rule.atol), ("rtol", rule.rtol)) if value)
    text = f"±{allowed:.3g}" + (f" ({said})" if said else "")
    inside = difference <= allowed
    used = _used(difference, allowed, inside)
    if inside:
        return Judgement(Status.PASS, "", text, used)
    message = f"{_both(golden, obtained)}: off by {_brief(difference)}, "
    if golden == 0 and not rule.atol and rule.rtol:
        message += "where the golden is zero rtol alone allows nothing: give the rule an atol"
    else:
        message += f"{times(used)} of {text}"
    return Judgement(Status.FAIL, message, text, used)


def _ulp(golden: float, obtained: float, allowed: int) -> Judgement:
    steps = abs(_order(obtained) - _order(golden))
    inside = steps <= allowed
    used = _used(steps, allowed, inside)
    message = "" if inside else f"{_both(golden, obtained)}: {steps} ulp apart, {times(used)} of {allowed} ulp"
    return Judgement(_status(inside), message, f"{allowed} ulp", used)


def _interval(golden: Number, obtained: Number, rule: Rule, interval: Interval) -> Judgement:
    low, high = interval.low, interval.high
    text = f"{low:.6g} to {high:.6g} ({interval.n} members, mean {interval.mean:.6g})"
    inside = low <= obtained <= high
    used = _used(abs(obtained - (low / 2 + high / 2)), high / 2 - low / 2, inside)
    if inside:
        return Judgement(Status.PASS, "", text, used)
    side, amount = ("lower", low - obtained) if obtained < low else ("higher", obtained - high)
    message = f"{_both(golden, obtained)}: {_brief(amount)} {side} than the ensemble's interval {text}"
    if side == rule.better:
        remedy = "if this is to stay, refresh the ensemble with `harness calibrate`"
        return Judgement(Status.IMPROVED, f"{message}, and {side} is better: {remedy}", text, used)
    return Judgement(Status.FAIL, f"{message}, {times(used, 'its half width')} from its middle", text, used)


def _bound(golden: Number, obtained: Number, rule: Rule) -> Judgement:
    (low, high), text = rule.bounds, bounds(rule)
    below, above = math.isfinite(low), math.isfinite(high)
    inside = low <= obtained <= high
    used: float | None = None
    if below and above:
        used = _used(abs(obtained - (low / 2 + high / 2)), high / 2 - low / 2, inside)
    elif _finite(golden):  # the share of the golden's distance from the bound that is gone
        room, gone = (golden - low, golden - obtained) if below else (high - golden, obtained - golden)
        used = _used(max(gone, 0), room, inside) if room > 0 else None
    if not inside:
        how = f"below min = {low:g} by" if obtained < low else f"above max = {high:g} by"
        amount = low - obtained if obtained < low else obtained - high
        return Judgement(Status.FAIL, f"{_both(golden, obtained)}: {how} {_brief(amount)}", text, used)
    better = obtained > golden if below else obtained < golden
    measured = rule.rtol is not None or rule.atol is not None
    if better and measured and _finite(golden) and abs(obtained - golden) > tolerance(golden, rule):
        remedy = "if this is to stay, refresh the golden with `harness accept`"
        return Judgement(Status.IMPROVED, f"{_both(golden, obtained)}, which is better: {remedy}", text, used)
    return Judgement(Status.PASS, "", text, used)


def bounds(rule: Rule) -> str:
    """The bounds of a rule in words."""
    low, high = rule.bounds
    if math.isfinite(low) and math.isfinite(high):
        return f"{low:g} to {high:g}"
    return f"at least {low:g}" if math.isfinite(low) else f"at most {high:g}"


def _not_finite(golden: Number, obtained: Number, rule: Rule) -> Judgement:
    if rule.policy in ("interval", "bound"):
        return Judgement(Status.FAIL, f"obtained {_name(obtained)}, which lies within no bounds", "a finite number")
    if rule.nan == "match":
        same = obtained == golden or (obtained != obtained and golden != golden)
        return Judgement(_status(same), "" if same else _both(golden, obtained), "what the golden has")
    if _finite(obtained):
        message = f"{_both(golden, obtained)}: a golden that is not finite has no tolerance; accept a finite one"
    else:
        message = f'{_both(golden, obtained)}: nan = "forbid" allows nothing that is not finite'
    return Judgement(Status.FAIL, message, "a finite number")


def _used(amount: Number, room: Number, inside: bool) -> float | None:
    try:
        share = amount / room
    except (ZeroDivisionError, OverflowError):
        return 0.0 if inside else None
    if not math.isfinite(share):
        return None
    return float(min(share, 1.0) if inside else max(share, OVER))


def _order(value: float) -> int:
    """The place of a float among all floats: both zeros are 0, and the next float is the next integer."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(2**63) - bits


def _status(good: bool) -> Status:
    return Status.PASS if good else Status.FAIL


def _finite(value: Number) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _both(golden: Number, obtained: Number) -> str:
    return f"expected {_name(golden)}, obtained {_name(obtained)}"


def _name(value: Number) -> str:
    return repr(value) if _finite(value) else non_finite_name(value)


def _brief(amount: Number) -> str:
    try:
        return f"{amount:.3g}"
    except OverflowError:
        return "more than 1e+308"
