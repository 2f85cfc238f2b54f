"""Time the comparison of arrays, beside NumPy's own. Bytes are those of one of the two arrays.

The bar is 1 GB/s on one core for float32 under ``rtol`` or ``atol``. Nothing is asserted about time;
what is asserted is that the verdict is the one that the time is quoted for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.verdicts import Status
from harness.judge.arrays import compare_array
from harness.judge.tolerances import read_rule

SIZE = 16 * 2**20  # 64 MiB of float32, well beyond any cache
RTOL = 1e-6
RULES = {"rtol": {"rtol": RTOL}, "atol": {"atol": 1e-5}, "both": {"rtol": RTOL, "atol": 1e-9}}

pytestmark = pytest.mark.benchmark(group="compare arrays", min_rounds=5)


@pytest.fixture(scope="module")
def arrays():
    """A golden with some zeros, and what was obtained: the same, or off everywhere by under a third of RTOL."""
    rng = np.random.default_rng(0)
    golden = rng.standard_normal(SIZE, np.float32)
    golden[::101] = 0
    near = golden * (1 + rng.uniform(-3e-7, 3e-7, SIZE)).astype(np.float32)
    far = near.copy()
    far[SIZE // 3] += 1
    assert np.count_nonzero(near != golden) > SIZE // 2
    return golden, {"equal": golden.copy(), "off everywhere within": near, "one element out": far}


def judge(golden, obtained, terms):
    return compare_array("x", golden, obtained, read_rule("x", terms, Path("t"), "t"), "deterministic")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", ["equal", "off everywhere within", "one element out"])
def test_compare_array(benchmark, arrays, case, rule):
    golden, obtained = arrays[0], arrays[1][case]
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = golden.nbytes / 1e6, "MB"
    verdict = benchmark(judge, golden, obtained, RULES[rule])
    assert verdict.status is (Status.FAIL if case == "one element out" else Status.PASS)
    assert (verdict.used == 0) is (case == "equal")


@pytest.mark.parametrize("case", ["equal", "off everywhere within"])
def test_numpy_assert_allclose(benchmark, arrays, case):
    golden, obtained = arrays[0], arrays[1][case]
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = golden.nbytes / 1e6, "MB"
    benchmark(np.testing.assert_allclose, obtained, golden, rtol=RTOL)


@pytest.mark.parametrize(
    ("dtype", "terms"),
    [("f8", {"rtol": RTOL}), ("c8", {"rtol": RTOL}), ("i4", {"atol": 1}), ("u1", {"exact": True}), ("f4", {"ulp": 4})],
    ids=["float64 rtol", "complex64 rtol", "int32 atol", "uint8 exact", "float32 ulp"],
)
def test_compare_other_arrays(benchmark, dtype, terms):
    golden = np.random.default_rng(0).integers(0, 100, SIZE // 4).astype(dtype)
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = golden.nbytes / 1e6, "MB"
    assert benchmark(judge, golden, golden.copy(), terms).status is Status.PASS
