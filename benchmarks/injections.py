"""Put each fault of ``benchmarks/boundary`` into the environments it is meant for, and see what it is blamed on.

``python benchmarks/injections.py [SCENARIO [FAULT...]]``, in the environments that ``tox run -m matrix`` made, each of
which is verified without a fault first. Writes the table in ``docs/explanation/matrix.md``; with faults named, only
those are tried, and nothing is written. Exits 1 where a fault is not caught, or is blamed on anything else,
and 2 where none can be tried.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pages
from boundary.faults import FAULTS, Fault
from environments import PINNED

from guard.axes import axes
from harness.core import text
from harness.core.reports import read_report
from harness.core.verdicts import Report
from harness.study.matrix import Matrix
from harness.study.matrix_collection import collect_matrix

ROOT = Path(__file__).parent.parent
OUT = ROOT / ".harness/injections"


def refuse(why: str) -> NoReturn:
    """End here, with one sentence."""
    print(f"injections: {why}", file=sys.stderr)
    sys.exit(2)


def infected(fault: Fault, reports: Mapping[str, Report]) -> Iterator[str]:
    """The environments that get a fault: at its level of its axis, or all for one of our own."""
    for name, report in reports.items():
        if not fault.axis or axes(report.environment).get(fault.axis) == fault.level:
            yield name


def verified(environment: str, scenario: str, fault: str = "") -> Report:
    """The environment's report of one scenario, with a fault in it."""
    executable = ROOT / ".tox" / environment / "bin/harness"
    if not executable.is_file():
        refuse(f"{environment} is not installed: run `tox run -m matrix`")
    folder = OUT / (fault or "none") / environment
    shutil.rmtree(folder, ignore_errors=True)  # an earlier run's report must not stand in for one that breaks
    done = subprocess.run(
        [executable, "verify", scenario, "--no-training", "--no-cache", "--out", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ
        | {
            "PYTHONPATH": f"{ROOT / 'benchmarks/boundary'}{os.pathsep}{ROOT}",
            "BOUNDARY_FAULT": fault,
            "KERAS_BACKEND": environment if environment in ("jax", "torch") else "tensorflow",
            "CI": "true",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
    )
    if done.returncode not in ((0, 1) if fault else (0,)):
        message = (done.stderr or done.stdout).strip().splitlines()[-1:]
        refuse(f"{environment}, {fault or 'without a fault'}, ended with status {done.returncode}: {''.join(message)}")
    return read_report(folder / "report.json")


def row(name: str, fault: Fault, where: list[str], result: Matrix) -> tuple[str, bool]:
    """A line of the table, and whether the fault was caught everywhere it was, and blamed on its axis."""
    caught = [e.name for e in result.environments if result.failed(e.name)]
    first = result.findings[0] if result.findings else None
    blamed = first.movement.sentence if first else "nothing"
    right = first is not None and (
        first.movement.axes == (fault.axis,) if fault.axis else first.movement.kind == "everywhere"
    )
    cells = (
        f"`{name}`: {fault.what}",
        ", ".join(f"`{e}`" for e in where) if fault.axis else "all",
        "all" if caught == where else ", ".join(caught) or "none",
        blamed,
        f"`{first.first}`, {text.used(first.used)}" if first else "",
        f"{first.values if first else 0} of {sum(f.values for f in result.findings)}",
    )
    return f"| {' | '.join(cells)} |", right and caught == where


def main() -> int:
    """Every fault in turn, or those chosen."""
    parser = argparse.ArgumentParser(description="Put faults into the environments of the matrix.")
    parser.add_argument("scenario", nargs="?", default="gs2_ideal", help="the scenario to verify (%(default)s)")
    parser.add_argument("fault", nargs="*", help=f"of {', '.join(FAULTS)} (default: all)")
    given = parser.parse_args()
    scenario, chosen = given.scenario, given.fault
    if unknown := [name for name in chosen if name not in FAULTS]:
        parser.error(f"there is no fault {unknown[0]!r}: choose from {', '.join(FAULTS)}")
    sound = {name: verified(name, scenario) for name in PINNED}
    head = ("fault", "put into", "caught in", "blamed on", "first", "values so blamed")
    lines, wrong = [f"| {' | '.join(head)} |", "| --- | --- | --- | --- | --- | ---: |"], []
    faults = {name: fault for name, fault in FAULTS.items() if not chosen or name in chosen}
    for name, fault in faults.items():
        where = [*infected(fault, sound)]
        sick = {e: verified(e, scenario, name) for e in where}
        result = collect_matrix({e: [r] for e, r in (sound | sick).items()}, axes)
        line, right = row(name, fault, where, result)
        print(line, flush=True)
        lines.append(line)
        wrong += [] if right else [name]
    if chosen:
        return 1 if wrong else 0
    pages.put(pages.MATRIX, "injections", lines)
    print(
        f"not as it should be: {', '.join(wrong)}" if wrong else f"all {len(FAULTS)} caught, and blamed on their axis"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
