"""What is left of a run, read without trust, whoever wrote it: parts by name, and a number or None at every path."""

from ptycho.diagnostics.records.json_values import at_path, cell_or_none, finite_or_none, number_or_none
from ptycho.diagnostics.records.reading import read_runs
from ptycho.diagnostics.records.run_record import RunRecord

__all__ = ["RunRecord", "at_path", "cell_or_none", "finite_or_none", "number_or_none", "read_runs"]
