"""Two runs side by side: configuration, stages, metrics, probes, figures, and the first stage that differs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from ptycho.diagnostics import audit, bias, intensity, probe
from ptycho.diagnostics.findings import Analysis, Finding, Table, document
from ptycho.diagnostics.intensity import over
from ptycho.diagnostics.run import Run, named, read
from ptycho.errors import DataError

APART = 0.05  # relative difference of a stage's ratio from which the two runs are apart
PICTURES = (
    "overview.png",
    "inference_outputs/amplitude.png",
    "inference_outputs/phase.png",
    "amplitude_diff.png",
    "phase_diff.png",
    "train_outputs/loss_curve.png",
)
METRICS = ("mean", "median", "mae", "rmse", "max_abs", "pearson_r")


LABELS = {"mean": "{} bias, mean", "median": "{} bias, median"} | {
    key: f"{{}} {key}" for key in ("mae", "rmse", "max_abs", "pearson_r")
}


def symmetry(run: Run) -> dict[str, Any]:
    """Each step's ratio against what it should be, and the first step that breaks it."""
    found, gain = intensity.means(run), intensity.gain(run)
    ratios = dict(zip(intensity.TRANSITIONS, (over(b, a) for a, b in pairwise(found)), strict=True))
    wanted: dict[str, float | None] = dict(zip(intensity.TRANSITIONS, (1.0, gain, 1.0), strict=True))
    chain = bias.chain(run)
    steps = [(name, ratio, wanted[name]) for name, ratio in ratios.items()]
    # After training, a ladder says what each gain should be. Without one, a prediction may have any mean but
    # none at all, and has to reach the truth.
    for name, ratio in chain["ratios"].items():
        if name not in ratios and (name != "normalized_to_prediction" or ratio == 0):
            steps.append((name, ratio, chain["expected"][name]))
    apart = ((name, over(ratio, aim)) for name, ratio, aim in steps)
    return {
        "stage_means": dict(zip(intensity.STAGES, found, strict=True)),
        "ratios": ratios,
        "expected": wanted,
        "later": {name: ratio for name, ratio in chain["ratios"].items() if name not in ratios},
        "first_break": next((name for name, r in apart if r is not None and abs(r - 1) > APART), None),
        "full_chain_product": chain["full_chain_product"],
    }


