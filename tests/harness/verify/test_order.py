"""What is cheap and sharp of every scenario is judged before anything is trained, whoever computes."""

from __future__ import annotations

import pytest

from harness.core.errors import ProjectError
from harness.core.verdicts import Status
from harness.host.cluster.engine import Engine
from harness.verify.running import order

SOLVER = ("heat.py", "diffusivity * dt / dx**2 * np.diff", "0.39 * np.diff")


@pytest.fixture
def broken(heat):
    heat.edit(*SOLVER)
    heat.project()
    return heat


def heard(heat, *names, **options):
    """The suite, and what was heard early: the scenario, its failed stages, and what of a fit had run by then."""
    told, ran = [], []

    def early(name, failed):
        told.append((name, {report.stage for report in failed}, [*ran]))

    def watcher(scenario, track, stage, *_):
        ran.extend([scenario] if (track, stage) == ("cpu", "fit") else [])

    return heat.suite(*names, early=early, watcher=watcher, **options), told, ran


def test_a_fault_before_the_training_is_told_of_every_scenario_before_any_is_trained(broken):
    suite, told, trained = heard(broken, cache=False)
    assert [name for name, *_ in told] == [s.scenario for s in suite.report.scenarios]
    assert all("solve" in stages and not before for _, stages, before in told)
    assert set(trained) == {name for name, *_ in told}
    assert all(s.diagnosis.first == "solve" for s in suite.report.scenarios)


def test_who_fails_fast_trains_nothing_after_a_fault_and_says_what_was_left_out(broken):
    suite, told, trained = heard(broken, cache=False, fail_fast=True)
    assert len(told) == 1
    assert trained == []
    (report,) = suite.report.scenarios
    assert report.failed
    assert not suite.report.passed
    assert suite.report.problems == ()
    assert any("--fail-fast stopped at" in sentence for sentence in suite.report.omitted)
    assert any("were not compared: --fail-fast" in sentence for sentence in suite.report.omitted)
    assert list(suite.examinations) == [report.scenario]


def test_without_training_a_fault_is_told_before_what_begins_with_stored_weights(broken):
    _, told, _ = heard(broken, training=False)
    assert told
    assert all("solve" in stages and "fit" not in stages for _, stages, _ in told)


def test_what_failed_is_told_once(heat):
    heat.edit("heat.py", "guess -= rate", "guess -= 1.01 * rate")
    _, told, _ = heard(heat)
    assert [(name, stages) for name, stages, _ in told] == [("sharp", {"fit"}), ("smooth", {"fit"})]


@pytest.mark.parametrize("engine", [Engine(1), Engine(2)])
def test_who_fails_fast_without_training_is_told_both_that_left_something_out(broken, engine):
    suite, _, _ = heard(broken, "smooth", training=False, fail_fast=True, engine=engine)
    (report,) = suite.report.scenarios
    assert report.failed
    assert not [a for a in report.artifacts if a.stage == "fit"]
    assert report.diagnosis.first == "solve"
    assert suite.report.problems == ()
    assert any("were not compared: --no-training and --fail-fast" in sentence for sentence in suite.report.omitted)


def test_who_fails_fast_stops_after_a_training_that_went_wrong(heat):
    suite, _, _ = heard(heat, overrides=["fit.rate=1.9"], fail_fast=True)
    assert [s.failed for s in suite.report.scenarios] == [True]
    assert not suite.report.passed


def test_who_fails_fast_and_has_no_failure_verified_everything(heat):
    suite, told, _ = heard(heat, fail_fast=True)
    plain = heat.suite()
    assert told == []
    assert suite.report.passed
    assert suite.report.omitted == plain.report.omitted
    assert [s.counts for s in suite.report.scenarios] == [s.counts for s in plain.report.scenarios]


def test_side_by_side_the_verdicts_are_the_same_and_in_the_same_order(broken):
    alone, _, _ = heard(broken)
    side_by_side, told, _ = heard(broken, engine=Engine(2))
    assert sorted(name for name, *_ in told) == sorted(s.scenario for s in alone.report.scenarios)
    for one, other in zip(alone.report.scenarios, side_by_side.report.scenarios, strict=True):
        assert (one.scenario, one.counts[Status.FAIL]) == (other.scenario, other.counts[Status.FAIL])
        assert one.diagnosis.first == other.diagnosis.first


def longest(heat, *names):
    path = heat.root / "pyproject.toml"
    path.write_text(path.read_text().replace("[tool.harness]\n", f"[tool.harness]\nlongest = {list(names)}\n"))


def test_workers_end_with_no_long_part_left_and_begin_with_the_shortest(broken, monkeypatch):
    first, *_, last = sorted(broken.project().pipeline.scenarios())
    longest(broken, last)
    begun, compute_each = [], order.compute_each

    def noted(engine, project, cache, jobs, progressed):
        begun.extend((job.arguments["scenario"], job.arguments["part"]) for job in jobs)
        return compute_each(engine, project, cache, jobs, progressed)

    monkeypatch.setattr(order, "compute_each", noted)
    suite = broken.suite(engine=Engine(2))
    assert begun == [*((name, part) for part in (0, 1) for name in (first, last)), (last, 2), (first, 2)]
    assert [s.scenario for s in suite.report.scenarios] == sorted(s.scenario for s in suite.report.scenarios)


def test_a_longest_scenario_that_there_is_not_is_told(heat):
    longest(heat, "smoth")
    with pytest.raises(ProjectError, match=r"longest names 'smoth', which is no scenario: take it out"):
        heat.suite(engine=Engine(2))


def test_no_worker_starts_for_what_the_cache_has(heat, monkeypatch):
    heat.suite()
    monkeypatch.setattr(Engine, "opened", lambda *_: pytest.fail("a worker was asked"))
    suite, told, ran = heard(heat, engine=Engine(2))
    assert suite.report.passed
    assert (told, ran, heat.ran) == ([], [], [])
    assert all(a.cached for s in suite.report.scenarios for a in s.artifacts if a.stage == "fit")
