"""What a worker of Dask does for the harness: it has each job done by a deputy, and says who died of it before."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from harness.core.protocol import Json
from harness.host.cluster.command import UnlikeError, note_start
from harness.host.cluster.deputy import Deputy, JobAnswer, StoppedError
from harness.run.jobs import Job
from harness.run.processes import TRIES

if TYPE_CHECKING:
    from distributed import Worker

_KEPT = "harness_deputies"  # the attribute of a worker that has them


class Order(TypedDict):
    """A job for a worker: ``meeting`` and ``digest`` lead to the command, ``name`` is the job's own there."""

    meeting: str
    digest: str
    name: str
    function: str
    arguments: dict[str, Json]


class Done(TypedDict, total=False):
    """How it went: an answer, in what the worker is ``unlike``, or that it was stopped; ``lost``: who died of it."""

    answer: JobAnswer
    unlike: list[str]
    worker: str
    lost: list[str]


class Deputies:
    """The idle deputies of a worker, by the command that they work for."""

    def __init__(self) -> None:
        self._idle: dict[str, list[Deputy]] = {}
        self._guard = threading.Lock()

    def take(self, order: Order) -> Deputy:
        """An idle one, or a new one."""
        with self._guard:
            idle = self._idle.get(order["meeting"], [])
            while idle:
                if (deputy := idle.pop()).alive:
                    return deputy
                deputy.end()
        return Deputy(Path(order["meeting"]), order["digest"])

    def keep(self, order: Order, deputy: Deputy) -> None:
        """For the next job."""
        with self._guard:
            self._idle.setdefault(order["meeting"], []).append(deputy)

    def dismiss(self, meeting: str) -> None:
        """Let those of a command go."""
        with self._guard:
            for deputy in self._idle.pop(meeting, []):
                deputy.dismiss()


def perform(order: Order) -> Done:
    """Have the job done; it is tried no more often than a local one is, whatever it does to its workers."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    name = f"{worker.address} on {socket.gethostname()}"
    meeting, lost = Path(order["meeting"]), list[str]()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    try:
        while True:
            began = note_start(meeting, order["name"], name)
            lost = began[:-1]
            if len(lost) >= TRIES:
                (meeting / order["name"]).unlink()
                return {"answer": (None, (_died(order, lost), "")), "worker": name, "lost": lost}
            deputy = _deputies(worker).take(order)
            try:
                answer = deputy.ask(Job(order["function"], order["arguments"]), wanted)
            except (EOFError, OSError):
                deputy.end()
                continue
            except BaseException:
                deputy.end()
                raise
            _deputies(worker).keep(order, deputy)
            (meeting / order["name"]).unlink(missing_ok=True)
            return {"answer": answer, "worker": name, "lost": lost}
    except UnlikeError as error:
        return {"unlike": [str(sentence) for sentence in error.args], "worker": name, "lost": lost}
    except StoppedError:
        return {"worker": name, "lost": lost}


def _died(order: Order, lost: list[str]) -> str:
    job = Job(order["function"], order["arguments"])
    return (
        f"job {job} failed: its worker died in each of {TRIES} tries ({', '.join(lost)}): "
        "it may need more memory than there is, try workers with more"
    )


def dismiss(meeting: str, dask_worker: Worker) -> None:
    """End a worker's idle deputies of a command that is over."""
    _deputies(dask_worker).dismiss(meeting)


def _deputies(worker: Any) -> Deputies:
    kept: Deputies = worker.__dict__.setdefault(_KEPT, Deputies())
    return kept
