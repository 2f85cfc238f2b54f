"""Jobs are the one seam through which work goes that could run elsewhere.

A job is data, a function's name and JSON arguments, so that whatever runs jobs (these processes, or a
cluster's engine that meets ``Executor``) needs nothing else. ``local_executor`` runs them in processes of
this machine, or in this process one by one. A worker that dies costs its job alone: the job is tried once
more in a fresh worker, then it is an error.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from harness.core.errors import HarnessError
from harness.core.protocol import Json


class JobError(HarnessError):
    """A job that raised, or whose worker died; ``details`` is the worker's traceback, if there is one."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message, details)
        self.details = details

    def __str__(self) -> str:
        return str(self.args[0])


class CancelledError(HarnessError):
    """The result of a job was asked for, and the job had been cancelled."""


@dataclass(frozen=True)
class Job:
    """``function(**arguments)``: a function by ``"module:name"``, and JSON. Raises TypeError for anything else."""

    function: str
    arguments: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        try:  # so that a job is the same wherever it runs
            object.__setattr__(self, "arguments", json.loads(json.dumps(self.arguments)))
        except (TypeError, ValueError) as error:
            raise TypeError(f"the arguments of {self.function} are not JSON: {error}") from error

    def __str__(self) -> str:
        return f"{self.function}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


class Future(Protocol):
    """A submitted job."""

    @property
    def job(self) -> Job:
        """The job itself."""

    def result(self) -> Any:
        """Wait for its result; raises JobError or CancelledError."""

    def done(self) -> bool:
        """Whether ``result`` would not wait."""

    def cancel(self) -> bool:
        """Take it back; the answer is False if it runs or has run."""


class Executor(Protocol):
    """Whatever runs jobs. As a context it waits for them at its end, or cancels them after an error.

    ``lost`` has a line for every worker that died.
    """

    lost: list[str]

    def submit(self, job: Job) -> Future:
        """Queue a job."""

    def as_completed(self, futures: Iterable[Future] | None = None) -> Iterator[Future]:
        """Each future (of all that were submitted, unless given) as it is done; errors wait in ``result``."""

    def shutdown(self, cancel: bool = False) -> None:
        """Wait for every job; or ``cancel``: forget the queued ones and stop the running ones at once."""

    def __enter__(self) -> Executor:
        """The executor itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Shut down, cancelling after an error."""


def local_executor(workers: int) -> Executor:
    """An executor on this machine: it runs jobs in ``workers`` processes, or in this one when that is 1."""
    if workers < 1:
        raise HarnessError(f"{workers} workers cannot run anything: give at least 1")
    if workers == 1:
        return InProcess()
    from harness.run.processes import Processes

    return Processes(workers)


def run_job(job: Job) -> Any:
    """Call the job's function in this process; raises JobError, naming the job, for whatever it raises."""
    try:
        module, _, name = job.function.partition(":")
        function = getattr(importlib.import_module(module), name)
        return function(**job.arguments)
    except Exception as error:
        cause = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        raise JobError(f"job {job} failed: {cause}", traceback.format_exc()) from error


class ExecutorContext:
    """The end of an executor's context."""

    def shutdown(self, cancel: bool = False) -> None:
        """See ``Executor``."""
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.shutdown(cancel=kind is not None)


class Lazy:
    """A job of this process: it runs when its result is asked for."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._outcome: futures.Future[Any] = futures.Future()

    def result(self) -> Any:
        """Run the job, once."""
        outcome = self._outcome
        if outcome.cancelled():
            raise CancelledError(f"job {self.job} was cancelled")
        if not outcome.done():
            try:
                outcome.set_result(run_job(self.job))
            except JobError as error:
                outcome.set_exception(error)
        return outcome.result()

    def done(self) -> bool:
        """Whether it ran or was cancelled."""
        return self._outcome.done()

    def cancel(self) -> bool:
        """Never run it, unless it ran."""
        return self._outcome.cancel()


class InProcess(ExecutorContext):
    """Runs jobs in this process, one at a time, in the order in which they are waited for."""

    def __init__(self) -> None:
        self.lost: list[str] = []  # it would be this process
        self._submitted: list[Lazy] = []

    def __enter__(self) -> InProcess:
        return self

    def submit(self, job: Job) -> Lazy:
        """Note the job; it runs in ``as_completed``, ``result`` or ``shutdown``."""
        self._submitted.append(Lazy(job))
        return self._submitted[-1]

    def as_completed(self, futures: Iterable[Future] | None = None) -> Iterator[Future]:
        """Run them one by one."""
        for future in self._submitted if futures is None else futures:
            with contextlib.suppress(JobError, CancelledError):
                future.result()
            yield future

    def shutdown(self, cancel: bool = False) -> None:
        """Run what is left, or cancel it."""
        for future in self._submitted:
            future.cancel() if cancel else [*self.as_completed([future])]
