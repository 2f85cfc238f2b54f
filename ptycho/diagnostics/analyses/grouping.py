"""Grouping summary: how many groups were formed of how many frames, and how far the patches of a group overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table, filled
from ptycho.diagnostics.records import RunRecord, at_path, number_or_none
from ptycho.diagnostics.wording import figure_words, percent

SPARSE = 0.2  # overlap of neighbouring patches below which a group constrains little


@dataclass(frozen=True)
class SubsetGroups:
    """The groups of one subset (train, test or infer)."""

    name: str
    figures: Mapping[str, Any]

    @property
    def failure(self) -> str | None:
        """The cause that the error's words name, or None where there was no error."""
        if not self.figures["error"]:
            return None
        words = self.figures["error"].lower()
        if "points" in words and "requested" in words:
            return "too_few_points"
        return "too_few_neighbors" if "k=" in words or "neighbor" in words else "grouping_failed"

    @property
    def fell_short(self) -> bool:
        """Whether there are fewer groups than were asked for."""
        requested, achieved = self.figures["requested"], self.figures["achieved"]
        return bool(requested) and achieved is not None and achieved < requested

    @property
    def sparse(self) -> bool:
        """Whether the patches of a group, where it has several, share too little."""
        overlap, members = self.figures["overlap_fraction"], self.figures["members_each"]
        return overlap is not None and bool(members) and members > 1 and overlap < SPARSE


def group_figures(subset: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one subset's groups."""
    axes = at_path(subset, "coords_offsets", "axis_stats")
    shape = at_path(subset, "nn_indices_shape")
    members = shape[1] if isinstance(shape, list) and len(shape) == 2 else subset.get("members_each")
    error = subset.get("error")
    return {
        "status": "error" if subset.get("status") == "error" or isinstance(error, str) else "ok",
        "error": " ".join(error.split())[:300] if isinstance(error, str) else None,
        "points": number_or_none(subset.get("point_count")),
        "requested": number_or_none(subset.get("requested_groups")),
        "achieved": number_or_none(subset.get("actual_groups")),
        "members_each": number_or_none(members),
        "axes": [{k: number_or_none(at_path(a, k)) for k in ("min", "max", "mean", "std")} for a in axes[:2]]
        if isinstance(axes, list)
        else [],
        "reach": _reach(at_path(subset, "coords_relative")),
        "neighbour_distance": {
            k: number_or_none(at_path(subset, "neighbour_distance", k)) for k in ("mean", "min", "max")
        },
        "overlap_fraction": number_or_none(subset.get("overlap_fraction")),
        "reuse": {k: number_or_none(at_path(subset, "reuse", k)) for k in ("mean", "max", "unused")},
    }


def _reach(relative: Any) -> float | None:
    low, high = number_or_none(at_path(relative, "min")), number_or_none(at_path(relative, "max"))
    return max(abs(low), abs(high)) if low is not None and high is not None else None


def analyze_grouping(run: RunRecord) -> Analysis | None:
    """The grouping summary of one run or report."""
    subsets = {name: group_figures(subset) for name, subset in run.subsets("grouping").items()}
    if not subsets:
        return None
    findings = [f for name, figures in subsets.items() for f in evaluate(GROUPING_CHECKS, SubsetGroups(name, figures))]
    return Analysis(
        "grouping_summary",
        "Grouping summary",
        {"subsets": subsets},
        filled(_tables(subsets)),
        tuple(f"{name}: {figures['error']}" for name, figures in subsets.items() if figures["error"]),
        tuple(findings),
    )


def _tables(subsets: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    rows: list[tuple[Any, ...]] = [
        (key, *(f[key] for f in subsets.values()))
        for key in ("status", "points", "requested", "achieved", "members_each", "reach", "overlap_fraction")
    ]
    for which in ("neighbour_distance", "reuse"):
        keys = next(iter(subsets.values()))[which]
        rows += [(f"{which} {key}", *(f[which][key] for f in subsets.values())) for key in keys]
    axes = [
        (name, "xy"[i], a["min"], a["max"], a["mean"], a["std"])
        for name, f in subsets.items()
        for i, a in enumerate(f["axes"])
    ]
    return [
        Table("Groups", ("", *subsets), tuple(rows)),
        Table("Offsets of the groups, px", ("Subset", "Axis", "Min", "Max", "Mean", "Std"), tuple(axes)),
    ]


def _failed(cause: str, remedy: str) -> CauseCheck[SubsetGroups]:
    """The check for one kind of error of a grouping."""
    return CauseCheck(
        cause=cause,
        level="fault",
        when=lambda subset: subset.failure == cause,
        statement=lambda subset: f"No groups could be made of {subset.name}: {subset.figures['error'].rstrip('.')}.",
        remedy=remedy,
        weight=8.0,
    )


GROUPING_CHECKS: tuple[CauseCheck[SubsetGroups], ...] = (
    _failed(
        "too_few_points",
        "A group of gridsize**2 needs at least as many frames in each split: simulate more, or lower gridsize.",
    ),
    _failed(
        "too_few_neighbors",
        "Raise the number of neighbours: to gridsize**2 there, to one less here, where a group counts its seed.",
    ),
    _failed("grouping_failed", "Check frames, neighbours and gridsize."),
    CauseCheck(
        cause="fewer_groups",
        level="warning",
        when=lambda subset: subset.fell_short and not subset.failure,
        statement=lambda subset: (
            f"Only {subset.figures['achieved']:.0f} of {subset.figures['requested']:.0f} groups "
            f"were made of {subset.name}."
        ),
        evidence=lambda subset: (f"{figure_words(subset.figures['points'])} frames",),
        remedy="Give more frames, or allow oversampling.",
        weight=0.4,
    ),
    CauseCheck(
        cause="little_overlap",
        level="warning",
        when=lambda subset: subset.sparse,
        statement=lambda subset: (
            f"The patches of a group share {percent(subset.figures['overlap_fraction'], 1)} "
            f"of their area ({subset.name})."
        ),
        remedy="Group nearer frames, or scan more densely: groups constrain one another by overlap.",
        weight=0.5,
    ),
)
