"""A whole verification of the heat pipeline: what is caught, where it says to look, and what it never writes."""

from __future__ import annotations

import json
import shutil

import pytest
from heat_repository import failing, find, verdict

from harness import GoldenError, ProjectError, RuleError
from harness.core.project import find_project
from harness.core.verdicts import Status
from harness.host.cluster.engine import Engine
from harness.store.candidates import list_pending, remove_candidate
from harness.verify.suite import open_cache, verify_suite

MAIN = ("profile", "field", "readings", "reference", "fit", "comparison")
SOLVER = ("heat.py", "diffusivity * dt / dx**2 * np.diff", "0.39 * np.diff")
GIVEN = ('reads=("fit",), replay="verify", tier="statistical"', 'reads=("fit",), replay="given", tier="statistical"')
TITLE = ("TITLES = {", 'TITLES = {"blunt": "one wave", ')
CHANGE = ("CHANGES = {", 'CHANGES = {"blunt": ["rod.waves=1"], ')
FIT = ("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.05 * np.exp(guess) * speed[some])")
LINE = ("heat.py", "    return -np.polyfit(times, np.log(heights), 1)[0] / np.pi**2", "    {}")


def verdicts_of(report):
    return {s.stage: s.verdict for s in report.diagnosis.findings}


def waiting(heat):
    return [p.identity for p in list_pending(heat.project()) if p.kind == "golden"]


# As accepted


def test_an_unchanged_tree_is_as_accepted_and_nothing_runs(heat):
    report = heat.suite().report
    assert report.passed
    assert not report.problems
    assert [s.diagnosis.first for s in report.scenarios] == [None, None]
    assert report.count(Status.PASS) == report.compared == 124
    assert heat.ran == []
    assert waiting(heat) == []


def test_without_the_cache_every_stage_runs_and_the_verdicts_are_the_same(heat):
    cached = {(a.track, a.artifact): a.verdicts for a in heat.smooth().artifacts}
    assert heat.ran == []
    fresh = {(a.track, a.artifact): a.verdicts for a in heat.smooth(cache=False).artifacts}
    assert sorted(set(heat.ran)) == ["compare", "fit", "measure", "reference", "solve", "start"]
    assert fresh == cached


def test_without_training_what_it_decides_is_neither_run_nor_compared(heat):
    """The fit is the statistical stage, and the comparison needs it; their replays are compared all the same."""
    with open_cache(heat.project(), use=False) as cache:
        report = verify_suite(heat.project(), cache, training=False).report
    (smooth, *_) = report.scenarios
    names = [(a.track, a.artifact) for a in smooth.artifacts]
    assert ("cpu", "readings") in names
    assert ("cpu", "reference") in names
    assert not {("cpu", "fit"), ("cpu", "comparison"), ("cpu", "invariants")} & set(names)
    assert ("replay", "comparison") in names
    assert report.passed
    assert not report.problems  # rules and goldens of the rest have nothing to be held against
    assert smooth.invariants == ()


def test_without_training_a_fault_before_it_is_found_all_the_same(heat):
    heat.edit(*SOLVER)
    with open_cache(heat.project()) as cache:
        report = verify_suite(heat.project(), cache, names=["smooth"], training=False).report
    assert report.scenarios[0].diagnosis.first == "solve"


def test_without_training_no_candidate_is_kept_that_takes_one(heat):
    """All of the replay would have to be golden anew, and the fit's output is part of it."""
    heat.edit(*SOLVER)
    with open_cache(heat.project()) as cache:
        report = verify_suite(heat.project(), cache, training=False).report
    assert "fit" not in heat.ran
    assert {identity.split("/")[1] for identity in waiting(heat)} == {"cpu"}
    (said,) = [sentence for sentence in report.omitted if sentence.startswith("candidates")]
    assert said.startswith("candidates of the replay of 2 scenarios: ")
    heat.suite()
    kept = waiting(heat)
    assert {identity.split("/")[1] for identity in kept} == {"cpu", "replay"}
    with open_cache(heat.project()) as cache:
        verify_suite(heat.project(), cache, training=False)
    assert waiting(heat) == kept  # of those it says nothing
    heat.edit(SOLVER[0], SOLVER[2], SOLVER[1])
    with open_cache(heat.project()) as cache:
        verify_suite(heat.project(), cache, training=False)
    assert {identity.split("/")[2] for identity in waiting(heat)} <= {"fit", "comparison", "invariants"}


