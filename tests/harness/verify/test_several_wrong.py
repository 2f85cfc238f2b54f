"""Faults in several stages, from end to end: which are wrong by themselves, and what they share that changed."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest
from heat_repository import Repository, new_repository

from harness.run.source.modules import Module
from harness.verify.localisation.shared_source import _digests

TOOLS = '''
"""Helpers of the stages."""


def scaled(values, by):
    return [v * by for v in values]


def shifted(values):
    return [v + 1.0 for v in values]
'''
EPIDEMIC = '''
"""Cases: made, cleaned, and turned into a rate."""

import tools

from harness import Pipeline, Scenario, Stage


def make(config, progress):
    return {"cases": tools.scaled([1.0, 2.0, 4.0], 3.0)}


def clean(config, progress, make):
    return {"cases": [c * 1.0 for c in make["cases"]], "first": make["cases"][0]}


def rate(config, progress, clean):
    return {"rate": tools.scaled(clean["cases"], 0.5), "last": clean["cases"][-1]}


def load(name, profile, overrides):
    return Scenario(name, profile, "a wave", {"year": 2000})


pipeline = Pipeline(
    name="epidemic",
    stages=(
        Stage("make", "made", make, replay="verify"),
        Stage("clean", "cleaned", clean, needs=("make",), replay="verify"),
        Stage("rate", "rated", rate, needs=("clean",), replay="verify"),
    ),
    scenarios=lambda: {"wave": "a wave"},
    load=load,
    source_roots=("epidemic", "tools"),
)
'''
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sound(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The repository with everything accepted and committed. Copy it, do not change it."""
    repository = new_repository(tmp_path_factory.mktemp("epidemic"), ready)
    root = repository.root
    for name, content in (
        ("tools.py", TOOLS),
        ("epidemic.py", EPIDEMIC),
        ("pyproject.toml", '[tool.harness]\nadapter = "epidemic:pipeline"\n'),
        ("test_wave.py", "def test_wave(golden):\n    golden.check()\n"),
        (".gitignore", ".harness/\n__pycache__/\n"),
        ("goldens/tolerances.toml", 'version = 1\n[rules]\n"**" = { rtol = 1e-6 }\n'),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
    (root / "schemas").mkdir()
    repository.expect("git init -q -b main")
    for artifact in ("made", "cleaned", "rated"):
        repository.harness(f"schema wave {artifact} > schemas/{artifact}.schema.json")
    repository.commit()
    repository.harness("verify", 1)
    repository.harness('accept tolerances.toml schemas/*.json --bulk --reason "First rules"')
    repository.harness('accept $(harness pending --ids) --bulk --reason "First goldens, looked at"')
    repository.commit()
    return repository


@pytest.fixture
def wave(sound: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(sound.root, tmp_path / "wave")
    return Repository((tmp_path / "wave").resolve(), sound.environment)


def told(repository: Repository) -> dict[str, str]:
    """What each door says of where to look, as one line."""
    printed = repository.harness("verify", 1).stdout
    folder = repository.root / ".harness/report"
    page = (folder / "report.html").read_text("utf-8").partition("<main")[0]
    comment = (folder / "report.md").read_text("utf-8").partition("**:")[0]
    session = repository.shell("pytest -q -p no:randomly").stdout
    doors = {"terminal": printed, "page": html.unescape(re.sub("<[^>]+>", "", page)), "comment": comment}
    return {door: " ".join(words.replace("\\", "").split()) for door, words in {**doors, "pytest": session}.items()}


def test_a_second_stage_that_is_wrong_by_itself_is_told_behind_every_door(wave):
    wave.edit("epidemic.py", "c * 1.0 for", "c * 1.1 for")
    wave.edit("epidemic.py", 'clean["cases"][-1]', '2 * clean["cases"][-1]')
    wave.edit("tools.py", "v + 1.0", "v + 2.0")  # which nobody uses
    wave.edit("tools.py", "def scaled", "# A comment.\ndef scaled")
    for door, words in told(wave).items():
        assert "Also wrong on stored inputs: rate" in words, door
        assert "lead to" not in words, door  # each has a fault of its own


def test_what_stages_share_that_changed_is_named_where_its_source_says_so(wave):
    wave.edit("tools.py", "v * by for", "v * by * 1.5 for")
    sentence = "make and rate both lead to tools:scaled, which changed since their goldens were accepted"
    for door, words in told(wave).items():
        assert "Also wrong on stored inputs: rate" in words, door
        assert sentence in words, door


def test_where_a_clone_lacks_the_commit_nothing_is_guessed(wave, tmp_path):
    wave.edit("tools.py", "v * by for", "v * by * 1.5 for")
    wave.commit("another scale")
    wave.expect(f"git clone -q --depth 1 file://{wave.root} {tmp_path / 'shallow'}")
    printed = Repository(tmp_path / "shallow", wave.environment).harness("verify", 1).stdout
    assert "Also wrong on stored inputs: rate" in printed
    assert "lead to" not in printed


def test_one_fault_is_told_as_ever(wave):
    wave.edit("epidemic.py", "c * 1.0 for", "c * 1.1 for")
    for door, words in told(wave).items():
        assert "wrong on stored inputs:" not in words, door
        assert "clean leads to epidemic:clean, which changed since its golden was accepted" in words, door


def test_what_runs_only_as_a_script_has_changed_only_where_it_did(wave):
    old = wave.root / "old.py"
    old.write_text(f"{TOOLS}\n\nif __name__ == '__main__':\n    print(scaled([1.0], 2.0))\n")
    wave.commit("a script")
    commit = wave.expect("git rev-parse HEAD").stdout.strip()
    (piece,) = Module("old", old, old.read_bytes()).script
    assert piece.digest in _digests(wave.root, commit, old, "old")
    (other,) = Module("old", old, old.read_bytes().replace(b"2.0", b"3.0")).script
    assert other.digest not in _digests(wave.root, commit, old, "old")
