"""A trial as people read it: what was compared, then every figure that differs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.core import text
from harness.report.markup import code, markdown_table, prose
from harness.study.ab import Difference, Trial


def trial_markdown(trial: Trial) -> str:
    """The trial for people: what was compared, then every figure that differs."""
    both = f", both with {_settings(trial.both)}" if trial.both else ""
    rows = []
    for difference in trial.differences:
        a, b, mean, interval = difference_cells(difference)
        rows.append((code(difference.path), a, b, f"**{mean}**" if difference.clear else mean, interval))
    blocks = [
        f"# {prose(trial.scenario)} ({prose(trial.profile)}): A/B over {trial.pairs} seeds",
        f"A is {_settings(trial.a)}; B is {_settings(trial.b)}{both}.",
        f"Mean over the seeds, and the {100 * trial.confidence:g} % interval of the mean of B \u2212 A; "
        "**bold** where it leaves out zero.",
        markdown_table(("figure", "A", "B", "B \u2212 A", "interval"), rows, numeric=range(1, 5)),
        f"{text.count(trial.unchanged, 'figure')} the same in every pair.",
    ]
    return "\n\n".join(blocks) + "\n"


def difference_cells(difference: Difference) -> tuple[str, str, str, str]:
    """A figure as people read it: its means in A and B, the mean of their differences, and its interval."""
    a, b = (text.number(math.fsum(draws) / len(draws), 4) for draws in (difference.a, difference.b))
    low, high = text.number(difference.low, 4), text.number(difference.high, 4)
    return a, b, text.number(difference.mean, 4), f"{low} to {high}"


def _settings(overrides: Sequence[str]) -> str:
    return ", ".join(map(code, overrides)) or "the scenario as it is"
