"""What is left of a run: its artifacts, read without trust, whoever wrote them.

Three layouts meet here: a folder of ``ptycho run``, a folder of the upstream project, and single
reports of either. Files may be missing; a run says which, and every figure that is asked for is a
number or None. A file that is there but cannot be read is an error: it may hold what was looked for.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ptycho.diagnostics.findings import printable
from ptycho.errors import DataError

LARGEST = 4 * 2**20  # bytes of one file
MOST = 200  # runs of a folder, and neighbours of a run, that are looked at
FARTHEST = 1e30  # no figure of an experiment is beyond it, or below its inverse; products of a few stay finite

# Part of a run, and the file that holds it.
FILES = {
    "metadata": "run_metadata.json",
    "intensity": "intensity_stats.json",
    "metrics": "comparison_metrics.json",
    "inference": "inference_outputs/stats.json",
    "history": "train_outputs/history.json",
    "summary": "train_outputs/history_summary.json",
}
OPTIONAL = {
    "error": "error.json",
    "scaling": "prediction_scaling.json",
    "grouping": "grouping_summary.json",
    "reassembly": "reassembly_limits.json",
    "probe": "probe_report.json",
    "weights": "train_outputs/weights.json",
}
# Where upstream keeps the same content when the file is missing.
ELSEWHERE = {
    "intensity": ("intensity_stats",),
    "metrics": ("comparison", "metrics"),
    "summary": ("training_history",),
}
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Run:
    """A run by its parts; ``layout`` is "ptycho", "upstream" or "report" (of a single file).

    ``missing``: sentences about files that were looked for. ``beside``: other runs of the same scan.
    """

    name: str
    layout: str
    parts: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    beside: tuple[Run, ...] = field(default=(), compare=False)

    def get(self, *path: str) -> Any:
        """Whatever stands at ``path``, or None."""
        return get(self.parts, *path)

    def number(self, *path: str) -> float | None:
        """The number at ``path``, NaN and infinities included; None where there is none."""
        return number(self.get(*path))

    def finite(self, *path: str) -> float | None:
        """The finite number at ``path``, or None; one beyond ``FARTHEST`` is none."""
        return finite(self.get(*path))

    def positive(self, *path: str) -> float | None:
        """The finite number above zero at ``path``, or None; one below ``1 / FARTHEST`` is none."""
        value = self.finite(*path)
        return value if value is not None and value > 1 / FARTHEST else None

    def flag(self, *path: str) -> bool | None:
        """The truth value at ``path``, or None."""
        value = self.get(*path)
        return value if isinstance(value, bool) else None

    def words(self, *path: str) -> str | None:
        """The text at ``path``, or None."""
        value = self.get(*path)
        return " ".join(value.split())[:200] if isinstance(value, str) else None

    def table(self, *path: str) -> dict[str, Any]:
        """The mapping at ``path``, or an empty one."""
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def series(self, *path: str) -> list[float]:
        """The numbers of the list at ``path``; what is no number there is left out."""
        value = self.get(*path)
        return [n for n in map(number, value) if n is not None] if isinstance(value, list) else []

    @property
    def N(self) -> int | None:  # noqa: N802 (the field's symbol)
        """Patch side in pixels."""
        places = (
            ("metadata", "config", "N"),
            ("intensity", "dataset_scale_info", "N"),
            ("scaler", "recorded_params", "N"),
            ("grouping", "metadata", "parameters", "N"),
            ("reassembly", "metadata", "parameters", "N"),
        )
        found = next((n for place in places if (n := self.positive(*place))), None)
        if found is None:  # (images, N, N), (groups, N, N, C) or (groups, C, N, N)
            shapes = [get(s, "stats", "shape") for s in self.stages]
            sides = (number(shape[2]) for shape in shapes if isinstance(shape, list) and len(shape) > 2)
            found = next((n for n in sides if n is not None), None)
        return int(found) if found and 1 <= found < 1e6 else None

    @property
    def nphotons(self) -> float | None:
        """Mean photons an image."""
        places = (
            ("metadata", "scales", "nphotons"),
            ("intensity", "dataset_scale_info", "nphotons"),
            ("metadata", "nphotons"),
            ("scaler", "recorded_params", "nphotons"),
        )
        return next((n for place in places if (n := self.positive(*place))), None)

    @property
    def stages(self) -> list[dict[str, Any]]:
        """The seeds' four stages of the reconstructed frames, as far as they are recorded."""
        value = self.get("intensity", "stages")
        found = [s for s in value if isinstance(s, dict)] if isinstance(value, list) else []
        return [s for s in found if get(s, "metadata", "split") in (None, "test")]


