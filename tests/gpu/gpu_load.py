"""How busy an accelerator is while something runs, as its driver's own tool tells it five times a second."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from statistics import fmean

ASK = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=200")


class Load:
    """Samples of the accelerator at ``place``, such as ``gpu:0``, between entering and leaving.

    There are none of a processor, nor where the tool is missing.
    A sample is the share of the time before it in which the device computed anything at all.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.command = [*ASK, f"--id={place.rpartition(':')[2]}"]
        self.samples: list[tuple[float, float]] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Load:
        if self.place.startswith("cpu"):
            return self
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):  # "[N/A]", where a device does not tell
                self.samples.append((time.perf_counter(), float(line) / 100))

    def between(self, start: float, end: float) -> float | None:
        """The mean share, 0 to 1, of the samples between two readings of ``time.perf_counter``; None of no sample."""
        seen = [share for at, share in self.samples if start <= at <= end]
        return fmean(seen) if seen else None
