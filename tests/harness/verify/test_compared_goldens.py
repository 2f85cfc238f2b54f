"""Coverage is data under approval: what the code stops comparing is a problem, unless an accepted file says so."""

from __future__ import annotations

import pytest
from heat_repository import failing

from harness.core.ids import GoldenId
from harness.verify.suite import open_cache, verify_suite

MEASURE = 'reads=("thermometers",), replay="verify"'
GIVEN = 'reads=("thermometers",), replay="given"'
MISSING = ("guard.py", "TITLES[name], config)", 'TITLES[name], config, "no file" if name == "sharp" else "")')
REPLAY = '    reseed=reseed,\n    replay_profile="small",\n'
STATISTICAL = '            tier="statistical",\n'
REFERENCE = (
    '        Stage("reference", "reference", line, needs=("measure",), reads=("rod.waves",), replay="verify"),\n'
)
FIT = 'reads=("fit",), replay="verify", tier="statistical"),\n'


def problems(heat, *names, training=True):
    with open_cache(heat.project()) as cache:
        return [*verify_suite(heat.project(), cache, names=names, training=training).report.problems]


def of_values(lines):
    """Those problems that are of goldens, not of the rules that lost their values with them."""
    return [line for line in lines if "matches nothing" not in line]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("names", [(), ("sharp", "smooth")])
def test_a_replay_that_is_only_given_is_a_problem(heat, names, training):
    heat.edit("guard.py", MEASURE, GIVEN)
    (problem,) = problems(heat, *names, training=training)
    assert problem == (
        "sharp/replay/readings and smooth/replay/readings are compared by nothing: give its stage "
        'replay = "verify", or add "replay/readings" to uncompared in goldens/tolerances.toml'
    )


def test_a_verification_of_one_scenario_checks_the_coverage_of_that_one(heat):
    heat.edit("guard.py", MEASURE, GIVEN)
    (problem,) = problems(heat, "smooth")
    assert problem.startswith("smooth/replay/readings is compared by nothing")


def test_what_an_approved_file_lists_may_stay_uncompared(heat):
    heat.edit("guard.py", MEASURE, GIVEN)
    heat.edit("goldens/tolerances.toml", "version = 1\n", 'version = 1\nuncompared = ["replay/readings"]\n')
    (problem,) = problems(heat)
    assert problem.startswith("tolerances.toml was edited since it was accepted")
    heat.repository.commit("given")
    heat.repository.harness("accept tolerances.toml --reason given")
    assert problems(heat) == []
    assert problems(heat, "smooth") == []


@pytest.mark.parametrize("entry", ["replay/fit", "fit", "replay/*", "**"])
def test_an_entry_for_what_is_compared_is_a_problem(heat, entry):
    heat.edit("goldens/tolerances.toml", "version = 1\n", f'version = 1\nuncompared = ["{entry}"]\n')
    said = [p for p in problems(heat) if "uncompared" in p]
    expected = {"replay/fit": "replay/fit", "fit": "fit", "replay/*": "replay/fit", "**": "fit"}[entry]
    named = f'goldens/tolerances.toml: uncompared "{entry}" names {expected}, which is compared: take it out'
    assert named in said


def test_an_entry_that_matches_nothing_is_a_problem(heat):
    heat.edit("goldens/tolerances.toml", "version = 1\n", 'version = 1\nuncompared = ["replay/fat"]\n')
    (problem,) = [p for p in problems(heat) if "uncompared" in p]
    assert problem == 'goldens/tolerances.toml: uncompared "replay/fat" matches no golden: take it out or mend it'
    assert [p for p in problems(heat, "smooth") if "uncompared" in p] == []  # others may need it


@pytest.mark.parametrize("training", [True, False])
def test_a_stage_that_leaves_the_main_track_is_a_problem(heat, training):
    heat.edit(
        "guard.py", '("rod.diffusivity",), replay="verify"\n', '("rod.diffusivity",), replay="verify", main=False\n'
    )
    said = of_values(problems(heat, training=training))
    assert "schema comparison.schema.json is of no artifact" in said
    (problem,) = [p for p in said if "compared by nothing" in p]
    assert problem.startswith("sharp/cpu/comparison and smooth/cpu/comparison are compared by nothing: let its stage")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("names", [(), ("smooth",)])
