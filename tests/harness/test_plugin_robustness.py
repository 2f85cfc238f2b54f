"""What pytest prints of a hostile pipeline: nothing raw, whole tracebacks; and a usage error without an adapter."""

from __future__ import annotations

import pytest
from plant_repository import Plant, raw

pytestmark = pytest.mark.slow
HOSTILE = r'"\x1b[31m[/b]\x00\x9b1m\u202e\udc80\n::error::bad\r\n##[error]x\x07 " + "5 MB " * 1_000_000'
TESTS = """
def test_golden(golden):
    golden.check()
def test_stage(made):
    made.artifact
"""


@pytest.fixture
def plant(tmp_path):
    plant = Plant(tmp_path / "plant")
    (plant.root / "test_plant.py").write_text(TESTS)
    return plant


def run(plant, **pieces):
    plant.write(**pieces)
    done = plant.run("$H test_plant.py", program="pytest")
    assert raw(done.stdout) == []
    assert raw(done.stderr) == []
    assert len(done.stdout) + len(done.stderr) < 100_000
    assert "INTERNALERROR" not in done.stdout + done.stderr
    return done


def test_a_stage_that_raises_shows_its_whole_traceback_and_nothing_raw(plant):
    done = run(plant, make=f"raise ValueError({HOSTILE})")
    assert done.returncode == 1
    assert "small/cpu/made: stage make raised ValueError: [/b]" in done.stdout
    assert "  | Traceback (most recent call last):" in done.stdout
    assert ", in make" in done.stdout
    assert "stage make has no result: ValueError: [/b]" in done.stdout


def test_values_with_hostile_names_are_shown_clean(plant):
    done = run(plant, observe=f"return Artifact({{({HOSTILE})[:400].replace(chr(0xdc80), ''): 1}})")
    assert done.returncode == 1


def test_a_scenario_that_cannot_run_says_so_clean(plant):
    done = run(plant, load=f"return Scenario(name, profile, 't', {{}}, missing={HOSTILE})")
    assert done.returncode == 1  # the only one: nothing was compared
    assert "skipped" in done.stdout


@pytest.mark.parametrize(
    "pieces",
    [
        {"top": f"raise RuntimeError({HOSTILE})"},
        {"top": "def ("},
        {"top": "sys.exit(0)"},
        {"scenarios": f"return {{{HOSTILE}: 'x'}}"},
        {"scenarios": "return None"},
    ],
    ids=["raises", "syntax", "exits", "name", "none"],
)
def test_an_adapter_that_cannot_be_used_fails_what_needs_it_in_a_sentence(plant, pieces):
    done = run(plant, **pieces)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Traceback" not in done.stdout + done.stderr
    assert "adapter" in done.stdout or "cannot name a scenario" in done.stdout
