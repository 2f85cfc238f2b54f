"""Ensembles that grow, whose false alarms are measured, and whose values are judged together."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from harness.core.errors import ProjectError
from harness.core.project import find_project
from harness.core.protocol import Artifact
from harness.core.verdicts import Status
from harness.judge.ensemble import intervals
from harness.judge.schema import Schema
from harness.judge.statistics.joint import TOGETHER
from harness.run.runner import Runner
from harness.store.candidates import read_candidate
from harness.verify.ensembles.budget import judged_addresses, shared_by
from harness.verify.ensembles.calibration import calibrate_scenario
from harness.verify.ensembles.decision import Decision
from harness.verify.examination import Examination
from harness.verify.suite import open_cache

ENSEMBLE = "smooth/cpu/ensemble"
SCHEMA = Path(__file__).parents[3] / "schemas/harness/power.schema.json"
LAST = '    return {"diffusivity": diffusivity, "loss": losses}'


def calibrated(heat, members=8, **options):
    project = heat.project()
    with open_cache(project) as cache:
        examination = Examination(project, Runner(project.pipeline, cache), "smooth", "cpu")
        return calibrate_scenario(examination, cache, members=members, alpha=0.01, **options)


def golden(heat):
    return json.loads((heat.root / "goldens/smooth/cpu/ensemble.json").read_text())["values"]


def forget_members(heat):
    (heat.root / ".harness/cache").rename(heat.root / ".harness/other")
    heat.ran.clear()


def test_the_rate_is_shared_by_the_values_that_are_judged(heat):
    """Eight in each of two scenarios, whatever ``values`` says below that; a reserve above it counts."""
    assert calibrated(heat).ensemble.values["values"] == 16
    assert calibrated(heat, values=40).ensemble.values["values"] == 40
    heat.edit("goldens/tolerances.toml", '"fit/loss/*" = { interval = true }', '"fit/loss/*" = { rtol = 1.0 }')
    examination = heat.examination("sharp")
    assert judged_addresses(examination) == {"fit/diffusivity", "comparison/fit_error"}
    assert shared_by(examination, 2) == 4


def test_a_scenario_of_which_nothing_is_known_is_taken_to_have_as_many(heat):
    for path in (heat.root / "goldens/sharp").rglob("*.json"):
        path.unlink()
    manifest = json.loads((heat.root / "goldens/MANIFEST.json").read_text())
    entries = {i: e for i, e in manifest["goldens"].items() if not i.startswith("sharp/")}
    (heat.root / "goldens/MANIFEST.json").write_text(json.dumps({**manifest, "goldens": entries}))
    assert judged_addresses(heat.examination("sharp")) is None
    assert shared_by(heat.examination(), 8) == 16


def test_an_ensemble_grows_without_running_its_members_again(heat):
    accepted = golden(heat)
    forget_members(heat)
    grown = calibrated(heat, members=12, extend=True).ensemble.values
    # The scenario's own run, the one member that is looked at again, and the four new ones.
    assert Counter(heat.ran)["fit"] == 6
    assert grown["seeds"] == list(range(12))
    assert {a: d[:8] for a, d in grown["draws"].items()} == accepted["draws"]
    assert grown["extends"]["seeds"] == list(range(8))
    assert grown["draws"] == calibrated(heat, members=12).ensemble.values["draws"]


def test_a_grown_ensemble_is_accepted_and_one_that_was_tampered_with_is_not(heat, capsys):
    told = heat.json(capsys, "calibrate smooth --members 10 --extend --held-out 3")
    assert told["kept"] is True
    assert told["false_alarms"]["left_out"]["runs"] == 10
    assert told["false_alarms"]["held_out"]["runs"] == 3
    assert told["false_alarms"]["promised"] == pytest.approx(0.01 * 8 / 16)
    candidate = read_candidate(find_project(heat.root), ENSEMBLE)[0].values
    assert candidate["held_out"]["seeds"] == [10, 11, 12]
    form = SCHEMA.with_name("ensemble.schema.json")
    assert Schema(json.loads(form.read_text()), form).problems(candidate) == []
    heat.json(capsys, f"accept {ENSEMBLE} --reason more")
    assert len(golden(heat)["seeds"]) == 10
    out, _ = heat.cli(capsys, "verify smooth")
    assert "passed" in out or "as accepted" in out


def test_what_cannot_be_extended_is_refused_in_one_sentence(heat, capsys):
    assert calibrated(heat, members=8, extend=True).ensemble.values["draws"] == golden(heat)["draws"]
    heat.json(capsys, "calibrate smooth --members 9")
    heat.json(capsys, f"accept {ENSEMBLE} --reason more")
    with pytest.raises(ProjectError, match="has 9 members already: --members 9 or more"):
        calibrated(heat, members=8, extend=True)
    heat.edit("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.5 * np.exp(guess) * speed[some])")
    with pytest.raises(ProjectError, match="the pipeline has changed since"):
        calibrated(heat, members=10, extend=True)
    with pytest.raises(ProjectError, match="--held-out -1: give how many more runs"):
        calibrated(heat, held_out=-1)


def test_members_that_were_left_out_stay_out_when_it_grows(heat, capsys):
    heat.edit(
        "guard.py",
        LAST,
        f'    diffusivity *= 30.0 if config["fit"]["seed"] == 1003 else 1.0\n{LAST}',
    )
    heat.repository.commit("diverges")
    heat.json(capsys, "calibrate smooth --exclude 3 --reason diverged")
    heat.json(capsys, f"accept {ENSEMBLE} --reason seeds")
    grown = calibrated(heat, members=10, extend=True).ensemble.values
    assert grown["seeds"] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert list(grown["decision"]["excluded"]) == ["3"]
    assert grown["decision"]["reason"] == "diverged"
    assert (
        calibrated(heat, members=10, extend=True, decision=Decision((3,), reason="diverged")).ensemble.values == grown
    )


def test_sixteen_members_judge_the_values_together_too(heat, capsys):
    heat.json(capsys, "calibrate smooth --members 16 --keep-outliers --reason usual")
    heat.json(capsys, f"accept {ENSEMBLE} --reason together")
    about = golden(heat)
    assert about["joint"]["alone"] == ["fit/loss/4"]  # it has an outlier
    assert about["joint"]["share"] == 0.5
    assert about["joint"]["rate"] == pytest.approx(0.01 * 0.5 * 8 / 16)
    held = intervals(Artifact(about))
    assert {i.alpha for i in held.values()} == {0.005}
    report = heat.smooth()
    (verdict,) = [v for v in report.invariants if v.path == TOGETHER]
    assert verdict.status is Status.PASS
    assert report.statistics["together"] == 7
    # Values that part, each within its own interval, are told.
    parted = [held[f"fit/loss/{i}"].mean + (-1) ** i * 0.9 * held[f"fit/loss/{i}"].detectable for i in range(6)]
    best = held["fit/diffusivity"].mean - 0.9 * held["fit/diffusivity"].detectable
    heat.edit("guard.py", LAST, f"    diffusivity, losses = {best!r}, {parted!r}\n{LAST}")
    report = heat.smooth()
    (verdict,) = [v for v in report.invariants if v.path == TOGETHER]
    assert verdict.status is Status.FAIL, verdict
    assert "most of it by fit/loss/" in verdict.message
    fit = next(a for a in report.artifacts if (a.artifact, a.track) == ("fit", "cpu"))
    assert {v.status for v in fit.verdicts} == {Status.PASS}


def test_a_fit_that_is_too_good_is_a_warning_in_terminal_and_report(heat, capsys):
    heat.edit(
        "goldens/tolerances.toml",
        '"fit/loss/*" = { interval = true }',
        '"fit/loss/*" = { interval = true, better = "lower" }',
    )
    heat.edit("guard.py", LAST, f"    losses = [losses[0], *(x / 10 for x in losses[1:])]\n{LAST}")
    (warning,) = [v for v in heat.smooth().invariants if v.path == "too_good"]
    assert warning.status is Status.WARNING
    assert "standard deviations better than" in warning.message
    assert "reaches training" in warning.message
    assert warning.obtained >= 5
    out, _ = heat.cli(capsys, "verify smooth", 1)  # the rules were edited, which nobody approved
    assert "too_good: better than the ensemble" in " ".join(out.split())


def test_the_power_of_the_small_repository(heat, capsys):
    told = heat.json(capsys, "power smooth")
    assert Schema(json.loads(SCHEMA.read_text()), SCHEMA).problems(told) == []
    (smooth,) = told["scenarios"]
    sharp = smooth["statistical"]
    assert (sharp["members"], sharp["sharing"], len(sharp["values"])) == (8, 16, 8)
    assert all(v["shift"] > (v["high"] - v["low"]) / 2 for v in sharp["values"])
    assert sharp["false_alarms"]["left_out"]["runs"] == 8
    deterministic = {a["address"]: a for a in smooth["deterministic"]}
    assert deterministic["replay/fit/diffusivity"]["by"] != ""
    assert any(a["amplification"] > 0 for a in deterministic.values())
    assert not any(a["broken"] for a in deterministic.values())
    out, _ = heat.cli(capsys, "power smooth --repeats 0")
    assert "shift caught at 90 %" in out.replace("\n", " ")
    assert "false alarms: promised" in " ".join(out.split())


def test_a_rule_that_is_a_thousand_times_looser_than_it_needs_to_be_is_named(heat, capsys):
    def loose():
        told = heat.json(capsys, "power smooth")
        return {rule["rule"]: rule["looseness"] for rule in told["loose_rules"]}

    before = loose()
    heat.edit(
        "goldens/tolerances.toml", '"readings/*" = { rtol = 1e-9, atol = 1e-9 }', '"readings/*" = { rtol = 1e-3 }'
    )
    added = set(loose()) - set(before)
    assert [rule for rule in added if rule.startswith('"readings/*"')]
    assert not [rule for rule in before if rule.startswith('"readings/*"')]


def test_a_rounding_ensemble_is_of_one_seed_and_judges_where_it_is_closer(heat, capsys):
    heat.edit("guard.py", '{"epochs": 6,', '{"epochs": 6, "moved": 0,')
    heat.edit(
        "guard.py",
        LAST,
        '    moved = 1 + 1e-7 * np.random.default_rng(config["fit"]["moved"]).normal() * (config["fit"]["moved"] > 0)\n'
        + LAST.replace("diffusivity,", "diffusivity * moved,").replace("losses", "[moved * x for x in losses]"),
    )
    settings = '{k: v for k, v in config["fit"].items() if k != "moved"}'
    heat.edit("guard.py", '*data, **config["fit"])', f"*data, **{settings})")
    heat.repository.commit("a key that moves")
    told = heat.json(capsys, "calibrate smooth --rounding fit.moved")
    assert told["id"] == "smooth/cpu/ensemble_rounding"
    candidate = read_candidate(find_project(heat.root), told["id"])[0].values
    assert candidate["rounding"] == "fit.moved"
    form = SCHEMA.with_name("ensemble.schema.json")
    assert Schema(json.loads(form.read_text()), form).problems(candidate) == []
    assert candidate["how"]["command"].endswith("--members 8 --rounding fit.moved")
    heat.json(capsys, f"accept {told['id']} --reason rounding")
    held = heat.examination().ensemble
    assert {i.of for i in held.values()} == {"runs with its own seed, moved as rounding may"}
    assert held["fit/diffusivity"].detectable < 1e-5 * held["fit/diffusivity"].mean
    report = heat.smooth()
    fit = next(a for a in report.artifacts if (a.artifact, a.track) == ("fit", "cpu"))
    assert {v.status for v in fit.verdicts} == {Status.PASS}
    assert "8 runs with its own seed, moved as rounding may" in fit.verdicts[0].allowed
    heat.edit("guard.py", "diffusivity * moved,", "diffusivity * moved * 1.0001,")
    fit = next(a for a in heat.smooth().artifacts if (a.artifact, a.track) == ("fit", "cpu"))
    assert [v.path for v in fit.verdicts if v.status is Status.FAIL] == ["diffusivity"]
