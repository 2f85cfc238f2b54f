"""Jobs in this process and in real others: results, errors, workers that die, and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

from harness.core.errors import HarnessError, ProjectError
from harness.host.cluster.engine import Engine
from harness.host.project import open_project
from harness.run.cache import Cache
from harness.run.jobs import CancelledError, Job, JobError, local_executor

ROOT = Path(__file__).parents[3]

WORK = """
import os, signal, time
from pathlib import Path
from harness.core.errors import GoldenError

def add(a, b=0): return a + b
def me(wait=0.0): time.sleep(wait); return os.getpid()
def fail(text): raise ValueError(text)
def refuse(): raise GoldenError("goldens/a.json is damaged: restore it from git")
def leave(): raise SystemExit(3)
def nothing_to_send(): return lambda: 1
def nap(seconds, note=""):
    if note:
        with open(note, "a") as file: file.write(f"{os.getpid()}\\n")
    time.sleep(seconds); return seconds
def die(note, times, how=9):
    with open(note, "a+") as file:
        file.seek(0); before = len(file.read().splitlines())
        file.write("tried\\n"); file.flush()
    if before < times:
        os.kill(os.getpid(), how) if how else os._exit(7)
    return "alive"
def flood(size): return b"x" * size
"""


@pytest.fixture(scope="module", autouse=True)
def work(tmp_path_factory):
    """The folder of a module of jobs that workers find too."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "made_up_work.py").write_text(WORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder
    sys.modules.pop("made_up_work", None)


@pytest.fixture(scope="module")
def processes(work):
    with local_executor(2) as executor:
        yield executor
    assert executor.lost == []


def job(name, **arguments):
    return Job(f"made_up_work:{name}", arguments)


@pytest.fixture(scope="module")
def dask(work, tmp_path_factory):
    pytest.importorskip("distributed")
    with dask_of(tmp_path_factory.mktemp("guarded")) as executor:
        yield executor
    assert executor.lost == []


def dask_of(root, workers=2, **options):
    """An executor of Dask on this machine, for a repository without an adapter."""
    (root / "pyproject.toml").write_text("[tool.harness]\n")
    engine = Engine(workers, "dask", **options)
    return engine.opened(open_project(root), Cache(root / ".harness/cache", 10**9))


@pytest.fixture(params=["here", "processes", "dask"])
def executor(request):
    """Each kind; the processes are the same for all tests that do no harm to them."""
    return local_executor(1) if request.param == "here" else request.getfixturevalue(request.param)


@pytest.mark.slow
def test_results_come_back_with_their_jobs(executor):
    submitted = [executor.submit(job("add", a=n, b=1)) for n in range(5)]
    results = {future.job.arguments["a"]: future.result() for future in executor.as_completed(submitted)}
    assert results == {n: n + 1 for n in range(5)}
    assert all(future.done() for future in submitted)
    assert submitted[3].result() == 4


def test_some_of_them_may_be_waited_for(executor):
    first, second = executor.submit(job("add", a=1)), executor.submit(job("add", a=2))
    assert [f.result() for f in executor.as_completed([second])] == [2]
    assert first.result() == 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (("fail", {"text": "no field"}), "job made_up_work:fail(text='no field') failed: ValueError: no field"),
        (("refuse", {}), "job made_up_work:refuse() failed: goldens/a.json is damaged: restore it from git"),
        (("missing", {}), "job made_up_work:missing() failed: AttributeError: module 'made_up_work' has no attribute"),
        (("add", {"c": 1}), "job made_up_work:add(c=1) failed: TypeError: add() got an unexpected keyword argument"),
    ],
)
def test_an_error_names_the_job_and_spares_the_others(bad, message, executor):
    wrong, right = executor.submit(job(bad[0], **bad[1])), executor.submit(job("add", a=1))
    assert set(executor.as_completed([wrong, right])) == {wrong, right}
    for _ in range(2):  # asked for again, it is the same
        with pytest.raises(JobError) as caught:
            wrong.result()
        assert str(caught.value).startswith(message)
        assert isinstance(caught.value, HarnessError)
    assert "Traceback (most recent call last)" in caught.value.details
    assert right.result() == 1


