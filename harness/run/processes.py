"""Processes of this machine that run jobs; ``harness.run.jobs.local_executor`` starts them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterable, Iterator
from concurrent import futures
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from harness.run.jobs import CancelledError, ExecutorContext, Future, Job, JobError, run_job

TRIES = 2
STOP_SECONDS = 5  # that an idle worker may take to end


class Processes(ExecutorContext):
    """Runs jobs in ``workers`` processes, each started when it is first needed.

    A thread of its own asks each process, and learns from the end of their pipe when it dies, so that no
    other job is touched by that. ``lost`` has a line for every worker that died.
    """

    def __init__(self, workers: int) -> None:
        self.lost: list[str] = []
        self._threads = futures.ThreadPoolExecutor(workers, thread_name_prefix="harness-jobs")
        self._submitted: list[PendingJob] = []
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []
        self._guard = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Processes:
        return self

    def submit(self, job: Job) -> PendingJob:
        """Queue the job."""
        self._submitted.append(PendingJob(job, self._threads.submit(self._attempt, job)))
        return self._submitted[-1]

    def as_completed(self, futures: Iterable[Future] | None = None) -> Iterator[Future]:
        """Each future as it is done."""
        return _as_completed(self._submitted if futures is None else futures)

    def shutdown(self, cancel: bool = False) -> None:
        """Wait for every job, or stop them; then end the workers."""
        if cancel:
            with self._guard:
                self._stopped = True
                for worker in self._busy:
                    worker.process.kill()
        try:
            self._threads.shutdown()
        except BaseException:  # Ctrl-C while it waits
            if not cancel:
                self.shutdown(cancel=True)
            raise
        for worker in self._idle:
            worker.end()
        self._idle.clear()

    def _attempt(self, job: Job) -> Any:
        for _ in range(TRIES):
            worker = self._take(job)
            try:
                result, failure = worker.ask(job)
            except (EOFError, OSError):
                with self._guard:
                    self._busy.remove(worker)
                died = worker.died()
                if not self._stopped:
                    self.lost.append(f"the worker of job {job} {died}")
                continue
            with self._guard:
                self._busy.remove(worker)
                self._idle.append(worker)
            if failure:
                raise JobError(*failure)
            return result
        if self._stopped:
            raise CancelledError(f"job {job} was cancelled")
        raise JobError(
            f"job {job} failed: its worker {died} in each of {TRIES} tries: "
            "it may need more memory than there is, try fewer workers"
        )

    def _take(self, job: Job) -> Worker:
        with self._guard:
            if self._stopped:
                raise CancelledError(f"job {job} was cancelled")
            worker = self._idle.pop() if self._idle else Worker()
            self._busy.append(worker)
            return worker


@dataclass(frozen=True, eq=False)
class PendingJob:
    """A job of ``Processes``."""

    job: Job
    outcome: futures.Future[Any]

    def result(self) -> Any:
        """The result, waited for."""
        try:
            return self.outcome.result()
        except futures.CancelledError as error:
            raise CancelledError(f"job {self.job} was cancelled") from error

    def done(self) -> bool:
        """Whether it ran, failed, or was cancelled."""
        return self.outcome.done()

    def cancel(self) -> bool:
        """Take it back, if no worker has it."""
        return self.outcome.cancel()


class Worker:
    """A process that runs jobs, one at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does

    def ask(self, job: Job) -> tuple[Any, tuple[str, str] | None]:
        """The job's result, or message and traceback of its failure; EOFError or OSError if the process dies."""
        self.pipe.send(job)
        answer: tuple[Any, tuple[str, str] | None] = self.pipe.recv()
        return answer

    def died(self) -> str:
        """How the process ended."""
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"

    def end(self) -> None:
        """Ask the process to end, and see that it does."""
        with contextlib.suppress(OSError):
            self.pipe.send(None)
        self.process.join(STOP_SECONDS)
        if self.process.is_alive():
            self.process.kill()
        self.died()


def serve(pipe: Connection, idle_s: float | None = None) -> None:
    """Answer jobs, as a worker does, until it is asked to end, whoever asked is gone, or nobody asks for ``idle_s``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = pipe.recv() if pipe.poll(idle_s) else None
        except (EOFError, OSError):
            return
        if job is None:
            return
        answer: tuple[Any, tuple[str, str] | None]
        try:
            answer = run_job(job), None
        except JobError as error:
            answer = None, (str(error), error.details)
        except BaseException as error:  # such as SystemExit
            answer = None, (f"job {job} failed: {type(error).__name__}: {error}", traceback.format_exc())
        try:
            pipe.send(answer)
        except (OSError, EOFError):
            return
        except Exception as error:  # what pickle raises has no common base
            pipe.send((None, (f"job {job} gave a result that cannot be sent: {error}", traceback.format_exc())))


def _end_with_parent() -> None:
    """End this worker with its parent: if that is killed, it would go on for as long as its job takes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _as_completed(pending: Iterable[Future]) -> Iterator[Future]:
    by_outcome = {p.outcome: p for p in pending if isinstance(p, PendingJob)}
    for outcome in futures.as_completed(by_outcome):
        yield by_outcome[outcome]
