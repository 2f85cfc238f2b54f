"""The training's losses: how they are composed, how the total went, and the gradient's norm beside it."""

from __future__ import annotations

import math
from typing import Any

from ptycho.diagnostics.quantities.gains import over
from ptycho.diagnostics.records import RunRecord, at_path, number_or_none

INACTIVE = 1e-12  # a component no larger than this contributes nothing
FLAT = 1e-7  # of its own size; a loss that moves less never moved
PLATEAU = 0.01  # share of the whole descent; less in the last third is a plateau


def loss_composition(run: RunRecord) -> dict[str, Any]:
    """Final values, contributions, dominance, and what contributes nothing."""
    total = _last(run, "loss")
    components = _components(run, total)
    sized = [c for c in components if c["contribution"] is not None and abs(c["contribution"]) > INACTIVE]
    sized.sort(key=lambda c: -abs(c["contribution"]))
    series, rates = finite_series(run, "loss"), run.series("history", "metrics", "learning_rate")
    return {
        "epochs": len(run.series("history", "metrics", "loss")) or None,
        "total": {"final": total, "min": min(series, default=None), "max": max(series, default=None)},
        "learning_rate": {"last": rates[-1], "min": min(rates), "max": max(rates)} if rates else None,
        "components": components,
        "dominant": sized[0]["name"] if sized else None,
        "dominance": over(abs(sized[0]["contribution"]), abs(sized[1]["contribution"])) if len(sized) > 1 else None,
        "inactive": [c["name"] for c in components if c["final"] is not None and abs(c["final"]) <= INACTIVE],
    }


def _last(run: RunRecord, name: str) -> float | None:
    """The final value of a metric, from its series or else from the summary."""
    series = run.series("history", "metrics", name)
    return series[-1] if series else number_or_none(at_path(run.table("summary", "metrics"), name, "last"))


def _components(run: RunRecord, total: float | None) -> list[dict[str, Any]]:
    """Each component of the loss with its weight and its share of the total."""
    weights = run.table("metadata", "config", "loss")
    recorded = dict.fromkeys((*run.table("history", "metrics"), *run.table("summary", "metrics")))
    names = [n for n in recorded if n.endswith("_loss") and not n.startswith(("val_", "train_"))]
    components: list[dict[str, Any]] = []
    for name in names[:20]:
        value = _last(run, name)
        weight = number_or_none(weights.get(name.replace("_loss", "_weight"))) if weights else 1.0
        share = over(value * (1.0 if weight is None else weight), total) if value is not None else None
        components.append({"name": name, "final": value, "weight": weight, "contribution": share})
    return components


def finite_series(run: RunRecord, name: str) -> list[float]:
    """The finite values of a metric of the training's history."""
    return [v for v in run.series("history", "metrics", name) if math.isfinite(v)]


def loss_course(run: RunRecord) -> dict[str, Any]:
    """How the total loss went."""
    series = finite_series(run, "loss")
    if len(series) < 2:
        return {
            "epochs": len(series),
            "first": series[0] if series else None,
            "last": series[-1] if series else None,
            "moved": None,
            "last_third": None,
            "rose": None,
        }
    size = max(abs(v) for v in series) or 1.0
    descent = max(series) - min(series)
    third = series[-max(2, len(series) // 3) :]
    return {
        "epochs": len(series),
        "first": series[0],
        "last": series[-1],
        "moved": descent > FLAT * size,
        "last_third": (max(third) - min(third)) / descent if descent > 0 else 0.0,
        "rose": series[-1] > series[0] + FLAT * size and series[-1] >= max(series) - FLAT * size,
    }


def gradient_norms(run: RunRecord) -> dict[str, float | None]:
    """Norm of the gradient over the epochs, before clipping."""
    series = finite_series(run, "gradient_norm")
    if not series:
        return {"first": None, "last": None, "min": None, "max": None}
    return {"first": series[0], "last": series[-1], "min": min(series), "max": max(series)}