def test_a_module_that_is_not_there_is_an_error_of_the_job(executor):
    with pytest.raises(JobError, match="job no_such_module:f\\(\\) failed: ModuleNotFoundError"):
        executor.submit(Job("no_such_module:f")).result()


def test_jobs_are_data(executor):
    assert job("add", a=(1, 2)) == job("add", a=[1, 2])
    with pytest.raises(TypeError, match="the arguments of made_up_work:add are not JSON"):
        job("add", a=print)
    given = {"a": [1]}
    submitted = Job("made_up_work:add", given)
    given["a"].append(2)
    assert submitted.arguments == {"a": [1]}


@pytest.mark.slow
def test_leaving_the_context_waits_for_all(tmp_path):
    for workers in (1, 2):
        note = tmp_path / f"note{workers}"
        with local_executor(workers) as executor:
            submitted = [executor.submit(job("nap", seconds=0.05, note=str(note))) for _ in range(3)]
        assert [f.result() for f in submitted] == [0.05] * 3
        assert len(note.read_text().split()) == 3


def stopped(executor, submitted, note, running):
    with executor:
        submitted += [executor.submit(job("nap", seconds=60, note=str(note))) for _ in range(6)]
        until(lambda: len(note.read_text().split() if note.exists() else []) == running)
        raise RuntimeError("stop")


def test_an_error_in_the_context_cancels_the_rest(tmp_path):
    for workers in (1, 2):
        note, began = tmp_path / f"note{workers}", time.monotonic()
        executor, submitted = local_executor(workers), []
        with pytest.raises(RuntimeError, match="stop"):
            stopped(executor, submitted, note, running=0 if workers == 1 else workers)
        assert time.monotonic() - began < 30
        for future in submitted:
            with pytest.raises(CancelledError, match=r"job made_up_work:nap\(.* was cancelled"):
                future.result()
        assert set(executor.as_completed()) == set(submitted)
        for pid in map(int, note.read_text().split() if note.exists() else []):
            until(lambda pid=pid: not alive(pid))


@pytest.mark.slow
def test_a_queued_job_can_be_taken_back(tmp_path):
    for workers in (1, 2):
        with local_executor(workers) as executor:
            slow = [executor.submit(job("nap", seconds=0.2)) for _ in range(workers)]
            last = executor.submit(job("nap", seconds=0.2, note=str(tmp_path / "ran")))
            assert last.cancel()
            with pytest.raises(CancelledError):
                last.result()
            assert {*executor.as_completed()} == {*slow, last}
            assert not slow[0].cancel()
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_one_worker_is_this_process_and_several_are_others():
    with local_executor(1) as executor:
        assert executor.submit(job("me")).result() == os.getpid()
    with local_executor(2) as executor:
        submitted = [executor.submit(job("me", wait=0.3)) for _ in range(6)]
        pids = {future.result() for future in submitted}
    assert os.getpid() not in pids
    assert len(pids) == 2  # kept from job to job
    until(lambda: not any(map(alive, pids)))


def test_there_is_no_work_without_workers():
    with pytest.raises(HarnessError, match="0 workers cannot run anything: give at least 1"):
        local_executor(0)


def test_what_ends_or_cannot_be_sent_is_an_error_and_the_worker_goes_on(processes):
    with pytest.raises(JobError, match=r"job made_up_work:leave\(\) failed: SystemExit: 3"):
        processes.submit(job("leave")).result()
    with pytest.raises(JobError, match=r"job made_up_work:nothing_to_send\(\) gave a result that cannot be sent"):
        processes.submit(job("nothing_to_send")).result()
    assert len(processes.submit(job("flood", size=10**7)).result()) == 10**7


