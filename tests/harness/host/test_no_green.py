"""Whatever the pipeline's code does to its process, nothing is green that was not judged, and nothing is left over."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from harness.host.orphans import MARK

HOOKS = ("on import", "in scenarios", "in load", "in files", "in grow", "in weigh", "in observe", "in invariants")

ENDS = {
    "sys.exit(0)": "import sys; sys.exit(0)",
    "quit()": "quit()",
    "SystemExit": "raise SystemExit",
    "os._exit(0)": "os._exit(0)",
    "os._exit(3)": "os._exit(3)",
    "abort": "os.abort()",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "SIGKILL": "os.kill(os.getpid(), 9)",
    "SIGTERM": "os.kill(os.getpid(), 15)",
    "SIGALRM": "import signal, time; signal.alarm(1); time.sleep(30)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "an exception whose text raises": """
class E(Exception):
    def __str__(self):
        raise SystemExit(0)
raise E""",
    "recursion": "def f(): return f()\nf()",
    "out of memory": """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
blocks = [bytearray(2**28) for _ in range(9)]""",
    "exec": "os.execvp('true', ['true'])",
    "a thread that exits": """
import threading, time
threading.Thread(target=os._exit, args=(0,)).start()
time.sleep(9)""",
    "closed descriptors": "os.closerange(3, 256)",
    "closed output": """
import sys
sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)
raise SystemExit(0)""",
    "a flood on every descriptor": """
for fd in range(3, 64):
    try: os.write(fd, b'{"status": "pass"}' * 9)
    except OSError: pass""",
    "a forged answer": """
import pickle, struct
body = pickle.dumps(("answer", None))
for fd in range(3, 64):
    try: os.write(fd, struct.pack("!16sQ", b"harness", len(body)) + body)
    except OSError: pass""",
}
CASES = [(way, HOOKS[i % len(HOOKS)]) for i, way in enumerate(ENDS)] + [
    (way, hook) for way in ("sys.exit(0)", "os._exit(0)") for hook in HOOKS
]


def orphans(plant) -> list[str]:
    """Processes in whose environment this repository's path and the harness's mark stand."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            content = (folder / "environ").read_bytes()
        except OSError:
            continue
        if MARK.encode() in content and str(plant.root).encode() in content:
            found.append(folder.name)
    return found


def judged(plant) -> bool:
    """Whether there is a report that says that all is well."""
    path = plant.root / ".harness/report/report.json"
    if not path.exists():
        return False
    report = json.loads(path.read_text())
    verdicts = [v["status"] for s in report["scenarios"] for a in s.get("artifacts", ()) for v in a.get("verdicts", ())]
    errors = [a for s in report["scenarios"] for a in s.get("artifacts", ()) if a.get("error")]
    held = [v["status"] for s in report["scenarios"] for v in s.get("invariants", ())]
    return not errors and not report.get("problems") and set(verdicts + held) == {"pass"}


