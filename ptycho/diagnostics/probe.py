"""Probe report: amplitude, energy, width; two probes beside one another; a probe that is a spot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ptycho.diagnostics.findings import Analysis, Finding, Table, shown
from ptycho.diagnostics.run import Run, get, number, scalar

SPOT = 16.0  # pixels; fewer than 4 x 4 hold no structure
SAME = 1e-5  # largest difference of amplitudes over the maximum, of two probes made alike
KEYS = ("mean", "max", "min", "std", "l2")


def statistics(report: Any) -> dict[str, Any]:
    """The figures of one probe. ``effective_area``: ``sum|P|**2 / max|P|**2``, pixels that would hold its energy."""
    amplitude = {key: number(get(report, "amplitude", key)) for key in KEYS}
    top, norm = amplitude["max"], amplitude["l2"]
    area = (norm / top) ** 2 if top and norm and 1e-12 < top < 1e12 and 0 < norm < 1e12 else None
    rest = {
        key: number(get(report, key))
        for key in ("normalization_factor", "rms_width_px", "area_above_half_max_px", "mask_energy")
    }
    return {**amplitude, "effective_area_px": area, **rest}


def probes(run: Run) -> dict[str, dict[str, Any]]:
    """Every probe that the run tells of: the model's and the data's, or upstream's two ways of making one."""
    found = {}
    for name in ("probe", "given", "sim_lines", "legacy"):
        if isinstance(get(run.get("probe", name), "amplitude"), Mapping):
            found[name] = statistics(run.get("probe", name))
    return found


def analyze(run: Run) -> Analysis | None:
    """The probe report of one run or report."""
    found = probes(run)
    if not found:
        return None
    keys = next(iter(found.values()))
    compared = {
        "max_abs_delta": run.finite("probe", "comparison", "max_abs_delta"),
        "l2_delta": run.finite("probe", "comparison", "l2_delta"),
        "ratio_mean": run.finite("probe", "comparison", "amp_ratio", "mean"),
        "overlap": run.finite("probe", "comparison", "overlap"),
    }
    told = run.table("probe", "metadata")
    about = {
        key: scalar(told.get(key))
        for key in ("probe_mode", "probe_scale", "probe_mask", "scenario")
        if not isinstance(told.get(key), dict | list)
    }
    tables = [Table("Probes", ("", *found), tuple((key, *(f[key] for f in found.values())) for key in keys))]
    if any(v is not None for v in compared.values()):
        tables.append(Table("Compared", ("Property", "Value"), tuple(compared.items())))
    figures = {"probes": found, "comparison": compared, "about": about}
    return Analysis("probe_report", "Probe report", figures, tuple(tables), (), tuple(findings(found)))


def findings(found: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """A probe too narrow to be meant."""
    for name, f in found.items():
        areas = [
            a
            for key in ("effective_area_px", "area_above_half_max_px")
            if (a := f[key]) is not None and math.isfinite(a)
        ]
        if areas and min(areas) < SPOT:
            width = f["rms_width_px"]
            return [
                Finding(
                    "narrow_probe",
                    "fault",
                    f"The probe is a spot: {min(areas):.1f} pixels hold its energy at full amplitude ({name}).",
                    (f"maximum {shown(f['max'])} at a mean of {shown(f['mean'])}, L2 {shown(f['l2'])}",)
                    + ((f"rms width {width:.2f} px",) if width is not None else ()),
                    "Check the probe's width: a default slipped. Nothing measured with it tells of the object.",
                    4.0,
                )
            ]
    return []


def alike(a: Run, b: Run) -> list[dict[str, Any]]:
    """The figures of two runs' probes side by side."""
    left, right = (next(iter(probes(r).values()), {}) for r in (a, b))
    found = []
    for key in left.keys() | right.keys():
        x, y = left.get(key), right.get(key)
        if x is not None or y is not None:
            found.append({"name": key, "a": x, "b": y, "ratio": y / x if x and y is not None else None})
    return sorted(found, key=lambda row: str(row["name"]))