@pytest.mark.parametrize(("how", "end"), [(9, "was killed by signal 9"), (0, "ended with status 7")])
@pytest.mark.slow
def test_a_worker_that_dies_once_costs_nothing_but_time(how, end, tmp_path):
    note = str(tmp_path / "note")
    with local_executor(2) as executor:
        others = [executor.submit(job("nap", seconds=0.3)) for _ in range(3)]
        assert executor.submit(job("die", note=note, times=1, how=how)).result() == "alive"
        assert [f.result() for f in others] == [0.3] * 3
        assert executor.lost == [f"the worker of job {job('die', note=note, times=1, how=how)} {end}"]
    assert Path(note).read_text() == "tried\n" * 2


@pytest.mark.slow
def test_a_job_that_always_kills_its_worker_is_an_error_and_spares_the_others(tmp_path):
    """The others run beside it all the time; with one pool for all, they would be lost with it."""
    note = str(tmp_path / "note")
    with local_executor(2) as executor:
        bad = [executor.submit(job("die", note=note, times=99)) for _ in range(2)]
        good = [executor.submit(job("nap", seconds=0.2)) for _ in range(6)]
        for future in bad:
            with pytest.raises(JobError, match="its worker was killed by signal 9 in each of 2 tries"):
                future.result()
        assert [f.result() for f in good] == [0.2] * 6
    assert Path(note).read_text() == "tried\n" * 4
    assert len(executor.lost) == 4


@pytest.mark.slow
def test_workers_killed_from_outside_while_they_work(tmp_path):
    notes = [tmp_path / f"note{n}" for n in range(9)]
    with local_executor(3) as executor:
        submitted = [executor.submit(job("nap", seconds=0.4, note=str(note))) for note in notes]
        for note in (notes[0], notes[5]):
            until(lambda note=note: note.exists() and note.read_text().endswith("\n"))
            os.kill(int(note.read_text()), signal.SIGKILL)
        assert [f.result() for f in submitted] == [0.4] * 9
    assert len(executor.lost) == 2
    assert [len(note.read_text().split()) for note in notes] == [2, 1, 1, 1, 1, 2, 1, 1, 1]


@pytest.mark.slow
def test_an_interrupt_is_the_parents_to_handle(tmp_path):
    note = tmp_path / "note"
    with local_executor(2) as executor:
        future = executor.submit(job("nap", seconds=0.5, note=str(note)))
        until(lambda: note.exists() and note.read_text().strip())
        os.kill(int(note.read_text()), signal.SIGINT)
        assert future.result() == 0.5
    assert executor.lost == []


SCRIPT = """
    import sys
    sys.path.insert(0, {work!r})
    from harness.run.jobs import Job, local_executor
    if __name__ == "__main__":
        with local_executor(2) as executor:
            for _ in range(6):
                executor.submit(Job("made_up_work:nap", {{"seconds": 60, "note": {note!r}}}))
            {wait}
"""


def started(tmp_path, work, wait):
    """A process with two workers at work, and their ids."""
    note, script = tmp_path / "note", tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT.format(work=str(work), note=str(note), wait=wait)))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job's children ignore it
    )
    until(lambda: note.exists() and len(note.read_text().split()) == 2)
    return process, [int(pid) for pid in note.read_text().split()]


@pytest.mark.parametrize("wait", ["for _ in executor.as_completed(): pass", "pass"], ids=["waiting", "leaving"])
@pytest.mark.slow
def test_ctrl_c_stops_everything_at_once(wait, tmp_path, work):
    process, pids = started(tmp_path, work, wait)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert err.count("Traceback") == 1
    until(lambda: not any(map(alive, pids)))


def test_workers_end_with_a_parent_that_is_killed(tmp_path, work):
    process, pids = started(tmp_path, work, "for _ in executor.as_completed(): pass")
    process.kill()
    process.wait()
    until(lambda: not any(map(alive, pids)))
    process.communicate()  # not before: it waits for whoever has the pipes, so for the workers


# The same on Dask, whose workers have deputies


