"""The pytest plugin, in processes of its own: which tests there are, what runs how often, and what is never written."""

from __future__ import annotations

import re
from collections import Counter
from textwrap import dedent

import pytest

from harness.core.errors import NoProjectError
from harness.core.project import find_project

STAGES = ("start", "solve", "measure", "reference", "fit", "compare")
FIT = ("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.05 * np.exp(guess) * speed[some])")


def test_one_test_an_artifact_and_scenario(inner):
    outcomes = inner.outcomes()
    artifacts = [
        f"cpu-{a}" for a in ("configuration", "profile", "field", "readings", "reference", "fit", "comparison")
    ]
    artifacts += [f"replay-{a}" for a in ("profile", "field", "readings", "reference", "fit", "comparison")]
    artifacts += ["cpu-invariants"]
    golden = {f"test_heat.py::test_artifact_is_as_accepted[{s}-{a}]" for s in ("smooth", "sharp") for a in artifacts}
    rod = {f"test_heat.py::test_heat_only_leaves_the_rod[{s}]" for s in ("smooth", "sharp")}
    assert outcomes == dict.fromkeys(golden | rod | {"goldens::store"}, "PASSED")


def test_without_xdist_its_marker_is_known_all_the_same(inner):
    assert set(inner.outcomes("-p no:xdist --strict-markers").values()) == {"PASSED"}
    plugins = ("harness_pytest", "xdist.plugin", "pytest_datadir.plugin", "pytest_regressions.plugin")  # in this order
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": " ".join(f"-p {name}" for name in plugins)}
    assert set(inner.outcomes("-p no:cacheprovider --strict-markers", **alone).values()) == {"PASSED"}


def test_a_test_may_choose_its_scenarios_and_have_a_golden_of_its_own(inner):
    (inner.root / "test_own.py").write_text(
        "import pytest\n\n"
        '@pytest.mark.parametrize("scenario", ["sharp"], indirect=True)\n'
        "def test_one(scenario, fit):\n    assert fit.artifact.values\n\n"
        '@pytest.mark.parametrize("golden", [1, 2])\n'
        "def test_other(golden):\n    assert golden in (1, 2)\n"
    )
    names = ("test_one[sharp]", "test_other[1]", "test_other[2]")
    expected = {*(f"test_own.py::{name}" for name in names), "goldens::store"}
    assert inner.outcomes("test_own.py") == dict.fromkeys(expected, "PASSED")


def test_each_stage_runs_once_whatever_the_number_of_workers_and_verdicts_are_the_same(inner):
    inner.repository.edit(*FIT)
    goldens = inner.bytes("goldens", "schemas")
    outcomes = []
    for workers in (0, 2, 4, 8):
        outcomes.append(inner.outcomes(f"--harness-no-cache -n {workers}", 1))
        # A replay of fit and of what follows runs once more, from the start, to make candidates; see chained.
        main = {f"{scenario} cpu {stage}": 1 for stage in STAGES for scenario in ("sharp", "smooth")}
        assert {k: n for k, n in inner.counts().items() if " cpu " in k} == main
    assert outcomes[0] == outcomes[1] == outcomes[2] == outcomes[3]
    assert Counter(outcomes[0].values()) == {"FAILED": 6, "PASSED": 25}
    assert inner.bytes("goldens", "schemas") == goldens


def test_a_failure_names_id_path_expected_obtained_and_allowed(inner):
    inner.repository.edit(*FIT)
    out = inner.run("--harness-scenario smooth -k cpu-fit", 1)
    assert "smooth/cpu/fit: " in out
    assert re.search(r"diffusivity: expected 0\.1003\d*, obtained 0\.095\d*: .* 0\.09\d+ to 0\.10\d+", out)
    assert "Kept as candidate" not in out
    assert not inner.bytes(".harness/pending")


def test_regenerating_outside_ci_keeps_candidates_and_never_touches_goldens(inner):
    inner.repository.edit(*FIT)
    goldens = inner.bytes("goldens")
    for option in ("--force-regen", "--regen-all"):
        out = inner.run(f"{option} --harness-scenario smooth", 1)
        assert "Kept as candidate: `harness review smooth/cpu/fit`" in out
        waiting = inner.repository.harness("pending --ids").stdout.split()
        assert waiting == [
            "smooth/cpu/comparison",
            "smooth/cpu/fit",
            "smooth/replay/comparison",
            "smooth/replay/fit",
        ]
        inner.repository.harness(f"reject {' '.join(waiting)}")
    assert inner.bytes("goldens") == goldens


@pytest.mark.parametrize("option", ["--force-regen", "--regen-all"])
def test_regenerating_in_ci_is_a_usage_error(inner, option):
    out = inner.run(option, 4, CI="true")
    assert f"{option} is not for CI: goldens are never written there" in out


def test_without_the_plugin_that_compares_it_says_so(inner):
    out = inner.run("-q -p no:regressions", 1)
    assert "smooth/cpu/fit: golden.check() compares by way of pytest-regressions, which is switched off here" in out


