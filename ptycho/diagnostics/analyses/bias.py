"""Bias summary of one run or several: amplitude and phase, loss, the chain of gains, and scalars that would fit."""

from __future__ import annotations

from typing import Any

from ptycho.diagnostics.findings import Analysis, Table, properties
from ptycho.diagnostics.quantities.amplitudes import SCALARS, applied_scale, error_figures, fitted_scalars
from ptycho.diagnostics.quantities.gains import gain_chain, largest_drop, normalize_gain
from ptycho.diagnostics.quantities.losses import loss_composition
from ptycho.diagnostics.quantities.non_finite import non_finite
from ptycho.diagnostics.quantities.scales import configured_scale, recorded_scale
from ptycho.diagnostics.records import RunRecord

CHAIN_TITLES = {
    "raw_to_grouped": "Raw \u2192 grouped",
    "grouped_to_normalized": "Grouped \u2192 normalized",
    "normalized_to_prediction": "Normalized \u2192 prediction",
    "prediction_to_truth": "Prediction \u2192 truth",
    "normalized_to_predicted": "Normalized \u2192 predicted, as diffraction",
    "predicted_to_object": "Predicted \u2192 object units",
}
SCALAR_TITLES = ("Ratio mean", "Ratio median", "Ratio p05", "Ratio p95", "Least squares")
OVERVIEW = (
    *("Scenario", "Amp bias mean", "Amp median", "Phase bias mean", "Phase median"),
    *("Bundle scale", "Configured scale", "Delta scale", "Scale mode", "Training NaN"),
)


def summarize_bias(run: RunRecord) -> dict[str, Any]:
    """Every figure of one run that the original project's report gives of a scenario (docs/explanation/history.md)."""
    return {
        "name": run.name,
        "amplitude": error_figures(run, "amplitude"),
        "phase": error_figures(run, "phase"),
        "bundle_scale": recorded_scale(run),
        "config_scale": configured_scale(run),
        "normalize_gain": normalize_gain(run),
        "prediction_scale": applied_scale(run),
        "nan_metrics": non_finite(run).metrics,
        "losses": loss_composition(run),
        "canvas": {key: run.finite("inference", key) for key in ("padded_size", "required_canvas")},
        "chain": gain_chain(run),
        "drop": largest_drop(run),
        "scaling": fitted_scalars(run),
    }


def analyze_bias(*runs: RunRecord) -> Analysis | None:
    """The bias summary of one run or several; None where none of them holds a metric or a stage."""
    summaries = [summarize_bias(run) for run in runs if "metrics" in run.parts or "intensity" in run.parts]
    if not summaries:
        return None
    tables = [Table("Overview", OVERVIEW, tuple(_overview_row(summary) for summary in summaries))]
    for summary in summaries:
        prefix = f"{summary['name']}: " if len(summaries) > 1 else ""
        tables += [*_loss_tables(summary, prefix), *_chain_tables(summary, prefix), *_error_tables(summary, prefix)]
    return Analysis("bias_summary", "Intensity bias summary", {"scenarios": summaries}, tuple(tables))


def _overview_row(summary: dict[str, Any]) -> tuple[Any, ...]:
    bundle, configured = summary["bundle_scale"], summary["config_scale"]
    return (
        summary["name"],
        summary["amplitude"]["mean"],
        summary["amplitude"]["median"],
        summary["phase"]["mean"],
        summary["phase"]["median"],
        bundle,
        configured,
        bundle - configured if bundle and configured else None,
        summary["prediction_scale"]["mode"],
        None if summary["nan_metrics"] is None else "Yes" if summary["nan_metrics"] else "No",
    )


def _loss_tables(summary: dict[str, Any], prefix: str) -> list[Table]:
    loss, nan = summary["losses"], summary["nan_metrics"]
    return [
        Table(
            f"{prefix}Loss composition",
            ("Component", "Final value", "Weight", "Contribution"),
            tuple((c["name"], c["final"], c["weight"], c["contribution"]) for c in loss["components"]),
        ),
        properties(
            f"{prefix}Loss",
            [
                ("Epochs trained", loss["epochs"]),
                ("Total (final)", loss["total"]["final"]),
                ("Total (min)", loss["total"]["min"]),
                ("Total (max)", loss["total"]["max"]),
                ("Dominant component", loss["dominant"]),
                ("Dominance over the next", loss["dominance"]),
                ("Inactive components", ", ".join(loss["inactive"]) or None),
                ("Metrics with NaN", ", ".join(nan) if nan else "none" if nan == [] else None),
            ],
        ),
    ]


def _chain_tables(summary: dict[str, Any], prefix: str) -> list[Table]:
    chain, drop = summary["chain"], summary["drop"]
    steps = tuple(
        (CHAIN_TITLES.get(name, name), ratio, chain["expected"][name], chain["cumulative"][name])
        for name, ratio in chain["ratios"].items()
    )
    passes = {True: "yes", False: "no", None: None}[chain["passes"]]
    return [
        Table(f"{prefix}Normalization invariant", ("Transition", "Ratio", "Expected", "Cumulative product"), steps),
        properties(
            f"{prefix}Normalization invariant, checked",
            [
                ("Full chain product (raw to truth)", chain["full_chain_product"]),
                ("Deviation from 1", chain["deviation"]),
                ("Tolerance", chain["tolerance"]),
                ("Within tolerance", passes),
                ("Primary deviation source", chain["primary"]),
                ("Largest drop", f"{drop['from']} \u2192 {drop['to']}, ratio {drop['ratio']:.3f}" if drop else None),
            ],
        ),
    ]


def _error_tables(summary: dict[str, Any], prefix: str) -> list[Table]:
    fit = summary["scaling"]
    keys = ("mean", "median", "p05", "p95", "mae", "rmse", "max_abs", "pearson_r")
    return [
        Table(
            f"{prefix}Prediction \u2194 truth scaling",
            ("Scalar", "Value", "Scaled MAE", "Scaled RMSE"),
            tuple(
                (title, fit["scalars"][key], fit["errors"][key]["mae"], fit["errors"][key]["rmse"])
                for title, key in zip(SCALAR_TITLES, SCALARS, strict=True)
            ),
        ),
        Table(
            f"{prefix}Bias",
            ("", "Mean", "Median", "p05", "p95", "MAE", "RMSE", "Max", "Pearson r"),
            tuple((part, *(summary[part][key] for key in keys)) for part in ("amplitude", "phase")),
        ),
    ]
