"""Mutants go through jobs, and their outcomes are kept as they come: what is interrupted goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.core.errors import ProjectError
from harness.core.protocol import Json
from harness.run.jobs import CancelledError, Executor, Future, Job, JobError
from harness.study.prove.answer.kept import OutcomeLog
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.trial.jobs import UNCHANGED
from harness.study.prove.trial.outcome import MutantOutcome, outcome_from

JOB = "harness.study.prove.trial.jobs:try_mutants"
OVERLAYS, EDITS = 40, 4  # mutants of one job: such as only have to be judged, and such as start a process each

MutantTold = Callable[[int, int, MutantOutcome | None], None]
"""A callback for progress: mutants done, mutants in all, and the last one."""


@dataclass(frozen=True)
class Tries:
    """What it takes to try mutants: at most ``most`` jobs are under way at once, and none begins after ``until``.

    ``until`` is of ``time.monotonic``; None without a limit of time.
    """

    kept: OutcomeLog
    setting: dict[str, Json]
    executor: Executor
    most: int
    until: float | None
    told: MutantTold

    def try_all(self, sample: Sequence[Mutant], outcomes: list[MutantOutcome]) -> None:
        """Try what was not tried before, a few jobs at a time; ``outcomes`` grows, by what is known first."""
        known = self.kept.read()
        outcomes += [known[mutant.id] for mutant in sample if mutant.id in known]
        todo = batches([mutant for mutant in sample if mutant.id not in known])
        self.told(len(outcomes), len(sample), None)
        if todo:
            _rehearse(self.setting, self.executor)
        running: dict[Future, Sequence[Mutant]] = {}
        while todo or running:
            over = self.until is not None and time.monotonic() > self.until
            while todo and len(running) < self.most and not over:
                batch = todo.pop(0)
                running[self.executor.submit(_job(self.setting, batch))] = batch
            if not running:
                return
            done = next(iter(self.executor.as_completed(list(running))))
            for outcome in _outcomes(done, running.pop(done)):
                if outcome.fate != "untried":
                    self.kept.add(outcome)
                outcomes.append(outcome)
                self.told(len(outcomes), len(sample), outcome)


def _job(setting: dict[str, Json], mutants: Sequence[Mutant]) -> Job:
    return Job(JOB, {"setting": setting, "mutants": [mutant.as_json() for mutant in mutants]})


def _outcomes(done: Future, batch: Sequence[Mutant]) -> list[MutantOutcome]:
    try:
        return [outcome_from(value) for value in done.result()]
    except (JobError, CancelledError) as error:
        return [MutantOutcome(mutant, "untried", reason=str(error)[-300:]) for mutant in batch]


def _rehearse(setting: dict[str, Json], executor: Executor) -> None:
    """Raise ProjectError unless a copy of the repository in which nothing was changed passes as the repository does."""
    future = executor.submit(_job(setting, [UNCHANGED]))
    try:
        (value,) = future.result()
    except JobError as error:
        raise ProjectError(f"a copy of the repository cannot be verified: {error}") from error
    outcome = outcome_from(value)
    if outcome.fate == "equivalent":
        return
    where = ", ".join(filter(None, (outcome.scenario, outcome.track, outcome.address)))
    moved = outcome.slack[0].address if outcome.slack else ""
    why = outcome.message or outcome.reason or f"{moved} is not the same there, though nothing was changed"
    raise ProjectError(
        f"mutants live in a copy of the repository, and it does not pass as the repository does ({where or 'copy'}: "
        f"{why}): let the pipeline depend on nothing outside of it but by absolute paths, and on no random numbers "
        "without a seed"
    )


def batches(mutants: Sequence[Mutant]) -> list[list[Mutant]]:
    """The jobs, in nearly the order of the mutants: edits in small ones, overlays of one scenario in large ones."""
    open_ones: dict[str, list[Mutant]] = {}
    found: list[list[Mutant]] = []
    for mutant in mutants:
        edit = mutant.kind == "source"
        group = "" if edit else mutant.scenario
        if len(open_ones.get(group, ())) in (0, EDITS if edit else OVERLAYS):
            open_ones[group] = []
            found.append(open_ones[group])
        open_ones[group].append(mutant)
    return found
