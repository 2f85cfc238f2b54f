"""In which order scenarios are verified: what is cheap and sharp of all of them first, and what training decides last.

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
"""A callback for a scenario and those of its artifacts that failed before its last part was judged."""

_Parts = Generator[tuple[Examination, int], None, None]
"""Scenarios, and which of its ``parts`` can be judged now, by number; one scenario's in their order."""

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
    """Verify scenarios, each as soon as it can be judged; ``early`` hears of what fails in all parts but the last.

    With ``fail_fast`` the first scenario that fails is the last one, and what follows the part that fails is left out.
    ``keep``: candidates are wanted, so that an engine computes those, too.
    """
    parts = _computed(examinations, runner, overrides, engine, keep) if engine.ahead else _asked(examinations)
    with closing(parts):  # which ends what an engine still computes
        for examination, part in parts:
            if part < _last(examination):
                known = examination.parts[part - 1] if part else []
                names = [name for name in examination.parts[part] if name not in known]
                failed = [artifact for name in names if (artifact := examination.report(*name)).failed]
                if failed and early:
                    early(examination.scenario.name, failed)
                if not (failed and fail_fast):
                    continue
                examination.end_after(part)
            report = _counted(examination, runner)
            yield examination, report
            if report.failed and fail_fast:
                return


def _last(examination: Examination) -> int:
    """The number of a scenario's last part, which is the same for all: with it the scenario is judged as a whole."""
    return len(examination.parts) - 1


def _asked(examinations: Sequence[Examination]) -> _Parts:
    """The first part of each scenario, then the next of each, and so on: computed when it is asked for."""
    last = max(map(_last, examinations), default=0)
    for part in range(last + 1):
        yield from ((e, part) for e in examinations if part == last or not e.scenario.missing)


def _computed(
    examinations: Sequence[Examination], runner: Runner, overrides: Sequence[str], engine: Engine, keep: bool
) -> _Parts:
    """The same in the order in which an engine has put them into the cache.

    What fails there fails again, and is reported, when it is judged.
    """
    here = [e for e in examinations if not e.scenario.missing]
    yield from ((e, _last(e)) for e in examinations if e.scenario.missing)
    if not here:
        return
    project, last = here[0].project, _last(here[0])
    here.sort(key=_rank(project.longest, project.pipeline.scenarios()))
    # Somebody waits for the first verdict, so that one that is not among the longest begins.
    every = [*((e, part) for part in range(last) for e in [here[-1], *here[:-1]]), *((e, last) for e in here)]
    parts = [(e, part) for e, part in every if not _is_cached(e, part, keep)]
    came = {(e.scenario.name, part) for e, part in every if (e, part) not in parts}  # no worker looks these up again
    yield from ((e, part) for e, part in every if (e.scenario.name, part) in came)
    if not parts:
        return
    places: dict[str, Json] = {"root": str(project.root), "cache": str(runner.cache.folder)}
    given: dict[str, Json] = {"profile": here[0].profile, "overrides": [*overrides], "training": here[0].training}
    jobs = [
        Job(
            f"{__name__}:compute_part",
            {**places, **given, "scenario": e.scenario.name, "part": part, "keep": keep and part == last},
        )
        for e, part in parts
    ]

    def progressed(done: int, total: int, note: str) -> None:
        if runner.watcher:
            runner.watcher("all", here[0].profile, "scenarios", done, total, note)

    waiting = {e.scenario.name: [number for of, number in parts if of is e] for e, _ in parts}
    for number, keys in compute_each(engine, project, runner.cache, jobs, progressed):
        runner.ahead.update(keys or ())
        examination, part = parts[number]
        name = examination.scenario.name
        came.add((name, part))
        while waiting[name] and (name, waiting[name][0]) in came:  # a later part may come first
            yield examination, waiting[name].pop(0)


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


def _is_cached(examination: Examination, part: int, keep: bool) -> bool:
    """Whether the cache has the results of a scenario up to a part; nothing is run.

    ``keep``: with those of the candidates that are wanted, which the last part tells.
    """
    try:
        with examination.runner.cached_only():
            runs = (
                examination.runs.of(artifact, track == examination.replay)
                for track, artifact in examination.parts[part]
                if artifact not in OWN_SCHEMAS
            )
            there = all(run.item for run in runs)
            if there and keep and part == _last(examination):
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


def compute_part(
    root: str, cache: str, scenario: str, profile: str, overrides: list[str], training: bool, part: int, keep: bool
) -> list[str]:
    """One scenario's stages up to a part, into the cache: the job of a worker process. Returns what it computed: keys.

    ``keep``: with what candidates of the replay hold, where it is not as accepted.
    """
    from harness.host.project import project_at_work

    project = project_at_work(root)
    runner = Runner(project.pipeline, project_cache(project, Path(cache)))
    examination = Examination(project, runner, scenario, profile, overrides, training=training)
    for track, artifact in examination.parts[part]:
        examination.obtained(track, artifact)
    if keep:
        compute_candidates(examination, _replay_candidates(examination))
    return sorted(runner.computed)
