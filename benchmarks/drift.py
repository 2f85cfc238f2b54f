"""How far healthy environments are from the goldens' first steps: ``python benchmarks/drift.py``, after the matrix.

Reads the reports of ``tox run -m matrix`` and writes the table of ``docs/explanation/matrix.md`` and its plot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pages

from harness.matrix import read
from harness.verdict import Report, Verdict

matplotlib.use("svg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
PLOT = ROOT / "docs/images/drift.svg"
EARLY = 12
UNPINNED = "newest"  # its versions change, and so would its figures
APART = ("gs1_ideal",)  # its loss is what is left of large numbers that cancel
QUANTITIES = {
    "outputs, relative L2": lambda path: path in ("object", "weight"),
    "loss at step 0": lambda path: path in ("losses/0", "components/loss"),
    "gradient norms of layers": lambda path: path.startswith("gradient_norms/") and "log_scale" not in path,
    "gradient of log_scale": lambda path: path.endswith("log_scale"),
    "losses of 12 steps": lambda path: path.startswith("losses/") and int(path[7:]) < EARLY,
    "losses of 30 steps": lambda path: path.startswith("losses/"),
}


def deviation(verdict: Verdict) -> float:
    """Relative deviation of a number; of an array its relative L2 distance, from the share of what is allowed."""
    if isinstance(verdict.expected, float) and isinstance(verdict.obtained, float):
        return abs(verdict.obtained / verdict.expected - 1) if verdict.expected else abs(verdict.obtained)
    found = re.search(r"l2 = ([\d.e-]+)", verdict.rule)
    return (verdict.used or 0.0) * float(found[1]) if found else 0.0


def pinned(reports: list[Report]) -> Iterator[tuple[str, Verdict]]:
    """Scenario and verdict of everything in the pinned tier."""
    for report in reports:
        for scenario in report.scenarios:
            for artifact in scenario.artifacts:
                yield from ((scenario.scenario, v) for v in artifact.verdicts if v.tier == "pinned")


def main() -> None:
    """The table, and the plot."""
    found = {name: [*pinned(reports)] for name, reports in read(ROOT / ".harness/matrix").items() if name != UNPINNED}
    head = ["environment", *QUANTITIES, *(f"`{name}`, 30 steps" for name in APART)]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    worst = [0.0] * (len(head) - 1)
    for name, verdicts in found.items():
        rest = [(s, v) for s, v in verdicts if s not in APART]
        cells = [max((deviation(v) for _, v in rest if mine(v.path)), default=0.0) for mine in QUANTITIES.values()]
        losses = QUANTITIES["losses of 30 steps"]
        cells += [max((deviation(v) for s, v in verdicts if s == n and losses(v.path)), default=0.0) for n in APART]
        worst = [max(pair) for pair in zip(worst, cells, strict=True)]
        lines.append(f"| `{name}` | {' | '.join(f'{c:.1e}' for c in cells)} |")
    lines.append(f"| **the worst** | {' | '.join(f'**{c:.1e}**' for c in worst)} |")
    pages.put(pages.MATRIX, "drift", lines)
    plot(found)
    print("\n".join(lines))


def plot(found: dict[str, list[tuple[str, Verdict]]]) -> None:
    """The largest relative deviation of a loss by step, one line an environment."""
    plt.rcParams["svg.hashsalt"] = "drift"
    figure, axis = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
    for name, verdicts in found.items():
        steps: dict[int, float] = {}
        for scenario, v in verdicts:
            if v.path.startswith("losses/") and scenario not in APART:
                steps[int(v.path[7:])] = max(steps.get(int(v.path[7:]), 0.0), deviation(v))
        at = sorted(steps)
        axis.semilogy(at, np.maximum([steps[i] for i in at], 1e-8), lw=1.4, label=name)
    axis.set(xlabel="step of the optimiser", ylabel="loss, relative deviation", xlim=(0, 29))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=2, fontsize=8)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