def test_a_stage_that_is_dropped_or_renamed_is_a_problem(heat, names, training):
    heat.edit("guard.py", 'Stage("reference", "reference", line', 'Stage("reference", "line", line')
    heat.repository.shell("cp schemas/reference.schema.json schemas/line.schema.json")
    said = problems(heat, *names, training=training)
    for track in ("cpu", "replay"):
        assert (
            f"golden smooth/{track}/reference belongs to no stage of any scenario: remove it with `harness prune`"
            in said
        )


@pytest.mark.parametrize("training", [True, False])
def test_a_scenario_that_is_dropped_is_a_problem(heat, training):
    heat.edit("guard.py", ', "sharp": "six waves, noisy thermometers"', "")
    assert len(problems(heat, training=training)) == 15


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("names", [(), ("smooth", "sharp")])
def test_a_scenario_that_cannot_run_in_ci_is_a_problem(heat, names, training):
    heat.edit(*MISSING)
    assert problems(heat, *names, training=training) == []
    heat.monkeypatch.setenv("CI", "1")
    assert problems(heat, *names, training=training) == ["scenario sharp was skipped: in CI every golden is compared"]


def test_a_tier_that_hides_a_stage_from_a_verification_without_training_is_a_problem(heat):
    heat.edit(
        "guard.py", '("rod.diffusivity", "rod.seconds"),\n', '("rod.diffusivity", "rod.seconds"),\n' + STATISTICAL
    )
    assert problems(heat) == []  # with training it is compared all the same
    said = problems(heat, "smooth", training=False)
    hidden = ("field", "readings", "reference")
    assert [p.partition(" is left out by --no-training")[0] for p in said] == [f"smooth/cpu/{a}" for a in hidden]
    assert 'give one of its rules tier = "statistical"' in said[0]


def test_a_need_that_hides_a_stage_is_a_problem(heat):
    heat.edit("guard.py", "def line(config, progress, measure):", "def line(config, progress, measure, fit):")
    heat.edit("guard.py", REFERENCE, "")
    heat.edit("guard.py", FIT, FIT + REFERENCE.replace('("measure",)', '("measure", "fit")'))
    assert any(p.startswith("smooth/cpu/reference is left out by") for p in problems(heat, training=False))


def test_a_rule_says_that_training_decides_a_value(heat):
    heat.edit(
        "guard.py", '("rod.diffusivity", "rod.seconds"),\n', '("rod.diffusivity", "rod.seconds"),\n' + STATISTICAL
    )
    rule = '"field/hottest" = { rtol = 1e-9'
    heat.edit("goldens/tolerances.toml", rule, f'{rule}, tier = "statistical"')
    said = problems(heat, "smooth", training=False)
    assert not any(p.startswith("smooth/cpu/field") for p in said)


def test_what_is_left_out_is_said_with_its_number(heat, capsys):
    out, _ = heat.cli(capsys, "verify --no-training")
    assert "left out: 34 values of 8 goldens were not compared: --no-training" in out
    report = heat.json(capsys, "verify smooth --no-training")
    assert report["omitted"] == ["17 values of 4 goldens were not compared: --no-training"]
    short, whole = (sum(len(a.verdicts) for a in heat.smooth(training=t).artifacts) for t in (False, True))
    assert whole - short == 17
    assert "omitted" not in heat.json(capsys, "verify")
    for name in ("report.md", "report.html"):
        heat.cli(capsys, "verify smooth --no-training")
        assert "17 values of 4 goldens" in (heat.root / ".harness/report" / name).read_text(encoding="utf-8")


def test_without_training_rules_and_goldens_of_the_rest_are_checked_all_the_same(heat):
    heat.edit("goldens/tolerances.toml", '"field/steps"', '"field/step"')
    said = problems(heat, training=False)
    assert "goldens/tolerances.toml: rule 'field/step' matches nothing: remove it or mend its pattern" in said
    assert not any("'fit/" in p for p in said)


