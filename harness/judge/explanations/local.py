"""Differences that are somewhere, or without a pattern: one slice, a few elements, noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from harness.judge.elements import Array
from harness.judge.explanations.explanation import LEAST, Explanation, norm, resolution

_FEW = 0.05  # of the elements
_NAMED = 3  # elements that are named
_SAMPLES = 64  # of a difference, before it can be called noise
_SIGMAS = 4.0
_MOST = 0.9  # of the elements have noise, if it is that
_TAILS = 6.0  # fourth moment of noise in units of its variance squared: 3 for a Gaussian, 6 for a Laplacian


def one_slice(
    golden: Array, obtained: Array, inside: Sequence[Callable[[Array, Array], Explanation | None]]
) -> Explanation | None:
    """All that differs lies at one index of one axis, and most of what is there does; ``inside`` may say how."""
    differs = _differs(golden, obtained)
    if golden.ndim < 2 or not differs.any():
        return None
    for axis in range(golden.ndim):
        there = np.flatnonzero(differs.any(axis=tuple(a for a in range(golden.ndim) if a != axis)))
        if len(there) == 1 and golden.shape[axis] > 2:
            g, o, changed = (np.take(a, there[0], axis) for a in (golden, obtained, differs))
            if changed.size < LEAST or 2 * np.count_nonzero(changed) <= changed.size:
                continue
            index = ", ".join(str(there[0]) if a == axis else ":" for a in range(golden.ndim))
            how = next(filter(None, (way(g, o) for way in inside)), None)
            words = f", and there {how.sentence}" if how else ""
            return Explanation("one slice", f"only [{index}] differs{words}", how.residual if how else 0.0)
    return None


def few_elements(golden: Array, obtained: Array) -> Explanation | None:
    """All but a few elements are as they were."""
    differs = _differs(golden, obtained)
    count = int(np.count_nonzero(differs))
    if not 0 < count <= _FEW * golden.size:
        return None
    places = ", ".join(str([int(i) for i in place]) for place in np.argwhere(differs)[:_NAMED])
    more = ", ..." if count > _NAMED else ""
    return Explanation("few elements", f"only {count} of {golden.size} elements differ: {places}{more}", 0.0)


def noise(golden: Array, obtained: Array) -> Explanation | None:
    """A difference, or a relative one, without bias, outliers, or likeness to the golden or to its own neighbours."""
    if golden.size < _SAMPLES or golden.dtype.kind not in "fc":
        return None
    kind = np.complex128 if golden.dtype.kind == "c" else np.float64
    g, d = golden.astype(kind), (obtained - golden).astype(kind)
    spread, size = norm(d) / np.sqrt(d.size), norm(g) / np.sqrt(g.size)
    if np.count_nonzero(d) < _MOST * d.size:
        return None
    share = f", {spread / size:.2g} of their size" if size else ""
    left = norm(d) / (norm(obtained) or 1.0)
    if _patternless(d, g):
        return Explanation("noise", f"it looks like noise of standard deviation {spread:.3g}{share}", left)
    if np.all(g) and _patternless(d / g, g):
        each = norm(d / g) / np.sqrt(d.size)
        return Explanation("noise", f"it looks like noise of {each:.2g} of each value", left)
    return None


def _patternless(d: Array, golden: Array) -> bool:
    """Whether nothing that noise would not have is seen, at four of its standard deviations."""
    spread, bound = norm(d) / np.sqrt(d.size), _SIGMAS / np.sqrt(d.size)
    moduli = np.abs(golden)
    alike = [abs(d.mean()) / spread, _likeness(d, golden - golden.mean()), _likeness(d, moduli - moduli.mean())]
    alike.append(_likeness(np.abs(d) - np.abs(d).mean(), moduli - moduli.mean()))
    for axis in range(d.ndim):
        if d.shape[axis] > 1:
            alike.append(_likeness(np.delete(d, 0, axis), np.delete(d, -1, axis)))
    return max(alike) <= bound and float(np.mean(np.abs(d / spread) ** 4)) <= _TAILS


def _likeness(one: Array, other: Array) -> float:
    sizes = norm(one) * norm(other)
    return abs(complex(np.vdot(one, other))) / sizes if sizes else 0.0


def _differs(golden: Array, obtained: Array) -> Array:
    """Which elements differ by more than the rounding of the largest."""
    if golden.dtype.kind not in "fc":
        return np.asarray(golden != obtained)
    largest = float(max(np.abs(golden).max(), np.abs(obtained).max()))
    return np.asarray(np.abs(obtained - golden) > 4 * resolution(golden, obtained) * largest)
