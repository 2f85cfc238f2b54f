"""What differs in one value, in lines for people: an array as numbers, a text line by line."""

from __future__ import annotations

import math

from harness.core import text
from harness.core.verdicts import Verdict, Worst
from harness.report.differences.lines import text_difference


def difference_lines(verdict: Verdict) -> list[str]:
    """What a table's row cannot say of a value: the explanation, the share that is out, the worst elements, the lines.

    Nothing of a value of which the row says all.
    """
    lines = [verdict.explanation.text] if verdict.explanation else []
    if verdict.share:
        lines.append(f"{text.portion(verdict.share)} of the elements out of tolerance")
    return [
        *lines,
        *(_element(w, verdict.measured) for w in verdict.worst),
        *text_difference(verdict.expected, verdict.obtained),
    ]


def _element(worst: Worst, measured: bool) -> str:
    old, new = text.pair(worst.expected, worst.obtained)
    change = text.difference(worst.expected, worst.obtained)
    moved = f"{old} \u2192 {new}" + (f" ({change})" if change else "")
    share = text.used(worst.used)
    of = "" if not measured else f", {share} its tolerance" if math.isinf(worst.used) else f", {share} of its tolerance"
    return f"{list(worst.index)}  {moved}{of}"
