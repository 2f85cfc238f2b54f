"""Training health: what became NaN and when, what did not move, and what moved too far."""

from __future__ import annotations

import math
from typing import Any

from ptycho.diagnostics import bias, intensity
from ptycho.diagnostics.findings import Analysis, Finding, Table, properties, shown
from ptycho.diagnostics.run import Run, get, number

FLAT = 1e-7  # of its own size; a loss that moves less never moved
SETTLED = 0.01  # share of the whole descent; less in the last third is a plateau
VANISHED, EXPLODED = 1e-6, 1e4  # of the first epoch's gradient norm
DEAD = 1e-5  # standard deviation over mean
ONE_BIT = 3e-7  # relative; about two units in float32's last place


def nan_events(run: Run) -> list[dict[str, Any]]:
    """Which metric became non-finite first, in which epoch and step, as far as it is recorded."""
    found: dict[str, dict[str, Any]] = {}
    for place in (
        ("summary", "metrics"),
        ("summary", "nan_overview", "metrics"),
        ("metadata", "training_nan_overview", "metrics"),
    ):
        for name, told in list(run.table(*place).items())[:100]:
            epoch, step = number(get(told, "first_nan_epoch")), number(get(told, "first_nan_step"))
            if run.layout != "ptycho":  # upstream counts epochs from 0, and its "step" is their place in the list
                epoch, step = epoch + 1 if epoch is not None else None, None
            if get(told, "has_nan") is True or epoch is not None:
                found.setdefault(name[:80], {"metric": name[:80], "epoch": epoch, "step": step})
    for name in list(run.table("history", "metrics"))[:100]:
        series = run.get("history", "metrics", name)
        values = map(number, series) if isinstance(series, list) else ()
        bad = next((i for i, v in enumerate(values) if v is not None and not math.isfinite(v)), None)
        if bad is not None and name not in found:
            found[name[:80]] = {"metric": name[:80], "epoch": bad + 1, "step": None}
    error = run.table("error")
    listed = error.get("components")
    for name in listed[:20] if isinstance(listed, list) else ():
        if isinstance(name, str):
            found[name[:80]] = {
                "metric": name[:80],
                "epoch": number(error.get("epoch")),
                "step": number(error.get("step")),
            }
    return [found[name] for name in sorted(found)]


def unmoved(run: Run) -> list[str]:
    """Weights declared trainable that training did not move by one bit, or that the model never tracked."""
    listed = run.get("weights", "unmoved")
    if isinstance(listed, list):
        return [w[:120] for w in listed[:100] if isinstance(w, str)]
    state = intensity.scaler(run)
    start = state["log_scale_initial"]
    if start is None and state["config_intensity_scale"]:
        start = math.log(state["config_intensity_scale"])
    trained = len(run.series("history", "metrics", "loss")) or (run.finite("metadata", "nepochs") or 0)
    if (
        state["trainable"]
        and trained
        and start
        and state["log_scale"] is not None
        and abs(state["log_scale"] / start - 1) < ONE_BIT
    ):
        return ["log_scale"]
    return []


