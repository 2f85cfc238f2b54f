"""The connection to Dask: to the scheduler at an address, or to one of this process's own."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.project import Project
from harness.host.cluster.command import Command
from harness.host.cluster.dask_executor import DaskExecutor
from harness.host.cluster.likeness import likeness
from harness.run.cache import Cache
from harness.run.locks import own_place

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_S = 10.0
_OWN = "127.0.0.1"


@contextlib.contextmanager
def dask_executor(
    scheduler: str,
    workers: int,
    project: Project,
    cache: Cache,
    *,
    tell: Callable[[str], None],
    heard: Callable[[str], None],
) -> Iterator[DaskExecutor]:
    """An executor on the scheduler at an address, or where there is none on ``workers`` of this machine.

    ``tell`` hears where the dashboard is, and that nobody works there yet. Raises HarnessError where Dask is not
    installed, or nothing answers.
    """
    command = Command.here(project.root, tuple(project.pipeline.environment), _plain(project))
    with own_place(cache.folder / "writing", "jobs") as meeting, _quiet_logs():
        digest = command.write(meeting)
        try:
            with _client(scheduler, workers) as client:
                if scheduler and not client.nthreads():
                    tell(f"no worker has joined the scheduler yet: start some with `dask worker {scheduler}`")
                if page := _dashboard(client, own=not scheduler):
                    tell(f"Dask's dashboard: {page}")
                with DaskExecutor(client, meeting, digest, heard) as executor:
                    yield executor
        finally:
            shutil.rmtree(meeting, ignore_errors=True)


def _plain(project: Project) -> dict[str, dict[str, object]]:
    """The likeness of this machine, as JSON gives it back."""
    plain: dict[str, dict[str, object]] = json.loads(json.dumps(likeness(project)))
    return plain


@contextlib.contextmanager
def _client(scheduler: str, workers: int) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise HarnessError(
            "--executor dask needs Dask: pip install distributed, which the harness's extra 'dask' brings too"
        ) from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # Dask warns of other versions of its own, and of ports that are taken
        if scheduler:
            try:
                get_address_host_port(scheduler)  # before there is a client, which takes long to give up
                client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False, name="harness")
            except (OSError, ValueError, TypeError) as error:
                raise HarnessError(
                    f"no Dask scheduler answers at {scheduler} ({error}): start one with `dask scheduler`, "
                    "or give the address that it says"
                ) from error
        else:
            # Workers are threads of this process, as deputies do their work: so no port is open to anybody.
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=False,
                memory_limit=0,
                dashboard_address=f"{_OWN}:0",
            )
            stack.callback(cluster.close, timeout=_CONNECT_S)
            client = Client(cluster, set_as_default=False, name="harness")
        stack.callback(_close, client)
        yield client


def _close(client: Client) -> None:
    with contextlib.suppress(Exception):  # its scheduler may be gone
        client.close(timeout=_CONNECT_S)


def _dashboard(client: Client, own: bool) -> str:
    """The address of the dashboard, where the scheduler has one; without bokeh beside it, the page says so."""
    if not (port := client.scheduler_info()["services"].get("dashboard")):
        return ""
    # Dask names a machine by its address, but a scheduler of this process listens to this machine alone.
    return f"http://{_OWN}:{port}/status" if own else str(client.dashboard_link)


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Dask logs what is told in one sentence here."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    names += ["distributed", "distributed.client", "distributed.scheduler", "distributed.worker", "distributed.core"]
    loggers = [logging.getLogger(name) for name in dict.fromkeys(names)]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
