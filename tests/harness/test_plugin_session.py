"""What a session of pytest checks beside its tests: the store of goldens, and that every golden was compared."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from harness.core.errors import NoProjectError, ProjectError
from harness.core.project import find_project

STORE, COMPARED = "goldens::store", "goldens::compared"
GOLDEN_TEST = "def test_artifact_is_as_accepted(golden):\n    golden.check()\n"
BROKEN = "pipeline = 3\n"
WORKERS = pytest.mark.parametrize("workers", ["", "-n 2"])


def by_workers(names, *cases):
    """Every case in one process, and the first with two workers as well."""
    return pytest.mark.parametrize((*names, "workers"), [*((*case, "") for case in cases), (*cases[0], "-n 2")])


CONTROL = "def test_other():\n    pass\n\n\n"


def told(inner, options="", status=1, **environment):
    """What a session that fails says, and the outcomes of what it names."""
    out = inner.run(f"{options} -rA -q", status, **environment)
    return out, {name: outcome for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", out, re.MULTILINE)}


# The store


@WORKERS
def test_tolerances_that_nobody_accepted_fail_the_session(inner, workers):
    inner.repository.edit(
        "goldens/tolerances.toml", '"field/hottest" = { rtol = 1e-9', '"field/hottest" = { rtol = 1e-6'
    )
    out, outcomes = told(inner, workers)
    assert outcomes.pop(STORE) == "FAILED"
    assert set(outcomes.values()) == {"PASSED"}
    assert "tolerances.toml was edited since it was accepted: `harness accept tolerances.toml --reason ...`" in out


@WORKERS
def test_the_item_is_one_and_runs_once(inner, workers):
    assert "31 passed" in inner.run(f"-q {workers}")


def test_an_orphan_an_edited_schema_and_an_idle_rule_fail_the_session(inner):
    shutil.copy(inner.root / "goldens/smooth/cpu/fit.json", inner.root / "goldens/smooth/cpu/fat.json")
    inner.repository.edit("schemas/fit.schema.json", "What gradient descent found.", "What was found.")
    inner.repository.edit("goldens/tolerances.toml", "[rules]\n", '[rules]\n"field/step" = { exact = true }\n')
    out, _ = told(inner)
    for sentence in (
        "smooth/cpu/fat is in goldens/, not in the manifest",
        "schemas/fit.schema.json was edited since it was accepted",
        "rule 'field/step' matches nothing: remove it or mend its pattern",
    ):
        assert sentence in out


@by_workers(
    ("old", "new", "sentence"),
    *[
        ('reads=("thermometers",), replay="verify"', 'reads=("thermometers",), replay="given"', "compared by nothing"),
        (
            '("rod.diffusivity",), replay="verify"\n',
            '("rod.diffusivity",), replay="verify", main=False\n',
            "compared by nothing",
        ),
        (', "sharp": "six waves, noisy thermometers"', "", "golden sharp/cpu/fit belongs to no stage of any scenario"),
    ],
)
def test_a_comparison_that_the_code_drops_fails_the_session(inner, old, new, sentence, workers):
    inner.repository.edit("guard.py", old, new)
    out, outcomes = told(inner, workers)
    assert outcomes[STORE] == "FAILED"
    assert sentence in out


def test_without_scenarios_every_test_and_the_store_fail(inner):
    text = (inner.root / "guard.py").read_text()
    (inner.root / "guard.py").write_text(re.sub("^TITLES = .*$", "TITLES = {}", text, flags=re.MULTILINE))
    out, outcomes = told(inner)
    assert outcomes == {
        "test_heat.py::test_artifact_is_as_accepted[no-scenario]": "ERROR",
        "test_heat.py::test_heat_only_leaves_the_rod[no-scenario]": "ERROR",
        STORE: "FAILED",
    }
    assert "the pipeline has no scenarios: nothing would be compared" in out


@pytest.mark.parametrize("name", ["scenario", "golden"])
def test_a_test_that_is_generated_for_no_scenario_fails(inner, name):
    (inner.root / "test_none.py").write_text(
        f'import pytest\n\n\n@pytest.mark.parametrize("{name}", [], indirect=True)\ndef test_none({name}):\n    pass\n'
    )
    out, outcomes = told(inner, "test_none.py")
    assert "ERROR" in {outcome for test, outcome in outcomes.items() if "test_none" in test}
    assert f"it was generated for no {name} at all: an empty list compares nothing" in out


# That every golden was compared


@by_workers(
    ("test", "sentence"),
    *[
        ("def test_artifact(golden):\n    pass\n", "28 goldens"),
        (f"import pytest\n\n\n@pytest.mark.skip\n{GOLDEN_TEST}", "28 goldens"),
        (
            "def test_artifact(golden):\n    if golden.artifact != 'fit':\n        golden.check()\n",
            "sharp/cpu/fit, sharp/replay/fit, smooth/cpu/fit and smooth/replay/fit: compared by no test",
        ),
    ],
)
def test_a_golden_that_no_test_compares_fails_a_session_for_all_of_them(inner, test, sentence, workers):
    (inner.root / "test_heat.py").write_text(test)
    out, outcomes = told(inner, workers)
    assert outcomes[STORE] == "PASSED"
    assert outcomes[COMPARED] == "FAILED"
    if "28" in sentence:
        sentence = "and 23 more goldens: compared by no test, though the session was for every golden"
    assert sentence in out


@pytest.mark.parametrize("body", [
    "    import contextlib\n\n    with contextlib.suppress(BaseException):\n        golden.check()\n",
    "    assert golden.report\n",
])  # fmt: skip
def test_a_golden_that_is_not_as_accepted_fails_the_session_though_its_test_passes(inner, body):
    inner.repository.edit("heat.py", "np.exp(-np.exp(guess)", "np.exp(-1.05 * np.exp(guess)")
    (inner.root / "test_heat.py").write_text(f"def test_artifact(golden):\n{body}")
    out, outcomes = told(inner)
    assert "not as accepted, and no test failed: let it call golden.check()" in out
    assert [name for name, outcome in outcomes.items() if outcome == "FAILED"] == [COMPARED]


def test_an_expected_failure_hides_no_golden(inner):
    inner.repository.edit("heat.py", "np.exp(-np.exp(guess)", "np.exp(-1.05 * np.exp(guess)")
    (inner.root / "test_heat.py").write_text(f"import pytest\n\n\n@pytest.mark.xfail\n{GOLDEN_TEST}")
    assert "not as accepted, and no test failed" in told(inner)[0]


def test_a_session_without_any_comparison_fails_unless_it_was_chosen_so(inner):
    text = (inner.root / "test_heat.py").read_text()
    (inner.root / "test_heat.py").write_text(text.replace(GOLDEN_TEST, ""))
    out, outcomes = told(inner)
    assert outcomes[COMPARED] == "FAILED"
    assert "nothing was compared with a golden: add `def test_golden(golden): golden.check()`" in out
    inner.run("-k rod")
    inner.run("test_heat.py")


def test_a_failure_at_the_end_is_in_every_report(inner):
    (inner.root / "test_heat.py").write_text("def test_artifact(golden):\n    pass\n")
    out = inner.run("--junit-xml junit.xml", 1)
    assert "1 failed, 29 passed" in out
    assert 'name="compared"' in (inner.root / "junit.xml").read_text()


# Calm


@by_workers(
    ("options",), ("-k cpu-fit",), ("-k rod",), ("--collect-only",), ("--harness-scenario smooth",), ("-k store",)
)
def test_a_part_of_the_session_is_as_accepted(inner, options, workers):
    inner.run(f"{options} {workers}", 5 if options == "-k store" else 0)


def test_tests_that_use_no_fixture_of_the_harness_are_left_alone(inner):
    (inner.root / "test_other.py").write_text(CONTROL + "def test_own(fit):\n    assert fit == 1\n")
    (inner.root / "conftest.py").write_text(
        "import pytest\n\n\n@pytest.fixture\ndef fit():\n    return 1  # not the harness's\n"
    )
    shutil.copy(inner.root / "goldens/smooth/cpu/fit.json", inner.root / "goldens/smooth/cpu/fat.json")
    out = inner.run("test_other.py -q")
    assert "2 passed" in out
    assert "2 passed, 30 deselected" in inner.run("-q -k 'other or own'")


def test_a_part_still_checks_the_store_and_computes_nothing_for_it(inner):
    shutil.copy(inner.root / "goldens/smooth/cpu/fit.json", inner.root / "goldens/smooth/cpu/fat.json")
    shutil.rmtree(inner.root / ".harness")
    _, outcomes = told(inner, "-k smooth-cpu-configuration")
    assert outcomes[STORE] == "FAILED"
    assert not [*(inner.root / ".harness").rglob("*.npz")]


def test_where_a_scenario_cannot_run_its_goldens_are_not_missed(inner):
    inner.repository.edit(
        "guard.py", "TITLES[name], config)", 'TITLES[name], config, "no file" if name == "sharp" else "")'
    )
    inner.run("-q")
    out, outcomes = told(inner, "-q", CI="1")
    assert outcomes[STORE] == "FAILED"
    assert "scenario sharp was skipped: in CI every golden is compared" in out


# A project that cannot be used


@pytest.mark.parametrize(
    ("adapter", "sentence"),
    [
        ("pipeline = 3\n", "adapter 'guard:pipeline' is a int, not a harness.Pipeline"),
        ("import nowhere\n", "cannot be imported (ModuleNotFoundError: No module named 'nowhere' (guard.py, line"),
        ("def (\n", "SyntaxError"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
)
@WORKERS
def test_a_broken_adapter_fails_the_tests_that_need_it_and_no_other(inner, adapter, sentence, workers):
    (inner.root / "guard.py").write_text(adapter)
    (inner.root / "test_other.py").write_text(CONTROL)
    out, outcomes = told(inner, workers)
    assert outcomes == {
        "test_other.py::test_other": "PASSED",
        "test_heat.py::test_artifact_is_as_accepted": "ERROR",
        "test_heat.py::test_heat_only_leaves_the_rod": "ERROR",
        STORE: "FAILED",
    }
    assert sentence in out
    assert "1 passed" in inner.run(f"test_other.py -q {workers}")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[tool.harness]\nadaptor = "guard:pipeline"\n', "[tool.harness] has an unknown key 'adaptor'"),
        ('[tool.harness]\nadapter = "guard:pipeline"\nvalues = "9"\n', "values = '9' is not of type int"),
    ],
)
def test_a_broken_table_fails_the_tests_that_need_it(inner, table, message):
    (inner.root / "pyproject.toml").write_text(table)
    out, outcomes = told(inner, "-k artifact")
    assert message in out
    assert outcomes["test_heat.py::test_artifact_is_as_accepted"] == "ERROR"
    with pytest.raises(ProjectError) as refused:
        find_project(inner.root)
    assert not isinstance(refused.value, NoProjectError)


def test_a_table_without_an_adapter_fails_the_tests_that_need_one(inner):
    (inner.root / "pyproject.toml").write_text("[tool.harness]\n")
    out, outcomes = told(inner, "-k artifact")
    assert '[tool.harness] needs adapter = "your_module:pipeline"' in out
    assert outcomes == {"test_heat.py::test_artifact_is_as_accepted": "ERROR", STORE: "FAILED"}
    assert "golden smooth/cpu/fit belongs to no stage of any scenario" in out
    project = find_project(inner.root)
    assert (project.adapter, project.pipeline.stages, project.declared) == ("", (), True)


# Where the project is


@WORKERS
def test_a_folder_above_may_hold_the_configuration_of_pytest(inner, workers):
    above = inner.root.parent
    (above / "pytest.ini").write_text("[pytest]\n")
    assert "rootdir" in inner.run(workers)  # the user stands in the repository
    line = f"cd .. && pytest -q -W error {workers} {inner.root.name}"
    assert "31 passed" in inner.repository.expect(line).stdout  # above it, naming it
    assert "31 passed" in inner.repository.expect(f"{line}/test_heat.py").stdout


def test_the_tests_of_two_projects_are_told_apart(inner):
    other = inner.repository.copy(inner.root.parent / "other").root
    (other / "test_heat.py").rename(other / "test_rod.py")
    (inner.root.parent / "pytest.ini").write_text("[pytest]\n")
    done = inner.repository.expect("cd .. && pytest -q heat other", 1)
    assert f"belong to {inner.root} and {other}: run pytest once for each" in done.stdout


@pytest.mark.parametrize("guarded", [True, False])
def test_a_package_called_harness_beside_the_tests_is_told_where_it_matters(inner, guarded):
    (inner.root / "harness").mkdir()
    (inner.root / "harness/__init__.py").write_text("")
    (inner.root / "test_other.py").write_text(CONTROL)
    if not guarded:
        (inner.root / "pyproject.toml").unlink()
    line = f"{sys.executable} -m pytest -q -p harness_pytest test_other.py"
    options = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = inner.repository.expect(line, 4 if guarded else 0, **options)
    if guarded:
        assert f"{inner.root / 'harness/__init__.py'} is imported in place of the harness" in done.stderr
        assert "run `pytest` instead of `python -m pytest`" in done.stderr
    (inner.root / "harness/__init__.py").unlink()  # a folder alone is no package
    inner.repository.expect(line, **options)


# What the configuration or a test leaves out


@WORKERS
def test_goldens_that_the_configuration_leaves_out_of_every_session_fail_it(inner, workers):
    name = "test_heat.py::test_artifact_is_as_accepted[smooth-cpu-fit]"
    (inner.root / "pytest.ini").write_text(f"[pytest]\naddopts = --deselect {name}\n")
    out, outcomes = told(inner, workers)
    assert outcomes[COMPARED] == "FAILED"
    assert "smooth/cpu/fit: compared by no test" in out


def test_goldens_that_somebody_leaves_out_by_hand_do_not(inner):
    name = "test_heat.py::test_artifact_is_as_accepted[smooth-cpu-fit]"
    inner.run(f"-q --deselect '{name}'")


def test_a_session_that_is_ended_with_status_0_after_a_golden_failed_has_failed(inner):
    inner.repository.edit("heat.py", "0.4 * dx**2", "0.3 * dx**2")
    (inner.root / "test_z.py").write_text("import pytest\n\n\ndef test_z():\n    pytest.exit('bye', returncode=0)\n")
    inner.run("-q", 1)
