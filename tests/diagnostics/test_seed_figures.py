"""Every figure that seeds 001 and 002 print, to the digits they print; what has no input in the files is None."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ptycho.diagnostics import bias, intensity, read
from ptycho.diagnostics.findings import shown
from ptycho.diagnostics.run import Run

STALE = 494.1046142578125  # seed 002's scale, of N = 128
STALE_LOG = float(np.float32(np.log(STALE)))  # what float32 holds; printed as 6.20275

# Where a figure stands in ``bias.summarize``, and how seed 001 prints it: for both of its scenarios.
BOTH = {
    "bundle_scale": "988.212",
    "config_scale": "988.212",
    "normalize_gain": "0.577",
    "prediction_scale/mode": "least_squares",
    "canvas/padded_size": "822",
    "canvas/required_canvas": "817",
    "chain/ratios/raw_to_grouped": "1.010",
    "chain/ratios/grouped_to_normalized": "0.577",
    "chain/cumulative/raw_to_grouped": "1.010",
    "chain/cumulative/grouped_to_normalized": "0.583",
    "chain/tolerance": "0.05",
    "amplitude/max_abs": "4.768",
}
BASE = {
    **BOTH,
    "amplitude/mean": "-2.673",
    "amplitude/median": "-2.667",
    "amplitude/p05": "-3.742",
    "amplitude/p95": "-1.619",
    "amplitude/mae": "2.673",
    "amplitude/rmse": "2.749",
    "phase/mean": "0.000",
    "phase/median": "0.000",
    "phase/p05": "0.000",
    "phase/p95": "0.000",
    "phase/mae": "0.000",
    "phase/rmse": "0.000",
    "phase/max_abs": "0.000",
    "chain/ratios/normalized_to_prediction": "0.000",
    "chain/cumulative/normalized_to_prediction": "0.000",
    "chain/deviations/0/stage": "normalized_to_prediction",
    "chain/deviations/0/ratio": "0.000",
    "chain/deviations/0/deviation": "1.000",
    "chain/deviations/0/effect": "loss",
    "chain/deviations/1/stage": "grouped_to_normalized",
    "chain/deviations/1/ratio": "0.577",
    "chain/deviations/1/deviation": "0.423",
    "chain/deviations/1/effect": "loss",
    "chain/deviations/2/stage": "raw_to_grouped",
    "chain/deviations/2/ratio": "1.010",
    "chain/deviations/2/deviation": "0.010",
    "chain/deviations/2/effect": "gain",
    "chain/primary": "normalized_to_prediction",
    "drop/from": "Container X",
    "drop/to": "Prediction",
    "drop/ratio": "0.000",
    "drop/delta": "-1.000",
    "scaling/baseline/mae": "2.673",
    "scaling/baseline/rmse": "2.749",
}
NE60 = {
    **BOTH,
    "amplitude/mean": "-2.307",
    "amplitude/median": "-2.531",
    "amplitude/p05": "-3.696",
    "amplitude/p95": "0.183",
    "amplitude/mae": "2.378",
    "amplitude/rmse": "2.563",
    "amplitude/pearson_r": "0.140",
    "phase/mean": "0.125",
    "phase/median": "0.000",
    "phase/p05": "0.000",
    "phase/p95": "0.937",
    "phase/mae": "0.125",
    "phase/rmse": "0.335",
    "phase/max_abs": "1.158",
    "prediction_scale/value": "1.823",
    "prediction_scale/source": "least_squares",
    "losses/epochs": "50",
    "losses/total/final": "-3929596.000",
    "losses/total/min": "-3929627.750",
    "losses/total/max": "-3838297.500",
    "losses/learning_rate/last": "0.000100",
    "losses/learning_rate/min": "0.000100",
    "losses/learning_rate/max": "0.001000",
    "losses/dominant": "pred_intensity_loss",
    "losses/dominance": "294309.4",
    "chain/ratios/normalized_to_prediction": "4.718",
    "chain/ratios/prediction_to_truth": "6.746",
    "chain/cumulative/normalized_to_prediction": "2.753",
    "chain/cumulative/prediction_to_truth": "18.571",
    "chain/full_chain_product": "18.571",
    "chain/deviation": "17.571",
    "chain/deviations/0/stage": "prediction_to_truth",
    "chain/deviations/0/ratio": "6.746",
    "chain/deviations/0/deviation": "5.746",
    "chain/deviations/0/effect": "gain",
    "chain/deviations/1/stage": "normalized_to_prediction",
    "chain/deviations/1/ratio": "4.718",
    "chain/deviations/1/deviation": "3.718",
    "chain/deviations/1/effect": "gain",
    "chain/deviations/2/stage": "grouped_to_normalized",
    "chain/deviations/2/ratio": "0.577",
    "chain/deviations/2/deviation": "0.423",
    "chain/deviations/2/effect": "loss",
    "chain/deviations/3/stage": "raw_to_grouped",
    "chain/deviations/3/ratio": "1.010",
    "chain/deviations/3/deviation": "0.010",
    "chain/deviations/3/effect": "gain",
    "chain/primary": "prediction_to_truth",
    "drop/from": "Grouped diffraction",
    "drop/to": "Container X",
    "drop/ratio": "0.577",
    "drop/delta": "-0.423",
    "scaling/best": "least_squares",
    "scaling/scalars/least_squares": "1.823",
    "scaling/errors/least_squares/mae": "2.378",
    "scaling/errors/least_squares/rmse": "2.563",
    "scaling/baseline/mae": "2.378",
    "scaling/baseline/rmse": "2.563",
}
SCALARS = ("mean", "median", "p05", "p95")
ERRORS = [f"scaling/errors/{key}/{error}" for key in SCALARS for error in ("mae", "rmse")]
UNKNOWN = {
    "gs2_base": [
        "amplitude/pearson_r",
        "prediction_scale/value",
        "prediction_scale/source",
        "losses/epochs",
        "losses/total/final",
        "losses/total/min",
        "losses/total/max",
        "losses/learning_rate",
        "losses/dominant",
        "losses/dominance",
        "chain/ratios/prediction_to_truth",
        "chain/cumulative/prediction_to_truth",
        "chain/full_chain_product",
        "chain/deviation",
        "chain/passes",
        "scaling/count",
        "scaling/best",
        "scaling/scalars/least_squares",
        "scaling/errors/least_squares/mae",
        "scaling/errors/least_squares/rmse",
        *(f"scaling/scalars/{key}" for key in SCALARS),
        *ERRORS,
    ],
    "gs2_ne60": ["scaling/count", *(f"scaling/scalars/{key}" for key in SCALARS), *ERRORS],
}
COMPONENTS = {
    "pred_intensity_loss": ("-3901522.750", "99.3"),
    "intensity_scaler_inv_loss": ("13.257", "-0.0"),
    "trimmed_obj_loss": ("0.000", "-0.0"),
}
NAN = [
    "intensity_scaler_inv_loss",
    "loss",
    "pred_intensity_loss",
    "train_loss",
    "val_intensity_scaler_inv_loss",
    "val_loss",
    "val_pred_intensity_loss",
]

# Where a figure stands in the intensity statistics of either scenario, as seed 001 and seed 002 print it.
INTENSITY = {
    "dataset_scale_info/dataset_scale": ("577.738", "577.738"),
    "dataset_scale_info/fallback_scale": ("988.212", "988.212"),
    "dataset_scale_info/nphotons": ("1000000000.000", "1e+09"),
    "dataset_scale_info/N": ("64", "64"),
    "dataset_scale_info/batch_mean_sum_intensity": ("2995.974", "2995.97"),
    "dataset_scale_info/delta": ("-410.474", "-410.474"),
    "dataset_scale_info/ratio": ("0.585", "0.58463"),
    "normalize_gain": ("0.577", "0.577416"),
    "container/min": ("0.000", "0"),
    "container/max": ("15.892", "15.8923"),
    "container/mean": ("0.085", "0.085087"),
    "container/std": ("0.493", "0.492707"),
    "container/nan_count": ("0", "0"),
    "stage_means/raw_diffraction": ("0.146", "0.145831"),
    "stage_means/grouped_diffraction": ("0.147", "0.147358"),
    "stage_means/grouped_X_full": ("0.085", "0.085087"),
    "stage_means/container_X": ("0.085", "0.085087"),
    "ratios/raw_to_grouped": ("1.010", "1.01047"),
    "ratios/grouped_to_normalized": ("0.577", "0.577416"),
    "ratios/normalized_to_container": ("1.000", "1"),
    "largest_drop/ratio": ("0.577", "0.577416"),
}
STATE_001 = {
    "log_scale": "6.896",
    "exp_log_scale": "988.212",
    "config_intensity_scale": "988.212",
    "delta": "-0.000",
    "ratio": "1.000",
}
STATE_002 = {"log_scale": "6.20275", "exp_log_scale": "494.105", "config_intensity_scale": "494.105", "ratio": "1"}

# Stage, source, count; then mean, std, min and max as seed 001 and as seed 002 print them.
STAGES = [
    ("raw_diffraction", "RawData", "512", "0.146 0.843 0.000 27.523", "0.145831 0.842717 0 27.5231"),
    (
        "grouped_diffraction",
        "RawData.generate_grouped_data",
        "64",
        "0.147 0.853 0.000 27.523",
        "0.147358 0.853297 0 27.5231",
    ),
    ("grouped_X_full", "normalize_data", "64", "0.085 0.493 0.000 15.892", "0.085087 0.492707 0 15.8923"),
    ("container_X", "PtychoDataContainer", "n/a", "0.085 0.493 0.000 15.892", "0.085087 0.492707 0 15.8923"),
]
# Stage, shape and count of pixels in seed 002.
SHAPES = [
    ("raw_diffraction", "512, 64, 64", "2097152"),
    ("grouped_diffraction", "64, 64, 64, 4", "1048576"),
    ("grouped_X_full", "64, 64, 64, 4", "1048576"),
    ("container_X", "64, 64, 64, 4", "1048576"),
]


@pytest.fixture(scope="module")
def runs(shared) -> dict[str, Run]:
    return {name: read(shared / "upstream_artifacts" / name)[0] for name in UNKNOWN}


@pytest.fixture(scope="module")
def summaries(runs):
    return {name: bias.summarize(run) for name, run in runs.items()}


@pytest.fixture(scope="module")
def statistics(runs):
    return {name: intensity.analyze(run) for name, run in runs.items()}


@pytest.fixture(scope="module")
def stale(shared, tmp_path_factory) -> Run:
    """Seed 002's run: the data of gs2_base, under the scale that was left of N = 128."""
    told = json.loads((shared / "upstream_artifacts" / "gs2_base" / "intensity_stats.json").read_text("utf-8"))
    told["bundle_intensity_scale"] = told["legacy_params_intensity_scale"] = STALE
    told["intensity_scaler_state"] |= {"params_cfg_intensity_scale": STALE, "log_scale_value": STALE_LOG}
    path = tmp_path_factory.mktemp("seed_002") / "intensity_stats.json"
    path.write_text(json.dumps(told), "utf-8")
    return read(path)[0]


