"""Amplitude and phase bias, loss composition, and the product of the stages' ratios: the content of seed 001."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from ptycho.diagnostics import intensity
from ptycho.diagnostics.findings import Analysis, Table, properties
from ptycho.diagnostics.intensity import over
from ptycho.diagnostics.run import Run, get, number

TOLERANCE = 0.05  # of the chain's product from 1
INACTIVE = 1e-12
CHAIN = ("raw_to_grouped", "grouped_to_normalized", "normalized_to_prediction", "prediction_to_truth")
CHAIN_TITLES = {
    "raw_to_grouped": "Raw \u2192 grouped",
    "grouped_to_normalized": "Grouped \u2192 normalized",
    "normalized_to_prediction": "Normalized \u2192 prediction",
    "prediction_to_truth": "Prediction \u2192 truth",
    "normalized_to_predicted": "Normalized \u2192 predicted, as diffraction",
    "predicted_to_object": "Predicted \u2192 object units",
}
SCALARS = ("mean", "median", "p05", "p95", "least_squares")
SCALAR_TITLES = ("Ratio mean", "Ratio median", "Ratio p05", "Ratio p95", "Least squares")


def bias(run: Run, part: str) -> dict[str, float | None]:
    """Bias and errors of "amplitude" or "phase"."""
    summary = {key: run.number("metrics", part, "bias_summary", key) for key in ("mean", "median", "p05", "p95")}
    rest = {key: run.number("metrics", part, key) for key in ("mae", "rmse", "max_abs", "pearson_r", "count")}
    return summary | rest


def predicted(run: Run) -> float | None:
    """Mean predicted amplitude, over whatever the run's metrics are over."""
    return run.finite("metrics", "amplitude", "pred_stats", "mean")


def truth(run: Run) -> float | None:
    """Mean true amplitude, over the same pixels."""
    return run.positive("metrics", "amplitude", "truth_stats", "mean")


def applied_scale(run: Run) -> dict[str, Any]:
    """What multiplied the prediction before its metrics were taken: mode, value, and whether it was applied."""
    for place in (
        ("inference", "prediction_scale"),
        ("intensity", "prediction_scale"),
        ("metadata", "prediction_scale"),
    ):
        if run.table(*place):
            mode, source = run.words(*place, "mode"), run.words(*place, "source")
            return {
                "mode": mode,
                "value": run.positive(*place, "value"),
                "source": source,
                "applied": run.flag(*place, "applied") or False,
            }
    mode = "none" if run.layout == "ptycho" else None
    return {"mode": mode, "value": None, "source": None, "applied": False}


def nan_metrics(run: Run) -> list[str] | None:
    """Names of the metrics that became NaN in training, sorted; None where that is not recorded."""
    overview = run.table("summary", "nan_overview") or run.table("metadata", "training_nan_overview")
    named = overview.get("metrics")
    if isinstance(named, dict | list) and named:
        return sorted({n[:80] for n in list(named)[:100] if isinstance(n, str)})
    series = run.table("history", "metrics")
    bad = sorted(
        n[:80] for n in list(series)[:100] if any(not math.isfinite(v) for v in run.series("history", "metrics", n))
    )
    if bad:
        return bad
    return None if not overview and not series else []


def losses(run: Run) -> dict[str, Any]:
    """Final values, contributions, dominance, and what contributes nothing."""
    metrics = run.table("history", "metrics")
    summaries = run.table("summary", "metrics")

    def last(name: str) -> float | None:
        series = run.series("history", "metrics", name)
        return series[-1] if series else number(get(summaries, name, "last"))

    total = last("loss")
    weights = run.table("metadata", "config", "loss")
    names = [
        n for n in dict.fromkeys((*metrics, *summaries)) if n.endswith("_loss") and not n.startswith(("val_", "train_"))
    ]
    components: list[dict[str, Any]] = []
    for name in names[:20]:
        value = last(name)
        weight = number(weights.get(name.replace("_loss", "_weight"))) if weights else 1.0
        share = over(value * (1.0 if weight is None else weight), total) if value is not None else None
        components.append({"name": name, "final": value, "weight": weight, "contribution": share})
    sized = [c for c in components if c["contribution"] is not None and abs(c["contribution"]) > INACTIVE]
    sized.sort(key=lambda c: -abs(c["contribution"]))
    series, rates = (
        [v for v in run.series("history", "metrics", "loss") if math.isfinite(v)],
        run.series("history", "metrics", "learning_rate"),
    )
    return {
        "epochs": len(run.series("history", "metrics", "loss")) or None,
        "total": {"final": total, "min": min(series, default=None), "max": max(series, default=None)},
        "learning_rate": {"last": rates[-1], "min": min(rates), "max": max(rates)} if rates else None,
        "components": components,
        "dominant": sized[0]["name"] if sized else None,
        "dominance": over(abs(sized[0]["contribution"]), abs(sized[1]["contribution"])) if len(sized) > 1 else None,
        "inactive": [c["name"] for c in components if c["final"] is not None and abs(c["final"]) <= INACTIVE],
    }


