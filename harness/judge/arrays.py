"""The verdict on one array: shape and dtype first, then its elements, then its structure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import describe_array
from harness.core.protocol import Json, Tier
from harness.core.trees import plain_json
from harness.core.verdicts import Status, Verdict, Worst
from harness.judge.elements import NUMBERS, Tally, scan_elements
from harness.judge.rules import Rule
from harness.judge.scalars import bounds, times

NAMED = 3  # worst elements that the message names
WINDOW = 7  # pixels; the usual side of SSIM's window


def compare_array(path: str, golden: NDArray[Any], obtained: NDArray[Any], rule: Rule, tier: Tier) -> Verdict:
    """The verdict on ``obtained`` under ``rule``; ``tier`` is the rule's own."""
    golden, obtained = np.asarray(golden), np.asarray(obtained)

    def verdict(status: Status, message: str = "", allowed: str = allowed_text(golden, rule), **more: Any) -> Verdict:
        expected, found = describe_array(golden), describe_array(obtained)
        return Verdict(path, status, tier, message, rule.text, expected, found, allowed, **more)

    if golden.dtype != obtained.dtype or golden.shape != obtained.shape:
        return verdict(
            Status.FAIL, f"was {describe_array(golden)}, is {describe_array(obtained)}", "the same dtype and shape"
        )
    if problem := _unusable(golden, rule):
        return verdict(Status.FAIL, f"its rule cannot judge it: {problem}")
    tally = scan_elements(golden, obtained, rule)
    problems = [_elements_message(tally, golden, obtained, rule)] if tally.out else []
    used = None if equal_only(golden, rule) else tally.used
    if rule.l2 is not None and not tally.not_finite:
        distance = relative_l2(golden, obtained)
        if not distance <= rule.l2:
            problems.append(f"its relative L2 distance is {distance:.3g}, above {rule.l2:g}")
        used = max(used or 0.0, distance / rule.l2)
    if rule.ssim is not None and not tally.not_finite and golden.size:
        part, found = structure(golden, obtained)
        if not found >= rule.ssim:
            problems.append(f"SSIM of {part} is {found:.4g}, below {rule.ssim:g}")
        share = 0.0 if found >= 1 else (1 - found) / (1 - rule.ssim) if rule.ssim < 1 else math.inf
        used = max(used or 0.0, share)
    return verdict(
        Status.FAIL if problems else Status.PASS,
        "; ".join(problems),
        used=used if used is not None and math.isfinite(used) else None,
        share=tally.out / golden.size if golden.size else 0.0,
        worst=_worst(tally, golden, obtained),
    )


def equal_only(array: NDArray[Any], rule: Rule) -> bool:
    """Whether nothing but equality will do: under the exact policy, and for booleans and text under any."""
    return array.dtype.kind not in NUMBERS or rule.policy == "exact"


def allowed_text(array: NDArray[Any], rule: Rule) -> str:
    """What the rule allows each element of ``array``."""
    if equal_only(array, rule):
        text = "exactly"
    elif rule.policy == "close":
        parts = [f"{rule.atol:g}"] if rule.atol else []
        parts += [f"{rule.rtol:g}·|golden|"] if rule.rtol else []
        text = f"±({' + '.join(parts)})" if len(parts) > 1 else f"±{parts[0] if parts else 0}"
    else:
        text = bounds(rule) if rule.policy == "bound" else f"{rule.ulp} ulp" if rule.policy == "ulp" else ""
    text += f"; relative L2 at most {rule.l2:g}" if rule.l2 is not None else ""
    return text + (f"; SSIM at least {rule.ssim:g}" if rule.ssim is not None else "")


def _wide(array: NDArray[Any]) -> NDArray[Any]:
    """In double precision, 0 where it is not finite."""
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return np.nan_to_num(wide, nan=0.0, posinf=0.0, neginf=0.0)


def relative_l2(golden: NDArray[Any], obtained: NDArray[Any]) -> float:
    """``|obtained - golden| / |golden|`` in the L2 norm, both finite or matching; 0 for equal arrays.

    Infinite where the golden is zero everywhere and ``obtained`` is not.
    """
    g, o = _wide(golden), _wide(obtained)
    distance, size = float(np.linalg.norm(o - g)), float(np.linalg.norm(g))
    return distance / size if size else math.inf if distance else 0.0


