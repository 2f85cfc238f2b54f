"""``ssim = x``: the structural similarity of an image to its golden is at least ``x`` (Wang et al. 2004)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from harness.core.artifacts import describe_array
from harness.judge.elements import Array, Terms
from harness.judge.judgement import ArrayJudgement
from harness.judge.policies.policy import Condition, Policy, binary_exponent, scaled, share_of_one, takes, wide

WINDOW = 7  # pixels; the usual side of SSIM's window
_MEANS = 0.01  # SSIM's K1, which keeps the likeness of means from dividing by zero


class StructuralSimilarity(Condition):
    """How alike two images are to the eye, whatever single pixels do."""

    key = "ssim"
    keys = takes(ssim=share_of_one)

    def problem(self, terms: Terms, policy: Policy) -> str:
        """Beside equality it says nothing."""
        return f"ssim beside {policy.name} has no meaning" if policy.name == "exact" else ""

    def unusable_array(self, array: Array) -> str:
        """What is no image has no structure."""
        if array.ndim != 2 or array.dtype.kind in "SU" or 0 < min(array.shape) < 3:
            return f"ssim is for images of at least 3 x 3, and this is {describe_array(array)}"
        return ""

    def allowed(self, terms: Terms) -> str:
        """The similarity."""
        return f"SSIM at least {terms['ssim']:g}"

    def apply(self, judgement: ArrayJudgement, golden: Array, obtained: Array, terms: Terms) -> ArrayJudgement:
        """Add the similarity where it is too small, and the share of the room below 1 that is used."""
        if not golden.size:
            return judgement
        (part, similarity), least = structure(golden, obtained), terms["ssim"]
        problems = judgement.problems
        if not similarity >= least:
            problems = (*problems, f"SSIM of {part} is {similarity:.4g}, below {least:g}")
        share = 0.0 if similarity >= 1 else (1 - similarity) / (1 - least) if least < 1 else math.inf
        return dataclasses.replace(judgement, problems=problems, besides=(*judgement.besides, share))


def structure(golden: Array, obtained: Array) -> tuple[str, float]:
    """The least structural similarity (SSIM) of two images, and of which part: the modulus, real or imaginary.

    What is not finite is 0 in both, for only what a rule lets match comes here. The dynamic range
    is the golden's widest over its parts, so that a part that is only noise beside the others does
    not decide. Both images are raised by the golden's least value where that is negative. The window
    is 7 pixels, or the largest odd number that fits.
    """
    g, o = wide(golden), wide(obtained)
    exponent = binary_exponent(g)
    g, o = scaled(g, -exponent), scaled(o, -exponent)  # so that no square of what is tiny or huge is lost
    pairs = {"the image": (g, o)}
    if golden.dtype.kind == "c":
        pairs = {"the modulus": (np.abs(g), np.abs(o)), "the real part": (g.real, o.real)}
        pairs["the imaginary part"] = (g.imag, o.imag)
    reach = max(float(np.ptp(a)) for a, _ in pairs.values()) or float(np.abs(g).max()) or 1.0
    side = min(WINDOW, (min(golden.shape) - 1) // 2 * 2 + 1)
    with np.errstate(all="ignore"):  # a similarity that overflows is NaN, which no bound lets pass
        similarities = {part: _similarity(*pair, side, reach) for part, pair in pairs.items()}
    part = min(similarities, key=lambda name: (not math.isnan(similarities[name]), similarities[name]))
    return part, similarities[part]


def _similarity(golden: Array, obtained: Array, side: int, reach: float) -> float:
    """The mean structural similarity of two real images.

    SSIM multiplies the likeness of means by that of structures. Of an image and its negative both are
    below zero, so that their product would call them alike: where the means of a window are unlike by
    their sign, the window is unlike.
    """
    from scipy.ndimage import uniform_filter
    from skimage.metrics import structural_similarity

    least = min(float(golden.min()), 0.0)
    one, other = golden - least, obtained - least
    mean, alike = structural_similarity(one, other, win_size=side, data_range=reach, full=True)
    likeness = 2 * uniform_filter(one, side) * uniform_filter(other, side) + (_MEANS * reach) ** 2
    if not (likeness < 0).any():
        return float(mean)
    edge = (side - 1) // 2
    unlike = np.where(likeness < 0, -np.abs(alike), alike)
    return float(unlike[edge:-edge, edge:-edge].mean(dtype=np.float64))


CONDITION = StructuralSimilarity()
