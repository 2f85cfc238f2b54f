"""How much of what a metric was taken over was reconstructed: counted, known from a neighbour, or bounded."""

from __future__ import annotations

import math
import shutil

import pytest
from faulty_runs import PIXELS, finding
from hypothesis import given
from hypothesis import strategies as st

from ptycho.diagnostics import RunRecord, read_runs
from ptycho.diagnostics.quantities.coverage import metrics_coverage


def test_the_coverage_is_that_of_the_run_beside_it(ne60):
    coverage = metrics_coverage(ne60)
    assert (coverage.covered, coverage.pixels, coverage.exact) == (21737, 153664, True)
    assert "gs2_base" in coverage.evidence
    assert "21,737 of 153,664 pixels (14.15 %)" in coverage.evidence
    assert "coverage 14.15 % explains 7.07\u00d7" in finding(ne60, "coverage").statement


def test_without_a_neighbour_the_coverage_is_a_bound(alone, ne60):
    bound = metrics_coverage(alone)
    assert not bound.exact
    assert bound.covered is None
    assert bound.evidence.startswith("at least ")
    assert bound.share <= metrics_coverage(ne60).share
    assert bound.share == pytest.approx(metrics_coverage(ne60).share, rel=0.03)


def test_a_neighbour_of_another_scan_is_not_asked(shared, tmp_path):
    for name in ("gs2_ne60", "dose_legacy_gs2"):
        shutil.copytree(shared / "upstream_artifacts" / name, tmp_path / name)
    (run,) = read_runs(tmp_path / "gs2_ne60")
    assert run.beside == ()
    assert not metrics_coverage(run).exact


def test_the_runs_own_count_comes_first(ne60):
    parts = {**ne60.parts, "inference": {**ne60.parts["inference"], "covered_pixels": 15_366.4}}
    assert metrics_coverage(RunRecord("counted", "upstream", parts, beside=ne60.beside)).share == pytest.approx(0.1)


def test_pixels_that_became_nan_are_those_reconstructed(shared):
    (run,) = read_runs(shared / "upstream_artifacts" / "gs2_base")
    coverage = metrics_coverage(run)
    assert (coverage.covered, coverage.pixels) == (21737, 153664)


@given(st.floats(0.01, 1.0), st.floats(0.0, 2.0))
def test_the_bound_is_one(covered, spread):
    """Whatever the amplitudes inside the support are, the bound is no larger than what is covered."""
    mean, square = covered, covered * (1 + spread**2)
    stats = {"mean": mean, "std": math.sqrt(square - mean**2), "min": 0.0}
    run = RunRecord("bound", "upstream", {"metrics": {"amplitude": {"count": PIXELS, "pred_stats": stats}}})
    assert metrics_coverage(run).share <= covered * (1 + 1e-9)
    assert metrics_coverage(run).share == pytest.approx(covered / (1 + spread**2))


def test_no_bound_without_a_zero_background(ne60):
    amplitude = {"count": PIXELS, "pred_stats": {"mean": 1.0, "std": 1.0, "min": 0.2}}
    assert metrics_coverage(RunRecord("filled", "upstream", {"metrics": {"amplitude": amplitude}})) is None
