"""Ensembles whose members are not alike: outliers need a decision, steps have a width, lengths vary, forgery shows."""

from __future__ import annotations

import json
import shutil

import pytest

from harness.core.errors import ApprovalError, GoldenError, HarnessError, ProjectError
from harness.core.project import find_project
from harness.core.protocol import Artifact
from harness.core.verdicts import Status
from harness.host.cluster.engine import Engine
from harness.judge.ensemble import intervals
from harness.run.runner import Runner
from harness.store.candidates import add_candidate, list_pending, read_candidate
from harness.verify import referee as referee_module
from harness.verify.ensembles.calibration import calibrate_scenario
from harness.verify.ensembles.decision import Decision
from harness.verify.examination import Examination
from harness.verify.referee import Referee
from harness.verify.suite import open_cache

ENSEMBLE = "smooth/cpu/ensemble"
LAST = '    return {"diffusivity": diffusivity, "loss": losses}'
INTERVAL = '"fit/diffusivity" = { interval = true }'


def fit_gives(heat, code, result=LAST):
    """Let the stage do something else for some seeds; ``seed`` is 1000 + member, and 3 in the scenario's own run."""
    heat.edit("guard.py", LAST, f'    seed = config["fit"]["seed"]\n{code}\n{result}')
    heat.repository.commit("another fit")


def diverge(heat, *members, factor="30.0"):
    fit_gives(heat, f"    diffusivity *= {factor} if seed - 1000 in {members!r} else 1.0")


def calibrated(heat, members=8, **decision):
    project = heat.project()
    with open_cache(project) as cache:
        examination = Examination(project, Runner(project.pipeline, cache), "smooth", "cpu")
        return calibrate_scenario(
            examination, cache, members=members, alpha=0.01, values=16, decision=Decision(**decision)
        )


def waiting(heat):
    return [p.identity for p in list_pending(find_project(heat.root))]


# Outliers


def test_a_member_that_diverged_is_named_and_nothing_is_kept(heat, capsys):
    diverge(heat, 3)
    out, _ = heat.cli(capsys, "calibrate smooth", 1)
    assert "fit/diffusivity: member 3 is far from all others" in out
    assert "nothing is kept" in out
    assert "--exclude MEMBER --reason" in out
    assert ENSEMBLE not in waiting(heat)
    told = heat.json(capsys, "calibrate smooth", 1)
    assert told["outliers"]["fit/diffusivity"] == [3]
    assert told["kept"] is False


@pytest.mark.parametrize("factor", ["30.0", "0.01", "1e200", 'float("nan")', 'float("inf")'])
def test_it_is_left_out_with_a_reason_which_the_record_keeps(heat, capsys, factor):
    diverge(heat, 3, factor=factor)
    told = heat.json(capsys, "calibrate smooth", 1)
    assert told["outliers"]["fit/diffusivity"] == [3]
    assert "needs a reason" in heat.cli(capsys, "calibrate smooth --exclude 3", 2)[1]
    assert heat.json(capsys, "calibrate smooth --exclude 3 --reason diverged")["kept"] is True
    kept = read_candidate(find_project(heat.root), ENSEMBLE)[0].values
    assert kept["seeds"] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert kept["decision"]["reason"] == "diverged"
    assert "fit/diffusivity" in kept["decision"]["excluded"]["3"]
    width = intervals(Artifact(kept))["fit/diffusivity"]
    assert 0 < width.high - width.low < 0.05
    heat.json(capsys, f"accept {ENSEMBLE} --reason seeds")
    assert ENSEMBLE not in waiting(heat)


def test_outliers_are_kept_with_a_reason(heat, capsys):
    diverge(heat, 3)
    assert "needs a reason" in heat.cli(capsys, "calibrate smooth --keep-outliers", 2)[1]
    heat.json(capsys, "calibrate smooth --keep-outliers --reason usual")
    kept = read_candidate(find_project(heat.root), ENSEMBLE)[0].values
    assert kept["decision"]["kept"]["outliers"]["fit/diffusivity"] == [3]
    heat.json(capsys, f"accept {ENSEMBLE} --reason seeds")


@pytest.mark.parametrize("factor", ["1e200", 'float("nan")'])
def test_what_no_interval_holds_cannot_be_kept(heat, factor):
    diverge(heat, 3, factor=factor)
    with pytest.raises(ProjectError, match=r"no interval holds fit/diffusivity .* cannot be kept: exclude"):
        calibrated(heat, keep=True, reason="usual")


