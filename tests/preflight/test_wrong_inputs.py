"""Every wrong input of measured data that is known is refused or mended, with the cause first and what mends it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from spoilt import RIGHT, WRONG
from star_scan import N, Scan, scan_of

from ptycho.config.experiment import MeasuredConfig
from ptycho.errors import DataError
from ptycho.preflight.examination import examine
from ptycho.preflight.findings import PreflightReport, refuse
from ptycho.preflight.schema import preflight_schema

LEAST_RIGHT, LEAST_WRONG = 40, 50


@pytest.fixture(scope="session")
def common() -> Scan:
    """The scan that all wrong inputs are made from: 100 frames, an asymmetric probe, 1e6 photons a frame."""
    return scan_of()


@pytest.fixture
def look(tmp_path):
    """``look(scan, config, n)``: the report on a scan, written to a file and examined as that declares it."""

    def examined(scan: Scan, config: dict | None = None, n: int = N) -> PreflightReport:
        path = tmp_path / "scan.npz"
        np.savez(path, **scan.arrays())
        usual = {"quantity": "counts", "order": "xy", "centred": True, "refine_probe_sweeps": 0}
        return examine(MeasuredConfig(**({"path": str(path)} | usual | (config or {}))), n)[0]

    return examined


def loud(report: PreflightReport) -> list[tuple[str, str, str]]:
    """Name, level and sentence of every finding above info."""
    return [(o.name, o.level, o.sentence) for o in report.observations if o.level != "info"]


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.slow
def test_a_wrong_input_is_told_first_and_by_its_cause(look, common, name):
    wrong = WRONG[name]
    report = look(wrong.spoil(common), wrong.config, wrong.n)
    above = [o for o in report.observations if o.level != "info"]
    assert above, "nothing was found"
    first = above[0]
    assert first.name in wrong.found, loud(report)
    assert first.level == wrong.level
    assert wrong.flag in first.flag
    assert len(first.sentence) > 30
    assert report.passed == (wrong.level == "warning")
    jsonschema.validate(json.loads(json.dumps(report.document())), preflight_schema())
    if wrong.level == "error":
        with pytest.raises(DataError, match=r"--force to go on all the same"):
            refuse(report)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.slow
def test_a_right_variant_has_no_finding_above_info(look, name):
    make, config, n = RIGHT[name]
    report = look(make(), config, n)
    assert loud(report) == []
    refuse(report)


def test_both_lists_are_as_long_as_promised():
    assert len(RIGHT) >= LEAST_RIGHT
    assert len(WRONG) >= LEAST_WRONG


@pytest.mark.slow
def test_the_real_star_passes_as_it_is_declared_and_not_with_its_axes_swapped(shared):
    star = {"path": str(Path(shared) / "siemens-star-small.npz.bz2"), "quantity": "counts", "centred": False}
    report, _ = examine(MeasuredConfig(**star, order="yx", refine_probe_sweeps=0), 64)
    assert loud(report) == []
    few, _ = examine(MeasuredConfig(**star, order="yx", refine_probe_sweeps=0, frames=12), 64)
    assert loud(few) == []
    swapped, _ = examine(MeasuredConfig(**star, order="xy", refine_probe_sweeps=0), 64)
    assert [(o.name, o.flag) for o in swapped.errors] == [("positions", "--order yx")]
