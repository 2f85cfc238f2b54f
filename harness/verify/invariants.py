"""What must hold of every run: the harness's own invariants, and whether each holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.core.protocol import Artifact, Invariant, Pipeline
from harness.core.trees import plain_json
from harness.core.verdicts import Status, Verdict
from harness.run.cache import Item


def own_invariants(items: Sequence[Item]) -> list[Invariant]:
    """What the harness itself asks of a whole run: finite arrays, and a configuration that no stage changes."""
    bad = sum(item.about["non_finite"] for item in items)
    changed = [i.about["stage"] for i in items if i.about["config_before"] != i.about["config_after"]]
    finite = f"{bad} non-finite numbers in the arrays of {len(items)} stages"
    same = f"changed by {', '.join(changed)}" if changed else f"the same before and after {len(items)} stages"
    return [
        Invariant("finite_everywhere", bad, None, 0, finite),
        Invariant("configuration_unchanged", len(changed), None, 0, same),
    ]


def pipeline_invariants(pipeline: Pipeline, artifacts: Mapping[str, Artifact]) -> Sequence[Invariant]:
    """What the pipeline asks of its own run; one invariant that fails where the adapter's function raises."""
    try:
        return pipeline.invariants(artifacts)
    except Exception as error:  # the adapter is a stranger's code, and its numbers may be anything
        raised = f"the adapter's invariants raised {type(error).__name__}: {error}"
        return [Invariant("invariants_can_be_judged", math.nan, 0, evidence=raised)]


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