def losses(run: Run) -> dict[str, Any]:
    """How the total loss went."""
    series = [v for v in run.series("history", "metrics", "loss") if math.isfinite(v)]
    if len(series) < 2:
        return {
            "epochs": len(series),
            "first": series[0] if series else None,
            "last": series[-1] if series else None,
            "moved": None,
            "last_third": None,
            "rose": None,
        }
    size = max(abs(v) for v in series) or 1.0
    descent = max(series) - min(series)
    third = series[-max(2, len(series) // 3) :]
    return {
        "epochs": len(series),
        "first": series[0],
        "last": series[-1],
        "moved": descent > FLAT * size,
        "last_third": (max(third) - min(third)) / descent if descent > 0 else 0.0,
        "rose": series[-1] > series[0] + FLAT * size and series[-1] >= max(series) - FLAT * size,
    }


def gradients(run: Run) -> dict[str, float | None]:
    """Norm of the gradient over the epochs, before clipping."""
    series = [v for v in run.series("history", "metrics", "gradient_norm") if math.isfinite(v)]
    if not series:
        return {"first": None, "last": None, "min": None, "max": None}
    return {"first": series[0], "last": series[-1], "min": min(series), "max": max(series)}


def spread(run: Run) -> dict[str, Any]:
    """Whether the prediction varies at all; over the covered part where that is recorded apart."""
    place = (
        ("inference", "amplitude")
        if run.layout == "ptycho" and run.table("inference", "amplitude")
        else ("metrics", "amplitude", "pred_stats")
    )
    mean, std, nan = (run.number(*place, key) for key in ("mean", "std", "nan_count"))
    dead = None
    if mean is not None and std is not None and math.isfinite(mean) and math.isfinite(std) and not nan:
        dead = std <= DEAD * abs(mean)
    return {"mean": mean, "std": std, "nan_count": nan, "dead": dead}


def analyze(run: Run) -> Analysis | None:
    """The health of one run's training."""
    if not any(part in run.parts for part in ("history", "summary", "error", "weights", "intensity", "metrics")):
        return None
    events, still, loss, slope, output = nan_events(run), unmoved(run), losses(run), gradients(run), spread(run)
    head = run.table("intensity", "amplitude_head")
    saturation = {
        "kind": head["kind"][:20] if isinstance(head.get("kind"), str) else None,
        **{key: number(head.get(key)) for key in ("ceiling", "required_rms", "predicted_rms", "saturated_share")},
    }
    state = intensity.scaler(run)
    start = state["log_scale_initial"]
    drift = {
        "log_scale": state["log_scale"],
        "initial": start,
        "trainable": state["trainable"],
        "drift": state["log_scale"] - start if state["log_scale"] is not None and start is not None else None,
    }
    figures = {
        "nan": events,
        "unmoved": still,
        "loss": loss,
        "gradient_norm": slope,
        "output": output,
        "amplitude_head": saturation,
        "log_scale": drift,
    }
    tables = [
        Table(
            "Metrics that became non-finite",
            ("Metric", "Epoch", "Step"),
            tuple((e["metric"], e["epoch"], e["step"]) for e in events),
        ),
        properties(
            "Loss",
            [
                ("Epochs", loss["epochs"]),
                ("First", loss["first"]),
                ("Last", loss["last"]),
                ("Share of the descent in the last third", loss["last_third"]),
            ],
        ),
        properties("Gradient norm, before clipping", list(slope.items())),
        properties(
            "Prediction",
            [("Mean amplitude", output["mean"]), ("Standard deviation", output["std"]), ("NaN", output["nan_count"])],
        ),
        properties("Amplitude head", list(saturation.items())),
        properties("log_scale", list(drift.items())),
        Table("Declared trainable, not moved", ("Weight",), tuple((w,) for w in still)),
    ]
    return Analysis(
        "training_health", "Training health", figures, tuple(t for t in tables if t.rows), (), tuple(findings(run))
    )


def findings(run: Run) -> list[Finding]:
    """What a training must not do."""
    found = []
    events, still, loss, slope, output = nan_events(run), unmoved(run), losses(run), gradients(run), spread(run)
    if events:
        first = min(events, key=lambda e: (e["epoch"] is None, e["epoch"] or 0, e["step"] or 0))
        at_once = [e for e in events if (e["epoch"], e["step"]) == (first["epoch"], first["step"])]
        who = f"{first['metric']} first" if len(at_once) == 1 else f"{len(at_once)} metrics at once"
        when = f" in epoch {shown(first['epoch'])}" if first["epoch"] is not None else ""
        when += f", step {shown(first['step'])}" if first["step"] is not None else ""
        found.append(
            Finding(
                "nan_in_training",
                "fault",
                f"Training became non-finite: {who}{when}.",
                (f"non-finite: {', '.join(e['metric'] for e in events)}",),
                "Check for a stale configuration first (the upstream reports' NaN came from one), then that batch.",
                10.0,
            )
        )
    elif names := bias.nan_metrics(run):
        found.append(
            Finding(
                "nan_in_training",
                "fault",
                "Training became non-finite.",
                (f"non-finite: {', '.join(names)}",),
                "Look at the first epoch's batches.",
                10.0,
            )
        )
    if output["nan_count"]:
        found.append(
            Finding(
                "nan_reconstruction",
                "fault",
                f"{output['nan_count']:,.0f} pixels of the reconstruction are NaN; its metrics are of what is left.",
                (),
                "Look at the training first: nothing that was measured here says anything about the object.",
                9.5,
            )
        )
    if still and not events:
        state = intensity.scaler(run)
        said = (
            f"exp(log_scale) {state['exp_log_scale']:.3f}, at the start the same"
            if state["exp_log_scale"]
            else "compared with the initial weights"
        )
        found.append(
            Finding(
                "untrained_weight",
                "fault",
                f"Declared trainable, and not moved by one bit in training: {', '.join(still[:5])}.",
                (f"{shown(loss['epochs'] or run.finite('metadata', 'nepochs'))} epochs; {said}",),
                "Make it a weight of the layer (add_weight): Keras 3 does not track a bare variable.",
                0.25,
            )
        )
    if loss["moved"] is False:
        found.append(
            Finding(
                "flat_loss",
                "warning",
                f"The loss never moved from {loss['first']:.6g}.",
                (f"{loss['epochs']} epochs",),
                "Check that gradients reach the weights, and the learning rate.",
                1.0,
            )
        )
    elif loss["rose"]:
        found.append(
            Finding(
                "rising_loss",
                "warning",
                f"The loss rose, from {loss['first']:.6g} to {loss['last']:.6g}.",
                (f"{loss['epochs']} epochs",),
                "Lower the learning rate.",
                0.8,
            )
        )
    elif loss["last_third"] is not None and loss["last_third"] < SETTLED and loss["epochs"] >= 6:
        found.append(
            Finding(
                "plateau",
                "info",
                f"The loss has settled: {100 * loss['last_third']:.2g} % of its descent fell in the last third.",
                (),
                "More epochs will not help.",
            )
        )
    if output["dead"]:
        found.append(
            Finding(
                "dead_output",
                "fault",
                f"The prediction is constant: {shown(output['mean'])} everywhere.",
                (f"standard deviation {shown(output['std'])}",),
                "Look at the amplitude head's gradient: a dead relu, or a head at its end.",
                3.0,
            )
        )
    if slope["first"]:
        if slope["last"] is not None and slope["last"] < VANISHED * slope["first"]:
            found.append(
                Finding(
                    "vanishing_gradient",
                    "warning",
                    f"The gradient vanished: {slope['last']:.3g} of {slope['first']:.3g} at the start.",
                    (),
                    "Look for a saturated head or a loss that no longer sees the data.",
                    0.7,
                )
            )
        if slope["max"] is not None and slope["max"] > EXPLODED * slope["first"]:
            found.append(
                Finding(
                    "exploding_gradient",
                    "warning",
                    f"The gradient exploded: {slope['max']:.3g}, {slope['first']:.3g} at the start.",
                    (),
                    "Lower the learning rate or the clipping norm.",
                    0.9,
                )
            )
    return found
