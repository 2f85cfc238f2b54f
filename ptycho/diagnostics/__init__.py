"""Diagnostics: what is wrong with a run, said from its artifacts alone, and what explains its amplitudes.

``diagnose(read_runs(folder))`` works on a folder of ``ptycho run``, on one of the original PtychoPINN project
(docs/explanation/history.md), and on single reports; files may be missing. Nothing here trains, and nothing
imports a backend.
"""

from ptycho.diagnostics.comparison import compare_runs, contrast
from ptycho.diagnostics.diagnosis import analyze, diagnose, diagnose_run
from ptycho.diagnostics.findings import Analysis, Finding, Table
from ptycho.diagnostics.records import RunRecord, read_runs
from ptycho.diagnostics.stage_parity import normalization_parity
from ptycho.diagnostics.wording import analysis_markdown, figure_words

__all__ = [
    "Analysis",
    "Finding",
    "RunRecord",
    "Table",
    "analysis_markdown",
    "analyze",
    "compare_runs",
    "contrast",
    "diagnose",
    "diagnose_run",
    "figure_words",
    "normalization_parity",
    "read_runs",
]
