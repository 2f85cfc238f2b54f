"""Verify whole scenarios, trainings among them, on seeds of the machine: no healthy run may fail.

    python benchmarks/healthy_runs.py RUNS LOG.jsonl [SCENARIO...] [--python PYTHON...] [--seed SEED]

Each run draws a scenario, the number of threads, the instruction sets that NumPy, BLAS, oneDNN and the C library may
use, whether oneDNN computes at all, and one of the Pythons: environments with other versions or another Keras backend,
such as those that ``tox run -m matrix`` made. None is drawn that the log has, as it would say the same again. A run is
a ``harness verify SCENARIO --no-cache`` (``gs2_base/smoke``: of that profile), and a line of the log, to which a later
call adds; at the end, and for 0 runs, the rate of the whole log is printed with the interval of Clopper and Pearson.
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


def every_setting(scenarios: list[str], pythons: list[str]) -> list[dict[str, str]]:
    """Every setting that a run may have."""
    names = ("scenario", "threads", "instructions", "python")
    every = itertools.product(scenarios, THREADS, INSTRUCTION_SETS, pythons)
    return [dict(zip(names, values, strict=True)) for values in every]


def settings_of(about: dict[str, str]) -> dict[str, str]:
    """The environment variables that make a run what it is."""
    backend = next((b for b in ("torch", "jax") if b in Path(about["python"]).parts), "tensorflow")
    threads = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    settings = {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CI": "true"}
    return settings | dict.fromkeys(threads, about["threads"]) | INSTRUCTION_SETS[about["instructions"]]


def run(about: dict[str, str]) -> dict[str, Any]:
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


def had(about: dict[str, str], rows: list[dict[str, Any]]) -> bool:
    """Whether a log has a run of that setting."""
    return any(about.items() <= row.items() for row in rows)


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
    fresh = [about for about in every_setting(given.scenarios, given.python) if not had(about, rows_of(given.log))]
    for about in random.Random(given.seed).sample(fresh, min(given.runs, len(fresh))):
        line = json.dumps(run(about))
        with given.log.open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)
    return tell_rate(given.log)


if __name__ == "__main__":
    sys.exit(main())
