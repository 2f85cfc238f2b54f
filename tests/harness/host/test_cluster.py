"""A real scheduler of Dask and its workers: the same goldens and verdicts, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dask_cluster import DaskCluster, until
from heat_repository import ROOT

from harness.core.reports import report_to_json
from harness.host.cluster import connection
from harness.host.cluster.command import Command
from harness.host.cluster.dask_executor import EngineError
from harness.host.cluster.engine import ALONE, Engine
from harness.host.project import open_project
from harness.run.cache import Cache
from harness.run.jobs import Job
from harness.run.runner import Runner
from harness.study.ab import run_trial
from harness.verify.ensembles.calibration import calibrate_scenario
from harness.verify.examination import Examination
from harness.verify.suite import open_cache, verify_suite

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three workers for all tests; what a test kills it starts again."""
    cluster = DaskCluster(tmp_path_factory.mktemp("dask") / "cluster", 3)
    yield cluster
    cluster.end()


@pytest.fixture
def root(accepted, tmp_path, quiet):
    """A copy of the accepted repository, without anything in its cache."""
    copy = accepted.copy(tmp_path / "heat").root
    shutil.rmtree(copy / ".harness")
    return copy


def calibrated(root: Path, engine: Engine):
    """The ensemble of the tutorial, as `harness calibrate` makes it."""
    project = open_project(root)
    with open_cache(project) as cache:
        examination = Examination(project, Runner(project.pipeline, cache), "smooth", "cpu")
        return calibrate_scenario(
            examination, cache, members=8, alpha=project.alpha, values=project.values, engine=engine
        ).ensemble.values


def golden(root: Path):
    """The ensemble that was accepted: one process made it."""
    return json.loads((root / "goldens/smooth/cpu/ensemble.json").read_text())["values"]


def slow_down(root: Path) -> None:
    """Let every fit take a moment, so that something can happen meanwhile; its numbers stay."""
    text = (root / "guard.py").read_text()
    marker = "    diffusivity, losses = heat.train("
    assert text.count(marker) == 1
    (root / "guard.py").write_text(text.replace(marker, f"    __import__('time').sleep(0.7)\n{marker}", 1))


def fits(root: Path) -> int:
    """How often a fit ran since the log was begun."""
    log = root / ".harness/stages.log"
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return sum(line.startswith("== ") and line.endswith(" fit") for line in lines)


class InBackground:
    """A calibration in a thread."""

    def __init__(self, root: Path, engine: Engine) -> None:
        self.values, self.error = None, None
        self.thread = threading.Thread(target=self._run, args=(root, engine))
        self.thread.start()

    def _run(self, root: Path, engine: Engine) -> None:
        try:
            self.values = calibrated(root, engine)
        except Exception as error:
            self.error = error

    def end(self) -> None:
        self.thread.join(120)
        assert not self.thread.is_alive()


def test_three_workers_that_are_killed_leave_the_golden_as_one_process_made_it(root, cluster):
    slow_down(root)
    told = []
    running = InBackground(root, Engine(executor="dask", scheduler=cluster.address, tell=told.append))
    for number in range(3):
        until(lambda number=number: fits(root) > 2 * number)
        cluster.kill(number)
        cluster.add()
    running.end()
    assert running.error is None
    assert running.values == golden(root)
    lost = [sentence for sentence in told if "was lost" in sentence]
    assert 1 <= len(lost) <= 3  # one that was killed between two jobs cost none
    assert 9 <= fits(root) <= 9 + len(lost)


