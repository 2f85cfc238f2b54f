"""An acceptance that is killed leaves the old state or the new one, and the next command repairs the rest."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import guarded
import pytest
from guarded import approval_log

from harness.core.errors import ApprovalError, GoldenError, HarnessError
from harness.core.verdicts import Status
from harness.store import transaction
from harness.store.acceptance import prune_goldens, reject_candidates
from harness.store.approval_check import check_approvals
from harness.store.candidates import list_edits, list_pending
from harness.store.transaction import Recovery, discard_acceptance, project_lock, recover_acceptance

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
    repository.offer("heat/cpu/flux", 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "_carry_out", lambda project: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(GoldenError, match=r"is not finished \(interrupted\): mend that, and `harness recover`"):
            repository.accept()
    return repository


def test_what_was_decided_is_finished_once(decided):
    assert not (decided.root / "goldens/heat/cpu/energy.json").exists()
    recovery = recover_acceptance(decided.project)
    assert recovery.sentence.startswith("finished")
    assert recovery.ids == ("heat/cpu/energy",)
    assert (decided.root / "goldens/heat/cpu/energy.json").exists()
    assert recover_acceptance(decided.project) == Recovery()
    assert len(approval_log(decided.project)) == 2


def test_the_next_acceptance_finishes_it_too(decided):
    decided.accept("heat/cpu/flux")
    assert len(approval_log(decided.project)) == 3


def test_nothing_is_repaired_in_ci(decided, monkeypatch):
    before = decided.state()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(ApprovalError, match="harness recover is refused in CI"):
        recover_acceptance(decided.project)
    with pytest.raises(ApprovalError, match="harness recover is refused in CI"):
        discard_acceptance(decided.project)
    with pytest.raises(GoldenError, match="was decided and interrupted"):
        _ = decided.goldens
    assert decided.state() == before


def test_a_manifest_that_was_changed_meanwhile_is_left_alone(decided):
    manifest = decided.root / "goldens/MANIFEST.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    before = decided.state()
    assert "accept again" in recover_acceptance(decided.project).sentence
    assert decided.state() == before
    assert recover_acceptance(decided.project) == Recovery()


def test_whoever_reads_goldens_is_told_and_nothing_is_written(decided):
    """Goldens are reached through one door, so that this holds for every command, and for pytest."""
    before = decided.state()
    told = r"was decided and interrupted .*plan\.json\), .* may be half-way: `harness recover` finishes it"
    for look in (
        lambda: decided.goldens.manifest(),
        lambda: decided.verify(),
        lambda: list_pending(decided.project),
        lambda: list_edits(decided.project),
        lambda: approval_log(decided.project),
        lambda: reject_candidates(decided.project, ["heat/cpu/energy"]),
        lambda: prune_goldens(decided.project, ()),
        lambda: decided.offer(candidate=2.0),
    ):
        with pytest.raises(GoldenError, match=told):
            look()
    assert any(re.search(told, problem) for problem in check_approvals(decided.project, "HEAD"))
    assert decided.state() == before


def test_what_is_just_being_carried_out_is_waited_for(decided):
    """A verification beside an acceptance is no false alarm."""
    with project_lock(decided.project):
        reader = threading.Thread(target=lambda: seen.append(decided.goldens.manifest()))
        seen = []
        reader.start()
        time.sleep(0.2)
        assert seen == []
        transaction._carry_out(decided.project)
    reader.join(10)
    assert "heat/cpu/energy" in seen[0]


def test_discarding_forgets_it_and_leaves_the_goldens(decided):
    before = {k: v for k, v in decided.state().items() if k.startswith("goldens")}
    assert "restore" in discard_acceptance(decided.project).sentence
    assert {k: v for k, v in decided.state().items() if k.startswith("goldens")} == before
    assert [p.identity for p in list_pending(decided.project)] == ["heat/cpu/energy", "heat/cpu/flux"]
    assert discard_acceptance(decided.project) == Recovery()


def test_it_is_finished_where_the_state_is_on_another_disk(decided, monkeypatch):
    def elsewhere(source, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    real = os.replace
    monkeypatch.setattr(transaction.os, "replace", lambda s, t: elsewhere(s, t) if ".harness" in str(s) else real(s, t))
    assert recover_acceptance(decided.project).ids == ("heat/cpu/energy",)
    assert len(approval_log(decided.project)) == 2


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """A repository with a candidate."""
    guarded.quiet_environment(monkeypatch)
    repository = guarded.make(tmp_path / "repository")
    repository.accept_rules()
    repository.offer()
    return repository


FULL = """
import resource, signal, sys
from pathlib import Path
import guarded
from harness.core.errors import HarnessError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
repository = guarded.Guarded(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    repository.accept()
except HarnessError as error:
    sys.exit(f"{error}")
"""


@needs_fork
@pytest.mark.parametrize("room", [0, 100, 300, 500, 700, 900, 1500])
def test_on_a_full_disk_it_is_refused_and_stays_refused(offered, room):
    """The system itself refuses to write more than ``room`` bytes to any file."""
    before = offered.state()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
    command = [sys.executable, "-c", FULL, str(offered.root), str(room)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "it is as it was" in done.stderr
    assert offered.state() == before
    assert offered.goldens.manifest().keys() == {
        "tolerances.toml",
        "heat/tolerances.toml",
        "schemas/energy.schema.json",
        "schemas/other.schema.json",
    }
    offered.fresh = guarded.artifact(1.0)
    assert offered.verify() == [Status.MISSING]
    assert {k: v for k, v in offered.state().items() if k.startswith("goldens")} == {
        k: v for k, v in before.items() if k.startswith("goldens")
    }
    assert recover_acceptance(offered.project) == Recovery()


@pytest.mark.parametrize("moment", range(30))
def test_whichever_write_fails_it_is_refused_or_finished_by_recover_alone(offered, monkeypatch, moment):
    """No room for file number ``moment``, neither beside its place nor by renaming."""
    before, written = offered.state(), [0]

    def count(real, path):
        if Path(path).is_relative_to(offered.root / "goldens") or ".harness/accept" in str(path):
            written[0] += 1
            if written[0] == moment + 1:
                raise OSError(errno.ENOSPC, "No space left on device")

    def replace(source, target, real=os.replace):
        count(real, target)
        return real(source, target)

    def make(*arguments, real=tempfile.mkstemp, **named):
        count(real, named.get("dir", ""))
        return real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        patch.setattr(tempfile, "mkstemp", make)
        try:
            offered.accept()
        except HarnessError as error:
            said = str(error)
        else:
            assert len(approval_log(offered.project)) == 2  # it was put in place the other way
            return
    if "was decided" in said:
        half_way = offered.state()
        with pytest.raises(GoldenError, match="harness recover"):
            offered.verify()
        assert offered.state() == half_way
        assert recover_acceptance(offered.project).ids == ("heat/cpu/energy",)
        assert len(approval_log(offered.project)) == 2
    else:
        assert offered.state() == before
        offered.verify()
        assert recover_acceptance(offered.project) == Recovery()
        assert len(offered.accept().changes) == 1


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
