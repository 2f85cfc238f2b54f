"""The runs at a path, whichever of the layouts is there.

Three layouts meet here: a folder of ``ptycho run``, a folder of the upstream project
(docs/explanation/history.md), and single reports of either. Files may be missing; a run says which,
and every figure that is asked for is a number or None. A file that is there but cannot be read is an
error: it may hold what was looked for.
"""

from __future__ import annotations

from pathlib import Path

from ptycho.diagnostics.records.artifact_files import (
    EXPECTED_FILES,
    OPTIONAL_FILES,
    kind_at,
    path_words,
    sorted_entries,
)
from ptycho.diagnostics.records.run_folders import is_run_folder, read_run_folder
from ptycho.diagnostics.records.run_record import RunRecord
from ptycho.diagnostics.records.same_scan import neighbours, scan_key, with_same_scan
from ptycho.diagnostics.records.single_reports import read_report_file, recognise_report
from ptycho.errors import DataError

MOST_RUNS = 200  # that one folder may hold


def read_runs(path: Path) -> list[RunRecord]:
    """The runs at ``path``: a run's folder, a folder of such, or one report. Raises DataError with one sentence."""
    kind = kind_at(path)
    if kind == "file":
        return [read_report_file(path)]
    if kind != "folder":
        raise DataError(
            f"{path_words(path)} is neither a folder nor a file: give the folder of a run, or one of its reports"
        )
    if is_run_folder(path):
        run = read_run_folder(path)
        return [with_same_scan(run, neighbours(path, scan_key(run)))]
    return _inside(path)


def _inside(path: Path) -> list[RunRecord]:
    """The runs and the reports that lie in a folder that is itself no run's."""
    entries = sorted_entries(path)
    folders = [p for p in entries if kind_at(p) == "folder" and is_run_folder(p)]
    files = [p for p in entries if p.suffix == ".json" and kind_at(p) == "file"]
    if len(folders) + len(files) > MOST_RUNS:
        raise DataError(
            f"{path_words(path)} holds {len(folders) + len(files)} runs and reports: name {MOST_RUNS} at most"
        )
    runs = [read_run_folder(p) for p in folders]
    reports = [report for p in files if (report := recognise_report(p, path))]
    if runs or reports:
        return [*(with_same_scan(run, (other for other in runs if other is not run)) for run in runs), *reports]
    known = ", ".join((*EXPECTED_FILES.values(), *OPTIONAL_FILES.values()))
    raise DataError(f"{path_words(path)} holds no artifact of a run: give a folder with some of {known}, or one report")