def chain(run: Run) -> dict[str, Any]:
    """The product of the stages' gains, and where it leaves 1.

    A run that records its ladder of gains, from raw data to object units, is judged by that: every gain
    against what it should be. Others as in seed 001: the means of the stages from raw data to truth, each
    step against 1.
    """
    ladder = intensity.ladder(run)
    if ladder:
        ratios: dict[str, float | None] = {step.name: step.measured for step in ladder}
        expected = {step.name: step.expected for step in ladder}
    else:
        raw, grouped, normalized, _ = intensity.means(run)
        levels = [raw, grouped, normalized, predicted(run), truth(run)]
        ratios = dict(zip(CHAIN, (over(b, a) for a, b in pairwise(levels)), strict=True))
        expected = dict.fromkeys(CHAIN, 1.0)
    products: dict[str, float | None] = {}
    full: float | None = 1.0
    for name, ratio in ratios.items():
        full = full * ratio if full is not None and ratio is not None else None
        products[name] = full
    apart = {name: abs(ratio / expected[name] - 1) for name, ratio in ratios.items() if ratio is not None}
    by_size = sorted(apart, key=lambda name: -apart[name])
    return {
        "ratios": ratios,
        "expected": expected,
        "cumulative": products,
        "full_chain_product": full,
        "deviation": abs(full - 1) if full is not None else None,
        "tolerance": TOLERANCE,
        "passes": abs(full - 1) <= TOLERANCE if full is not None else None,
        "deviations": [
            {
                "stage": name,
                "ratio": ratios[name],
                "deviation": apart[name],
                "effect": "loss" if (ratios[name] or 0) < expected[name] else "gain",
            }
            for name in by_size
        ],
        "primary": by_size[0] if by_size else None,
    }


def drop(run: Run) -> dict[str, Any] | None:
    """The largest drop among grouping, the network's input and its prediction."""
    raw, grouped, _, contained = intensity.means(run)
    names = ("Raw diffraction", "Grouped diffraction", "Container X", "Prediction")
    ratios = [over(b, a) for a, b in pairwise([raw, grouped, contained, predicted(run)])]
    known = [(r, i) for i, r in enumerate(ratios) if r is not None]
    if not known:
        return None
    ratio, at = min(known)
    return {"from": names[at], "to": names[at + 1], "ratio": ratio, "delta": ratio - 1}


def scaling(run: Run) -> dict[str, Any]:
    """Prediction to truth by five scalars, and the errors that each would leave."""
    ratio = run.table("scaling") or run.table("metrics", "amplitude", "ratio")
    scalars = {key: number(ratio.get(key)) for key in SCALARS}
    applied, amplitude = applied_scale(run), bias(run, "amplitude")
    errors = {
        key: {"mae": number(get(ratio, "scaled", key, "mae")), "rmse": number(get(ratio, "scaled", key, "rmse"))}
        for key in SCALARS
    }
    if applied["mode"] == "least_squares" and applied["applied"]:  # the recorded metrics are those after it
        scalars["least_squares"] = applied["value"]
        errors["least_squares"] = {"mae": amplitude["mae"], "rmse": amplitude["rmse"]}
    rated = [(e["rmse"], key) for key, e in errors.items() if e["rmse"] is not None and math.isfinite(e["rmse"])]
    best = min(rated)[1] if rated else None
    return {
        "count": number(ratio.get("count")),
        "scalars": scalars,
        "errors": errors,
        "baseline": {"mae": amplitude["mae"], "rmse": amplitude["rmse"]},
        "best": best,
    }


