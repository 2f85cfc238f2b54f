"""The examples: three pipelines of other people, guarded by the commands of the how-to and a few lines by hand."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import walkthrough
from heat_repository import ROOT, Repository, follow, new_repository

EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "how-to" / "guard-a-pipeline.md"
MOST_COMMANDS, MOST_LINES = 8, 25

# A fault of each kind: the file, what stands there, what somebody made of it, the stage, and what is said of it.
FAULTS = {
    "grains": (
        "grains.py",
        '"major_um": raw["major_axis_length"] * um,\n        "minor_um": raw["minor_axis_length"] * um,',
        '"major_um": raw["minor_axis_length"] * um,\n        "minor_um": raw["major_axis_length"] * um,',
        "measure",
        "major_um",
    ),
    "ptycho": (
        "ptycho/diffsim.py",
        "return np.sqrt(",
        "return 1.0101 * np.sqrt(",
        "illuminate_and_diffract",
        "Y",
    ),
}


@pytest.fixture
def desk(request: pytest.FixtureRequest, ready: Path | None, tmp_path: Path) -> Repository:
    """An empty folder of somebody who can clone the example whose name the test is given."""
    name = request.getfixturevalue("name")
    if name == "digits" and find_spec("sklearn") is None:  # to import it sets variables that are in every key
        pytest.skip("scikit-learn is not installed")
    repository = new_repository(tmp_path, ready)
    origin = tmp_path / "origin" / f"{name}.git"
    shutil.copytree(EXAMPLES / name / "pipeline", origin, ignore=shutil.ignore_patterns("__pycache__"))
    for line in ("init -q -b main", "add .", "commit -q -m 'A pipeline'"):
        done = subprocess.run(f"git {line}", shell=True, cwd=origin, env=repository.environment, check=False)
        assert done.returncode == 0
    with Path(repository.environment["GIT_CONFIG_GLOBAL"]).open("a", encoding="utf-8") as file:
        file.write(f'[url "{origin.parent}/"]\ninsteadOf = https://example.org/\n')
    return repository


def commands() -> list[str]:
    """The commands of the how-to, from the clone to the acceptance of the goldens."""
    text = PAGE.read_text(encoding="utf-8").partition("\nThat was all.")[0]
    steps = [step for step in walkthrough.steps(_without_excerpts(text)) if isinstance(step, walkthrough.Commands)]
    return [f"{line}  # exits with {status}" for step in steps for line, status in step.lines]


def _without_excerpts(text: str) -> str:
    """The page without what shows a part of a file, or what another pipeline prints."""
    return re.sub(r'```\w+ title="(?:an excerpt|of another pipeline)"\n.*?```\n', "", text, flags=re.DOTALL)


def added(diff: str) -> list[str]:
    """The lines that a difference adds."""
    return [line for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]


def test_eight_commands_and_few_lines():
    assert len(commands()) <= MOST_COMMANDS
    lines = {path.parent.name: len(added(path.read_text())) for path in EXAMPLES.glob("*/hands.diff")}
    assert set(lines) == {"digits", "grains", "ptycho"}
    assert max(lines.values()) <= MOST_LINES
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"`hands.diff`: {lines['digits']}, {lines['grains']} and {lines['ptycho']} lines" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "grains", "ptycho"])
def test_init_writes_what_the_example_shows(desk, name):
    desk.expect(f"git clone -q https://example.org/{name}.git .")
    desk.harness(f"init {name}")
    expected = {
        p.relative_to(EXAMPLES / name / "init"): p for p in (EXAMPLES / name / "init").rglob("*") if p.is_file()
    }
    for path, shown in expected.items():
        python = re.compile(r'python-version: "[\d.]+"')  # the machine's
        assert python.sub("", (desk.root / path).read_text()) == python.sub("", shown.read_text()), path
    new = desk.expect("git ls-files --others --modified --exclude-standard").stdout.split()
    assert set(map(Path, new)) == set(expected)
    desk.expect(f"git apply {EXAMPLES / name / 'hands.diff'}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits"])
def test_the_how_to_is_true(desk, name, tmp_path):
    follow(desk, _without_excerpts(PAGE.read_text(encoding="utf-8")))
    by_hand = tmp_path / "by-hand"
    shutil.copytree(EXAMPLES / name / "init", by_hand)
    desk.expect(f"git -C {by_hand} apply --unsafe-paths {EXAMPLES / name / 'hands.diff'}")
    for path in ("guard.py", "goldens/main/scenario.toml"):
        assert (desk.root / path).read_text() == (by_hand / path).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grains", "ptycho"])
def test_from_a_clone_to_all_accepted_and_a_fault_is_named(desk, name):
    for line in commands():
        command, _, status = line.replace("digits", name).partition("  # exits with ")
        if command.startswith("git add"):
            desk.expect(f"git apply {EXAMPLES / name / 'hands.diff'}")
        if not command.startswith("python -m pip"):
            desk.expect(command, int(status))
    desk.commit("First goldens")
    assert "as accepted" in desk.harness("verify").stdout
    path, old, new, stage, value = FAULTS[name]
    desk.edit(path, old, new)
    said = walkthrough.flat(desk.harness("verify", status=1).stdout)
    assert f"Look at {stage} first" in said
    assert f"cpu/{stage}: {value}" in said
    if "1.0101" in new:
        assert "every number is × 1.0101" in said
