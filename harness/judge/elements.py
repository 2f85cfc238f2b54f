"""How far each element of one array is from another's, in cache-sized chunks.

Two arrays of one shape and dtype go in, a tally comes out; no prose, no verdict. Every decision is
made by ``measure``, in double precision or in whole numbers. ``quick`` only spares it the chunks
that are clearly within a relative or absolute tolerance, so that large float arrays are compared
near the speed of the memory; other arrays are spared it where a chunk is equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.judge.rules import Rule

Array = NDArray[Any]
Quick = Callable[[Array, Array], float]

CHUNK = 32768  # elements; what is in flight of four float32 buffers fits a second-level cache
CLEAR = 1 - 1e-5  # below this share of the tolerance, float32 arithmetic (a few 1e-7) cannot be wrong
OVER = math.nextafter(1.0, 2.0)
SHOWN = 5  # worst elements
NUMBERS = "iufc"  # dtype kinds; booleans and text are always compared exactly


@dataclass
class Tally:
    """What a scan found: elements ``out`` of tolerance, those of them not ``finite``, the largest share used.

    ``worst``: share used and flat index of those elements that are furthest out, the furthest first,
    ``inf`` where there is no such share. Where none is out, the one that is nearest to its limit.
    """

    out: int = 0
    not_finite: int = 0
    used: float = 0.0
    worst: tuple[tuple[float, int], ...] = ()


def scan_elements(golden: Array, obtained: Array, rule: Rule) -> Tally:
    """Compare every element of two arrays of one shape and dtype."""
    native = golden.dtype.newbyteorder("=")
    g, o = (np.ravel(a).astype(native, copy=False) for a in (golden, obtained))
    tally, nearest, where = Tally(), 0.0, -1
    fast = quick(rule, native, min(CHUNK, g.size))
    with np.errstate(all="ignore"):
        for start in range(0, g.size, CHUNK):
            part = slice(start, start + CHUNK)
            if fast is not None and (used := fast(g[part], o[part])) < CLEAR:
                nearest, where = max((nearest, where), (used, start), key=lambda pair: pair[0])
                continue
            if fast is None and rule.policy != "bound" and _same(g[part], o[part]):
                continue
            _count(tally, start, g[part], o[part], rule)
        if nearest > tally.used:  # for its exact share, and where it is
            part = slice(where, where + CHUNK)
            _count(tally, where, g[part], o[part], rule)
    return tally


def quick(rule: Rule, dtype: np.dtype[Any], size: int) -> Quick | None:
    """A function that gives about the largest share of the tolerance that is used in a chunk, if one is to be had.

    What it says is only to be trusted below ``CLEAR``: whatever is not finite gives NaN or more than 1.
    """
    rtol, atol = rule.rtol_or_zero, rule.atol_or_zero
    if rule.policy != "close" or dtype.kind != "f" or dtype.itemsize not in (4, 8):
        return None
    if not all(t == 0 or 1e-30 <= t <= 1e3 for t in (rtol, atol)):
        return None  # near the ends of float32's range a tolerance would itself be rounded
    # A tolerance of zero becomes the smallest number above it, which no difference but zero is
    # below. It is an array because NumPy's maximum with a scalar is five times slower.
    least = np.full(size, np.nextafter(dtype.type(0), dtype.type(1)), dtype)
    difference, allowed = np.empty(size, dtype), np.full(size, atol, dtype) if atol else least.copy()

    def share(golden: Array, obtained: Array) -> float:
        d, t = difference[: golden.size], allowed[: golden.size]
        np.subtract(obtained, golden, out=d)
        np.abs(d, out=d)
        if rtol:
            np.abs(golden, out=t)
            np.multiply(t, rtol, out=t)
            np.add(t, atol, out=t) if atol else np.maximum(t, least[: golden.size], out=t)
        np.divide(d, t, out=d)
        return float(d[d.argmax()])  # NaN, if there is one

    return share


def measure_elements(golden: Array, obtained: Array, rule: Rule) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Of each element: whether it is out, and what share of its tolerance it uses (``inf``: there is none).

    The share is above 1 for the elements that are out, and for no others.
    """
    kind = golden.dtype.kind
    if kind not in NUMBERS or rule.policy == "exact":
        out = obtained != golden
        used = np.zeros(out.shape)
    elif rule.policy == "ulp":
        steps = ulps(golden, obtained)
        out, used = steps > (rule.ulp or 0), steps / np.float64(rule.ulp or 1)
    elif rule.policy == "bound":
        out, used = _bounds(golden, obtained, rule)
    elif kind in "iu":
        steps = integer_distance(golden, obtained)
        allowed = rule.atol_or_zero + rule.rtol_or_zero * np.abs(golden.astype(np.float64))
        whole = np.minimum(np.floor(allowed), np.nextafter(2.0**64, 0)).astype(np.uint64)
        out, used = (steps > whole) & (allowed < 2.0**64), steps / allowed
    else:
        wide = np.result_type(golden.dtype, np.float64)
        g, o = golden.astype(wide), obtained.astype(wide)
        difference, allowed = np.abs(o - g), rule.atol_or_zero + rule.rtol_or_zero * np.abs(g)
        out, used = ~(difference <= allowed), difference / allowed
    if kind in "fc":
        out = _judge_not_finite(golden, obtained, rule, out)
        known = np.isfinite(obtained) & (np.isfinite(golden) | (rule.policy == "bound"))
        used = np.where(known, used, np.nan)
    share = used.astype(np.float64)
    share = np.where(np.isfinite(share), share, np.where(out, math.inf, 0.0))
    return out, np.where(out, np.where(share > 0, np.maximum(share, OVER), math.inf), np.minimum(share, 1.0))


