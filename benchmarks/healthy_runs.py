"""Verify whole scenarios, trainings among them, on seeds of the machine: no healthy run may fail.

    python benchmarks/healthy_runs.py RUNS [SCENARIO...] [--python PYTHON...] [--seed SEED] [--log LOG.jsonl]

Each run draws a scenario, the number of threads, the instruction sets that NumPy, BLAS, oneDNN and the C library may
use, whether oneDNN computes at all, and one of the Pythons: environments with other versions or another Keras backend,
such as those that ``tox run -m matrix`` made. None is drawn that the log has of this commit, as it would say the same
again. A run is a ``harness verify SCENARIO --no-cache`` (``gs2_base/smoke``: of that profile), and a line of the log,
to which a later call adds; at the end, and for 0 runs, the rate of the whole log is printed with its interval. The
repository's own log, benchmarks/healthy_runs.jsonl, gives the table in docs/explanation/statistics.md.
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

import pages

from harness.core import git
from harness.core.reports import read_report
from harness.core.verdicts import Report
from harness.judge.statistics.rates import MeasuredRate

ROOT = Path(__file__).parents[1]
LOG = Path(__file__).with_suffix(".jsonl")
SMALL = ("gs2_base/smoke", "gs2_base", "dose_legacy_gs2", "masked_detector", "opaque_star")  # half a minute each
THREADS = ("1", "2", "3", "4")
NO_AVX = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4"}  # other sines and exponentials
NEW_AVX512 = "AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
AVX512 = f"AVX512F AVX512CD AVX512_KNL AVX512_KNM AVX512_SKX {NEW_AVX512} X86_V4"  # X86_V4: from NumPy 2.4 on
INSTRUCTION_SETS = {
    "all": {},
    "AVX-512": {  # the first of them, without matrices of bfloat16
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "NPY_DISABLE_CPU_FEATURES": NEW_AVX512, "OPENBLAS_CORETYPE": "SkylakeX",
        "ATEN_CPU_CAPABILITY": "avx512", "XLA_FLAGS": "--xla_cpu_max_isa=AVX512",
    },
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2", "NPY_DISABLE_CPU_FEATURES": AVX512, "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
    "AVX": {
        "ONEDNN_MAX_CPU_ISA": "AVX", "NPY_DISABLE_CPU_FEATURES": f"{AVX512} AVX2 FMA3 X86_V3",
        "OPENBLAS_CORETYPE": "Sandybridge", "ATEN_CPU_CAPABILITY": "default", "XLA_FLAGS": "--xla_cpu_max_isa=AVX",
        **NO_AVX,
    },
    "SSE4.1": {
        "ONEDNN_MAX_CPU_ISA": "SSE41", "NPY_DISABLE_CPU_FEATURES": f"{AVX512} AVX2 FMA3 X86_V3",
        "OPENBLAS_CORETYPE": "Nehalem", "ATEN_CPU_CAPABILITY": "default", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2",
        **NO_AVX,
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


def versions_of(python: str) -> dict[str, str]:
    """What an environment computes with."""
    packages = ["numpy", "scipy", "keras", backend_of(python)]
    program = (
        "import json, platform, sys; from importlib.metadata import version; "
        "print(json.dumps({'python': platform.python_version(), **{name: version(name) for name in sys.argv[1:]}}))"
    )
    told = subprocess.run([python, "-c", program, *packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(told.stdout)
    return found


def read_by(backend: str, kind: str) -> dict[str, str]:
    """The variables of a kind of instruction sets that a backend, or what is below it, reads."""
    return {k: v for k, v in INSTRUCTION_SETS[kind].items() if READERS.get(k, backend) == backend}


def every_setting(scenarios: list[str], pythons: list[str]) -> list[tuple[dict[str, Any], str]]:
    """Every setting that a run may have, scenario, versions and variables of the environment; with its Python."""
    found: list[tuple[dict[str, Any], str]] = []
    versions = {python: versions_of(python) for python in pythons}
    for scenario, threads, kind, python in itertools.product(scenarios, THREADS, INSTRUCTION_SETS, pythons):
        backend = backend_of(python)
        sets = read_by(backend, kind)
        if kind != "all" and not sets:
            continue  # no other run
        variables = {"KERAS_BACKEND": backend} | dict.fromkeys(THREADING, threads) | sets
        about = {"scenario": scenario, "versions": versions[python], "instruction sets": kind}
        found.append(({**about, "environment": variables}, python))
    return found


def run(about: dict[str, Any], python: str) -> dict[str, Any]:
    """Verify once; what failed of it, by address, or why it did not end."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scenario, _, profile = about["scenario"].partition("/")
        line = [python, "-m", "harness", "verify", scenario, "--no-cache", "--workers", "1", "--out", folder]
        line += ["--profile", profile] if profile else []
        always = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CI": "true"}
        variables = os.environ | always | about["environment"]
        done = subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
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


def is_alarm(row: dict[str, Any]) -> bool:
    """Whether a run failed, or did not end."""
    return bool(row["failed"] or row["status"])


def section(rows: list[dict[str, Any]]) -> list[str]:
    """The lines of the page: how many runs of each environment had which instruction sets, and how many failed."""
    by: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by.setdefault(", ".join(f"{name} {version}" for name, version in row["versions"].items()), []).append(row)
    lines = [
        f"| environment | {' | '.join(INSTRUCTION_SETS)} | failed |",
        f"| --- |{' ---: |' * (len(INSTRUCTION_SETS) + 1)}",
    ]
    for name, runs in sorted(by.items()):
        kinds = [row["instruction sets"] for row in runs]
        counts = " | ".join(str(kinds.count(kind)) for kind in INSTRUCTION_SETS)
        lines.append(f"| {name} | {counts} | {sum(map(is_alarm, runs))} |")
    rate = MeasuredRate(sum(map(is_alarm, rows)), len(rows))
    return [*lines, "", f"Failed: {rate.text}, at {len({row['commit'] for row in rows})} commits."]


def tell_rate(log: Path) -> int:
    """Print the runs of a log that failed, and how often they do; 1 where any did."""
    rows = rows_of(log)
    alarms = [row for row in rows if is_alarm(row)]
    for row in alarms:
        print(json.dumps(row))
    print("\n".join(lines := section(rows)))
    if log == LOG:
        pages.put(pages.DOCS / "explanation/statistics.md", "healthy runs", lines)
    return int(bool(alarms))


def main() -> int:
    """Run, and print the rate; 1 where any run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=int)
    parser.add_argument("scenarios", nargs="*", default=[*SMALL])
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--log", type=Path, default=LOG)
    given = parser.parse_args()
    commit, had = git.head(ROOT), rows_of(given.log)
    every = [({"commit": commit, **about}, python) for about, python in every_setting(given.scenarios, given.python)]
    fresh = [(about, python) for about, python in every if not any(about.items() <= row.items() for row in had)]
    if given.runs > len(fresh):
        print(
            f"{len(fresh)} settings are left, of {len(every)}: name more scenarios, or --python of other environments"
        )
    for about, python in random.Random(given.seed).sample(fresh, min(given.runs, len(fresh))):
        line = json.dumps(run(about, python))
        with given.log.open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)
    return tell_rate(given.log)


if __name__ == "__main__":
    sys.exit(main())
