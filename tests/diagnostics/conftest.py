"""The runs and reports of the original project (docs/explanation/history.md), and their diagnoses."""

from __future__ import annotations

import pytest

from ptycho.diagnostics import RunRecord, diagnose, read_runs


@pytest.fixture(scope="module")
def upstream(shared):
    return shared / "upstream_artifacts"


@pytest.fixture(scope="module")
def runs(upstream) -> dict[str, RunRecord]:
    return {run.name: run for run in read_runs(upstream)}


@pytest.fixture(scope="module")
def diagnoses(runs):
    """The diagnosis of each run and report by its name."""
    return {run["name"]: run for run in diagnose(list(runs.values()))["runs"]}
