"""``harness bisect`` on the tutorial's repository: planted faults are found, named by their stage, and nothing is left.

One repository for all of it, whose histories are branches that nobody checks out.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from checked_repository import MODULE, TESTS
from guarded import git
from heat_repository import Heat, Repository, follow
from histories import Made, write_history

from harness.judge.schema import Schema

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "schemas/harness/bisect.schema.json"
FAULTS = {  # by the stage: the commit that has it, the file, and what becomes of it
    "start": (47, "heat.py", "(1 + 0.3 *", "(1 + 0.31 *"),
    "measure": (1, "heat.py", "clean + noise *", "clean - noise *"),
    "reference": (33, "heat.py", "/ np.pi**2", "/ 9.87"),
    "fit": (20, "heat.py", "guess -= rate * np.mean", "guess -= 2 * rate * np.mean"),
    "compare": (63, "guard.py", "/ truth - 1)", "/ truth - 1.001)"),
}
# What changes no number, and makes other source of it: the cache does not know it.
HARMLESS = {10: ("heat.py", "dx = 1 / (", "dx = 1.0 / ("), 40: ("guard.py", "t = config[", "t = dict(config)[")}
SYNTAX = ("heat.py", "def solve(", "def solve)(")


def commits(root: Path, count: int, edits: dict[int, Sequence[tuple[str, str, str]]]) -> list[Made]:
    """``count`` commits, each with a note in a file of the source, and from one on with an edit."""
    texts = {name: (root / name).read_text() for name in ("heat.py", "guard.py")}
    made = []
    for number in range(1, count + 1):
        for name, old, new in edits.get(number, ()):
            assert texts[name].count(old) == 1, old
            texts[name] = texts[name].replace(old, new)
        made.append(Made({name: f"{text}\n# note {number}\n" for name, text in texts.items()}))
    return made


@pytest.fixture(scope="module")
def repository(accepted: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return accepted.copy(tmp_path_factory.mktemp("bisected") / "heat")


@pytest.fixture
def rod(repository: Repository, quiet: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Heat]:
    """The repository, whose tree, index, branches' heads and worktrees are afterwards as they were before."""
    quiet.chdir(repository.root)
    quiet.syspath_prepend(str(repository.root))
    rod = Heat(repository, quiet)
    rod.forget()
    (repository.root / "heat.py").write_text((repository.root / "heat.py").read_text() + "# the user's own edit\n")
    before = state(repository.root)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    quiet.setenv("TMPDIR", str(temporary))  # of the processes that a test starts
    quiet.setattr(tempfile, "tempdir", str(temporary))
    yield rod
    rod.forget()
    assert state(repository.root) == before
    assert not list(temporary.glob("harness-bisect-*"))
    git(repository.root, "checkout", "-q", "heat.py")


def state(root: Path) -> tuple:
    return (
        git(root, "status", "--porcelain"),
        (root / ".git/index").read_bytes(),
        (root / "heat.py").read_text(),
        git(root, "worktree", "list"),
        git(root, "symbolic-ref", "HEAD"),
    )


def bisect(rod: Heat, capsys: pytest.CaptureFixture[str], line: str, status: int = 0) -> dict[str, Any]:
    """What ``harness bisect --json`` says, by its schema."""
    answer: dict[str, Any] = json.loads(rod.cli(capsys, f"bisect {line} --json", status)[0])
    assert Schema(json.loads(SCHEMA.read_text()), SCHEMA).problems(answer) == []
    return answer


@pytest.mark.parametrize("stage", FAULTS)
def test_a_planted_fault_is_found_and_its_stage_named(rod, capsys, stage):
    at, *fault = FAULTS[stage]
    edits = {number: [edit] for number, edit in HARMLESS.items()} | {at: [tuple(fault)]}
    made = write_history(rod.root, stage, "main", commits(rod.root, 63, edits))
    answer = bisect(rod, capsys, f"main {stage} smooth")
    assert [suspect["commit"] for suspect in answer["suspects"]] == [made[at]]
    assert [blame["stage"] for blame in answer["blames"]] == [stage]
    assert answer["evaluations"] == len(answer["judged"]) <= 7
    assert answer["goldens"] == made[0]
    ran = [each["ran"] for each in answer["judged"]]
    assert sum(count == 0 for count in ran) >= len(ran) - 4  # at most for each edit that differs in the source


def test_only_what_is_asked_for_counts_and_several_processes_find_the_same(rod, capsys):
    """The first fault is that of another stage; the later one is found by stage, and by the address of a value."""
    edits = {2: [FAULTS["fit"][1:]], 5: [FAULTS["start"][1:]]}
    made = write_history(rod.root, "two", "main", commits(rod.root, 6, edits))
    by_stage = bisect(rod, capsys, "main two smooth --stage start")
    by_address = bisect(rod, capsys, "main two --no-training --workers 2 --address */cpu/profile")
    for answer in (by_stage, by_address):
        assert answer["suspects"][0]["commit"] == made[5]
        assert {blame["stage"] for blame in answer["blames"]} == {"start"}
    assert by_address["scenarios"] == ["sharp", "smooth"]
    out, _ = rod.cli(capsys, "bisect main two smooth")
    assert f"{made[2][:12]} two 2" in out
    assert "smooth: first in fit: " in out


