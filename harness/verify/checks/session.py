"""A session of pytest, in a process of its own, that tells what tests check: for whoever judges without being pytest.

It runs those tests alone. What it tells counts only when it is whole: a session that dies has told nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from harness.core import text
from harness.core.artifacts import parse_artifact
from harness.core.errors import HarnessError
from harness.core.files import LARGEST_JSON, append_line, is_there, parse_json, read_plain
from harness.core.ids import check_id
from harness.core.project import Project
from harness.core.protocol import Artifact
from harness.store.manifest import SUFFIXES
from harness.verify.checks.document import CHECK_SCHEMA

# The project's folder comes last among the places of modules: it stands in the way of none.
_START = "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv.pop(1)]; import pytest; sys.exit(pytest.main())"
_HIDDEN = ("PYTEST_XDIST_", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")  # variables of a session around this one
_FINE = (0, 1, 5)  # statuses of pytest: passed, failed, nothing to run
_SHOWN = 3  # tests that could not be collected


@dataclass(frozen=True)
class CheckedTest:
    """What became of a test that checks values: ``artifact`` is what it checked, None where it did not come so far.

    ``outcome``: passed, failed or skipped; ``error``: why, in a line, and ``details`` all of it.
    """

    test: str
    outcome: str
    error: str = ""
    details: str = ""
    seconds: float = 0.0
    artifact: Artifact | None = None


@dataclass(frozen=True)
class CheckSession:
    """What a session told. ``collected``: the ids of all tests that check values; ``tests``: those that ran, by id.

    ``problem``: why the session is not whole, in a sentence; nothing that it told counts then.
    """

    collected: tuple[str, ...] = ()
    tests: Mapping[str, CheckedTest] = field(default_factory=dict)
    problem: str = ""


def run_checks_of_tests(
    project: Project, wanted: Collection[str] | None = None, files: Sequence[str] = (), collect_only: bool = False
) -> CheckSession:
    """Run the tests that check values, or the ``wanted`` ids of them; ``files``: where they are, if that is known.

    Whatever they print goes into the project's log.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as name:
        folder = Path(name)
        (folder / "wanted.json").write_text(json.dumps(None if wanted is None else sorted(wanted)), encoding="utf-8")
        options = ["--maxfail=0", "-q", "-p", _plugin(), f"--harness-collect={folder}"]
        options += ["-o", f"cache_dir={folder / 'cache'}"]  # what failed last is the user's to know
        command = [sys.executable, "-c", _START, str(project.root), *options, *files]
        status = _run([*command, "--collect-only"] if collect_only else command, project, folder / "output.txt")
        return _told(folder, status)


def _plugin() -> str:
    """By which name pytest loads the plugin, installed or not."""
    return "harness" if any(point.name == "harness" for point in entry_points(group="pytest11")) else "harness_pytest"


def _run(command: Sequence[str], project: Project, output: Path) -> str:
    """Run pytest to its end; gives its status, or why there is none."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    with output.open("wb") as file:
        child = subprocess.Popen(
            command,
            cwd=project.root,
            env=inherited,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = str(child.wait(project.stage_seconds))
        except subprocess.TimeoutExpired:
            status = f"more than {project.stage_seconds:g} s, which stage_seconds in [tool.harness] allows"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what its tests left behind, or all of it
            child.wait()
    with contextlib.suppress(HarnessError):
        append_line(project.log, output.read_text(encoding="utf-8", errors="replace").rstrip())
    return status


def _told(folder: Path, status: str) -> CheckSession:
    """What the session left in its folder."""
    written = (folder / "output.txt").read_text(encoding="utf-8", errors="replace")
    lines = [line for line in written.splitlines() if line.strip()]
    last = f": {text.line(lines[-1])[:200]}" if lines else ""
    if not is_there(folder / "done.json"):
        took = f"it took {status}" if "stage_seconds" in status else f"exit status {status}"
        return CheckSession(problem=f"the tests that check values ended before they had told all ({took}{last})")
    done = parse_json(read_plain(folder / "done.json", folder, LARGEST_JSON), "done.json")
    if done["errors"]:
        shown = "; ".join(text.line(error) for error in done["errors"][:_SHOWN])
        return CheckSession(problem=f"tests cannot be collected, so nobody knows what they check: {shown}")
    if int(status) not in _FINE or done["status"] not in _FINE or not is_there(folder / "collected.json"):
        return CheckSession(problem=f"pytest could not run the tests that check values (exit status {status}{last})")
    collected = parse_json(read_plain(folder / "collected.json", folder, LARGEST_JSON), "collected.json")
    tests = {identity: _checked(folder, identity, about) for identity, about in done["tests"].items()}
    return CheckSession(tuple(dict.fromkeys(collected)), tests)


def _checked(folder: Path, identity: str, about: Mapping[str, Any]) -> CheckedTest:
    artifact, error, outcome = None, about["error"], about["outcome"]
    try:
        files = {suffix: folder / f"{check_id(identity)}{suffix}" for suffix in SUFFIXES}
        if is_there(files[".json"]):
            content = {suffix: read_plain(path, folder) for suffix, path in files.items() if is_there(path)}
            artifact, schema = parse_artifact(content, identity)
            artifact = artifact if schema == CHECK_SCHEMA else None
    except HarnessError as problem:  # an id that is none is of a test that has none, which its error says
        error = error or str(problem)
    if artifact is None and outcome == "passed":
        outcome, error = "failed", error or "it passed and told nothing of what it checks"
    details = about.get("details", "")
    return CheckedTest(about["test"], outcome, error, details, float(about["seconds"]), artifact)
