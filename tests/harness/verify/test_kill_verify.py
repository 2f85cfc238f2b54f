"""A verification that is killed leaves goldens as they were, candidates and reports whole; the next one is right."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from test_suite import SOLVER

from harness.core.project import find_project
from harness.store.candidates import list_pending, read_candidate

KILLS = 40


def verdicts(text):
    report = json.loads(text)
    return {
        (s["scenario"], a["track"], a["artifact"]): [v["status"] for v in a["verdicts"]]
        for s in report["scenarios"]
        for a in s["artifacts"]
    }


@pytest.fixture
def broken(accepted, tmp_path):
    """A repository in which candidates are to be written."""
    repository = accepted.copy(tmp_path / "heat")
    repository.edit(*SOLVER)
    return repository


def test_killed_at_random_moments_nothing_is_half_written(broken):
    chance, state = random.Random(3), broken.root / ".harness"
    goldens = {p: p.read_bytes() for p in (broken.root / "goldens").rglob("*") if p.is_file()}
    started = time.perf_counter()
    expected = verdicts(broken.harness("verify --json", 1).stdout)
    usual, kills = time.perf_counter() - started, 0
    wanted = [p.identity for p in list_pending(find_project(broken.root))]
    assert len(wanted) > 10
    while kills < KILLS:
        if chance.random() < 0.5:
            shutil.rmtree(state, ignore_errors=True)  # nothing computed, nothing kept
        began = time.perf_counter()
        process = subprocess.Popen(
            ["harness", "verify"],
            cwd=broken.root,
            env=broken.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=chance.uniform(0.1, 1.1) * usual)
            usual = min(usual, time.perf_counter() - began)  # the machine is faster than it was
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        assert {p: p.read_bytes() for p in goldens} == goldens
        for waiting in list_pending(project := find_project(broken.root)):
            assert read_candidate(project, waiting.identity)[0].values is not None
        if (page := state / "report/report.html").exists():
            assert page.read_text().rstrip().endswith("</html>")
            json.loads((state / "report/report.json").read_text())
    assert verdicts(broken.harness("verify --json", 1).stdout) == expected
    assert [p.identity for p in list_pending(find_project(broken.root))] == wanted
