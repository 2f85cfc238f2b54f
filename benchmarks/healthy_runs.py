"""Verify whole scenarios, trainings among them, on seeds of the machine: no healthy run may fail.

    python benchmarks/healthy_runs.py RUNS LOG.jsonl [SCENARIO...] [--python PYTHON...] [--seed SEED]

Each run draws a scenario, the number of threads, the instruction sets that NumPy, BLAS, oneDNN and the C library may
use, whether oneDNN computes at all, and one of the Pythons: environments with other versions or another Keras backend,
such as those that ``tox run -m matrix`` made. None is drawn that the log has of this commit, as it would say the same
again. A run is a ``harness verify SCENARIO --no-cache`` (``gs2_base/smoke``: of that profile), and a line of the log,
to which a later call adds; at the end, and for 0 runs, the rate of the whole log is printed with its interval.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.core import git
from harness.core.reports import read_report
from harness.core.verdicts import Report
from harness.judge.statistics.rates import MeasuredRate

ROOT = Path(__file__).parents[1]
SMALL = ("gs2_base/smoke", "gs2_base", "dose_legacy_gs2", "masked_detector", "opaque_star")  # half a minute each
THREADS = ("1", "2", "3", "4")
NO_AVX = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4"}  # other sines and exponentials
INSTRUCTION_SETS = {
    "all": {},
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2", "NPY_DISABLE_CPU_FEATURES": "AVX512F", "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
    "SSE4.1": {
        "ONEDNN_MAX_CPU_ISA": "SSE41", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX2", "OPENBLAS_CORETYPE": "Nehalem",
        "ATEN_CPU_CAPABILITY": "default", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", **NO_AVX,
    },
    "no oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "C library without AVX": NO_AVX,
}  # fmt: skip


# What only one backend reads makes no other run of the others; TensorFlow 2.15 knows no such flag of XLA.
READERS = {"TF_ENABLE_ONEDNN_OPTS": "tensorflow", "ATEN_CPU_CAPABILITY": "torch", "XLA_FLAGS": "jax"}
THREADING = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def backend_of(python: str) -> str:
    """The Keras backend of an environment, by its folder's name."""
    return next((b for b in ("torch", "jax") if b in Path(python).parts), "tensorflow")


def every_setting(scenarios: list[str], pythons: list[str]) -> list[dict[str, Any]]:
    """Every setting that a run may have: scenario, Python, and the variables of the environment."""
    found: list[dict[str, Any]] = []
    for scenario, threads, kind, python in itertools.product(scenarios, THREADS, INSTRUCTION_SETS, pythons):
        backend = backend_of(python)
        sets = {k: v for k, v in INSTRUCTION_SETS[kind].items() if READERS.get(k, backend) == backend}
        setting = {"scenario": scenario, "python": python, "environment": dict.fromkeys(THREADING, threads) | sets}
        found += [setting] if setting not in found else []
    return found


def settings_of(about: dict[str, Any]) -> dict[str, str]:
    """The environment variables that make a run what it is."""
    always = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CI": "true"}
    return always | {"KERAS_BACKEND": backend_of(about["python"])} | about["environment"]


def run(about: dict[str, Any]) -> dict[str, Any]:
    """Verify once; what failed of it, by address, or why it did not end."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scenario, _, profile = about["scenario"].partition("/")
        line = [about["python"], "-m", "harness", "verify", scenario, "--no-cache", "--out", folder]
        line += ["--profile", profile] if profile else []
        done = subprocess.run(
            line, cwd=ROOT, env=os.environ | settings_of(about), capture_output=True, text=True, check=False
        )
        path = Path(folder) / "report.json"
        failed = failures(read_report(path)) if path.is_file() else [done.stderr[-1000:]]
    return {**about, "status": done.returncode, "failed": failed, "seconds": round(time.perf_counter() - began, 1)}


def failures(report: Report) -> list[str]:
    """What failed, by track, artifact and path, and problems."""
    found = list(report.problems)
    for scenario in report.scenarios:
        for artifact in scenario.artifacts:
            place = f"{artifact.track}/{artifact.artifact}"
            found += [f"{place}: {artifact.error}"] if artifact.error else []
            found += [f"{place}/{v.path}: {v.message}" for v in artifact.verdicts if v.status.failed]
        found += [f"{v.path}: {v.message}" for v in scenario.invariants if v.status.failed]
    return found


def rows_of(log: Path) -> list[dict[str, Any]]:
    """The runs of a log; none where there is no log."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []


def tell_rate(log: Path) -> int:
    """Print the runs of a log that failed, and how often they do; 1 where any did."""
    every = rows_of(log)
    alarms = [row for row in every if row["failed"] or row.get("status")]
    for row in alarms:
        print(json.dumps(row))
    print(f"healthy runs that failed: {MeasuredRate(len(alarms), len(every)).text}")
    return int(bool(alarms))


def main() -> int:
    """Run, and print the rate; 1 where any run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=int)
    parser.add_argument("log", type=Path)
    parser.add_argument("scenarios", nargs="*", default=[*SMALL])
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    commit, had = git.head(ROOT), rows_of(given.log)
    every = [{"commit": commit, **about} for about in every_setting(given.scenarios, given.python)]
    fresh = [about for about in every if not any(about.items() <= row.items() for row in had)]
    if given.runs > len(fresh):
        print(
            f"{len(fresh)} settings are left, of {len(every)}: name more scenarios, or --python of other environments"
        )
    for about in random.Random(given.seed).sample(fresh, min(given.runs, len(fresh))):
        line = json.dumps(run(about))
        with given.log.open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)
    return tell_rate(given.log)


if __name__ == "__main__":
    sys.exit(main())
