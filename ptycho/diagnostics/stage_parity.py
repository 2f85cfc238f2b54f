"""Normalisation of two runs, stage by stage: means, ratios, and the first step that breaks their symmetry."""

from __future__ import annotations

from typing import Any

from ptycho.diagnostics.findings import Analysis, Table
from ptycho.diagnostics.quantities.gains import (
    STAGES,
    TRANSITIONS,
    gain_chain,
    normalize_gain,
    over,
    stage_means,
    stage_ratios,
)
from ptycho.diagnostics.records import RunRecord

APART = 0.05  # relative difference of a stage's ratio from which the two runs are apart


def stage_symmetry(run: RunRecord) -> dict[str, Any]:
    """Each step's ratio against what it should be, and the first step that breaks it."""
    ratios = stage_ratios(run)
    expected: dict[str, float | None] = dict(zip(TRANSITIONS, (1.0, normalize_gain(run), 1.0), strict=True))
    chain = gain_chain(run)
    steps = [(name, ratio, expected[name]) for name, ratio in ratios.items()]
    # After training, a ladder says what each gain should be. Without one, a prediction may have any mean but
    # none at all, and has to reach the truth.
    for name, ratio in chain["ratios"].items():
        if name not in ratios and (name != "normalized_to_prediction" or ratio == 0):
            steps.append((name, ratio, chain["expected"][name]))
    apart = ((name, over(ratio, aim)) for name, ratio, aim in steps)
    return {
        "stage_means": dict(zip(STAGES, stage_means(run), strict=True)),
        "ratios": ratios,
        "expected": expected,
        "later": {name: ratio for name, ratio in chain["ratios"].items() if name not in ratios},
        "first_break": next((name for name, r in apart if r is not None and abs(r - 1) > APART), None),
        "full_chain_product": chain["full_chain_product"],
    }


def normalization_parity(a: RunRecord, b: RunRecord) -> Analysis | None:
    """Normalisation of two runs, stage by stage: means, ratios, deltas, first break.

    The original project asked for it to compare doses, see docs/explanation/history.md.
    """
    left, right = stage_symmetry(a), stage_symmetry(b)
    if all(v is None for side in (left, right) for v in side["stage_means"].values()):
        return None
    steps = [_step(name, left, right) for name in TRANSITIONS]
    first = next((step["step"] for step in steps if _runs_apart(step)), None)
    figures = {
        "a": {"name": a.name, **left},
        "b": {"name": b.name, **right},
        "stages": [
            {
                "stage": name,
                "a": left["stage_means"][name],
                "b": right["stage_means"][name],
                "ratio": over(right["stage_means"][name], left["stage_means"][name]),
            }
            for name in STAGES
        ],
        "steps": steps,
        "first_apart": first,
    }
    note = (
        f"The first step in which the runs are apart by more than 5 %: {first}."
        if first
        else "No step before training is apart by more than 5 %, each against its own gain."
    )
    gains = (normalize_gain(a), normalize_gain(b))
    tables = _tables(figures, gains)
    return Analysis("dose_normalization_stats", "Normalisation, stage by stage", figures, tables, (note,))


def _step(name: str, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    x, y = left["ratios"][name], right["ratios"][name]
    return {
        "step": name,
        "a": x,
        "b": y,
        "delta": y - x if x is not None and y is not None else None,
        "expected_a": left["expected"][name],
        "expected_b": right["expected"][name],
    }


def _runs_apart(step: dict[str, Any]) -> bool:
    """Whether a step's two ratios differ; each run normalises by its own gain, so that step may."""
    if not step["a"] or not step["b"] or step["step"] == "grouped_to_normalized":
        return False
    return bool(abs(step["b"] / step["a"] - 1) > APART)


def _tables(figures: dict[str, Any], gains: tuple[float | None, float | None]) -> tuple[Table, ...]:
    left, right = figures["a"], figures["b"]
    a, b = left["name"], right["name"]
    later = dict.fromkeys((*left["later"], *right["later"]))
    return (
        Table(
            "Stage means",
            ("Stage", a, b, "Ratio"),
            tuple((s["stage"], s["a"], s["b"], s["ratio"]) for s in figures["stages"]),
        ),
        Table(
            "Ratios",
            ("Step", a, b, "Delta", f"Expected of {a}", f"Expected of {b}"),
            tuple((s["step"], s["a"], s["b"], s["delta"], s["expected_a"], s["expected_b"]) for s in figures["steps"]),
        ),
        Table(
            "Chain",
            ("", a, b),
            (
                ("normalize gain", *gains),
                *((name, left["later"].get(name), right["later"].get(name)) for name in later),
                ("Full chain product", left["full_chain_product"], right["full_chain_product"]),
                ("First step to break symmetry", left["first_break"], right["first_break"]),
            ),
        ),
    )