def structure(golden: NDArray[Any], obtained: NDArray[Any]) -> tuple[str, float]:
    """The least structural similarity (SSIM) of two images, and of which part: the modulus, real or imaginary.

    What is not finite is 0 in both, for only what a rule lets match comes here. The dynamic range
    is the golden's widest over its parts, so that a part that is only noise beside the others does
    not decide. Both images are raised by the golden's least value where that is negative: SSIM
    multiplies the likeness of means by that of structures, and for an image and its negative both
    are below zero, so that their product would call them alike. The window is 7 pixels, or the
    largest odd number that fits.
    """
    from skimage.metrics import structural_similarity

    g, o = _wide(golden), _wide(obtained)
    pairs = {"the image": (g, o)}
    if golden.dtype.kind == "c":
        pairs = {"the modulus": (np.abs(g), np.abs(o)), "the real part": (g.real, o.real)}
        pairs["the imaginary part"] = (g.imag, o.imag)
    reach = max(float(np.ptp(a)) for a, _ in pairs.values()) or float(np.abs(g).max()) or 1.0
    side = min(WINDOW, (min(golden.shape) - 1) // 2 * 2 + 1)

    def similarity(one: NDArray[Any], other: NDArray[Any]) -> float:
        least = min(float(one.min()), 0.0)
        return float(structural_similarity(one - least, other - least, win_size=side, data_range=reach))

    with np.errstate(all="ignore"):  # a similarity that overflows is NaN, which no bound lets pass
        found = {part: similarity(*pair) for part, pair in pairs.items()}
    part = min(found, key=lambda k: found[k])
    return part, found[part]


def _unusable(array: NDArray[Any], rule: Rule) -> str:
    kind = array.dtype.kind
    if kind not in NUMBERS + "bSU":
        return f"a {array.dtype} array is not compared"
    if rule.l2 is not None and kind not in NUMBERS:
        return f"l2 is for numbers, and this is {array.dtype}"
    if rule.ssim is not None and (array.ndim != 2 or kind in "SU" or 0 < min(array.shape) < 3):
        return f"ssim is for images of at least 3 x 3, and this is {describe_array(array)}"
    if kind not in NUMBERS:
        return ""
    if rule.policy == "interval":
        return "an interval is for single values, and this is an array"
    if rule.policy == "bound" and (rule.rtol is not None or rule.atol is not None):
        return "rtol/atol beside min or max is for single values, and this is an array"
    if rule.policy == "bound" and kind == "c":
        return "min and max are for real numbers, and this is complex"
    if rule.policy == "ulp" and (kind in "iu" or array.dtype.itemsize > (16 if kind == "c" else 8)):
        return f"ulp is for float16, float32 and float64, and this is {array.dtype}"
    return ""


def _elements_message(tally: Tally, golden: NDArray[Any], obtained: NDArray[Any], rule: Rule) -> str:
    exact = equal_only(golden, rule)
    count = f"{tally.out} of {golden.size} element{'s' * (golden.size > 1)} ({100 * tally.out / golden.size:.3g} %)"
    text = f"{count} {'not equal, the first' if exact else 'out of tolerance, the worst'}: "
    text += "; ".join(
        _element(w, exact or rule.policy != "bound") for w in _worst(tally, golden, obtained)[:NAMED] if w.used > 1
    )
    if tally.not_finite:
        remedy = ', which nan = "forbid" does not allow' if rule.nan == "forbid" else ""
        text += f"; {tally.not_finite} not finite{remedy}"
    zero = any(golden.flat[i] == 0 for _, i in tally.worst) if golden.dtype.kind in NUMBERS else False
    if zero and rule.policy == "close" and not rule.atol:
        text += "; where the golden is zero rtol alone allows nothing: give the rule an atol"
    return text


def _element(worst: Worst, golden: bool) -> str:
    place = f"{list(worst.index)} " if worst.index else ""
    over = f" ({times(worst.used)})" if math.isfinite(worst.used) else ""
    expected = f"expected {worst.expected}, " if golden else ""
    return f"{place}{expected}obtained {worst.obtained}{over}"


def _worst(tally: Tally, golden: NDArray[Any], obtained: NDArray[Any]) -> tuple[Worst, ...]:
    places = [(used, tuple(int(i) for i in np.unravel_index(flat, golden.shape))) for used, flat in tally.worst]
    return tuple(Worst(i, _shown(golden[i]), _shown(obtained[i]), used) for used, i in places)


def _shown(element: Any) -> Json:
    """An element for people: a float32 by the fewest digits that tell it, not by those of its double."""
    if isinstance(element, np.complexfloating):
        return str(element).strip("()")
    if isinstance(element, np.floating):
        return plain_json(float(str(element)))
    return element.decode("utf-8", "replace") if isinstance(element, bytes) else plain_json(element)
