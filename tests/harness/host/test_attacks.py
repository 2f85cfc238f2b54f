"""Edges that an attack found: endless progress, files edited meanwhile, hooks that leave something, another path."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from heat_repository import ROOT

pytestmark = pytest.mark.slow


def test_progress_does_not_defeat_the_time_limit(plant):
    plant.edit("pyproject.toml", "stage_seconds = 20", "stage_seconds = 5")
    plant.put("in grow", "import time\nwhile True:\n    progress(1, 2, 'on'); time.sleep(0.05)")
    assert "took longer than 5.0 s" in plant.harness("verify", 1).stdout


def test_a_declared_file_that_is_edited_while_its_stage_runs_stores_nothing(plant):
    gain = plant.root / "gain.txt"
    gain.write_text("2")
    plant.put("in files", "return [os.path.abspath('gain.txt')]")
    read = "float(open('gain.txt').read()) * np.arange(4, dtype=np.float64)"
    plant.put("in grow", f"import time; time.sleep(3); return {{'heights': {read}}}")
    process, log = plant.start("exec harness verify"), plant.root / ".harness/stages.log"
    until = time.monotonic() + 60
    while not (log.exists() and "plant cpu grow" in log.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    gain.write_text("1")
    assert process.wait(60) == 1
    gain.write_text("2")
    plant.harness("verify", 1)


def test_a_declared_folder_stands_for_all_that_lies_in_it(plant):
    (plant.root / "data").mkdir()
    (plant.root / "data/gain.txt").write_text("1")
    plant.put("in files", "return [os.path.abspath('data')]")
    read = "sum(float(open(f'data/{name}').read()) for name in os.listdir('data'))"
    plant.put("in grow", f"return {{'heights': {read} * np.arange(4, dtype=np.float64)}}")
    plant.harness("verify", 0)
    (plant.root / "data/more.txt").write_text("1")
    plant.harness("verify", 1)


def test_a_pipe_among_the_files_is_refused(plant):
    plant.put("in files", "return ['pipe']")
    plant.expect("mkfifo pipe")
    assert "neither a file nor a folder" in plant.harness("verify", 2).stderr


@pytest.mark.parametrize("hook", ["in load", "in scenarios", "in files", "in invariants"])
def test_what_a_hook_leaves_changed_is_a_problem(hook, plant):
    plant.put(hook, "np.random.seed(0)")
    for _ in range(2):
        report = json.loads(plant.harness("verify --json", 1).stdout)
        name = hook.removeprefix("in ")
        assert any(f"the adapter's {name} leaves numpy's global random state" in p for p in report["problems"])


def test_invariants_that_do_not_hold_fail_under_pytest_too(plant):
    plant.put("in invariants", "return [Invariant('weight_is_positive', -5.0, 0, None)]")
    plant.harness("verify", 1)
    done = plant.expect("pytest -q", 1)
    assert "weight_is_positive is -5.0" in done.stdout


def test_the_source_is_found_wherever_the_command_was_started(plant):
    """As the installed command is: without the current folder on Python's path, and from a folder below."""
    (plant.root / "src").mkdir()
    (plant.root / "src/growth.py").write_text("def rate():\n    return 1.0\n")
    paths = "import os, sys; sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'src'))"
    plant.put("on import", f"{paths}\nimport growth")
    plant.put("in grow", "return {'heights': growth.rate() * np.arange(config['days'], dtype=np.float64)}")
    (plant.root / "below").mkdir()
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from harness.cli import main; main()"
    for folder in (plant.root, plant.root / "below"):
        done = subprocess.run(
            [sys.executable, "-P" if sys.version_info >= (3, 11) else "-I", "-c", code, "verify"],
            cwd=folder,
            env={k: v for k, v in plant.environment.items() if k != "PYTHONPATH"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (plant.root / "src/growth.py").write_text("def rate():\n    return 3.0\n")
    plant.harness("verify", 1)


def test_a_declared_file_may_be_looked_for_in_several_places(plant):
    """As the pipeline's own hook does: if it appeared in the first place, that would be the declared one."""
    (plant.root / "data").mkdir()
    (plant.root / "data/gain.txt").write_text("1")
    found = "next(p for p in ('gain.txt', 'data/gain.txt') if os.path.exists(p))"
    plant.put("in files", f"return [os.path.abspath({found})]")
    plant.put("in grow", f"return {{'heights': float(open({found}).read()) * np.arange(4, dtype=np.float64)}}")
    plant.harness("verify", 0)
    (plant.root / "gain.txt").write_text("2")
    plant.harness("verify", 1)


@pytest.mark.parametrize("taken", ["html", "jinja2", "queue"])
def test_own_modules_with_the_names_of_libraries_run_in_no_process_that_judges(taken, plant):
    """The judging process imports these, too."""
    (plant.root / f"{taken}.py").write_text("import os\nos._exit(0)\n")
    plant.commit()
    for line in ("verify", "verify --workers 2 --no-cache"):
        assert "as accepted: " in plant.harness(line).stdout
