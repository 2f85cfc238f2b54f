"""A run of the original project whose ratio its own report left open, with and without its neighbour."""

from __future__ import annotations

import shutil

import pytest

from ptycho.diagnostics import RunRecord, read_runs


@pytest.fixture(scope="module")
def ne60(shared) -> RunRecord:
    return read_runs(shared / "upstream_artifacts" / "gs2_ne60")[0]


@pytest.fixture
def alone(shared, tmp_path) -> RunRecord:
    """gs2_ne60 without the run that covered the same pixels."""
    shutil.copytree(shared / "upstream_artifacts" / "gs2_ne60", tmp_path / "gs2_ne60")
    return read_runs(tmp_path / "gs2_ne60")[0]