def test_without_training_a_candidate_is_left_alone_of_what_only_a_training_gives(heat):
    """A new scenario, of which the replay's fit is stored and nothing else of it waits."""
    heat.edit("guard.py", *GIVEN)
    heat.edit("guard.py", *TITLE)
    heat.edit("guard.py", *CHANGE)
    heat.suite("blunt")
    for identity in waiting(heat):
        if identity != "blunt/replay/fit":
            remove_candidate(heat.project(), identity)
    with open_cache(heat.project()) as cache:
        report = verify_suite(heat.project(), cache, names=["blunt"], training=False).report
    assert "blunt/replay/fit" in waiting(heat)
    assert any(sentence.startswith("candidates of the replay of 1 scenario: ") for sentence in report.omitted)


def test_candidates_of_a_replay_that_fail_fast_did_not_judge_whole_are_left_alone(heat):
    heat.edit("guard.py", *GIVEN)
    heat.edit(*SOLVER)
    heat.suite("smooth")
    kept = [identity for identity in waiting(heat) if "/replay/" in identity]
    assert {"smooth/replay/fit", "smooth/replay/comparison"} < set(kept)
    heat.edit(SOLVER[0], SOLVER[2], SOLVER[1])
    heat.edit("guard.py", '"hottest": field.max()', '"hottest": 1.01 * field.max()')  # which no replay holds
    (report,) = heat.suite("smooth", fail_fast=True).report.scenarios
    assert [(a.track, a.artifact) for a in report.artifacts if a.failed] == [("cpu", "field")]
    assert [identity for identity in waiting(heat) if "/replay/" in identity] == kept


def test_why_a_stored_output_waits_is_that_the_others_do(heat):
    heat.edit("guard.py", *GIVEN)
    heat.edit(*SOLVER)
    heat.suite("smooth")
    said = {p.identity: p.headline for p in list_pending(heat.project())}
    assert "kept beside the others" in said["smooth/replay/fit"]


def test_a_scenario_that_is_skipped_keeps_its_candidates(heat):
    heat.edit(*SOLVER)
    heat.suite()
    kept = waiting(heat)
    assert [identity for identity in kept if identity.startswith("sharp/")]
    heat.edit("guard.py", "TITLES[name], config)", 'TITLES[name], config, "no file" if name == "sharp" else "")')
    heat.suite()
    assert waiting(heat) == kept


def test_a_setting_of_the_fit_runs_no_stage_before_it(heat):
    report = heat.smooth(overrides=["fit.rate=1.9"])
    assert set(heat.ran) == {"fit", "compare"}
    assert report.diagnosis.first == "configuration"
    assert verdict(report, "configuration", "fit/rate").status is Status.FAIL


def test_a_comment_runs_nothing(heat):
    heat.edit(
        "heat.py", "    dx = 1 / (temperature.size - 1)\n", "    # the step\n    dx = 1 / (temperature.size - 1)\n"
    )
    assert heat.suite().report.passed
    assert heat.ran == []


def test_a_report_names_the_source_and_the_goldens_that_it_verified(heat):
    subject = heat.suite("smooth").report.subject
    assert subject == heat.suite("smooth", cache=False).report.subject
    manifest = heat.root / "goldens/MANIFEST.json"
    accepted = manifest.read_text()
    manifest.write_text(accepted + "\n")
    assert heat.suite("smooth").report.subject != subject
    manifest.write_text(accepted)
    heat.edit(*SOLVER)
    assert heat.suite("smooth").report.subject != subject


def test_an_edit_during_a_verification_is_not_what_it_verified(heat):
    manifest = heat.root / "goldens/MANIFEST.json"
    subject = heat.suite("smooth").report.subject
    edited = heat.suite("smooth", finished=lambda _: manifest.write_text(manifest.read_text() + "\n"))
    assert edited.report.subject == subject
    assert heat.suite("smooth").report.subject != subject


def test_looking_at_something_else_does_not_run_the_stage(heat):
    heat.edit("guard.py", '"hottest": field.max()', '"hottest": 1.1 * field.max()')
    report = heat.smooth()
    assert heat.ran == []
    assert verdict(report, "field", "hottest").status is Status.FAIL


# Where to look


