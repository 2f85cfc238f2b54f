"""How far each element of one array is from another's, in cache-sized chunks.

Two arrays of one shape and dtype go in, a tally comes out; no prose, no verdict. Every decision is
made by a policy's ``elements``, in double precision or in whole numbers. Its ``quick`` only spares it
the chunks that are clearly within tolerance, so that large float arrays are compared near the speed of
the memory; other arrays are spared it where a chunk is equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.judge.judgement import OVER

Array = NDArray[Any]
Terms = Mapping[str, Any]
"""What a rule says, by key, without what is the default anyway."""

Quick = Callable[[Array, Array], float]
"""About the largest share of the tolerance that a chunk uses."""

CHUNK = 32768  # elements; what is in flight of four float32 buffers fits a second-level cache
CLEAR = 1 - 1e-5  # below this share of the tolerance, float32 arithmetic (a few 1e-7) cannot be wrong
_SHOWN = 5  # worst elements


class ElementJudge(Protocol):
    """What a scan asks of a policy; see ``harness.judge.policies.elementwise``."""

    ranged: bool

    def elements(self, golden: Array, obtained: Array, terms: Terms) -> tuple[Array, Array]:
        """Of each element: whether it is out, and what share of its tolerance it uses."""

    def quick(self, terms: Terms, dtype: np.dtype[Any], size: int) -> Quick | None:
        """What tells about the largest share of the tolerance that a chunk uses, if that is to be had fast."""


@dataclass
class Tally:
    """What a scan counts: elements ``out`` of tolerance, those of them not ``finite``, the largest share used.

    ``worst``: share used and flat index of those elements that are furthest out, the furthest first,
    ``inf`` where there is no such share. Where none is out, the one that is nearest to its limit.
    """

    out: int = 0
    not_finite: int = 0
    used: float = 0.0
    worst: tuple[tuple[float, int], ...] = ()


def scan_elements(golden: Array, obtained: Array, judge: ElementJudge, terms: Terms) -> Tally:
    """Compare every element of two arrays of one shape and dtype."""
    native = golden.dtype.newbyteorder("=")
    g, o = (np.ravel(a).astype(native, copy=False) for a in (golden, obtained))
    tally, nearest, where = Tally(), 0.0, -1
    quick = judge.quick(terms, native, min(CHUNK, g.size))
    with np.errstate(all="ignore"):
        for start in range(0, g.size, CHUNK):
            part = slice(start, start + CHUNK)
            if quick is not None and (used := quick(g[part], o[part])) < CLEAR:
                nearest, where = max((nearest, where), (used, start), key=lambda pair: pair[0])
                continue
            if quick is None and not judge.ranged and _same(g[part], o[part]):
                continue
            _count(tally, start, g[part], o[part], judge, terms)
        if nearest > tally.used:  # for its exact share, and where it is
            part = slice(where, where + CHUNK)
            _count(tally, where, g[part], o[part], judge, terms)
    return tally


def measure_elements(
    golden: Array, obtained: Array, judge: ElementJudge, terms: Terms
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Of each element: whether it is out, and what share of its tolerance it uses (``inf``: there is none).

    The share is above 1 for the elements that are out, and for no others.
    """
    out, used = judge.elements(golden, obtained, terms)
    if golden.dtype.kind in "fc":
        out = _judge_not_finite(golden, obtained, judge, terms, out)
        known = np.isfinite(obtained) & (np.isfinite(golden) | judge.ranged)
        used = np.where(known, used, np.nan)
    share = used.astype(np.float64)
    share = np.where(np.isfinite(share), share, np.where(out, math.inf, 0.0))
    return out, np.where(out, np.where(share > 0, np.maximum(share, OVER), math.inf), np.minimum(share, 1.0))


def integer_distance(golden: Array, obtained: Array) -> NDArray[np.uint64]:
    """``|obtained - golden|`` of integers, in unsigned arithmetic: two int64 may be nearly 2^64 apart."""
    wide = np.int64 if golden.dtype.kind == "i" else np.uint64
    g, o = golden.astype(wide), obtained.astype(wide)
    return np.where(o >= g, o.view(np.uint64) - g.view(np.uint64), g.view(np.uint64) - o.view(np.uint64))


def _same(golden: Array, obtained: Array) -> bool:
    """Whether two chunks are equal, floats to the bit and finite: no policy but a ranged one can object."""
    if golden.dtype.kind not in "fc":
        return bool((golden == obtained).all())
    return bool((golden.view(np.uint8) == obtained.view(np.uint8)).all() and np.isfinite(obtained).all())


def _judge_not_finite(golden: Array, obtained: Array, judge: ElementJudge, terms: Terms, out: Array) -> Array:
    odd = ~np.isfinite(obtained)
    matching = terms.get("nan") == "match"
    if matching or not judge.ranged:
        odd |= ~np.isfinite(golden)
    return np.where(odd, ~same_elements(golden, obtained), out) if matching and odd.any() else out | odd


def same_elements(golden: Array, obtained: Array) -> NDArray[np.bool_]:
    """Which elements are equal, or not finite in the same way."""
    pairs = [(golden.real, obtained.real), (golden.imag, obtained.imag)]
    same: NDArray[np.bool_] = np.logical_and.reduce([(g == o) | (np.isnan(g) & np.isnan(o)) for g, o in pairs])
    return same


def _count(tally: Tally, start: int, golden: Array, obtained: Array, judge: ElementJudge, terms: Terms) -> None:
    out, used = measure_elements(golden, obtained, judge, terms)
    tally.out += int(np.count_nonzero(out))
    if golden.dtype.kind in "fc":
        tally.not_finite += int(np.count_nonzero(out & ~np.isfinite(obtained)))
    tally.used = max(tally.used, float(used.max()))
    index = np.flatnonzero(out) if tally.out else np.flatnonzero(used == used.max())[:1]
    if index.size > _SHOWN:
        least = np.partition(used[index], -_SHOWN)[-_SHOWN]
        index = index[used[index] >= least]
    index = index[np.argsort(-used[index], kind="stable")][:_SHOWN]
    pairs = [*tally.worst, *((float(used[i]), start + int(i)) for i in index)]
    pairs = [pair for pair in pairs if pair[0] > (1 if tally.out else 0)]
    tally.worst = tuple(sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[: _SHOWN if tally.out else 1])
