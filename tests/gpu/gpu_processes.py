"""Questions to a backend, each in a process of its own, within the minutes that a run may take.

Whoever asks TensorFlow or JAX for their devices takes most of an accelerator's memory, and a training's peak memory is
to be its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gpu_report import ROOT

RUN = Path(__file__).parent / "gpu_case.py"


class Budget:
    """The minutes that a run may take from now on; None for as many as it needs."""

    def __init__(self, minutes: float | None) -> None:
        self.minutes, self._began = minutes, time.monotonic()

    def left(self) -> float | None:
        """Seconds; None without an end."""
        return None if self.minutes is None else max(0.0, self._began + 60 * self.minutes - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left() == 0

    @property
    def sentence(self) -> str:
        """What a case says that had no time."""
        return f"the {self.minutes:g} minutes of --gpu-minutes were over"


class Question:
    """What ``gpu_case.py`` is asked; it begins to answer at once. ``folder`` is this question's alone."""

    def __init__(self, asked: str, folder: Path) -> None:
        self.out, self.log = folder / "answer.json", folder / "log.txt"
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(RUN), asked, str(self.out)], env=environment, cwd=ROOT, stdout=log, stderr=log
            )

    def answer(self, budget: Budget) -> dict[str, Any]:
        """The answer; raises RuntimeError, with its last lines, where there is none or it came too late."""
        status = self.wait(budget)
        said = self.log.read_text(encoding="utf-8", errors="replace")
        print(said)
        if status or not self.out.is_file():
            last = " / ".join(said.strip().splitlines()[-3:])
            raise RuntimeError(f"the run ended with status {status} and without an answer: {last}")
        answer: dict[str, Any] = json.loads(self.out.read_text(encoding="utf-8"))
        return answer

    def wait(self, budget: Budget) -> int:
        """The process's exit status; raises RuntimeError, with nothing left running, where it took too long."""
        try:
            return self.process.wait(budget.left())
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"not finished when {budget.sentence}") from None
        finally:
            self.end()

    def end(self) -> None:
        """Leave nothing running."""
        self.process.kill()
        self.process.wait()
