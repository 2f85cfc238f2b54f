"""A proof as strict JSON, by ``schemas/harness/prove.schema.json``."""

from __future__ import annotations

from harness.core import text
from harness.core.protocol import Json
from harness.study.prove.answer.rates import RateRow, rates_of, tables
from harness.study.prove.answer.suggestions import Suggestion, suggestions
from harness.study.prove.proof import PROVE_VERSION, Proof


def overall(proof: Proof) -> RateRow:
    """The rates of all that was tried."""
    return rates_of("all", proof.outcomes)


def proof_headline(proof: Proof) -> str:
    """What a proof says, in one sentence."""
    rates = overall(proof)
    if rates.detection.value is None:
        return f"nothing that could be caught was tried: {len(proof.of('equivalent'))} equivalent"
    low, high = rates.detection.interval
    caught = f"caught {rates.detection.hits} of {text.count(rates.detection.of, 'fault')}"
    where = f", {rates.localisation.hits} of them in the right stage" if rates.detection.hits else ""
    return f"{caught} ({percentage(rates.detection.value)}, {percentage(low)} to {percentage(high)}){where}"


def percentage(share: float | None) -> str:
    """A share for people, of which 100 % is all and 0 % nothing, whatever is rounded."""
    if share is None:
        return "–"
    shown = f"{100 * share:.1f}".removesuffix(".0")
    return f"{'99.9' if shown == '100' and share < 1 else '0.1' if shown == '0' and share > 0 else shown} %"


def proof_remarks(proof: Proof) -> list[str]:
    """What a reader has to know of it, one sentence each."""
    done, found = len(proof.outcomes), []
    if done < proof.wanted:
        found.append(
            f"{done} of the {proof.wanted} mutants of the sample were tried: run it again, it goes on from there"
        )
    there = sum(proof.population.values())
    if proof.wanted < there:
        found.append(f"the sample is {proof.wanted:,} of {there:,} mutants, stratified, with seed {proof.seed}")
    if proof.idle:
        found.append(f"{text.count(proof.idle, 'more mutant')} would be in lines that no stage of these scenarios runs")
    if not proof.training:
        found.append("nothing was trained: what training decides was judged in the replay alone")
    if untried := proof.of("untried"):
        found.append(f"{text.count(len(untried), 'mutant')} could not be tried: {untried[0].reason}")
    return found + [f"{name} cannot run here: {why}" for name, why in proof.skipped.items()]


def proof_to_json(proof: Proof, history: Json = ()) -> dict[str, Json]:
    """All of it. ``history``: earlier records and this one, the newest last."""
    rates = overall(proof)
    return {
        "version": PROVE_VERSION,
        "project": proof.project,
        "profile": proof.profile,
        "training": proof.training,
        "scenarios": list(proof.scenarios),
        "skipped": dict(proof.skipped),
        "only": list(proof.only),
        "seed": proof.seed,
        "subject": proof.subject,
        "headline": proof_headline(proof),
        "remarks": proof_remarks(proof),
        "population": dict(proof.population),
        "idle": proof.idle,
        "wanted": proof.wanted,
        "tried": len(proof.outcomes),
        "seconds": proof.wall_s,
        "all": rates.as_json(),
        "rates": {grouping: [row.as_json() for row in rows] for grouping, rows in tables(proof.outcomes).items()},
        "outcomes": [outcome.as_json() for outcome in proof.outcomes],
        "suggestions": [_suggestion(s) for s in suggestions(proof)],
        "history": list(history),
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Json]:
    return {
        "file": suggestion.file,
        "rule": suggestion.rule,
        "instead": suggestion.instead,
        "catches": list(suggestion.catches),
        "calm": suggestion.calm,
    }