def test_an_ensemble_whose_intervals_judge_nothing_is_not_compared(heat):
    for rule, other in (
        ('"fit/diffusivity" = { interval = true }', '"fit/diffusivity" = { min = 0.0 }'),
        ('"fit/loss/*" = { interval = true }', '"fit/loss/*" = { min = 0.0 }'),
        ('"comparison/fit_error" = { interval = true, better = "lower" }', '"comparison/fit_error" = { max = 1.0 }'),
    ):
        heat.edit("goldens/tolerances.toml", rule, other)
    said = [p for p in problems(heat) if "ensemble" in p]
    assert said == [
        "sharp/cpu/ensemble and smooth/cpu/ensemble are compared by nothing: give a rule interval = true, or remove "
        'it, or add "ensemble" to uncompared in goldens/tolerances.toml'
    ]


TINY = (
    '1 golden of tiny is compared by nothing here: add "tiny" to profiles in goldens/tolerances.toml, and let a job '
    "run `harness verify --profile tiny`"
)


@pytest.fixture
def tiny(heat):
    """The repository with one golden at another profile."""
    heat.edit("guard.py", 'PROFILES = {"cpu": [],', 'PROFILES = {"tiny": ["rod.points=9"], "cpu": [],')
    heat.repository.commit("tiny")
    heat.repository.harness("verify smooth --profile tiny", 1)
    heat.repository.harness("accept smooth/tiny/configuration --reason tiny")
    return heat


def test_goldens_of_another_profile_are_a_problem_unless_an_approved_file_names_it(tiny):
    assert problems(tiny) == problems(tiny, "smooth") == [TINY]
    assert problems(tiny, "sharp") == []
    tiny.edit("goldens/tolerances.toml", "version = 1\n", 'version = 1\nprofiles = ["tiny"]\n')
    tiny.repository.commit("profile")
    tiny.repository.harness("accept tolerances.toml --reason tiny")
    report = tiny.suite().report
    assert report.passed
    assert report.omitted == ("1 golden of another profile: `harness verify smooth --profile tiny`",)


def test_an_entry_for_a_profile_without_goldens_is_a_problem(heat):
    heat.edit("goldens/tolerances.toml", "version = 1\n", 'version = 1\nprofiles = ["tiny"]\n')
    (problem,) = [p for p in problems(heat) if "profiles" in p]
    assert problem == 'goldens/tolerances.toml: profiles names "tiny", of which there is no golden: take it out'


@pytest.mark.parametrize("names", [(), ("smooth",)])
def test_a_profile_of_the_replay_that_moves_away_from_its_goldens_is_a_problem(heat, names):
    text = (heat.root / "guard.py").read_text()
    text = text.replace('replay="verify"', 'replay="no"').replace("    reseed=reseed,\n", REPLAY)
    text = text.replace('"replay": ["rod', '"small": ["rod')
    (heat.root / "guard.py").write_text(text)
    said = [p for p in problems(heat, *names) if "matches nothing" not in p]
    assert len(said) == 1
    assert "goldens of replay are compared by nothing here" in said[0]


def test_a_setting_that_moves_the_profile_away_from_its_goldens_is_a_problem(heat):
    heat.edit("guard.py", 'PROFILES = {"cpu": [],', 'PROFILES = {"tiny": [], "cpu": [],')
    heat.edit("pyproject.toml", 'adapter = "guard:pipeline"', 'adapter = "guard:pipeline"\nprofile = "tiny"')
    assert any(p.startswith("18 goldens of cpu are compared by nothing here") for p in problems(heat))


def test_a_configuration_without_settings_is_verified_to_have_none(heat):
    heat.edit("guard.py", "TITLES[name], config)", "TITLES[name], {})")
    examination = heat.examination()
    assert examination.obtained("cpu", "configuration").values == {"settings": 0}
    assert "cpu/configuration" in failing(heat.smooth())
    heat.repository.commit("no settings")
    heat.repository.harness("accept smooth/cpu/configuration --reason none")
    assert "cpu/configuration" not in failing(heat.smooth())
    heat.edit("guard.py", "TITLES[name], {})", "TITLES[name], config)")
    assert "cpu/configuration" in failing(heat.smooth())


def test_ids_of_what_is_left_out_are_goldens(heat):
    assert all(isinstance(i, GoldenId) for i in _left_out(heat))


def _left_out(heat):
    from harness.verify.coverage import left_out

    ids = left_out(heat.examination(training=False))
    assert [i.artifact for i in ids] == ["fit", "comparison", "invariants", "ensemble"]
    return ids
