"""What an ensemble is worth: rates with their intervals, shifts that are caught, values judged together."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, nct

from harness.core.protocol import Artifact
from harness.core.verdicts import Status
from harness.judge.ensemble import closer, interval, intervals, quantile
from harness.judge.schema import Schema
from harness.judge.statistics import joint
from harness.judge.statistics.joint_shifts import shifts_together
from harness.judge.statistics.power import detection, detection_of_t, minimum_detectable, shift_in_deviations
from harness.judge.statistics.rates import MeasuredRate, clopper_pearson, left_out_alarms
from harness.verify.ensembles.calm import alarm_rates
from harness.verify.ensembles.findings import judged_together, too_fast, too_good


@pytest.mark.parametrize(("count", "trials"), [(0, 8), (1, 30), (8, 8), (17, 300)])
def test_the_interval_of_a_rate_is_clopper_and_pearsons(count, trials):
    known = binomtest(count, trials).proportion_ci(0.95, "exact")
    assert clopper_pearson(count, trials) == pytest.approx((known.low, known.high), rel=1e-9, abs=1e-12)
    assert MeasuredRate(count, trials).text.startswith(f"{count} of {trials} (")


def test_a_member_left_out_is_held_against_the_interval_of_the_others():
    rng = np.random.default_rng(0)
    draws = {"a": list(rng.normal(size=9)), "b": list(1e8 + rng.normal(size=9)), "still": [1.0] * 9}
    draws["b"][4] += 200.0
    alarms = left_out_alarms(draws, 0.01, {"still": 1e-6})
    for member, out in enumerate(alarms):
        for name, drawn in draws.items():
            others = [x for i, x in enumerate(drawn) if i != member]
            held = interval(others, 0.01, 1, 1e-6 if name == "still" else 0.0)
            assert (name in out) is not (held.low <= drawn[member] <= held.high), (member, name)
    assert alarms[4] == ("b",)


@pytest.mark.parametrize("members", [8, 30])
def test_a_shift_of_the_minimum_detectable_size_is_caught_nine_times_in_ten(members):
    """By simulation: the ensemble is drawn as well, since its scatter is estimated."""
    rng = np.random.default_rng(members)
    drawn = rng.normal(size=(40_000, members))
    half = quantile(members - 1, 1e-3) * math.sqrt(1 + 1 / members) * drawn.std(axis=1, ddof=1)
    shift = shift_in_deviations(members, 1e-3)
    caught = np.mean(np.abs(rng.normal(size=len(drawn)) + shift - drawn.mean(axis=1)) > half)
    assert caught == pytest.approx(0.9, abs=0.006)  # four standard errors
    exact = nct.sf(quantile(members - 1, 1e-3), members - 1, shift / math.sqrt(1 + 1 / members))
    assert exact == pytest.approx(0.9, rel=1e-6)


@pytest.mark.parametrize("freedom", [7, 8, 29, 99, 299])
@pytest.mark.parametrize("limit", [1.5, 4.0, 9.0])
def test_the_probability_beyond_both_limits_is_that_of_a_noncentral_t(freedom, limit):
    for shift in (0.0, 0.5, 3.0, 9.0):
        expected = nct.sf(limit, freedom, shift) + nct.sf(limit, freedom, -shift)
        if not math.isnan(expected):
            assert detection_of_t(shift, freedom, limit) == pytest.approx(expected, rel=1e-8, abs=1e-14)


def test_the_shift_is_in_the_values_own_unit_and_scales_with_it():
    draws = list(np.random.default_rng(1).normal(size=12))
    held, larger = (interval([scale * x + 5 for x in draws], 0.01, 30) for scale in (1.0, 1000.0))
    assert minimum_detectable(larger) == pytest.approx(1000 * minimum_detectable(held))
    assert detection(minimum_detectable(held), held) == pytest.approx(0.9, rel=1e-6)
    assert detection(0.0, held) == pytest.approx(0.01 / 30, rel=1e-6)
    assert minimum_detectable(held) > held.detectable


def test_an_interval_that_its_resolution_widens_catches_what_leaves_it():
    still, narrow = interval([1.0] * 8, 0.01, 10, 0.25), interval([1.0, 1.001] * 4, 0.01, 10, 0.25)
    assert minimum_detectable(still) == 0.25
    assert still.widened
    assert minimum_detectable(narrow) == pytest.approx(0.25 + 1.2816 * narrow.deviation * math.sqrt(9 / 8), rel=1e-4)


# Together


def correlated(members=24, values=12, seed=0, factors=2):
    """Members whose values all follow few factors, and one more run."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(factors, values))
    drawn = rng.normal(size=(members + 1, factors)) @ mix + 0.1 * rng.normal(size=(members + 1, values))
    return 3 + drawn


