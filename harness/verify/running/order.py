"""In which order scenarios are verified: what is cheap and sharp of all of them first, and then what training decides.

A stage that differs without any training is told in seconds, long before the last network is trained. Where an engine
computes, the whole of one scenario is judged while others are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from harness.core.errors import ProjectError
from harness.core.protocol import Json
from harness.core.verdicts import ArtifactReport, ScenarioReport
from harness.host.cluster.engine import Engine, compute_each
from harness.run.jobs import Job
from harness.run.runner import NotCachedError, Runner
from harness.run.shared.cache import project_cache
from harness.verify.coverage import OWN_SCHEMAS
from harness.verify.examination import Examination
from harness.verify.kept_candidates import compute_candidates, replay_left_out, wanted_candidates

Early = Callable[[str, Sequence[ArtifactReport]], None]
"""A callback for a scenario and those of its artifacts that failed, though no training decides them."""

_Parts = Generator[tuple[Examination, bool], None, None]
"""Scenarios, and whether each is to be judged as a whole or without what training decides."""

Verified = Iterator[tuple[Examination, ScenarioReport]]


def verify_each(
    examinations: Sequence[Examination],
    runner: Runner,
    overrides: Sequence[str],
    engine: Engine,
    early: Early | None = None,
    fail_fast: bool = False,
    keep: bool = False,
) -> Verified:
    """Verify scenarios, each as soon as it can be judged; ``early`` hears of failures before anything was trained.

    With ``fail_fast`` the first scenario that fails is the last one, and what fails before training is not trained.
    ``keep``: candidates are wanted, so that an engine computes those, too.
    """
    parts = _computed(examinations, runner, overrides, engine, keep) if engine.ahead else _asked(examinations)
    with closing(parts):  # which ends what an engine still computes
        for examination, whole in parts:
            if whole or not examination.training:
                report = _counted(examination, runner)
                yield examination, report
                if report.failed and fail_fast:
                    return
            elif failed := [r for of in examination.untrained if (r := examination.report(*of)).failed]:
                if early:
                    early(examination.scenario.name, failed)
                if fail_fast:
                    examination.training = False
                    yield examination, _counted(examination, runner)
                    return


def _asked(examinations: Sequence[Examination]) -> _Parts:
    """Each scenario without what training decides, and then each as a whole: computed when it is asked for."""
    trained = [e for e in examinations if e.training and not e.scenario.missing]
    yield from ((examination, False) for examination in trained)
    yield from ((examination, True) for examination in examinations)


def _computed(
    examinations: Sequence[Examination], runner: Runner, overrides: Sequence[str], engine: Engine, keep: bool
) -> _Parts:
    """The same in the order in which an engine has put them into the cache.

    What fails there fails again, and is reported, when it is judged.
    """
    here = [e for e in examinations if not e.scenario.missing]
    yield from ((e, True) for e in examinations if e.scenario.missing)
    if not here:
        return
    project = here[0].project
    here.sort(key=_rank(project.longest, project.pipeline.scenarios()))
    places: dict[str, Json] = {"root": str(project.root), "cache": str(runner.cache.folder)}
    every = [(e, False) for e in here] + [(e, True) for e in here if e.training]
    parts = [(e, whole) for e, whole in every if not _is_cached(e, whole, keep)]
    cached = [part for part in every if part not in parts]  # which no worker has to look up again
    yield from cached
    if not parts:
        return
    jobs = [
        Job(
            f"{__name__}:compute_scenario",
            {
                **places,
                "scenario": e.scenario.name,
                "profile": e.profile,
                "overrides": list(overrides),
                "training": whole,
                "keep": keep,
            },
        )
        for e, whole in parts
    ]

    def progressed(done: int, total: int, note: str) -> None:
        if runner.watcher:
            runner.watcher("all", here[0].profile, "scenarios", done, total, note)

    came = {(examination.scenario.name, whole) for examination, whole in cached}
    for number, keys in compute_each(engine, project, runner.cache, jobs, progressed):
        runner.ahead.update(keys or ())
        examination, whole = parts[number]
        name = examination.scenario.name
        came.add((name, whole))
        if not whole:
            yield examination, False
        if {(name, False), (name, True)} <= came:  # the training may come first
            yield examination, True


def _rank(longest: Sequence[str], known: Collection[str]) -> Callable[[Examination], int]:
    """A key by which what takes longest comes first, so that no worker is left alone with it in the end.

    Raises ProjectError for a scenario that there is not.
    """
    if unknown := sorted(set(longest) - set(known)):
        raise ProjectError(
            f"[tool.harness] longest names {unknown[0]!r}, which is no scenario: take it out of the list"
        )
    rank = {name: place for place, name in enumerate(longest)}
    return lambda examination: rank.get(examination.scenario.name, len(rank))


def _counted(examination: Examination, runner: Runner) -> ScenarioReport:
    """The report of a scenario, in which what workers computed ahead is not said to have been in the cache.

    A worker tells what it computed when its job is done, which may be after another job's artifacts were judged.
    """
    report, artifacts = examination.verify(), []
    for artifact in report.artifacts:
        if artifact.cached:
            key = examination.runs.of(artifact.artifact, artifact.track == examination.replay).key
            artifact = replace(artifact, cached=key not in runner.ahead)
            runner.ahead.discard(key)
        artifacts.append(artifact)
    return replace(report, artifacts=tuple(artifacts))


def _is_cached(examination: Examination, whole: bool, keep: bool) -> bool:
    """Whether the cache has the results of a scenario, or of what no training decides; nothing is run.

    ``keep``: with those of the candidates that are wanted.
    """
    artifacts = examination.artifacts if whole else examination.untrained
    try:
        with examination.runner.cached_only():
            runs = (examination.runs.of(a, t == examination.replay) for t, a in artifacts if a not in OWN_SCHEMAS)
            there = all(run.item for run in runs)
            if there and keep and (whole or not examination.training):
                compute_candidates(examination, _replay_candidates(examination))
            return there
    except NotCachedError:
        return False


def _replay_candidates(examination: Examination) -> list[tuple[str, str]]:
    """Track and name of each candidate of the replay that is wanted; its artifacts are judged."""
    if replay_left_out(examination):
        return []
    alone = [name for name in examination.artifacts if name[0] == examination.replay]
    return wanted_candidates(examination, [examination.report(*name) for name in alone])


def compute_scenario(
    root: str, cache: str, scenario: str, profile: str, overrides: list[str], training: bool, keep: bool
) -> list[str]:
    """One scenario's stages, into the cache: the job of a worker process. Returns the keys of what it computed.

    ``keep``: with what candidates of the replay hold, where it is not as accepted.
    """
    from harness.host.project import project_at_work

    project = project_at_work(root)
    runner = Runner(project.pipeline, project_cache(project, Path(cache)))
    examination = Examination(project, runner, scenario, profile, overrides, training=training)
    for track, artifact in examination.artifacts:
        examination.obtained(track, artifact)
    if keep:
        compute_candidates(examination, _replay_candidates(examination))
    return sorted(runner.computed)
