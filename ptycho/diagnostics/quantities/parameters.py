"""Everything that a run was configured with, by one set of names, and what each parameter can move."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ptycho.diagnostics.records import RunRecord, at_path, cell_or_none, number_or_none

MOST_PARAMETERS = 500  # that are looked at

# The original project's names (docs/explanation/history.md) of what the configuration here calls otherwise.
OUR_NAMES = {
    "nphotons": "simulate.nphotons",
    "probe_scale": "simulate.probe.scale",
    "probe_mask": "simulate.probe.mask",
    "probe_mode": "simulate.probe.kind",
    "object_seed": "simulate.object.seed",
    "sim_seed": "simulate.scan.seed",
    "total_images": "simulate.scan.images",
    "buffer": "simulate.scan.margin_px",
    "split_fraction": "split.fraction",
    "group_count": "group.train_groups",
    "neighbor_count": "group.neighbors",
    "nepochs": "train.epochs",
    "gridsize": "gridsize",
    "probe_big": "probe_big",
    "group_limit": "group_limit",
}

# What a difference can move, by the longest prefix of its name.
AFFECTS = {
    "N": "patch side: closed-form scale, gain and canvas",
    "gridsize": "patches a group, hence overlap within it and the network's channels",
    "simulate.nphotons": "photon noise, the Poisson likelihood's weight, every intensity scale",
    "simulate.object": "the truth, and every figure measured against it",
    "simulate.probe": "illumination: gain, required amplitude, whether a ceiling is reached",
    "simulate.probe.mask": "energy outside the mask: gain and required amplitude",
    "simulate.scan": "positions: overlap, coverage, canvas",
    "simulate.noise_seed": "the photons drawn; nothing systematic",
    "measured": "the data themselves",
    "split": "which frames train and which test",
    "group": "groups that train and are stitched: coverage, overlap",
    "group_limit": "groups that are stitched: coverage",
    "model.amplitude_head": "range of amplitudes that can be represented",
    "model.log_scale_trainable": "whether log_scale may trade against the amplitude",
    "model.init_seed": "initial weights; nothing systematic",
    "model.precision": "rounding inside the network; nothing systematic",
    "model": "what the network can represent",
    "loss": "what training minimises",
    "loss.amplitude_l2_mae": "whether the MAE sees the amplitude's scale at all",
    "train.seed": "order of the batches; nothing systematic",
    "train": "how far and how steadily training goes",
    "infer": "what is reconstructed, and how groups are joined",
    "reference": "the oracle only",
    "compare": "the metrics only",
    "probe_big": "part of a patch where the object is predicted",
}


def recorded_parameters(run: RunRecord) -> dict[str, Any]:
    """Everything that the run was configured with, by this pipeline's names where it has one."""
    config = run.table("metadata", "config")
    if config:
        return dict(islice(dotted(config), MOST_PARAMETERS))
    parameters = {
        OUR_NAMES[k]: cell_or_none(v)
        for k, v in run.table("metadata").items()
        if k in OUR_NAMES and not isinstance(v, dict | list)
    }
    if (N := run.N) is not None:
        parameters["N"] = N
    batch = run.finite("metadata", "profile", "effective_batch_size") or run.finite(
        "metadata", "cli_args", "batch_size"
    )
    if batch is not None:
        parameters["train.batch_size"] = batch
    gridsize = recorded_gridsize(run)
    if gridsize is not None:
        parameters["gridsize"] = gridsize
    return parameters


def recorded_gridsize(run: RunRecord) -> int | None:
    """Patches a group along one side, from the configuration or from a stage's shape."""
    side = run.first_positive(
        ("metadata", "config", "gridsize"),
        ("grouping", "metadata", "parameters", "gridsize"),
        ("reassembly", "metadata", "parameters", "gridsize"),
        ("scaler", "recorded_params", "gridsize"),
        ("probe", "metadata", "gridsize"),
    )
    if side is None:
        side = next((n for s in run.stages if (n := number_or_none(at_path(s, "metadata", "gridsize")))), None)
    shape = run.series("intensity", "training_container_stats", "shape")
    if side is None and len(shape) == 4 and 0 < shape[3] < 100:
        side = math.sqrt(shape[3])
    return round(side) if side and 0 < side < 100 else None


def dotted(tree: Mapping[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every scalar of a nested table by its dotted name."""
    for key, value in islice(tree.items(), MOST_PARAMETERS):
        name = f"{path}{str(key)[:80]}"
        if isinstance(value, Mapping) and depth < 8:
            yield from dotted(value, f"{name}.", depth + 1)
        elif not isinstance(value, dict | list):
            yield name, cell_or_none(value)


def affected_by(name: str) -> str:
    """What a difference in the parameter ``name`` can move."""
    parts = name[:80].split(".", 4)
    for n in range(len(parts), 0, -1):
        if (words := AFFECTS.get(".".join(parts[:n]))) is not None:
            return words
    return "not known here"


def parameter_differences(a: RunRecord, b: RunRecord) -> list[dict[str, Any]]:
    """The parameters in which two runs differ, or which only one of them records."""
    left, right = recorded_parameters(a), recorded_parameters(b)
    rows = []
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right or not _equal(left[name], right[name]):
            recorded = "both" if name in left and name in right else "a" if name in left else "b"
            rows.append(
                {
                    "name": name,
                    "a": left.get(name),
                    "b": right.get(name),
                    "recorded_in": recorded,
                    "affects": affected_by(name),
                }
            )
    return rows


def _equal(a: Any, b: Any) -> bool:
    x, y = number_or_none(a), number_or_none(b)
    return x == y if x is not None and y is not None else bool(a == b)
