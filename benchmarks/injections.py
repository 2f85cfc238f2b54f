"""Put each fault of ``benchmarks/boundary`` into the environments it is meant for, and see what it is blamed on.

``python benchmarks/injections.py [SCENARIO [FAULT...]]``, in the environments that ``tox run -m matrix`` made, each of
which is verified without a fault first. Writes the table in ``docs/explanation/matrix.md``; with faults named, only
those are tried, and nothing is written. Exits 1 where a fault is not caught, or is blamed on anything else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pages
from boundary.faults import FAULTS, Fault

from harness.adapters.ptycho import axes
from harness.matrix import Matrix, collect
from harness.report import data, text
from harness.verdict import Report

ROOT = Path(__file__).parent.parent
OUT = ROOT / ".harness/injections"
ENVIRONMENTS = ("keras2", "tf2.16-keras3.3", "tf2.16-keras3.8", "tf2.18-keras3.8", "tf2.21-keras3.15", "jax", "torch")


def infected(fault: Fault, reports: Mapping[str, Report]) -> Iterator[str]:
    """The environments that get a fault: at its level of its axis, or all for one of our own."""
    for name, report in reports.items():
        if not fault.axis or axes(report.environment).get(fault.axis) == fault.level:
            yield name


def verified(environment: str, scenario: str, fault: str = "") -> Report:
    """The environment's report of one scenario, with a fault in it."""
    (executable,) = (ROOT / ".tox" / environment / "bin").glob("harness")
    folder = OUT / (fault or "none") / environment
    shutil.rmtree(folder, ignore_errors=True)  # an earlier run's report must not stand in for one that breaks
    done = subprocess.run(
        [executable, "verify", scenario, "--no-training", "--no-cache", "--out", folder],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=900,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'benchmarks/boundary'}{os.pathsep}{ROOT}", "BOUNDARY_FAULT": fault,
                          "KERAS_BACKEND": environment if environment in ("jax", "torch") else "tensorflow",
                          "CI": "true", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    if done.returncode not in ((0, 1) if fault else (0,)):
        sys.exit(f"{environment}, {fault or 'without a fault'}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return data.read(folder / "report.json")


def row(name: str, fault: Fault, where: list[str], found: Matrix) -> tuple[str, bool]:
    """A line of the table, and whether the fault was caught everywhere it was, and blamed on its axis."""
    caught = [e.name for e in found.environments if found.failed(e.name)]
    first = found.findings[0] if found.findings else None
    blamed = first.movement.said if first else "nothing"
    right = first is not None and (
        first.movement.axes == (fault.axis,) if fault.axis else first.movement.kind == "everywhere"
    )
    cells = (
        f"`{name}`: {fault.what}",
        ", ".join(f"`{e}`" for e in where) if fault.axis else "all",
        "all" if caught == where else ", ".join(caught) or "none",
        blamed,
        f"`{first.first}`, {text.used(first.used)}" if first else "",
        f"{first.values if first else 0} of {sum(f.values for f in found.findings)}",
    )
    return f"| {' | '.join(cells)} |", right and caught == where


def main(scenario: str = "gs2_ideal", *chosen: str) -> int:
    """Every fault in turn, or those chosen."""
    sound = {name: verified(name, scenario) for name in ENVIRONMENTS}
    head = ("fault", "put into", "caught in", "blamed on", "first", "values so blamed")
    lines, wrong = [f"| {' | '.join(head)} |", "| --- | --- | --- | --- | --- | ---: |"], []
    faults = {name: fault for name, fault in FAULTS.items() if not chosen or name in chosen}
    for name, fault in faults.items():
        where = [*infected(fault, sound)]
        sick = {e: verified(e, scenario, name) for e in where}
        found = collect({e: [r] for e, r in (sound | sick).items()}, axes)
        line, right = row(name, fault, where, found)
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
    sys.exit(main(*sys.argv[1:]))