def test_a_job_is_given_on_where_dask_itself_gives_up(tmp_path):
    """Dask blames every job of a dead worker, whether it had begun or not; here one death is enough for it."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    cluster = DaskCluster(tmp_path / "cluster", 2, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    engine = Engine(executor="dask", scheduler=cluster.address)
    try:
        with engine.opened(open_project(tmp_path), Cache(tmp_path / ".harness/cache", 10**9)) as executor:
            jobs = [executor.submit(Job("time:monotonic")) for _ in range(2)]  # so that both have deputies
            assert all(future.result() for future in jobs)
            napping = [executor.submit(Job("subprocess:call", {"args": ["sleep", "1"]})) for _ in range(6)]
            until(lambda: any((tmp_path / ".harness/cache").glob("writing/jobs-*/job-*")))
            cluster.kill(0)
            assert [future.result() for future in napping] == [0] * 6
            assert len(executor.lost) <= 1
    finally:
        cluster.end()


def test_a_killed_scheduler_ends_it_with_one_sentence_and_loses_nothing(root, tmp_path):
    slow_down(root)
    first = DaskCluster(tmp_path / "first", 2)
    try:
        running = InBackground(root, Engine(executor="dask", scheduler=first.address))
        until(lambda: fits(root) >= 5)
        first.scheduler.kill()
        running.end()
    finally:
        first.end()
    assert isinstance(running.error, EngineError)
    assert re.fullmatch(
        rf"Dask's scheduler at {first.address} is gone; \d of 9 jobs were done: start one, and give the same command "
        "again; what was computed is in the cache",
        str(running.error),
    )
    before = fits(root)
    done = int(str(running.error).split("; ")[1].split()[0])
    assert done >= 2
    second = DaskCluster(tmp_path / "second", 1)
    try:
        assert calibrated(root, Engine(executor="dask", scheduler=second.address)) == golden(root)
    finally:
        second.end()
    assert done <= 9 - fits(root) <= before
    assert list((root / ".harness/cache/writing").iterdir()) == []


COMMAND = """
import sys
from pathlib import Path
from harness.host.cluster.engine import Engine
from harness.host.project import open_project
from harness.run.cache import Cache
from harness.run.jobs import Job
root = Path(sys.argv[1])
engine = Engine(executor="dask", scheduler=sys.argv[2])
with engine.opened(open_project(root), Cache(root / ".harness/cache", 10**9)) as executor:
    executor.submit(Job("subprocess:call", {"args": ["sh", "-c", "echo $$ > pid; exec sleep 100"]})).result()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_ended_leaves_no_work_behind(how, tmp_path, cluster):
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path), cluster.address],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    note = tmp_path / "pid"
    until(lambda: note.is_file() and note.read_text().strip())
    command.send_signal(how)
    command.wait()
    until(lambda: not Path(f"/proc/{int(note.read_text())}").exists())


def judged(root: Path, engine: Engine):
    """What a verification of everything says, but for when it was and how long it took."""
    project = open_project(root)
    shutil.rmtree(root / ".harness", ignore_errors=True)
    with open_cache(project) as cache:
        suite = verify_suite(project, cache, engine=engine)
    assert suite.report.passed
    report = report_to_json(suite.report)
    for part in (report, *(a for s in report["scenarios"] for a in s["artifacts"])):
        part.pop("started", None), part.pop("seconds", None)
    return report


def test_verdicts_are_those_of_this_process_by_one_worker_and_by_three(root, cluster):
    alone = judged(root, ALONE)
    assert judged(root, Engine(executor="dask")) == alone
    assert judged(root, Engine(executor="dask", scheduler=cluster.address)) == alone


def test_a_trial_is_the_same_on_dask_and_computed_there(root, cluster):
    def tried(engine):
        project = open_project(root)
        with open_cache(project, use=False) as cache:
            what = {"scenario": "smooth", "profile": "cpu", "a": ["fit.rate=1.5"], "pairs": 3}
            return run_trial(project, cache, **what, engine=engine), len([*cache.folder.glob("items/*/*")])

    alone = tried(ALONE)
    (root / ".harness/stages.log").unlink()
    assert tried(Engine(executor="dask", scheduler=cluster.address)) == alone
    assert fits(root) == 6


def test_what_dask_sets_for_its_workers_does_not_reach_the_jobs(root, cluster, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    project = open_project(root)
    with (
        open_cache(project) as cache,
        Engine(executor="dask", scheduler=cluster.address).opened(project, cache) as executor,
    ):
        asked = [
            executor.submit(Job("os:getenv", {"key": name})) for name in ("OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_")
        ]
        assert [future.result() for future in asked] == ["3", None]


@pytest.mark.parametrize(
    ("group", "name", "value", "sentence"),
    [
        ("environment", "numpy", "0.9", r"has other versions \(numpy [\d.]+ there, 0.9 here\): make one environment"),
        ("repository", "heat.py", "edited", r"has other files in the repository \(heat.py differs\): share the folder"),
    ],
)
def test_a_worker_that_differs_is_refused(group, name, value, sentence, root, cluster, monkeypatch):
    """A real worker, and a command that takes itself for another machine's."""
    own = connection.likeness

    def other(project):
        facts = own(project)
        return {**facts, group: {**facts[group], name: value}}

    monkeypatch.setattr(connection, "likeness", other)
    with pytest.raises(EngineError, match=rf"worker tcp://127.0.0.1:\d+ on \S+ {sentence}"):
        calibrated(root, Engine(executor="dask", scheduler=cluster.address))


def test_a_worker_that_does_not_see_the_cache_is_refused(root, cluster, monkeypatch):
    monkeypatch.setattr(Command, "write", lambda self, meeting: meeting.mkdir() or "0" * 64)
    monkeypatch.setattr("harness.host.cluster.command._PATIENCE_S", 0.1)
    with pytest.raises(EngineError, match=r"does not see the cache in .*/\.harness/cache: it has to be one folder"):
        calibrated(root, Engine(executor="dask", scheduler=cluster.address))
