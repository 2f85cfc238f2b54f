"""What the GPU tests share: what the backend sees, whether they run, their trainings, and the one report of them.

Every question to a backend is asked in a process of its own: whoever asks TensorFlow or JAX for their devices
takes most of an accelerator's memory, and a training's peak memory is to be its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gpu_goldens
import gpu_report
import pytest
from gpu_case import Case
from gpu_plan import Plan, Sight, decide

from harness.core.files import dump_json, write_file

RUN = Path(__file__).parent / "gpu_case.py"


def answer_of(question: str, folder: Path) -> dict[str, Any]:
    """What ``gpu_case.py`` answers; raises RuntimeError, with its last lines, where it does not."""
    out = folder / "answer.json"
    out.unlink(missing_ok=True)
    paths = [str(gpu_report.ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, str(RUN), question, str(out)], env=environment, cwd=gpu_report.ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    print(done.stdout)
    if done.returncode or not out.is_file():
        last = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise RuntimeError(f"the run ended with status {done.returncode} and without an answer: {last}")
    answer: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return answer


@pytest.fixture(scope="session")
def look(tmp_path_factory) -> dict[str, Any]:
    """What the backend in use sees and computes on, and the machine around it."""
    try:
        return answer_of("--look", tmp_path_factory.mktemp("look"))
    except RuntimeError as error:
        last = str(error).rpartition(" / ")[2]
    pytest.fail(
        f"the backend cannot be asked ({last}): install it, or choose another with KERAS_BACKEND", pytrace=False
    )


@pytest.fixture(scope="session")
def plan(look, pytestconfig) -> Plan:
    """Full runs, or reduced ones; skips where neither is wanted."""
    sight = Sight(**{**look["sight"], "accelerators": tuple(look["sight"]["accelerators"])})
    decision = decide(sight, pytestconfig.getoption("gpu_on_cpu"))
    if decision.run == "skip":
        pytest.skip(decision.reason)
    return decision


@pytest.fixture(scope="session")
def add(look, plan, pytestconfig) -> Callable[..., None]:
    """``add(case=...)`` or ``add(verification=...)``: write the one report anew, so that nothing is lost by a kill."""
    if hasattr(pytestconfig, "workerinput"):
        pytest.fail("GPU tests share one device and one report: run them without -n")
    cases: list[dict[str, Any]] = []
    verified: list[dict[str, Any]] = []
    asked = pytestconfig.getoption("gpu_report")
    path = Path(asked or gpu_report.ROOT / ".harness/gpu/report.json")

    if why := gpu_report.unwritable(path):  # told before a training, not after it
        pytest.fail(f"{path} cannot be written ({why}): choose another --gpu-report", pytrace=False)

    def write(case: dict[str, Any] | None = None, verification: dict[str, Any] | None = None) -> None:
        cases.extend([case] if case else [])
        verified.extend([verification] if verification else [])
        report = gpu_report.assemble(look, plan, cases, verified[-1] if verified else None)
        write_file(path, dump_json(report))
        if not asked:
            write_file(path.with_suffix(".md"), gpu_report.markdown(report).encode())

    return write


@pytest.fixture(scope="session")
def training(plan, add, tmp_path_factory) -> Callable[[int, str], dict[str, Any]]:
    """``training(N, precision)``: a case of the report, measured now."""

    def run(N: int, precision: str) -> dict[str, Any]:
        case = Case(N, precision, plan.run == "reduced")
        folder = tmp_path_factory.mktemp(case.name)
        (folder / "case.json").write_text(json.dumps(asdict(case)), encoding="utf-8")
        measured, error = None, ""
        try:
            measured = answer_of(str(folder / "case.json"), folder)
            del measured["case"]
        except RuntimeError as failed:
            error = str(failed)
        entry = gpu_report.record(case, measured, error)
        if measured:
            entry["golden"] = gpu_goldens.outcome_text(gpu_goldens.judge(entry))
        add(case=entry)
        return entry

    return run