def get(tree: Any, *path: str) -> Any:
    """Whatever stands at ``path`` of nested mappings, or None."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def number(value: Any) -> float | None:
    """``value`` as a float, the names of what is not finite included; None for anything else."""
    if isinstance(value, str):
        return NON_FINITE.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def finite(value: Any) -> float | None:
    """``value`` as a finite float, or None; one beyond ``FARTHEST`` is none."""
    found = number(value)
    return found if found is not None and abs(found) < FARTHEST else None


def scalar(value: Any) -> Any:
    """``value`` where it fits in a cell, text cut to a line; None for what is nested."""
    if isinstance(value, str):
        return " ".join(value[:1000].split())[:200]
    return None if isinstance(value, dict | list) else value


def read(path: Path) -> list[Run]:
    """The runs at ``path``: a run's folder, a folder of such, or one report. Raises DataError with one sentence."""
    kind = _kind(path)
    if kind == "file":
        return [_report(path)]
    if kind == "folder":
        if _is_run(path):
            run = _run(path)
            return [_beside(run, _neighbours(path, scan(run)))]
        entries = _entries(path)
        folders = [p for p in entries if _kind(p) == "folder" and _is_run(p)]
        files = [p for p in entries if p.suffix == ".json" and _kind(p) == "file"]
        if len(folders) + len(files) > MOST:
            raise DataError(f"{named(path)} holds {len(folders) + len(files)} runs and reports: name {MOST} at most")
        inside = [_run(p) for p in folders]
        reports = [r for p in files if (r := _recognised(p, path))]
        if inside or reports:
            return [*(_beside(run, (o for o in inside if o is not run)) for run in inside), *reports]
        known = ", ".join((*FILES.values(), *OPTIONAL.values()))
        raise DataError(f"{named(path)} holds no artifact of a run: give a folder with some of {known}, or one report")
    raise DataError(f"{named(path)} is neither a folder nor a file: give the folder of a run, or one of its reports")


def named(path: Path) -> str:
    """A path as a message can hold it."""
    return printable(str(path))


def _name(words: str) -> str:
    """A run's name: printable, and fit for a file's."""
    return printable(words)[:80].strip(" .") or "run"


def _parts(folder: Path, files: Mapping[str, str]) -> dict[str, Any]:
    return {name: load(folder / file, folder) for name, file in files.items() if _present(folder / file)}


def _run(folder: Path) -> Run:
    parts = _parts(folder, FILES | OPTIONAL)
    missing = []
    for name, file in FILES.items():
        if name in parts:
            continue
        inside = get(parts.get("metadata"), *ELSEWHERE[name]) if name in ELSEWHERE else None
        if isinstance(inside, dict) and inside:
            parts[name] = inside
            missing.append(f"{file} is missing; run_metadata.json holds what it would say")
        else:
            missing.append(f"{file} is missing")
    layout = "ptycho" if isinstance(get(parts, "metadata", "config"), dict) else "upstream"
    return Run(_name(folder.resolve().name), layout, parts, tuple(missing))


def _beside(run: Run, others: Iterable[Run]) -> Run:
    """``run`` with those of the others that scanned the same positions: their canvases cover the same pixels."""
    mine = scan(run)
    if run.layout == "ptycho" or mine is None:
        return run
    return replace(run, beside=tuple(other for other in others if scan(other) == mine))


def _neighbours(folder: Path, wanted: tuple[Any, ...] | None) -> Iterator[Run]:
    """Runs in the same parent whose scan is ``wanted``; only what decides that is read of the others."""
    here = folder.resolve()
    told = {name: FILES[name] for name in ("inference", "metadata")}
    near = (p for p in _entries(here.parent) if p != here and not p.is_symlink() and p.is_dir())
    for other in islice((p for p in near if all((p / file).exists() for file in told.values())), MOST):
        try:
            if scan(Run("", "upstream", _parts(other, told))) == wanted:
                yield _run(other)
        except DataError:
            continue  # a neighbour's damage is not this run's