def test_a_fault_of_the_solver_is_found_there_and_later_stages_are_only_its_victims(heat):
    heat.edit(*SOLVER)
    report = heat.smooth()
    assert report.diagnosis.first == "solve"
    assert verdicts_of(report) == {
        "configuration": "sound", "start": "sound", "solve": "wrong", "measure": "input already wrong",
        "reference": "input already wrong", "fit": "input already wrong", "compare": "input already wrong",
    }  # fmt: skip
    assert failing(report) == {f"cpu/{a}" for a in MAIN[1:]} | {"replay/field"}
    assert any(note.startswith("The reference differs too") for note in report.diagnosis.notes)
    assert not any(v.status.failed for v in report.invariants)


def test_a_fault_of_the_fit_is_found_there_and_the_data_are_not_blamed(heat):
    heat.edit(*FIT)
    report = heat.smooth()
    assert report.diagnosis.first == "fit"
    assert verdicts_of(report)["fit"] == "wrong"
    assert {s for s, v in verdicts_of(report).items() if v == "sound"} == {
        "configuration", "start", "solve", "measure", "reference",
    }  # fmt: skip
    assert verdicts_of(report)["compare"] == "input already wrong"
    assert any("the data are not to blame, fit" in note for note in report.diagnosis.notes)


def test_two_faults_are_both_named(heat):
    heat.edit(*SOLVER)
    heat.edit(*FIT)
    report = heat.smooth()
    assert report.diagnosis.first == "solve"
    assert [s for s, v in verdicts_of(report).items() if v == "wrong"] == ["solve", "fit"]


def test_a_fault_within_the_noise_of_training_is_seen_by_the_replay(heat):
    heat.edit("heat.py", "(np.pi * np.arange(1, heights.size + 1))", "(3.14 * np.arange(1, heights.size + 1))")
    report = heat.smooth()
    assert failing(report) == {"replay/fit"}
    assert report.diagnosis.first == "fit"


def test_a_drifted_configuration_comes_first(heat):
    heat.edit("guard.py", '"diffusivity": 0.1,', '"diffusivity": 0.11,')
    report = heat.smooth()
    assert report.diagnosis.first == "configuration"
    wrong = verdict(report, "configuration", "rod/diffusivity")
    assert (wrong.status, wrong.expected, wrong.obtained) == (Status.FAIL, 0.1, 0.11)


def test_a_stage_that_changes_its_configuration_breaks_an_invariant(heat):
    heat.edit("guard.py", '    t = config["thermometers"]\n', '    t = config["thermometers"]\n    t["late"] = 1\n')
    (broken,) = [v for v in heat.smooth().invariants if v.status.failed]
    assert (broken.path, broken.message) == ("configuration_unchanged", "changed by measure")


# Invariants


def test_an_invariant_that_does_not_hold_fails_and_is_told(heat):
    heat.edit("heat.py", "    rows = [temperature]\n", "    rows = [0.9 * temperature, temperature]\n")
    report = heat.smooth()
    broken = {v.path: v for v in report.invariants if v.status.failed}
    assert "never_gets_hotter" in broken
    assert broken["never_gets_hotter"].allowed == "at most 1e-12"
    assert any("Invariant never_gets_hotter does not hold" in note for note in report.diagnosis.notes)


def test_bounds_that_were_moved_are_not_as_accepted(heat):
    heat.edit("guard.py", "high=1e-12", "high=1.0")
    report = heat.smooth()
    assert failing(report) == {"cpu/invariants"}
    assert verdict(report, "invariants", "never_gets_hotter/high").status is Status.FAIL
    assert report.diagnosis.headline.startswith("The invariants themselves are not as accepted")


def test_an_invariant_of_what_is_not_finite_fails(heat):
    heat.edit("guard.py", '"gain": np.diff(field.max(axis=1)).max()', '"gain": np.nan')
    report = heat.smooth()
    (broken,) = [v for v in report.invariants if v.status.failed]
    assert (broken.path, broken.obtained) == ("never_gets_hotter", "NaN")


def test_invariants_that_raise_are_a_verdict_and_no_crash(heat):
    heat.edit("guard.py", 'field["gain"], high', 'field["grain"], high')
    report = heat.smooth()
    (broken,) = [v for v in report.invariants if v.status.failed]
    assert "KeyError: 'grain'" in broken.message
    assert report.failed


# Values and schemas