def test_two_that_diverged_do_not_hide_each_other(heat):
    diverge(heat, 3, 5)
    assert calibrated(heat).outliers["fit/diffusivity"] == (3, 5)
    built = calibrated(heat, excluded=(3, 5), reason="diverged")
    assert built.ensemble.values["seeds"] == [0, 1, 2, 4, 6, 7, 8, 9]
    assert (built.outliers, built.decided) == ({}, True)


def test_a_healthy_member_cannot_be_left_out(heat):
    with pytest.raises(ProjectError, match="member 3 is no outlier of the others"):
        calibrated(heat, excluded=(3,), reason="I like it narrow")


def test_an_ensemble_that_is_healthy_has_the_form_it_always_had(heat):
    built = calibrated(heat)
    assert set(built.ensemble.values) == {"alpha", "values", "seeds", "draws", "how"}
    assert (built.outliers, built.outside, built.decided) == ({}, (), True)


def test_a_member_whose_stage_fails_is_named_and_can_be_left_out(heat):
    fit_gives(heat, '    if seed == 1003:\n        raise FloatingPointError("overflow")')
    with pytest.raises(HarnessError, match=r"member 3: .*FloatingPointError: overflow.*`--exclude 3 --reason"):
        calibrated(heat)
    built = calibrated(heat, excluded=(3,), reason="overflow")
    assert "overflow" in built.ensemble.values["decision"]["excluded"]["3"][0]


def test_the_scenarios_own_run_is_a_draw_too(heat):
    fit_gives(heat, "    diffusivity *= 30.0 if seed == 3 else 1.0")
    built = calibrated(heat)
    assert "fit/diffusivity" in built.outside
    assert not built.decided
    assert calibrated(heat, keep=True, reason="so it is").decided


# Values that did not vary


@pytest.mark.parametrize(
    ("own", "others", "allowed", "outside"),
    [
        ("7", "7", (6, 8), False),
        ("8", "7", (6, 8), False),
        ("9", "7", (6, 8), True),
        ("0.92", "0.92", (0.92 - 0.92e-6, 0.92 + 0.92e-6), False),
        ("0.92 * (1 + 2e-16)", "0.92", (0.92 - 0.92e-6, 0.92 + 0.92e-6), False),
        ("0.94", "0.92", (0.92 - 0.92e-6, 0.92 + 0.92e-6), True),
        ("0.0", "0.0", (0, 0), False),
    ],
)
def test_a_value_that_is_equal_in_all_members_gets_its_resolution(heat, own, others, allowed, outside):
    fit_gives(heat, f"    metric = {own} if seed == 3 else {others}", LAST.replace("}", ', "metric": metric}'))
    heat.edit("goldens/tolerances.toml", INTERVAL, f'{INTERVAL}\n"fit/metric" = {{ interval = true }}')
    built = calibrated(heat)
    assert "fit/metric" in built.still
    assert built.outside == (("fit/metric",) if outside else ())
    interval = intervals(built.ensemble)["fit/metric"] if "resolution" in built.ensemble.values else None
    if allowed != (0, 0):
        assert (interval.low, interval.high) == pytest.approx(allowed, rel=1e-9)
    else:
        assert interval is None  # nothing tells its scale


def test_a_metric_with_steps_may_say_how_wide_they_are(heat):
    fit_gives(heat, "    metric = 0.94 if seed == 3 else 0.92", LAST.replace("}", ', "metric": metric}'))
    heat.edit(
        "goldens/tolerances.toml", INTERVAL, f'{INTERVAL}\n"fit/metric" = {{ interval = true, resolution = 0.02 }}'
    )
    built = calibrated(heat)
    assert built.outside == ()
    assert built.ensemble.values["resolution"] == {"fit/metric": 0.02}


def test_one_step_off_is_no_outlier_and_thirty_are(heat):
    code = "    metric = {} if seed == 1002 else 5"
    fit_gives(heat, code.format(6), LAST.replace("}", ', "metric": metric}'))
    heat.edit("goldens/tolerances.toml", INTERVAL, f'{INTERVAL}\n"fit/metric" = {{ interval = true }}')
    assert calibrated(heat).outliers == {}
    heat.edit("guard.py", code.format(6), code.format(35))
    assert calibrated(heat).outliers == {"fit/metric": (2,)}


