"""One commit judged: checked out in a worktree, run through the shared cache, and held against goldens.

It is a job: its arguments and its result are JSON, by ``Question`` and ``CommitJudged``.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core import globs
from harness.core.errors import HarnessError
from harness.core.git import place_in_repository
from harness.core.ids import CHECK, INVARIANTS, GoldenId
from harness.core.project import find_project
from harness.core.protocol import Json
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status, Verdict
from harness.host.project import HostedProject, open_project
from harness.report.selection import failing
from harness.run.shared.cache import project_cache
from harness.store.goldens import Goldens
from harness.study.bisection.worktrees import lay_standards, worktree
from harness.verify.localisation.stages import furthest, has_no_golden, localise
from harness.verify.suite import Suite, verify_suite

_TOLD = 5  # failing values of a scenario that are named


@dataclass(frozen=True)
class Question:
    """What is asked of each commit.

    ``repository``: its top; ``place``: the project's folder in it. ``standard``: the commit whose goldens and schemas,
    at the places ``standards``, are compared with; empty for each commit's own. ``names``: scenarios and modules of
    tests; none for all that have goldens. ``addresses`` and ``stages`` select what counts; none for everything.
    """

    repository: str
    place: str
    standard: str
    standards: tuple[str, str]
    names: tuple[str, ...] = ()
    profile: str = ""
    training: bool = True
    addresses: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """The question as a job's argument."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class ScenarioJudged:
    """A scenario, or a module of tests, at one commit, of what has a golden and counts.

    ``first`` and ``headline``: where to look, as a verification says it. ``broken``: why each stage that is not
    sound is not, in the pipeline's order, whether it counts or not. ``failing``: the stages with values that fail;
    ``raised``: those that raised or got no input, with the reason. ``values``: some addresses that fail.
    ``invariants``: those that do not hold. ``count``: how many values were compared. ``missing``: why it cannot run.
    """

    scenario: str
    missing: str = ""
    first: str = ""
    headline: str = ""
    broken: dict[str, str] = dataclasses.field(default_factory=dict)
    failing: tuple[str, ...] = ()
    raised: dict[str, str] = dataclasses.field(default_factory=dict)
    values: tuple[str, ...] = ()
    invariants: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True)
class CommitJudged:
    """A commit as it was judged; ``refused`` says why it was not. ``ran`` of its stages were not in the cache.

    ``stages``: those of the pipeline; ``unknown``: what was asked for and is not there.
    """

    commit: str
    refused: str = ""
    scenarios: tuple[ScenarioJudged, ...] = ()
    unknown: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    ran: int = 0
    cached: int = 0
    seconds: float = 0.0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CommitJudged:
        """What ``judge_commit`` gave, as it was."""
        scenarios = tuple(ScenarioJudged(**scenario) for scenario in value.get("scenarios", ()))
        return cls(**{**value, "scenarios": scenarios})


def judge_commit(question: dict[str, Any], folder: str, commit: str) -> dict[str, Json]:
    """What a verification of ``commit``, checked out in ``folder``, says to a ``Question``: a ``CommitJudged``."""
    path = sys.path[:]
    try:
        with worktree(Path(question["repository"]), Path(folder), commit) as tree:
            return dataclasses.asdict(_judged(Question(**question), tree, commit))
    except (HarnessError, OSError) as error:
        told = str(error).replace(f"{folder}/", "").replace(folder, "the commit")
        return dataclasses.asdict(CommitJudged(commit, refused=told))
    finally:
        sys.path[:] = path  # no commit's modules are looked for in another one


def _judged(question: Question, tree: Path, commit: str) -> CommitJudged:
    project = open_project(tree / question.place)
    if project.root != tree / question.place:
        raise HarnessError(f"there is no [tool.harness] table in {question.place}/pyproject.toml")
    if question.standard:
        own = [place_in_repository(project.root, folder) for folder in (project.goldens, project.schemas)]
        lay_standards(tree, question.standard, question.standards, own)
    with closing(_Ended(project)):
        accepted = Goldens.of(project).manifest()
        ids = [GoldenId.parse(i) for i, entry in accepted.items() if entry.kind == "golden"]
        known = {*project.pipeline.scenarios(), *(i.scenario for i in ids if i.track == CHECK)}
        wanted = question.names or sorted({i.scenario for i in ids})
        names = [name for name in wanted if name in known]
        unknown = tuple(name for name in wanted if name not in known)
        stages = tuple(stage.name for stage in project.pipeline.stages)
        if not names:
            return CommitJudged(commit, unknown=unknown, stages=stages)
        # The user's own cache as it is set up now, whatever the commit says of one.
        cache = project_cache(find_project(Path(question.repository, question.place)))
        suite = verify_suite(project, cache, names=names, profile=question.profile, training=question.training)
        if suite.damaged:
            raise HarnessError(suite.damaged[0])
        return CommitJudged(
            commit,
            scenarios=tuple(_scenario(question, project, report) for report in _reports(suite)),
            unknown=unknown,
            stages=stages,
            ran=sum(not a.cached for a in _runs(suite)),
            cached=sum(a.cached for a in _runs(suite)),
            seconds=suite.report.seconds,
        )