def test_a_stage_that_raises_is_an_error_and_blocks_those_that_need_it(heat):
    heat.edit(LINE[0], LINE[1], LINE[2].format('raise ValueError("no line")'))
    suite = heat.suite("smooth")
    (report,) = suite.report.scenarios
    assert find(report, "reference").error.startswith("ValueError: no line (heat.py, line ")
    assert find(report, "comparison").blocked == "reference"
    assert find(report, "invariants").blocked == "reference"
    assert not find(report, "fit").failed
    assert report.diagnosis.first == "reference"
    assert not suite.report.passed
    assert suite.candidates == []  # nothing was obtained


def test_a_value_that_vanishes_is_missing(heat):
    heat.edit("guard.py", 'estimates = {"fit": fit, "reference": reference}', 'estimates = {"fit": fit}')
    report = heat.smooth()
    assert verdict(report, "comparison", "reference_error").status is Status.MISSING
    assert (
        "reference_error"
        in next(v for v in find(report, "comparison").verdicts if v.rule.startswith("required")).message
    )


def test_a_value_that_appears_is_unexpected(heat):
    heat.edit("guard.py", '"hottest": field.max()', '"hottest": field.max(), "coldest": field.min()')
    report = heat.smooth()
    assert verdict(report, "field", "coldest").status is Status.UNEXPECTED
    assert any("additionalProperties" in v.rule for v in find(report, "field").verdicts)


def test_a_value_without_a_rule_fails(heat):
    heat.edit("goldens/tolerances.toml", '"reference/diffusivity" = { rtol = 1e-6 }\n', "")
    suite = heat.suite()
    result = verdict(suite.report.scenarios[1], "reference", "diffusivity")
    assert result.status is Status.FAIL
    assert 'no rule matches "reference/diffusivity"' in result.message
    assert any("tolerances.toml was edited since it was accepted" in p for p in suite.report.problems)


def test_a_rule_that_matches_nothing_is_a_problem_even_where_goldens_are_missing(heat):
    heat.edit("goldens/tolerances.toml", '"field/steps"', '"field/step"')
    shutil.rmtree(heat.root / "goldens" / "smooth")
    (heat.root / "goldens" / "MANIFEST.json").unlink()
    problems = [p for p in heat.suite().report.problems if "matches nothing" in p]
    assert problems == ["goldens/tolerances.toml: rule 'field/step' matches nothing: remove it or mend its pattern"]


def test_not_a_number_is_caught_by_schema_and_golden(heat):
    heat.edit(LINE[0], LINE[1], LINE[2].format("return np.nan"))
    report = heat.smooth()
    broken = [v for v in find(report, "reference").verdicts if v.status.failed]
    assert [v.path for v in broken] == ["$.values.diffusivity", "diffusivity"]
    assert broken[1].obtained == "NaN"


def test_not_a_number_in_an_array_breaks_an_invariant_too(heat):
    heat.edit(
        "heat.py",
        "    return rows, columns, clean + noise",
        "    clean[3, 2] = np.nan\n    return rows, columns, clean + noise",
    )
    report = heat.smooth()
    assert "cpu/readings" in failing(report)
    assert "finite_everywhere" in {v.path for v in report.invariants if v.status.failed}


def test_a_golden_of_an_older_schema_is_stale_and_says_how_to_refresh_it(heat):
    text = (heat.root / "schemas/fit.schema.json").read_text()
    (heat.root / "schemas/fit.schema.json").write_text(text.replace("heat/fit-1", "heat/fit-2"))
    suite = heat.suite("smooth")
    (stale,) = find(suite.report.scenarios[0], "fit").verdicts
    assert stale.status is Status.STALE
    assert "accepted under schema heat/fit-1, now it is heat/fit-2" in stale.message
    assert "harness review smooth/cpu/fit" in stale.message
    assert suite.candidates == ["smooth/cpu/fit"]


def test_better_than_a_one_sided_bound_is_an_improvement_and_a_candidate(heat):
    heat.edit(
        "goldens/tolerances.toml",
        '"comparison/reference_error" = { rtol = 1e-4 }',
        '"comparison/reference_error" = { max = 0.1, rtol = 1e-4 }',
    )
    heat.edit(LINE[0], LINE[1], LINE[2].format("return 0.1"))
    suite = heat.suite("smooth")
    (report,) = suite.report.scenarios
    assert verdict(report, "comparison", "reference_error").status is Status.IMPROVED
    assert "cpu/comparison" not in failing(report)
    assert "smooth/cpu/comparison" in suite.candidates


# The store


