"""Comparison of arrays: against a slow reference, at the limits, and what it says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.core.verdicts import Status
from harness.judge import elements
from harness.judge.arrays import compare_array
from harness.judge.conditions.ssim import structure
from harness.judge.elements import CHUNK, CLEAR, measure_elements, scan_elements
from harness.judge.numbers import judge_number
from harness.judge.policies.registry import policy_named
from harness.judge.tolerances import read_rule

PASS, FAIL = Status.PASS, Status.FAIL


def rule(**terms):
    return read_rule("x", terms, Path("t.toml"), "t.toml")


def judge(golden, obtained, **terms):
    return compare_array("x", np.asarray(golden), np.asarray(obtained), rule(**terms), "deterministic")


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(elements, "CHUNK", 16)


# Shape and dtype


@pytest.mark.parametrize(
    ("golden", "obtained", "text"),
    [
        (np.ones(3, "f8"), np.ones(3, "f4"), "was float64 [3], is float32 [3]"),
        (np.ones(3, "<f4"), np.ones(3, ">f4"), "was float32 [3], is >f4 [3]"),
        (np.ones(3, "i8"), np.ones(3, "f8"), "was int64 [3], is float64 [3]"),
        (np.ones(3, "i4"), np.ones(3, "u4"), "was int32 [3], is uint32 [3]"),
        (np.ones(3, bool), np.ones(3, "u1"), "was bool [3], is uint8 [3]"),
        (np.ones((3, 2)), np.ones((2, 3)), "was float64 [3, 2], is float64 [2, 3]"),
        (np.ones(3), np.ones((3, 1)), "was float64 [3], is float64 [3, 1]"),
        (np.ones(()), np.ones(1), "was float64 [], is float64 [1]"),
        (np.ones((0, 3)), np.ones((3, 0)), "was float64 [0, 3], is float64 [3, 0]"),
        (np.array(["ab"]), np.array(["abc"]), "was <U2 [1], is <U3 [1]"),
    ],
)
@pytest.mark.parametrize("terms", [{"exact": True}, {"atol": 9, "rtol": 9}, {"min": -9, "max": 9}])
def test_dtype_and_shape_come_first(golden, obtained, text, terms):
    verdict = judge(golden, obtained, **terms)
    assert verdict.status is FAIL
    assert verdict.message == text
    assert verdict.allowed == "the same dtype and shape"


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "i8", "u1", "?", "U3", ">f4"])
@pytest.mark.parametrize("shape", [(0,), (3, 0), ()])
def test_empty_and_scalar_arrays_are_compared(dtype, shape):
    array = np.zeros(shape, dtype)
    for terms in ({"exact": True}, {"rtol": 1e-6}):
        verdict = judge(array, array, **terms)
        assert (verdict.status, verdict.share, verdict.worst) == (PASS, 0, ())
    if array.size:
        other = np.full(shape, "b" if dtype == "U3" else 1, dtype)
        verdict = judge(array, other, exact=True)
        assert verdict.status is FAIL
        assert verdict.worst[0].index == ()
        assert verdict.message.startswith("1 of 1 element (100 %) not equal, the first: expected ")


def test_what_the_policy_cannot_judge_fails_and_says_why():
    def text(array, **terms):
        verdict = judge(array, array, **terms)
        assert verdict.status is FAIL
        assert verdict.message.startswith("its rule cannot judge it: ")
        return verdict.message

    floats, whole, complexes = np.ones((4, 4)), np.ones((4, 4), int), np.ones((4, 4), complex)
    assert "rtol/atol beside min or max is for single values" in text(floats, min=0, rtol=0.1)
    assert "min and max are for real numbers" in text(complexes, min=0)
    assert "ulp is for float16, float32 and float64, and this is int64" in text(whole, ulp=1)
    assert "this is float128" in text(np.ones(3, np.longdouble), ulp=1)
    assert "ssim is for images of at least 3 x 3, and this is float64 [16]" in text(floats.ravel(), atol=1, ssim=0.5)
    assert "this is float64 [2, 8]" in text(floats.reshape(2, 8), atol=1, ssim=0.5)
    assert "a datetime64[s] array is not compared" in text(np.zeros(3, "M8[s]"), exact=True)
    assert "a object array is not compared" in text(np.array([None]), exact=True)


# What is said


def test_a_passing_array_says_what_it_used_and_where():
    verdict = judge(np.ones((2, 3)), np.array([[1, 1.05, 1], [1, 1, 0.98]]), atol=0.1)
    assert (verdict.status, verdict.message, verdict.share) == (PASS, "", 0)
    assert verdict.used == pytest.approx(0.5)
    assert [w.index for w in verdict.worst] == [(0, 1)]
    assert (verdict.worst[0].expected, verdict.worst[0].obtained) == (1.0, 1.05)
    assert (verdict.expected, verdict.obtained) == ("float64 [2, 3]", "float64 [2, 3]")
    assert verdict.allowed == "±0.1"
    assert verdict.rule == '"x" = { atol = 0.1 }'


def test_a_failing_array_names_its_worst_elements():
    golden = np.full((10, 10), 2.0, np.float32)
    obtained = golden.copy()
    for i in range(7):
        obtained[i, 3] += 0.01 * (i + 1)
    verdict = judge(golden, obtained, atol=0.001, rtol=0.002)
    assert verdict.status is FAIL
    assert verdict.share == 0.07
    assert verdict.allowed == "±(0.001 + 0.002·|golden|)"
    assert verdict.used == pytest.approx(14, rel=1e-5)
    assert [w.index for w in verdict.worst] == [(6, 3), (5, 3), (4, 3), (3, 3), (2, 3)]
    assert verdict.message == (
        "7 of 100 elements (7 %) out of tolerance, the worst: "
        "[6, 3] expected 2.0, obtained 2.07 (14 times its tolerance); "
        "[5, 3] expected 2.0, obtained 2.06 (12 times its tolerance); "
        "[4, 3] expected 2.0, obtained 2.05 (10 times its tolerance)"
    )


def test_elements_within_tolerance_are_not_named_among_those_that_are_out():
    verdict = judge([1.0, 1.0, 1.0], [1.0, 1.05, 1.2], atol=0.1)
    assert [w.index for w in verdict.worst] == [(2,)]
    assert "[2] expected 1.0, obtained 1.2 (2 times its tolerance)" in verdict.message
    assert "[1]" not in verdict.message


def test_unequal_elements_are_named_from_the_first():
    verdict = judge(np.arange(10), np.arange(10)[::-1], exact=True)
    assert (verdict.used, verdict.share, verdict.allowed) == (None, 1, "exactly")
    assert verdict.message == (
        "10 of 10 elements (100 %) not equal, the first: "
        "[0] expected 0, obtained 9; [1] expected 1, obtained 8; [2] expected 2, obtained 7"
    )


def test_a_golden_of_zero_under_rtol_says_that_an_absolute_bound_is_needed():
    text = "; where the golden is zero rtol alone allows nothing: give the rule an atol"
    assert text in judge([1.0, 0.0], [1.0, 1e-9], rtol=1e-6).message
    assert judge([1.0, 0.0], [1.0, 0.0], rtol=1e-6).status is PASS
    assert text not in judge([1.0, 0.0], [1.1, 0.0], rtol=1e-6).message
    assert text not in judge([1.0, 0.0], [1.0, 2.0], rtol=1e-6, atol=1.0).message
    assert text not in judge([1.0, 0.0], [1.0, 2.0], exact=True).message


def test_complex_elements_are_written_as_such():
    verdict = judge(np.array([1 + 1j, 0.5j], np.complex64), np.array([1 + 1j, 0.1j], np.complex64), atol=0.1)
    assert "[1] expected 0.5j, obtained 0.1j (4 times its tolerance)" in verdict.message.replace("0+", "")
    assert verdict.worst[0].obtained.replace("0+", "") == "0.1j"


def test_bytes_and_text_are_compared_exactly_under_any_rule_but_an_interval():
    for kind in ("U3", "S3"):
        golden, obtained = np.array(["ab", "cd"], kind), np.array(["ab", "ce"], kind)
        for terms in ({"exact": True}, {"atol": 9}, {"min": 0}, {"ulp": 1}):
            assert judge(golden, golden, **terms).status is PASS
            verdict = judge(golden, obtained, **terms)
            assert (verdict.status, verdict.used) == (FAIL, None)
            assert "[1] expected cd, obtained ce" in verdict.message


def test_booleans_are_compared_exactly_under_any_rule_but_an_interval():
    golden, obtained = np.array([True, False]), np.array([True, True])
    for terms in ({"exact": True}, {"atol": 9}, {"min": 0}):
        assert judge(golden, golden, **terms).status is PASS
        assert judge(golden, obtained, **terms).share == 0.5


# Integers


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_integers_never_overflow(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    golden, obtained = np.array([low, high, 3], dtype), np.array([high, low, 5], dtype)
    span = int(high) - int(low)
    verdict = judge(golden, obtained, atol=2)
    assert verdict.share == pytest.approx(2 / 3)
    assert verdict.used == pytest.approx(span / 2)
    assert judge(golden, obtained, atol=float(span) * 1.001).status is PASS
    assert judge(golden, golden, rtol=0).status is PASS


def test_neighbouring_large_integers_differ():
    for dtype in ("i8", "u8"):
        golden = np.array([2**62], dtype)
        assert judge(golden, golden + 1, exact=True).status is FAIL
        assert judge(golden, golden + 1, atol=0).status is FAIL
        assert judge(golden, golden + 1, atol=1).status is PASS
        assert judge(golden, golden + 2, atol=1).status is FAIL


INTEGERS = st.sampled_from(["i1", "u1", "i4", "u8", "i8"])


@given(st.data(), INTEGERS, st.sampled_from([(0.0, 1.0), (0.1, 0.0), (0.3, 2.5), (1e-18, 0.0), (3.0, 0.0)]))
def test_integer_arrays_agree_with_single_integers(data, dtype, tolerances):
    built = rule(rtol=tolerances[0], atol=tolerances[1])
    golden, obtained = (data.draw(hnp.arrays(dtype, 7)) for _ in range(2))
    verdict = compare_array("x", golden, obtained, built, "exact")
    each = [judge_number(int(g), int(o), built, "x", None) for g, o in zip(golden, obtained, strict=True)]
    assert verdict.share == sum(e.status is FAIL for e in each) / 7
    finite = [e.used for e in each if e.used is not None]
    if len(finite) == 7:
        assert verdict.used == pytest.approx(max(finite))


# Floats, against a reference that takes each element by itself

SMALL = np.finfo(np.float32).tiny


def reference(golden, obtained, rtol, atol, nan="forbid"):
    """Which elements are out and the largest share used, in doubles, one by one."""
    out, used = [], 0.0
    for g, o in zip(golden.ravel().tolist(), obtained.ravel().tolist(), strict=True):
        finite = math.isfinite(abs(g)) and math.isfinite(abs(o))
        if not finite:
            out.append(not (nan == "match" and (g == o or (g != g and o != o))))
            continue
        allowed, difference = atol + rtol * abs(g), abs(o - g)
        out.append(not difference <= allowed)
        used = max(used, difference / allowed if allowed else math.inf if difference else 0.0)
    return out, used


def floats(dtype):
    bits = 32 if dtype == np.float32 else 64
    return st.floats(width=bits) | st.floats(-2, 2, width=bits) | st.sampled_from([0.0, -0.0, math.nan, math.inf])


@given(
    st.data(),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([0.0, 1e-40, 1e-12, 1e-6, 1e-3, 0.5, 1e4]),
    st.sampled_from([0.0, 1e-45, 1e-9, 1e-3, 1.0]),
    st.sampled_from(["forbid", "match"]),
)
@settings(max_examples=200)
@pytest.mark.slow
def test_arrays_are_judged_as_the_reference_does(data, dtype, rtol, atol, nan):
    golden = data.draw(hnp.arrays(dtype, 9, elements=floats(dtype)))
    how = data.draw(st.lists(st.sampled_from(["same", "near", "any"]), min_size=9, max_size=9))
    obtained = golden.copy()
    with np.errstate(all="ignore"):
        for i, kind in enumerate(how):
            if kind == "near":
                obtained[i] += dtype(data.draw(st.floats(-1.5, 1.5))) * dtype(atol + rtol * abs(float(golden[i])))
            elif kind == "any":
                obtained[i] = data.draw(floats(dtype))
    verdict = judge(golden, obtained, rtol=rtol, atol=atol, nan=nan)
    out, used = reference(golden, obtained, rtol, atol, nan)
    assert verdict.share == pytest.approx(sum(out) / 9)
    assert (verdict.status is PASS) is not any(out)
    if verdict.used is not None and not any(out):
        assert verdict.used == pytest.approx(min(used, 1), rel=1e-3, abs=1e-9)
    for worst in verdict.worst:
        assert (worst.used > 1) is out[worst.index[0]]


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-7, 1e-6, 1e-4, 0.3]), st.booleans())
@settings(max_examples=60)
def test_the_quick_way_agrees_with_the_reference_near_the_limit(seed, rtol, absolute):
    rng = np.random.default_rng(seed)
    golden = rng.standard_normal(4000).astype(np.float32)
    atol = float(rng.uniform(0, rtol)) if absolute else 0.0
    limit = rtol * np.abs(golden.astype(float)) + atol
    obtained = (golden + limit * rng.uniform(0.9, 1.0 + 2e-7, 4000) * rng.choice([-1, 1], 4000)).astype(np.float32)
    verdict = judge(golden, obtained, rtol=rtol, atol=atol)
    out, used = reference(golden, obtained, rtol, atol)
    assert verdict.share == sum(out) / 4000
    assert verdict.used == pytest.approx(used, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1.0, 1e38])
def test_the_quick_way_never_passes_what_is_out(dtype, scale):
    """Its arithmetic is rounded; what it lets pass is within the tolerance in doubles, subnormals included."""
    rng = np.random.default_rng(0)
    golden = (scale * rng.uniform(-1, 1, 1000)).astype(dtype)
    for rtol in (1e-30, 1e-7, 1e-3, 0.4):
        share = policy_named("rtol/atol").quick({"rtol": rtol}, np.dtype(dtype), 1)
        with np.errstate(all="ignore"):
            near = golden * (1 + rtol * rng.uniform(-1.2, 1.2, 1000)).astype(dtype)
            some = [golden, np.nextafter(golden, dtype(0)), near]
            for obtained in some:
                out, _ = reference(golden, obtained, rtol, 0.0)
                passed = [share(golden[i : i + 1], obtained[i : i + 1]) < CLEAR for i in range(1000)]
                assert not any(p and o for p, o in zip(passed, out, strict=True))


def test_a_tolerance_beyond_float32_is_not_rounded_to_infinity():
    golden, obtained = np.array([1e-45], np.float32), np.array([1], np.float32)
    assert judge(golden, obtained, rtol=1e39).status is FAIL
    assert judge(golden, obtained, rtol=1e46).status is PASS


def test_the_quick_way_is_taken_and_spares_the_slow_one(monkeypatch):
    golden = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    golden[::7] = 0
    calls = []
    slow = measure_elements
    monkeypatch.setattr(elements, "measure_elements", lambda *args: calls.append(args[0].size) or slow(*args))
    assert judge(golden, golden * np.float32(1 + 3e-7), rtol=1e-6).status is PASS
    assert calls == [CHUNK]  # only the chunk that is nearest to the limit
    calls.clear()
    assert judge(golden, golden, rtol=1e-6, atol=1e-9).used == 0
    assert calls == []


@pytest.mark.usefixtures("small_chunks")
@given(st.integers(1, 100), st.data())
@pytest.mark.slow
def test_one_wrong_element_is_found_wherever_it_is(size, data):
    where = data.draw(st.integers(0, size - 1))
    dtype = data.draw(st.sampled_from(["f4", "f8", "c8", "i2", "u1", "?", "U2", "f2"]))
    golden = np.ones(size, dtype)
    obtained = golden.copy()
    obtained[where] = {"?": False, "U2": "zz"}.get(dtype, 2)
    for terms in ({"exact": True}, {"rtol": 1e-6}, {"atol": 0.5}):
        verdict = judge(golden, obtained, **terms)
        assert verdict.status is FAIL
        assert verdict.share == 1 / size
        assert verdict.worst[0].index == (where,)
        assert f"[{where}] expected" in verdict.message


@pytest.mark.usefixtures("small_chunks")
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([{"rtol": 0.1}, {"atol": 0.1}, {"exact": True}, {"ulp": 3}, {"max": 1}])
)
@pytest.mark.slow
def test_a_permutation_changes_nothing_but_where(seed, terms):
    rng = np.random.default_rng(seed)
    golden = rng.standard_normal(70).astype(np.float32)
    obtained = golden + np.float32(0.2) * rng.uniform(-1, 1, 70).astype(np.float32) ** 5
    order = rng.permutation(70)
    one, other = judge(golden, obtained, **terms), judge(golden[order], obtained[order], **terms)
    assert (one.status, one.share, one.used) == (other.status, other.share, other.used)
    assert [w.used for w in one.worst] == [w.used for w in other.worst]
    if "exact" not in terms and len({w.used for w in one.worst}) == len(one.worst):
        assert [w.index[0] for w in one.worst] == [order[w.index[0]] for w in other.worst]


@pytest.mark.usefixtures("small_chunks")
@given(hnp.arrays(np.float32, 40, elements=st.floats(-1, 1, width=32)), st.integers(1, 3))
def test_the_worst_are_the_worst_of_all_chunks(noise, scale):
    verdict = judge(np.zeros(40, np.float32), noise * scale, atol=0.01)
    used = np.sort(np.abs((noise * scale).astype(float)))[::-1] / 0.01
    worst = [u for u in used if u > 1][:5] or [u for u in used if u > 0][:1]
    assert [w.used for w in verdict.worst] == pytest.approx(worst)


@given(hnp.arrays(np.float64, 12), hnp.arrays(np.float64, 12))
@pytest.mark.slow
def test_absolute_bounds_and_equality_are_symmetric(golden, obtained):
    for terms in (
        {"atol": 0.5},
        {"exact": True},
        {"ulp": 10},
        {"atol": 0.5, "nan": "match"},
        {"exact": True, "nan": "match"},
    ):
        one, other = judge(golden, obtained, **terms), judge(obtained, golden, **terms)
        assert (one.status, one.share) == (other.status, other.share)


@given(
    hnp.arrays(st.sampled_from(["f2", "f4", "f8", "c8", "c16", "i4", "u1", "?", "U4"]), hnp.array_shapes(max_dims=3))
)
@pytest.mark.slow
def test_every_array_equals_itself(array):
    finite = array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
    for terms in ({"exact": True}, {"rtol": 1e-6}, {"rtol": 0, "atol": 0}):
        verdict = judge(array, array.copy(), **terms)
        assert (verdict.status is PASS) is finite
        assert judge(array, array.copy(), **terms, nan="match").status is PASS
        assert judge(np.asfortranarray(array), array, **terms, nan="match").status is PASS


@pytest.mark.parametrize("order", ["C", "F"])
def test_indices_do_not_depend_on_the_order_in_memory(order):
    golden = np.zeros((4, 6), order=order)
    obtained = np.zeros((4, 6))
    obtained[2, 5] = 1
    assert judge(golden, obtained, atol=0.1).worst[0].index == (2, 5)
    assert judge(golden[:, ::2], np.ones((4, 6))[:, ::2], atol=0.1).share == 1


def test_arrays_of_the_other_byte_order_are_read_right():
    for dtype in (">f4", ">f8", ">i4", ">c8"):
        golden = np.array([1, 2, 3], dtype)
        assert judge(golden, golden.copy(), rtol=1e-6).status is PASS
        other = golden.copy()
        other[1] = 9
        assert judge(golden, other, rtol=1e-6).worst[0].index == (1,)
    golden = np.array([1.0], ">f4")
    assert judge(golden, np.nextafter(golden, np.float32(2)).astype(">f4"), ulp=1).used == 1


# Complex


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.complex64, np.complex128]))
def test_complex_arrays_are_judged_by_the_modulus_of_the_difference(seed, dtype):
    rng = np.random.default_rng(seed)
    golden = (rng.standard_normal(50) + 1j * rng.standard_normal(50)).astype(dtype)
    obtained = (golden + 0.015 * (rng.standard_normal(50) + 1j * rng.standard_normal(50))).astype(dtype)
    verdict = judge(golden, obtained, rtol=0.01, atol=0.01)
    out, used = reference(golden, obtained, 0.01, 0.01)
    assert verdict.share == sum(out) / 50
    assert verdict.used == pytest.approx(used)


def test_a_turned_phase_is_a_difference():
    golden = np.ones(4, np.complex64)
    assert judge(golden, golden * np.complex64(1j), atol=1.4).status is FAIL
    assert judge(golden, golden * np.complex64(1j), atol=1.42).status is PASS


@pytest.mark.parametrize(
    ("golden", "obtained", "matched"),
    [
        (complex(math.nan, 1), complex(math.nan, 1), True),
        (complex(math.nan, 1), complex(1, math.nan), False),
        (complex(math.inf, 0), complex(math.inf, 0), True),
        (complex(math.inf, 0), complex(-math.inf, 0), False),
        (complex(math.inf, math.nan), complex(math.inf, math.nan), True),
        (complex(1, 1), complex(1, math.nan), False),
        (complex(1, math.nan), complex(1, 1), False),
    ],
)
def test_complex_elements_that_are_not_finite_match_by_parts(golden, obtained, matched):
    golden, obtained = np.array([0, golden]), np.array([0, obtained])
    assert (judge(golden, obtained, atol=1, nan="match").status is PASS) is matched
    assert judge(golden, obtained, atol=1).status is FAIL


# What is not finite


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.longdouble])
@pytest.mark.parametrize(
    "terms", [{"exact": True}, {"rtol": 1e-3}, {"atol": 1.0}, {"rtol": 10, "atol": 10}, {"ulp": 9}]
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_never_passes_by_accident(dtype, terms, value):
    if dtype is np.longdouble and "ulp" in terms:
        return
    golden = np.ones(40, dtype)
    odd = golden.copy()
    odd[7] = value
    same = judge(odd, odd, **terms)
    assert same.status is FAIL
    assert same.used is None
    assert same.worst[0].index == (7,)
    assert '1 not finite, which nan = "forbid" does not allow' in same.message
    assert judge(golden, odd, **terms).status is FAIL
    gone = judge(odd, golden, **terms)
    assert (gone.status, gone.share) == (FAIL, 1 / 40)
    assert "not finite" not in gone.message
    assert judge(odd, odd, **terms, nan="match").status is PASS
    assert judge(golden, odd, **terms, nan="match").status is FAIL
    assert judge(odd, golden, **terms, nan="match").status is FAIL
    if not math.isnan(value):
        assert judge(odd, -odd, **terms, nan="match").status is FAIL


@given(hnp.arrays(bool, 30), hnp.arrays(bool, 30))
@example(np.ones(30, bool), np.ones(30, bool))
@pytest.mark.slow
def test_nan_patterns_match_where_they_are_the_same(in_golden, in_obtained):
    golden, obtained = (np.where(mask, np.nan, 1.0).astype(np.float32) for mask in (in_golden, in_obtained))
    matched = judge(golden, obtained, rtol=1e-6, nan="match")
    assert matched.share == np.count_nonzero(in_golden ^ in_obtained) / 30
    assert judge(golden, obtained, rtol=1e-6).share == np.count_nonzero(in_golden | in_obtained) / 30


# ULP and bounds


@given(
    hnp.arrays(np.float32, 8, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.integers(0, 5),
)
@pytest.mark.slow
def test_ulp_counts_floats(golden, steps):
    obtained = golden
    with np.errstate(over="ignore"):
        for _ in range(steps):
            obtained = np.nextafter(obtained, np.float32(math.inf))
    assume(np.isfinite(obtained).all())
    verdict = judge(golden, obtained, ulp=3)
    assert (verdict.status is PASS) is (steps <= 3)
    assert verdict.used == pytest.approx(steps / 3)


def test_ulp_of_complex_numbers_is_by_parts():
    golden = np.array([1 + 1j], np.complex64)
    obtained = golden.copy()
    obtained.imag = np.nextafter(np.float32(1), np.float32(2))
    assert judge(golden, obtained, ulp=1).used == 1
    obtained.imag = np.nextafter(obtained.imag, np.float32(2))
    assert judge(golden, obtained, ulp=1).status is FAIL


def test_ulp_spans_every_float():
    for dtype in (np.float16, np.float32, np.float64):
        most = np.finfo(dtype).max
        assert judge(np.array([-most]), np.array([most]), ulp=1).status is FAIL
        assert judge(np.array([-0.0], dtype), np.array([0.0], dtype), ulp=1).used == 0


def test_bounds_hold_of_every_element_whatever_the_golden_is():
    golden, obtained = np.zeros(4), np.array([0.5, 1.5, -0.5, 1.0])
    verdict = judge(golden, obtained, min=0, max=1)
    assert (verdict.share, verdict.allowed) == (0.5, "0 to 1")
    assert verdict.used == pytest.approx(2)
    assert verdict.message == (
        "2 of 4 elements (50 %) out of tolerance, the worst: "
        "[2] obtained -0.5 (2 times its tolerance); [1] obtained 1.5 (1.5 times its tolerance)"
    )
    assert judge(golden, obtained, min=-0.5).status is PASS
    assert judge(golden, obtained, min=-0.4).share == 0.25
    assert judge(golden, obtained, max=1.4).share == 0.25
    assert judge(np.array([1, 2]), np.array([1, 9]), max=8).share == 0.5
    assert judge(np.array([np.nan]), np.array([0.5]), min=0).status is PASS
    assert judge(np.zeros(1), np.array([np.inf]), min=0).status is FAIL
    assert judge(np.zeros(1, "f4"), np.array([0.1], "f4"), max=0.1).status is FAIL  # 0.1f is 0.10000000149


@given(
    st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([{"min": -1}, {"max": 1}, {"min": -1, "max": 1}, {"rtol": 0.1}])
)
@pytest.mark.slow
def test_arrays_and_single_values_use_the_same_share(golden, obtained, terms):
    built = rule(**terms)
    verdict, outcome = judge([golden], [obtained], **terms), judge_number(golden, obtained, built, "x", None)
    assert verdict.status is outcome.status
    if verdict.used is not None and outcome.used is not None:
        assert verdict.used == pytest.approx(outcome.used)


@given(st.floats(-9, 9), st.floats(1e-6, 9))
def test_just_beyond_a_bound_uses_more_than_all_of_it(low, width):
    terms = {"min": low, "max": low + width}
    for obtained in (math.nextafter(low, -math.inf), math.nextafter(low + width, math.inf)):
        verdict, outcome = judge([low], [obtained], **terms), judge_number(low, obtained, rule(**terms), "x", None)
        assert verdict.status is outcome.status is FAIL
        assert verdict.used > 1
        assert outcome.used > 1
    for obtained in (low, low + width):
        verdict, outcome = judge([low], [obtained], **terms), judge_number(low, obtained, rule(**terms), "x", None)
        assert verdict.status is outcome.status is PASS
        assert verdict.used <= 1
        assert outcome.used <= 1


# Structure


@pytest.fixture
def image(rng):
    y, x = np.mgrid[:32, :32] / 32
    return (np.sin(9 * x) * np.cos(7 * y) + 0.1 * rng.standard_normal((32, 32))).astype(np.float32)


def test_structure_is_judged_besides_the_elements(image, rng):
    shuffled = rng.permutation(image.ravel()).reshape(image.shape)
    verdict = judge(image, shuffled, atol=9, ssim=0.95)
    assert verdict.status is FAIL
    assert verdict.message.startswith("SSIM of the image is ")
    assert verdict.message.endswith(", below 0.95")
    assert verdict.share == 0
    assert verdict.used > 1
    assert verdict.allowed == "±9; SSIM at least 0.95"
    good = judge(image, image + np.float32(0.001), atol=9, ssim=0.95)
    assert good.status is PASS
    assert 0 < good.used < 1
    both = judge(image, shuffled, atol=0.01, ssim=0.95)
    assert "out of tolerance" in both.message
    assert "; SSIM of the image" in both.message
    assert judge(image, image + np.float32(1), atol=0.1, ssim=0.01).status is FAIL


def test_structure_of_complex_images_is_of_modulus_and_parts(image):
    golden = np.exp(1j * image)
    part, result = structure(golden, np.conj(golden))
    assert part == "the imaginary part"
    assert result < 0.5
    assert structure(golden, golden)[1] == pytest.approx(1)
    assert structure(golden, golden * (1 + 0.5 * np.sign(image)))[1] < 0.7
    noise = 1e-9j * image[::-1]
    assert structure(image + 1e-9j * image, image + noise)[1] == pytest.approx(1)  # noise beside the real part


def test_an_image_is_not_like_its_negative(image):
    from skimage.metrics import structural_similarity

    assert structural_similarity(image, -image, data_range=np.ptp(image)) > 0.8  # why ours is raised first
    assert structure(image, -image)[1] < 0.1


@pytest.mark.parametrize("least", [0, 1, 8])
def test_structure_is_the_one_of_scikit_image_where_nothing_is_negative(image, least):
    from skimage.metrics import structural_similarity

    image = image - image.min() + np.float32(least)
    other = image + np.float32(0.3) * image[::-1]
    g, o = image.astype(float), other.astype(float)
    assert structure(image, other)[1] == pytest.approx(structural_similarity(g, o, data_range=np.ptp(g)), rel=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 9), (5, 5), (7, 7), (100, 3)])
@pytest.mark.parametrize("dtype", ["f4", "c8", "u1", "?"])
def test_structure_of_small_and_constant_images(shape, dtype):
    constant = np.ones(shape, dtype)
    assert judge(constant, constant, atol=0.1, ssim=0.99).status is PASS
    zero = np.zeros(shape, dtype)
    assert judge(zero, zero, atol=0.1, ssim=0.99).status is PASS
    assert judge(zero, constant, atol=9, ssim=0.99).status is FAIL


def test_structure_ignores_what_may_match_though_it_is_not_finite(image):
    odd = image.copy()
    odd[3, 3], odd[5, 5] = np.nan, np.inf
    assert judge(odd, odd, atol=0.1, ssim=0.99, nan="match").status is PASS
    odd[::2] = np.nan
    assert "SSIM" not in judge(image, odd, atol=0.1, ssim=0.99).message  # one fault is said once


def test_structure_passes_down_to_its_bound(image):
    other = image + np.float32(0.6) * image[::-1]
    result = structure(image, other)[1]
    assert 0.1 < result < 0.9
    assert judge(image, other, atol=9, ssim=result - 1e-6).status is PASS
    assert judge(image, other, atol=9, ssim=result + 1e-6).status is FAIL


def test_a_relative_l2_distance_is_judged_beside_the_elements():
    golden = np.arange(1.0, 101.0).reshape(10, 10)
    off = golden + 1e-5 * np.linalg.norm(golden) / 10  # each of 100 elements: 1e-5 of the norm in all
    within = judge(golden, off, rtol=1, l2=2e-5)
    assert (within.status, within.used) == (PASS, pytest.approx(0.5))
    assert within.allowed == "±1·|golden|; relative L2 at most 2e-05"
    beyond = judge(golden, off, rtol=1, l2=0.5e-5)
    assert (beyond.status, beyond.used) == (FAIL, pytest.approx(2))
    assert beyond.message == "its relative L2 distance is 1e-05, above 5e-06"
    assert judge(golden, golden, rtol=1, l2=1e-9).used == 0
    assert judge(golden + 1j, off + 1j, rtol=1, l2=2e-5).status is PASS
    one = golden.copy()
    one[3, 4] += 1
    assert judge(golden, one, rtol=1, l2=1e-3).status is FAIL  # which every element alone may do
    assert judge(golden, one, rtol=1e-3, l2=1).status is FAIL


def test_a_distance_from_nothing_and_of_what_is_not_finite():
    zero = np.zeros((4, 4))
    assert judge(zero, zero, atol=1, l2=1e-6).status is PASS
    far = judge(zero, zero + 0.1, atol=1, l2=1e-6)
    assert (far.status, far.used) == (FAIL, None)
    odd = np.array([1.0, np.nan])
    assert judge(odd, odd, atol=1, l2=1e-6, nan="match").status is PASS
    assert "L2" not in judge(odd + 0, np.array([np.nan, 1.0]), atol=1, l2=1e-6).message  # one fault is said once
    assert "l2 is for numbers, and this is bool" in judge([True], [True], atol=1, l2=1e-6).message


def test_an_empty_image_has_no_structure():
    assert judge(np.ones((0, 5)), np.ones((0, 5)), atol=1, ssim=0.9).status is PASS


# The tally


def test_a_scan_counts_across_chunks(small_chunks):
    golden, obtained = np.zeros(50), np.zeros(50)
    obtained[[3, 20, 49]] = [2, 4, np.nan]
    tally = scan_elements(golden, obtained, rule(atol=1).policy, {"atol": 1})
    assert (tally.out, tally.not_finite) == (3, 1)
    assert tally.worst == ((math.inf, 49), (4.0, 20), (2.0, 3))