def scan(run: Run) -> tuple[Any, ...] | None:
    """What decides which pixels a run covers, to the last digit of its offsets; None where it is not recorded."""
    offsets = run.series("inference", "offsets", "axis_max_abs")
    keys = ("scenario", "sim_seed", "object_seed", "total_images", "split_fraction", "group_limit", "neighbor_count")
    told = tuple(run.get("metadata", key) for key in keys)
    if len(offsets) != 2 or None in told or any(isinstance(v, dict | list) for v in told):
        return None
    return (*told, *offsets, run.finite("inference", "padded_size"))


def load(path: Path, within: Path | None = None) -> dict[str, Any]:
    """A JSON object from a file that anyone may have written. Raises DataError with one sentence.

    A link that leads out of ``within`` is refused.
    Bare ``NaN``, as other writers leave it, is read as what it says.
    """
    try:
        if within is not None and not path.resolve().is_relative_to(within.resolve()):
            raise DataError(f"{named(path)} is a link out of its folder: put the file itself there")
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise DataError(f"{named(path)} is no plain file: give the file that the run wrote")
        if info.st_size > LARGEST:
            raise DataError(f"{named(path)} has {info.st_size / 2**20:.0f} MiB, more than any artifact: it is not one")
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{named(path)} cannot be read ({error.strerror or error}): check its permissions") from error
    except RecursionError as error:
        raise DataError(f"{named(path)} is nested too deeply to be an artifact") from error
    except (UnicodeDecodeError, ValueError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "its bytes"
        raise DataError(f"{named(path)} is not JSON ({where}): it is damaged, or another kind of file") from error
    if not isinstance(value, dict):
        raise DataError(f"{named(path)} holds a {type(value).__name__}, not an object: it is no artifact of a run")
    return value


# Single reports, by what only they hold.
REPORTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "reassembly": lambda v: any(isinstance(get(s, "canvas"), dict) for s in _subsets(v)),
    "grouping": lambda v: bool(_subsets(v)),
    "probe": lambda v: (
        isinstance(get(v, "sim_lines", "amplitude"), dict) or isinstance(get(v, "probe", "amplitude"), dict)
    ),
    "scaler": lambda v: "exp_log_scale" in v and "log_scale" in v,
    "parameters": lambda v: isinstance(v.get("dose_experiments"), dict) and isinstance(v.get("scenarios"), dict),
    "metadata": lambda v: "scenario" in v and ("config" in v or "intensity_stats" in v or "sim_seed" in v),
    "intensity": lambda v: "normalize_gain" in v or "stage_means" in v,
    "metrics": lambda v: isinstance(get(v, "amplitude", "bias_summary"), dict),
    "summary": lambda v: "nan_overview" in v,
    "history": lambda v: "epochs" in v and isinstance(v.get("metrics"), dict),
    "inference": lambda v: "padded_size" in v and "required_canvas" in v,
}


def _subsets(value: dict[str, Any]) -> list[Any]:
    found = value.get("subsets")
    return [s for s in found.values() if isinstance(s, dict)] if isinstance(found, dict) else []


def _report(path: Path) -> Run:
    found = _recognised(path)
    if found is None:
        raise DataError(f"{named(path)} is JSON, but no report that is known here: {', '.join(sorted(REPORTS))} are")
    return found


def _recognised(path: Path, within: Path | None = None) -> Run | None:
    value = load(path, within)
    kind = next((name for name, holds in REPORTS.items() if holds(value)), None)
    if kind is None:
        return None
    parts = {kind: value}
    if kind == "metadata":
        parts |= {n: v for n, where in ELSEWHERE.items() if isinstance(v := get(value, *where), dict)}
    return Run(_name(path.stem), "report", parts)


def _is_run(folder: Path) -> bool:
    return any(_present(folder / file) for file in (*FILES.values(), *OPTIONAL.values()))


def _present(path: Path) -> bool:
    return _kind(path) is not None


def _kind(path: Path) -> str | None:
    """What is at ``path``: "file" (of whatever kind), "folder" or None."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, PermissionError):
            raise DataError(f"{named(path)} cannot be read ({error.strerror}): check its permissions") from error
        return None
    except ValueError:  # a NUL in the name
        return None
    return "folder" if stat.S_ISDIR(mode) else "file"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{named(folder)} cannot be listed ({error.strerror or error}): check its permissions"
        ) from error
