"""Runs of the same scan: their canvases cover the same pixels, so that one can say what another did not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ptycho.diagnostics.records.artifact_files import EXPECTED_FILES, sorted_entries
from ptycho.diagnostics.records.run_folders import read_parts, read_run_folder
from ptycho.diagnostics.records.run_record import RunRecord
from ptycho.errors import DataError

MOST_NEIGHBOURS = 200  # that are looked at
DECIDING_KEYS = (
    *("scenario", "sim_seed", "object_seed"),
    *("total_images", "split_fraction", "group_limit", "neighbor_count"),
)


def scan_key(run: RunRecord) -> tuple[Any, ...] | None:
    """What decides which pixels a run covers, to the last digit of its offsets; None where it is not recorded."""
    offsets = run.series("inference", "offsets", "axis_max_abs")
    recorded = tuple(run.get("metadata", key) for key in DECIDING_KEYS)
    if len(offsets) != 2 or None in recorded or any(isinstance(v, dict | list) for v in recorded):
        return None
    return (*recorded, *offsets, run.finite("inference", "padded_size"))


def with_same_scan(run: RunRecord, others: Iterable[RunRecord]) -> RunRecord:
    """``run`` with those of the others beside it that scanned the same positions."""
    own_key = scan_key(run)
    if run.layout == "ptycho" or own_key is None:
        return run
    return replace(run, beside=tuple(other for other in others if scan_key(other) == own_key))


def neighbours(folder: Path, wanted: tuple[Any, ...] | None) -> Iterator[RunRecord]:
    """Runs in the same parent whose scan is ``wanted``; only what decides that is read of the others."""
    here = folder.resolve()
    deciding = {name: EXPECTED_FILES[name] for name in ("inference", "metadata")}
    near = (p for p in sorted_entries(here.parent) if p != here and not p.is_symlink() and p.is_dir())
    complete = (p for p in near if all((p / file).exists() for file in deciding.values()))
    for other in islice(complete, MOST_NEIGHBOURS):
        try:
            if scan_key(RunRecord("", "upstream", read_parts(other, deciding))) == wanted:
                yield read_run_folder(other)
        except DataError:
            continue  # a neighbour's damage is not this run's
