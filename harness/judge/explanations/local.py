"""Differences that are somewhere, or without a pattern: one slice, a few elements, noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.core.verdicts import Explanation
from harness.judge.elements import Array
from harness.judge.explanations.measures import LEAST, norm, resolution

_FEW = 0.05  # of the elements
_NAMED = 3  # elements that are named
_SAMPLES = 64  # of a difference, before it can be called noise
_SIGMAS = 4.0
_MOST = 0.9  # of the elements have noise, if it is that
_ORDINARY = 0.99  # of the elements
_LITTLE = 0.5  # of how much the golden varies, unless it does not: more of it would be another array
_TAILS = 6.0  # fourth moment of noise in units of its variance squared: 3 for a Gaussian, 6 for a Laplacian


def one_slice(
    golden: Array, obtained: Array, inside: Callable[[Array, Array], Explanation | None]
) -> Explanation | None:
    """All that differs lies at one index of one axis, and most of what is there does; ``inside`` may say how."""
    differs = differing(golden, obtained)
    if golden.ndim < 2 or not differs.any():
        return None
    for axis in range(golden.ndim):
        there = np.flatnonzero(differs.any(axis=tuple(a for a in range(golden.ndim) if a != axis)))
        if len(there) == 1 and golden.shape[axis] > 2:
            g, o, changed = (np.take(a, there[0], axis) for a in (golden, obtained, differs))
            if changed.size < LEAST or 2 * np.count_nonzero(changed) <= changed.size:
                continue
            index = ", ".join(str(there[0]) if a == axis else ":" for a in range(golden.ndim))
            how = inside(g, o)
            words = f", and there {how.sentence}" if how else ""
            return Explanation("one slice", f"only [{index}] differs{words}", how.residual if how else 0.0)
    return None


def few_elements(golden: Array, obtained: Array) -> Explanation | None:
    """All but a few elements, or one, are as they were."""
    differs = differing(golden, obtained)
    count = int(np.count_nonzero(differs))
    if not 0 < count <= max(golden.size >= LEAST, _FEW * golden.size):
        return None
    verb = "differs" if count == 1 else "differ"
    return Explanation("few elements", f"only {count} of {golden.size} elements {verb}: {places(differs)}", 0.0)


def places(chosen: Array) -> str:
    """The indices of the first elements that are chosen."""
    shown = [str(place) for place in np.argwhere(chosen)[: _NAMED + 1].tolist()]
    return ", ".join([*shown[:_NAMED], "..."] if len(shown) > _NAMED else shown)


def not_finite(odd: Array, finite: tuple[Array, Array], others: str, left: float = 0.0) -> Explanation:
    """Elements that are ``odd``: finite in one of golden and obtained alone, or not finite in another way.

    ``others``: what is said of the others, and ``left`` what that leaves of the obtained numbers.
    """
    count, came, went = (int(np.count_nonzero(a)) for a in (odd, odd & finite[1], odd & finite[0]))
    if count == went:
        what = "is not finite any more" if count == 1 else "are not finite any more"
    elif count == came:
        what = "is finite now" if count == 1 else "are finite now"
    else:
        what = "differ in being finite, or in what they are instead"
    return Explanation("not finite", f"{count} of {odd.size} elements {what} ({places(odd)}), and {others}", left)


def noise(golden: Array, obtained: Array) -> Explanation | None:
    """A difference, or a relative one, without bias, outliers, or likeness to the golden or to its own neighbours."""
    if golden.size < _SAMPLES or golden.dtype.kind not in "fc":
        return None
    kind = np.complex128 if golden.dtype.kind == "c" else np.float64
    g, d = golden.astype(kind), (obtained - golden).astype(kind)
    spread, size = norm(d) / np.sqrt(d.size), norm(g) / np.sqrt(g.size)
    varies = norm(g - g.mean())
    if np.count_nonzero(d) < _MOST * d.size or 0 < _LITTLE * varies < norm(d):
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
    most = np.quantile(moduli, _ORDINARY)  # a few large elements would hide what the others are like
    golden, moduli = np.where(moduli > most, 0, golden), np.minimum(moduli, most)
    alike = [abs(d.mean()) / spread, _likeness(d, golden - golden.mean()), _likeness(d, moduli - moduli.mean())]
    alike.append(_likeness(np.abs(d) - np.abs(d).mean(), moduli - moduli.mean()))
    for axis in range(d.ndim):
        if d.shape[axis] > 1:
            alike.append(_likeness(np.delete(d, 0, axis), np.delete(d, -1, axis)))
    return max(alike) <= bound and float(np.mean(np.abs(d / spread) ** 4)) <= _TAILS


def _likeness(one: Array, other: Array) -> float:
    sizes = norm(one) * norm(other)
    return abs(complex(np.vdot(one, other))) / sizes if sizes else 0.0


def differing(golden: Array, obtained: Array) -> Array:
    """Which elements differ, of floats by more than a few units in their last place."""
    if golden.dtype.kind not in "fc":
        return np.asarray(golden != obtained)
    sizes = np.abs(golden)
    around = np.maximum(np.maximum(sizes, np.abs(obtained)), np.median(sizes))
    return np.asarray(np.abs(obtained - golden) > 8 * resolution(golden, obtained) * around)