def summarize(run: Run) -> dict[str, Any]:
    """Every figure of one scenario of seed 001."""
    return {
        "name": run.name,
        "amplitude": bias(run, "amplitude"),
        "phase": bias(run, "phase"),
        "bundle_scale": intensity.recorded_scale(run),
        "config_scale": intensity.configured_scale(run),
        "normalize_gain": intensity.gain(run),
        "prediction_scale": applied_scale(run),
        "nan_metrics": nan_metrics(run),
        "losses": losses(run),
        "canvas": {key: run.finite("inference", key) for key in ("padded_size", "required_canvas")},
        "chain": chain(run),
        "drop": drop(run),
        "scaling": scaling(run),
    }


def analyze(runs: list[Run]) -> Analysis | None:
    """The bias summary of several runs; None where none of them holds a metric or a stage."""
    told = [r for r in runs if "metrics" in r.parts or "intensity" in r.parts]
    if not told:
        return None
    found = [summarize(r) for r in told]
    rows = []
    for f in found:
        bundle, configured = f["bundle_scale"], f["config_scale"]
        nan = None if f["nan_metrics"] is None else "Yes" if f["nan_metrics"] else "No"
        rows.append(
            (
                f["name"],
                f["amplitude"]["mean"],
                f["amplitude"]["median"],
                f["phase"]["mean"],
                f["phase"]["median"],
                bundle,
                configured,
                bundle - configured if bundle and configured else None,
                f["prediction_scale"]["mode"],
                nan,
            )
        )
    columns = (
        "Scenario",
        "Amp bias mean",
        "Amp median",
        "Phase bias mean",
        "Phase median",
        "Bundle scale",
        "Configured scale",
        "Delta scale",
        "Scale mode",
        "Training NaN",
    )
    tables = [Table("Overview", columns, tuple(rows))]
    for f in found:
        tables += _tables(f, f"{f['name']}: " if len(found) > 1 else "")
    return Analysis("bias_summary", "Intensity bias summary", {"scenarios": found}, tuple(tables))


def _tables(f: dict[str, Any], name: str) -> list[Table]:
    loss, ladder, scale, drop = f["losses"], f["chain"], f["scaling"], f["drop"]
    steps = tuple(
        (CHAIN_TITLES.get(name, name), ratio, ladder["expected"][name], ladder["cumulative"][name])
        for name, ratio in ladder["ratios"].items()
    )
    passes = {True: "yes", False: "no", None: None}[ladder["passes"]]
    return [
        Table(
            f"{name}Loss composition",
            ("Component", "Final value", "Weight", "Contribution"),
            tuple((c["name"], c["final"], c["weight"], c["contribution"]) for c in loss["components"]),
        ),
        properties(
            f"{name}Loss",
            [
                ("Epochs trained", loss["epochs"]),
                ("Total (final)", loss["total"]["final"]),
                ("Total (min)", loss["total"]["min"]),
                ("Total (max)", loss["total"]["max"]),
                ("Dominant component", loss["dominant"]),
                ("Dominance over the next", loss["dominance"]),
                ("Inactive components", ", ".join(loss["inactive"]) or None),
                (
                    "Metrics with NaN",
                    ", ".join(f["nan_metrics"]) if f["nan_metrics"] else "none" if f["nan_metrics"] == [] else None,
                ),
            ],
        ),
        Table(f"{name}Normalization invariant", ("Transition", "Ratio", "Expected", "Cumulative product"), steps),
        properties(
            f"{name}Normalization invariant, checked",
            [
                ("Full chain product (raw to truth)", ladder["full_chain_product"]),
                ("Deviation from 1", ladder["deviation"]),
                ("Tolerance", ladder["tolerance"]),
                ("Within tolerance", passes),
                ("Primary deviation source", ladder["primary"]),
                ("Largest drop", f"{drop['from']} \u2192 {drop['to']}, ratio {drop['ratio']:.3f}" if drop else None),
            ],
        ),
        Table(
            f"{name}Prediction \u2194 truth scaling",
            ("Scalar", "Value", "Scaled MAE", "Scaled RMSE"),
            tuple(
                (title, scale["scalars"][key], scale["errors"][key]["mae"], scale["errors"][key]["rmse"])
                for title, key in zip(SCALAR_TITLES, SCALARS, strict=True)
            ),
        ),
        Table(
            f"{name}Bias",
            ("", "Mean", "Median", "p05", "p95", "MAE", "RMSE", "Max", "Pearson r"),
            tuple(
                (part, *(f[part][k] for k in ("mean", "median", "p05", "p95", "mae", "rmse", "max_abs", "pearson_r")))
                for part in ("amplitude", "phase")
            ),
        ),
    ]
