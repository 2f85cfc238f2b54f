"""Runs small stages of a repository in processes of their own, as the harness does, and says what was noticed."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import harness

HARNESS = str(Path(harness.__file__).parents[1])

WATCHING = """
import importlib, json, sys, traceback
from pathlib import Path
from harness.host.own_modules import loaded, record_imports
from harness.host.witness import Witness

record_imports()
witness = Witness(Path.cwd())
witness.install()
answers = {}
_, answer, *names = sys.argv
for name in names:
    with witness.watching([Path("declared"), Path("declared.txt"), Path("tool.sh")], ["DECLARED"]) as record:
        try:
            importlib.import_module(f"case_{name}").stage()
        except Exception:
            traceback.print_exc()
            raise SystemExit(f"{name} failed")
    answers[name] = record.undeclared()
Path(answer).write_text(json.dumps(answers))
"""

COMPARING = """
import importlib, json, sys
from pathlib import Path
from harness.host import process_state

answers = {}
_, answer, *names = sys.argv
for name in names:
    before = process_state.capture()
    importlib.import_module(f"case_{name}").stage()
    after = process_state.capture()
    answers[name] = [process_state.changes(before, after), process_state.draws(before, after)]
    process_state.restore(before)
    left = process_state.changes(before, process_state.capture())
    answers[name].append([fragment for fragment in left if "random state" not in fragment])
Path(answer).write_text(json.dumps(answers))
"""


def repository(root: Path) -> Path:
    """A repository with data that stages may read or not."""
    files = {
        "data/gain.txt": "2.0\n",
        "data/other.txt": "3.0\n",
        "declared/inner.txt": "4.0\n",
        "declared.txt": "5.0\n",
        "helper.py": "VALUE = 1  # one\n",
        "package/__init__.py": "",
        "package/table.txt": "6.0\n",
        "tool.sh": "#!/bin/sh\necho 1\n",
        "other.sh": "#!/bin/sh\necho 2\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("tool.sh", "other.sh"):
        (root / name).chmod(0o755)
    return root


def stages(root: Path, cases: Mapping[str, str]) -> None:
    """Write each case as a module with a function ``stage``, unless it has one."""
    for name, code in cases.items():
        text = textwrap.dedent(code).strip()
        if "def stage" not in text:
            text = f"def stage():\n{textwrap.indent(text, '    ')}"
        (root / f"case_{name}.py").write_text(text + "\n")


def environment(root: Path, **changed: str) -> dict[str, str]:
    """The environment of a process that runs stages."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "GIT_", "COV_")) and n != "DECLARED"}
    quiet = {"MPLBACKEND": "agg", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "LC_ALL": "C.UTF-8"}
    return {**kept, **quiet, "PYTHONPATH": os.pathsep.join([HARNESS, str(root)]), **changed}


def run(root: Path, program: str, *arguments: str, **changed: str) -> str:
    """Run a program in the repository; what it printed."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment(root, **changed), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def possible(cases: Mapping[str, str]) -> dict[str, str]:
    """The cases whose libraries are installed here."""
    return {name: code for name, code in cases.items() if not _missing(code)}


def _missing(code: str) -> bool:
    tree = ast.parse(textwrap.dedent(code))
    names = {a.name.partition(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return any(
        importlib.util.find_spec(name) is None
        for name in names - {"helper", "package", "plugged", "library", "rewriting"}
    )


def answers(root: Path, program: str, cases: Mapping[str, str], **changed: str) -> dict[str, list]:
    """What was noticed of each case: all run one after another in one process."""
    stages(root, cases)
    answer = root.parent / f"{root.name}.json"
    run(root, program, str(answer), *cases, **changed)
    return json.loads(answer.read_text())
