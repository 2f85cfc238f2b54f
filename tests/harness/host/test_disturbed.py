"""What a stage leaves changed in its process is said, whether the stage ran or came from the cache."""

from __future__ import annotations

import json

import pytest

CYCLE = """
import weakref
class Ring: pass
ring = Ring(); ring.itself = ring
gone = weakref.ref(ring)
del ring
gc.collect()
assert gone() is None
"""
DISTURBANCES = {
    "the working directory": "os.chdir('/')",
    "the environment variable GAIN": "os.environ['GAIN'] = '2'",
    "numpy's floating-point error handling": "np.seterr(all='raise')",
    "the warnings filters": "import warnings; warnings.simplefilter('error')",
    "Python's global random state": "import random; random.seed(0)",
    "numpy's global random state": "np.random.seed(0)",
    "the umask": "os.umask(0o077)",
    "the recursion limit": "import sys; sys.setrecursionlimit(200)",
    "sys.stdout": "import sys, io; sys.stdout = io.StringIO()",
    "sys.path": "import sys; sys.path.insert(0, os.getcwd() + '/elsewhere')",
    "the handler of SIGUSR1": "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "a thread that is still running": "import threading, time; threading.Thread(target=time.sleep, args=(9,)).start()",
}


def failing(plant, line: str = "verify") -> list[str]:
    """The messages of a verification that must fail."""
    report = json.loads(plant.harness(f"{line} --json", 1).stdout)
    (scenario,) = report["scenarios"]
    return [v["message"] for a in scenario["artifacts"] for v in a.get("verdicts", ()) if v["status"] != "pass"]


@pytest.mark.slow
@pytest.mark.parametrize("what", DISTURBANCES)
def test_what_a_stage_leaves_changed_is_said_cached_or_not(what, plant):
    plant.put("in grow", DISTURBANCES[what])
    for _ in range(2):
        messages = failing(plant)
        assert messages
        assert all(f"leaves {what}" in message for message in messages), messages


@pytest.mark.slow
def test_a_run_says_it_as_a_verification_does(plant):
    plant.put("in grow", "np.random.seed(0); open('gain.txt', 'w').write('1'); os.environ.get('GAIN')")
    for _ in range(2):
        said = " ".join(plant.harness("run plant", 1).stdout.split())
        assert "grow leaves numpy's global random state changed" in said
        assert "grow reads the environment variable GAIN, which it does not declare" in said
    rows = json.loads(plant.harness("run plant --json", 1).stdout)
    assert [bool(row["problems"]) for row in rows] == [True, False]


@pytest.mark.slow
def test_the_next_stage_does_not_depend_on_what_was_left(plant):
    """An earlier stage that seeds the global generator makes no later one repeatable, cached or not."""
    plant.put("in grow", "np.random.seed(0)")
    plant.put("in weigh", "return {'weight': 6.0 + np.random.rand()}")
    weights = set()
    for _ in range(2):
        report = json.loads(plant.harness("verify --json --no-cache", 1).stdout)
        (weighed,) = (
            v["obtained"]
            for a in report["scenarios"][0]["artifacts"]
            if (a["artifact"], a["track"]) == ("weighed", "cpu")
            for v in a["verdicts"]
            if v["path"] == "weight"
        )
        weights.add(weighed)
    assert len(weights) == 2


UNDECLARED = {
    "the file gain.txt": "float(open('gain.txt').read())",
    "the environment variable GAIN": "os.environ.get('GAIN')",
    "the program": "os.system('true')",
    "the folder data/ (its listing)": "os.listdir('data')",
}


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["in grow", "in observe"])
@pytest.mark.parametrize("what", UNDECLARED)
def test_what_a_stage_reads_undeclared_is_said_and_not_cached(what, hook, plant):
    (plant.root / "gain.txt").write_text("2")
    (plant.root / "data").mkdir()
    plant.put(hook, UNDECLARED[what])
    stage = {"in grow": "grow", "in observe": "weigh"}[hook]
    for _ in range(2):
        report = json.loads(plant.harness("verify --json", 1).stdout)
        (artifact, *_) = (a for a in report["scenarios"][0]["artifacts"] if a["stage"] == stage)
        assert any(f"reads {what}" in v["message"] for v in artifact["verdicts"])
        assert hook == "in observe" or not artifact.get("cached")


@pytest.mark.slow
def test_a_declared_file_is_no_problem_and_decides(plant):
    (plant.root / "gain.txt").write_text("1")
    plant.put("in files", "return [os.path.abspath('gain.txt')]")
    plant.put("in grow", "return {'heights': float(open('gain.txt').read()) * np.arange(4, dtype=np.float64)}")
    plant.harness("verify", 0)
    (plant.root / "gain.txt").write_text("2")
    assert failing(plant)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["the file gain.txt", "the environment variable GAIN"])
def test_what_is_read_on_import_is_a_problem(what, plant):
    (plant.root / "gain.txt").write_text("2")
    plant.put("on import", UNDECLARED[what])
    for line in ("verify", "verify --no-training", "verify --workers 2"):
        report = json.loads(plant.harness(f"{line} --json", 1).stdout)
        assert any(f"importing guard reads {what}" in problem for problem in report["problems"]), line


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["on import", "in grow"])
def test_the_pipeline_finds_garbage_collected_and_the_harness_left_out(hook, plant):
    """What its process imports before is frozen, while the pipeline's own cycles are collected as anywhere."""
    plant.put(hook, "import gc\nassert gc.isenabled()\nassert gc.get_freeze_count() > 10_000\n" + CYCLE)
    plant.harness("verify")
