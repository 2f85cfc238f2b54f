"""The accepted goldens on the device: all that no training decides, the first steps and a short training included."""

from __future__ import annotations

import subprocess
import sys
import time

import gpu_report
import pytest
from gpu_case import SCENARIO

pytestmark = pytest.mark.gpu


def test_the_device_says_what_was_accepted(add):
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "harness", "verify", SCENARIO, "--no-training"],
        cwd=gpu_report.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    print(done.stdout)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("as accepted", "not as accepted", "error"))]
    add(
        verification={
            "scenario": SCENARIO,
            "passed": done.returncode == 0,
            "sentence": (said or lines or ["it said nothing"])[-1].rstrip("."),
            "seconds": time.perf_counter() - began,
        }
    )
    assert done.returncode == 0, done.stdout