class _Ended:
    """The process of a project, to be ended."""

    def __init__(self, project: HostedProject) -> None:
        self._project = project

    def close(self) -> None:
        """End it."""
        self._project.host.end()


def _reports(suite: Suite) -> tuple[ScenarioReport, ...]:
    """Every report; tests that could not be run at all are no verdict."""
    if suite.tests and suite.tests.session.problem:
        raise HarnessError(suite.tests.session.problem)
    return suite.report.scenarios


def _runs(suite: Suite) -> list[ArtifactReport]:
    """The artifacts for which a stage ran, now or before."""
    return [a for s in suite.report.scenarios for a in s.artifacts if a.seconds or a.cached]


def _scenario(question: Question, project: HostedProject, report: ScenarioReport) -> ScenarioJudged:
    """What counts of one scenario. Without a golden nothing is wrong with an artifact: it is newer than the goldens."""
    if report.skipped:
        return ScenarioJudged(report.scenario, missing=report.skipped)
    artifacts = tuple(a for a in report.artifacts if not has_no_golden(a))
    if report.profile == CHECK:
        broken = {a.artifact: a.error or furthest(a) for a in artifacts if a.failed}
        first, headline = "", report.diagnosis.headline
    else:
        diagnosis = localise(project.pipeline, artifacts, report.invariants, project.pipeline.replay_profile)
        broken = {f.stage: f.reason for f in diagnosis.findings if f.verdict != "sound"}
        first, headline = diagnosis.first or "", diagnosis.headline
    chosen = [(a, list(_counting(question, report, a))) for a in artifacts if _may_count(question, report, a)]
    held = [v for v in report.invariants if _is_asked_for(question, report, v)]
    bad = [(a, v) for a, verdicts in chosen for v in failing(verdicts)]
    raised = {_name(report, a): a.error or f"{a.blocked} failed" for a, _ in chosen if a.error or a.blocked}
    return ScenarioJudged(
        report.scenario,
        first=first,
        headline=headline,
        broken=broken,
        failing=tuple(dict.fromkeys(_name(report, a) for a, _ in bad)),
        raised=raised,
        values=tuple(_address(report, a, v) for a, v in bad[:_TOLD]),
        invariants=tuple(v.path for v in held if v.status.failed),
        count=len(held) + sum(v.status is not Status.SKIPPED for _, verdicts in chosen for v in verdicts),
    )


def _name(report: ScenarioReport, artifact: ArtifactReport) -> str:
    """What is broken: a stage, or of a module one test."""
    return artifact.artifact if report.profile == CHECK else artifact.stage


def _address(report: ScenarioReport, artifact: ArtifactReport, verdict: Verdict) -> str:
    return f"{report.scenario}/{artifact.track}/{artifact.artifact}/{verdict.path}".rstrip("/")


def _may_count(question: Question, report: ScenarioReport, artifact: ArtifactReport) -> bool:
    """Whether any value of an artifact may count, so that it does not do to have none."""
    identity = f"{report.scenario}/{artifact.track}/{artifact.artifact}/"
    starts = [globs.address_patterns(address)[0] for address in question.addresses]
    named = not question.addresses or any(start.fullmatch(identity) for start in starts)
    return named and (not question.stages or _name(report, artifact) in question.stages)


def _counting(question: Question, report: ScenarioReport, artifact: ArtifactReport) -> Iterator[Verdict]:
    """The verdicts on an artifact that count; one on the whole of it counts for each of its values."""
    matches = _matching(question)
    for verdict in artifact.verdicts:
        if not verdict.path or matches(_address(report, artifact, verdict)):
            yield verdict


def _is_asked_for(question: Question, report: ScenarioReport, invariant: Verdict) -> bool:
    """Whether an invariant counts."""
    return not question.stages and _matching(question)(
        f"{report.scenario}/{report.profile}/{INVARIANTS}/{invariant.path}"
    )


def _matching(question: Question) -> Callable[[str], bool]:
    """Whether an address of a value is among those that are asked for."""
    regexes = [globs.address_patterns(address)[1] for address in question.addresses]
    return lambda address: not regexes or any(regex.fullmatch(f"{address}/") for regex in regexes)