def test_a_missing_golden_fails_is_kept_as_a_candidate_and_in_ci_not_even_that(inner):
    inner.repository.edit("guard.py", '{"smooth": "two waves', '{"new": "one more", "smooth": "two waves')
    inner.repository.edit("guard.py", '{"smooth": [],', '{"new": [], "smooth": [],')
    goldens = inner.bytes("goldens")
    options = "--harness-scenario new -k cpu-profile"
    assert "Kept as candidate" not in inner.run(options, 1, CI="1")
    assert not inner.bytes(".harness/pending")
    out = inner.run(options, 1)
    assert "there is no golden new/cpu/profile" in out
    assert "Kept as candidate: `harness review new/cpu/profile`" in out
    assert inner.bytes("goldens") == goldens


def test_a_scenario_that_cannot_run_is_skipped_and_fails_in_ci(inner):
    inner.repository.edit(
        "guard.py", "TITLES[name], config)", 'TITLES[name], config, "no file" if name == "sharp" else "")'
    )
    out = inner.run("-rs -q")
    assert "sharp: no file" in out
    assert "16 passed, 15 skipped" in out
    out = inner.run("-q", 1, CI="1")
    assert "sharp cannot run here, and in CI every golden is compared: no file" in out


def test_a_scenario_and_a_profile_can_be_chosen(inner):
    inner.repository.edit("guard.py", 'PROFILES = {"cpu": [],', 'PROFILES = {"tiny": ["rod.points=9"], "cpu": [],')
    out = inner.run("--collect-only -q --harness-scenario smooth --harness-profile tiny")
    tests = set(re.findall(r"as_accepted\[(\S+)\]", out))
    assert {"smooth-tiny-fit", "smooth-replay-fit"} <= tests
    assert not [name for name in tests if "sharp" in name or "cpu" in name]
    assert "profile 'replay' is the replay's" in inner.run("--harness-profile replay", 4)
    out = inner.run("--harness-scenario smoth", 4)
    assert "--harness-scenario smoth: there is no such scenario; there are" in out


def test_a_test_can_choose_its_scenarios_and_see_outputs_artifacts_and_invariants(inner):
    (inner.root / "test_more.py").write_text(
        "import pytest\n\n\n"
        '@pytest.mark.parametrize("scenario", ["sharp"], indirect=True)\n'
        "def test_chosen(scenario, fit, invariants):\n"
        '    assert scenario == "sharp"\n'
        '    assert len(fit.output["loss"]) == 6\n'
        '    assert fit.artifact.values["diffusivity"] == fit.output["diffusivity"]\n'
        "    assert {v.status.value for v in invariants} == {'pass'}\n"
    )
    tests = "test_more.py::test_chosen[sharp]", "goldens::store"
    assert inner.outcomes("test_more.py") == dict.fromkeys(tests, "PASSED")


def test_a_stage_that_raised_fails_whoever_asks_for_it(inner):
    inner.repository.edit("heat.py", "    dx = 1 / (temperature.size - 1)\n", '    raise ValueError("no")\n')
    out = inner.run("--harness-scenario smooth", 1)
    assert "stage solve has no result: ValueError: no (heat.py, line" in out
    assert "smooth/cpu/fit: stage fit has no input, because solve failed" in out


def test_that_there_is_no_table_is_an_error_of_its_own(tmp_path):
    for content in (None, '[project]\nname = "other"\n'):
        if content is not None:
            (tmp_path / "pyproject.toml").write_text(content)
        with pytest.raises(NoProjectError, match=r"no pyproject.toml with a \[tool.harness\] table in or above"):
            find_project(tmp_path)


def test_pytest_shows_every_fixture_with_a_sentence_and_an_example_that_works(inner):
    shown = inner.run("--fixtures -q")
    names = ["scenario", "invariants", "golden", "harness_examinations"]
    names += ["profile", "field", "readings", "reference", "fit", "comparison"]
    examples = []
    for name in names:
        entry = re.search(rf"^{name}(?: \[session scope\])? -- .*\n((?:    .*\n)+)", shown, re.MULTILINE)
        assert entry, name
        sentence, head, *example = dedent(entry[1]).splitlines()
        assert sentence.endswith(".")
        assert (head.strip(), len(example)) == ("Example:", 4)
        examples.append(dedent("\n".join(example)))
    (inner.root / "test_examples.py").write_text("\n\n\n".join(examples) + "\n")
    outcomes = inner.outcomes("test_examples.py --harness-scenario smooth")
    assert set(outcomes.values()) == {"PASSED"}
    assert len({test.partition("[")[0] for test in outcomes} - {"goldens::store"}) == len(names)


def test_in_a_repository_without_a_table_the_plugin_is_silent(accepted, tmp_path):
    repository = type(accepted)(tmp_path, accepted.environment)
    for table in ("", '[project]\nname = "other"\nversion = "1"\n'):
        if table:
            (tmp_path / "pyproject.toml").write_text(table)
        (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n")
        done = repository.expect("pytest -q -W error")
        assert "1 passed" in done.stdout
        assert not (tmp_path / ".harness").exists()
        fixtures = repository.expect("pytest --fixtures -q").stdout
        assert not re.search("^(golden|scenario|invariants)", fixtures, re.MULTILINE)
        assert re.search("^check -- ", fixtures, re.MULTILINE)
