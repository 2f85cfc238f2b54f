"""An executor on Dask distributed: its scheduler gives the jobs to its workers, wherever they are."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError
from harness.host.cluster.command import starts
from harness.host.cluster.performing import Done, Order, dismiss, perform
from harness.run.jobs import ExecutorContext, Future, Job, JobError
from harness.run.processes import TRIES, PendingJob

if TYPE_CHECKING:
    from distributed import Client

_LOOK_S = 1.0
_END_S = 5.0  # that the workers may take to hear that a command is over
_ROUNDS = 8  # in which a job may lose its worker before it began


class EngineError(HarnessError):
    """Not a job's failure: nothing goes on. What was computed is in the cache."""


class DaskExecutor(ExecutorContext):
    """Runs jobs on the workers of a scheduler, one at a time in each of a worker's threads.

    ``meeting`` is the folder of the command, whose ``digest`` is known; ``heard`` hears how many workers there are.
    A job whose worker is lost is given to another, once; ``lost`` has a line for each. Where the scheduler is lost, or
    a worker refused, ``as_completed`` and ``shutdown`` raise EngineError.
    """

    def __init__(self, client: Client, meeting: Path, digest: str, heard: Callable[[str], None]) -> None:
        self.lost: list[str] = []
        self._client, self._meeting, self._digest, self._heard = client, meeting, digest, heard
        self._address = client.scheduler.address
        self._submitted: list[PendingJob] = []
        self._running: dict[str, Any] = {}  # Dask's futures by the name of the job
        self._failure: EngineError | None = None
        self._guard = threading.Lock()
        self._stopped = False

    def __enter__(self) -> DaskExecutor:
        return self

    def submit(self, job: Job) -> PendingJob:
        """Queue the job."""
        name = f"job-{len(self._submitted)}"
        pending = PendingJob(job, _Pending(lambda: bool(starts(self._meeting, name))))
        self._submitted.append(pending)
        pending.outcome.add_done_callback(lambda outcome: self._forget(name, outcome))
        self._give(name, pending, 1)
        return pending

    def as_completed(self, futures: Iterable[Future] | None = None) -> Iterator[Future]:
        """Each future as it is done."""
        waiting = [f for f in (self._submitted if futures is None else futures) if isinstance(f, PendingJob)]
        ended: SimpleQueue[PendingJob] = SimpleQueue()
        for pending in waiting:
            pending.outcome.add_done_callback(lambda _, pending=pending: ended.put(pending))  # type: ignore[misc]
        told = 0.0
        for _ in waiting:
            while True:
                if self._failure:
                    raise self._failure
                if time.monotonic() - told > _LOOK_S:
                    if self._client.status != "running":  # whatever the jobs' own futures say, or never will
                        self._fail(f"Dask's scheduler at {self._address} is gone")
                        continue
                    self._heard(self._standing())
                    told = time.monotonic()
                with contextlib.suppress(Empty):
                    done = ended.get(timeout=_LOOK_S)
                    break
            if self._failure:
                raise self._failure
            yield done

    def shutdown(self, cancel: bool = False) -> None:
        """Wait for every job, or stop them; then let the workers go."""
        try:
            if not cancel:
                for _ in self.as_completed():
                    pass
        finally:
            self._stopped, left = True, [*self._running.values()]
            for pending in self._submitted:
                futures.Future.cancel(pending.outcome)
            if self._client.status == "running":
                end = threading.Thread(target=self._let_go, args=(left,), daemon=True)
                end.start()
                end.join(_END_S)  # a worker that just died is waited for in vain

    def _let_go(self, left: list[Any]) -> None:
        with contextlib.suppress(Exception):  # the workers, or all of Dask, may be gone
            if left:
                self._client.cancel(left)
            self._client.run(dismiss, str(self._meeting), on_error="ignore")

    def _standing(self) -> str:
        """How many workers there are."""
        try:
            there = len(self._client.nthreads())
        except Exception:  # what a lost connection raises has no common base; the jobs will tell
            return "no scheduler answers"
        return f"{there} worker{'s' * (there != 1)}" if there else "waits for workers, none has joined"

    def _give(self, name: str, pending: PendingJob, round_: int) -> None:
        """Submit a job to Dask, under a key that nothing else has: it is not the engine that knows results."""
        order: Order = {
            "meeting": str(self._meeting),
            "digest": self._digest,
            "name": name,
            "function": pending.job.function,
            "arguments": dict(pending.job.arguments),
        }
        key = f"{self._meeting.name}-{name}-{round_}"
        try:
            given = self._client.submit(perform, order, key=key, pure=False)
        except Exception as error:
            self._fail(f"Dask's scheduler at {self._address} takes no job ({type(error).__name__}: {error})")
            return
        self._running[name] = given
        given.add_done_callback(lambda future: self._ended(name, pending, round_, future))

    def _forget(self, name: str, outcome: futures.Future[Any]) -> None:
        given = self._running.pop(name, None)
        if given is not None and outcome.cancelled() and not self._stopped:
            with contextlib.suppress(Exception):
                given.cancel()

    def _ended(self, name: str, pending: PendingJob, round_: int, future: Any) -> None:
        """Dask says that a job is over: pass on what came of it."""
        if pending.outcome.done():
            return
        try:
            done: Done = future.result()
        except (futures.CancelledError, OSError):  # of the whole connection: nobody else knows the key
            self._fail(f"Dask's scheduler at {self._address} is gone")
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                self._again(name, pending, round_)
            else:
                told = f"{type(error).__name__}: {error.__cause__ or error}"
                self._fail(f"Dask cannot run jobs of the harness ({told}): install the same harness at its workers")
        else:
            self._take(pending, done)

    def _take(self, pending: PendingJob, done: Done) -> None:
        with self._guard:
            self.lost += [f"the worker of job {pending.job} was lost: {who}" for who in done["lost"]]
        if unlike := done.get("unlike"):
            self._fail(f"worker {done['worker']} {unlike[0]}", refused=True)
        elif "answer" not in done:
            self._fail(f"Dask's scheduler at {self._address} took a job back")
        else:
            result, failure = done["answer"]
            with contextlib.suppress(futures.InvalidStateError):  # it was taken back meanwhile
                pending.outcome.set_exception(JobError(*failure)) if failure else pending.outcome.set_result(result)

    def _again(self, name: str, pending: PendingJob, round_: int) -> None:
        """Dask gave up on a job, as it does when workers die that had it: it counts who began it alone."""
        began = starts(self._meeting, name)
        if len(began) < TRIES and round_ < _ROUNDS:
            self._give(name, pending, round_ + 1)
            return
        self._take(
            pending,
            {
                "answer": (
                    None,
                    (f"job {pending.job} failed: its worker died in each of {len(began) or round_} tries", ""),
                ),
                "lost": began,
            },
        )

    def _fail(self, what: str, refused: bool = False) -> None:
        """Nothing goes on: every job that is left has the same error."""
        with self._guard:
            if self._failure or self._stopped:
                return
            done = sum(pending.done() for pending in self._submitted)
            remedy = "it was given nothing" if refused else "start one, and give the same command again"
            self._failure = EngineError(
                f"{what}; {done} of {len(self._submitted)} jobs were done: {remedy}; what was computed is in the cache"
            )
        for pending in self._submitted:
            with contextlib.suppress(futures.InvalidStateError):
                pending.outcome.set_exception(self._failure)


class _Pending(futures.Future[Any]):
    """What came of a job, which is not taken back once ``began`` says that it runs."""

    def __init__(self, began: Callable[[], bool]) -> None:
        super().__init__()
        self._began = began

    def cancel(self) -> bool:
        """Take it back, unless it runs or ran."""
        return not self._began() and super().cancel()
