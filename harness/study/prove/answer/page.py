"""A proof as one HTML file that needs nothing else, and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core import text
from harness.core.protocol import Json
from harness.report.html import template
from harness.report.markup import code, markdown_table, prose
from harness.study.prove.answer.document import overall, percentage, proof_headline, proof_remarks
from harness.study.prove.answer.rates import Rate, RateRow, tables
from harness.study.prove.answer.suggestions import drafted_rules, suggestions
from harness.study.prove.proof import Proof
from harness.study.prove.trial.outcome import MutantOutcome, Slack

_SHOWN = 100  # survivors, and as many equivalent and misplaced mutants, that are shown
_TOLD_BY = ("kind", "stage", "tier", "operator")
HEAD = ("caught", "interval", "in the right stage", "equivalent")


@dataclass(frozen=True)
class Survivor:
    """One survivor as it is shown: what was changed where, what moved, by how much, and which rule let it pass."""

    place: str
    change: str
    moved: str
    by: str
    rule: str
    tightest: str


def proof_html(proof: Proof, history: Sequence[Mapping[str, Json]], blunt: Sequence[str]) -> str:
    """The proof as a page."""
    return template(Path(__file__).parent / "prove.html.j2").render(
        proof=proof,
        headline=proof_headline(proof),
        remarks=[*blunt, *proof_remarks(proof)],
        good=not blunt and not proof.of("survived"),
        tables=[(name, [(row.name, *cells(row)) for row in tables(proof.outcomes)[name]]) for name in _TOLD_BY],
        all_cells=cells(overall(proof)),
        head=HEAD,
        survivors=[survivor(o) for o in proof.of("survived")[:_SHOWN]],
        more=max(len(proof.of("survived")) - _SHOWN, 0),
        misplaced=misplaced(proof)[:_SHOWN],
        equivalent=proof.of("equivalent")[:_SHOWN],
        drafts=drafted_rules(suggestions(proof)),
        history=[_past(record) for record in reversed(history[-12:])],
    )


def cells(row: RateRow) -> tuple[str, str, str, str]:
    """The rates of a row for people."""
    low, high = row.detection.interval
    interval = f"{percentage(low)} to {percentage(high)}" if row.detection.of else ""
    return _of(row.detection), interval, _of(row.localisation), str(row.equivalent or "")


def _of(rate: Rate) -> str:
    return f"{rate.hits} of {rate.of} ({percentage(rate.value)})" if rate.of else "–"


def misplaced(proof: Proof) -> list[MutantOutcome]:
    """Those that were caught, and where the diagnosis names another stage first."""
    return [o for o in proof.of("caught") if not o.localised]


def survivor(outcome: MutantOutcome) -> Survivor:
    """A survivor, by what came nearest to its limit."""
    mutant, nearest = outcome.mutant, outcome.slack[0]
    scenario = f"{nearest.scenario}: " if nearest.scenario else ""
    place = mutant.place if mutant.kind == "source" else f"{', '.join(mutant.stages)} {mutant.place}"
    moved = f"{scenario}{nearest.address}"
    rule = nearest.rule or "nothing compares it"
    return Survivor(place, mutant.change, moved, amount(nearest), rule, remedy(nearest))


def amount(slack: Slack) -> str:
    """By how much a value moved, and how much of its tolerance that is."""
    by = "to something else" if not math.isfinite(slack.by) else f"{slack.by:.2g} of its size"
    return f"{by}, {text.used(slack.used)} of its tolerance" if slack.used else by


def remedy(slack: Slack) -> str:
    """The rule that would not have let it pass, or what else would."""
    if slack.tightest:
        return slack.tightest
    if not slack.rule:
        return "observe it, or let its stage be replayed"
    return "no number in this rule: another rule, or a replay of the stage"


def _past(record: Mapping[str, Json]) -> tuple[str, str, str, str]:
    rates = [Rate(record["all"][key]["hits"], record["all"][key]["of"]) for key in ("detection", "localisation")]
    return record["date"], record["commit"][:10] or "not committed", _of(rates[0]), _of(rates[1])


def proof_markdown(proof: Proof, blunt: Sequence[str]) -> str:
    """The same for a comment."""
    return "\n\n".join(block for block in _blocks(proof, blunt) if block) + "\n"


def _blocks(proof: Proof, blunt: Sequence[str]) -> Iterator[str]:
    yield f"# {prose(proof.project)}: {prose(proof_headline(proof), 300)}"
    yield "\n".join(f"- {prose(remark, 400)}" for remark in [*blunt, *proof_remarks(proof)])
    for name in _TOLD_BY:
        rows = [(code(row.name), *map(prose, cells(row))) for row in tables(proof.outcomes)[name]]
        yield markdown_table((name, *HEAD), rows)
    if survived := proof.of("survived"):
        yield "## Survivors"
        shown = [survivor(o) for o in survived[:_SHOWN]]
        rows_of = [
            (code(s.place), code(s.change), code(s.moved), prose(s.by), code(s.rule), code(s.tightest)) for s in shown
        ]
        yield markdown_table(("where", "what", "moved most", "by", "let pass by", "would not pass"), rows_of)
    if drafts := drafted_rules(suggestions(proof)):
        yield f"## Tighter rules, drafted\n\n```toml\n{drafts}```"
    if equivalent := proof.of("equivalent"):
        yield "## Equivalent: nothing moves by more than rounding"
        yield "\n".join(f"- {code(f'{o.mutant.place}: {o.mutant.change}')}" for o in equivalent[:_SHOWN])
