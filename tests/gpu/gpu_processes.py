"""Questions to a backend, each in a process of its own, and the minutes that a run may take.

Whoever asks TensorFlow or JAX for their devices takes most of an accelerator's memory, and a training's peak memory is
to be its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpu_case import Case
from gpu_report import ROOT

RUN = Path(__file__).parent / "gpu_case.py"
SHARING = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # else the first has it all


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

    def __init__(self, asked: str, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.out, self.log = folder / "answer.json", folder / "log.txt"
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **(settings or {})}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(RUN), asked, str(self.out)], env=environment, cwd=ROOT, stdin=subprocess.PIPE,
                stdout=log, stderr=log,
            )  # fmt: skip

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
        assert self.process.stdin is not None
        self.process.stdin.close()


class Trainings:
    """The cases of a run, each begun when it is asked for; those that need not be alone begin together."""

    def __init__(self, cases: Sequence[Case], folder: Path, budget: Budget) -> None:
        self.cases, self.folder, self.budget = cases, folder, budget
        self._begun: dict[Case, Question] = {}

    def measured(self, case: Case) -> dict[str, Any]:
        """What ``gpu_case.measure`` says of a case; raises RuntimeError where it says nothing."""
        if case not in self._begun:
            if case.alone:
                for question in self._begun.values():
                    question.wait(self.budget)
            if self.budget.over:
                raise RuntimeError(f"not begun: {self.budget.sentence}")
            for other in self._together(case):
                self._begin(other)
        answer = self._begun[case].answer(self.budget)
        del answer["case"]
        return answer

    def beside(self, case: Case) -> list[str]:
        """Names of the cases that ran beside one that was begun."""
        return [other.name for other in self._together(case) if other != case and {case, other} <= self._begun.keys()]

    def end(self) -> None:
        """Leave nothing running."""
        for question in self._begun.values():
            question.end()

    def _together(self, case: Case) -> list[Case]:
        return [case] if case.alone else [other for other in self.cases if not other.alone]

    def _begin(self, case: Case) -> None:
        folder = self.folder / case.name
        folder.mkdir()
        (folder / "case.json").write_text(json.dumps(asdict(case)), encoding="utf-8")
        self._begun[case] = Question(str(folder / "case.json"), folder, {} if case.alone else SHARING)
