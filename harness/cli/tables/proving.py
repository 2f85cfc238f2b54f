"""What ``harness prove`` prints: rates, survivors, and drafted rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli.console import Styled, Words, show_line, show_table

if TYPE_CHECKING:
    from harness.study.prove.proof import Proof

_SHOWN = 20  # survivors that are printed


def show_proof(proof: Proof, blunt: Sequence[str], drafts: str | None) -> None:
    """Print what came of it; ``drafts``: rules as TOML where somebody asked for them."""
    from harness.study.prove.answer.document import overall, proof_headline, proof_remarks
    from harness.study.prove.answer.page import HEAD, cells, misplaced, survivor
    from harness.study.prove.answer.rates import tables

    by = tables(proof.outcomes)
    for name in ("kind", "stage", "tier"):
        rows: list[tuple[Words, ...]] = [(row.name, *cells(row)) for row in by[name]]
        show_table((name, *HEAD), [*rows, ("all", *cells(overall(proof)))] if name == "kind" else rows)
    for outcome in proof.of("survived")[:_SHOWN]:
        shown = survivor(outcome)
        show_line(Styled("survived: ", "yellow"), f"{shown.place}: {shown.change}")
        show_line(f"  moved {shown.moved} by {shown.by}")
        show_line(f"  let pass by {shown.rule}")
        show_line(f"  would not pass: {shown.tightest}")
    for outcome in misplaced(proof)[:_SHOWN]:
        mutant = outcome.mutant
        named = outcome.first or "no stage"
        show_line(Styled("elsewhere: ", "yellow"), f"{mutant.place}: {mutant.change}: the diagnosis names {named}")
    if drafts is not None:
        show_line(Styled("tighter rules:", "bold") if drafts else "no tighter rule would catch any of these in calm")
        for line in drafts.splitlines():
            show_line(line)
    for remark in [*blunt, *proof_remarks(proof)]:
        show_line(remark)
    show_line(Styled(proof_headline(proof), "bold"))