def ensemble_of(drawn, alone=(), **more):
    draws = {f"v/{i:02}": list(column) for i, column in enumerate(drawn.T)}
    about = {"alpha": 0.01, "values": len(draws), "seeds": list(range(len(drawn))), "draws": draws, **more}
    return {**about, "joint": joint.joint_document(draws, alone, 0.01, len(draws))}


def test_the_distance_is_hotellings_with_the_shrunk_correlations():
    drawn = correlated()
    own = joint.standardised(drawn[None, :-1])
    z = own.scores(drawn[None, -1:])[0, 0]
    solved = np.linalg.solve(own.correlation(), z)
    assert own.distances(drawn[None, -1:])[0, 0] == pytest.approx(z @ solved, rel=1e-9)
    np.testing.assert_allclose(own.shares(drawn[-1]), z * solved, rtol=1e-8, atol=1e-10)


def test_a_shift_of_one_value_is_seen_nine_times_in_ten_together_with_the_others():
    """By simulation: single values shifted by what was computed, of ensembles that are drawn as well."""
    members, values = 24, 12
    about = ensemble_of(correlated(members, values)[:-1])
    judged = joint.together(about)
    single = quantile(members - 1, 1e-3)
    unit = dict(zip(judged.addresses, judged.members.std(axis=0, ddof=1), strict=True))
    half_widths = {a: single * math.sqrt(1 + 1 / members) * unit[a] for a in judged.addresses[1:]}
    shifts = {a: shift / unit[a] for a, shift in shifts_together(judged, half_widths).items()}
    correlation = joint.standardised(judged.members[None]).correlation()
    drawn = np.random.default_rng(7).multivariate_normal(np.zeros(values), correlation, (4000, members + 1))
    own = joint.standardised(drawn[:, :members])
    for i, address in enumerate(judged.addresses):
        run = drawn[:, members:].copy()
        run[..., i] += shifts[address]
        beyond = own.distances(run)[:, 0] > judged.limit
        alone = (np.abs(own.scores(run)[:, 0, i]) > single) & (i > 0)
        assert np.mean(beyond | alone) == pytest.approx(0.9, abs=0.04), address
    assert max(shifts.values()) < shift_in_deviations(members, 1e-3)


def test_the_shrinkage_is_ledoit_and_wolfs():
    z = np.random.default_rng(3).normal(size=(10, 4))
    z = (z - z.mean(axis=0)) / z.std(axis=0, ddof=1)
    own = joint.standardised(z[None])
    n, p = z.shape
    sample = z.T @ z / n
    level = np.trace(sample) / p
    error = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in z) / n**2
    level_n = np.trace(z.T @ z / (n - 1)) / p
    assert level_n == pytest.approx(1)
    assert own.shrinkage[0] == pytest.approx(error / np.sum((sample - level * np.eye(p)) ** 2), rel=0.15)


def test_values_that_part_are_seen_together_though_each_lies_within_its_interval():
    drawn = correlated()
    about = ensemble_of(drawn[:-1])
    held, run = intervals(Artifact(about)), {f"v/{i:02}": x for i, x in enumerate(drawn[-1])}
    (verdict,) = judged_together(about, run)
    assert verdict.status is Status.PASS
    assert 0 < verdict.used < 1
    parted = {**run, "v/03": run["v/03"] + 1.8}
    assert all(held[a].low <= x <= held[a].high for a, x in parted.items())
    (verdict,) = judged_together(about, parted)
    assert verdict.status is Status.FAIL
    assert "most of it by v/03 (" in verdict.message
    assert "times as far as a healthy run may be" in verdict.message
    for lost in ({a: x for a, x in run.items() if a != "v/05"}, {**run, "v/05": math.nan}):
        (verdict,) = judged_together(about, lost)
        assert (verdict.status, "v/05 is not there" in verdict.message) == (Status.FAIL, True)


def test_few_members_judge_each_value_alone():
    drawn = correlated(members=15)
    assert ensemble_of(drawn[:-1])["joint"] == {}
    assert list(judged_together({"draws": {}}, {})) == []


def test_what_stands_alone_is_not_judged_together():
    about = ensemble_of(np.hstack([correlated()[:-1], np.ones((24, 1))]), alone=["v/02"])
    assert about["joint"]["alone"] == ["v/02", "v/12"]  # one does not vary
    assert joint.together(about).addresses == tuple(f"v/{i:02}" for i in range(12) if i != 2)


@pytest.mark.slow
@pytest.mark.parametrize("curved", [False, True])
def test_healthy_runs_are_calm_together(curved):
    """At the rate of one in a hundred, of normal values, and of values that depend on each other by a curve."""
    alarms = []
    for seed in range(12):
        drawn = correlated(members=424, seed=seed)
        drawn = np.hstack([drawn, drawn[:, :4] ** 2]) if curved else drawn
        limit = joint.joint_limit(drawn[:24], 0.01)
        alarms.append(joint.standardised(drawn[None, :24]).distances(drawn[None, 24:])[0] > limit)
    assert np.mean(alarms) < 0.02


