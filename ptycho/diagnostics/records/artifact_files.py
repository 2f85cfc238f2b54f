"""The files of a run's artifacts: which part each holds, and how a file or folder of a stranger is opened safely."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from ptycho.diagnostics.wording import printable
from ptycho.errors import DataError

LARGEST_FILE_BYTES = 4 * 2**20

# Each part of a run, and the file that holds it.
EXPECTED_FILES = {
    "metadata": "run_metadata.json",
    "intensity": "intensity_stats.json",
    "metrics": "comparison_metrics.json",
    "inference": "inference_outputs/stats.json",
    "history": "train_outputs/history.json",
    "summary": "train_outputs/history_summary.json",
}
OPTIONAL_FILES = {
    "error": "error.json",
    "scaling": "prediction_scaling.json",
    "grouping": "grouping_summary.json",
    "reassembly": "reassembly_limits.json",
    "probe": "probe_report.json",
    "weights": "train_outputs/weights.json",
}
# Where an upstream run's metadata keep the same content when the file is missing.
INSIDE_METADATA = {
    "intensity": ("intensity_stats",),
    "metrics": ("comparison", "metrics"),
    "summary": ("training_history",),
}


def load_object(path: Path, within: Path | None = None) -> dict[str, Any]:
    """A JSON object from a file that anyone may have written. Raises DataError with one sentence.

    A link that leads out of ``within`` is refused.
    Bare ``NaN``, as other writers leave it, is read as what it says.
    """
    try:
        value = json.loads(_content(path, within).decode("utf-8-sig"))
    except OSError as error:
        raise DataError(
            f"{path_words(path)} cannot be read ({error.strerror or error}): check its permissions"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path_words(path)} is nested too deeply to be an artifact") from error
    except (UnicodeDecodeError, ValueError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "its bytes"
        raise DataError(f"{path_words(path)} is not JSON ({where}): it is damaged, or another kind of file") from error
    if not isinstance(value, dict):
        raise DataError(f"{path_words(path)} holds a {type(value).__name__}, not an object: it is no artifact of a run")
    return value


def _content(path: Path, within: Path | None) -> bytes:
    """The bytes of a plain file of a sensible size that lies in ``within``."""
    if within is not None and not path.resolve().is_relative_to(within.resolve()):
        raise DataError(f"{path_words(path)} is a link out of its folder: put the file itself there")
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise DataError(f"{path_words(path)} is no plain file: give the file that the run wrote")
    if info.st_size > LARGEST_FILE_BYTES:
        raise DataError(f"{path_words(path)} has {info.st_size / 2**20:.0f} MiB, more than any artifact: it is not one")
    return path.read_bytes()


def path_words(path: Path) -> str:
    """A path as a message can hold it."""
    return printable(str(path))


def kind_at(path: Path) -> str | None:
    """What is at ``path``: "file" (of whatever kind), "folder" or None."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, PermissionError):
            raise DataError(f"{path_words(path)} cannot be read ({error.strerror}): check its permissions") from error
        return None
    except ValueError:  # a NUL in the name
        return None
    return "folder" if stat.S_ISDIR(mode) else "file"


def sorted_entries(folder: Path) -> list[Path]:
    """What a folder holds, by name. Raises DataError with one sentence where it cannot be listed."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{path_words(folder)} cannot be listed ({error.strerror or error}): check its permissions"
        ) from error
