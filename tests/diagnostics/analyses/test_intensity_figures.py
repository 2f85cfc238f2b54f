"""Every figure that both reports print of the intensities, to their digits (docs/explanation/history.md)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from original_figures import INTENSITY, SHAPES, STAGES, STATISTICS_STATE, SUMMARY_STATE, UNKNOWN
from printed import as_printed, at

from ptycho.diagnostics import RunRecord, figure_words, read_runs
from ptycho.diagnostics.analyses.intensity import analyze_intensity, stage_rows
from ptycho.diagnostics.quantities.scales import scaler_state

STALE = 494.1046142578125  # the scale of the intensity statistics, that of N = 128
STALE_LOG = float(np.float32(np.log(STALE)))  # what float32 holds; printed as 6.20275


@pytest.fixture(scope="module")
def statistics(runs):
    return {name: analyze_intensity(runs[name]) for name in UNKNOWN}


@pytest.fixture(scope="module")
def stale(shared, tmp_path_factory) -> RunRecord:
    """The run of the intensity statistics: the data of gs2_base, under the scale that was left of N = 128."""
    statistics = json.loads((shared / "upstream_artifacts" / "gs2_base" / "intensity_stats.json").read_text("utf-8"))
    statistics["bundle_intensity_scale"] = statistics["legacy_params_intensity_scale"] = STALE
    statistics["intensity_scaler_state"] |= {"params_cfg_intensity_scale": STALE, "log_scale_value": STALE_LOG}
    path = tmp_path_factory.mktemp("statistics") / "intensity_stats.json"
    path.write_text(json.dumps(statistics), "utf-8")
    return read_runs(path)[0]


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("path", INTENSITY)
def test_a_figure_of_the_stages_is_the_bias_summarys(statistics, name, path):
    printed = INTENSITY[path][0]
    assert as_printed(at(statistics[name].figures, path), printed) == printed


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("key", SUMMARY_STATE)
def test_the_scaler_state_is_the_bias_summarys(statistics, name, key):
    state = statistics[name].figures["intensity_scaler_state"]
    assert as_printed(state[key], SUMMARY_STATE[key]) == SUMMARY_STATE[key]
    assert state["trainable"] is state["config_trainable"] is True


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_container_is_the_bias_summarys(statistics, name):
    container = statistics[name].figures["container"]
    assert container["shape"] == [64, 64, 64, 4]
    assert container["dtype"] == "float32"


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("row", range(len(STAGES)), ids=[s[0] for s in STAGES])
def test_the_table_of_stages_is_the_bias_summarys(runs, name, row):
    stage, source, count, printed, _ = STAGES[row]
    cells = stage_rows(runs[name])[row]
    assert [cells[0], cells[1], figure_words(cells[2])] == [stage, source, count]
    assert " ".join(f"{v:.3f}" for v in cells[3:7]) == printed


@pytest.mark.parametrize("path", INTENSITY)
def test_a_figure_of_the_intensity_statistics_is_reproduced(stale, path):
    assert f"{at(analyze_intensity(stale).figures, path):.6g}" == INTENSITY[path][1]


@pytest.mark.parametrize("key", STATISTICS_STATE)
def test_the_scaler_state_is_that_of_the_statistics(stale, key):
    assert f"{scaler_state(stale)[key]:.6g}" == STATISTICS_STATE[key]


def test_both_scales_and_their_difference_are_that_of_the_statistics(stale):
    figures = analyze_intensity(stale).figures
    assert [figures[k] for k in ("bundle_intensity_scale", "config_intensity_scale", "scale_delta")] == [
        STALE,
        STALE,
        0.0,
    ]


def test_the_largest_drop_is_that_of_the_statistics(stale):
    analysis = analyze_intensity(stale)
    assert analysis.figures["largest_drop"]["transition"] == "grouped_to_normalized"
    (cells,) = next(t for t in analysis.tables if t.title == "Largest drop").rows
    assert (*cells[:2], figure_words(cells[2])) == ("Grouped diffraction", "Grouped X (normalized)", "0.577416")


@pytest.mark.parametrize("row", range(len(STAGES)), ids=[s[0] for s in STAGES])
def test_the_table_of_stages_is_that_of_the_statistics(stale, row):
    stage, source, count, _, printed = STAGES[row]
    cells = stage_rows(stale)[row]
    assert [cells[0], cells[1], figure_words(cells[2]), figure_words(cells[7])] == [stage, source, count, "0"]
    assert " ".join(figure_words(v) for v in cells[3:7]) == printed


@pytest.mark.parametrize(("stage", "shape", "pixels"), SHAPES)
def test_the_shape_and_the_pixels_of_each_stage_are_told(stale, stage, shape, pixels):
    """The statistics print them stage by stage."""
    table = next(t for t in analyze_intensity(stale).tables if t.title == "Stages")
    row = next(r for r in table.rows if r[0] == stage)
    cells = {str(int(v)) if isinstance(v, float) and v.is_integer() else figure_words(v) for v in row}
    assert {shape, pixels, "float32"} <= cells
