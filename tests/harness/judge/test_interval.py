"""Arrays under an interval, and the intervals themselves."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact
from harness.core.verdicts import Status
from harness.judge.arrays import compare_array
from harness.judge.ensemble import Interval, fits_logarithms, interval, intervals, outliers, pooled
from harness.judge.numbers import judge_number
from harness.judge.policies.interval import rms_difference
from harness.judge.tolerances import read_rule

GOLDEN = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
ALLOWED = Interval(0.005, 0.02, 0.0125, 0.002, 8, 0.01, 100)


def judge(obtained, interval=ALLOWED, golden=GOLDEN, **terms):
    rule = read_rule("a", {"interval": True, **terms}, Path("tolerances.toml"), "tolerances.toml")
    return compare_array("a", golden, obtained, rule, "statistical", interval)


def test_distance_is_the_root_mean_square_of_the_modulus():
    assert rms_difference(np.zeros(4), np.array([1.0, -1, 1, -1])) == 1
    assert rms_difference(np.array([1, 1j]), np.array([1 + 3j, 1j + 4])) == pytest.approx(np.sqrt(12.5))
    assert rms_difference(np.array([0], np.uint8), np.array([255], np.uint8)) == 255
    assert rms_difference(np.zeros(0), np.zeros(0)) == 0


def test_within_the_interval_passes_and_says_how_much_is_used():
    verdict = judge(GOLDEN + np.float32(0.01))
    assert verdict.status is Status.PASS
    assert verdict.used == pytest.approx(0.5, rel=1e-4)
    assert "at most 0.02 (8 members" in verdict.allowed


def test_nearer_than_any_member_is_no_fault():
    assert judge(GOLDEN).status is Status.PASS


def test_beyond_the_interval_fails_and_shows_the_furthest_elements():
    obtained = GOLDEN.copy()
    obtained[3, 4] += 1
    verdict = judge(obtained)
    assert verdict.status is Status.FAIL
    assert verdict.used == pytest.approx(0.05 / 0.02, rel=1e-5)
    assert verdict.worst[0].index == (3, 4)
    assert "0.05, 2.5 times its tolerance of 0.02" in verdict.message


def test_structure_is_judged_beside_the_distance():
    shuffled = np.random.default_rng(0).permutation(GOLDEN.ravel()).reshape(GOLDEN.shape)
    wide = Interval(0, 10.0, 5, 1, 8, 0.01, 100)
    assert judge(shuffled, wide).status is Status.PASS
    verdict = judge(shuffled, wide, ssim=0.9)
    assert verdict.status is Status.FAIL
    assert verdict.message.startswith("SSIM of the image is")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_fails(value):
    obtained = GOLDEN.copy()
    obtained[0, 0] = value
    assert judge(obtained).message == "1 of 400 elements are not finite"


def test_shape_and_dtype_come_first():
    assert judge(GOLDEN[:-1]).message == "was float32 [20, 20], is float32 [19, 20]"
    assert judge(GOLDEN.astype(np.float64)).message == "was float32 [20, 20], is float64 [20, 20]"


def test_without_an_ensemble_it_fails_with_the_remedy():
    assert "run `harness calibrate`" in judge(GOLDEN, None).message


def test_the_interval_is_the_prediction_interval_of_one_more_draw():
    draws = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    result = interval(draws, alpha=0.05, values=1)
    half = t.ppf(0.975, 7) * np.std(draws, ddof=1) * np.sqrt(1 + 1 / 8)
    assert (result.low, result.high) == pytest.approx((4.5 - half, 4.5 + half))
    assert result.detectable == pytest.approx(half)


def test_the_interval_keeps_its_stated_rate_of_false_alarms(rng):
    """One healthy suite in twenty raises an alarm, whatever the number of values."""
    values, suites = 10, 1500
    alarms = 0
    for _ in range(suites):
        ensemble, new = rng.standard_normal((8, values)), rng.standard_normal(values)
        result = [interval(list(ensemble[:, v]), 0.05, values) for v in range(values)]
        alarms += any(not f.low <= x <= f.high for f, x in zip(result, new, strict=True))
    assert 0.025 < alarms / suites < 0.075


def test_more_values_make_wider_intervals_and_fewer_than_eight_members_none():
    draws = list(np.arange(8.0))
    assert interval(draws, 0.01, 100).high > interval(draws, 0.01, 1).high
    with pytest.raises(GoldenError, match="an ensemble of 7 members is too small"):
        interval(draws[:7], 0.01, 1)


def test_intervals_are_made_from_the_stored_draws():
    stored = Artifact({"alpha": 0.01, "values": 3, "draws": {"a/b": list(np.arange(8.0))}})
    assert intervals(stored) == {"a/b": interval(list(np.arange(8.0)), 0.01, 3)}


def test_members_with_different_values_are_refused():
    assert pooled({0: {"a": 1.0}, 1: {"a": 2.0}}) == {"a": [1.0, 2.0]}
    with pytest.raises(GoldenError, match="member 1"):
        pooled({0: {"a": 1.0}, 1: {"b": 2.0}})


def test_what_an_interval_cannot_judge_fails_and_says_why():
    booleans = np.zeros((4, 4), bool)
    verdict = judge(booleans, golden=booleans)
    assert (verdict.status, verdict.message) == (
        Status.FAIL,
        "its rule cannot judge it: an interval is for numbers",
    )
    row = np.zeros(5)
    assert "ssim is for images" in judge(row, golden=row, ssim=0.9).message
    assert judge(row, golden=row).status is Status.PASS


HEALTHY = [0.91, 0.93, 0.92, 0.94, 0.90, 0.925, 0.915, 0.935]


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (HEALTHY, ()),
        ([*HEALTHY[:7], -0.4], (7,)),
        ([5.0, *HEALTHY[1:]], (0,)),
        ([5.0, -5.0, *HEALTHY[2:]], (0, 1)),
        ([5.0, 5.1, *HEALTHY[2:]], (0, 1)),
        ([5.0, 5.1, 5.2, 5.15, *HEALTHY[4:]], ()),  # two kinds of runs
        ([float("nan"), *HEALTHY[1:]], (0,)),
        ([float("inf"), 9.0, *HEALTHY[2:], 0.9], (0, 1)),
        ([1e200, *HEALTHY[1:]], (0,)),
        ([1e200, -1e200, *HEALTHY[2:]], (0, 1)),
        ([float("nan")] * 8, tuple(range(8))),
        ([3.0] * 8, ()),
        ([3.0] * 7 + [3.0000001], (7,)),
    ],
)
def test_outliers_are_found_one_or_two_of_eight(draws, expected):
    assert outliers(draws, 1e-3) == expected


def test_what_differs_by_its_resolution_is_no_outlier():
    assert outliers([3.0] * 7 + [3.000001], 1e-3, 3e-6) == ()
    assert outliers([3.0] * 7 + [4.0], 1e-3, 1.0) == ()
    assert outliers([3.0] * 7 + [13.0], 1e-3, 1.0) == (7,)


@pytest.mark.parametrize("members", [8, 12])
def test_a_healthy_ensemble_has_an_outlier_no_more_often_than_stated(members):
    draws = np.random.default_rng(1).standard_normal((4000, members)).tolist()
    alarms = sum(bool(outliers(d, 0.05)) for d in draws)
    assert 0 < alarms < 0.05 * 4000 + 3 * np.sqrt(0.05 * 4000)


def test_a_resolution_widens_what_is_narrower_and_nothing_else():
    assert (interval([7.0] * 8, 0.01, 100, 1.0).low, interval([7.0] * 8, 0.01, 100, 1.0).high) == (6, 8)
    assert interval(HEALTHY, 0.01, 100, 1e-6) == interval(HEALTHY, 0.01, 100)
    with pytest.raises(GoldenError, match="no interval holds them"):
        interval([1e200, *HEALTHY[1:]], 0.01, 100)


def test_the_accepted_ensembles_give_the_intervals_that_the_formula_gives():
    """To the bit: a new reading of an old ensemble would move tolerances without an approval."""
    from scipy.special import stdtrit

    goldens = Path(__file__).parents[3] / "goldens"
    paths = sorted(goldens.glob("*/*/ensemble.json"))
    accepted = json.loads((goldens / "MANIFEST.json").read_bytes())["goldens"]
    found = [path.relative_to(goldens).with_suffix("").as_posix() for path in paths]
    assert found == sorted(i for i in accepted if i.endswith("/ensemble"))
    assert len(found) >= 13
    for path in paths:
        about = json.loads(path.read_bytes())["values"]
        alone = about["alpha"] * (1 - about.get("joint", {}).get("share", 0))
        for address, found in intervals(Artifact(about)).items():
            draws, n = about["draws"][address], len(about["draws"][address])
            logs = address in about.get("logarithmic", ())
            draws = [math.log(x) for x in draws] if logs else draws
            mean = math.fsum(draws) / n
            deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in draws) / (n - 1))
            quantile = float(stdtrit(n - 1, 1 - alone / (2 * about["values"])))
            half = quantile * math.sqrt(1 + 1 / n) * deviation
            expected = mean - half, mean + half, mean
            if logs:
                *expected, deviation = *map(math.exp, expected), deviation * math.exp(mean)
            assert (found.low, found.high, found.mean, found.deviation) == (*expected, deviation)


def test_an_ensemble_of_lengths_and_resolutions_is_read():
    about = {"alpha": 0.01, "values": 100, "draws": {"a/0": [1.0] * 8, "a/1": [2.0] * 8}}
    about |= {"lengths": {"a": [2, 3, 4, 3, 2, 3, 4, 3]}, "resolution": {"a/0": 0.5}}
    found = intervals(Artifact(about))
    assert (found["a/0"].low, found["a/0"].high) == (0.5, 1.5)
    assert (found["a/1"].low, found["a/1"].high) == (2, 2)
    assert found["a"].shortest == 2
    assert found["a"].low < 2 < 4 < found["a"].high


# Positive values, on the scale of their logarithms


SKEWED = [0.0011, 0.002, 0.0024, 0.0029, 0.0033, 0.0043, 0.0069, 0.0167]


def test_a_positive_value_has_the_interval_of_its_logarithms():
    found = interval(SKEWED, 0.01, 100, logarithmic=True)
    plain = interval([math.log(x) for x in SKEWED], 0.01, 100)
    assert (math.log(found.low), math.log(found.high)) == pytest.approx((plain.low, plain.high))
    assert (math.log(found.mean), found.scatter, found.half) == pytest.approx(
        (plain.mean, plain.deviation, plain.detectable)
    )
    assert found.low > 0  # where its own scale would allow an error below zero
    assert interval(SKEWED, 0.01, 100).low < 0
    assert found.detectable == pytest.approx(found.high - found.mean)


def test_an_ensemble_says_what_is_judged_by_its_logarithm():
    about = {"alpha": 0.01, "values": 100, "draws": {"a": SKEWED, "b": SKEWED}}
    found = intervals(Artifact({**about, "logarithmic": ["a"]}))
    assert [found[name].logarithmic for name in "ab"] == [True, False]
    assert not any(i.logarithmic for i in intervals(Artifact(about)).values())  # as it was accepted
    with pytest.raises(GoldenError, match="no interval holds them"):
        intervals(Artifact({**about, "draws": {"a": [0.0, *SKEWED[1:]]}, "logarithmic": ["a"]}))


@pytest.mark.parametrize(
    ("draws", "fits"),
    [
        (SKEWED * 2, True),
        ([0.0, *SKEWED], False),
        ([-1.0, *SKEWED], False),
        ([float("inf"), *SKEWED], False),
        ([7.0] * 8, False),
        (HEALTHY, False),
    ],
)
def test_skewed_positive_draws_fit_logarithms(draws, fits):
    assert fits_logarithms(draws) is fits


def test_a_small_bias_that_happens_to_be_positive_hardly_ever_fits_logarithms():
    """Three standard deviations above zero: a run just below zero is healthy, and no logarithm has it."""
    draws = 3 + np.random.default_rng(2).standard_normal((2000, 30))
    assert np.mean([fits_logarithms([*d]) for d in draws]) < 0.03
    skewed = np.exp(0.7 * np.random.default_rng(2).standard_normal((2000, 30)))
    assert np.mean([fits_logarithms([*d]) for d in skewed]) > 0.8


@pytest.mark.parametrize(("obtained", "status"), [(0.004, "pass"), (0.0, "fail"), (-1.0, "fail"), (10.0, "fail")])
def test_a_number_is_judged_on_the_scale_of_its_interval(obtained, status):
    allowed = interval(SKEWED, 0.01, 100, logarithmic=True)
    rule = read_rule("a", {"interval": True}, Path("tolerances.toml"), "tolerances.toml")
    judgement = judge_number(0.003, obtained, rule, "a", allowed)
    assert judgement.status.value == status
    if status == "pass":
        share = abs(math.log(obtained / allowed.mean)) / math.log(allowed.high / allowed.mean)
        assert judgement.used == pytest.approx(share)


def test_a_resolution_is_kept_in_the_values_own_unit():
    found = interval([7.0] * 8, 0.01, 100, 1.0, logarithmic=True)
    assert (found.low, found.high) == (6, 8)
    assert found.widened


def test_healthy_runs_of_skewed_values_lie_within_as_often_as_promised():
    """A rate of 0.01 in 20,000 ensembles of lognormal draws; on their own scale it is five times that."""
    draws = np.exp(0.5 * np.random.default_rng(3).standard_normal((20000, 11)))
    alarms = {
        logs: np.mean([not (i := interval([*d[:10]], 0.01, 1, logarithmic=logs)).low <= d[10] <= i.high for d in draws])
        for logs in (True, False)
    }
    assert abs(alarms[True] - 0.01) < 3 * np.sqrt(0.01 / 20000)
    assert alarms[False] > 0.02


def test_two_kinds_of_scale_are_judged_together():
    from harness.judge.statistics.joint import joint_document, together

    rng = np.random.default_rng(5)
    draws = {name: np.exp(rng.standard_normal(20)).tolist() for name in "abc"}
    draws["d"] = rng.standard_normal(20).tolist()
    about = {"alpha": 0.01, "values": 4, "logarithmic": ["a", "b", "c"], "draws": draws}
    held = together({**about, "joint": joint_document(draws, [], 0.01, 4, about["logarithmic"])})
    assert held.logarithmic == {"a", "b", "c"}
    np.testing.assert_allclose(held.members, np.column_stack([*(np.log(draws[n]) for n in "abc"), draws["d"]]))
    run = {name: drawn[3] for name, drawn in draws.items()}
    assert held.distance(run)[0] <= held.limit
    assert not held.distance({**run, "a": 0.0})[0] <= held.limit
    assert not held.distance({**run, "d": 50.0})[0] <= held.limit
