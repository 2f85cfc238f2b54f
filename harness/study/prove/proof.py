"""A proof: a guard's mutants are made, tried and counted; it can be interrupted, and goes on where it stopped."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import json_digest
from harness.core.project import Project
from harness.core.protocol import Json
from harness.judge.schema import Schemas
from harness.run.cache import Cache
from harness.run.jobs import CancelledError, Executor, Future, Job, JobError
from harness.run.locks import unless_taken
from harness.run.runner import Runner, Watcher
from harness.store.large.objects import Objects
from harness.store.transaction import refuse_interrupted
from harness.study.prove.answer.kept import OutcomeLog
from harness.study.prove.faults.mutant import MUTANT_KINDS, Mutant
from harness.study.prove.faults.sampling import sampling_order
from harness.study.prove.plan import every_mutant, idle_of, is_idle
from harness.study.prove.trial.baseline import Baseline, take_baseline
from harness.study.prove.trial.jobs import UNCHANGED, Setting
from harness.study.prove.trial.outcome import MutantOutcome, outcome_from
from harness.verify.examination import Examination
from harness.verify.suite import open_cache, verification_subject

PROVE_VERSION = 1  # of what a kept outcome means
JOB = "harness.study.prove.trial.jobs:try_mutants"
OVERLAYS, EDITS = 40, 4  # mutants of one job: such as only have to be judged, and such as start a process each
_LEAST_LIMIT_S, _TIMES_SLOWER = 60.0, 20.0  # how long a mutant's stage may take, at least and by the slowest right one

MutantTold = Callable[[int, int, MutantOutcome | None], None]
"""A callback for progress: mutants done, mutants in all, and the last one."""


@dataclass(frozen=True)
class ProofQuestion:
    """What is asked: which scenarios at which profile, which kinds of mutants, how many at most, and for how long.

    ``only``: patterns of the places of mutants (``heat.py:*``) or of their stages, such as are made alone. ``seed``
    decides the sample; ``budget_s`` is None without a limit of time.
    """

    scenarios: tuple[str, ...] = ()
    profile: str = ""
    training: bool = False
    kinds: tuple[str, ...] = MUTANT_KINDS
    only: tuple[str, ...] = ()
    most: int = 200
    seed: int = 0
    budget_s: float | None = None


@dataclass
class Proof:
    """What came of it: ``population``: how many mutants there are, by kind; ``wanted``: those of the sample.

    ``idle``: how many more there would be in lines that nothing runs. ``skipped``: why scenarios cannot run here.
    ``outcomes``: those of the sample that have been tried, now or earlier; ``wall_s``: how long it took this time.
    ``subject``: the digest of what was proven.
    """

    project: str
    profile: str
    training: bool
    scenarios: tuple[str, ...]
    seed: int
    subject: str
    population: Mapping[str, int]
    only: tuple[str, ...]
    wanted: int
    baseline: Baseline
    idle: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)
    outcomes: list[MutantOutcome] = field(default_factory=list)
    wall_s: float = 0.0

    def of(self, fate: str) -> list[MutantOutcome]:
        """Those with a fate."""
        return [outcome for outcome in self.outcomes if outcome.fate == fate]


def prove_guard(
    project: Project,
    question: ProofQuestion,
    executor: Executor,
    workers: int = 1,
    watcher: Watcher | None = None,
    told: MutantTold = lambda done, total, last: None,
) -> Proof:
    """Make mutants and try them; raises ProjectError where the guard does not pass as it is, or nothing can be made."""
    started = time.monotonic()
    refuse_interrupted(project)
    names, profile = _chosen(project, question), question.profile or project.profile
    folder = project.state / "prove"
    with _own_results(folder) as place:
        cache = Cache(place, project.cache_bytes)
        with open_cache(project) as shared:
            runner, schemas = Runner(project.pipeline, shared, watcher), Schemas(project.schemas)
            every = {
                n: Examination(project, runner, n, profile, schemas=schemas, training=question.training) for n in names
            }
            skipped = {n: e.scenario.missing for n, e in every.items() if e.scenario.missing}
            examined = {n: e for n, e in every.items() if n not in skipped}
            if not examined:
                raise ProjectError(f"no scenario can run here: {next(iter(skipped.values()), 'there is none')}")
            baseline = take_baseline(examined.values(), cache)
            everything = every_mutant(project, runner, examined, baseline, cache, question.kinds)
            meant = [mutant for mutant in everything if _is_meant(mutant, question.only)]
            subject = _subject(project, examined, runner)
        setting = _setting(project, profile, question, cache, baseline)
        idle = idle_of(meant, setting, executor, folder / "outcomes" / f"{subject}.idle.json")
        mutants = [mutant for mutant in meant if not is_idle(mutant, idle)]
        sample = sampling_order(mutants, question.seed)[: question.most]
        if not sample:
            where = f" at {', '.join(question.only)}" if question.only else ""
            raise ProjectError(f"there is nothing to change{where} of the kinds {', '.join(question.kinds)}")
        kept = OutcomeLog(folder / "outcomes" / f"{subject}.jsonl")
        proof = Proof(
            project.pipeline.name,
            profile,
            question.training,
            tuple(examined),
            question.seed,
            subject,
            {kind: sum(m.kind == kind for m in mutants) for kind in question.kinds},
            question.only,
            len(sample),
            baseline,
            len(meant) - len(mutants),
            skipped,
        )
        _try_all(proof, sample, kept, setting, executor, workers, question.budget_s, started, told)
    proof.wall_s = time.monotonic() - started
    return proof


@contextmanager
def _own_results(folder: Path) -> Iterator[Path]:
    """A folder for the results of mutants, which nothing else ever reads, and which is gone afterwards.

    Those that a killed proof left are removed. Raises HarnessError where another one is at work.
    """
    with unless_taken(folder / "lock") as mine:
        if not mine:
            raise HarnessError(f"another `harness prove` is at work in {folder}: wait for it, or end it")
        for left in folder.glob("results-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="results-", dir=folder, ignore_cleanup_errors=True) as place:
            yield Path(place)


def _chosen(project: Project, question: ProofQuestion) -> list[str]:
    known = project.pipeline.scenarios()
    if not project.adapter:
        raise ProjectError(project.lacks_adapter)
    for kind in question.kinds:
        if kind not in MUTANT_KINDS:
            raise ProjectError(f"there are no mutants of kind {kind!r}: choose among {', '.join(MUTANT_KINDS)}")
    return list(dict.fromkeys(question.scenarios)) or sorted(known)


def _is_meant(mutant: Mutant, patterns: Sequence[str]) -> bool:
    names = (mutant.place, *mutant.stages)
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _subject(project: Project, examinations: Mapping[str, Examination], runner: Runner) -> str:
    """The digest of all that decides outcomes beside the mutants: source, goldens, rules, schemas, environment."""
    return json_digest(
        [
            PROVE_VERSION,
            verification_subject(project),
            [dict(e.judged_by()) for e in examinations.values()],
            [[n, e.profile, e.training] for n, e in examinations.items()],
            dict(runner.environment),
            dict(runner.circumstances),
        ]
    )[:32]


def _setting(
    project: Project, profile: str, question: ProofQuestion, cache: Cache, baseline: Baseline
) -> dict[str, Json]:
    limit = min(max(_LEAST_LIMIT_S, _TIMES_SLOWER * baseline.slowest), project.stage_seconds)
    return asdict(
        Setting(
            str(project.root.resolve()),
            str(project.root.resolve() / project.state.relative_to(project.root)),
            str(cache.folder.resolve()),
            project.cache_bytes,
            profile,
            list(baseline.keys),
            question.training,
            limit,
            str(Objects.of(project).folder.resolve()),
            baseline.keys,
        )
    )


def _try_all(
    proof: Proof,
    sample: Sequence[Mutant],
    kept: OutcomeLog,
    setting: dict[str, Json],
    executor: Executor,
    workers: int,
    budget_s: float | None,
    started: float,
    told: MutantTold,
) -> None:
    """Try what was not tried before, a few jobs at a time, so that little is under way when the time is over."""
    known = kept.read()
    proof.outcomes = [known[mutant.id] for mutant in sample if mutant.id in known]
    todo = batches([mutant for mutant in sample if mutant.id not in known])
    told(len(proof.outcomes), len(sample), None)
    if todo:
        _rehearse(setting, executor)
    running: dict[Future, Sequence[Mutant]] = {}
    while todo or running:
        over = budget_s is not None and time.monotonic() - started > budget_s
        while todo and len(running) < workers and not over:
            batch = todo.pop(0)
            running[executor.submit(_job(setting, batch))] = batch
        if not running:
            return
        done = next(iter(executor.as_completed(list(running))))
        for outcome in _outcomes(done, running.pop(done)):
            if outcome.fate != "untried":
                kept.add(outcome)
            proof.outcomes.append(outcome)
            told(len(proof.outcomes), len(sample), outcome)


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
