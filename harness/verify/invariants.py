"""What must hold of every run: the harness's own invariants, and whether each holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from harness.core import text
from harness.core.adapters.invariants import invariants_problem
from harness.core.errors import HarnessError
from harness.core.protocol import Artifact, Invariant, Pipeline
from harness.core.trees import plain_json
from harness.core.verdicts import Status, Verdict
from harness.run.cache import Item

Matched = Callable[[str, str], bool]
"""Whether a rule with ``nan = "match"`` compares what stands in a stage's output at a path."""

_NAMED = 3  # places


def own_invariants(items: Sequence[Item], matched: Matched) -> list[Invariant]:
    """What the harness itself asks of a whole run: finite numbers, and a configuration that no stage changes.

    Numbers that are not finite may stand where they are ``matched``, and nowhere else.
    """
    found = [(item.about["stage"], *place) for item in items for place in _non_finite(item).items()]
    allowed = {(stage, path): path != "" and matched(stage, path) for stage, path, _ in found}
    bad = {(stage, path): count for stage, path, count in found if not allowed[stage, path]}
    changed = [i.about["stage"] for i in items if i.about["config_before"] != i.about["config_after"]]
    same = f"changed by {', '.join(changed)}" if changed else f"the same before and after {len(items)} stages"
    return [
        Invariant("finite_everywhere", sum(bad.values()), None, 0, _finite(bad, len(found) - len(bad), len(items))),
        Invariant("configuration_unchanged", len(changed), None, 0, same),
    ]


def _non_finite(item: Item) -> Mapping[str, int]:
    """How many numbers of an output are not finite, by path; a result of an older harness has their sum alone."""
    counts = item.about["non_finite"]
    return counts if isinstance(counts, Mapping) else {"": counts} if counts else {}


def _finite(bad: Mapping[tuple[str, str], int], matched: int, stages: int) -> str:
    """The evidence of ``finite_everywhere``: how many, where the first stand, and what would let them."""
    beside = f"; {text.count(matched, 'place')} more, where a rule matches them" if matched else ""
    if not bad:
        return f"0 non-finite numbers in the outputs of {text.count(stages, 'stage')}{beside}"
    places = [f"{count} at {path!r} of stage {stage}" for (stage, path), count in bad.items()]
    more = f" and {text.count(len(places) - _NAMED, 'other place')}" if len(places) > _NAMED else ""
    remedy = 'verify them under a rule with nan = "match", or let the stage give finite numbers'
    found = text.count(sum(bad.values()), "non-finite number")
    return f"{found}: {', '.join(places[:_NAMED])}{more}{beside}; {remedy}"


def pipeline_invariants(pipeline: Pipeline, artifacts: Mapping[str, Artifact]) -> Sequence[Invariant]:
    """What the pipeline asks of its own run; one invariant that fails where what the adapter gives cannot be judged."""
    try:
        asked = list(pipeline.invariants(artifacts))
        problem = invariants_problem(asked)
    except Exception as error:  # the adapter is a stranger's code, and its numbers may be anything
        known = isinstance(error, HarnessError)
        problem = str(error) if known else f"the adapter's invariants raised {type(error).__name__}: {error}"
    return [Invariant("invariants_can_be_judged", math.nan, 0, evidence=problem)] if problem else asked


def judge_invariant(invariant: Invariant) -> Verdict:
    """The verdict on an invariant, from its value and its bounds."""
    low, high, value = invariant.low, invariant.high, float(invariant.value)
    held = (low is None or value >= low) and (high is None or value <= high) and value == value
    allowed = " and ".join(f"{w} {b:g}" for w, b in (("at least", low), ("at most", high)) if b is not None)
    used = None
    if low is not None and high is not None and high > low and math.isfinite(value):
        used = abs(2 * value - low - high) / (high - low)
    status = Status.PASS if held else Status.FAIL
    shown = plain_json(value)
    return Verdict(invariant.name, status, "invariant", invariant.evidence, allowed, None, shown, allowed, used)
