"""How far healthy environments are from the goldens' first steps: ``python benchmarks/drift.py``, after the matrix.

Reads the reports of ``tox run -m matrix``, of which every pinned environment's must be there, be of today's source and
pass, and writes the tables of ``docs/explanation/matrix.md`` and their plot. Exits 2, and writes nothing, otherwise.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pages
from environments import PINNED

from harness.core.errors import HarnessError
from harness.core.project import find_project
from harness.core.verdicts import Report, Verdict
from harness.study.matrix_collection import collect_matrix, read_matrix_reports
from harness.verify.suite import verification_subject

matplotlib.use("svg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
PLOT = ROOT / "docs/images/drift.svg"
EARLY = 12
APART = "gs1_ideal"  # its loss is what is left of large numbers that cancel
QUANTITIES = {
    "outputs, relative L2": lambda path: path in ("object", "weight"),
    "loss at step 0": lambda path: path in ("losses/0", "components/loss"),
    "gradient norms of layers": lambda path: path.startswith("gradient_norms/") and "log_scale" not in path,
    "gradient of log_scale": lambda path: path.endswith("log_scale"),
    "losses of 12 steps": lambda path: path.startswith("losses/") and int(path[7:]) < EARLY,
    "losses of 30 steps": lambda path: path.startswith("losses/"),
}


def deviation(verdict: Verdict) -> float:
    """Relative deviation of a number; of an array a bound on its relative L2 distance, from the share it used."""
    if isinstance(verdict.expected, float) and isinstance(verdict.obtained, float):
        return abs(verdict.obtained / verdict.expected - 1) if verdict.expected else abs(verdict.obtained)
    result = re.search(r"l2 = ([\d.e-]+)", verdict.rule)
    return (verdict.used or 0.0) * float(result[1]) if result else 0.0


def healthy() -> dict[str, list[Report]]:
    """The reports of every pinned environment; raises HarnessError unless all are there and pass."""
    project = find_project(ROOT)
    there = read_matrix_reports(project.state / "matrix")
    reports = {name: there[name] for name in PINNED if name in there}
    result = collect_matrix(reports, project.pipeline.axes, PINNED, subject=verification_subject(project))
    if not result.passed:
        raise HarnessError(f"drift is that of healthy environments, and {result.headline}: run `tox run -m matrix`")
    return reports


def pinned(reports: list[Report]) -> Iterator[tuple[str, Verdict]]:
    """Scenario and verdict of everything in the pinned tier."""
    for report in reports:
        for scenario in report.scenarios:
            for artifact in scenario.artifacts:
                yield from ((scenario.scenario, v) for v in artifact.verdicts if v.tier == "pinned")


def main() -> None:
    """The tables, and the plot."""
    result = {name: [*pinned(built)] for name, built in healthy().items()}
    for name, apart in (("drift", False), ("drift apart", True)):
        chosen = {e: [v for s, v in verdicts if (s == APART) == apart] for e, verdicts in result.items()}
        lines = table(chosen)
        pages.put(pages.MATRIX, name, lines)
        print("\n".join(lines))
    plot(result)


def table(result: Mapping[str, list[Verdict]]) -> list[str]:
    """The largest deviation of every quantity in each environment, and of all of them beside the share that it used."""
    lines = [f"| environment | {' | '.join(QUANTITIES)} |", f"| --- |{' ---: |' * len(QUANTITIES)}"]
    every = [v for verdicts in result.values() for v in verdicts]
    for name, verdicts in result.items():
        cells = [max(deviation(v) for v in verdicts if mine(v.path)) for mine in QUANTITIES.values()]
        lines.append(f"| `{name}` | {' | '.join(f'{c:.1e}' for c in cells)} |")
    worst = [max(deviation(v) for v in every if mine(v.path)) for mine in QUANTITIES.values()]
    used = [max(v.used or 0.0 for v in every if mine(v.path)) for mine in QUANTITIES.values()]
    lines.append(f"| **the worst** | {' | '.join(f'**{c:.1e}**' for c in worst)} |")
    lines.append(f"| most of a tolerance | {' | '.join(f'{u:.0%}' for u in used)} |")
    return lines


def plot(result: dict[str, list[tuple[str, Verdict]]]) -> None:
    """The largest relative deviation of a loss by step, one line an environment."""
    plt.rcParams["svg.hashsalt"] = "drift"
    figure, axis = plt.subplots(figsize=(7.2, 3.9), layout="constrained")
    for name, verdicts in result.items():
        steps: dict[int, float] = {}
        for scenario, v in verdicts:
            if v.path.startswith("losses/") and scenario != APART:
                steps[int(v.path[7:])] = max(steps.get(int(v.path[7:]), 0.0), deviation(v))
        at = sorted(steps)
        axis.semilogy(at, np.maximum([steps[i] for i in at], 1e-8), lw=1.4, label=name)
    axis.set(xlabel="step of the optimiser", ylabel="loss, relative deviation", xlim=(0, 29))
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", frameon=False, ncols=4, fontsize=8)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    try:
        main()
    except HarnessError as error:
        print(f"drift: {error}", file=sys.stderr)
        sys.exit(2)