def integer_distance(golden: Array, obtained: Array) -> NDArray[np.uint64]:
    """``|obtained - golden|`` of integers, in unsigned arithmetic: two int64 may be nearly 2^64 apart."""
    wide = np.int64 if golden.dtype.kind == "i" else np.uint64
    g, o = golden.astype(wide), obtained.astype(wide)
    return np.where(o >= g, o.view(np.uint64) - g.view(np.uint64), g.view(np.uint64) - o.view(np.uint64))


def ulps(golden: Array, obtained: Array) -> NDArray[np.uint64]:
    """How many floats lie between each two; of complex numbers, by the part that is further off."""
    if golden.dtype.kind == "c":
        real = np.dtype(f"f{golden.dtype.itemsize // 2}")
        steps = ulps(golden.view(real), obtained.view(real))
        return steps.reshape(-1, 2).max(axis=1) if steps.size else steps
    whole = np.dtype(f"i{golden.dtype.itemsize}")
    lowest = np.iinfo(whole).min

    def order(floats: Array) -> Array:  # both zeros are 0, and the next float is the next integer
        bits = floats.view(whole)
        return np.where(bits >= 0, bits, lowest - bits)

    return integer_distance(order(golden), order(obtained))


def _same(golden: Array, obtained: Array) -> bool:
    """Whether two chunks are equal, and finite where they might not be: no policy but a bound can object."""
    return bool((golden == obtained).all()) and (golden.dtype.kind not in "fc" or bool(np.isfinite(obtained).all()))


def _bounds(golden: Array, obtained: Array, rule: Rule) -> tuple[Array, Array]:
    low, high = rule.bounds
    wide = np.result_type(golden.dtype, np.float64)
    g, o = golden.astype(wide), obtained.astype(wide)
    out = (o < low) | (o > high)
    if math.isfinite(low) and math.isfinite(high):
        return out, np.abs(o - (low / 2 + high / 2)) / (high / 2 - low / 2)
    room, gone = (g - low, g - o) if math.isfinite(low) else (high - g, o - g)
    return out, np.where(room > 0, np.maximum(gone, 0) / room, np.nan)


def _judge_not_finite(golden: Array, obtained: Array, rule: Rule, out: Array) -> Array:
    odd = ~np.isfinite(obtained)
    if rule.policy == "bound":
        return out | odd
    odd |= ~np.isfinite(golden)
    if rule.nan == "forbid" or not odd.any():
        return out | odd
    pairs = [(golden.real, obtained.real), (golden.imag, obtained.imag)]
    same = np.logical_and.reduce([(g == o) | (np.isnan(g) & np.isnan(o)) for g, o in pairs])
    return np.where(odd, ~same, out)


def _count(tally: Tally, start: int, golden: Array, obtained: Array, rule: Rule) -> None:
    out, used = measure_elements(golden, obtained, rule)
    tally.out += int(np.count_nonzero(out))
    if golden.dtype.kind in "fc":
        tally.not_finite += int(np.count_nonzero(out & ~np.isfinite(obtained)))
    tally.used = max(tally.used, float(used.max()))
    index = np.flatnonzero(out) if tally.out else np.flatnonzero(used == used.max())[:1]
    if index.size > SHOWN:
        least = np.partition(used[index], -SHOWN)[-SHOWN]
        index = index[used[index] >= least]
    index = index[np.argsort(-used[index], kind="stable")][:SHOWN]
    found = [*tally.worst, *((float(used[i]), start + int(i)) for i in index)]
    found = [pair for pair in found if pair[0] > (1 if tally.out else 0)]
    tally.worst = tuple(sorted(found, key=lambda pair: (-pair[0], pair[1]))[: SHOWN if tally.out else 1])
