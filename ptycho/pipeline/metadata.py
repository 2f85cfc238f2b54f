"""What a run's metadata say of its size and its seeds."""

from __future__ import annotations

from typing import Any


def run_counts(outputs: dict[str, Any]) -> dict[str, Any]:
    """How many frames, groups and parameters there were."""
    parts, grouped = outputs["split"], outputs["group"]
    return {
        "train": len(parts.train),
        "test": len(parts.test),
        "reconstructed": len(grouped.frames),
        "train_groups": len(grouped.train),
        "infer_groups": len(grouped.infer),
        "grouping": "K-choose-C" if len(grouped.train) > len(parts.train) else "one group a seed",
        "parameters": int(outputs["train"].model.count_params()),
    }


def run_seeds(values: dict[str, Any], path: str = "") -> dict[str, int]:
    """Every seed of the configuration by its dotted name."""
    seeds: dict[str, int] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            seeds |= run_seeds(value, f"{path}{key}.")
        elif key.endswith("seed"):
            seeds[f"{path}{key}"] = value
    return seeds