# Lengths


@pytest.fixture
def stopping(heat):
    """A history that ends early: after 3 to 6 epochs, and after 5 in the scenario's own run."""
    fit_gives(heat, "    losses = losses[: 5 if seed == 3 else 3 + seed % 4]")
    return heat


def test_a_history_that_varies_in_length_has_an_interval_of_its_length(stopping):
    built = calibrated(stopping)
    assert built.ensemble.values["lengths"] == {"fit/loss": [3, 4, 5, 6, 3, 4, 5, 6]}
    assert {a for a in built.ensemble.values["draws"] if a.startswith("fit/loss")} == {
        f"fit/loss/{i}" for i in range(3)
    }
    assert "fit/loss" not in built.restless
    assert intervals(built.ensemble)["fit/loss"].shortest == 3


def test_it_is_judged_by_it_and_the_items_that_every_member_has_by_theirs(stopping, capsys):
    stopping.cli(capsys, "calibrate smooth")
    stopping.cli(capsys, f"accept {ENSEMBLE} --reason stops")
    stopping.cli(capsys, "verify smooth", 1)
    assert waiting(stopping) == ["smooth/replay/fit"]  # of six items in the golden the run has five, as members may

    def verdicts():
        (report,) = stopping.suite("smooth").report.scenarios
        fit = next(a for a in report.artifacts if (a.artifact, a.track) == ("fit", "cpu"))
        return {v.path: v for v in fit.verdicts}

    assert {v.status for v in verdicts().values()} == {Status.PASS}
    assert (verdicts()["loss"].expected, verdicts()["loss"].obtained) == ("6 items", "5 items")
    assert "items (8 members" in verdicts()["loss"].allowed
    assert "the shortest member has no such item" in verdicts()["loss/4"].allowed
    stopping.edit("guard.py", "5 if seed == 3", "4 if seed == 3")
    assert {v.status for v in verdicts().values()} == {Status.PASS}
    stopping.edit("guard.py", "losses[: 4 if seed == 3", "(losses * 9)[: 50 if seed == 3")
    assert verdicts()["loss"].status is Status.FAIL
    assert "had 6 items, has 50: outside the ensemble's" in verdicts()["loss"].message
    stopping.edit("guard.py", "(losses * 9)[: 50 if seed == 3", "[9.0 for _ in losses][: 4 if seed == 3")
    assert {p for p, v in verdicts().items() if v.status is Status.FAIL} == {f"loss/{i}" for i in range(3)}


def test_only_what_lies_beyond_the_shortest_list_may_be_missing(heat):
    fit_gives(heat, "", LAST.replace("}", ', **({} if seed == 1004 else {"more": 1.0})}'))
    heat.edit("goldens/tolerances.toml", INTERVAL, f'{INTERVAL}\n"fit/more" = {{ interval = true }}')
    with pytest.raises(GoldenError, match=r"member 4 .* other values than the first \(fit/more\): `--exclude 4"):
        calibrated(heat)


# Forgery


def forge(heat, change):
    """Keep an altered candidate, whole and well described, as whoever knows the harness can."""
    project = find_project(heat.root)
    candidate, schema, about = read_candidate(project, ENSEMBLE)
    values = json.loads(json.dumps(candidate.values))
    change(values)
    add_candidate(project, ENSEMBLE, Artifact(values), schema, about)


