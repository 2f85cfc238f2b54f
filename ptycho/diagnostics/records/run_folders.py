"""The folder of one run, of ``ptycho run`` or of the upstream project, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptycho.diagnostics.records.artifact_files import (
    EXPECTED_FILES,
    INSIDE_METADATA,
    OPTIONAL_FILES,
    kind_at,
    load_object,
)
from ptycho.diagnostics.records.json_values import at_path
from ptycho.diagnostics.records.run_record import RunRecord
from ptycho.diagnostics.wording import printable


def is_run_folder(folder: Path) -> bool:
    """Whether any artifact of a run lies in ``folder``."""
    return any(kind_at(folder / file) is not None for file in (*EXPECTED_FILES.values(), *OPTIONAL_FILES.values()))


def read_run_folder(folder: Path) -> RunRecord:
    """The run in ``folder``, without its neighbours."""
    parts = read_parts(folder, EXPECTED_FILES | OPTIONAL_FILES)
    missing = []
    for name, file in EXPECTED_FILES.items():
        if name in parts:
            continue
        inside = at_path(parts.get("metadata"), *INSIDE_METADATA[name]) if name in INSIDE_METADATA else None
        if isinstance(inside, dict) and inside:
            parts[name] = inside
            missing.append(f"{file} is missing; run_metadata.json holds what it would say")
        else:
            missing.append(f"{file} is missing")
    layout = "ptycho" if isinstance(at_path(parts, "metadata", "config"), dict) else "upstream"
    return RunRecord(run_name(folder.resolve().name), layout, parts, tuple(missing))


def read_parts(folder: Path, files: Mapping[str, str]) -> dict[str, Any]:
    """The parts that ``files`` names, as far as their files are there."""
    return {
        name: load_object(folder / file, folder) for name, file in files.items() if kind_at(folder / file) is not None
    }


def run_name(words: str) -> str:
    """A run's name: printable, and fit to name a file."""
    return printable(words)[:80].strip(" .") or "run"
