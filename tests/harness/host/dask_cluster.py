"""A scheduler of Dask and its workers: real processes, which tests kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heat_repository import FORGOTTEN, ROOT

_ALONE = ("--host", "127.0.0.1", "--no-dashboard")


class DaskCluster:
    """A scheduler and some workers, which work in ``folder`` and log there."""

    def __init__(self, folder: Path, workers: int, **environment: str) -> None:
        self.folder, self.environment = folder, environment
        folder.mkdir()
        about = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(about))
        until(about.is_file)
        until(lambda: about.read_text().endswith("}"))
        self.address = json.loads(about.read_text())["address"]
        self.workers: list[subprocess.Popen[Any]] = []
        for _ in range(workers):
            self.add()

    def add(self) -> None:
        """One more worker."""
        where = ["--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder)]
        self.workers.append(self._start("worker", self.address, *where))

    def kill(self, number: int) -> None:
        """Kill a worker."""
        self.workers[number].kill()
        self.workers[number].wait()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[Any]:
        with (self.folder / f"{what}.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, *_ALONE],
                stdout=log,
                stderr=log,
                cwd=self.folder,  # not the repository's
                env={name: value for name, value in os.environ.items() if name not in FORGOTTEN}
                | {"PYTHONPATH": str(ROOT)}
                # As a nanny does for its worker; it decides numbers, and so it must not reach them.
                | {"OMP_NUM_THREADS": "1", "MALLOC_TRIM_THRESHOLD_": "65536"}
                | self.environment,
            )

    def end(self) -> None:
        """Kill all of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def until(happened: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
