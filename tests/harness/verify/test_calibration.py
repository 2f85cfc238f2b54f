"""Ensembles: what is drawn, which intervals follow, and what an author is told."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
from scipy.stats import t

from harness import Artifact, ProjectError
from harness.host.cluster.engine import Engine
from harness.judge.ensemble import intervals
from harness.judge.policies.interval import rms_difference
from harness.run.runner import Runner
from harness.verify.ensembles.calibration import calibrate_scenario
from harness.verify.ensembles.members import ensemble_member
from harness.verify.examination import Examination
from harness.verify.suite import open_cache


def run(heat, members=8, **options):
    project = heat.project()
    with open_cache(project) as cache:
        examination = Examination(project, Runner(project.pipeline, cache), "smooth", "cpu")
        return calibrate_scenario(
            examination, cache, members=members, alpha=project.alpha, values=project.values, **options
        )


def test_members_differ_in_the_training_only_and_draw_every_interval(heat):
    (heat.root / ".harness/cache").rename(heat.root / ".harness/other")
    built = run(heat)
    assert Counter(heat.ran) == dict.fromkeys(("start", "solve", "measure", "reference"), 1) | {"fit": 9, "compare": 9}
    draws = built.ensemble.values["draws"]
    assert set(draws) == {"fit/diffusivity", "comparison/fit_error", *(f"fit/loss/{i}" for i in range(6))}
    assert all(len(set(d)) == 8 for d in draws.values())
    assert built.ensemble.values["seeds"] == list(range(8))
    assert (built.restless, built.still) == ((), ())


def test_the_accepted_intervals_are_those_of_students_t(heat):
    accepted = json.loads((heat.root / "goldens/smooth/cpu/ensemble.json").read_text())["values"]
    result = intervals(Artifact(accepted))["fit/diffusivity"]
    draws = np.array(accepted["draws"]["fit/diffusivity"])
    half = t.ppf(1 - 0.01 / (2 * 16), 7) * np.sqrt(1 + 1 / 8) * draws.std(ddof=1)
    assert (result.n, result.alpha, result.values) == (8, 0.01, 16)
    np.testing.assert_allclose([result.low, result.high], draws.mean() + half * np.array([-1, 1]), rtol=1e-10)
    assert result.detectable == pytest.approx(half)


def test_made_again_it_is_the_same(heat):
    accepted = json.loads((heat.root / "goldens/smooth/cpu/ensemble.json").read_text())["values"]
    assert run(heat).ensemble.values == accepted


def test_a_restless_value_is_named(heat):
    heat.edit(
        "goldens/tolerances.toml", '"fit/diffusivity" = { interval = true }', '"fit/diffusivity" = { rtol = 1e-9 }'
    )
    assert run(heat).restless == ("fit/diffusivity",)


def test_a_value_with_an_interval_that_does_not_vary_is_named(heat):
    heat.edit(
        "goldens/tolerances.toml",
        '"reference/diffusivity" = { rtol = 1e-6 }',
        '"reference/diffusivity" = { interval = true }',
    )
    assert run(heat).still == ("reference/diffusivity",)


def test_an_array_is_drawn_as_its_distance_from_the_scenarios_own_run(heat):
    heat.edit(
        "goldens/tolerances.toml",
        '"readings/*" = { rtol = 1e-9, atol = 1e-9 }',
        '"readings/*" = { rtol = 1e-9, atol = 1e-9 }\n"readings/readings" = { interval = true }',
    )
    heat.edit(
        "guard.py",
        '    return {**config, "fit"',
        '    config["thermometers"]["seed"] = member\n    return {**config, "fit"',
    )
    draws = run(heat).ensemble.values["draws"]["readings/readings"]
    assert draws[2] == 0  # the scenario's own seed
    assert all(0.005 < d < 0.03 for i, d in enumerate(draws) if i != 2)


def test_several_processes_draw_the_same(heat):
    alone = run(heat).ensemble
    (heat.root / ".harness/cache").rename(heat.root / ".harness/other")
    heat.ran.clear()
    assert run(heat, engine=Engine(2)).ensemble == alone
    assert heat.ran == []  # all ran elsewhere, the scenario itself as well


def test_too_few_members_and_no_seeds_are_refused(heat):
    with pytest.raises(ProjectError, match="7 members are too few"):
        run(heat, members=7)
    heat.edit("guard.py", "    reseed=reseed,\n", "")
    with pytest.raises(ProjectError, match="'heat' has no reseed"):
        run(heat)


def test_a_member_has_its_own_seed_and_nothing_else(heat):
    examination = heat.examination()
    first, second = (ensemble_member(examination, n).config for n in (0, 1))
    assert (first["fit"]["seed"], second["fit"]["seed"]) == (1000, 1001)
    assert {**first, "fit": {**first["fit"], "seed": 3}} == examination.scenario.config


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.uint8])
def test_distance_is_the_root_mean_square_of_the_modulus(dtype):
    golden, obtained = np.array([3, 1], dtype), np.array([0, 1], dtype)
    assert rms_difference(golden, obtained) == pytest.approx(3 / np.sqrt(2))


def test_an_ensemble_is_a_candidate_with_how_it_was_made(heat, capsys):
    heat.edit("guard.py", '{"epochs": 6,', '{"epochs": 7,')
    heat.repository.commit()
    assert "kept as candidate smooth/cpu/ensemble" in heat.cli(capsys, "calibrate smooth")[0]
    (waiting,) = heat.json(capsys, "pending")
    assert waiting["headline"] == "ensemble of 8 members"
    built = heat.json(capsys, "accept smooth/cpu/ensemble --reason more")
    assert list(built["changes"]) == ["smooth/cpu/ensemble"]
    stored = json.loads((heat.root / "goldens/smooth/cpu/ensemble.json").read_text())["values"]
    assert stored["how"]["command"] == "harness calibrate smooth --profile cpu --members 8"
    assert "fit/loss/6" in stored["draws"]


def test_an_ensemble_whose_member_cannot_be_repeated_is_refused(heat, capsys):
    heat.edit("guard.py", '{"epochs": 6,', '{"epochs": 7,')
    heat.repository.commit()
    heat.cli(capsys, "calibrate smooth")
    heat.edit("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.5 * np.exp(guess) * speed[some])")
    heat.repository.commit()
    assert "a fresh run disagrees with the candidate" in heat.cli(capsys, "accept smooth/cpu/ensemble --reason x", 2)[1]


def test_members_are_scenarios_of_the_same_name(heat):
    examination = heat.examination()
    assert dataclasses.replace(ensemble_member(examination, 3), config={}) == dataclasses.replace(
        examination.scenario, config={}
    )
