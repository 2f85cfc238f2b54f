"""The search for the first bad commit: what to judge, what each verdict means, and when it is over."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from harness.core import git, text
from harness.core.errors import ProjectError
from harness.study.bisection.commits import Suspects, choose, leads_to, left_of, narrowed
from harness.study.bisection.judging import CommitJudged, Question, ScenarioJudged

BAD, GOOD, SKIPPED = "bad", "good", "skipped"

Judge: TypeAlias = Callable[[Question, Sequence[str]], list[CommitJudged]]
"""What judges commits, several side by side; in their order."""

Told: TypeAlias = Callable[["CommitVerdict", int], None]
"""Who hears of each verdict, with how many suspects are left."""


@dataclass(frozen=True)
class CommitVerdict:
    """A judged commit, what became of it, and why."""

    judged: CommitJudged
    verdict: str
    why: str

    @property
    def commit(self) -> str:
        """Its hash."""
        return self.judged.commit


@dataclass
class Search:
    """A search under way: the question, what was found, and what is to be said of it."""

    root: Path
    question: Question
    judge: Judge
    workers: int
    told: Told
    findings: dict[str, CommitVerdict] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _raised: frozenset[tuple[str, str]] = frozenset()  # by scenario and stage, what raised at the bad end

    def run(self, good: str, bad: str) -> list[str]:
        """The first bad commit; or where those before it cannot be judged, all that may be it.

        Raises ProjectError where ``good`` is not good or ``bad`` not bad.
        """
        self._begin(bad)
        goods = self._merge_bases(good, bad)
        suspects = Suspects(self.root, bad, tuple(goods))
        while commits := choose(suspects, self.workers):
            found = self._judged(commits)
            suspects = narrowed(suspects, [(f.commit, f.verdict) for f in found])
            for each in found:
                self.told(each, len(left_of(suspects)))
        if not any(f.verdict == GOOD for f in self.findings.values()):
            self._hold_to(good)
        self._note_returns()
        left = left_of(suspects)
        return [suspects.bad, *(name for name in left if name != suspects.bad)]

    def _begin(self, bad: str) -> None:
        """Judge the bad end, which says what the others are asked, and what is the same in them."""
        (judged,) = self.judge(self.question, [bad])
        if judged.refused:
            raise ProjectError(f"{bad[:12]}, which is said to be bad, cannot be judged: {judged.refused}")
        self._check_choice(judged)
        idle = {s.scenario: s.missing for s in judged.scenarios if s.missing}
        able = tuple(s.scenario for s in judged.scenarios if not s.missing)
        if idle and (self.question.names or not able):
            name, why = next(iter(idle.items()))
            raise ProjectError(f"{name} cannot run in a worktree of {bad[:12]}, where only what git tracks is: {why}")
        left_out = [*judged.unknown, *idle]
        if left_out:
            self.notes.append(f"{text.joined(left_out)}: with goldens, but not run at {bad[:12]}, so not judged")
        self.question = dataclasses.replace(self.question, names=able)
        judged = dataclasses.replace(judged, scenarios=tuple(s for s in judged.scenarios if not s.missing))
        self._raised = frozenset((s.scenario, stage) for s in judged.scenarios for stage in s.raised)
        finding = self._kept(judged)
        if finding.verdict != BAD:
            raise ProjectError(
                f"{bad[:12]}, which is said to be bad, is not: everything that counts is as accepted"
                if finding.verdict == GOOD
                else f"{bad[:12]}, which is said to be bad, cannot be judged: {finding.why}"
            )
        self.told(finding, 0)

    def _check_choice(self, judged: CommitJudged) -> None:
        """Raise ProjectError where what was chosen is not there at all."""
        for name in (name for name in self.question.names if name in judged.unknown):
            raise ProjectError(f"there is no scenario {name!r} at {judged.commit[:12]}, which is said to be bad")
        there = {*judged.stages, *(name for s in judged.scenarios for name in s.broken)}
        for stage in (stage for stage in self.question.stages if stage not in there):
            known = ", ".join(judged.stages)
            raise ProjectError(f"there is no stage {stage!r} at {judged.commit[:12]}; there are {known}")
        if not judged.scenarios:
            raise ProjectError(f"no golden is of anything that runs at {judged.commit[:12]}: there is nothing to judge")

    def _merge_bases(self, good: str, bad: str) -> list[str]:
        """What counts as good: ``good``, and where ``bad`` does not come from it, what both come from, if that is."""
        if leads_to(self.root, good, bad):
            return [good]
        goods = [good]
        for found in self._judged(git.common_ancestors(self.root, good, bad)):
            self.told(found, 0)
            if found.verdict == BAD:
                raise ProjectError(
                    f"{found.commit[:12]}, from which both come, is bad ({found.why}): what is wrong at {bad[:12]} is "
                    f"older, and was mended on the way to {good[:12]}, so search for that, or give an older good commit"
                )
            if found.verdict == GOOD:
                goods.append(found.commit)
            else:
                self.notes.append(f"{found.commit[:12]}, from which both come, is taken for good: {found.why}")
        return goods

    def _judged(self, commits: Sequence[str]) -> list[CommitVerdict]:
        """The findings on commits; none is judged twice."""
        new = [commit for commit in commits if commit not in self.findings]
        for judged in self.judge(self.question, new) if new else ():
            self._kept(judged)
        return [self.findings[commit] for commit in commits]

    def _kept(self, judged: CommitJudged) -> CommitVerdict:
        self.findings[judged.commit] = finding = CommitVerdict(judged, *verdict_on(judged, self.question, self._raised))
        return finding

    def _hold_to(self, good: str) -> None:
        """Judge the good end, if no commit after it was good, which would do as well."""
        (found,) = self._judged([good])
        if found.verdict == BAD:
            raise ProjectError(f"{good[:12]}, which is said to be good, is bad already: {found.why}")
        if found.verdict == SKIPPED:
            raise ProjectError(f"{good[:12]}, which is said to be good, cannot be judged: {found.why}")
        self.told(found, 0)

    def _note_returns(self) -> None:
        """Say where the history goes back and forth, so that there is more than one change to find."""
        by = {v: [c for c, f in self.findings.items() if f.verdict == v] for v in (BAD, GOOD)}
        pair = next(((b, g) for g in by[GOOD] for b in by[BAD] if leads_to(self.root, b, g)), None)
        if pair:
            self.notes.append(
                f"{pair[0][:12]} is bad and {pair[1][:12]}, which comes from it, is good: "
                "the history goes back and forth, and this is one of its changes"
            )


def verdict_on(judged: CommitJudged, question: Question, raised: Collection[tuple[str, str]]) -> tuple[str, str]:
    """What a judged commit is, and why. ``raised``: by scenario and stage, what raised at the bad end as well.

    A stage that raises there as well is what is looked for; another one that raises hides what would be compared.
    """
    if judged.refused:
        return SKIPPED, judged.refused
    for scenario in judged.scenarios:
        if scenario.failing or scenario.invariants:
            return BAD, f"{scenario.scenario}: {_told(scenario)}"
    for scenario in judged.scenarios:
        if scenario.missing:
            return SKIPPED, f"{scenario.scenario} cannot run: {scenario.missing}"
        for stage, error in scenario.raised.items():
            words = f"{scenario.scenario}: {stage} has no result: {error}"
            return (BAD if (scenario.scenario, stage) in raised else SKIPPED), words
    lacking = [name for name in question.names if name in judged.unknown]
    if lacking:
        return SKIPPED, f"there is no {text.joined(lacking)}"
    if not sum(scenario.count for scenario in judged.scenarios):
        chosen = [*(f"--address {a}" for a in question.addresses), *(f"--stage {stage}" for stage in question.stages)]
        if not chosen:
            return SKIPPED, "nothing is compared there"
        return SKIPPED, f"no value that is compared there fits {text.joined(chosen)}: `harness verify` prints addresses"
    return GOOD, f"{text.count(sum(s.count for s in judged.scenarios), 'value')} as accepted"


def _told(scenario: ScenarioJudged) -> str:
    """What is wrong with a scenario, by what counts."""
    if not scenario.failing or scenario.first in scenario.failing:
        return scenario.headline
    stage = scenario.failing[0]
    return f"{stage}: {scenario.broken.get(stage, scenario.headline)}"
