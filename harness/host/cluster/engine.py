"""An engine: who runs the jobs of a command. What a command's options say becomes one, and one helper uses it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.errors import ProjectError
from harness.core.project import Project
from harness.core.text import joined
from harness.run.cache import Cache
from harness.run.jobs import Executor, Job, JobError, local_executor

EXECUTORS = ("processes", "dask")
Tell = Callable[[str], None]
"""A callback for sentences that a reader should see though nothing depends on them."""


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True)
class Engine:
    """``workers`` processes of this machine, or Dask: a cluster of this machine, or that of ``scheduler``.

    ``tell`` hears where Dask's dashboard is, and of workers that were lost. Raises ProjectError for options that do not
    go together.
    """

    workers: int = 1
    executor: str = "processes"
    scheduler: str = ""
    tell: Tell = _silent

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise ProjectError(f"--executor {self.executor}: there is no such executor; there are {joined(EXECUTORS)}")
        if self.scheduler and self.executor != "dask":
            raise ProjectError("--scheduler names a scheduler of Dask: give --executor dask as well")
        if self.scheduler and self.workers > 1:
            raise ProjectError("--workers are of this machine: those of a scheduler are started beside it")

    @property
    def ahead(self) -> bool:
        """Whether others compute what this process then finds in the cache; else it computes all by itself."""
        return self.workers > 1 or self.executor == "dask"

    @contextlib.contextmanager
    def opened(self, project: Project, cache: Cache, heard: Tell = _silent) -> Iterator[Executor]:
        """An executor for jobs on ``project`` that leave their results in ``cache``; ``heard``: how it stands."""
        if self.executor == "processes":
            with local_executor(self.workers) as local:
                yield local
            return
        from harness.host.cluster.connection import dask_executor

        with dask_executor(self.scheduler, self.workers, project, cache, tell=self.tell, heard=heard) as executor:
            yield executor


ALONE = Engine()
"""This process itself."""

Progressed = Callable[[int, int, str], None]
"""A callback for jobs: how many are done, of how many, and a note."""


def compute_each(
    engine: Engine, project: Project, cache: Cache, jobs: Sequence[Job], progressed: Progressed | None = None
) -> Iterator[tuple[int, Any]]:
    """Run ``jobs``, queued in their order, and give the number of each with its result, as they come.

    The result of what fails there is None: it fails again, and is reported, where this process asks for it. Whoever
    stops asking ends what runs. Raises HarnessError where the engine itself fails: its scheduler is gone, or a worker
    is not as this machine is.
    """
    started, done = time.perf_counter(), 0

    def say(note: str) -> None:
        if progressed:
            progressed(done, len(jobs), note)

    with engine.opened(project, cache, say) as executor:
        numbers = {id(executor.submit(job)): number for number, job in enumerate(jobs)}
        say("")
        for future in executor.as_completed():
            done += 1
            result = None
            with contextlib.suppress(JobError):
                result = future.result()
            say(f"{done} of {len(jobs)}")
            yield numbers[id(future)], result
        for sentence in executor.lost:
            engine.tell(sentence)
    if progressed:  # one of one: this is over
        progressed(1, 1, f"{len(jobs)} jobs in {time.perf_counter() - started:.1f} s")


def compute_ahead(
    engine: Engine, project: Project, cache: Cache, jobs: Sequence[Job], progressed: Progressed | None = None
) -> list[Any]:
    """Run ``jobs``, all at once, and give the results of those that succeeded, in the order in which they came."""
    given = compute_each(engine, project, cache, jobs, progressed)
    return [result for _, result in given if result is not None]
