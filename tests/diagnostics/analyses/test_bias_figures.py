"""Every figure that the intensity bias summary prints, to its digits; what has no input in the files is None."""

from __future__ import annotations

import pytest
from original_figures import BASE, COMPONENTS, NAN, NE60, UNKNOWN
from printed import as_printed, at

from ptycho.diagnostics.analyses.bias import analyze_bias, summarize_bias


@pytest.fixture(scope="module")
def summaries(runs):
    return {name: summarize_bias(runs[name]) for name in UNKNOWN}


@pytest.mark.parametrize(
    ("name", "path", "printed"),
    [*(("gs2_base", *row) for row in BASE.items()), *(("gs2_ne60", *row) for row in NE60.items())],
)
def test_a_figure_of_the_bias_summary_is_reproduced(summaries, name, path, printed):
    assert as_printed(at(summaries[name], path), printed) == printed


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in UNKNOWN.items() for path in paths])
def test_a_figure_without_inputs_is_none(summaries, name, path):
    assert at(summaries[name], path) is None


def test_only_the_complete_chain_is_judged(summaries):
    assert summaries["gs2_ne60"]["chain"]["passes"] is False
    assert len(summaries["gs2_ne60"]["chain"]["deviations"]) == 4
    assert len(summaries["gs2_base"]["chain"]["deviations"]) == 3


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_loss_is_composed_as_in_the_bias_summary(summaries, component):
    components = {c["name"]: c for c in summaries["gs2_ne60"]["losses"]["components"]}
    assert components.keys() == COMPONENTS.keys()
    final, contribution = COMPONENTS[component]
    assert f"{components[component]['final']:.3f}" == final
    assert f"{100 * components[component]['contribution']:.1f}" == contribution


def test_the_inactive_component_is_named(summaries):
    assert summaries["gs2_ne60"]["losses"]["inactive"] == ["trimmed_obj_loss"]


def test_a_loss_that_is_not_recorded_has_no_components(summaries):
    assert summaries["gs2_base"]["losses"]["components"] == summaries["gs2_base"]["losses"]["inactive"] == []


def test_the_metrics_that_became_nan_are_named(summaries):
    assert summaries["gs2_base"]["nan_metrics"] == NAN
    assert summaries["gs2_ne60"]["nan_metrics"] == []


def test_only_the_defined_scalar_was_applied(summaries):
    assert [summaries[name]["prediction_scale"]["applied"] for name in UNKNOWN] == [False, True]


def test_the_overview_is_the_bias_summarys(runs):
    table = analyze_bias(*(runs[name] for name in UNKNOWN)).tables[0]
    printed = [" ".join(c if isinstance(c, str) else f"{c:.3f}" for c in row) for row in table.rows]
    assert printed == [
        "gs2_base -2.673 -2.667 0.000 0.000 988.212 988.212 0.000 least_squares Yes",
        "gs2_ne60 -2.307 -2.531 0.125 0.000 988.212 988.212 0.000 least_squares No",
    ]
