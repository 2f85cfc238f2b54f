"""Training health: what became NaN and when, what did not move, and what moved too far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table, filled, properties
from ptycho.diagnostics.quantities.losses import PLATEAU, gradient_norms, loss_course
from ptycho.diagnostics.quantities.non_finite import NonFinite, non_finite
from ptycho.diagnostics.quantities.scales import scaler_state
from ptycho.diagnostics.records import RunRecord, number_or_none
from ptycho.diagnostics.wording import figure_words

VANISHED, EXPLODED = 1e-6, 1e4  # of the first epoch's gradient norm
DEAD = 1e-5  # standard deviation over mean
FAR_FROM_ORACLE = 0.1  # of pearson_r with the truth
ONE_BIT = 3e-7  # relative; about two units in float32's last place


@dataclass(frozen=True)
class TrainingHealth:
    """How one run's training went; ``epochs`` and ``exp_log_scale`` are evidence, None where they are not recorded."""

    nan: NonFinite
    unmoved: list[str]
    loss: dict[str, Any]
    gradient: dict[str, float | None]
    output: dict[str, Any]
    far_from_oracle: list[str]
    epochs: float | None
    exp_log_scale: float | None

    @property
    def vanished(self) -> bool:
        """Whether the last gradient is nothing beside the first."""
        first, last = self.gradient["first"], self.gradient["last"]
        return bool(first) and last is not None and last < VANISHED * first  # type: ignore[operator]

    @property
    def exploded(self) -> bool:
        """Whether the largest gradient is far beyond the first."""
        first, most = self.gradient["first"], self.gradient["max"]
        return bool(first) and most is not None and most > EXPLODED * first  # type: ignore[operator]

    @property
    def settled(self) -> bool:
        """Whether the loss is on a plateau, after enough epochs to say so."""
        last_third = self.loss["last_third"]
        return last_third is not None and last_third < PLATEAU and self.loss["epochs"] >= 6


def read_health(run: RunRecord) -> TrainingHealth:
    """How the run's training went, from what it recorded."""
    loss = loss_course(run)
    return TrainingHealth(
        non_finite(run),
        recorded_unmoved(run),
        loss,
        gradient_norms(run),
        output_spread(run),
        oracle_gaps(run),
        loss["epochs"] or run.finite("metadata", "nepochs"),
        scaler_state(run)["exp_log_scale"],
    )


def recorded_unmoved(run: RunRecord) -> list[str]:
    """Weights declared trainable that training did not move by one bit, or that the model never tracked."""
    listed = run.get("weights", "unmoved")
    if isinstance(listed, list):
        return [w[:120] for w in listed[:100] if isinstance(w, str)]
    state = scaler_state(run)
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


def output_spread(run: RunRecord) -> dict[str, Any]:
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


def oracle_gaps(run: RunRecord) -> list[str]:
    """Where the network's correlation with the truth is far below that of its oracle, in words; often nowhere."""
    found = []
    for name in ("amplitude", "phase"):
        network = run.finite("metrics", name, "pearson_r")
        oracle = run.finite("metrics", "oracle", name, "pearson_r")
        if network is not None and oracle is not None and oracle - network > FAR_FROM_ORACLE:
            found.append(f"{name} pearson_r {network:.2f} against {oracle:.2f}")
    return found


def analyze_training_health(run: RunRecord) -> Analysis | None:
    """The health of one run's training."""
    if not any(part in run.parts for part in ("history", "summary", "error", "weights", "intensity", "metrics")):
        return None
    health = read_health(run)
    head, state = run.table("intensity", "amplitude_head"), scaler_state(run)
    start = state["log_scale_initial"]
    figures = {
        "nan": health.nan.events,
        "unmoved": health.unmoved,
        "loss": health.loss,
        "gradient_norm": health.gradient,
        "output": health.output,
        "amplitude_head": {
            "kind": head["kind"][:20] if isinstance(head.get("kind"), str) else None,
            **{
                key: number_or_none(head.get(key))
                for key in ("ceiling", "required_rms", "predicted_rms", "saturated_share")
            },
        },
        "log_scale": {
            "log_scale": state["log_scale"],
            "initial": start,
            "trainable": state["trainable"],
            "drift": state["log_scale"] - start if state["log_scale"] is not None and start is not None else None,
        },
    }
    findings = tuple(evaluate(HEALTH_CHECKS, health))
    return Analysis("training_health", "Training health", figures, filled(_tables(figures)), (), findings)


