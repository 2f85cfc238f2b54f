"""An acceptance that is killed leaves the old state or the new one, and the next command repairs the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import guarded
import pytest

from harness.core.errors import GoldenError, HarnessError
from harness.core.files import write_file
from harness.store import transaction
from harness.store.chain import approval_log
from harness.store.transaction import recover_acceptance

HERE = Path(__file__).parents[1]
KILLS = 120

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed processes are forked")


def nursery(tmp_path, *arguments):
    """How often each outcome was seen by ``kill_nursery.py``, which kills acceptances in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
    process = subprocess.run(
        [sys.executable, str(HERE / "kill_nursery.py"), str(tmp_path / "repository"), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@needs_fork
@pytest.mark.slow
def test_killed_before_any_change_of_the_disk_it_is_the_old_state_or_the_new(tmp_path):
    counts = nursery(tmp_path, 1)
    assert counts["moments"] > 30  # every file staged, renamed and removed is one
    assert min(counts[outcome] for outcome in ("old", "new", "finished", "discarded", "repairs killed")) > 3


@needs_fork
@pytest.mark.slow
def test_killed_at_random_moments_it_is_the_old_state_or_the_new(tmp_path):
    counts = nursery(tmp_path, 2, KILLS)
    assert counts["kills"] == KILLS
    assert counts["old"] > 20
    assert counts.get("finished", 0) + counts.get("discarded", 0) > 5  # killed while it wrote
    assert counts["old"] + counts["new"] >= KILLS


@pytest.fixture
def decided(tmp_path, monkeypatch):
    """A repository whose acceptance was decided, and stopped before anything was put in place."""
    guarded.quiet_environment(monkeypatch)
    repository = guarded.make(tmp_path / "repository")
    repository.accept_rules()
    repository.offer()
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "_carry_out", lambda project: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            repository.accept()
    return repository


def test_what_was_decided_is_finished_once(decided):
    assert not (decided.root / "goldens/heat/cpu/energy.json").exists()
    assert recover_acceptance(decided.project).startswith("finished")
    assert (decided.root / "goldens/heat/cpu/energy.json").exists()
    assert recover_acceptance(decided.project) == ""
    assert len(approval_log(decided.project)) == 2


def test_the_next_acceptance_finishes_it_too(decided):
    decided.offer("heat/cpu/flux", 1.0)
    decided.accept("heat/cpu/flux")
    assert len(approval_log(decided.project)) == 3


def test_nothing_is_repaired_in_ci(decided, monkeypatch):
    before = decided.state()
    monkeypatch.setenv("CI", "true")
    assert recover_acceptance(decided.project) == ""
    assert decided.state() == before


def test_a_manifest_that_was_changed_meanwhile_is_left_alone(decided):
    manifest = decided.root / "goldens/MANIFEST.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    before = decided.state()
    assert "accept again" in recover_acceptance(decided.project)
    assert decided.state() == before
    assert recover_acceptance(decided.project) == ""


def test_a_full_disk_in_the_middle_is_an_error_and_the_next_command_finishes(decided, monkeypatch):
    real, written = write_file, []

    def write(path, content):
        written.append(path)
        if len(written) == 2:
            raise HarnessError("cannot write: no space left")
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "write_file", write)
        with pytest.raises(HarnessError, match="no space"):
            recover_acceptance(decided.project)
    assert recover_acceptance(decided.project).startswith("finished")
    assert len(approval_log(decided.project)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda plan: b"{",
        lambda plan: b"[]",
        lambda plan: b'{"steps": [], "old": "", "done": []}',
        lambda plan: plan.replace(b"heat/cpu/energy.json", b"../cpu/energy.json"),
        lambda plan: plan.replace(b'"heat/cpu/energy"', b'"../../../x"'),
        lambda plan: plan.replace(b'"MANIFEST.json"', b'"OTHER.json"'),
    ],
)
def test_a_damaged_plan_is_an_error_that_says_what_to_do(decided, damage):
    plan = decided.root / ".harness/accept/plan.json"
    before = decided.state()
    plan.write_bytes(damage(plan.read_bytes()))
    with pytest.raises(GoldenError, match=r"restore the goldens from git|is not strict JSON|is not an id"):
        recover_acceptance(decided.project)
    assert decided.state() == before


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_what_was_staged_is_checked_before_it_is_put_in_place(decided, how):
    staged = decided.root / ".harness/accept/0"
    staged.unlink() if how == "gone" else staged.write_bytes(b"{}")
    before = decided.state()
    with pytest.raises(GoldenError, match="restore the goldens from git"):
        recover_acceptance(decided.project)
    assert decided.state() == before
