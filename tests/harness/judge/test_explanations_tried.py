"""Explanations tried on differences that were made without a look at how they are found.

Spectra, fringes, label images, masks, photographs, stacks, tables and series, as users have them, some with noise.
``KNOWN`` is the benchmark: each kind of change at least twice. ``ATTEMPTS`` were made to mislead: two changes at once,
arrays for which several are the same, tiny and constant ones, one element that is larger than all others. Of these
a kind, or one of several separated by ``|``, is right; ``None`` says that no cause may be named.
"""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import fft, ndimage

from harness.judge.explanations import explain_difference

R = np.random.default_rng(77)
x = np.linspace(200, 900, 701)
SPEC = (
    sum(
        a * np.exp(-(((x - c) / w) ** 2)) for a, c, w in [(1200, 310, 8), (400, 480, 20), (900, 655, 5), (150, 780, 40)]
    )
    + 30
    + 0.02 * x
)
y2, x2 = np.mgrid[:96, :128]
FRINGE = (1 + 0.3 * np.cos(x2 / 7)) * np.exp(1j * (0.002 * (x2 - 60) ** 2 + 0.05 * y2))
LABEL = np.argmin([(y2 - a) ** 2 + (x2 - b) ** 2 for a, b in R.uniform(0, 1, (25, 2)) * [96, 128]], axis=0).astype(
    np.int32
)
MASK = ((y2 - 40) ** 2 + (x2 - 70) ** 2 < 30**2) | ((y2 > 70) & (x2 < 30))
STACK = np.stack([ndimage.gaussian_filter(R.normal(size=(40, 40)), 1.5) * (i + 1) for i in range(8)]).astype("f4")
VOL = R.gamma(2.0, 3.0, (5, 20, 30))
PHOTO = np.clip(
    128 + 60 * ndimage.gaussian_filter(R.normal(size=(96, 128)), 4) * 8 + R.normal(size=(96, 128)) * 4, 0, 255
).astype(np.uint8)
COUNTS = R.poisson(200, (50, 60))
RGB = np.stack([PHOTO, PHOTO // 2 + 20, 255 - PHOTO], axis=-1)
TS = np.cumsum(R.normal(size=500)) + 50
TAB = np.column_stack([R.integers(1, 1000, 60), R.uniform(0, 1, 60), R.normal(300, 20, 60), R.lognormal(3, 1, 60)])
SPARSE = np.where(R.uniform(size=(64, 64)) < 0.02, R.uniform(1, 9, (64, 64)), 0)
PROB = R.dirichlet(np.ones(10), 200)


def noise(array, deviation):
    return array + deviation * R.normal(size=array.shape)


def set_(array, where, value):
    copy = array.copy()
    copy[where] = value
    return copy


KNOWN = {
    "spec x1.0101": (SPEC, SPEC * 1.0101, "factor"),
    "stack f4 x 0.98 + noise": (STACK, (STACK * 0.98 + 1e-5 * R.normal(size=STACK.shape)).astype("f4"), "factor"),
    "photo as floats /255": (PHOTO.astype(float), PHOTO / 255, "factor"),
    "counts doubled": (COUNTS, COUNTS * 2, "factor"),
    "spec baseline": (SPEC, SPEC + 12.5, "offset"),
    "photo +3": (PHOTO // 2, PHOTO // 2 + np.uint8(3), "offset"),
    "ts offset noise": (TS, noise(TS + 5, 0.01), "offset"),
    "label +1": (LABEL, LABEL + 1, "offset"),
    "spec sign": (SPEC, -SPEC, "sign"),
    "stack sign": (STACK, -STACK, "sign"),
    "fringe conj": (FRINGE, FRINGE.conj(), "conjugate"),
    "c64 conj": (FRINGE.astype("c8"), FRINGE.conj().astype("c8"), "conjugate"),
    "photo T": (PHOTO, PHOTO.T, "transposition"),
    "mask square T": (MASK[:96, :96], MASK[:96, :96].T, "transposition"),
    "vol axes": (VOL, VOL.transpose(2, 0, 1), "transposition"),
    "RGB channel first": (RGB, RGB.transpose(2, 0, 1), "transposition"),
    "BGR": (RGB, RGB[..., ::-1], "permutation|reversal"),
    "label roll": (LABEL, np.roll(LABEL, 5, 1), "roll|shift"),
    "fringe fftshift": (FRINGE, fft.fftshift(FRINGE), "roll"),
    "ts roll": (TS, np.roll(TS, -7), "roll|shift"),
    "stack fftshift last two": (STACK, fft.fftshift(STACK, axes=(1, 2)), "roll"),
    "crop photo": (PHOTO, PHOTO[10:60, 20:90], "crop"),
    "crop spec": (SPEC, SPEC[50:], "crop"),
    "pad stack": (STACK, np.pad(STACK, ((0, 0), (3, 3), (3, 3))), "padding"),
    "pad spec edge": (SPEC, np.pad(SPEC, (10, 10), mode="edge"), "padding"),
    "vol slices shuffled": (VOL, VOL[[3, 0, 4, 1, 2]], "permutation"),
    "tab rows sorted": (TAB, TAB[np.argsort(TAB[:, 2])], "permutation"),
    "stack to f8": (STACK, STACK.astype("f8"), "type"),
    "labels to i8": (LABEL, LABEL.astype("i8"), "type"),
    "spec via f4": (SPEC, SPEC.astype("f4").astype("f8"), "rounding"),
    "tab 2 decimals": (TAB, TAB.round(2), "rounding"),
    "prob 4 significant": (PROB, np.array([[float(f"{v:.4g}") for v in r] for r in PROB]), "rounding"),
    "fringe phase": (FRINGE, FRINGE * np.exp(1.2j), "global phase"),
    "fringe phase noise": (
        FRINGE,
        FRINGE * np.exp(-0.4j) + 1e-3 * (R.normal(size=FRINGE.shape) + 1j * R.normal(size=FRINGE.shape)),
        "global phase",
    ),
    "spec subpixel": (SPEC, np.interp(x - 0.4, x, SPEC), "sub-pixel shift"),
    "fringe subpixel": (
        STACK[2].astype(float),
        ndimage.shift(STACK[2].astype(float), (0.3, -0.7), order=3, mode="wrap"),
        "sub-pixel shift",
    ),
    "mask few": (MASK, set_(MASK, (40, slice(69, 72)), False), "few elements"),
    "label few": (LABEL, set_(LABEL, ([1, 5, 9], [2, 2, 2]), 99), "few elements"),
    "spec spike": (SPEC, set_(SPEC, 300, 9e4), "few elements"),
    "vol one slice zero": (VOL, set_(VOL, 2, 0), "one slice"),
    "RGB one channel": (RGB, set_(RGB, (..., 1), RGB[..., 0]), "one slice"),
    "tab one col": (TAB, TAB * [1, 1, 1.8, 1], "one slice"),
    "spec noise": (SPEC, noise(SPEC, 0.5), "noise"),
    "fringe noise": (FRINGE, FRINGE + 1e-3 * (R.normal(size=FRINGE.shape) + 1j * R.normal(size=FRINGE.shape)), "noise"),
    "counts other poisson noise": (COUNTS.astype(float), noise(COUNTS.astype(float), 1.0), "noise"),
}
ATTEMPTS = {
    "factor+offset": (SPEC, SPEC * 1.3 + 20, "factor and offset"),
    "factor+offset ts": (TS, TS * 1.01 + 1, "factor and offset"),
    "gamma": (PHOTO / 255, (PHOTO / 255) ** 1.1, None),
    "clip": (SPEC, np.clip(SPEC, 0, 600), "clipping"),
    "clip low": (STACK, np.clip(STACK, 0, None), "clipping"),
    "smooth spec": (SPEC, ndimage.gaussian_filter1d(SPEC, 3), None),
    "smooth photo": (PHOTO.astype(float), ndimage.uniform_filter(PHOTO.astype(float), 3), None),
    "T and scale": (PHOTO.T.astype(float)[:, :96][:96], PHOTO.T.astype(float)[:, :96][:96].T * 1.5, None),
    "T and scale rect": (PHOTO.astype(float), PHOTO.T * 1.5, None),
    "odd signal: sign=reversal": (np.sin(np.linspace(-9, 9, 101)), -np.sin(np.linspace(-9, 9, 101)), "sign|reversal"),
    "even signal T": (
        np.cos(x2[:96, :96] * 0.1) + np.cos(y2[:96, :96] * 0.1),
        np.cos(x2[:96, :96] * 0.1) + np.cos(y2[:96, :96] * 0.1),
        None,
    ),
    "periodic rolled": (np.sin(np.arange(400) * 2 * np.pi / 20), np.sin((np.arange(400) - 3) * 2 * np.pi / 20), "roll"),
    "almost periodic": (
        np.sin(np.arange(400) * 2 * np.pi / 20.1),
        np.sin((np.arange(400) - 3) * 2 * np.pi / 20.1),
        "roll|shift|sub-pixel shift",
    ),
    "periodic half": (
        np.sin(np.arange(400) * 2 * np.pi / 20),
        np.sin((np.arange(400) - 10) * 2 * np.pi / 20),
        "sign|roll|reversal",
    ),
    "constant": (np.full((8, 8), 2.0), np.full((8, 8), 3.0), "constant"),
    "constant zero": (np.zeros((8, 8)), np.full((8, 8), 3.0), "offset|constant"),
    "to zero": (np.full((8, 8), 3.0), np.zeros((8, 8)), "constant|offset"),
    "one element": (np.array([2.0]), np.array([3.0]), None),
    "two elements": (np.array([2.0, 4.0]), np.array([3.0, 6.0]), None),
    "three swapped": (np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0]), None),
    "0-d": (np.array(2.0), np.array(3.0), None),
    "nan in both scaled": (set_(SPEC, slice(3, 9), np.nan), 2 * set_(SPEC, slice(3, 9), np.nan), "factor"),
    "nan only new": (SPEC, set_(SPEC, [4, 5], np.nan), "not finite"),
    "nan block": (SPEC, set_(SPEC, slice(0, 350), np.nan), "not finite"),
    "nan new and scaled": (SPEC, 1.5 * set_(SPEC, [4, 5], np.nan), "not finite"),
    "inf": (SPEC, set_(SPEC, 3, np.inf), "not finite"),
    "ramp": (TS, TS + np.linspace(0, 3, 500), None),
    "row trend": (VOL, VOL * np.linspace(1, 1.2, 20)[:, None], None),
    "cumsum": (TS, np.cumsum(TS), None),
    "log": (SPEC, np.log(SPEC), None),
    "sqrt counts": (COUNTS, np.sqrt(COUNTS), None),
    "abs of signed": (STACK, np.abs(STACK), "sign"),
    "fft": (FRINGE, fft.fft2(FRINGE), None),
    "phase ramp": (FRINGE, FRINGE * np.exp(1j * x2 * 0.01), None),
    "other seed": (COUNTS, R.poisson(200, (50, 60)), None),
    "other seed float": (R.normal(size=300), R.normal(size=300), None),
    "other seed large mean": (1e4 + R.normal(size=300), 1e4 + R.normal(size=300), None),
    "relabel": (LABEL, R.permutation(25).astype(np.int32)[LABEL], "labels"),
    "mask inverted": (MASK, ~MASK, "labels"),
    "mask dilated": (MASK, ndimage.binary_dilation(MASK), "few elements"),
    "mask shifted 1": (MASK, np.roll(MASK, 1, 0), "roll|shift"),
    "sparse other": (SPARSE, np.roll(SPARSE, 9, 1) * R.uniform(1, 2, SPARSE.shape), "few elements"),
    "sparse few": (SPARSE, set_(SPARSE, (3, 4), 5.0), "few elements"),
    "sparse shuffled": (SPARSE, R.permutation(SPARSE.ravel()).reshape(64, 64), "few elements"),
    "rotate 5deg": (PHOTO.astype(float), ndimage.rotate(PHOTO.astype(float), 5, reshape=False, order=1), None),
    "zoom": (STACK[3].astype(float), ndimage.zoom(STACK[3].astype(float), 1.02)[:40, :40], None),
    "jpeg-like quantised": (PHOTO, (PHOTO // 8) * 8, "rounding"),
    "standardised": (TAB, (TAB - TAB.mean(0)) / TAB.std(0), None),
    "minmax": (SPEC, (SPEC - SPEC.min()) / np.ptp(SPEC), "factor and offset"),
    "one col other row order": (TAB, np.column_stack([TAB[:, 0], np.sort(TAB[:, 1]), TAB[:, 2:]]), "one slice"),
    "two cols": (TAB, TAB * [1, 2, 2, 1], None),
    "half array x2": (SPEC, np.r_[SPEC[:350], 2 * SPEC[350:]], None),
    "hetero noise": (SPEC, SPEC + R.normal(size=701) * np.sqrt(SPEC), None),
    "uniform noise": (SPEC, SPEC + R.uniform(-1, 1, 701), "noise"),
    "corr noise": (SPEC, SPEC + ndimage.gaussian_filter1d(R.normal(size=701), 2), None),
    "biased noise": (SPEC, SPEC + R.normal(size=701) * 0.5 + 0.3, None),
    "noise on mean1e6": (1e6 + TS, 1e6 + TS + R.normal(size=500) * 0.01, "noise"),
    "small noise f4 large mean factor": ((1e4 + TS).astype("f4"), ((1e4 + TS) * 1.0001).astype("f4"), "factor|offset"),
    "near-const factor": (1e6 + R.normal(size=200), 1e6 + R.normal(size=200) + 50, None),
    "dc factor": (100 + R.normal(size=200) * 0.01, (100 + R.normal(size=200) * 0.01) * 1.1, None),
    "interp nonuniform": (SPEC, np.interp(x**1.002, x, SPEC), None),
    "shift by 0.4 and scale": (SPEC, 1.2 * np.interp(x - 0.4, x, SPEC), None),
    "subpixel + noise": (SPEC, noise(np.interp(x - 0.5, x, SPEC), 0.2), "sub-pixel shift"),
    "jitter time base": (SPEC, np.interp(x + R.normal(size=701) * 0.3, x, SPEC), None),
    "uint8 wrap": (PHOTO, PHOTO + np.uint8(100), "offset"),
    "int overflow": (COUNTS, (COUNTS.astype("u1")).astype("i8"), None),
    "endian": (np.array([1, 2, 3, 400], ">i4").astype("i4"), np.array([1, 2, 3, 400], ">i4").view("<i4"), None),
    "complex to modulus": (FRINGE, np.abs(FRINGE), "type"),
    "complex to real": (FRINGE, FRINGE.real + 0j, None),
    "half size": (PHOTO, PHOTO[::2, ::2], None),
    "binned": (COUNTS, COUNTS.reshape(25, 2, 30, 2).sum((1, 3)), None),
    "reshape": (COUNTS, COUNTS.reshape(60, 50), "reshaping"),
    "flat": (COUNTS, COUNTS.ravel(), "reshaping"),
    "extra axis": (COUNTS, COUNTS[None], "reshaping"),
    "crop of zero pad": (np.pad(STACK[0], 8), STACK[0], "crop"),
    "crop of constant": (np.zeros((8, 8)), np.zeros((4, 4)), "None"),
    "truncated": (SPEC, np.trunc(SPEC), "rounding"),
    "f2": (STACK, STACK.astype("f2").astype("f4"), "rounding"),
    "sine other freq": (np.sin(x / 5), np.sin(x / 5.05), None),
    "prob softened": (PROB, (PROB + 0.01) / 1.1, "factor and offset"),
    "prob renorm": (PROB, PROB / PROB.sum(0), None),
    "ramp shift": (np.arange(100.0), np.arange(100.0) + 1, "offset|shift"),
    "exp shift": (np.exp(np.arange(60) / 10), np.exp((np.arange(60) - 1) / 10), "factor|shift"),
    "line scaled": (np.arange(100.0) + 5, (np.arange(100.0) + 5) * 1.01, "factor"),
    "line scaled+noise": (np.arange(100.0) + 5, noise((np.arange(100.0) + 5) * 1.01, 1e-3), "factor"),
    "complex factor/rot": (FRINGE, FRINGE * (1.1 + 0.2j), "factor"),
    "conj+scale": (FRINGE, 2 * FRINGE.conj(), None),
    "neg conj": (FRINGE, -FRINGE.conj(), None),
    "one row shifted": (PHOTO, set_(PHOTO, 4, np.roll(PHOTO[4], 3)), "one slice"),
    "few big many small": (SPEC, set_(noise(SPEC, 1e-4), [5, 90, 200], 9e3), None),
    "few elements & rounding": (SPEC, set_(SPEC * (1 + 1e-15), [5, 90], 9e3), "few elements"),
    "few tiny elements": (SPEC, set_(SPEC, [5, 90], SPEC[[5, 90]] * (1 + 1e-9)), "few elements"),
}
HOT = set_(R.normal(size=(40, 40)) + 3, (3, 4), 1e6).astype("f4")
HOTD = set_(R.normal(size=(40, 40)) + 3, (3, 4), 1e6)
MORE = {
    "hot pixel x1.1, others random": (HOT, set_(R.normal(size=(40, 40)) + 3, (3, 4), 1.1e6).astype("f4"), None),
    "hot pixel same, others random": (HOT, set_(R.normal(size=(40, 40)) + 3, (3, 4), 1e6).astype("f4"), None),
    "hot pixel new hides small": (
        R.normal(size=(40, 40)).astype("f4"),
        set_(R.normal(size=(40, 40)).astype("f4"), (2, 2), 1e9),
        None,
    ),
    "hot pixel x1.5 all": (HOT, HOT * np.float32(1.5), "factor"),
    "hot pixel transposed, others random": (HOTD, set_(R.normal(size=(40, 40)) + 3, (4, 3), 1e6), None),
    "hot pixel transposed": (HOTD, HOTD.T, "transposition"),
    "hot pixel moved": (HOTD, set_(set_(HOTD, (3, 4), 3.0), (9, 9), 1e6), "few elements"),
    "hot pixel offset": (HOTD, HOTD + 0.5, "offset"),
    "one big x2 small array": (np.array([1.0, 1.2, 0.9, 1000]), np.array([1.1, 1.0, 1.3, 2000]), None),
    "bfloat16": (STACK, (STACK.view("u4") & 0xFFFF0000).view("f4"), "rounding"),
    "3 sig": (TAB, np.vectorize(lambda v: float(f"{v:.3g}"))(TAB), "rounding"),
    "quantised floats 0.25": (TS, np.round(TS * 4) / 4, "rounding"),
    "floor": (TS, np.floor(TS), "rounding"),
    "8 bit of photo": (STACK[4].astype(float), np.round(STACK[4].astype(float) * 20) / 20, "rounding"),
    "binarised": (PHOTO / 255, (PHOTO > 128).astype(float), None),
    "nan to inf": (set_(SPEC, 3, np.nan), set_(SPEC, 3, np.inf), "not finite"),
    "nan gone": (set_(SPEC, 3, np.nan), set_(SPEC, 3, 0), "not finite"),
    "nan moved": (set_(SPEC, 3, np.nan), set_(SPEC, 4, np.nan), "not finite"),
    "nan new and random": (SPEC, set_(np.cumsum(R.normal(size=701)), 3, np.nan), "not finite"),
    "nan everywhere": (SPEC, SPEC * np.nan, "not finite"),
    "text arr": (np.array(list("abcdefgh")), np.array(list("abdcefgh")), "permutation"),
    "text arr 1": (
        np.array(list("abcdefghijklmnopqrstuvwxyz")),
        np.array(list("abxdefghijklmnopqrstuvwxyz")),
        "few elements",
    ),
    "dates": (
        np.arange("2020-01", "2023-01", dtype="M8[M]"),
        set_(np.arange("2020-01", "2023-01", dtype="M8[M]"), 3, np.datetime64("2025-01")),
        "few elements",
    ),
    "clip + factor": (SPEC, np.clip(SPEC * 1.5, 0, 800), None),
    "saturate uint8": (PHOTO, np.minimum(PHOTO.astype(int) + 40, 255).astype("u1"), None),
    "two labels merged": (LABEL, np.where(LABEL == 3, 4, LABEL).astype("i4"), "few elements"),
    "labels swapped": (LABEL, np.select([LABEL == 3, LABEL == 7], [7, 3], LABEL).astype("i4"), "few elements|labels"),
    "factor with 10% noise": (SPEC, SPEC * 1.01 + R.normal(size=701) * 0.8, None),
    "factor 1.5 noise 1%": (SPEC, SPEC * 1.5 * (1 + 0.01 * R.normal(size=701)), "None"),
    "two halves": (STACK, np.concatenate([STACK[:4], STACK[4:] * 2]), None),
    "affine mask": (MASK.astype(float), MASK * 3.0 + 1, None),
    "affine ints": (COUNTS, COUNTS * 2 + 5, "factor and offset"),
    "negative affine": (PHOTO.astype(float), 255.0 - PHOTO, "factor and offset"),
    "offset roll": (SPEC, np.roll(SPEC + 5, 3), None),
    "moved frame edge": (PHOTO, np.pad(PHOTO, ((2, 0), (0, 0)), mode="edge")[:-2], "shift"),
    "stack moved subpixel 3d": (
        STACK.astype(float),
        np.stack([ndimage.shift(s.astype(float), (0.5, 0.25), order=1, mode="nearest") for s in STACK]),
        "sub-pixel shift",
    ),
    "crop then pad": (PHOTO, np.pad(PHOTO[8:-8, 8:-8], 8), None),
    "zero border": (PHOTO.astype(float), np.pad(PHOTO[2:-2, 2:-2], 2).astype(float), None),
    "col permuted": (PROB, PROB[:, ::-1], "reversal|permutation"),
    "rows dup": (TAB, TAB[np.r_[0, 0:59]], "shift|roll"),
    "rows perm f4 rounding": (TAB, TAB[::-1] * (1 + 1e-15), "reversal|permutation"),
    "rows perm noise": (TAB, TAB[R.permutation(60)] * (1 + 1e-12 * R.normal(size=TAB.shape)), "permutation"),
    "complex parts one conj slice": (np.stack([FRINGE] * 3), np.stack([FRINGE, FRINGE.conj(), FRINGE]), "one slice"),
    "phase per slice": (np.stack([FRINGE] * 3), np.stack([FRINGE * np.exp(1j * t) for t in (0.1, 0.2, 0.3)]), None),
    "tiny values": (SPEC * 1e-30, SPEC * 1e-30 * 1.0101, "factor"),
    "huge f4": ((SPEC * 1e20).astype("f4"), (SPEC * 1.5e20).astype("f4"), "factor|None"),
    "tiny int": (np.arange(5), np.arange(5) * 3, "factor"),
    "4 elements": (np.array([1.0, 2, 3, 4]), np.array([1.1, 2.2, 3.3, 4.4]), "factor"),
    "4 ints random": (np.array([3, 1, 4, 1]), np.array([2, 7, 1, 8]), None),
    "4 ints perm": (np.array([3, 1, 4, 2]), np.array([1, 3, 4, 2]), "permutation"),
}

ATTEMPTS |= MORE


@cache
def named(name):
    """The kind of explanation that a difference is given, ``None`` for none; no warning is raised on the way."""
    golden, obtained, _ = (KNOWN | ATTEMPTS)[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explanation = explain_difference(np.asarray(golden), np.asarray(obtained))
    return explanation.kind if explanation else "None"


def test_of_the_benchmark_all_kinds_are_named_and_none_is_wrong():
    told = {name: (named(name), kinds.split("|")) for name, (_, _, kinds) in KNOWN.items()}
    wrong = {name: kind for name, (kind, kinds) in told.items() if kind not in (*kinds, "None")}
    right = sum(kind in kinds for kind, kinds in told.values())
    assert wrong == {}
    assert len(told) >= 40
    assert right >= len(told) * 28 / 30


def test_the_benchmark_has_each_kind_of_change_twice():
    kinds = [kind for _, _, known in KNOWN.values() for kind in known.split("|")]
    asked = ("factor", "offset", "sign", "conjugate", "transposition", "roll", "crop", "padding", "permutation", "type")
    asked += ("rounding", "global phase", "sub-pixel shift", "few elements", "one slice", "noise")
    assert [kind for kind in asked if kinds.count(kind) < 2] == []
    assert sum(kinds is None for _, _, kinds in ATTEMPTS.values()) >= 40


@pytest.mark.parametrize("name", KNOWN)
def test_the_kind_is_named(name):
    assert named(name) in KNOWN[name][2].split("|")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_no_wrong_cause_is_stated(name):
    assert named(name) in str(ATTEMPTS[name][2]).split("|")


TYPES = st.sampled_from(["f8", "f4", "f2", "i8", "i1", "u8", "u1", "?", "c16", "c8"])
SHAPES = arrays.array_shapes(max_dims=4, max_side=8, min_side=0)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_two_arrays_are_no_warning_is_raised_and_no_trouble_made(data):
    shape = data.draw(SHAPES)
    sides = [data.draw(arrays.arrays(data.draw(TYPES), s)) for s in (shape, data.draw(st.just(shape) | SHAPES))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explanation = explain_difference(*sides)
    assert explanation is None or 0 <= explanation.residual <= 1
