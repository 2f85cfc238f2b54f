"""A difference is explained by the simple change that made it, and by none where there was none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import fft, ndimage

from harness.judge.arrays import compare_array
from harness.judge.explanations import explain_difference
from harness.judge.explanations.kinds import KINDS_OF_ARRAYS
from harness.judge.tolerances import read_rule
from harness.report.summary import verdict_line

RNG = np.random.default_rng(20240607)
IMAGE = ndimage.gaussian_filter(RNG.normal(size=(64, 48)), 2) + 0.3
FIELD = (1 + IMAGE) * np.exp(5j * ndimage.gaussian_filter(RNG.normal(size=IMAGE.shape), 3))
TABLE = RNG.uniform(1, 100, (200, 5))
SERIES = RNG.uniform(1, 2, 200)
STACK = RNG.poisson(7, (6, 16, 16))
ORDER = RNG.permutation(200)
SMOOTH = ndimage.gaussian_filter(RNG.normal(size=(3, 32, 32)), (0, 2, 2))
THREE_DIGITS = np.array([[float(f"{v:.3g}") for v in row] for row in TABLE])
NAMES = np.array(["iron", "gold", "tin", "zinc"])
WHITE = RNG.normal(size=IMAGE.shape)


def moved(image, by):
    return fft.ifft2(ndimage.fourier_shift(fft.fft2(image), by)).real


def changed(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


MOVED = np.stack([moved(frame, (0.5, 0.25)) for frame in SMOOTH])
# name: golden, obtained, kind, words that the sentence has
DIFFERENCES = {
    "a factor": (IMAGE, IMAGE * 1.0101, "factor", "× 1.0101"),
    "a factor in single precision": (IMAGE.astype("f4"), IMAGE.astype("f4") * np.float32(0.5), "factor", "× 0.5"),
    "a factor near one": (TABLE, TABLE * (1 + 2e-9), "factor", "× 1.000000002"),
    "a factor and a little noise": (IMAGE, IMAGE * 1.5 + 1e-3 * WHITE, "factor", "of it is left"),
    "a complex factor": (FIELD, FIELD * 1.3j, "factor", "× 1.3 with a phase of +1.570796... (π/2) rad"),
    "an offset": (IMAGE, IMAGE + 0.25, "offset", "+0.25 off"),
    "an offset of integers": (STACK, STACK - 3, "offset", "-3 off"),
    "a sign": (IMAGE, -IMAGE, "sign", "sign"),
    "a sign of a complex field": (FIELD, -FIELD, "sign", "sign"),
    "a conjugate": (FIELD, FIELD.conj(), "conjugate", "conjugate"),
    "parts changed places": (FIELD, FIELD.imag + 1j * FIELD.real, "conjugate", "places"),
    "a global phase": (FIELD, FIELD * np.exp(0.3j), "global phase", "+0.3 rad"),
    "a small global phase": (FIELD, FIELD * np.exp(-0.01j), "global phase", "-0.01 rad"),
    "another shape": (IMAGE, IMAGE.T, "transposition", "axes 1, 0"),
    "a square transposed": (STACK, STACK.transpose(0, 2, 1), "transposition", "axes 0, 2, 1"),
    "upside down": (IMAGE, IMAGE[::-1], "reversal", "along axis 0"),
    "rotated": (STACK, np.rot90(STACK, 1, (1, 2)), "transposition", "reversed along"),
    "rolled": (IMAGE, np.roll(IMAGE, (3, -2), (0, 1)), "roll", "by 3, -2 along axes 0, 1"),
    "off by one": (SERIES, np.roll(SERIES, 1), "roll", "by 1 along axis 0"),
    "fftshift": (FIELD, fft.fftshift(FIELD), "roll", "fftshift"),
    "moved": (IMAGE, ndimage.shift(IMAGE, (2, 0), order=0), "shift", "[2, 0]"),
    "cut": (IMAGE, IMAGE[8:-8, 8:-8], "crop", "from [8, 8] on"),
    "without its last row": (TABLE, TABLE[:-1], "crop", "[199, 5]"),
    "padded": (IMAGE, np.pad(IMAGE, 4), "padding", "from [4, 4] on"),
    "padded at the end": (STACK, np.pad(STACK, ((0, 0), (0, 0), (0, 3))), "padding", "from [0, 0, 0] on"),
    "rows in another order": (TABLE, TABLE[ORDER], "permutation", "of 200 rows"),
    "two channels changed places": (TABLE, TABLE[:, [0, 2, 1, 3, 4]], "permutation", "2 of 5 columns"),
    "sorted": (SERIES, np.sort(SERIES), "permutation", "elements"),
    "another type": (IMAGE, IMAGE.astype("f4"), "type", "float32, was float64"),
    "integers as floats": (STACK, STACK.astype("f8"), "type", "float64, was int64"),
    "half precision and back": (IMAGE, IMAGE.astype("f2").astype("f8"), "rounding", "float16"),
    "three decimals": (TABLE, TABLE.round(3), "rounding", "3 decimals"),
    "whole numbers": (TABLE, np.trunc(TABLE), "rounding", "cut to a whole number"),
    "a quarter pixel": (IMAGE, moved(IMAGE, (0.25, -0.5)), "sub-pixel shift", "(+0.25, -0.50)"),
    "a pixel and a half": (IMAGE, moved(IMAGE, (1.5, 0)), "sub-pixel shift", "(+1.50, "),
    "two elements": (IMAGE, changed(IMAGE, ([3, 10], [4, 1]), 9), "few elements", "[3, 4], [10, 1]"),
    "a hot pixel": (STACK, changed(STACK, (2, 3, 4), 65535), "few elements", "only 1 of 1536"),
    "one that is not finite": (IMAGE, changed(IMAGE, (5, 5), np.nan), "not finite", "[5, 5]), and no other differs"),
    "a slice": (IMAGE, changed(IMAGE, 5, 2 * IMAGE[5]), "one slice", "[5, :] differs, and there every number is × 2"),
    "a stale frame": (STACK, changed(STACK, 3, STACK[2]), "one slice", "only [3, :, :]"),
    "noise": (IMAGE, IMAGE + 1e-3 * WHITE, "noise", "standard deviation"),
    "noise of each value": (IMAGE, IMAGE * (1 + 1e-3 * WHITE), "noise", "of each value"),
    "not finite, and a factor": (
        IMAGE,
        changed(2 * IMAGE, 3, np.nan),
        "not finite",
        "of the others every number is × 2",
    ),
    "clipped": (IMAGE, IMAGE.clip(0.2, 0.5), "clipping", "below 0.2 is 0.2 and every one above 0.5 is 0.5"),
    "a factor and an offset": (SERIES, 2 * SERIES + 1, "factor and offset", "× 2, and then +1"),
    "flat": (IMAGE, IMAGE.ravel(), "reshaping", "[3072], was [64, 48]"),
    "other labels": (STACK, np.roll(np.arange(40), 1)[STACK], "labels", "one for one: 0 is 39, 1 is 0"),
    "the opposite mask": (IMAGE > 0.3, IMAGE <= 0.3, "labels", "opposite"),
    "moduli": (IMAGE - 0.3, np.abs(IMAGE - 0.3), "sign", "lost"),
    "wrapped around": (STACK.astype("u1"), STACK.astype("u1") + np.uint8(250), "offset", "-6 off, beginning again"),
    "the real part": (FIELD, FIELD.real.copy(), "type", "was complex128, and it is the real part"),
    "three significant digits": (
        TABLE,
        THREE_DIGITS,
        "rounding",
        "3 signif",
    ),
    "steps": (TABLE, np.floor(TABLE * 4) / 4, "rounding", "cut down to a multiple of 0.25"),
    "bfloat16": (SERIES, np.ldexp(np.rint(SERIES * 128), -7), "rounding", "bits of bfloat16"),
    "a frame moved finely": (
        SMOOTH,
        np.stack([moved(s, (0.5, 0.25)) for s in SMOOTH]),
        "sub-pixel shift",
        "+0.00, +0.50, +0.25",
    ),
    "rows in another order, and rounding": (
        TABLE,
        TABLE[ORDER] * (1 + 1e-13 * SERIES[:, None]),
        "permutation",
        "the rows are in another order; 1.5e-13 of it is left",
    ),
    "names": (NAMES, NAMES[::-1], "permutation", "4 of 4 elements"),
    "all zero": (IMAGE, 0 * IMAGE, "constant", "is 0"),
    "a factor and another type": (IMAGE, (2 * IMAGE).astype("f4"), "factor", "the type is float32"),
}
NONE = {
    "another image": (IMAGE, ndimage.gaussian_filter(WHITE, 2) + 0.3),
    "other numbers": (SERIES, RNG.uniform(1, 2, 200)),
    "other numbers of one size": (100 + RNG.normal(size=100), 101 + RNG.normal(size=100)),
    "blurred": (IMAGE, ndimage.gaussian_filter(IMAGE, 1)),
    "squared": (SERIES, SERIES**2),
    "a gradient": (IMAGE, IMAGE + np.linspace(0, 1, 48)),
    "an oscillation": (IMAGE, IMAGE * (1 + 1e-3 * np.sin(np.arange(48) / 5))),
    "two of three columns": (TABLE, TABLE * [1, 2, 1, 3, 1]),
    "a logarithm": (SERIES, np.log(SERIES)),
    "three numbers": (np.array([1.0, 2, 3]), np.array([1.1, 2.2, 3.3])),
    "another shape without a pattern": (IMAGE, RNG.normal(size=(40, 40))),
    "nothing": (IMAGE, IMAGE),
    "rounding": (IMAGE, IMAGE * (1 + 2e-16)),
    "text": (np.array(["a", "b"]), np.array(["a", "c"])),
    "an empty array": (np.zeros((0, 3)), np.zeros((0, 4))),
    "wandering": (SERIES, SERIES + np.cumsum(RNG.normal(size=200)) * 0.01),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_explained(name):
    golden, obtained, kind, words = DIFFERENCES[name]
    explanation = explain_difference(golden, obtained)
    assert explanation is not None
    assert explanation.kind == kind, explanation
    assert words in explanation.text
    assert 0 <= explanation.residual < 0.1


@pytest.mark.parametrize("name", NONE)
def test_what_has_no_simple_cause_is_given_none(name):
    assert explain_difference(*NONE[name]) is None


def test_every_kind_is_tried():
    assert {kind for _, _, kind, _ in DIFFERENCES.values()} == set(KINDS_OF_ARRAYS)


@pytest.mark.parametrize("seed", range(20))
def test_unrelated_arrays_are_never_explained(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(2, 9)), int(rng.integers(4, 40)))
    smooth = [ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0, 3)) + rng.uniform(-5, 5) for _ in "ab"]
    assert explain_difference(*smooth) is None


def test_elements_that_are_not_finite_in_both_do_not_matter():
    golden, obtained = (changed(a, (0, slice(5)), np.nan) for a in (IMAGE, 3 * IMAGE))
    assert explain_difference(golden, obtained).sentence == "every number is × 3"


def test_the_verdict_on_a_failing_array_begins_with_it():
    rule = read_rule("**", {"rtol": 1e-6}, Path("tolerances.toml"), "tolerances.toml")
    failing, passing = (compare_array("image", IMAGE, IMAGE * by, rule, "deterministic") for by in (1.5, 1))
    assert failing.explanation.text == "every number is × 1.5"
    assert verdict_line(failing).startswith("image: every number is × 1.5: 3072 of 3072 elements")
    assert passing.explanation is None