def test_commits_that_cannot_be_imported_are_gone_around_and_told(rod, capsys):
    repaired = (SYNTAX[0], SYNTAX[2], SYNTAX[1])
    edits = {3: [SYNTAX], 6: [repaired], 7: [FAULTS["start"][1:]]}
    made = write_history(rod.root, "torn", "main", commits(rod.root, 9, edits))
    answer = bisect(rod, capsys, "main torn smooth")
    assert answer["suspects"][0]["commit"] == made[7]
    skipped = [each for each in answer["judged"] if each["verdict"] == "skipped"]
    assert skipped
    assert all("SyntaxError" in each["why"] and "harness-bisect" not in each["why"] for each in skipped)
    edits = {2: [SYNTAX], 4: [repaired, FAULTS["start"][1:]]}
    made = write_history(rod.root, "hidden", "main", commits(rod.root, 5, edits))
    out, _ = rod.cli(capsys, "bisect main hidden smooth", 1)
    assert "it is one of 3, of which no more can be judged" in out
    assert all(f"{commit[:12]} hidden" in out for commit in made[2:5])


def test_an_accepted_change_counts_unless_each_commit_has_its_own_goldens(rod, capsys):
    """Between the ends somebody accepted other goldens: that is the change against those of the good one."""
    tolerances = (rod.root / "goldens/tolerances.toml").read_text()
    made = commits(rod.root, 5, {4: [FAULTS["start"][1:]]})
    strict = Made({**made[1].files, "goldens/tolerances.toml": f"# other rules\n{tolerances}"})
    moved = Made({**made[2].files, "goldens/tolerances.toml": "this is no TOML ["})
    history = write_history(rod.root, "accepted", "main", [made[0], strict, moved, *made[3:]])
    assert bisect(rod, capsys, "main accepted smooth")["suspects"][0]["commit"] == history[4]
    _, err = rod.cli(capsys, "bisect main accepted smooth --own-goldens", 2)
    assert "which is said to be bad, cannot be judged" in err
    assert "tolerances.toml" in err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("main main", "nothing lies between .*: they are the same commit"),
        ("start main", "nothing lies between .*: the bad one is the older: give them as GOOD BAD"),
        ("main nowhere", "'nowhere' is not a commit"),
        ("empty start", "has no goldens: give a later commit"),
        ("main start --address smooth", "smooth is no address: it is scenario/track/artifact/value"),
        (
            "main start smooth --address smooth/cpu/nothing",
            "no value that is compared there fits --address smooth.cpu.nothing: ",
        ),
        ("main start smooth --stage melt", "there is no stage 'melt' at .*; there are start, solve"),
        ("main start rough", "there is no scenario 'rough' at "),
        ("start~10 start smooth", "which is said to be good, is bad already: smooth: Look at start first"),
        ("start~63 start~50 smooth", "which is said to be bad, is not: everything that counts is as accepted"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(rod, capsys, line, words):
    if not git(rod.root, "branch", "--list", "start"):  # this test may be the first, or alone
        edits = {FAULTS["start"][0]: [FAULTS["start"][1:]]}
        write_history(rod.root, "start", "main", commits(rod.root, 63, edits))
    git(rod.root, "branch", "-f", "empty", git(rod.root, "rev-list", "--max-parents=0", "main"))
    _, err = rod.cli(capsys, f"bisect {line}", 2)
    assert re.search(words, err), err


def test_values_that_tests_check_are_judged_too(checked):
    """Without an adapter; by the test's name."""
    path, texts = "tests/test_spectrum.py", [TESTS, TESTS.replace("SCALE = 1.0", "SCALE = 1.1")]
    made = write_history(
        checked.root, "scaled", "main", [Made({path: f"{texts[n > 1]}# note {n}\n"}) for n in range(4)]
    )
    answer = json.loads(checked.harness("bisect main scaled --json --address '*/check/test_sizes-3'").stdout)
    assert [suspect["commit"] for suspect in answer["suspects"]] == [made[3]]
    assert [(b["scenario"], b["stage"]) for b in answer["blames"]] == [(MODULE, "test_sizes-3")]


def test_the_how_to_says_how(accepted, tmp_path):
    repository = accepted.copy(tmp_path / "heat")
    follow(repository, (ROOT / "docs/how-to/bisect.md").read_text(encoding="utf-8"))
    assert len(git(repository.root, "worktree", "list").splitlines()) == 1


def test_ctrl_c_leaves_nothing(rod):
    """It comes while worktrees are there and processes are at work in them."""
    write_history(rod.root, "slow", "main", commits(rod.root, 9, {5: [FAULTS["start"][1:]]}))
    root = rod.root
    child = subprocess.Popen(
        ["harness", "bisect", "main", "slow", "--workers", "2"],
        cwd=root,
        env=rod.repository.environment | {"UNPREPARED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    limit = time.monotonic() + 120
    while len(git(root, "worktree", "list").splitlines()) < 2:
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < limit
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