def _tables(figures: dict[str, Any]) -> list[Table]:
    loss, output = figures["loss"], figures["output"]
    return [
        Table(
            "Metrics that became non-finite",
            ("Metric", "Epoch", "Step"),
            tuple((e["metric"], e["epoch"], e["step"]) for e in figures["nan"]),
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
        properties("Gradient norm, before clipping", list(figures["gradient_norm"].items())),
        properties(
            "Prediction",
            [("Mean amplitude", output["mean"]), ("Standard deviation", output["std"]), ("NaN", output["nan_count"])],
        ),
        properties("Amplitude head", list(figures["amplitude_head"].items())),
        properties("log_scale", list(figures["log_scale"].items())),
        Table("Declared trainable, not moved", ("Weight",), tuple((w,) for w in figures["unmoved"])),
    ]


def _nan_statement(health: TrainingHealth) -> str:
    """Which metric was first, where one was, and when."""
    events = health.nan.events
    first = min(events, key=lambda e: (e["epoch"] is None, e["epoch"] or 0, e["step"] or 0))
    at_once = [e for e in events if (e["epoch"], e["step"]) == (first["epoch"], first["step"])]
    who = f"{first['metric']} first" if len(at_once) == 1 else f"{len(at_once)} metrics at once"
    when = f" in epoch {figure_words(first['epoch'])}" if first["epoch"] is not None else ""
    when += f", step {figure_words(first['step'])}" if first["step"] is not None else ""
    return f"Training became non-finite: {who}{when}."


def _unmoved_evidence(health: TrainingHealth) -> tuple[str, ...]:
    scale = health.exp_log_scale
    compared = f"exp(log_scale) {scale:.3f}, at the start the same" if scale else "compared with the initial weights"
    return (f"{figure_words(health.epochs)} epochs; {compared}",)


HEALTH_CHECKS: tuple[CauseCheck[TrainingHealth], ...] = (
    CauseCheck(
        cause="nan_in_training",
        level="fault",
        when=lambda h: h.nan.events,
        statement=_nan_statement,
        evidence=lambda h: (f"non-finite: {', '.join(e['metric'] for e in h.nan.events)}",),
        remedy="Check for a stale configuration first (the upstream reports' NaN came from one), then that batch.",
        weight=10.0,
    ),
    CauseCheck(
        cause="nan_in_training",
        level="fault",
        when=lambda h: h.nan.metrics and not h.nan.events,
        statement="Training became non-finite.",
        evidence=lambda h: (f"non-finite: {', '.join(h.nan.metrics or ())}",),
        remedy="Look at the first epoch's batches.",
        weight=10.0,
    ),
    CauseCheck(
        cause="nan_reconstruction",
        level="fault",
        when=lambda h: h.output["nan_count"],
        statement=lambda h: (
            f"{h.output['nan_count']:,.0f} pixels of the reconstruction are NaN; its metrics are of what is left."
        ),
        remedy="Look at the training first: nothing that was measured here says anything about the object.",
        weight=9.5,
    ),
    CauseCheck(
        cause="untrained_weight",
        level="fault",
        when=lambda h: h.unmoved and not h.nan.events,
        statement=lambda h: f"Declared trainable, and not moved by one bit in training: {', '.join(h.unmoved[:5])}.",
        evidence=_unmoved_evidence,
        remedy="Make it a weight of the layer (add_weight): Keras 3 does not track a bare variable.",
        weight=0.25,
    ),
    CauseCheck(
        cause="flat_loss",
        level="warning",
        when=lambda h: h.loss["moved"] is False,
        statement=lambda h: f"The loss never moved from {h.loss['first']:.6g}.",
        evidence=lambda h: (f"{h.loss['epochs']} epochs",),
        remedy="Check that gradients reach the weights, and the learning rate.",
        weight=1.0,
    ),
    CauseCheck(
        cause="rising_loss",
        level="warning",
        when=lambda h: h.loss["rose"] and h.loss["moved"],
        statement=lambda h: f"The loss rose, from {h.loss['first']:.6g} to {h.loss['last']:.6g}.",
        evidence=lambda h: (f"{h.loss['epochs']} epochs",),
        remedy="Lower the learning rate.",
        weight=0.8,
    ),
    CauseCheck(
        cause="plateau",
        level="info",
        when=lambda h: h.settled and h.loss["moved"] and not h.loss["rose"],
        statement=lambda h: (
            f"The loss has settled: {100 * h.loss['last_third']:.2g} % of its descent fell in the last third."
        ),
        remedy="More epochs will not help.",
    ),
    CauseCheck(
        cause="far_from_oracle",
        level="info",
        when=lambda h: h.far_from_oracle,
        statement=lambda h: f"The network is far from what the data allow: {'; '.join(h.far_from_oracle)}.",
        evidence=lambda h: ("of network and oracle with the truth, over the support",),
        remedy="Train longer, on more groups, or with another architecture.",
    ),
    CauseCheck(
        cause="dead_output",
        level="fault",
        when=lambda h: h.output["dead"],
        statement=lambda h: f"The prediction is constant: {figure_words(h.output['mean'])} everywhere.",
        evidence=lambda h: (f"standard deviation {figure_words(h.output['std'])}",),
        remedy="Look at the amplitude head's gradient: a dead relu, or a head at its end.",
        weight=3.0,
    ),
    CauseCheck(
        cause="vanishing_gradient",
        level="warning",
        when=lambda h: h.vanished,
        statement=lambda h: (
            f"The gradient vanished: {h.gradient['last']:.3g} of {h.gradient['first']:.3g} at the start."
        ),
        remedy="Look for a saturated head or a loss that no longer sees the data.",
        weight=0.7,
    ),
    CauseCheck(
        cause="exploding_gradient",
        level="warning",
        when=lambda h: h.exploded,
        statement=lambda h: f"The gradient exploded: {h.gradient['max']:.3g}, {h.gradient['first']:.3g} at the start.",
        remedy="Lower the learning rate or the clipping norm.",
        weight=0.9,
    ),
)
