"""Two runs side by side: configuration, stages, metrics, probes, pictures, and the first stage that differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ptycho.diagnostics.analyses.probes import probe_rows
from ptycho.diagnostics.findings import Analysis, Finding, Table
from ptycho.diagnostics.quantities.amplitudes import error_figures
from ptycho.diagnostics.quantities.losses import loss_composition
from ptycho.diagnostics.quantities.parameters import parameter_differences, recorded_parameters
from ptycho.diagnostics.records import RunRecord, read_runs
from ptycho.diagnostics.records.artifact_files import path_words
from ptycho.diagnostics.stage_parity import normalization_parity
from ptycho.diagnostics.wording import printable_json
from ptycho.errors import DataError

PICTURES = (
    "overview.png",
    "inference_outputs/amplitude.png",
    "inference_outputs/phase.png",
    "amplitude_diff.png",
    "phase_diff.png",
    "train_outputs/loss_curve.png",
)
METRIC_LABELS = {
    "mean": "{} bias, mean",
    "median": "{} bias, median",
    "mae": "{} mae",
    "rmse": "{} rmse",
    "max_abs": "{} max_abs",
    "pearson_r": "{} pearson_r",
}


def contrast(a: Path, b: Path) -> dict[str, Any]:
    """The runs at two paths side by side, with the figures that either has; raises DataError for what is no run."""
    runs = []
    for path in (a, b):
        inside = read_runs(path)
        if len(inside) != 1:
            names = ", ".join(run.name for run in inside[:9])
            raise DataError(f"{path_words(path)} holds {len(inside)} runs: name one of {names}")
        runs += inside
    pictures = [
        {"title": Path(name).stem.replace("_", " "), "a": _picture(a, name), "b": _picture(b, name)}
        for name in PICTURES
    ]
    return {**compare_runs(*runs), "pictures": [p for p in pictures if p["a"] or p["b"]]}


def _picture(folder: Path, name: str) -> str | None:
    """Where a picture lies; None for what is no file of the folder, or has a path that no document can hold."""
    path = folder / name
    try:
        inside = path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except PermissionError:
        return None
    return str(path) if inside and path_words(path) == str(path) else None


def compare_runs(a: RunRecord, b: RunRecord) -> dict[str, Any]:
    """Two runs side by side, by ``schemas/harness/comparison.schema.json``."""
    candidates = (_configuration(a, b), normalization_parity(a, b), _metrics(a, b), _probes(a, b))
    analyses = [analysis for analysis in candidates if analysis is not None]
    first = next((finding for analysis in analyses for finding in analysis.findings), None)
    difference = (
        first.statement if first else "The runs do not differ in anything that both record of their configuration."
    )
    return dict(
        printable_json(
            {
                "version": 1,
                "a": a.name,
                "b": b.name,
                "missing": {"a": list(a.missing), "b": list(b.missing)},
                "verdict": " ".join([difference, *_outcome(a, b)]),
                "analyses": [
                    {"name": m.name, "title": m.title, "figures": m.figures, "tables": m.tables, "notes": m.notes}
                    for m in analyses
                ],
            }
        )
    )


def _outcome(a: RunRecord, b: RunRecord) -> list[str]:
    """What became of the difference, in a sentence."""
    x, y = (error_figures(run, "amplitude")["pearson_r"] for run in (a, b))
    if x is None or y is None or x == y:
        return []
    return [f"The amplitude's correlation is {x:.4f} against {y:.4f}."]


def _configuration(a: RunRecord, b: RunRecord) -> Analysis | None:
    rows = parameter_differences(a, b)
    if not recorded_parameters(a) and not recorded_parameters(b):
        return None
    both = [r for r in rows if r["recorded_in"] == "both"]
    cells = tuple((r["name"], _set(r["a"]), _set(r["b"]), r["affects"]) for r in both)
    table = Table("Parameters that differ", ("Parameter", a.name, b.name, "Can affect"), cells)
    findings: tuple[Finding, ...] = ()
    if both:
        names = ", ".join(r["name"] for r in both[:4]) + (f" and {len(both) - 4} more" if len(both) > 4 else "")
        findings = (Finding("parameters", "info", f"The configurations differ in {names}.", (), "", 1.0),)
    notes = [] if both else ["Every parameter that both record is the same."]
    if alone := len(rows) - len(both):
        notes.append(f"{alone} more are recorded by one of the two only; the files list them.")
    figures = {"differences": rows}
    return Analysis("parameters", "Configuration", figures, (table,) if both else (), tuple(notes), findings)


def _set(value: Any) -> Any:
    """A parameter that is recorded as nothing is not one that is not recorded."""
    return "none" if value is None else value


def _metrics(a: RunRecord, b: RunRecord) -> Analysis | None:
    rows: list[tuple[Any, ...]] = []
    figures: dict[str, Any] = {}
    for part in ("amplitude", "phase"):
        left, right = error_figures(a, part), error_figures(b, part)
        for key, label in METRIC_LABELS.items():
            x, y = left[key], right[key]
            if x is not None or y is not None:
                figures[f"{part}/{key}"] = {"a": x, "b": y, "delta": _delta(x, y)}
                rows.append((label.format(part), x, y, _delta(x, y)))
    x, y = (loss_composition(run)["total"]["final"] for run in (a, b))
    if x is not None or y is not None:
        rows.append(("final loss", x, y, _delta(x, y)))
    if not rows:
        return None
    table = Table("Quality", ("Metric", a.name, b.name, "Delta"), tuple(rows))
    return Analysis("metrics", "Quality", figures, (table,))


def _delta(x: float | None, y: float | None) -> float | None:
    return y - x if x is not None and y is not None else None


def _probes(a: RunRecord, b: RunRecord) -> Analysis | None:
    rows = probe_rows(a, b)
    if not rows:
        return None
    table = Table("Probes", ("", a.name, b.name, "Ratio"), tuple((r["name"], r["a"], r["b"], r["ratio"]) for r in rows))
    return Analysis("probes", "Probes", {"probes": rows}, (table,))
