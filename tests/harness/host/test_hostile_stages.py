"""Code of the pipeline that works on its judge: its files, its process, its connection, and what outlives it."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

WRONG = "return {'weight': 99.0}"
EDIT = """
from pathlib import Path as P
import json as _json
_kept = P('.harness/kept'); _kept.mkdir(parents=True, exist_ok=True)
_first = not P('.harness/once').exists()
P('.harness/once').touch()
def _replace(path, content):
    if _first:
        (_kept / path.replace('/', '+')).write_bytes(P(path).read_bytes())
        P(path).write_bytes(content)
"""
BACK = """
from pathlib import Path as P
import ctypes
_libc = ctypes.CDLL(None)
for kept in P('.harness/kept').glob('*'):
    content = kept.read_bytes()
    fd = _libc.open(kept.name.replace('+', '/').encode(), 0o1001)
    _libc.write(fd, content, len(content)); _libc.close(fd)
    kept.unlink()
"""
LOOSE = b'version = 1\n[rules]\n"**" = { rtol = 1e9 }\n'
NO_SCHEMA = "_replace('schemas/weighed.schema.json', b'{\"$id\": \"plants/weighed-1\"}')"
BY_C = """
import ctypes
_libc = ctypes.CDLL(None)
def _replace(path, content):
    if not _first: return
    (_kept / path.replace('/', '+')).write_bytes(P(path).read_bytes())
    fd = _libc.open(path.encode(), 0o1001); _libc.write(fd, content, len(content)); _libc.close(fd)
"""
GOLDEN = """
from harness.store.manifest import combined_digest
_m = _json.loads(P('goldens/MANIFEST.json').read_bytes())
_e = _m['goldens']['plant/cpu/weighed']
_old = P('goldens/plant/cpu/weighed.json').read_bytes(); _new = _old.replace(b'6.0', b'99.0')
_replace('goldens/plant/cpu/weighed.json', _new)
_e['files'], _e['sha256'], _e['size'] = combined_digest({'.json': _new})
_replace('goldens/MANIFEST.json', _json.dumps(_m).encode())
"""
FORGED = {
    "rules, on import": ("on import", f"_replace('goldens/tolerances.toml', {LOOSE!r})"),
    "rules, in scenarios": ("in scenarios", f"_replace('goldens/tolerances.toml', {LOOSE!r})"),
    "rules, in load": ("in load", f"_replace('goldens/tolerances.toml', {LOOSE!r})"),
    "rules of a scenario, in load": (
        "in load",
        f"if _first: P('goldens/plant/tolerances.toml').write_bytes({LOOSE!r})",
    ),
    "rules, unseen by Python": ("in load", BY_C + f"_replace('goldens/tolerances.toml', {LOOSE!r})"),
    "a schema, on import": ("on import", NO_SCHEMA),
    "golden and manifest, on import": ("on import", GOLDEN),
    "golden and manifest, unseen by Python": ("on import", BY_C + GOLDEN),
    "golden and manifest, in a stage": ("in grow", GOLDEN),
    "the goldens' folder": (
        "on import",
        f"import shutil; shutil.copytree('goldens', '.harness/forged'); os.rename('goldens', '.harness/true')\n"
        f"os.rename('.harness/forged', 'goldens'); P('goldens/tolerances.toml').write_bytes({LOOSE!r})",
    ),
}
BACK_OF_FOLDER = """
if os.path.exists('.harness/true'):
    import shutil; shutil.rmtree('goldens'); os.rename('.harness/true', 'goldens')
if os.path.exists('goldens/plant/tolerances.toml'):
    os.remove('goldens/plant/tolerances.toml')
"""


@pytest.mark.parametrize("line", ["harness verify", "pytest -q"])
@pytest.mark.parametrize("what", FORGED)
def test_what_is_judged_by_cannot_be_lent(what, line, plant):
    """It is replaced in one hook and put back in the last: the numbers are wrong, and the files are as accepted."""
    hook, code = FORGED[what]
    plant.put("in weigh", WRONG)
    plant.put(hook, EDIT + code)
    plant.put("in invariants", BACK + BACK_OF_FOLDER)
    before = plant.expect("git status --short goldens schemas").stdout
    done = plant.shell(line)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert ", as accepted" not in done.stdout
    assert "\nas accepted" not in done.stdout
    assert plant.expect("git status --short goldens schemas").stdout == before


@pytest.mark.parametrize(
    ("path", "hook"),
    [
        ("goldens/tolerances.toml", "in grow"),
        ("goldens/plant/cpu/weighed.json", "in observe"),
        ("schemas/weighed.schema.json", "in invariants"),
        (".harness/pending/plant/cpu/weighed.json", "in grow"),
        (".harness/cache/x/y", "in load"),
        ("goldens/MANIFEST.json", "on import"),
    ],
)
def test_who_writes_where_the_harness_keeps_is_named(path, hook, plant):
    target = plant.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    plant.put(hook, f"open({path!r}, 'ab').close()")
    report = json.loads(plant.harness("verify --json", 1).stdout)
    assert f"leaves the file {path} changed" in json.dumps(report)


# Its processes

AT_PARENT = {
    "SIGSTOP": "os.kill(os.getppid(), 19)",
    "SIGKILL": "os.kill(os.getppid(), 9)",
    "SIGTERM": "os.kill(os.getppid(), 15)",
    "SIGINT": "os.kill(os.getppid(), 2)",
    "SIGKILL to the group": "os.killpg(0, 9)",
    "SIGSTOP to the group": "os.killpg(0, 19)",
    "SIGKILL to whoever started the harness's process": """
