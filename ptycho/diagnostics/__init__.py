"""Diagnostics: what is wrong with a run, said from its artifacts alone, and what explains its amplitudes.

``diagnose(read(folder))`` works on a folder of ``ptycho run``, on one of the upstream project, and on single
reports; files may be missing. Nothing here trains, and nothing imports a backend.
"""

from ptycho.diagnostics.compare import compare, contrast
from ptycho.diagnostics.diagnosis import analyze, diagnose
from ptycho.diagnostics.findings import Analysis, Finding, Table, markdown
from ptycho.diagnostics.run import Run, read

__all__ = ["Analysis", "Finding", "Run", "Table", "analyze", "compare", "contrast", "diagnose", "markdown", "read"]
