"""Hypotheses about the amplitude bias, as statements that a machine checks over one run, each with its evidence.

They are those of the original PtychoPINN project, whose ids they keep (docs/explanation/history.md), and one more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ptycho.diagnostics.analyses.canvas import canvas_figures, stitched_figures
from ptycho.diagnostics.analyses.configuration import fitting_side, stage_digests
from ptycho.diagnostics.analyses.grouping import group_figures
from ptycho.diagnostics.analyses.measured_quality import OF_DATA, quality_gates
from ptycho.diagnostics.analyses.probes import SAME_PROBE, recorded_probes
from ptycho.diagnostics.findings import Finding
from ptycho.diagnostics.quantities.factors import amplitude_factors
from ptycho.diagnostics.quantities.gains import gain_chain, ladder_rungs, normalize_gain, rung_named
from ptycho.diagnostics.quantities.legacy_weights import legacy_loss_weights
from ptycho.diagnostics.quantities.losses import PLATEAU, loss_course
from ptycho.diagnostics.quantities.parameters import recorded_gridsize, recorded_parameters
from ptycho.diagnostics.quantities.scales import recorded_scale, scaler_state
from ptycho.diagnostics.records import RunRecord
from ptycho.diagnostics.wording import figure_words, percent

UNITY = 0.05


@dataclass(frozen=True)
class Answer:
    """What one run says about a hypothesis."""

    status: Literal["confirmed", "ruled out", "untestable here"]
    evidence: str


@dataclass(frozen=True)
class Hypothesis:
    """A statement of what may be wrong, and the check that answers it."""

    id: str
    statement: str
    check: Callable[[RunRecord, Mapping[str, Finding]], Answer]


def confirmed(evidence: str) -> Answer:
    """The run shows it."""
    return Answer("confirmed", evidence)


def ruled_out(evidence: str) -> Answer:
    """The run contradicts it."""
    return Answer("ruled out", evidence)


def untestable(evidence: str) -> Answer:
    """The run does not hold what would decide it; ``evidence`` says what would."""
    return Answer("untestable here", evidence)


def _confirmed_by(findings: Mapping[str, Finding], *causes: str) -> Answer | None:
    """Confirmed by the first of ``causes`` that has a finding, or None."""
    return next((confirmed(findings[cause].statement) for cause in causes if cause in findings), None)


def _config(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(
        findings, "stale_configuration", "digest_mismatch", "two_scales", "configuration_mismatch"
    ):
        return answer
    own, N, photons = recorded_scale(run), run.N, run.nphotons
    if own and N and photons and fitting_side(own, photons) == N:
        stages, fits = stage_digests(run), f"the recorded scale {own:.3f} is that of this run's N = {N}"
        if stages:
            return ruled_out(f"{fits}; {len(stages)} stages ran under one configuration")
        return untestable(f"not contradicted, {fits}: needs the digest of each stage's configuration")
    return untestable("needs the recorded intensity scale, N and nphotons")


def _probe_ideal(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    delta, top = run.finite("probe", "comparison", "max_abs_delta"), run.positive("probe", "probe", "amplitude", "max")
    top = top or run.positive("probe", "sim_lines", "amplitude", "max")
    if delta is not None and top:
        if delta <= SAME_PROBE * top:
            wide = "" if "narrow_probe" not in findings else "; that it is a spot is another fault"
            return ruled_out(f"both ways of making the probe agree to {delta:.1e}{wide}")
        if run.layout != "ptycho":
            return confirmed(f"the two ways of making the probe differ by {delta:.3g}")
    if recorded_probes(run):
        return ruled_out("the probe is wide, and the model's is the data's up to its own refinement")
    return untestable("needs a probe report")


def _gridsize(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    gridsize = recorded_gridsize(run)
    if gridsize is None:
        return untestable("gridsize is not recorded: needs a run with gridsize 1")
    if gridsize != 1:
        return untestable(f"this run has gridsize {figure_words(gridsize)}: needs one with gridsize 1")
    if answer := _confirmed_by(findings, "nan_in_training"):
        return answer
    if run.series("history", "metrics", "loss") or run.table("summary"):
        return ruled_out("gridsize 1 trained without NaN")
    return untestable("needs the training's history")


def _probe_scale(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    product = run.positive("intensity", "full_chain_product")
    if product is not None:
        if abs(product - 1) <= UNITY:
            return ruled_out(f"the probe's scale cancels: the product of all gains is {product:.4f}")
        if "gain_not_undone" not in findings and "amplitude_ceiling" not in findings:
            return confirmed(f"the product of all gains is {product:.4f}, and neither gain nor ceiling explains it")
    return untestable("needs the ladder of gains, or a second run at another probe scale (harness compare)")


def _intensity_scale(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(findings, "stale_configuration", "two_scales", "unexplained_scale", "log_scale_drift"):
        return answer
    state = scaler_state(run)
    if state["ratio"]:
        return ruled_out(f"exp(log_scale) {state['exp_log_scale']:.3f} is {state['ratio']:.6f} of the configured scale")
    return untestable("needs the IntensityScaler's state")


def _overflow(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(findings, "clipped"):
        return answer
    where = stitched_figures(run)
    canvases = [canvas_figures(run, s) for s in run.subsets("reassembly").values()]
    if where["fits_canvas"]:
        return ruled_out(_fits(where["required_canvas"], where["padded_size"]))
    if canvases and all(c["fits_canvas"] for c in canvases):
        return ruled_out(_fits(canvases[0]["required_canvas"], canvases[0]["given_canvas"]))
    return untestable("needs inference statistics or a reassembly report")


def _fits(needed: float | None, given: float | None) -> str:
    return f"{figure_words(needed)} px needed, {figure_words(given)} px given"


def _kdtree(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(findings, "too_few_points", "grouping_failed"):
        return answer
    if "too_few_neighbors" in findings:
        return untestable(f"another reason comes first: {findings['too_few_neighbors'].statement}")
    groups = [group_figures(s) for s in run.subsets("grouping").values()]
    if groups and all(g["achieved"] for g in groups):
        return ruled_out(
            f"{figure_words(groups[0]['achieved'])} of {figure_words(groups[0]['requested'])} groups were made"
        )
    if run.stages and any(s.get("name") == "grouped_diffraction" for s in run.stages):
        return ruled_out("groups were made")
    return untestable("needs a grouping report")


def _loss_wiring(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    step = rung_named(run, "normalized_to_predicted")
    if step is None:
        return untestable(
            "needs the ladder of gains: the predicted against the measured diffraction, in the loss's own units"
        )
    measured, expected = step.measured, step.expected
    if "amplitude_ceiling" in findings:
        return untestable("the amplitude head's ceiling hides it")
    if abs(math.log(measured / expected)) <= 2 * UNITY:
        return ruled_out(f"the network's own diffraction is {measured:.4f} of what its loss compares it with")
    return confirmed(f"the network's own diffraction is {measured:.4f} of what its loss compares it with")


def _legacy(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    return untestable("needs a run of the other code path: harness compare RUN_A RUN_B says which stage differs first")


def _seeds(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if run.table("metadata", "config"):
        seeds = [name for name in recorded_parameters(run) if name.endswith("seed")]
        return ruled_out(f"{len(seeds)} seeds are recorded, and nothing is drawn without one")
    places = (("metadata",), ("grouping", "metadata", "parameters"), ("reassembly", "metadata", "parameters"))
    recorded = {k: v for k in ("object_seed", "sim_seed") for p in places if (v := run.finite(*p, k)) is not None}
    if recorded:
        values = ", ".join(f"{key} {value:.0f}" for key, value in recorded.items())
        return untestable(f"the simulation's are recorded ({values}): needs those of weights and batches")
    return untestable("needs the run's seeds")


def _loss_weight(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    report = run.table("parameters")
    parity = legacy_loss_weights(report) if report else []
    if parity:
        if all(p["mode"] == "as recorded" for p in parity):
            return untestable("needs the loss mode of the legacy weights: they are conditional on it")
        main = [p for p in parity if p["mode"] == "nll"] or parity
        differ = [p for p in main if not p["same"]]
        if differ:
            return confirmed(
                f"{differ[0]['weight']}: {differ[0]['legacy']:g} ({differ[0]['legacy_is']}) "
                f"against {differ[0]['scenario_value']:g}"
            )
        return ruled_out(
            f"the {main[0]['mode']} mode's weights agree, "
            f"{sum(p['legacy_is'] == 'default' for p in main)} of them by default"
        )
    return untestable("needs a second run or a report of both configurations (harness compare)")


def _normalization(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(findings, "gain_not_undone"):
        return answer
    product = run.positive("intensity", "full_chain_product")
    if product is not None and abs(product - 1) <= UNITY:
        return ruled_out(f"the product of all gains is {product:.4f}")
    factors = amplitude_factors(run)
    if factors is not None and normalize_gain(run) is not None and abs(factors[-1].value - 1) <= UNITY:
        return ruled_out(f"{percent(factors[-1].value - 1)} of the amplitude stay unexplained")
    return untestable("needs prediction, truth and the gain")


def _training(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(findings, "flat_loss", "rising_loss", "exploding_gradient", "vanishing_gradient"):
        return answer
    loss, chain = loss_course(run), gain_chain(run)
    settled = loss["last_third"] is not None and loss["last_third"] < PLATEAU
    if loss["moved"] and not settled and not (ladder_rungs(run) and chain["passes"]):
        return untestable(f"the loss still falls after {loss['epochs']} epochs: needs a longer training")
    if loss["moved"]:
        return ruled_out(f"{loss['epochs']} epochs lowered the loss from {loss['first']:.6g} to {loss['last']:.6g}")
    return untestable("needs the training's history")


def _architecture(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    if answer := _confirmed_by(findings, "amplitude_ceiling", "dead_output"):
        return answer
    if run.table("intensity", "amplitude_head"):
        return ruled_out("the amplitude head reaches what the data require, and every trainable weight moved")
    return untestable("needs the amplitude head's range and the weights before and after training")


def _measured(run: RunRecord, findings: Mapping[str, Finding]) -> Answer:
    causes = [cause for cause, f in findings.items() if cause.startswith("preflight_") and f.level == "fault"]
    if answer := _confirmed_by(findings, *causes):
        return answer
    gates = quality_gates(run)
    if failed := [gate for gate in gates if not gate["passed"] and gate["name"] in OF_DATA]:
        return confirmed(f"{failed[0]['name']}: {failed[0]['evidence']}")
    if gates:
        refused = "the preflight refused nothing, and " if run.table("metadata", "preflight") else ""
        return ruled_out(f"{refused}{len(gates)} gates on quality hold")
    return untestable("needs a run of measured data with its preflight")


HYPOTHESES = (
    Hypothesis("H-CONFIG", "A stale configuration was read (CONFIG-001).", _config),
    Hypothesis("H-PROBE-IDEAL-REGRESSION", "The ideal probe is not made as it was.", _probe_ideal),
    Hypothesis("H-GRIDSIZE-NUMERIC", "gridsize 1 takes a degenerate numeric path.", _gridsize),
    Hypothesis("H-PROBE-SCALE-CUSTOM", "The probe's scale leaks into the amplitude.", _probe_scale),
    Hypothesis("H-INTENSITY-SCALE", "The intensity scale that ran is not the one recorded.", _intensity_scale),
    Hypothesis("H-OFFSET-OVERFLOW", "Offsets exceed the padded canvas.", _overflow),
    Hypothesis("H-GROUPING-KDTREE", "Grouping fails on a small data set.", _kdtree),
    Hypothesis("H-LOSS-WIRING", "The loss is given wrongly scaled inputs.", _loss_wiring),
    Hypothesis("H-LEGACY-CODEPATH", "The legacy code path computes something else.", _legacy),
    Hypothesis("H-SEED-DIVERGENCE", "Seeds are not controlled.", _seeds),
    Hypothesis("H-LOSS-WEIGHT", "The loss weights differ from the legacy ones.", _loss_weight),
    Hypothesis("H-NORMALIZATION", "Normalisation biases the amplitude.", _normalization),
    Hypothesis("H-TRAINING-PARAMS", "The optimisation is set so that it cannot converge.", _training),
    Hypothesis("H-ARCHITECTURE", "The model cannot represent or learn the answer.", _architecture),
    Hypothesis("H-MEASURED-DATA", "Measured data are not what they were said to be.", _measured),
)


def check_hypotheses(run: RunRecord, findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Every hypothesis with its status and evidence; ``findings`` are the run's own."""
    by_cause = {f.cause: f for f in reversed(findings)}
    rows = []
    for h in HYPOTHESES:
        answer = h.check(run, by_cause)
        rows.append({"id": h.id, "statement": h.statement, "status": answer.status, "evidence": answer.evidence})
    return rows
