"""Whether a stage gave two results for one input: in the profile, and replayed from stored inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.core.text import pair
from harness.core.verdicts import ArtifactReport, Verdict

_OTHER = 0.05  # of how far it is from the golden, by which two results are two and not one


def not_reproducible(stage: str, main: ArtifactReport | None, alone: ArtifactReport | None) -> str:
    """The sentence on a stage whose two runs disagree where both have one golden; empty where nothing shows that.

    Asked of a stage of which all earlier ones are as accepted, so that both runs had the inputs of the golden.
    """
    if main is None or alone is None or main.error or alone.error:
        return ""
    replayed = {v.path: v for v in alone.verdicts if v.status.failed}
    for verdict in main.verdicts:
        other = replayed.get(verdict.path)
        if other is None or not verdict.status.failed:
            continue
        for place, expected, one, two in _numbers(verdict, other):
            if abs(one - two) > _OTHER * max(abs(one - expected), abs(two - expected)):
                first, second = pair(one, two)
                return (
                    f"{stage} is not reproducible: for the same inputs it gave {first} for {place} in {main.track}, "
                    f"and {second} in {alone.track}: seed it, or give it all that it depends on"
                )
    return ""


def _numbers(one: Verdict, other: Verdict) -> Iterator[tuple[str, float, float, float]]:
    """What both verdicts show of the same golden's numbers: the place, the golden's, and both results."""
    if _finite(one.expected, one.obtained, other.obtained) and one.expected == other.expected:
        yield one.path, one.expected, one.obtained, other.obtained
    shown = {worst.index: worst for worst in other.worst}
    for worst in one.worst:
        same = shown.get(worst.index)
        if same and _finite(worst.expected, worst.obtained, same.obtained) and worst.expected == same.expected:
            yield f"{one.path}{list(worst.index)}", worst.expected, worst.obtained, same.obtained


def _finite(*values: object) -> bool:
    return all(type(v) is float and math.isfinite(v) for v in values)
