"""Whole runs at the smallest size: what they write, and what they leave when they end early."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ptycho
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import from_mapping
from ptycho.errors import TrainingDiverged
from ptycho.model import bundle
from ptycho.model.backend import ops
from ptycho.output import artifacts
from ptycho.pipeline import stages
from ptycho.pipeline.declaration import PIPELINE

pytestmark = pytest.mark.slow  # its first fixture takes seconds

ARTIFACTS = (
    "run_metadata.json",
    "intensity_stats.json",
    "intensity_stats.md",
    "comparison_metrics.json",
    "prediction_scaling.json",
    "grouping_summary.json",
    "reassembly_limits.json",
    "probe_report.json",
    "train_outputs/weights.json",
    "train_outputs/history.json",
    "train_outputs/history_summary.json",
    "train_outputs/loss_curve.png",
    "train_outputs/bundle.npz",
    "inference_outputs/stats.json",
    "inference_outputs/amplitude.npy",
    "inference_outputs/phase.npy",
    "inference_outputs/coverage.npy",
    "inference_outputs/amplitude.png",
    "inference_outputs/phase.png",
    "overview.png",
    "amplitude_diff.png",
    "phase_diff.png",
)

TINY = (
    "simulate.scan.images=48",
    "group.train_groups=8",
    "model.filters=4",
    "model.sweeps=1",
    "train.batch_size=4",
    "train.epochs=3",
    "reference.sweeps=1",
)


def strict(path: Path) -> Any:
    """The JSON of a file; a bare NaN or Infinity is not JSON."""

    def refuse(token):
        raise AssertionError(f"{path.name} holds a bare {token}")

    return json.loads(path.read_text(), parse_constant=refuse)


@dataclass(frozen=True)
class Smoke:
    done: Any
    out: Path
    written: list[str]
    reported: list[tuple[str, int, int, str]]

    def json(self, name):
        return strict(self.out / name)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Smoke:
    """gs2_ideal at the smoke profile, into a folder where an earlier run had failed."""
    out = tmp_path_factory.mktemp("smoke")
    for stale in ("run_metadata.json", "error.json"):
        (out / stale).write_text('"of an earlier run"')
    written, reported = [], []
    write = artifacts.write_bytes

    def record(path, content):
        assert not (out / "run_metadata.json").exists(), f"{path} was written after run_metadata.json"
        written.append(path.relative_to(out).as_posix())
        write(path, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "write_bytes", record)
        done = ptycho.run(ptycho.load_scenario("gs2_ideal", "smoke"), out, lambda *r: reported.append(r))
    return Smoke(done, out, written, reported)


def test_every_artifact_is_written_and_nothing_else(smoke):
    assert sorted(smoke.written) == sorted(ARTIFACTS)
    for name in ARTIFACTS:
        assert (smoke.out / name).stat().st_size > 100, name
    result = {p.relative_to(smoke.out).as_posix() for p in smoke.out.rglob("*") if p.is_file()}
    assert result - {"error.json"} == set(ARTIFACTS)


def test_run_metadata_is_written_last(smoke):
    assert smoke.written[-1] == "run_metadata.json"


def test_a_good_run_takes_the_error_of_an_earlier_one_away(smoke):
    assert not (smoke.out / "error.json").exists()


def test_every_json_is_strict(smoke):
    for name in ARTIFACTS:
        if name.endswith(".json"):
            assert isinstance(smoke.json(name), dict)


def test_every_invariant_holds_and_is_recorded(smoke):
    recorded = smoke.json("run_metadata.json")["invariants"]
    assert smoke.done.passed
    assert [i["name"] for i in recorded] == [i.name for i in smoke.done.invariants]
    assert len(recorded) >= 8
    assert all(i["passed"] and i["evidence"] for i in recorded)


def test_metadata_holds_the_configuration_that_every_stage_ran_under(smoke):
    result = smoke.json("run_metadata.json")
    assert from_mapping(PipelineConfig, result["config"], "metadata") == smoke.done.scenario.config
    assert [s["stage"] for s in result["stages"]] == [s.name for s in PIPELINE]
    assert {s["config_digest"] for s in result["stages"]} == {result["config_digest"]}
    assert result["seeds"]["train.seed"] == 42
    assert result["versions"]["keras"]
    assert result["peak_memory_mb"] > 50
    assert (result["counts"]["train"], result["counts"]["test"]) == (64, 64)


def test_every_stage_reports_its_start_and_its_end(smoke):
    for stage in PIPELINE:
        mine = [r[1:3] for r in smoke.reported if r[0] == stage.name]
        assert mine[0] == (0, 1)
        assert mine[-1] == (1, 1)
    assert [r[1:3] for r in smoke.reported if r[0] == "train"][1:-1] == [(1, 2), (2, 2)]


def test_every_scale_is_undone_once(smoke):
    stats = smoke.json("intensity_stats.json")
    gain = stats["normalize_gain"]
    assert stats["full_chain_product"] == pytest.approx(1, abs=0.05)
    ladder = {rung["gain"]: rung["measured"] for rung in stats["gain_ladder"]}
    assert ladder["grouped_to_normalized"] == pytest.approx(gain, rel=0.01)  # log_scale has trained
    assert ladder["predicted_to_object"] == pytest.approx(1 / gain, rel=0.05)
    assert stats["bundle_intensity_scale"] == pytest.approx(np.sqrt(1e9) / 32, rel=1e-5)
    assert stats["intensity_scaler_state"]["delta"] != 0
    assert stats["prediction_to_object_units"] == pytest.approx(1 / gain, rel=0.05)
    assert {s["stats"]["nan_count"] for s in stats["stages"]} == {0}
    assert [s["metadata"]["split"] for s in stats["stages"]] == ["train"] * 4 + ["test"] * 4
    assert f"{stats['full_chain_product']:.6g}" in (smoke.out / "intensity_stats.md").read_text()


def test_what_the_network_gets_is_what_was_normalised(smoke):
    ratios = smoke.json("intensity_stats.json")["ratios"]
    # log_scale has trained away a little from the scale that the data was multiplied by.
    assert ratios["normalized_to_container"] == pytest.approx(1, abs=0.02)
    assert ratios["raw_to_grouped"] == pytest.approx(1, abs=0.1)


def test_history_and_its_summary_agree(smoke):
    history = smoke.json("train_outputs/history.json")
    summary = smoke.json("train_outputs/history_summary.json")
    assert history["epochs"] == [1, 2]
    for name in ("loss", "nll_loss", "mae_loss", "realspace_loss", "learning_rate"):
        values = history["metrics"][name]
        result = summary["metrics"][name]
        assert (result["first"], result["last"]) == (values[0], values[1])
        assert (result["min"], result["max"]) == (min(values), max(values))
        assert not result["has_nan"]
    assert summary["nan_overview"] == {"has_nan": False, "metrics": []}


def test_the_reconstruction_is_in_object_units_on_its_canvas(smoke):
    stats = smoke.json("inference_outputs/stats.json")
    folder = smoke.out / "inference_outputs"
    amplitude, phase, coverage = (np.load(folder / f"{name}.npy") for name in ("amplitude", "phase", "coverage"))
    side = stats["padded_size"]
    assert amplitude.shape == phase.shape == coverage.shape == (side, side)
    assert coverage.dtype == bool
    assert stats["covered_pixels"] == coverage.sum()
    assert not amplitude[~coverage].any()
    assert side >= stats["required_canvas"]
    assert stats["fits_canvas"]
    assert stats["offsets"]["centred"]
    truth = np.abs(smoke.done.outputs["simulate"].truth)
    assert amplitude[coverage].mean() == pytest.approx(truth.mean(), rel=0.15)


def test_quality_is_over_the_support_with_the_full_canvas_beside_it(smoke):
    result = smoke.json("comparison_metrics.json")
    assert 0 < result["support"]["coverage"] < 0.5
    assert result["amplitude"]["count"] == result["support"]["count"]
    assert result["full_canvas"]["amplitude"]["count"] == 392**2
    assert result["amplitude"]["pearson_r"] > 0.85
    assert abs(result["amplitude"]["relative_bias"]) < 0.05
    assert result["phase"]["mae"] < 0.1
    assert 0 < result["fourier_error"]["network"] < 0.1
    assert 0 < result["fourier_error"]["oracle"] < 0.1


def test_the_bundle_of_a_run_loads_and_has_its_scales(smoke):
    result = bundle.load_bundle(smoke.out / "train_outputs" / "bundle.npz")
    scaler = smoke.json("intensity_stats.json")["intensity_scaler_state"]
    assert result.config == smoke.done.scenario.config
    assert result.log_scale == pytest.approx(scaler["log_scale_value"], abs=1e-7)
    assert result.scales == smoke.done.outputs["normalize"]
    for mine, trained in zip(result.weights, smoke.done.outputs["train"].model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, trained)


# Runs that end early


def saved(out):
    """The bundle that an early end leaves, whose weights are finite."""
    result = bundle.load_bundle(out / "train_outputs" / "bundle.npz")
    assert len(result.weights) > 10
    assert all(np.isfinite(w).all() for w in result.weights)
    return result


def test_a_diverging_run_says_where_and_keeps_finite_weights(tmp_path):
    (tmp_path / "run_metadata.json").write_text('"of an earlier run"')
    scenario = ptycho.load_scenario("gs2_ideal", "smoke", [*TINY, "train.learning_rate=1e30"])
    with pytest.raises(TrainingDiverged) as caught:
        ptycho.run(scenario, tmp_path)
    saved(tmp_path)
    error = strict(tmp_path / "error.json")
    assert error["error"] == "training_diverged"
    assert (error["epoch"], error["step"]) == (caught.value.epoch, caught.value.step)
    assert error["components"] == caught.value.components
    assert error["components"]
    assert (tmp_path / error["weights"]).is_file()
    summary = strict(tmp_path / "train_outputs" / "history_summary.json")
    assert summary["nan_overview"] == {"has_nan": True, "metrics": error["components"]}
    for name in error["components"]:
        assert summary["metrics"][name]["first_nan_epoch"] == error["epoch"]
        assert summary["metrics"][name]["first_nan_step"] == error["step"]
    assert strict(tmp_path / "train_outputs" / "history.json")["epochs"] == []
    assert not (tmp_path / "run_metadata.json").exists()
    assert not (tmp_path / "comparison_metrics.json").exists()


def test_ctrl_c_while_training_saves_the_weights_and_is_passed_on(tmp_path):
    def interrupt(stage, done, total, note):
        if stage == "train" and (done, total) == (2, 3):
            raise KeyboardInterrupt

    scenario = ptycho.load_scenario("gs2_ideal", "smoke", [*TINY, "model.features=amplitude"])
    with pytest.raises(KeyboardInterrupt):
        ptycho.run(scenario, tmp_path, interrupt)
    result = saved(tmp_path)
    assert result.log_scale != result.scales.log_scale
    assert strict(tmp_path / "train_outputs" / "history.json")["epochs"][:1] == [1]
    assert not (tmp_path / "run_metadata.json").exists()
    assert not (tmp_path / "error.json").exists()


# Upstream's configuration (docs/explanation/history.md)


@pytest.fixture(scope="module")
def seeds_head(tmp_path_factory):
    """Amplitude features and the sigmoid head, as upstream has them."""
    out = tmp_path_factory.mktemp("sigmoid")
    overrides = [
        *TINY, "train.epochs=1", "model.features=amplitude", "model.amplitude_head=sigmoid",
        "model.log_scale_trainable=false",
    ]  # fmt: skip
    return ptycho.run(ptycho.load_scenario("gs2_ideal", "smoke", overrides), out)


def test_the_artifacts_show_the_ceiling_of_the_sigmoid_head(seeds_head):
    stats = strict(seeds_head.out / "intensity_stats.json")
    ceiling = 1 / stats["normalize_gain"]
    amplitude = np.load(seeds_head.out / "inference_outputs" / "amplitude.npy")
    coverage = np.load(seeds_head.out / "inference_outputs" / "coverage.npy")
    bright = seeds_head.outputs["infer"].weight > 0.1
    assert 0 < amplitude[bright].max() <= 1.0001 * ceiling
    assert np.abs(seeds_head.outputs["simulate"].truth).mean() > ceiling
    assert coverage[bright].all()
    assert stats["amplitude_head"]["kind"] == "sigmoid"
    assert stats["amplitude_head"]["ceiling"] == 1
    assert stats["amplitude_head"]["required_rms"] > 1


def test_the_artifacts_show_the_large_negative_bias_of_the_sigmoid_head(seeds_head):
    result = strict(seeds_head.out / "comparison_metrics.json")["amplitude"]
    assert result["relative_bias"] < -0.3
    assert result["bias_summary"]["p95"] < 0
    failed = {i["name"] for i in strict(seeds_head.out / "run_metadata.json")["invariants"] if not i["passed"]}
    assert {"full_chain_product", "amplitude_head_reaches"} <= failed
    assert not seeds_head.passed


# Every configuration is accepted whole


@pytest.mark.parametrize("features", ["conditioned", "amplitude"])
@pytest.mark.parametrize("head", ["positive", "sigmoid", "softplus", "swish", "relu"])
def test_every_pair_of_features_and_head_builds_and_has_a_finite_loss(scene, features, head):
    small = scene(f"model.features={features}", f"model.amplitude_head={head}")
    model, maker = small.model()
    inputs = maker(small.split.train, small.group.train.take(slice(0, 2)))
    inputs = {name: ops.convert_to_tensor(value) for name, value in inputs.items()}
    result = {k: float(ops.convert_to_numpy(v)) for k, v in model.loss_components(inputs, model(inputs)).items()}
    assert all(np.isfinite(v) for v in result.values())
    assert result["loss"] == result["nll_loss"] > 0


def test_a_realspace_term_without_the_overall_weight_trains_and_costs_nothing(scene):
    """Upstream has realspace_weight 0 over both terms: their own weights must not matter then."""
    small = scene("loss.realspace_mae_weight=1.0", "loss.tv_weight=1.0", "model.features=amplitude", "train.epochs=1")
    done = stages.train(small.config, lambda *_: None, small.prepared, small.scales)
    history = done.outcome.history
    assert history["loss"] == pytest.approx(history["nll_loss"], rel=1e-6)