FORGED = {
    "the first draw": lambda v: v["draws"]["fit/diffusivity"].__setitem__(0, 0.2),
    "the last draw": lambda v: v["draws"]["fit/diffusivity"].__setitem__(7, 0.2),
    "a draw, a little": lambda v: v["draws"]["fit/loss/5"].__setitem__(4, v["draws"]["fit/loss/5"][4] * 1.001),
    "a draw that is text": lambda v: v["draws"]["fit/loss/5"].__setitem__(4, "0.1"),
    "draws swapped": lambda v: v["draws"]["fit/loss/5"].reverse(),
    "a member more": lambda v: [d.append(d[0]) for d in v["draws"].values()],
    "a value more": lambda v: v["draws"].update({"reference/diffusivity": [0.1] * 8}),
    "a value less": lambda v: v["draws"].pop("fit/loss/5"),
    "alpha": lambda v: v.update(alpha=1e-9),
    "values": lambda v: v.update(values=10**6),
    "seeds": lambda v: v.update(seeds=[8, 1, 2, 3, 4, 5, 6, 7]),
    "a resolution": lambda v: v.update(resolution={"fit/diffusivity": 1.0}),
    "a scale": lambda v: v.update(logarithmic=["fit/diffusivity"]),
    "a length": lambda v: v.update(lengths={"fit/loss": [1, 9, 6, 6, 6, 6, 6, 6]}),
    "a decision": lambda v: v.update(decision={"kept": {}, "reason": "so"}),
    "an exclusion": lambda v: v.update(decision={"excluded": {"8": ["fit/loss"]}, "reason": "so"}),
    "nonsense": lambda v: v.update(decision=3),
    "no seeds": lambda v: v.pop("seeds"),
    "how": lambda v: v["how"].update(command="by hand"),
}


@pytest.fixture
def offered(heat, capsys):
    """A repository with an ensemble that differs from the golden, as a candidate."""
    heat.edit("guard.py", '{"epochs": 6,', '{"epochs": 7,')
    heat.repository.commit()
    heat.cli(capsys, "calibrate smooth")
    return heat


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_ensemble_is_refused(offered, capsys, what):
    before = offered.files("goldens")
    forge(offered, FORGED[what])
    err = offered.cli(capsys, f"accept {ENSEMBLE} --reason more", 2)[1]
    assert ENSEMBLE in err or "no outlier" in err or "few for an interval" in err
    assert offered.files("goldens") == before


@pytest.mark.parametrize("option", ["", "--no-cache"])
def test_it_is_refused_without_the_results_of_its_members_too(offered, capsys, option):
    forge(offered, FORGED["the last draw"])
    shutil.rmtree(offered.root / ".harness/cache")
    err = offered.cli(capsys, f"accept {ENSEMBLE} --reason more {option}", 2)[1]
    assert "a fresh run disagrees with the candidate: draws fit/diffusivity 7 is 0.2 there, and 0.1" in err


def test_an_honest_one_is_accepted_without_the_results_of_its_members(offered, capsys):
    shutil.rmtree(offered.root / ".harness/cache")
    offered.cli(capsys, f"accept {ENSEMBLE} --reason more --no-cache")


def test_outliers_that_nobody_decided_about_are_refused(heat, capsys):
    diverge(heat, 3)
    heat.json(capsys, "calibrate smooth --keep-outliers --reason usual")
    forge(heat, lambda v: v.pop("decision"))
    assert "has outliers that nobody decided about" in heat.cli(capsys, f"accept {ENSEMBLE} --reason x", 2)[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_member_that_nobody_can_foresee_runs_afresh(offered, monkeypatch, workers):
    """Whoever forges the results in the cache together with the candidate is found out by it, one time in eight."""
    forge(offered, lambda v: v["draws"].update({"fit/diffusivity": [0.2 + n / 1e6 for n in range(8)]}))
    project = offered.project()
    chosen = []
    monkeypatch.setattr(referee_module.secrets, "choice", lambda seeds: chosen.append(list(seeds)) or 5)
    monkeypatch.setattr(Referee, "_refuse_other_draws", lambda self, identity: None)  # as a forged cache would have it
    offered.ran.clear()
    with Referee(project, [ENSEMBLE], Engine(workers)) as referee:
        candidate = read_candidate(project, ENSEMBLE)[0]
        fresh = referee.rerun(ENSEMBLE)[0]
        failed = [v.path for v in referee.judge(ENSEMBLE, candidate, fresh) if v.status.failed]
    assert failed == ["fit/diffusivity"]
    assert chosen == [list(range(8))]
    here = 2 if workers == 1 else 0  # the scenario's own, and the member: here, or side by side in other processes
    assert offered.ran.count("fit") == here


def test_a_candidate_that_loses_a_value_in_the_fresh_run_is_refused(offered, monkeypatch):
    project = offered.project()
    monkeypatch.setattr(Referee, "_refuse_other_draws", lambda self, identity: None)
    forge(offered, lambda v: v["draws"].update({"fit/nothing": [0.1] * 8}))
    with Referee(project, [ENSEMBLE]) as referee, pytest.raises(ApprovalError, match="has no fit/nothing"):
        referee.rerun(ENSEMBLE)