def at(tree, path: str):
    """The figure at a path like ``chain/deviations/0/stage``."""
    for key in path.split("/"):
        tree = tree[int(key)] if isinstance(tree, list | tuple) else tree[key]
    return tree


def as_printed(value, printed: str) -> str:
    """``value`` with as many decimals as ``printed`` has."""
    if isinstance(value, str):
        return value
    _, _, decimals = printed.partition(".")
    return f"{value:.{len(decimals)}f}"


# Seed 001


@pytest.mark.parametrize(
    ("name", "path", "printed"),
    [*(("gs2_base", *row) for row in BASE.items()), *(("gs2_ne60", *row) for row in NE60.items())],
)
def test_a_figure_of_seed_001_is_reproduced(summaries, name, path, printed):
    assert as_printed(at(summaries[name], path), printed) == printed


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in UNKNOWN.items() for path in paths])
def test_a_figure_without_inputs_is_none(summaries, name, path):
    assert at(summaries[name], path) is None


def test_only_the_complete_chain_is_judged(summaries):
    assert summaries["gs2_ne60"]["chain"]["passes"] is False
    assert len(summaries["gs2_ne60"]["chain"]["deviations"]) == 4
    assert len(summaries["gs2_base"]["chain"]["deviations"]) == 3


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_loss_is_composed_as_in_seed_001(summaries, component):
    found = {c["name"]: c for c in summaries["gs2_ne60"]["losses"]["components"]}
    assert found.keys() == COMPONENTS.keys()
    final, contribution = COMPONENTS[component]
    assert f"{found[component]['final']:.3f}" == final
    assert f"{100 * found[component]['contribution']:.1f}" == contribution


