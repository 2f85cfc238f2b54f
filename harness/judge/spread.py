"""Arrays of the statistical tier: one number says how far an array is from its golden.

The members of an ensemble are each some distance away; a healthy run is no further than their
interval's upper end. Nearer than usual is no fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import describe_array
from harness.core.protocol import Tier
from harness.core.trees import plain_json
from harness.core.verdicts import Status, Verdict, Worst
from harness.judge.arrays import structure
from harness.judge.ensemble import Interval
from harness.judge.rules import Rule
from harness.judge.scalars import times

SHOWN = 5  # elements that are furthest off


def rms_difference(golden: NDArray[Any], obtained: NDArray[Any]) -> float:
    """The root mean square of the modulus of the difference of two arrays of one shape."""
    return float(np.sqrt(np.mean(_difference(golden, obtained) ** 2))) if golden.size else 0.0


def compare_spread(
    path: str, golden: NDArray[Any], obtained: NDArray[Any], rule: Rule, tier: Tier, interval: Interval | None
) -> Verdict:
    """The verdict on an array under an interval rule, and under its ``ssim`` where it has one."""
    golden, obtained = np.asarray(golden), np.asarray(obtained)

    def verdict(status: Status, message: str, allowed: str, used: float | None = None, **more: Any) -> Verdict:
        return Verdict(
            path,
            status,
            tier,
            message,
            rule.text,
            describe_array(golden),
            describe_array(obtained),
            allowed,
            used,
            **more,
        )

    if golden.dtype != obtained.dtype or golden.shape != obtained.shape:
        said = f"was {describe_array(golden)}, is {describe_array(obtained)}"
        return verdict(Status.FAIL, said, "the same dtype and shape")
    if golden.dtype.kind not in "iufc":
        return verdict(Status.FAIL, "its rule cannot judge it: an interval is for numbers", "an interval")
    if interval is None:
        remedy = "run `harness calibrate`, then review and accept the ensemble"
        return verdict(Status.FAIL, f"the ensemble has no interval for {path!r}: {remedy}", "an interval")
    bad = int(np.count_nonzero(~np.isfinite(obtained))) if golden.dtype.kind in "fc" else 0
    if bad:
        return verdict(Status.FAIL, f"{bad} of {obtained.size} elements are not finite", "finite numbers")
    found = rms_difference(golden, obtained)
    allowed = (
        f"root mean square difference at most {interval.high:.4g} ({interval.n} members, mean {interval.mean:.4g})"
    )
    used = found / interval.high if interval.high > 0 else (0.0 if found == 0 else None)
    problems = []
    if not found <= interval.high:
        problems.append(
            f"its root mean square difference from the golden is {found:.4g}, {times(used)} of {interval.high:.4g}"
        )
    if rule.ssim is not None:
        part, alike = structure(golden, obtained)
        allowed += f"; SSIM at least {rule.ssim:g}"
        used = max(used or 0.0, (1 - alike) / (1 - rule.ssim)) if rule.ssim < 1 else used
        if not alike >= rule.ssim:
            problems.append(f"SSIM of {part} is {alike:.4g}, below {rule.ssim:g}")
    worst = _worst(golden, obtained, interval.high) if problems else ()
    return verdict(Status.FAIL if problems else Status.PASS, "; ".join(problems), allowed, used, worst=worst)


def _difference(golden: NDArray[Any], obtained: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.complex128 if golden.dtype.kind == "c" else np.float64
    return np.abs(obtained.astype(wide) - golden.astype(wide))


def _worst(golden: NDArray[Any], obtained: NDArray[Any], high: float) -> tuple[Worst, ...]:
    off = np.ravel(_difference(golden, obtained))
    order = np.argsort(-off, kind="stable")[:SHOWN]
    places = [tuple(int(i) for i in np.unravel_index(flat, golden.shape)) for flat in order]
    return tuple(
        Worst(
            place,
            plain_json(str(golden[place])),
            plain_json(str(obtained[place])),
            float(off[flat] / high) if high else 0.0,
        )
        for place, flat in zip(places, order, strict=True)
    )
