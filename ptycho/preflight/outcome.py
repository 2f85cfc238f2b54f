"""What a preflight leaves: its report and its picture, and the refusal where it is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ptycho.config.experiment import MeasuredConfig
from ptycho.output import artifacts
from ptycho.output.figures import save_figure
from ptycho.preflight.examination import examine
from ptycho.preflight.findings import PreflightReport, refuse
from ptycho.preflight.survey import Survey


def preflight(config: MeasuredConfig, N: int, out: Path | None, forced: bool = False) -> PreflightReport:
    """Examine measured data, write ``preflight.json`` and ``preflight.png`` into ``out``, and refuse what is wrong.

    Raises DataError for the first error, unless ``forced``; the files are written before.
    """
    report, seen = examine(config, N)
    if out is not None:
        write_preflight(out, report, seen)
    if not forced:
        refuse(report)
    return report


def write_preflight(out: Path, report: PreflightReport, seen: Survey) -> None:
    """Write the report and the picture into a folder."""
    artifacts.write_json(out / "preflight.json", report.document())
    picture(out / "preflight.png", report, seen)


def summary(report: PreflightReport, forced: bool) -> dict[str, Any]:
    """What a run's metadata keep: findings above info, and which of them were forced."""
    loud = [o for o in report.observations if o.level != "info"]
    return {
        "findings": [{"name": o.name, "level": o.level, "sentence": o.sentence, "flag": o.flag} for o in loud],
        "forced": [o.name for o in report.errors] if forced else [],
    }


def picture(path: Path, report: PreflightReport, seen: Survey) -> None:
    """Mean frame with its bad pixels, the probe over the scan, and the energy over the frames' numbers."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    bad = seen.bad.any
    left.imshow(np.log10(np.where(bad, np.nan, seen.mean) + seen.mean.max() * 1e-7), cmap="viridis")
    rows, columns = np.nonzero(bad)
    left.plot(columns, rows, "rs", markersize=2)
    left.set_title(f"mean frame (log), {len(rows)} pixels masked in red", fontsize=10)
    left.set_axis_off()
    at = seen.positions
    half = seen.side / 2
    centre = at[seen.subset[len(seen.subset) // 2]] if len(seen.subset) else at[0]
    extent = (centre[0] - half, centre[0] + half, centre[1] + half, centre[1] - half)
    middle.imshow(np.sqrt((np.abs(seen.scan.probe) ** 2).sum(axis=0)), cmap="gray_r", extent=extent)
    middle.plot(at[:, 0], at[:, 1], ".-", markersize=3, linewidth=0.4)
    low, high = np.minimum(at.min(0), centre - half), np.maximum(at.max(0), centre + half)
    middle.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), xlabel="x (px)", ylabel="y (px)", aspect="equal")
    middle.set_title("positions in their order, and the probe at one of them", fontsize=10)
    right.plot(seen.energy, ".", markersize=3)
    right.plot(np.flatnonzero(seen.dark), seen.energy[seen.dark], "rx", label="dark")
    right.set(xlabel="frame", ylabel="sum of the frame", ylim=(0, None))
    right.set_title("energy over the frames", fontsize=10)
    figure.suptitle(f"{report.path}: {'passed' if report.passed else report.errors[0].name}")
    save_figure(path, figure)
