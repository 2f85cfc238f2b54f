"""The seeds' hypotheses as statements that a machine checks over one run, each with its evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ptycho.diagnostics import attribution, audit, bias, geometry, health, intensity, probe
from ptycho.diagnostics.findings import Finding, percent, shown
from ptycho.diagnostics.run import Run

Status = Literal["confirmed", "ruled out", "untestable here"]
UNITY = 0.05


@dataclass(frozen=True)
class Answer:
    """What one run says about a hypothesis."""

    status: Status
    evidence: str


@dataclass(frozen=True)
class Hypothesis:
    """A statement of the seeds, and the check that answers it."""

    id: str
    statement: str
    check: Callable[[Run, dict[str, Finding]], Answer]


def confirmed(evidence: str) -> Answer:
    """The run shows it."""
    return Answer("confirmed", evidence)


def ruled_out(evidence: str) -> Answer:
    """The run contradicts it."""
    return Answer("ruled out", evidence)


def untestable(evidence: str) -> Answer:
    """The run does not hold what would decide it; ``evidence`` says what would."""
    return Answer("untestable here", evidence)


def _told(found: dict[str, Finding], *causes: str) -> Answer | None:
    """Confirmed by the first of ``causes`` that was found."""
    return next((confirmed(found[cause].statement) for cause in causes if cause in found), None)


def _config(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "stale_configuration", "digest_mismatch", "two_scales", "configuration_mismatch"):
        return answer
    own, N, photons = intensity.recorded_scale(run), run.N, run.nphotons
    if own and N and photons and audit.fitting_side(own, photons) == N:
        stages, fits = audit.digests(run), f"the recorded scale {own:.3f} is that of this run's N = {N}"
        if stages:
            return ruled_out(f"{fits}; {len(stages)} stages ran under one configuration")
        return untestable(f"not contradicted, {fits}: needs the digest of each stage's configuration")
    return untestable("needs the recorded intensity scale, N and nphotons")


def _probe_ideal(run: Run, found: dict[str, Finding]) -> Answer:
    delta, top = run.finite("probe", "comparison", "max_abs_delta"), run.positive("probe", "probe", "amplitude", "max")
    top = top or run.positive("probe", "sim_lines", "amplitude", "max")
    if delta is not None and top:
        if delta <= probe.SAME * top:
            wide = "" if "narrow_probe" not in found else "; that it is a spot is another fault"
            return ruled_out(f"both ways of making the probe agree to {delta:.1e}{wide}")
        if run.layout != "ptycho":
            return confirmed(f"the two ways of making the probe differ by {delta:.3g}")
    if probe.probes(run):
        return ruled_out("the probe is wide, and the model's is the data's up to its own refinement")
    return untestable("needs a probe report")


def _gridsize(run: Run, found: dict[str, Finding]) -> Answer:
    gridsize = audit.gridsize_of(run)
    if gridsize is None:
        return untestable("gridsize is not recorded: needs a run with gridsize 1")
    if gridsize != 1:
        return untestable(f"this run has gridsize {shown(gridsize)}: needs one with gridsize 1")
    if answer := _told(found, "nan_in_training"):
        return answer
    if run.series("history", "metrics", "loss") or run.table("summary"):
        return ruled_out("gridsize 1 trained without NaN")
    return untestable("needs the training's history")


def _probe_scale(run: Run, found: dict[str, Finding]) -> Answer:
    product = run.positive("intensity", "full_chain_product")
    if product is not None:
        if abs(product - 1) <= UNITY:
            return ruled_out(f"the probe's scale cancels: the product of all gains is {product:.4f}")
        if "gain_not_undone" not in found and "amplitude_ceiling" not in found:
            return confirmed(f"the product of all gains is {product:.4f}, and neither gain nor ceiling explains it")
    return untestable("needs the ladder of gains, or a second run at another probe scale (harness compare)")


def _intensity_scale(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "stale_configuration", "two_scales", "unexplained_scale", "log_scale_drift"):
        return answer
    state = intensity.scaler(run)
    if state["ratio"]:
        return ruled_out(f"exp(log_scale) {state['exp_log_scale']:.3f} is {state['ratio']:.6f} of the configured scale")
    return untestable("needs the IntensityScaler's state")


def _overflow(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "clipped"):
        return answer
    where = geometry.placed(run)
    told = [geometry.reassembly(run, s) for s in geometry.subsets(run, "reassembly").values()]
    if where["fits_canvas"]:
        return ruled_out(f"{shown(where['required_canvas'])} px needed, {shown(where['padded_size'])} px given")
    if told and all(t["fits_canvas"] for t in told):
        return ruled_out(f"{shown(told[0]['required_canvas'])} px needed, {shown(told[0]['given_canvas'])} px given")
    return untestable("needs inference statistics or a reassembly report")


def _kdtree(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "too_few_points", "grouping_failed"):
        return answer
    if "too_few_neighbors" in found:
        return untestable(f"another reason comes first: {found['too_few_neighbors'].statement}")
    told = [geometry.grouping(s) for s in geometry.subsets(run, "grouping").values()]
    if told and all(t["achieved"] for t in told):
        return ruled_out(f"{shown(told[0]['achieved'])} of {shown(told[0]['requested'])} groups were made")
    if run.stages and any(s.get("name") == "grouped_diffraction" for s in run.stages):
        return ruled_out("groups were made")
    return untestable("needs a grouping report")


def _loss_wiring(run: Run, found: dict[str, Finding]) -> Answer:
    step = intensity.rung(run, "normalized_to_predicted")
    if step is None:
        return untestable(
            "needs the ladder of gains: the predicted against the measured diffraction, in the loss's own units"
        )
    measured, expected = step.measured, step.expected
    if "amplitude_ceiling" in found:
        return untestable("the amplitude head's ceiling hides it")
    if abs(math.log(measured / expected)) <= 2 * UNITY:
        return ruled_out(f"the network's own diffraction is {measured:.4f} of what its loss compares it with")
    return confirmed(f"the network's own diffraction is {measured:.4f} of what its loss compares it with")


def _legacy(run: Run, found: dict[str, Finding]) -> Answer:
    return untestable("needs a run of the other code path: harness compare RUN_A RUN_B says which stage differs first")


def _seeds(run: Run, found: dict[str, Finding]) -> Answer:
    if run.table("metadata", "config"):
        seeds = [name for name in audit.parameters(run) if name.endswith("seed")]
        return ruled_out(f"{len(seeds)} seeds are recorded, and nothing is drawn without one")
    places = (("metadata",), ("grouping", "metadata", "parameters"), ("reassembly", "metadata", "parameters"))
    recorded = {k: v for k in ("object_seed", "sim_seed") for p in places if (v := run.finite(*p, k)) is not None}
    if recorded:
        told = ", ".join(f"{key} {value:.0f}" for key, value in recorded.items())
        return untestable(f"the simulation's are recorded ({told}): needs those of weights and batches")
    return untestable("needs the run's seeds")


def _loss_weight(run: Run, found: dict[str, Finding]) -> Answer:
    report = run.table("parameters")
    parity = audit.loss_parity(report) if report else []
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


def _normalization(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "gain_not_undone"):
        return answer
    product = run.positive("intensity", "full_chain_product")
    if product is not None and abs(product - 1) <= UNITY:
        return ruled_out(f"the product of all gains is {product:.4f}")
    factors = attribution.factors(run)
    if factors is not None and intensity.gain(run) is not None and abs(factors[-1].value - 1) <= UNITY:
        return ruled_out(f"{percent(factors[-1].value - 1)} of the amplitude stay unexplained")
    return untestable("needs prediction, truth and the gain")


def _training(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "flat_loss", "rising_loss", "exploding_gradient", "vanishing_gradient"):
        return answer
    loss, chain = health.losses(run), bias.chain(run)
    settled = loss["last_third"] is not None and loss["last_third"] < health.SETTLED
    if loss["moved"] and not settled and not (intensity.ladder(run) and chain["passes"]):
        return untestable(f"the loss still falls after {loss['epochs']} epochs: needs a longer training")
    if loss["moved"]:
        return ruled_out(f"{loss['epochs']} epochs lowered the loss from {loss['first']:.6g} to {loss['last']:.6g}")
    return untestable("needs the training's history")


def _architecture(run: Run, found: dict[str, Finding]) -> Answer:
    if answer := _told(found, "amplitude_ceiling", "dead_output"):
        return answer
    if run.table("intensity", "amplitude_head"):
        return ruled_out("the amplitude head reaches what the data require, and every trainable weight moved")
    return untestable("needs the amplitude head's range and the weights before and after training")


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
)


def check(run: Run, findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Every hypothesis with its status and evidence; ``findings`` are the run's own."""
    by_cause = {f.cause: f for f in reversed(findings)}
    told = []
    for h in HYPOTHESES:
        answer = h.check(run, by_cause)
        told.append({"id": h.id, "statement": h.statement, "status": answer.status, "evidence": answer.evidence})
    return told
