"""``harness watch``: an edit is verified, the cheap tier first; it ends at Ctrl-C and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time

import guarded
import pytest
from heat_repository import Repository

from harness.cli.commands import watch
from harness.cli.process.watched import WatchedFiles, edits_between

FIT = ("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.05 * np.exp(guess) * speed[some])")
LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")


class Watching:
    """``harness watch --json`` in a repository."""

    def __init__(self, repository: Repository) -> None:
        environment = repository.environment | {"UNPREPARED": "1"}
        self.process = subprocess.Popen(
            "exec harness watch smooth --json",
            shell=True,
            cwd=repository.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job's children ignore it
        )

    def told(self) -> dict:
        late = threading.Timer(120, self.process.kill)
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        assert line, f"it tells nothing more: {self.process.stderr.read()}"
        return json.loads(line)

    def stop(self) -> int:
        """Ctrl-C, and the exit status."""
        os.kill(self.process.pid, signal.SIGINT)
        _, self.error = self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def watching(inner):
    watching = Watching(inner.repository)
    yield watching
    if watching.process.poll() is None:
        watching.process.kill()
        watching.process.communicate()


def test_an_edit_is_verified_the_cheap_tier_first_until_ctrl_c(inner, watching):
    first, second = watching.told(), watching.told()
    assert (first["edited"], first["training"], first["status"]) == ([], False, 0)
    assert (second["edited"], second["training"], second["status"]) == ([], True, 0)
    inner.repository.edit(*LINE)
    edited = watching.told()
    assert (edited["edited"], edited["training"], edited["status"]) == (["heat.py"], False, 1)  # and training waits
    inner.repository.edit(LINE[0], LINE[2], LINE[1])
    assert [watching.told()["status"], watching.told()["status"]] == [0, 0]
    inner.repository.edit("heat.py", "import numpy as np", "import numpy as np (")
    assert watching.told()["status"] == 2  # and it goes on
    assert watching.stop() == 130
    assert "Traceback" not in watching.error
    session = subprocess.run(["ps", "-eo", "sid,args"], capture_output=True, text=True, check=True).stdout
    assert str(inner.root) not in session
    assert not list(inner.root.rglob("*.tmp"))


# Which files count


@pytest.fixture
def repository(tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.make(tmp_path / "repository")


def test_tracked_and_new_files_count_and_ignored_ones_do_not(repository):
    files = WatchedFiles(repository.root, repository.root / ".harness")
    before = files.state()
    repository.write(".harness/report/report.json", "{}")
    assert edits_between(before, files.state()) == []
    repository.write("new.py", "x = 1\n")
    (repository.root / "plant.txt").unlink()
    repository.write("schemas/energy.schema.json", "{}  ")
    assert edits_between(before, files.state()) == ["new.py", "plant.txt", "schemas/energy.schema.json"]


def test_an_edit_right_after_a_look_is_not_missed(repository, monkeypatch):
    """Between the look at what changed during a run, and the next one, time passes."""

    class SeenError(Exception):
        pass

    def note(self, written):
        repository.write("new.py", "x = 1\n")
        return []

    def look(self, before):
        raise SeenError(edits_between(before, self.state()))

    monkeypatch.chdir(repository.root)
    monkeypatch.setattr(watch, "_tiers", lambda: [[]])
    monkeypatch.setattr(watch, "_verify", lambda *_, **__: 0)
    monkeypatch.setattr(WatchedFiles, "note_run", note)
    monkeypatch.setattr(WatchedFiles, "next_edit", look)
    with pytest.raises(SeenError) as seen:
        watch.watch(json=True)
    assert seen.value.args == (["new.py"],)


def test_the_same_content_written_again_counts_and_waiting_ends_when_it_is_quiet(repository):
    files = WatchedFiles(repository.root, repository.root / ".harness")
    before = files.state()
    content = (repository.root / "plant.txt").read_bytes()
    time.sleep(0.01)
    (repository.root / "plant.txt").write_bytes(content)
    assert files.next_edit(before) == ["plant.txt"]


def test_what_each_run_writes_itself_is_left_out_after_the_second(repository):
    files = WatchedFiles(repository.root, repository.root / ".harness")
    repository.write("output.txt", "1")
    assert files.note_run(["output.txt", "plant.txt"]) == []
    assert files.note_run(["output.txt", "plant.txt"]) == ["output.txt"]
    assert "output.txt" not in files.state()
    assert "plant.txt" in files.state()  # which git tracks: somebody saved it during two runs
