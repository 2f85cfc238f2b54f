"""Outcomes are kept as they come, one a line, so that a proof that was interrupted goes on where it stopped."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from harness.core.files import append_line
from harness.study.prove.trial.outcome import MutantOutcome, outcome_from


class OutcomeLog:
    """The outcomes of one subject, in a file whose damaged lines count as not there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, MutantOutcome]:
        """Those that are there, by the mutant's id."""
        found: dict[str, MutantOutcome] = {}
        if not self.path.is_file():
            return found
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):  # cut by a kill
                outcome = outcome_from(json.loads(line))
                found[outcome.mutant.id] = outcome
        return found

    def add(self, outcome: MutantOutcome) -> None:
        """Keep another."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        append_line(self.path, json.dumps(outcome.as_json(), allow_nan=False))