def test_the_inactive_component_is_named(summaries):
    assert summaries["gs2_ne60"]["losses"]["inactive"] == ["trimmed_obj_loss"]


def test_a_loss_that_is_not_recorded_has_no_components(summaries):
    assert summaries["gs2_base"]["losses"]["components"] == summaries["gs2_base"]["losses"]["inactive"] == []


def test_the_metrics_that_became_nan_are_named(summaries):
    assert summaries["gs2_base"]["nan_metrics"] == NAN
    assert summaries["gs2_ne60"]["nan_metrics"] == []


def test_only_the_defined_scalar_was_applied(summaries):
    assert [summaries[name]["prediction_scale"]["applied"] for name in UNKNOWN] == [False, True]


def test_the_overview_is_seed_001s_table(runs):
    table = bias.analyze(list(runs.values())).tables[0]
    printed = [" ".join(c if isinstance(c, str) else f"{c:.3f}" for c in row) for row in table.rows]
    assert printed == [
        "gs2_base -2.673 -2.667 0.000 0.000 988.212 988.212 0.000 least_squares Yes",
        "gs2_ne60 -2.307 -2.531 0.125 0.000 988.212 988.212 0.000 least_squares No",
    ]


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("path", INTENSITY)
def test_a_figure_of_the_stages_is_seed_001s(statistics, name, path):
    printed = INTENSITY[path][0]
    assert as_printed(at(statistics[name].figures, path), printed) == printed


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("key", STATE_001)
def test_the_scaler_state_is_seed_001s(statistics, name, key):
    state = statistics[name].figures["intensity_scaler_state"]
    assert as_printed(state[key], STATE_001[key]) == STATE_001[key]
    assert state["trainable"] is state["config_trainable"] is True


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_container_is_seed_001s(statistics, name):
    container = statistics[name].figures["container"]
    assert container["shape"] == [64, 64, 64, 4]
    assert container["dtype"] == "float32"


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("row", range(len(STAGES)), ids=[s[0] for s in STAGES])
def test_the_table_of_stages_is_seed_001s(runs, name, row):
    stage, source, count, printed, _ = STAGES[row]
    found = intensity.stage_rows(runs[name])[row]
    assert [found[0], found[1], shown(found[2])] == [stage, source, count]
    assert " ".join(f"{v:.3f}" for v in found[3:7]) == printed