def test_dask_keeps_a_deputy_for_each_worker_and_sends_what_processes_send(dask):
    pids = {future.result() for future in [dask.submit(job("me", wait=0.3)) for _ in range(6)]}
    assert os.getpid() not in pids
    assert len(pids) == 2
    with pytest.raises(JobError, match=r"job made_up_work:leave\(\) failed: SystemExit: 3"):
        dask.submit(job("leave")).result()
    with pytest.raises(JobError, match=r"job made_up_work:nothing_to_send\(\) gave a result that cannot be sent"):
        dask.submit(job("nothing_to_send")).result()
    assert len(dask.submit(job("flood", size=10**7)).result()) == 10**7


@pytest.mark.slow
def test_on_dask_a_job_is_tried_twice_and_never_more(tmp_path):
    pytest.importorskip("distributed")
    once, always = str(tmp_path / "once"), str(tmp_path / "always")
    with dask_of(tmp_path) as executor:
        good = [executor.submit(job("nap", seconds=0.2)) for _ in range(4)]
        assert executor.submit(job("die", note=once, times=1)).result() == "alive"
        with pytest.raises(JobError, match=r"its worker died in each of 2 tries \(.* on .*, .* on .*\): it may need"):
            executor.submit(job("die", note=always, times=99)).result()
        assert [f.result() for f in good] == [0.2] * 4
        assert len(executor.lost) == 3
    assert Path(once).read_text() == Path(always).read_text() == "tried\n" * 2


@pytest.mark.slow
def test_on_dask_an_error_in_the_context_stops_what_runs_and_what_waits(tmp_path):
    pytest.importorskip("distributed")
    submitted, note = [], tmp_path / "note"

    def work_and_fail():
        with dask_of(tmp_path) as executor:
            submitted.extend(executor.submit(job("nap", seconds=60, note=str(note))) for _ in range(6))
            until(lambda: note.exists() and len(note.read_text().split()) == 2)
            started = [future for future in submitted if not future.cancel()]
            assert len(started) == 2  # those that run cannot be taken back
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        work_and_fail()
    for future in submitted:
        with pytest.raises(CancelledError, match=r"job made_up_work:nap\(.* was cancelled"):
            future.result()
    for pid in map(int, note.read_text().split()):
        until(lambda pid=pid: not alive(pid))


@pytest.mark.slow
def test_a_deputy_that_nobody_asks_any_more_ends(dask, monkeypatch):
    pid = dask.submit(job("me")).result()
    assert alive(pid)  # and at the end of the context it is dismissed: the next executor has its own
    with dask_of(Path(dask._meeting).parents[3]) as other:
        another = other.submit(job("me")).result()
        assert another != pid
    until(lambda: not alive(another))
    assert alive(pid)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"executor": "spark"}, r"--executor spark: there is no such executor; there are processes and dask"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "--scheduler names a scheduler of Dask: give --executor dask as well"),
        ({"executor": "dask", "scheduler": "tcp://a:1", "workers": 2}, "--workers are of this machine: those of a"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, sentence):
    with pytest.raises(ProjectError, match=sentence):
        Engine(**options)


@pytest.mark.slow
def test_the_dashboard_is_told_where_there_is_one(tmp_path):
    pytest.importorskip("distributed")
    pytest.importorskip("bokeh")
    told = []
    with dask_of(tmp_path, 1, tell=told.append):
        (sentence,) = told
        address = re.fullmatch(r"Dask's dashboard: (http://127\.0\.0\.1:\d+/status)", sentence)[1]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address) as page:
            assert b"Dask" in page.read()


@pytest.mark.slow
def test_no_scheduler_and_no_dask_are_one_sentence_each(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("harness.host.cluster.connection._CONNECT_S", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "nonsense"):
        with (
            pytest.raises(HarnessError, match=f"no Dask scheduler answers at {address} .*: start one with `dask sched"),
            dask_of(tmp_path, 1, scheduler=address),
        ):
            pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(HarnessError, match=r"--executor dask needs Dask: pip install distributed, which"),
        dask_of(tmp_path),
    ):
        pass
    assert list((tmp_path / ".harness/cache/writing").iterdir()) == []


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")  # a zombie that nobody waited for is not alive
    return not status.exists() or "State:\tZ" not in status.read_text()


def until(happened, seconds=30):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
