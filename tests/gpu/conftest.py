"""What the GPU tests share: what the backend sees, whether they run, their trainings, and the one report of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gpu_goldens
import gpu_report
import pytest
from gpu_case import Case
from gpu_plan import Plan, Sight, decide
from gpu_processes import Budget, Question, Trainings

from harness.core.files import dump_json, write_file


@pytest.fixture(scope="session")
def budget(pytestconfig) -> Budget:
    """The minutes of ``--gpu-minutes``, from the first test on."""
    return Budget(pytestconfig.getoption("gpu_minutes"))


@pytest.fixture(scope="session")
def look(tmp_path_factory) -> dict[str, Any]:
    """What the backend in use sees and computes on, and the machine around it; however little time there is."""
    try:
        return Question("--look", tmp_path_factory.mktemp("look")).answer(Budget(None))
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
def training(plan, add, budget, request, tmp_path_factory) -> Iterator[Callable[[int, str], dict[str, Any]]]:
    """``training(N, precision)``: a case of the report, measured now."""

    def case_of(N: int, precision: str) -> Case:
        return Case(N, precision, plan.run == "reduced")

    chosen = (item.callspec.params for item in request.session.items if "training" in getattr(item, "fixturenames", ()))
    cases = [case_of(about["N"], about["precision"]) for about in chosen]
    trainings = Trainings(cases, tmp_path_factory.mktemp("trainings"), budget)

    def run(N: int, precision: str) -> dict[str, Any]:
        case, measured, error = case_of(N, precision), None, ""
        try:
            measured = trainings.measured(case)
        except RuntimeError as failed:
            error = str(failed)
        entry = gpu_report.record(case, measured, error, beside=trainings.beside(case))
        if measured:
            entry["golden"] = gpu_goldens.outcome_text(gpu_goldens.judge(entry))
        add(case=entry)
        return entry

    yield run
    trainings.end()