# Seed 002


@pytest.mark.parametrize("path", INTENSITY)
def test_a_figure_of_seed_002_is_reproduced(stale, path):
    assert f"{at(intensity.analyze(stale).figures, path):.6g}" == INTENSITY[path][1]


@pytest.mark.parametrize("key", STATE_002)
def test_the_scaler_state_is_seed_002s(stale, key):
    assert f"{intensity.scaler(stale)[key]:.6g}" == STATE_002[key]


def test_both_scales_and_their_difference_are_seed_002s(stale):
    figures = intensity.analyze(stale).figures
    assert [figures[k] for k in ("bundle_intensity_scale", "config_intensity_scale", "scale_delta")] == [
        STALE,
        STALE,
        0.0,
    ]


def test_the_largest_drop_is_seed_002s(stale):
    found = intensity.analyze(stale)
    assert found.figures["largest_drop"]["transition"] == "grouped_to_normalized"
    (told,) = next(t for t in found.tables if t.title == "Largest drop").rows
    assert (*told[:2], shown(told[2])) == ("Grouped diffraction", "Grouped X (normalized)", "0.577416")


@pytest.mark.parametrize("row", range(len(STAGES)), ids=[s[0] for s in STAGES])
def test_the_table_of_stages_is_seed_002s(stale, row):
    stage, source, count, _, printed = STAGES[row]
    found = intensity.stage_rows(stale)[row]
    assert [found[0], found[1], shown(found[2]), shown(found[7])] == [stage, source, count, "0"]
    assert " ".join(shown(v) for v in found[3:7]) == printed


@pytest.mark.parametrize(("stage", "shape", "pixels"), SHAPES)
def test_the_shape_and_the_pixels_of_each_stage_are_told(stale, stage, shape, pixels):
    """Seed 002 prints them stage by stage."""
    table = next(t for t in intensity.analyze(stale).tables if t.title == "Stages")
    row = next(r for r in table.rows if r[0] == stage)
    told = {str(int(v)) if isinstance(v, float) and v.is_integer() else shown(v) for v in row}
    assert {shape, pixels, "float32"} <= told
