"""Single reports, each recognised by what only it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptycho.diagnostics.records.artifact_files import INSIDE_METADATA, load_object, path_words
from ptycho.diagnostics.records.json_values import at_path
from ptycho.diagnostics.records.run_folders import run_name
from ptycho.diagnostics.records.run_record import RunRecord
from ptycho.errors import DataError


def _subsets(value: dict[str, Any]) -> list[Any]:
    subsets = value.get("subsets")
    return [s for s in subsets.values() if isinstance(s, dict)] if isinstance(subsets, dict) else []


# In this order: what comes first may also hold what a later one is recognised by.
REPORTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "reassembly": lambda v: any(isinstance(at_path(s, "canvas"), dict) for s in _subsets(v)),
    "grouping": lambda v: bool(_subsets(v)),
    "probe": lambda v: (
        isinstance(at_path(v, "sim_lines", "amplitude"), dict) or isinstance(at_path(v, "probe", "amplitude"), dict)
    ),
    "scaler": lambda v: "exp_log_scale" in v and "log_scale" in v,
    "parameters": lambda v: isinstance(v.get("dose_experiments"), dict) and isinstance(v.get("scenarios"), dict),
    "metadata": lambda v: "scenario" in v and ("config" in v or "intensity_stats" in v or "sim_seed" in v),
    "intensity": lambda v: "normalize_gain" in v or "stage_means" in v,
    "metrics": lambda v: isinstance(at_path(v, "amplitude", "bias_summary"), dict),
    "summary": lambda v: "nan_overview" in v,
    "history": lambda v: "epochs" in v and isinstance(v.get("metrics"), dict),
    "inference": lambda v: "padded_size" in v and "required_canvas" in v,
}


def read_report_file(path: Path) -> RunRecord:
    """The report in a file. Raises DataError for one that is not known here."""
    run = recognise_report(path)
    if run is None:
        raise DataError(
            f"{path_words(path)} is JSON, but no report that is known here: {', '.join(sorted(REPORTS))} are"
        )
    return run


def recognise_report(path: Path, within: Path | None = None) -> RunRecord | None:
    """The report in a file, or None where it is another kind of JSON; see ``load_object`` for ``within``."""
    value = load_object(path, within)
    kind = next((name for name, holds in REPORTS.items() if holds(value)), None)
    if kind is None:
        return None
    parts = {kind: value}
    if kind == "metadata":
        parts |= {n: v for n, where in INSIDE_METADATA.items() if isinstance(v := at_path(value, *where), dict)}
    return RunRecord(run_name(path.stem), "report", parts)