def test_what_differs_becomes_a_candidate_and_no_golden_changes(heat):
    before = heat.files("goldens", "schemas")
    heat.edit(*FIT)
    suite = heat.suite("smooth")
    ids = ["smooth/cpu/comparison", "smooth/cpu/fit", "smooth/replay/comparison", "smooth/replay/fit"]
    assert sorted(suite.candidates) == sorted(waiting(heat)) == ids
    assert heat.files("goldens", "schemas") == before


def test_candidates_go_when_everything_is_as_accepted_again(heat):
    heat.edit(*FIT)
    heat.suite("smooth")
    heat.edit(FIT[0], FIT[2], FIT[1])
    assert heat.suite("smooth").report.passed
    assert waiting(heat) == []


def test_overrides_never_make_candidates(heat):
    suite = heat.suite("smooth", overrides=["rod.diffusivity=0.2"])
    assert not suite.report.passed
    assert suite.candidates == waiting(heat) == []


def test_in_ci_nothing_is_kept_and_a_missing_golden_fails(heat):
    heat.edit("guard.py", '{"smooth": "two waves', '{"new": "one more", "smooth": "two waves')
    heat.edit("guard.py", '{"smooth": [],', '{"new": [], "smooth": [],')
    before = heat.files("goldens", ".harness/pending")
    heat.monkeypatch.setenv("CI", "true")
    report = heat.suite().report
    assert not report.passed
    assert failing(report.scenarios[0]) == {f"cpu/{a}" for a in ("configuration", *MAIN, "invariants")} | {
        f"replay/{a}" for a in MAIN
    }
    assert report.scenarios[0].diagnosis.headline.startswith("Nothing is accepted yet: look at the candidates")
    assert heat.files("goldens", ".harness/pending") == before


def test_a_damaged_golden_is_named_and_everything_else_is_judged(heat):
    path = heat.root / "goldens/smooth/cpu/fit.json"
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.2", 1))
    suite = heat.suite("smooth")
    (sentence,) = suite.damaged
    assert sentence.startswith("smooth/cpu/fit.json is not what was accepted")
    assert failing(suite.report.scenarios[0]) == {"cpu/fit"}


def test_a_damaged_golden_of_the_replay_is_named_and_later_stages_run_without_it(heat):
    (heat.root / "goldens/smooth/replay/field.npz").write_bytes(b"PK")
    suite = heat.suite("smooth")
    assert "smooth/replay/field.npz" in suite.damaged[0]
    assert failing(suite.report.scenarios[0]) == {"replay/field"}


def test_a_damaged_ensemble_is_an_error(heat):
    (heat.root / "goldens/smooth/cpu/ensemble.json").write_text("{}")
    with pytest.raises(GoldenError, match=r"smooth/cpu/ensemble\.json is not what was accepted"):
        heat.suite("smooth")


def test_a_golden_that_nobody_makes_is_a_problem(heat):
    heat.edit("guard.py", ', "sharp": "six waves, noisy thermometers"', "")
    problems = heat.suite().report.problems
    assert len(problems) == 15
    assert "golden sharp/cpu/fit belongs to no stage of any scenario: remove it with `harness prune`" in problems


def test_a_file_that_the_manifest_does_not_know_is_a_problem(heat):
    shutil.copy(heat.root / "goldens/smooth/cpu/fit.json", heat.root / "goldens/smooth/cpu/fat.json")
    (problem,) = heat.suite().report.problems
    assert problem.startswith("smooth/cpu/fat is in goldens/, not in the manifest")


def test_a_scenario_that_cannot_run_here_is_skipped_and_in_ci_a_problem(heat):
    heat.edit("guard.py", "TITLES[name], config)", 'TITLES[name], config, "no such file" if name == "sharp" else "")')
    report = heat.suite().report
    assert report.passed
    assert report.scenarios[0].skipped == "no such file"
    heat.monkeypatch.setenv("CI", "1")
    report = heat.suite().report
    assert report.problems == ("scenario sharp was skipped: in CI every golden is compared",)
    assert not report.passed


# What cannot be used


@pytest.mark.parametrize(("path", "error", "match"), [
    ("goldens/tolerances.toml", RuleError, r"tolerances\.toml is missing: .* in rules such as"),
    ("schemas/fit.schema.json", ProjectError, r"harness schema SCENARIO fit` drafts one"),
    ("guard.py", ProjectError, r"adapter = 'guard:pipeline' cannot be imported"),
])  # fmt: skip
def test_what_is_missing_is_told_before_anything_runs(heat, path, error, match):
    (heat.root / path).unlink()
    heat.forget()
    project = find_project(heat.root)
    with pytest.raises(error, match=match), open_cache(project, use=False) as cache:
        verify_suite(project, cache)