@pytest.mark.slow
@pytest.mark.parametrize(("way", "hook"), dict.fromkeys(CASES))
def test_no_way_to_end_is_green(way, hook, plant):
    plant.put(hook, ENDS[way])
    done = plant.shell("harness verify")
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "as accepted: " not in done.stdout.replace("not as accepted", "")
    assert "Traceback" not in done.stderr
    assert not judged(plant)
    assert (done.stdout + done.stderr).strip()
    assert orphans(plant) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["verify --workers 2", "verify --no-cache", "verify --json", "run plant", "-m pytest -q"]
)
@pytest.mark.parametrize("way", ["sys.exit(0)", "os._exit(0)", "segfault"])
def test_no_door_lets_it_through(line, way, plant):
    plant.put("in weigh", ENDS[way])
    done = plant.shell("pytest -q" if "pytest" in line else f"harness {line}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "weigh" in done.stdout
    assert orphans(plant) == []


@pytest.mark.slow
@pytest.mark.parametrize("hook", HOOKS)
def test_a_hang_is_ended_and_said(hook, plant):
    plant.edit("pyproject.toml", "stage_seconds = 20", "stage_seconds = 2")
    plant.put(hook, "import time; time.sleep(60)")
    started = time.monotonic()
    done = plant.shell("harness verify")
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "took longer than 2.0 s" in done.stdout + done.stderr
    assert time.monotonic() - started < 40
    assert not judged(plant)
    assert orphans(plant) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.Popen(['sleep', '300'])",
        "import subprocess; subprocess.Popen(['sleep', '300'], start_new_session=True)",
        "import threading, time; threading.Thread(target=time.sleep, args=(300,)).start()",
        "if os.fork() == 0:\n    os.setsid()\n    os.fork() or os.execvp('sleep', ['sleep', '300'])\n    os._exit(0)",
        "os.fork()",
        "import multiprocessing as m, time; m.get_context('spawn').Process(target=time.sleep, args=(300,)).start()",
        "import atexit, time; atexit.register(time.sleep, 300)",
    ],
)
def test_nothing_is_left_over(code, plant):
    """Whatever the verdict is: a process or thread that goes on keeps nobody waiting, and is ended."""
    plant.put("in grow", code)
    started = time.monotonic()
    plant.shell("harness verify")
    assert time.monotonic() - started < 40
    assert orphans(plant) == []


@pytest.mark.slow
def test_the_stage_that_ended_is_named_and_the_others_are_judged(plant):
    plant.put("in weigh", "os._exit(0)")
    report = json.loads(plant.harness("verify --json", 1).stdout)
    (scenario,) = report["scenarios"]
    errors = {a["artifact"]: a.get("error", "") for a in scenario["artifacts"]}
    assert "ended with status 0" in errors["weighed"]
    assert scenario["diagnosis"]["first"] == "weigh"
    assert all(v["status"] == "pass" for a in scenario["artifacts"] if a["artifact"] == "grown" for v in a["verdicts"])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_whoever_is_ended_leaves_nothing(number, plant, tmp_path):
    """Even where the stage hangs in compiled code that lets no other thread run."""
    plant.put("in grow", "import re; print('now', flush=True); re.match(r'(a|a)*b', 'a' * 40)")
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = plant.start(f"TMPDIR={folder} exec harness verify --no-cache")
    until = time.monotonic() + 30
    while "now" not in log(plant) and time.monotonic() < until:
        time.sleep(0.05)
    assert "now" in log(plant)
    process.send_signal(number)
    status = process.wait(15)
    assert status == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    time.sleep(1)
    assert orphans(plant) == []
    assert number == signal.SIGKILL or not list(folder.iterdir())


def log(plant) -> str:
    path = plant.root / ".harness/stages.log"
    return path.read_text() if path.exists() else ""


@pytest.mark.slow
def test_what_a_stage_prints_goes_to_the_log_and_nowhere_else(plant):
    plant.put("in grow", "print('one'); os.write(1, b'two\\n'); os.system('echo three; echo four >&2')")
    done = plant.shell("harness verify --json")
    json.loads(done.stdout)
    drafted = plant.shell("harness schema plant grown")
    json.loads(drafted.stdout)
    assert not {"one", "two", "three"} & set((done.stderr + drafted.stderr).split())
    page = (plant.root / ".harness/report/report.html").read_text()
    assert 'href="../stages.log"' in page


@pytest.mark.slow
def test_the_log_names_the_stage_before_what_it_printed(plant):
    plant.put("in weigh", "print('heavy')")
    plant.shell("harness verify")
    before, _, after = log(plant).partition("== plant cpu weigh")
    assert "heavy" not in before
    assert "heavy" in after


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["in load", "in grow", "in invariants"])
def test_the_log_has_the_whole_traceback_of_what_was_raised_and_nothing_raw(hook, plant):
    plant.put(hook, "def inner():\n    raise ValueError('deep \\x1b[31m')\ninner()")
    plant.shell("harness verify")
    said = log(plant)
    assert "in inner" in said
    assert "ValueError: deep" in said
    assert "\x1b" not in said
