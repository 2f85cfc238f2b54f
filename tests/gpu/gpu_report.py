"""The one report of a GPU run: assembled, checked by its schema, rendered. ``gpu_report.py REPORT.json`` prints it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gpu_case import Case
from gpu_plan import Plan

from harness.core import git
from harness.judge.schema import Schema

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schemas/gpu/report.schema.json"
CARRIED = "CARRIED.json"  # beside the code where it was carried without its history
BARS = {"pearson_r": (0.95, 1.0), "relative_bias": (-0.02, 0.02), "phase_mae_rad": (0.0, 0.02)}


def bars(metrics: Mapping[str, float | None]) -> dict[str, bool]:
    """Which bars the metrics meet; a metric that is not there meets none."""
    result = {}
    for name, (low, high) in BARS.items():
        value = metrics.get(name)
        result[name] = value is not None and low <= value <= high
    return result


def record(
    case: Case, measured: Mapping[str, Any] | None, error: str = "", golden: str = "", beside: Sequence[str] = ()
) -> dict[str, Any]:
    """One case of the report: what was measured, or why nothing was, and which cases ran beside it."""
    met = bars(measured["metrics"]) if measured else dict.fromkeys(BARS, False)
    return {
        "name": case.name, "N": case.N, "precision": case.precision, "reduced": case.reduced,
        "profile": case.profile, "overrides": case.overrides, "measured": measured,
        "bars": met, "passed": bool(measured) and all(met.values()), "golden": golden, "error": error,
        "beside": list(beside),
    }  # fmt: skip


def source(root: Path = ROOT) -> dict[str, Any]:
    """The commit that ran, and whether the working tree was what it says; from git, or from whoever carried it."""
    if (root / CARRIED).is_file():
        origin: dict[str, Any] = json.loads((root / CARRIED).read_text(encoding="utf-8"))
        return {"commit": origin["commit"], "clean": origin["clean"]}
    commit = git.head(root)
    return {"commit": commit, "clean": bool(commit) and not git.dirty(root)}


def assemble(
    look: Mapping[str, Any],
    plan: Plan,
    cases: Sequence[Mapping[str, Any]],
    verification: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report; raises ValueError where its schema refuses it."""
    report = {
        "schema": "gpu/report-3",
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "source": source(),
        "reduced": plan.run == "reduced",
        "reason": plan.reason,
        "device": {"place": look["sight"]["place"], "name": look["sight"]["name"],
                   "accelerators": look["sight"]["accelerators"]},
        "host": look["host"],
        "versions": look["versions"],
        "bars": {name: {"low": low, "high": high} for name, (low, high) in BARS.items()},
        "cases": list(cases),
        "verification": verification,
    }  # fmt: skip
    if broken := problems(report):
        raise ValueError(f"the report breaks its schema at {broken[0]}")
    return report


def problems(report: Any) -> list[str]:
    """Where a report breaks its schema, and how."""
    schema = Schema(json.loads(SCHEMA.read_text(encoding="utf-8")), SCHEMA)
    return [f"{p.path}: {p.message}" for p in schema.problems(report)]


def markdown(report: Mapping[str, Any]) -> str:
    """The report for people."""
    device, host, versions = report["device"], report["host"], report["versions"]
    backend = versions["backend"]
    host_line = f"{backend} {versions[backend]}, Keras {versions['keras']}, Python {versions['python']}"
    lines = [
        f"# {'Reduced runs on the CPU' if report['reduced'] else 'Full runs'}: {device['name']}",
        f"{report['reason']}. {host_line}; {host['cpus']} processors, load {host['load_average']}.",
        f"Commit {report['source']['commit'] or 'unknown'}{'' if report['source']['clean'] else ' and edits'}, "
        f"finished {report['finished']}.",
        "| case | images | groups | epochs | pearson_r | bias | phase MAE (rad) | training (s) | groups/s | images/s "
        "| device busy | host memory (MiB) | device memory (MiB) | bars | golden |\n" + "| --- " * 15 + "|",
    ]
    rows = [_row(case) for case in report["cases"]]
    wanted = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in BARS.items())
    tail = f"Bars: {wanted}. Speed is of all epochs but the first, held-out groups included in the time."
    shared = [f"{case['name']} ran beside {', '.join(case['beside'])}." for case in report["cases"] if case["beside"]]
    errors = [f"{case['name']}: {case['error']}" for case in report["cases"] if case["error"]]
    tables = ["\n".join([lines[-1], *rows]), tail] if rows else []
    verified = report["verification"]
    verdict = [f"Without training, {verified['scenario']}: {verified['sentence']}."] if verified else []
    return "\n\n".join([*lines[:-1], *tables, *shared, *verdict, *errors]) + "\n"


def _row(case: Mapping[str, Any]) -> str:
    measured = case["measured"]
    if not measured:
        return f"| {case['name']} |{' |' * 12} not measured | |"
    m = measured["metrics"]
    cells = [
        case["name"], measured["images"], measured["groups"], measured["epochs"], _number(m["pearson_r"], ".4f"),
        _number(m["relative_bias"], "+.2%"), _number(m["phase_mae_rad"], ".4f"),
        _number(measured["training_seconds"], ".1f"), _number(measured["groups_per_second"], ".1f"),
        _number(measured["images_per_second"], ".0f"), _number(measured["device_busy"], ".0%"),
        _number(measured["peak_host_memory_mb"], ".0f"), _number(measured["peak_device_memory_mb"], ".0f"),
        "met" if case["passed"] else "missed: " + ", ".join(n for n, ok in case["bars"].items() if not ok),
        case["golden"],
    ]  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def unwritable(path: Path) -> str:
    """Why a report cannot be left at ``path``; empty where it can."""
    if path.is_dir():
        return "it is a folder"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def read(path: Path) -> dict[str, Any]:
    """A report from its file; raises ValueError, naming the file, for one that is not a report."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a report ({error}): give the file that the GPU run left") from error
    if broken := problems(report):
        raise ValueError(f"{path} is not a report of this version ({broken[0]}): run the GPU tests again")
    return report


if __name__ == "__main__":
    try:
        print(markdown(read(Path(sys.argv[1]))), end="")
    except (IndexError, ValueError) as wrong:
        sentence = str(wrong) if isinstance(wrong, ValueError) else "give the report's file: gpu_report.py REPORT.json"
        print(sentence, file=sys.stderr)
        sys.exit(2)