def _later(left: dict[str, Any], right: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = dict.fromkeys((*left["later"], *right["later"]))
    return [(name, left["later"].get(name), right["later"].get(name)) for name in names]


def parity(a: Run, b: Run) -> Analysis | None:
    """Normalisation of two runs, stage by stage (the seeds' D2b): means, ratios, deltas, first break."""
    left, right = symmetry(a), symmetry(b)
    if all(v is None for s in (left, right) for v in s["stage_means"].values()):
        return None
    stages = [
        {
            "stage": name,
            "a": left["stage_means"][name],
            "b": right["stage_means"][name],
            "ratio": over(right["stage_means"][name], left["stage_means"][name]),
        }
        for name in intensity.STAGES
    ]
    steps = []
    for name in intensity.TRANSITIONS:
        x, y = left["ratios"][name], right["ratios"][name]
        steps.append(
            {
                "step": name,
                "a": x,
                "b": y,
                "delta": y - x if x is not None and y is not None else None,
                "expected_a": left["expected"][name],
                "expected_b": right["expected"][name],
            }
        )
    first = next(
        (
            s["step"]
            for s in steps
            if s["a"] and s["b"] and s["step"] != "grouped_to_normalized" and abs(s["b"] / s["a"] - 1) > APART
        ),
        None,
    )
    figures = {
        "a": {"name": a.name, **left},
        "b": {"name": b.name, **right},
        "stages": stages,
        "steps": steps,
        "first_apart": first,
    }
    gains = [intensity.gain(r) for r in (a, b)]
    tables = (
        Table(
            "Stage means",
            ("Stage", a.name, b.name, "Ratio"),
            tuple((s["stage"], s["a"], s["b"], s["ratio"]) for s in stages),
        ),
        Table(
            "Ratios",
            ("Step", a.name, b.name, "Delta", f"Expected of {a.name}", f"Expected of {b.name}"),
            tuple((s["step"], s["a"], s["b"], s["delta"], s["expected_a"], s["expected_b"]) for s in steps),
        ),
        Table(
            "Chain",
            ("", a.name, b.name),
            (
                ("normalize gain", *gains),
                *_later(left, right),
                ("Full chain product", left["full_chain_product"], right["full_chain_product"]),
                ("First step to break symmetry", left["first_break"], right["first_break"]),
            ),
        ),
    )
    said = (
        f"The first step in which the runs are apart by more than 5 %: {first}."
        if first
        else "No step before training is apart by more than 5 %, each against its own gain."
    )
    return Analysis("dose_normalization_stats", "Normalisation, stage by stage", figures, tables, (said,))


def contrast(a: Path, b: Path) -> dict[str, Any]:
    """The runs at two paths side by side, with the figures that either has; raises DataError for what is no run."""
    found = []
    for path in (a, b):
        runs = read(path)
        if len(runs) != 1:
            raise DataError(f"{named(path)} holds {len(runs)} runs: name one of {', '.join(r.name for r in runs[:9])}")
        found += runs
    pictures = [{"title": Path(n).stem.replace("_", " "), "a": _there(a, n), "b": _there(b, n)} for n in PICTURES]
    return {**compare(*found), "pictures": [p for p in pictures if p["a"] or p["b"]]}


def _there(folder: Path, name: str) -> str | None:
    """Where a picture lies; None for what is no file of the folder, or has a path that no document can hold."""
    path = folder / name
    try:
        inside = path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except PermissionError:
        return None
    return str(path) if inside and named(path) == str(path) else None


def compare(a: Run, b: Run) -> dict[str, Any]:
    """Two runs side by side, by ``schemas/harness/comparison.schema.json``."""
    made = [m for m in (_configuration(a, b), parity(a, b), _metrics(a, b), _probes(a, b)) if m is not None]
    first = next((f for m in made for f in m.findings), None)
    return dict(
        document(
            {
                "version": 1,
                "a": a.name,
                "b": b.name,
                "missing": {"a": list(a.missing), "b": list(b.missing)},
                "verdict": " ".join([first.statement if first else SAME, *_outcome(a, b)]),
                "analyses": [
                    {"name": m.name, "title": m.title, "figures": m.figures, "tables": m.tables, "notes": m.notes}
                    for m in made
                ],
            }
        )
    )


SAME = "The runs do not differ in anything that both record of their configuration."


def _outcome(a: Run, b: Run) -> list[str]:
    """What became of it, in a sentence."""
    r = [bias.bias(run, "amplitude")["pearson_r"] for run in (a, b)]
    if None in r or r[0] == r[1]:
        return []
    return [f"The amplitude's correlation is {r[0]:.4f} against {r[1]:.4f}."]


def _configuration(a: Run, b: Run) -> Analysis | None:
    rows = audit.differences(a, b)
    if not audit.parameters(a) and not audit.parameters(b):
        return None
    both = [r for r in rows if r["recorded_in"] == "both"]
    cells = tuple((r["name"], _set(r["a"]), _set(r["b"]), r["affects"]) for r in both)
    table = Table("Parameters that differ", ("Parameter", a.name, b.name, "Can affect"), cells)
    found: tuple[Finding, ...] = ()
    if both:
        said = ", ".join(r["name"] for r in both[:4]) + (f" and {len(both) - 4} more" if len(both) > 4 else "")
        found = (Finding("parameters", "info", f"The configurations differ in {said}.", (), "", 1.0),)
    notes = [] if both else ["Every parameter that both record is the same."]
    if alone := len(rows) - len(both):
        notes.append(f"{alone} more are recorded by one of the two only; the files list them.")
    return Analysis("parameters", "Configuration", {"differences": rows}, (table,) if both else (), tuple(notes), found)


def _set(value: Any) -> Any:
    """A parameter that is recorded as nothing is not one that is not recorded."""
    return "none" if value is None else value


def _metrics(a: Run, b: Run) -> Analysis | None:
    rows: list[tuple[Any, ...]] = []
    figures: dict[str, Any] = {}
    for part in ("amplitude", "phase"):
        left, right = bias.bias(a, part), bias.bias(b, part)
        for key in METRICS:
            if left[key] is not None or right[key] is not None:
                x, y = left[key], right[key]
                figures[f"{part}/{key}"] = {"a": x, "b": y, "delta": y - x if x is not None and y is not None else None}
                rows.append((LABELS.get(key, key).format(part), x, y, figures[f"{part}/{key}"]["delta"]))
    losses = [bias.losses(r)["total"]["final"] for r in (a, b)]
    if any(v is not None for v in losses):
        rows.append(("final loss", *losses, losses[1] - losses[0] if None not in losses else None))
    if not rows:
        return None
    return Analysis(
        "metrics", "Quality", figures, (Table("Quality", ("Metric", a.name, b.name, "Delta"), tuple(rows)),)
    )


def _probes(a: Run, b: Run) -> Analysis | None:
    rows = probe.alike(a, b)
    if not rows:
        return None
    table = Table("Probes", ("", a.name, b.name, "Ratio"), tuple((r["name"], r["a"], r["b"], r["ratio"]) for r in rows))
    return Analysis("probes", "Probes", {"probes": rows}, (table,))