import re
stat = open(f'/proc/{os.getppid()}/stat').read()
os.kill(int(stat.rpartition(')')[2].split()[1]), 9)""",
}
WAYS = {
    "a forged reply with the known key": """
import pickle, struct
from harness.host.orphans import MARK
from harness.run.work import StageAnswer
body = pickle.dumps(("answer", {"heights": [0.0]}))
for fd in range(3, 64):
    try: os.write(fd, struct.pack("!16sQ", bytes.fromhex(os.environ[MARK]), len(body)) + body)
    except OSError: pass""",
    "a reply twice": """
import gc
from harness.host.child import Replies
for each in gc.get_objects():
    if type(each) is Replies:
        each._channel.send(("answer", None))""",
    "all descriptors closed": "os.closerange(0, 4096)",
    "forks and returns twice": "os.fork()",
    "forks, and the first one leaves": "if os.fork(): os._exit(0)",
    "forks without end": "for _ in range(6): os.fork()",
    "a thread that answers for it": """
import threading, sys
def end():
    for fd in range(3, 64):
        try: os.close(fd)
        except OSError: pass
threading.Thread(target=end).start()""",
    "its connection led elsewhere": """
null = os.open('/dev/null', os.O_RDWR)
for fd in range(3, 64):
    try: os.fstat(fd); os.dup2(null, fd)
    except OSError: pass""",
}


@pytest.mark.parametrize("way", [*AT_PARENT, *WAYS])
def test_no_work_on_the_judge_is_a_false_answer(way, plant):
    """The numbers are wrong as well; whoever stops or ends the harness itself gets no verdict, and no report."""
    plant.edit("pyproject.toml", "stage_seconds = 20", "stage_seconds = 5")
    plant.put("in weigh", WRONG)
    plant.put("in grow", (AT_PARENT | WAYS)[way])
    process = plant.start("exec harness verify --json > out.json 2> err.txt")
    status = process.wait(60)
    assert status != 0
    path = plant.root / ".harness/report/report.json"
    if path.exists():
        (scenario,) = json.loads(path.read_text())["scenarios"]
        (weighed,) = (a for a in scenario["artifacts"] if (a["artifact"], a["track"]) == ("weighed", "cpu"))
        failed = {v["status"] for v in weighed.get("verdicts", ())} - {"pass"}
        assert failed or weighed.get("error") or weighed.get("blocked")
    assert gone(str(plant.root))


ORPHANS = {
    "another session": "subprocess.Popen(['sleep', '{}'], start_new_session=True)",
    "a cleared environment": "subprocess.Popen(['sleep', '{}'], env={{}}, start_new_session=True)",
    "a shell's": "subprocess.Popen('env -i setsid sleep {} & exit', shell=True, start_new_session=True)",
    "forked twice": """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve('/bin/sleep', ['sleep', '{}'], {{}})
    os._exit(0)
os.wait()
import time; time.sleep(0.3)""",
}


@pytest.mark.parametrize("ending", ["", "os._exit(0)", "os.kill(os.getpid(), 9)", "while True: pass"])
@pytest.mark.parametrize("kind", ORPHANS)
def test_no_orphan_outlives_the_harness_whatever_it_took_off(kind, ending, plant):
    plant.edit("pyproject.toml", "stage_seconds = 20", "stage_seconds = 3")
    name = f"{300 + uuid.uuid4().int % 1000}.{uuid.uuid4().int % 10**12}"
    plant.put("in grow", f"import subprocess, sys\n{ORPHANS[kind].format(name)}\n{ending}")
    done = plant.shell("harness verify")
    assert done.returncode == 1, done.stdout
    assert left(name) == []
    if not ending:  # and whoever goes on is told of
        assert "a process that is still running" in done.stdout, done.stdout


def test_no_orphan_outlives_a_harness_that_is_killed(plant):
    name = f"{300 + uuid.uuid4().int % 1000}.{uuid.uuid4().int % 10**12}"
    started = ORPHANS["a cleared environment"].format(name)
    plant.put("in grow", f"import subprocess, time\n{started}\ntime.sleep(60)")
    process = plant.start("exec harness verify --no-cache")
    until = time.monotonic() + 60
    while not left(name) and time.monotonic() < until:
        time.sleep(0.1)
    assert left(name)
    process.send_signal(signal.SIGKILL)
    process.wait(15)
    assert gone(name)


def gone(words: str) -> bool:
    """Whether they end within a moment, if they have not."""
    until = time.monotonic() + 10
    while left(words) and time.monotonic() < until:
        time.sleep(0.1)
    return not left(words)


def left(words: str) -> list[str]:
    """Processes of the harness in whose command line some words stand, or that work below a folder of that name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            there = os.readlink(folder / "cwd")
        except OSError:
            continue
        if int(folder.name) != os.getpid() and (words in line or there.startswith(words)):
            found.append(line)
    return found
