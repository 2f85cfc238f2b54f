"""Comparison at the edges: signed zeros, kinds that look alike, shares of a bound, what is tiny, huge or not finite."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.protocol import Artifact
from harness.core.trees import artifact_json, split_tree
from harness.core.verdicts import Status
from harness.judge.arrays import compare_array
from harness.judge.comparison import compare_artifact
from harness.judge.conditions.l2 import relative_l2
from harness.judge.conditions.ssim import structure
from harness.judge.ensemble import Interval
from harness.judge.policies.interval import rms_difference
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule

PASS, FAIL = Status.PASS, Status.FAIL
NAN, INFINITY = math.nan, math.inf
ROOT = Path("/anywhere/goldens")


def rules(**terms):
    return Rules((read_rule("**", terms, ROOT / "tolerances.toml", "t"),), (ROOT / "tolerances.toml",), ROOT)


def one(golden, obtained, *, code=artifact_json, within=None, **terms):
    """The only verdict on a value, as it is written to an artifact."""
    golden, obtained = (Artifact(code({"x": value})) for value in (golden, obtained))
    intervals = {"x": within} if within else {}
    (verdict,) = compare_artifact(golden, obtained, rules(**terms), "", intervals, "deterministic")
    return verdict


def judge(golden, obtained, within=None, **terms):
    rule = read_rule("x", terms, Path("t.toml"), "t.toml")
    return compare_array("x", np.asarray(golden), np.asarray(obtained), rule, "deterministic", within)


def output(tree):
    return split_tree(tree)[0]


# The sign of zero


@pytest.mark.parametrize("pair", [(0.0, -0.0), (-0.0, 0.0)])
def test_a_zero_of_the_other_sign_is_not_exactly_the_same(pair):
    verdict = one(*pair, exact=True)
    assert verdict.status is FAIL
    assert verdict.message == f"expected {pair[0]}, obtained {pair[1]}: the sign of zero differs"
    assert one(pair[0], pair[0], exact=True).status is PASS
    for terms in ({"rtol": 0}, {"atol": 0}, {"ulp": 1}, {"min": 0}):
        assert one(*pair, **terms).status is PASS


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "c8", "c16", ">f4"])
def test_a_zero_of_the_other_sign_in_an_array_is_not_exactly_the_same(dtype):
    golden = np.zeros(40000, dtype)
    obtained = golden.copy()
    obtained[-1] = -0.0 if golden.dtype.kind == "f" else complex(0.0, -0.0)
    verdict = judge(golden, obtained, exact=True)
    assert (verdict.status, verdict.share) == (FAIL, 1 / 40000)
    assert [w.index for w in verdict.worst] == [(39999,)]
    assert judge(golden, golden, exact=True).status is judge(obtained, obtained, exact=True).status is PASS
    assert judge(golden, obtained, atol=0).status is PASS
    assert judge(np.zeros(3, int), -np.zeros(3, int), exact=True).status is PASS


# Kinds that look alike


@pytest.mark.parametrize("code", [artifact_json, output])
@pytest.mark.parametrize(
    ("golden", "obtained", "message"),
    [
        (NAN, "NaN", "was a float ('NaN'), is text ('NaN')"),
        ("NaN", NAN, "was text ('NaN'), is a float ('NaN')"),
        ("Infinity", INFINITY, "was text ('Infinity'), is a float ('Infinity')"),
        (np.float32(0.5), 0.5, "was a float32 (0.5), is a float (0.5)"),
        (0.5, np.float32(0.5), "was a float (0.5), is a float32 (0.5)"),
        (np.float16(0.5), np.float32(0.5), "was a float16 (0.5), is a float32 (0.5)"),
        (np.float32(NAN), NAN, "was a float32 ('NaN'), is a float ('NaN')"),
        ({"$float": "NaN"}, NAN, "was a mapping ('1 key'), is a float ('NaN')"),
        ({"$text": "NaN"}, "NaN", "was a mapping ('1 key'), is text ('NaN')"),
        ({"$float32": 0.5}, np.float32(0.5), "was a mapping ('1 key'), is a float32 (0.5)"),
    ],
    ids=range(10),
)
def test_what_looks_alike_is_kept_apart(golden, obtained, message, code):
    for terms in ({"exact": True, "nan": "match"}, {"rtol": 9, "nan": "match"}):
        verdict = one(golden, obtained, code=code, **terms)
        assert (verdict.status, verdict.message, verdict.allowed) == (FAIL, message, "the golden's type")


@pytest.mark.parametrize("code", [artifact_json, output])
def test_what_is_the_same_passes(code):
    for value in (NAN, "NaN", -INFINITY, np.float32(0.1), np.float32(NAN), np.float16(3)):
        assert one(value, value, code=code, exact=True, nan="match").status is PASS
    assert one("NaN", "Infinity", code=code, exact=True).message == (
        "expected 'NaN', obtained 'Infinity': nothing but equality will do"
    )
    near = one(np.float32(0.1), np.float32(0.2), code=code, rtol=1e-6)
    assert (near.status, near.expected, near.obtained) == (FAIL, float(np.float32(0.1)), float(np.float32(0.2)))


def test_a_text_called_nan_needs_no_rule_that_lets_nan_match():
    assert one("NaN", "NaN", exact=True).status is PASS
    assert one(NAN, NAN, exact=True).status is FAIL


def test_a_tuple_is_compared_as_the_list_that_older_goldens_hold():
    new, old = output({"x": (1, (2.0,))}), {"x": [1, [2.0]]}
    result = compare_artifact(Artifact(old), Artifact(new), rules(exact=True), "", {}, "exact")
    assert [(v.path, v.status) for v in result] == [("x/0", PASS), ("x/1/0", PASS)]
    shorter = compare_artifact(Artifact(output({"x": (1,)})), Artifact(new), rules(exact=True), "", {}, "exact")
    assert [v.message for v in shorter if v.status.failed] == ["had 1 item, has 2 items: item 1 is not in the golden"]


# How near a bound is


@pytest.mark.parametrize(
    ("golden", "obtained", "terms", "used"),
    [
        (0.9, 0.9, {"max": 1.0}, 0),  # what did not move has used nothing
        (0.9, 0.95, {"max": 1.0}, 0.5),
        (0.9, 0.1, {"max": 1.0}, 0),
        (0.9, 1.1, {"max": 1.0}, 2),
        (0.9, 0.9, {"min": -1.0, "max": 1.0}, 0),
        (0.9, 0.95, {"min": -1.0, "max": 1.0}, 0.5),
        (0.9, 0.0, {"min": -1.0, "max": 1.0}, 0.9 / 1.9),
        (0.9, 1.1, {"min": -1.0, "max": 1.0}, 2),
        (0.9, -1.19, {"min": -1.0, "max": 1.0}, 1.1),
        (1.0, 1.0, {"min": -1.0, "max": 1.0}, 0),  # a golden at its bound
        (1.0, 0.0, {"min": -1.0, "max": 1.0}, 0.5),
        (1.0, 1.5, {"min": -1.0, "max": 1.0}, 1.5),
        (2.0, 0.5, {"min": -1.0, "max": 1.0}, 0.5),  # a golden out of bounds: how far from the middle
        (2.0, 0.5, {"max": 1.0}, None),
        (5, 7, {"min": 0, "max": 9}, 0.5),
        (10**390, 10**390 + 7, {"min": 0}, 0),  # an integer beyond every float
        (10**390, 10**389, {"min": 0}, 0.9),
    ],
    ids=range(17),
)
def test_a_bound_is_as_near_as_the_golden_s_way_to_it_is_gone(golden, obtained, terms, used):
    verdict = one(golden, obtained, **terms)
    assert verdict.used == (None if used is None else pytest.approx(used))
    low, high = terms.get("min", -INFINITY), terms.get("max", INFINITY)
    assert verdict.status is (PASS if low <= obtained <= high else FAIL)
    if not isinstance(golden, int):
        share = judge([golden], [obtained], **terms).used
        assert share == pytest.approx(used or 0.0)


def test_an_integer_far_beyond_a_bound_is_told_and_does_not_raise():
    verdict = one(1, 10**390, max=0.5)
    assert verdict.status is FAIL
    assert verdict.message.endswith("above max = 0.5 by more than 1e+308")


@given(st.floats(-2, 2), st.floats(-2, 2), st.sampled_from([{"min": -1}, {"max": 1}, {"min": -1, "max": 1}]))
def test_the_share_of_a_bound_says_what_the_status_says(golden, obtained, terms):
    verdict, array = one(golden, obtained, **terms), judge([golden], [obtained], **terms)
    assert verdict.status is array.status
    inside = terms.get("min", -2) <= obtained <= terms.get("max", 2)
    assert (verdict.status is PASS) is inside
    if verdict.used is not None:
        assert (verdict.used > 1) is (not inside)
    if inside and obtained == golden:
        assert verdict.used == 0


# What is tiny or huge


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e-170, 1e-162, 1.0, 1e160, 1e300])
@pytest.mark.parametrize("kind", [float, complex])
def test_distances_do_not_depend_on_the_unit(scale, kind):
    golden = np.array([3.0, -4.0, 0.0], kind) * scale
    assert relative_l2(golden, 2 * golden) == pytest.approx(1)
    assert relative_l2(golden, golden) == 0
    assert relative_l2(golden, -golden) == pytest.approx(2)
    assert relative_l2(golden, 0 * golden) == pytest.approx(1)
    assert relative_l2(0 * golden, golden) == INFINITY
    assert rms_difference(golden, 0 * golden) == pytest.approx(scale * math.sqrt(25 / 3), rel=1e-3, abs=5e-324)
    verdict = judge(golden, 2 * golden, atol=1.7e308, l2=0.5)
    assert (verdict.status, verdict.used) == (FAIL, pytest.approx(2))


def test_a_distance_between_tiny_and_huge_is_a_number_or_infinite():
    assert relative_l2(np.array([1e-300]), np.array([1e300])) == INFINITY
    assert relative_l2(np.array([1e300]), np.array([1e-300])) == pytest.approx(1)
    assert relative_l2(np.array([1.7e308]), np.array([-1.7e308])) == pytest.approx(2)
    golden, obtained = np.array([1e200, 1e10]), np.array([1e200, 2e10])  # the difference alone is tiny beside both
    assert relative_l2(golden, obtained) == pytest.approx(1e-190)
    assert rms_difference(golden, obtained) == pytest.approx(1e10 / math.sqrt(2))
    assert relative_l2(np.zeros((0, 3)), np.zeros((0, 3))) == 0


def test_ordinary_distances_are_what_they_were_to_the_bit():
    rng = np.random.default_rng(0)
    for _ in range(50):
        golden = rng.normal(size=100) * 10.0 ** rng.integers(-20, 20)
        obtained = golden * (1 + 1e-3 * rng.normal(size=100))
        plain = float(np.linalg.norm(obtained - golden) / np.linalg.norm(golden))
        assert relative_l2(golden, obtained) == plain
        assert rms_difference(golden, obtained) == float(np.sqrt(np.mean(np.abs(obtained - golden) ** 2)))


@pytest.fixture
def picture():
    y, x = np.mgrid[:32, :32]
    return np.exp(-((x - 14) ** 2 + (y - 18) ** 2) / 60) + 0.2 * np.sin(x / 2) * np.cos(y / 3)


@pytest.mark.parametrize("offset", [0.0, 0.3, 1.0, 10.0, 1000.0, -1.0, -1000.0])
def test_an_image_is_never_like_its_negative_wherever_it_stands(picture, offset):
    image = picture + offset
    assert structure(image, -image)[1] < 0.1
    assert structure(image, image.max() + image.min() - image)[1] < 0.1
    assert structure(image, image)[1] == pytest.approx(1)
    assert structure(image.astype(np.float16), -image.astype(np.float16))[1] < 0.1
    assert structure(image * (1 + 0.5j), -image * (1 + 0.5j))[1] < 0.1


def test_noise_about_zero_is_no_negative(picture):
    """Where the golden is dark, means of another sign are noise."""
    image = np.where(picture > 0.5, picture, 0.0)
    noisy = image + 1e-6 * np.random.default_rng(0).normal(size=image.shape)
    assert structure(image, noisy)[1] > 0.9999


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_structure_does_not_depend_on_the_unit(picture, scale):
    other = picture + 0.05 * np.random.default_rng(1).normal(size=picture.shape)
    assert structure(picture * scale, other * scale)[1] == pytest.approx(structure(picture, other)[1], rel=1e-9)


# What is not finite


MASK = np.array([NAN, 1.0, 2.0, INFINITY])
WITHIN = Interval(0, 0.5, 0.25, 0.1, 8, 0.01, 1)


@pytest.mark.parametrize(
    "terms",
    [{"exact": True}, {"rtol": 0.5}, {"ulp": 2**60}, {"min": 0}, {"min": 0, "max": 9}, {"interval": True}],
    ids=str,
)
def test_positions_are_compared_where_a_rule_says_so_and_nothing_passes_elsewhere(terms):
    def status(golden, obtained, **more):
        return judge(golden, obtained, WITHIN if "interval" in terms else None, **terms, **more).status

    assert status(MASK, MASK, nan="match") is PASS
    assert status(MASK, MASK) is FAIL
    for wrong in ([1.0, 1.0, 2.0, INFINITY], [NAN, NAN, 2.0, INFINITY], [INFINITY, 1, 2, NAN], [NAN, 1, 2, -INFINITY]):
        assert status(MASK, np.array(wrong), nan="match") is FAIL
    finite = np.array([1.0, 2.0])
    assert status(finite, finite, nan="match") is PASS
    assert status(finite, np.array([1.0, NAN]), nan="match") is FAIL


def test_beside_what_matches_the_rest_is_judged():
    assert judge(MASK, [NAN, 1.0, 9.5, INFINITY], min=0, max=9, nan="match").status is FAIL
    assert judge(MASK, [NAN, 1.0, 8.5, INFINITY], min=0, max=9, nan="match").status is PASS
    off = judge(MASK, [NAN, 1.0, 4.0, INFINITY], WITHIN, interval=True, nan="match")
    assert (off.status, off.used) == (FAIL, pytest.approx(2))
    assert judge(MASK, [NAN, 1.0, 2.5, INFINITY], WITHIN, interval=True, nan="match").status is PASS


@pytest.mark.parametrize("terms", [{"min": 0}, {"min": 0, "max": 9}, {"exact": True}, {"rtol": 1}, {"interval": True}])
def test_a_single_number_that_is_not_finite_matches_its_like_alone(terms):
    assert one(NAN, NAN, nan="match", **terms).status is PASS
    for golden, obtained in ((NAN, 1.0), (1.0, NAN), (NAN, INFINITY), (INFINITY, -INFINITY)):
        verdict = one(golden, obtained, nan="match", within=WITHIN, **terms)
        assert (verdict.status, verdict.allowed) == (FAIL, "what the golden has")
    assert one(0.25, 0.25, nan="match", within=WITHIN, **terms).status is PASS