def test_the_same_ensemble_has_the_same_limit():
    drawn = correlated(members=16, values=5)[:-1]
    assert joint.joint_limit(drawn, 1e-4) == joint.joint_limit(drawn, 1e-4)
    assert joint.joint_limit(drawn, 1e-4) > joint.joint_limit(drawn, 1e-2)


def test_alarms_of_members_and_of_runs_held_out_are_counted():
    drawn = correlated()
    about = ensemble_of(drawn[:-1])
    far = {a: [d[0], d[0] + 100.0, d[1]] for a, d in about["draws"].items()}
    about["held_out"] = {"seeds": [30, 31, 32], "draws": far}
    rates = alarm_rates(about)
    assert (rates.left_out.trials, rates.held_out.count, rates.held_out.trials) == (24, 1, 3)
    assert rates.promised == pytest.approx(0.01)  # half of it alone, half together
    assert joint.TOGETHER in rates.alarms["31"]
    assert len(rates.alarms["31"]) == 13
    assert "promised in at most 1 % of healthy runs" in rates.sentence
    assert rates.to_json()["held_out"]["high"] == pytest.approx(clopper_pearson(1, 3)[1])


# Too good


def curves(steps=8, members=10):
    rng = np.random.default_rng(5)
    levels = 1 + 0.02 * rng.normal(size=(members, 1))
    return levels * np.exp(-np.arange(steps) / 4) + 0.1


def test_a_curve_that_falls_faster_than_any_healthy_run_is_told_with_its_number():
    drawn = curves()
    about = {"alpha": 0.01, "values": 8, "draws": {f"loss/{i}": list(c) for i, c in enumerate(drawn.T)}}
    healthy = {f"loss/{i}": x for i, x in enumerate(drawn.mean(axis=0))}
    fast = {f"loss/{i}": np.exp(-i / 1.5) + 0.1 for i in range(8)}
    slow = {f"loss/{i}": np.exp(-i / 9) + 0.1 for i in range(8)}
    assert too_fast(about, healthy) == too_fast(about, slow) == []
    (sentence,) = too_fast(about, fast)
    assert "loss reaches" in sentence
    assert "of 7 steps, and no healthy run before" in sentence
    rising = {"alpha": 0.01, "values": 8, "draws": {f"ssim/{i}": list(-c) for i, c in enumerate(drawn.T)}}
    assert "ssim reaches" in too_fast(rising, {f"ssim/{i}": -fast[f"loss/{i}"] for i in range(8)})[0]


@pytest.mark.parametrize(("side", "sign"), [("lower", -1), ("higher", 1)])
def test_a_value_beyond_its_interval_on_the_better_side_is_a_warning_with_its_number(side, sign):
    draws = {"final": list(np.random.default_rng(2).normal(size=10))}
    about = {"alpha": 0.01, "values": 1, "draws": draws}
    held = intervals(Artifact(about))
    beyond = {"final": held["final"].mean + sign * 20 * held["final"].deviation}
    (verdict,) = too_good(about, beyond, held, {"final": side})
    assert verdict.status is Status.WARNING
    assert verdict.obtained == 1
    assert "20 standard deviations better" in verdict.message
    assert "reaches training" in verdict.message
    worse = {"final": held["final"].mean - sign * 20 * held["final"].deviation}
    assert list(too_good(about, worse, held, {"final": side})) == []
    assert list(too_good(about, {"final": held["final"].mean}, held, {"final": side})) == []


# One seed, and others


def test_where_the_same_seed_stays_much_closer_its_interval_judges_and_says_so():
    rng = np.random.default_rng(9)
    seeds = {"far": interval(list(rng.normal(size=9)), 0.01, 2), "alike": interval(list(rng.normal(size=9)), 0.01, 2)}
    near, alike = (list(scale * rng.normal(size=9)) for scale in (1e-3, 0.9))
    rounding = {"far": interval(near, 0.01, 2), "alike": interval(alike, 0.01, 2), "new": interval(near, 0.01, 2)}
    used = closer(seeds, rounding)
    assert used["alike"] is seeds["alike"]
    assert used["far"].detectable == rounding["far"].detectable < seeds["far"].detectable
    assert used["far"].of == "runs with its own seed, moved as rounding may"
    assert set(used) == {"far", "alike", "new"}


def test_accepted_ensembles_have_the_form_that_the_schema_says():
    root = Path(__file__).parents[3]
    path = root / "schemas/harness/ensemble.schema.json"
    schema = Schema(json.loads(path.read_text()), path)
    accepted = sorted((root / "goldens").glob("*/cpu/ensemble*.json"))
    assert len(accepted) >= 4
    for ensemble in accepted:
        assert schema.problems(json.loads(ensemble.read_text())["values"]) == [], ensemble
    grown = json.loads(accepted[0].read_text())["values"] | {"rounding": ""}
    assert schema.problems(grown)
