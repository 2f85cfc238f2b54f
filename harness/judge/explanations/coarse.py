"""Numbers that lost some of what they were: rounded to fewer digits, bits or steps, or held at a bound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.measures import LEAST, digits, norm, resolution

_BITS = {8: "bfloat16", 11: "float16", 24: "float32"}  # significant bits, and a type that has as many
_MOST = 1 << 22  # elements that are sorted
_LEFT = 0.1  # of the difference, that may be left


def rounded(golden: Array, obtained: Array) -> Explanation | None:
    """The golden with fewer digits, decimal or binary, or in steps; equal but for the last bit, or it is not that."""
    if golden.dtype.kind not in "fc" or obtained.dtype.kind not in "fc" or golden.size < LEAST:
        return None
    largest = float(np.abs(obtained).max())
    with np.errstate(over="ignore"):
        for sentence, changed in _coarser(golden, largest):
            if np.array_equal(changed, obtained) or _equal(golden, obtained, changed):
                return Explanation("rounding", sentence, 0.0)
    return _stepped(golden, obtained) if "c" not in golden.dtype.kind + obtained.dtype.kind else None


def _equal(golden: Array, obtained: Array, changed: Array) -> bool:
    close = np.abs(changed - obtained) <= 4 * resolution(golden, obtained) * np.abs(obtained)
    return bool(close.all()) and norm(changed - obtained) <= _LEFT * norm(golden - obtained)


def _coarser(golden: Array, largest: float) -> Iterator[tuple[str, Array]]:
    kept = golden.dtype
    if kept.kind == "f":
        for name in ("float32", "float16"):
            yield f"every number is rounded to {name}", golden.astype(name).astype(kept)
        yield "every number is cut to a whole number", np.trunc(golden)
    elif kept == np.complex128:
        yield "every number is rounded to complex64", golden.astype(np.complex64).astype(kept)
    for places in range(13):
        what = f"{places} decimal{'s' * (places != 1)}" if places else "a whole number"
        if largest * 10.0**places < 2**53:
            yield f"every number is rounded to {what}", np.round(golden, places)
    if kept.kind != "f":
        return
    size = np.where(golden == 0, 1.0, np.abs(golden.astype(np.float64)))
    exponent = np.floor(np.log10(size))
    for places in range(1, 9):
        scale = np.power(10.0, places - 1 - exponent)
        kind = f"{places} significant digit{'s' * (places != 1)}"
        yield f"every number is rounded to {kind}", (np.round(golden * scale) / scale).astype(kept)
    mantissa, power = np.frexp(golden)
    for bits, name in _BITS.items():
        for how, cut in (("rounded", np.rint), ("cut", np.trunc)):
            yield (
                f"every number is {how} to the {bits} significant bits of {name}",
                np.ldexp(cut(mantissa * 2.0**bits), power - bits),
            )


def _stepped(golden: Array, obtained: Array) -> Explanation | None:
    """Every number is a whole multiple of one step, and the nearest or the one below the golden's."""
    if golden.size > _MOST:
        return None
    levels = np.unique(obtained)
    if len(levels) < 3 or 2 * len(levels) > len(np.unique(golden)):
        return None
    step = float(np.diff(levels).min())
    if np.abs(levels / step - np.rint(levels / step)).max() > 1e-6:
        return None
    off = (golden - obtained).astype(np.float64)
    rounding = 8 * resolution(golden, obtained) * float(np.abs(golden).max())
    if np.abs(off).max() <= step / 2 + rounding:
        return Explanation("rounding", f"every number is rounded to a multiple of {digits(step)}", 0.0)
    if off.min() >= -rounding and off.max() < step + rounding:
        return Explanation("rounding", f"every number is cut down to a multiple of {digits(step)}", 0.0)
    return None


def held_at_bounds(golden: Array, obtained: Array) -> Explanation | None:
    """What was beyond a bound is at it, and at least two numbers were."""
    if "c" in golden.dtype.kind + obtained.dtype.kind or golden.size < LEAST:
        return None
    low, high = obtained.min(), obtained.max()
    bounds = ((golden < low, "below", low), (golden > high, "above", high))
    if not np.array_equal(np.clip(golden, low, high), obtained) or any(np.count_nonzero(b[0]) == 1 for b in bounds):
        return None
    said = [
        f"{word} {digits(bound.item())} is {digits(bound.item())}" for beyond, word, bound in bounds if beyond.any()
    ]
    return Explanation("clipping", f"every number {' and every one '.join(said)}", 0.0) if said else None
