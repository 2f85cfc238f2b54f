"""What each stage did to the intensity: means of the stages, the ladder of gains, and the product of all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ptycho.diagnostics.quantities.amplitudes import predicted_mean, true_mean
from ptycho.diagnostics.records import RunRecord, at_path, number_or_none

STAGES = ("raw_diffraction", "grouped_diffraction", "grouped_X_full", "container_X")
TRANSITIONS = ("raw_to_grouped", "grouped_to_normalized", "normalized_to_container")
CHAIN = ("raw_to_grouped", "grouped_to_normalized", "normalized_to_prediction", "prediction_to_truth")
_CHAIN_TOLERANCE = 0.05  # of the chain's product from 1


@dataclass(frozen=True)
class Rung:
    """One step of the ladder of gains, from raw data to object units."""

    name: str
    measured: float
    expected: float


def over(later: float | None, earlier: float | None) -> float | None:
    """``later / earlier``, or None where that is no number."""
    if later is None or earlier is None or not earlier or not math.isfinite(later / earlier):
        return None
    return later / earlier


def normalize_gain(run: RunRecord) -> float | None:
    """The gain that normalisation applied."""
    return run.positive("intensity", "normalize_gain")


def stage_means(run: RunRecord) -> list[float | None]:
    """The mean of each of the four stages from raw data to the network's container."""
    recorded = run.table("intensity", "stage_means")
    listed = {
        s.get("name"): number_or_none(at_path(s, "stats", "mean")) for s in run.stages if isinstance(s.get("name"), str)
    }
    return [number_or_none(recorded.get(name)) if name in recorded else listed.get(name) for name in STAGES]


def stage_ratios(run: RunRecord) -> dict[str, float | None]:
    """The ratio of each stage's mean to the one before it, by the transition's name."""
    return dict(zip(TRANSITIONS, (over(b, a) for a, b in pairwise(stage_means(run))), strict=True))


def ladder_rungs(run: RunRecord) -> list[Rung]:
    """The ladder of gains; empty where the run does not record one whole."""
    steps = run.get("intensity", "gain_ladder")
    rungs = []
    for step in steps[:100] if isinstance(steps, list) else ():
        name = at_path(step, "gain")
        measured, expected = (number_or_none(at_path(step, key)) for key in ("measured", "expected"))
        if not isinstance(name, str) or not measured or not expected:
            return []
        if not 1e-9 < measured < 1e9 or not 1e-9 < expected < 1e9:
            return []
        rungs.append(Rung(name[:80], measured, expected))
    return rungs


def rung_named(run: RunRecord, name: str) -> Rung | None:
    """One step of the ladder."""
    return next((rung for rung in ladder_rungs(run) if rung.name == name), None)


def gain_chain(run: RunRecord) -> dict[str, Any]:
    """The product of the stages' gains, and where it leaves 1.

    A run that records its ladder of gains, from raw data to object units, is judged by that: every gain
    against what it should be. Others are judged as the original project's report did
    (docs/explanation/history.md): by the means of the stages from raw data to truth, each step against 1.
    """
    ratios, expected = _chain_ratios(run)
    products: dict[str, float | None] = {}
    full: float | None = 1.0
    for name, ratio in ratios.items():
        full = full * ratio if full is not None and ratio is not None else None
        products[name] = full
    apart = {name: abs(ratio / expected[name] - 1) for name, ratio in ratios.items() if ratio is not None}
    by_size = sorted(apart, key=lambda name: -apart[name])
    return {
        "ratios": ratios,
        "expected": expected,
        "cumulative": products,
        "full_chain_product": full,
        "deviation": abs(full - 1) if full is not None else None,
        "tolerance": _CHAIN_TOLERANCE,
        "passes": abs(full - 1) <= _CHAIN_TOLERANCE if full is not None else None,
        "deviations": [
            {
                "stage": name,
                "ratio": ratios[name],
                "deviation": apart[name],
                "effect": "loss" if (ratios[name] or 0) < expected[name] else "gain",
            }
            for name in by_size
        ],
        "primary": by_size[0] if by_size else None,
    }


def _chain_ratios(run: RunRecord) -> tuple[dict[str, float | None], dict[str, float]]:
    """Each gain of the chain, and what it should be."""
    rungs = ladder_rungs(run)
    if rungs:
        return {rung.name: rung.measured for rung in rungs}, {rung.name: rung.expected for rung in rungs}
    raw, grouped, normalized, _ = stage_means(run)
    levels = [raw, grouped, normalized, predicted_mean(run), true_mean(run)]
    ratios = dict(zip(CHAIN, (over(b, a) for a, b in pairwise(levels)), strict=True))
    return ratios, dict.fromkeys(CHAIN, 1.0)


def largest_drop(run: RunRecord) -> dict[str, Any] | None:
    """The largest drop among grouping, the network's input and its prediction."""
    raw, grouped, _, contained = stage_means(run)
    names = ("Raw diffraction", "Grouped diffraction", "Container X", "Prediction")
    ratios = [over(b, a) for a, b in pairwise([raw, grouped, contained, predicted_mean(run)])]
    known = [(r, i) for i, r in enumerate(ratios) if r is not None]
    if not known:
        return None
    ratio, at = min(known)
    return {"from": names[at], "to": names[at + 1], "ratio": ratio, "delta": ratio - 1}
