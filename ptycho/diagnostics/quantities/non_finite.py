"""Which metrics of a training became non-finite, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ptycho.diagnostics.records import RunRecord, at_path, number_or_none

MOST_METRICS, MOST_LETTERS = 100, 80  # that are looked at, and of a metric's name


@dataclass(frozen=True)
class NonFinite:
    """``events``: metric, epoch and step of each, as far as they are recorded, by the metric's name.

    ``metrics``: the names that the run itself lists, or else those whose history says so; None where neither
    is recorded.
    """

    events: list[dict[str, Any]]
    metrics: list[str] | None


def non_finite(run: RunRecord) -> NonFinite:
    """What became non-finite in the run's training."""
    in_history = _in_history(run)
    events = _marked(run)
    for name, epoch in in_history.items():
        if name not in events:
            events[name[:MOST_LETTERS]] = _event(name, epoch, None)
    error = run.table("error")
    components = error.get("components")
    for name in components[:20] if isinstance(components, list) else ():
        if isinstance(name, str):
            event = _event(name, number_or_none(error.get("epoch")), number_or_none(error.get("step")))
            events[event["metric"]] = event
    return NonFinite([events[name] for name in sorted(events)], _listed(run, list(in_history)))


def _event(name: str, epoch: float | None, step: float | None) -> dict[str, Any]:
    return {"metric": name[:MOST_LETTERS], "epoch": epoch, "step": step}


def _marked(run: RunRecord) -> dict[str, dict[str, Any]]:
    """Metrics that a summary marks as non-finite."""
    events: dict[str, dict[str, Any]] = {}
    for place in (
        ("summary", "metrics"),
        ("summary", "nan_overview", "metrics"),
        ("metadata", "training_nan_overview", "metrics"),
    ):
        for name, entry in list(run.table(*place).items())[:MOST_METRICS]:
            epoch = number_or_none(at_path(entry, "first_nan_epoch"))
            step = number_or_none(at_path(entry, "first_nan_step"))
            if run.layout != "ptycho":  # upstream counts epochs from 0, and its "step" is their place in the list
                epoch, step = epoch + 1 if epoch is not None else None, None
            if at_path(entry, "has_nan") is True or epoch is not None:
                events.setdefault(name[:MOST_LETTERS], _event(name, epoch, step))
    return events


def _in_history(run: RunRecord) -> dict[str, int]:
    """Metrics whose series hold what is not finite, with the first such epoch, counted from 1."""
    epochs = {}
    for name in list(run.table("history", "metrics"))[:MOST_METRICS]:
        series = run.get("history", "metrics", name)
        values = map(number_or_none, series) if isinstance(series, list) else ()
        bad = next((i for i, v in enumerate(values) if v is not None and not math.isfinite(v)), None)
        if bad is not None:
            epochs[name] = bad + 1
    return epochs


def _listed(run: RunRecord, in_history: list[str]) -> list[str] | None:
    """The names in the run's own overview, or else those of the history; None where neither is recorded."""
    overview = run.table("summary", "nan_overview") or run.table("metadata", "training_nan_overview")
    named = overview.get("metrics")
    if isinstance(named, dict | list) and named:
        return sorted({n[:MOST_LETTERS] for n in list(named)[:MOST_METRICS] if isinstance(n, str)})
    if in_history:
        return sorted(name[:MOST_LETTERS] for name in in_history)
    return None if not overview and not run.table("history", "metrics") else []
