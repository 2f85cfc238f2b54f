"""Grouping summary and reassembly limits: what was grouped, where it lies, and what fits the canvas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ptycho.diagnostics.findings import Analysis, Finding, Table, percent, shown
from ptycho.diagnostics.run import Run, finite, get, number

ROOMY = 1.2  # a canvas larger by this than centred offsets need was not centred
SPARSE = 0.2  # overlap of neighbouring patches below which a group constrains little
CLIPPED = 1e-3


def subsets(run: Run, part: str) -> dict[str, dict[str, Any]]:
    """The report's subsets (train, test or infer) by name."""
    return {k[:40]: v for k, v in list(run.table(part, "subsets").items())[:10] if isinstance(v, dict)}


def grouping(subset: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one subset's groups."""
    axes = get(subset, "coords_offsets", "axis_stats")
    shape = get(subset, "nn_indices_shape")
    each = number(shape[1]) if isinstance(shape, list) and len(shape) == 2 else number(subset.get("members_each"))
    error = subset.get("error")
    return {
        "status": "error" if subset.get("status") == "error" or isinstance(error, str) else "ok",
        "error": " ".join(error.split())[:300] if isinstance(error, str) else None,
        "points": number(subset.get("point_count")),
        "requested": number(subset.get("requested_groups")),
        "achieved": number(subset.get("actual_groups")),
        "members_each": each,
        "axes": [{k: number(get(a, k)) for k in ("min", "max", "mean", "std")} for a in axes[:2]]
        if isinstance(axes, list)
        else [],
        "reach": _reach(get(subset, "coords_relative")),
        "neighbour_distance": {k: number(get(subset, "neighbour_distance", k)) for k in ("mean", "min", "max")},
        "overlap_fraction": number(subset.get("overlap_fraction")),
        "reuse": {k: number(get(subset, "reuse", k)) for k in ("mean", "max", "unused")},
    }


def _reach(relative: Any) -> float | None:
    low, high = number(get(relative, "min")), number(get(relative, "max"))
    return max(abs(low), abs(high)) if low is not None and high is not None else None


def centred(axes: list[dict[str, Any]]) -> float | None:
    """The largest distance of an offset from the mean, along either axis."""
    reach = []
    for axis in axes:
        low, high, mean = (number(get(axis, key)) for key in ("min", "max", "mean"))
        if low is None or high is None or mean is None or not all(map(math.isfinite, (low, high, mean))):
            return None
        reach.append(max(high - mean, mean - low))
    return max(reach) if reach else None


def canvas(side: float, reach: float) -> int | None:
    """``ceil(N + 2 max|offset|)``: the canvas that holds every patch; None beyond any memory."""
    needed = side + 2 * reach
    return math.ceil(needed) if math.isfinite(needed) and 0 <= needed < 1e7 else None


def reassembly(run: Run, subset: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one subset's canvas."""
    axes = get(subset, "offsets", "combined", "axis_stats")
    reach = centred(axes[:2]) if isinstance(axes, list) else None
    largest = number(get(subset, "canvas", "max_combined_abs_offset"))
    side = window(run)
    needed, given = finite(get(subset, "canvas", "required_canvas")), number(get(subset, "canvas", "padded_size"))
    fits = get(subset, "canvas", "fits_canvas")
    return {
        "window_px": side,
        "max_offset": largest,
        "max_offset_centred": reach,
        "required_canvas": needed,
        "required_canvas_centred": canvas(side, reach) if side and reach is not None else None,
        "given_canvas": given,
        "legacy_padded_size": number(get(subset, "canvas", "legacy_padded_size")),
        "fits_canvas": fits if isinstance(fits, bool) else None,
        "loss_fraction": finite(get(subset, "reassembly", "loss_fraction")),
        "loss_fraction_legacy": number(get(subset, "reassembly", "loss_fraction_legacy")),
    }


def placed(run: Run) -> dict[str, Any]:
    """Where the stitched reconstruction lies, from the run's own inference statistics."""
    given, needed = run.positive("inference", "padded_size"), run.positive("inference", "required_canvas")
    return {
        "padded_size": given,
        "required_canvas": needed,
        "fits_canvas": run.flag("inference", "fits_canvas"),
        "max_offset": run.positive("inference", "offsets", "max_abs"),
        "declared_centred": run.flag("inference", "offsets", "centred"),
        "object_size": object_size(run),
    }


def window(run: Run) -> float | None:
    """Side of what is placed of a patch, px: its central half, or all of it."""
    if (told := run.positive("reassembly", "window_px")) is not None:
        return told
    half = run.words("metadata", "config", "model", "window") == "half"
    return run.N / 2 if run.N and half else run.N


def object_size(run: Run) -> float | None:
    """Side of the simulated object, which every scan position lies in."""
    return run.positive("metadata", "config", "simulate", "object", "size") or run.positive(
        "metadata", "crop_metadata", "target_size"
    )


def analyze_grouping(run: Run) -> Analysis | None:
    """The grouping summary of one run or report."""
    found = {name: grouping(s) for name, s in subsets(run, "grouping").items()}
    if not found:
        return None
    columns = ("", *found)
    rows: list[tuple[Any, ...]] = [
        (key, *(f[key] for f in found.values()))
        for key in ("status", "points", "requested", "achieved", "members_each", "reach", "overlap_fraction")
    ]
    for which in ("neighbour_distance", "reuse"):
        keys = next(iter(found.values()))[which]
        rows += [(f"{which} {key}", *(f[which][key] for f in found.values())) for key in keys]
    axes = [
        (name, "xy"[i], a["min"], a["max"], a["mean"], a["std"])
        for name, f in found.items()
        for i, a in enumerate(f["axes"])
    ]
    tables = (
        Table("Groups", columns, tuple(rows)),
        Table("Offsets of the groups, px", ("Subset", "Axis", "Min", "Max", "Mean", "Std"), tuple(axes)),
    )
    notes = tuple(f"{name}: {f['error']}" for name, f in found.items() if f["error"])
    findings = []
    for name, f in found.items():
        if f["error"]:
            findings.append(_failed(name, f["error"]))
        elif f["requested"] and f["achieved"] is not None and f["achieved"] < f["requested"]:
            findings.append(
                Finding(
                    "fewer_groups",
                    "warning",
                    f"Only {f['achieved']:.0f} of {f['requested']:.0f} groups were made of {name}.",
                    (f"{shown(f['points'])} frames",),
                    "Give more frames, or allow oversampling.",
                    0.4,
                )
            )
        if (
            f["overlap_fraction"] is not None
            and f["members_each"]
            and f["members_each"] > 1
            and f["overlap_fraction"] < SPARSE
        ):
            findings.append(
                Finding(
                    "little_overlap",
                    "warning",
                    f"The patches of a group share {percent(f['overlap_fraction'], 1)} of their area ({name}).",
                    (),
                    "Group nearer frames, or scan more densely: groups constrain one another by overlap.",
                    0.5,
                )
            )
    return Analysis(
        "grouping_summary",
        "Grouping summary",
        {"subsets": found},
        tuple(t for t in tables if t.rows),
        notes,
        tuple(findings),
    )


def _failed(name: str, error: str) -> Finding:
    words = error.lower()
    if "points" in words and "requested" in words:
        cause, remedy = (
            "too_few_points",
            "A group of gridsize**2 needs at least as many frames in each split: simulate more, or lower gridsize.",
        )
    elif "k=" in words or "neighbor" in words:
        cause, remedy = (
            "too_few_neighbors",
            "Raise the number of neighbours: to gridsize**2 there, to one less here, where a group counts its seed.",
        )
    else:
        cause, remedy = "grouping_failed", "Check frames, neighbours and gridsize."
    return Finding(cause, "fault", f"No groups could be made of {name}: {error.rstrip('.')}.", (), remedy, 8.0)


def analyze_reassembly(run: Run) -> Analysis | None:
    """The reassembly limits of one run or report."""
    found = {
        name: reassembly(run, s) for name, s in subsets(run, "reassembly").items() if isinstance(s.get("canvas"), dict)
    }
    where = placed(run)
    if not found and where["padded_size"] is None:
        return None
    tables = []
    if found:
        keys = next(iter(found.values()))
        tables.append(
            Table("Canvas, px", ("", *found), tuple((key, *(f[key] for f in found.values())) for key in keys))
        )
    if where["padded_size"] is not None:
        tables.append(Table("Stitched reconstruction, px", ("Property", "Value"), tuple(where.items())))
    return Analysis(
        "reassembly_limits",
        "Reassembly limits",
        {"subsets": found, "stitched": where},
        tuple(tables),
        (),
        tuple(findings(run, found, where)),
    )


def findings(run: Run, found: Mapping[str, Mapping[str, Any]], where: Mapping[str, Any]) -> list[Finding]:
    """Offsets that were never centred, and patches that fall off the canvas."""
    told = []
    for name, f in found.items():
        needed, least = f["required_canvas"], f["required_canvas_centred"]
        if needed and least and needed > ROOMY * least:
            told.append(
                _uncentred(
                    f"canvas of {needed:.0f} px, where {least} px would do",
                    (
                        f"{name}: offsets reach {shown(f['max_offset'])} px, "
                        f"{shown(f['max_offset_centred'])} px from their mean",
                    ),
                    needed / least,
                )
            )
            break
    if not told and (finding := _too_large(run, where)) is not None:
        told.append(finding)
    lost = {
        n: f["loss_fraction"]
        for n, f in found.items()
        if f["loss_fraction"] is not None and f["loss_fraction"] > CLIPPED
    }
    small = [n for n, f in found.items() if f["fits_canvas"] is False]
    if where["fits_canvas"] is False:
        small.append("the stitched reconstruction")
    if lost or small:
        told.append(
            Finding(
                "clipped",
                "fault",
                f"Patches fall off the canvas: {', '.join(dict.fromkeys([*small, *lost]))}.",
                tuple(f"{n}: {percent(v)} of the energy is lost" for n, v in lost.items())
                + tuple(
                    f"{n}: {shown(f['required_canvas'])} px needed, {shown(f['given_canvas'])} px given"
                    for n, f in found.items()
                    if f["fits_canvas"] is False
                ),
                "Centre the offsets, and size the canvas as N + 2 max|offset|.",
                0.3 if told else 0.5 + max(lost.values(), default=0.0),  # what follows from the cause comes after it
            )
        )
    return told


def _too_large(run: Run, where: Mapping[str, Any]) -> Finding | None:
    """Absolute positions, told by what no centred offset can be: beyond half the object, or beyond its own canvas."""
    size, largest, needed, side = where["object_size"], where["max_offset"], where["required_canvas"], window(run)
    if size and largest and largest > ROOMY * size / 2:
        said = (
            f"offsets reach {largest:.1f} px; about the middle of a {size:.0f} px object none exceeds {size / 2:.0f} px"
        )
        return _uncentred(f"canvas of {shown(needed)} px", (said,), 2 * largest / size)
    if needed and largest and side and needed > ROOMY * (side + 2 * largest + 2):
        least = side + 2 * math.ceil(largest)
        said = f"offsets reach {largest:.1f} px from their mean, patches are {side:.0f} px wide"
        return _uncentred(f"canvas of {needed:.0f} px, where {least:.0f} px would do", (said,), needed / least)
    return None


def _uncentred(needs: str, evidence: tuple[str, ...], ratio: float) -> Finding:
    return Finding(
        "offsets_not_centred",
        "fault",
        f"The offsets were never centred: they are absolute positions and ask for a {needs}.",
        (*evidence, f"{ratio:.2f} times the side, {ratio**2:.1f} times the memory"),
        "Subtract the mean position before placing patches.",
        0.4,  # it costs memory, and changes no amplitude
    )
