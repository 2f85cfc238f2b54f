"""What tests read of a diagnosis, and runs that are changed at one place."""

from __future__ import annotations

import copy

from ptycho.diagnostics import RunRecord

RUNS = ("dose_legacy_gs2", "gs2_base", "gs2_ne60")
REPORTS = (
    "comparison_diff",
    "grouping_dose_experiments_legacy",
    "grouping_gs2_custom_default",
    "grouping_gs2_custom_neighbor1",
    "intensity_scaler_gs2_ideal",
    "loss_config_diff",
    "probe_stats_gs1_custom",
    "probe_stats_gs1_ideal",
    "reassembly_gs1_custom",
    "reassembly_gs2_custom",
)


def figures(diagnosis, name):
    return next(a["figures"] for a in diagnosis["analyses"] if a["name"] == name)


def causes(diagnosis):
    return [f["cause"] for f in diagnosis["findings"]]


def status(diagnosis, name):
    return next(h["status"] for h in diagnosis["hypotheses"] if h["id"] == name)


def evidence(diagnosis, name):
    return next(h["evidence"] for h in diagnosis["hypotheses"] if h["id"] == name)


def changed(run: RunRecord, part: str, *path: str, to) -> RunRecord:
    """A copy of ``run`` with another value at ``path`` of one part."""
    parts = copy.deepcopy(dict(run.parts))
    place = parts[part]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return RunRecord(run.name, run.layout, parts, run.missing, run.beside)
