"""A proof: a guard's mutants are made, tried and counted; it can be interrupted, and goes on where it stopped."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import json_digest
from harness.core.project import Project
from harness.core.protocol import Json
from harness.host.cluster.engine import ALONE, Engine
from harness.judge.schema import Schemas
from harness.run.cache import Cache
from harness.run.locks import unless_taken
from harness.run.runner import Runner, Watcher
from harness.store.large.objects import Objects
from harness.store.transaction import refuse_interrupted
from harness.study.prove.answer.kept import OutcomeLog
from harness.study.prove.faults.mutant import MUTANT_KINDS, Mutant
from harness.study.prove.faults.sampling import sampling_order
from harness.study.prove.plan import every_mutant, idle_of, is_idle
from harness.study.prove.trial.baseline import Baseline, take_baseline
from harness.study.prove.trial.jobs import Setting
from harness.study.prove.trial.outcome import MutantOutcome
from harness.study.prove.tries import MutantTold, Tries
from harness.verify.examination import Examination
from harness.verify.suite import open_cache, verification_subject

PROVE_VERSION = 1  # of what a kept outcome means
_ON_A_CLUSTER = 32  # jobs under way at once, where nobody says how many workers there are
_LEAST_LIMIT_S, _TIMES_SLOWER = 60.0, 20.0  # how long a mutant's stage may take, at least and by the slowest right one


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
    engine: Engine = ALONE,
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
        with _folder_for_copies() as copies, engine.opened(project, cache) as executor:
            setting = _setting(project, profile, question, cache, baseline, copies)
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
            until = None if question.budget_s is None else started + question.budget_s
            tries = Tries(kept, setting, executor, _side_by_side(engine), until, told)
            tries.try_all(sample, proof.outcomes)
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


def _folder_for_copies() -> tempfile.TemporaryDirectory[str]:
    """Where workers copy the repository to: gone afterwards, with what those left that Ctrl-C ended."""
    return tempfile.TemporaryDirectory(prefix="harness-prove-", ignore_cleanup_errors=True)


def _chosen(project: Project, question: ProofQuestion) -> list[str]:
    known = project.pipeline.scenarios()
    if not project.adapter:
        raise ProjectError(project.lacks_adapter)
    for kind in question.kinds:
        if kind not in MUTANT_KINDS:
            raise ProjectError(f"there are no mutants of kind {kind!r}: choose among {', '.join(MUTANT_KINDS)}")
    return list(dict.fromkeys(question.scenarios)) or sorted(known)


def _side_by_side(engine: Engine) -> int:
    """How many jobs are under way at once: all that are, are waited for when the time is over."""
    return engine.workers if engine.executor == "processes" else max(engine.workers, _ON_A_CLUSTER)


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
    project: Project, profile: str, question: ProofQuestion, cache: Cache, baseline: Baseline, copies: str
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
            copies,
            str(Objects.of(project).folder.resolve()),
            baseline.keys,
        )
    )
