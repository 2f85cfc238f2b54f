"""The doctor tells what stands in the way, before anything is computed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from harness.cli.surroundings import pytest_configuration, shadowing_package
from harness.core.protocol import _OWN, _PYTEST


def named(heat, capsys, name, status=0):
    return [check for check in heat.json(capsys, "doctor", status) if check["name"] == name]


def test_a_healthy_repository_has_nothing_to_mend(heat, capsys):
    assert all(check["held"] for check in heat.json(capsys, "doctor"))
    assert heat.ran == []


def test_the_doctor_says_what_a_verification_would_say_of_the_store(heat, capsys):
    heat.edit("guard.py", 'reads=("thermometers",), replay="verify"', 'reads=("thermometers",), replay="given"')
    (check,) = named(heat, capsys, "store", 1)
    assert "sharp/replay/readings and smooth/replay/readings are compared by nothing" in check["remedy"]
    assert not check["held"]


def test_a_store_that_cannot_be_read_is_told(heat, capsys):
    (heat.root / "goldens/tolerances.toml").write_text("version = 2\n")
    (check,) = named(heat, capsys, "store", 1)
    assert "has version 2; this harness reads version = 1" in check["remedy"]


def test_a_folder_called_harness_is_told_where_python_would_import_it(heat, capsys):
    (heat.root / "harness").mkdir()
    assert named(heat, capsys, "package harness") == []  # a folder alone is no package
    (heat.root / "harness/__init__.py").write_text("")
    (check,) = named(heat, capsys, "package harness")
    assert check["found"] == f"{heat.root / 'harness'} has that name too"
    assert check["remedy"].startswith("`python -m pytest` imports it in place of this package: run `pytest`")


def test_the_harness_own_repository_is_not_told_so():
    assert shadowing_package(__import__("pathlib").Path(__file__).parents[3]) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\n"),
        ("tox.ini", "[pytest]\n"),
        ("setup.cfg", "[tool:pytest]\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\n"),
    ],
)
def test_a_folder_above_that_configures_pytest_is_told(heat, capsys, name, text):
    above = heat.root.parent / name
    above.write_text(text)
    assert pytest_configuration(heat.root) == above
    (check,) = named(heat, capsys, "pytest")
    assert check["found"] == f"{above}, above the repository"
    (heat.root / "pytest.ini").write_text("[pytest]\n")
    assert pytest_configuration(heat.root) == heat.root / "pytest.ini"


@pytest.mark.parametrize("name", ["notes.md", "package.json", ".DS_Store", "settings.toml", "my settings.json"])
def test_foreign_files_among_the_schemas_are_left_alone(heat, capsys, name):
    (heat.root / "schemas" / name).write_text("{}")
    assert all(check["held"] for check in heat.json(capsys, "doctor"))
    assert heat.suite("smooth").report.problems == ()


@pytest.mark.parametrize("name", ["fat.schema.json", "my fit.schema.json"])
def test_a_schema_of_no_artifact_is_told_in_a_sentence(heat, capsys, name):
    (heat.root / "schemas" / name).write_text("{}")
    remedies = [check["remedy"] for check in named(heat, capsys, "store", 1)]
    assert f"schema {name} is of no artifact" in remedies
    assert f"schema {name} is of no artifact" in heat.suite().report.problems


@pytest.mark.slow
def test_every_fixture_of_pytest_and_of_the_plugins_that_come_with_the_harness_is_taken(tmp_path):
    """So that no stage's artifact takes the place of ``request`` or ``tmp_path``."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-p", "pytester"], cwd=tmp_path, capture_output=True, text=True
    )
    found = dict(re.findall(r"^(\w+)(?: \[\w+ scope\])? -- (\S+):\d+", done.stdout, re.MULTILINE))
    places = ("_pytest", "pytest_datadir", "pytest_regressions", "xdist")
    ours = {name for name, place in found.items() if any(f"{room}/" in place for room in places)}
    assert {"tmp_path", "num_regression", "datadir", "worker_id"} <= ours
    assert {"request", *ours} - {*_OWN, *_PYTEST} == set()