@pytest.mark.parametrize(("old", "new", "match"), [
    ('fit, needs=("start", "measure")', 'fit, needs=("start", "mesure")', "no earlier stage"),
    ('Stage("fit", "fit"', 'Stage("fit", "field"', "two stages emit 'field'"),
    ('Stage("fit", "fit"', 'Stage("fit", "golden"', "the harness has one of that name"),
    ('Stage("fit", "fit"', 'Stage("fit", "request"', "pytest has one of that name"),
    ('Stage("fit", "fit"', 'Stage("fit", "class"', "no name in Python"),
    ('Stage("fit", "fit"', 'Stage("solve", "fit"', "two stages are called 'solve'"),
    ('("rod.waves",), replay="verify"', '("rod.waves",), replay="verify", main=False', "not run in a scenario's own"),
    ('("rod.waves",), replay="verify"', '("rod.waves",), replay="no"', 'replay = "given"'),
])  # fmt: skip
def test_stages_that_cannot_run_in_their_order_are_refused(heat, old, new, match):
    heat.edit("guard.py", old, new)
    with pytest.raises(ProjectError, match=match):
        _ = heat.project().pipeline


@pytest.mark.parametrize(("new", "match"), [
    ("return None", "load of sharp gave a NoneType, not a Scenario"),
    ('return Scenario("smooth", profile, TITLES[name], config)', "asked to load sharp at .*, and gave 'smooth' at"),
    ('return Scenario(name, "replay", TITLES[name], config)', "and gave 'sharp' at profile 'replay'"),
    ("return Scenario(name, profile, TITLES[name], None)", "has a NoneType for its configuration"),
])  # fmt: skip
def test_an_adapter_that_loads_another_scenario_is_told_in_a_sentence(heat, new, match):
    heat.edit("guard.py", "return Scenario(name, profile, TITLES[name], config)", new)
    with pytest.raises(ProjectError, match=match):
        heat.project().scenario("sharp", "cpu")


def test_an_adapter_that_cannot_load_a_scenario_is_told_in_a_sentence(heat):
    heat.edit("guard.py", "json.loads(value)", "json.load(value)")
    with pytest.raises(ProjectError, match=r"cannot load sharp at profile 'cpu' \(AttributeError"):
        heat.project().scenario("sharp", "cpu")


def test_two_workers_give_the_verdicts_of_one(heat):
    shutil.rmtree(heat.root / ".harness")
    heat.edit(*SOLVER)
    reports = [json.loads(heat.repository.harness(f"verify --json --no-cache --workers {n}", 1).stdout) for n in (1, 2)]

    def judged(report):
        return [(a["track"], a["artifact"], a["verdicts"]) for s in report["scenarios"] for a in s["artifacts"]]

    assert judged(reports[0]) == judged(reports[1])
    assert [s["diagnosis"] for s in reports[0]["scenarios"]] == [s["diagnosis"] for s in reports[1]["scenarios"]]


def test_the_stages_of_several_workers_run_in_other_processes_and_their_keys_come_back(heat):
    shutil.rmtree(heat.root / ".harness")
    suite = heat.suite("smooth", engine=Engine(2))
    assert suite.report.passed
    assert heat.ran == []
    assert not any(artifact.cached for artifact in suite.report.scenarios[0].artifacts)
    heat.suite("smooth", cache=False)
    assert set(heat.ran) == {stage.name for stage in heat.project().pipeline.stages}


def test_workers_compute_what_candidates_hold(heat, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    heat.edit(*SOLVER)
    assert not heat.suite(engine=Engine(2)).report.passed
    assert heat.ran == []
    kept = waiting(heat)
    assert any("/replay/" in identity for identity in kept)
    shutil.rmtree(heat.root / ".harness")
    heat.suite()
    assert heat.ran
    assert waiting(heat) == kept


def test_what_workers_computed_is_not_called_cached(heat):
    shutil.rmtree(heat.root / ".harness")

    def cached(workers):
        report = json.loads(heat.repository.harness(f"verify sharp --json --workers {workers}").stdout)
        return [a.get("cached", False) for s in report["scenarios"] for a in s["artifacts"] if a["stage"] == "solve"]

    assert not any(cached(2))
    again = cached(2)
    assert again
    assert all(again)
