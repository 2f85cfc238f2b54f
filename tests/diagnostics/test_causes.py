"""Seven causes, each built into a real run: the right one comes first, and a healthy run has none.

They are explained in docs/explanation/physics.md, "Faults seen in the wild".
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest

import ptycho
from ptycho.data.normalization import Scales
from ptycho.diagnostics import analyze
from ptycho.errors import TrainingDiverged
from ptycho.model.network import IntensityScaler
from ptycho.pipeline import execution
from ptycho.pipeline.declaration import PIPELINE, Stage
from ptycho.quality import telemetry
from ptycho.reconstruction import stitching

pytestmark = pytest.mark.slow  # its first fixture takes seconds

FEW = ("simulate.scan.images=192", "group.train_groups=48", "train.epochs=2", "model.filters=8", "reference.sweeps=2")


def run(out, *overrides):
    from ptycho.pipeline.execution import run as pipeline_run

    return pipeline_run(ptycho.load_scenario("gs2_ideal", "smoke", [*FEW, *overrides]), out)


def diagnosis(folder):
    return analyze([folder])["runs"][0]


def above_info(answer):
    return [f["cause"] for f in answer["findings"] if f["level"] != "info"]


@pytest.fixture(scope="module")
def healthy_run(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs") / "healthy")


@pytest.fixture(scope="module")
def healthy(healthy_run):
    return healthy_run.out


def taken_over(pipeline, outputs, last):
    """The pipeline whose stages up to ``last`` give what they gave in another run, which is what they would give."""
    names = [s.name for s in pipeline]

    class TakenOver(Stage):
        def run(self, config, progress, made):
            return outputs[self.name]

    count = names.index(last) + 1
    given = [TakenOver(**{field.name: getattr(s, field.name) for field in dataclasses.fields(s)}) for s in pipeline]
    return (*given[:count], *pipeline[count:])


def after(stage, change):
    """The pipeline with ``change`` applied to what a stage gives."""

    def changed(s):
        class Changed(type(s)):
            def run(self, config, progress, outputs):
                return change(super().run(config, progress, outputs), outputs)

        return Changed(**{field.name: getattr(s, field.name) for field in dataclasses.fields(s)})

    return tuple(changed(s) if s.name == stage else s for s in PIPELINE)


def metrics_over_everything(comparison, needs):
    """Over the whole canvas, zeros where nothing was reconstructed, as the original reports counted."""
    old = comparison.metrics
    share = float(needs["infer"].support(needs["simulate"].object_shape).mean())
    whole = {**old["full_canvas"], "support": {**old["support"], "count": old["full_canvas"]["amplitude"]["count"]}}
    whole["support"]["reconstructed_share"] = share
    return dataclasses.replace(comparison, metrics={**old, **whole})


def never_divided(patch):
    patch.setattr(Scales, "prediction_to_object_units", lambda self, log_scale: 1.0)


def scale_of_another_side(scales, needs):
    stale = math.sqrt(scales.nphotons) / (128 / 2)
    return dataclasses.replace(scales, counts_scale=stale, closed_form_intensity_scale=stale)


def absolute_canvas(offsets, N):
    return math.ceil(N + 2 * np.abs(offsets).max())


def bare_variable(patch):
    """What Keras 3 makes of a bare variable: there, and not tracked."""
    add = IntensityScaler.add_weight

    def untracked(self, *args, **settings):
        return add(self, *args, **{**settings, "trainable": False})

    patch.setattr(IntensityScaler, "add_weight", untracked)


def coverage(patch):
    patch.setattr(execution, "PIPELINE", after("compare", metrics_over_everything))


def stale_configuration(patch):
    patch.setattr(execution, "PIPELINE", after("normalize", scale_of_another_side))


def offsets_not_centred(patch):
    for module in (stitching, telemetry):
        patch.setattr(module, "required_canvas", absolute_canvas)


# Each with the last stage that its fault does not reach: up to there the run is the healthy one.
CAUSES = {
    "coverage": (coverage, (), "oracle"),
    "gain_not_undone": (never_divided, (), "train"),
    "amplitude_ceiling": (None, ("model.amplitude_head=sigmoid",), "normalize"),
    "stale_configuration": (stale_configuration, (), "group"),
    "offsets_not_centred": (offsets_not_centred, (), "train"),
    "narrow_probe": (None, ("simulate.probe.width=8.0",), ""),
    "untrained_weight": (bare_variable, (), "normalize"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_right_cause_is_first(cause, healthy_run, tmp_path, monkeypatch):
    change, overrides, last = CAUSES[cause]
    if change:
        change(monkeypatch)
    if last:
        monkeypatch.setattr(execution, "PIPELINE", taken_over(execution.PIPELINE, healthy_run.outputs, last))
    run(tmp_path / cause, *overrides)
    answer = diagnosis(tmp_path / cause)
    assert above_info(answer)[:1] == [cause], answer["findings"]
    assert answer["findings"][0]["statement"] in answer["verdict"]


def test_a_healthy_run_has_no_finding_above_info(healthy):
    answer = diagnosis(healthy)
    assert above_info(answer) == []
    assert answer["missing"] == []
    assert answer["verdict"] == "Nothing is wrong that these artifacts could show."
    assert {a["name"] for a in answer["analyses"]} == {
        "attribution",
        "intensity_stats",
        "configuration_audit",
        "training_health",
        "grouping_summary",
        "reassembly_limits",
        "probe_report",
        "bias_summary",
    }
    assert [h["id"] for h in answer["hypotheses"] if h["status"] == "confirmed"] == []


def edited(healthy, tmp_path, file, change):
    """The diagnosis of the healthy run with one artifact changed."""
    copy = tmp_path / "copy"
    shutil.copytree(healthy, copy)
    content = json.loads((copy / file).read_text())
    change(content)
    (copy / file).write_text(json.dumps(content))
    return diagnosis(copy)


def other_digest(metadata):
    metadata["stages"][5]["config_digest"] = "0" * 64


def absolute(stats):
    stats["offsets"]["max_abs"] = 381.0


def constant(stats):
    stats["amplitude"] |= {"mean": 1.6, "std": 0.0}


def nan_loss(summary):
    summary["metrics"]["nll_loss"] |= {"has_nan": True, "first_nan_epoch": 2, "first_nan_step": 7}
    summary["nan_overview"] = {"has_nan": True, "metrics": ["nll_loss"]}


def flat(history):
    history["metrics"]["loss"] = [3.0, 3.0]


def vanishing(history):
    history["metrics"]["gradient_norm"] = [4e4, 1e-3]


def exploding(history):
    history["metrics"]["gradient_norm"] = [4.0, 1e6]


def clipped(stats):
    stats |= {"fits_canvas": False, "padded_size": 200}


def drifted(stats):
    stats["intensity_scaler_state"]["log_scale_value"] += 0.2


@pytest.mark.parametrize(
    ("file", "change", "cause"),
    [
        ("run_metadata.json", other_digest, "digest_mismatch"),
        ("inference_outputs/stats.json", absolute, "offsets_not_centred"),
        ("inference_outputs/stats.json", constant, "dead_output"),
        ("inference_outputs/stats.json", clipped, "clipped"),
        ("train_outputs/history_summary.json", nan_loss, "nan_in_training"),
        ("train_outputs/history.json", flat, "flat_loss"),
        ("train_outputs/history.json", vanishing, "vanishing_gradient"),
        ("train_outputs/history.json", exploding, "exploding_gradient"),
        ("intensity_stats.json", drifted, "log_scale_drift"),
    ],
)
def test_one_thing_wrong_is_the_one_thing_found(healthy, tmp_path, file, change, cause):
    assert above_info(edited(healthy, tmp_path, file, change)) == [cause]


def test_a_nan_is_told_with_its_epoch_and_step(healthy, tmp_path):
    answer = edited(healthy, tmp_path, "train_outputs/history_summary.json", nan_loss)
    assert "nll_loss first in epoch 2, step 7" in answer["verdict"]


def test_a_training_that_diverged_says_so_from_what_it_left(tmp_path):
    with pytest.raises(TrainingDiverged):
        run(tmp_path / "diverged", "train.learning_rate=1e30")
    answer = diagnosis(tmp_path / "diverged")
    assert above_info(answer) == ["nan_in_training"]
    assert any("run_metadata.json is missing" in sentence for sentence in answer["missing"])


def test_the_figures_of_a_fresh_run_keep_to_their_schemas(healthy):
    from test_figures_schemas import problems

    assert [p for a in diagnosis(healthy)["analyses"] for p in problems(a)] == []
