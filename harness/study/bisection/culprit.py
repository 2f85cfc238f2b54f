"""A whole bisection: the first bad commit of a history, and in which stage it shows first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from harness.core import git, globs
from harness.core.errors import HarnessError, ProjectError
from harness.core.project import Project
from harness.run.jobs import Executor, Job, JobError, local_executor
from harness.store.manifest import MANIFEST
from harness.store.repository.past import project_at
from harness.study.bisection.commits import CommitFacts, commit_facts, leads_to
from harness.study.bisection.judging import CommitJudged, Question, ScenarioJudged
from harness.study.bisection.search import CommitVerdict, Search, Told
from harness.study.bisection.worktrees import place_for_worktrees


@dataclass(frozen=True)
class Blame:
    """What the first bad commit did to one scenario: the stage that shows it first, if any does, and why."""

    scenario: str
    stage: str
    reason: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Bisection:
    """A finished search. ``suspects``: the first bad commit alone, or all that may be it, the newest first.

    ``blames``: what is bad there, where one was found. ``findings``: every judged commit, in the order of judging.
    """

    question: Question
    good: CommitFacts
    bad: CommitFacts
    suspects: tuple[CommitFacts, ...]
    blames: tuple[Blame, ...]
    findings: tuple[CommitVerdict, ...]
    notes: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether it is one commit."""
        return len(self.suspects) == 1


def ask(
    project: Project,
    good: str,
    *,
    own_goldens: bool = False,
    names: Sequence[str] = (),
    profile: str = "",
    training: bool = True,
    addresses: Sequence[str] = (),
    stages: Sequence[str] = (),
) -> Question:
    """The question to each commit; compared is with the goldens of ``good``, or each commit's own.

    Raises ProjectError where there is nothing to compare with, or an address is none.
    """
    for problem in filter(None, map(globs.address_problem, addresses)):
        raise ProjectError(problem)
    commit = git.commit_of(project.root, good)
    try:
        then = project_at(project, commit)
    except (HarnessError, ValueError) as error:
        raise ProjectError(f"pyproject.toml of {commit[:12]} cannot be used: {error}") from error
    if git.file_at(project.root, commit, then.goldens / MANIFEST) is None:
        raise ProjectError(
            f"{good} ({commit[:12]}) has no goldens: give a later commit, whose goldens the others are compared with"
        )
    standards = [git.place_in_repository(then.root, folder) for folder in (then.goldens, then.schemas)]
    return Question(
        repository=str(git.top(project.root)),
        place=git.place_in_repository(project.root, project.root),
        standard="" if own_goldens else commit,
        standards=(standards[0], standards[1]),
        names=tuple(names),
        profile=profile or project.profile,
        training=training,
        addresses=tuple(addresses),
        stages=tuple(stages),
    )


def find_culprit(
    project: Project, question: Question, good: str, bad: str, workers: int = 1, told: Told = lambda finding, left: None
) -> Bisection:
    """Search ``bad`` and what it comes from, but for ``good`` and what that comes from, with ``workers`` processes.

    Raises ProjectError where one does not come after the other, or is not what it is said to be.
    """
    root = project.root
    good, bad = (git.commit_of(root, name) for name in (good, bad))
    if leads_to(root, bad, good):
        swapped = "they are the same commit" if good == bad else "the bad one is the older: give them as GOOD BAD"
        raise ProjectError(f"nothing lies between {good[:12]} and {bad[:12]}: {swapped}")
    if not git.common_ancestors(root, good, bad):
        raise ProjectError(f"{good[:12]} and {bad[:12]} have no history in common: give a good commit of the bad one's")
    with _judging(root, workers) as judge:
        search = Search(root, question, judge, workers, told)
        left = search.run(good, bad)
    suspects = tuple(commit_facts(root, commit) for commit in left)
    blames = tuple(_blames(search, suspects[0])) if len(left) == 1 else ()
    ends = commit_facts(root, good), commit_facts(root, bad)
    return Bisection(search.question, *ends, suspects, blames, (*search.findings.values(),), (*search.notes,))


@contextmanager
def _judging(root: Path, workers: int) -> Iterator[Callable[[Question, Sequence[str]], list[CommitJudged]]]:
    """What judges commits, each in a worktree of its own; in the end no worktree and no process is left."""
    numbers = count(1)
    with place_for_worktrees(root) as place, local_executor(workers) as executor:

        def judge(question: Question, commits: Sequence[str]) -> list[CommitJudged]:
            jobs = [
                Job(
                    "harness.study.bisection.judging:judge_commit",
                    {"question": question.to_json(), "folder": str(place / str(next(numbers))), "commit": commit},
                )
                for commit in commits
            ]
            return _results(executor, jobs)

        yield judge


def _results(executor: Executor, jobs: Sequence[Job]) -> list[CommitJudged]:
    """What jobs gave; a commit at which one failed could not be judged."""
    results = []
    for future in [executor.submit(job) for job in jobs]:
        try:
            results.append(CommitJudged.from_json(future.result()))
        except JobError as error:
            results.append(CommitJudged(str(future.job.arguments["commit"]), refused=str(error.__cause__ or error)))
    return results


def _blames(search: Search, culprit: CommitFacts) -> Iterator[Blame]:
    """What is bad in each scenario at the first bad commit, and was not at its parents, as far as they were judged."""
    parents = [search.findings[p].judged for p in culprit.parents if p in search.findings]
    before = {s.scenario: set(s.broken) for judged in parents for s in judged.scenarios}
    for scenario in search.findings[culprit.commit].judged.scenarios:
        bad = (*scenario.failing, *scenario.raised)
        if bad:
            yield _blame(scenario, bad, before.get(scenario.scenario, set()))
        elif scenario.invariants:
            yield Blame(scenario.scenario, "", scenario.headline, scenario.invariants)


def _blame(scenario: ScenarioJudged, bad: Sequence[str], before: set[str]) -> Blame:
    """The first stage that is not sound and was; of what was not sound before, the first that counts."""
    new = [stage for stage in scenario.broken if stage not in before]
    stage = scenario.first if scenario.first in new else next(iter([*new, *bad]))
    return Blame(scenario.scenario, stage, scenario.broken.get(stage, scenario.headline), scenario.values)
