"""Pushes, pulls and writers of a shared cache that are killed leave whole files or none; real kills of real processes.

``benchmarks/remote_kills.py`` kills hundreds, with a real server too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KILL = """
import json, sys
from pathlib import Path
import remote_kills
SPOILT
print(json.dumps(remote_kills.in_folder(Path(sys.argv[1]), 12, 3)))
"""
IN_TWO_STEPS = """
import time
from harness.remote import stores

def write_in_place(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(0.1)
        file.write(content[len(content) // 2 :])

stores.write_file = write_in_place
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed processes are forked"),
]


def kill(folder, spoilt=""):
    pytest.importorskip("s3fs")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])}
    line = [sys.executable, "-c", KILL.replace("SPOILT", spoilt), str(folder)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300)


def test_nothing_is_ever_half_there(tmp_path):
    done = kill(tmp_path)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert sum(seen.get(f"{work}: killed", 0) for work in ("push", "pull", "share")) == 12


def test_a_writer_in_two_steps_is_caught(tmp_path):
    """Else the kills above would show nothing."""
    done = kill(tmp_path, IN_TWO_STEPS)
    assert done.returncode != 0
    assert "is not whole" in done.stderr or "is not what robot@example.org signed" in done.stderr, done.stderr
