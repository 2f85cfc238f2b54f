"""What ``harness init`` prints: the stages that it found, the files that it wrote, and what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.cli.console import Styled, show_line, show_table
from harness.setup.files.plan import Planned
from harness.setup.survey.proposal import Proposal


def show_planned(root: Path, proposal: Proposal, planned: Sequence[Planned], adapter: str) -> None:
    """Print a proposal and what became of its files."""
    rows = [(s.name, ", ".join(s.needs), ", ".join(s.reads), ", ".join(s.outputs)) for s in proposal.stages]
    where = f"as {proposal.driver} of {proposal.module} calls them" if proposal.driver else f"of {proposal.module}"
    show_table(("stage", "needs", "reads", "gives"), rows, f"stages, {where}")
    show_table(("file", ""), [(f.path.relative_to(root).as_posix(), f.state) for f in planned])
    for stage in proposal.stages:
        for note in stage.notes:
            show_line(Styled("to do: ", "yellow"), f"{adapter}, stage {stage.name}: {note}")
    for note in proposal.notes:
        show_line(Styled("to do: ", "yellow"), note)
    for key in proposal.lacking:
        show_line(Styled("to do: ", "yellow"), f"scenario.toml: {key} has no value yet")
    show_line("Read them, commit them, then run `harness init --draft` for schemas and tolerances.")
