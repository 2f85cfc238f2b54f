"""Faults of the training's loop: each is caught, and blamed on the stage that looks at what it changes."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from pathlib import Path

import pytest

from guard import training
from guard.pipeline import pipeline
from guard.values import as_dataset
from harness.core.ids import GoldenId
from harness.core.project import find_project
from harness.core.trees import join_tree
from harness.core.verdicts import ArtifactReport
from harness.judge.comparison import compare_artifact
from harness.judge.schema import Schemas, schema_document
from harness.judge.tolerances import load_rules
from harness.store.goldens import Goldens
from harness.verify.coverage import judged_tier
from harness.verify.localisation.stages import localise
from harness.verify.running.stage_runs import whole_output
from ptycho.config.reading import to_mapping
from ptycho.config.scenario import load_scenario
from ptycho.model.backend import KERAS_2, keras
from ptycho.training import training as real
from ptycho.training.validation import hold_out

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
GOLDENS = Goldens.of(find_project(ROOT))


def silent(*_):
    """Progress that no one reads."""


@functools.cache
def stored(scenario, stage):
    """The accepted output of a stage's replay."""
    identity = GoldenId(scenario, "replay", pipeline.stage(stage).artifact)
    artifact = GOLDENS.read(identity, GOLDENS.manifest()[identity]).artifact
    return join_tree(artifact.values, artifact.arrays)


@functools.cache
def smoke_groups(scenario):
    """The configuration of the smoke profile, and its groups."""
    config, outputs = to_mapping(load_scenario(scenario, "smoke").config), {}
    for name in ("simulate", "split", "group"):
        stage = pipeline.stage(name)
        outputs[name] = stage.run(config, silent, **{need: outputs[need] for need in stage.needs})
    return config, outputs["group"]


def rehearsed(scenario):
    config, group = smoke_groups(scenario)
    return training.observe_rehearsal(config, training.rehearse(config, silent, group), group)


def looped(scenario):
    needs = pipeline.stage("loop").needs
    parts = to_mapping(load_scenario(scenario, "replay").config)
    return whole_output(training.loop(parts, silent, **{need: stored(scenario, need) for need in needs}))


SEEN = {("rehearse", "smoke"): rehearsed, ("loop", "replay"): looped}


@pytest.fixture(scope="module")
def sound():
    """``sound(scenario, stage, track)``: what is obtained without a fault."""
    return functools.cache(lambda scenario, stage, track: SEEN[stage, track](scenario))


@pytest.fixture
def eager(monkeypatch):
    """TensorFlow takes seconds to trace a graph, more than the few steps need: only one test asks it to."""
    compile_as_ever = real.compile_model

    def eagerly(model, config, steps):
        compile_as_ever(model, config, steps)
        model.run_eagerly = keras.backend.backend() == "tensorflow"

    monkeypatch.setattr(real, "compile_model", eagerly)


def faults(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks/boundary")
    return importlib.import_module("training_faults").FAULTS


def report(scenario, stage, track, accepted, obtained):
    """As a verification makes it of one artifact."""
    own, shared = ROOT / f"goldens/{scenario}/tolerances.toml", ROOT / "goldens/tolerances.toml"
    rules = load_rules(own if own.exists() else shared, ROOT / "goldens")
    replayed, declared = track == pipeline.replay_profile, pipeline.stage(stage)
    prefix = f"{'replay/' if replayed else ''}{declared.artifact}/"
    verdicts = compare_artifact(accepted, obtained, rules, prefix, {}, judged_tier(declared, replayed))
    return ArtifactReport(stage, declared.artifact, track, tuple(verdicts))


def diagnosed(scenario, sound, *seen):
    """The stage that a verification would name first, and the values that differ."""
    reports = [report(scenario, *key, sound(scenario, *key), SEEN[key](scenario)) for key in seen]
    wrong = [v.path for r in reports for v in r.verdicts if v.status.failed]
    return localise(pipeline, reports, (), pipeline.replay_profile).first, wrong


# What is built differently, which needs no step to be seen, and the value that tells.
BUILT = {
    "the cosine ends after one epoch": ("gs2_ideal", "learning_rate/1"),
    "batches are not shuffled": ("gs2_ideal", "order"),
    "each epoch has the same order": ("gs2_ideal", "order"),
    "the last batch is dropped": ("gs2_base", "batch_sizes"),
    "each gradient is clipped by itself": ("gs2_ideal", "optimizer/clipnorm"),
    "Adam's epsilon is 1e-8": ("gs2_ideal", "optimizer/epsilon"),
    "Adam's beta_2 is 0.99": ("gs2_ideal", "optimizer/beta_2"),
    "weights decay": ("gs2_ideal", "optimizer/weight_decay"),
    "gradients are accumulated": ("gs2_ideal", "optimizer/gradient_accumulation_steps"),
    "the plateau's patience is 3": ("gs2_base", "plateau/patience"),
    "the plateau halves less": ("gs2_base", "plateau/rates/3"),
    "the plateau watches what is trained on": ("gs2_base", "plateau/monitor"),
    "validation is trained on": ("gs2_base", "learned"),
    "validation is of other groups": ("gs2_base", "held"),
    "the rate is a thousandth too large": ("gs2_base", "learning_rate/0"),
    "the batch is larger by one": ("gs2_base", "batch_sizes"),
    "another seed": ("gs2_base", "order"),
    "one epoch too many": ("gs2_base", "fit/epochs"),
}
# What is done differently with the same things, and the value that tells.
DONE = {
    "the history's losses are swapped": "history/val_loss/0",
    "the history's rate is of another epoch": "history/learning_rate/1",
    "the loss has another weight": "history/loss/0",
    "the gradient is a thousandth too large": "history/gradient_norm/0",
    "the weights are those of the start": "weights/23_kernel/moved",
    "each gradient is clipped by itself, by hand": "history/loss/1",
    "weights decay, by hand": "weights/07_kernel/turned",
    "Keras shuffles": "history/loss/0",
}


@pytest.mark.parametrize("fault", BUILT)
def test_what_training_builds_differently_is_blamed_on_the_rehearsal(fault, sound, monkeypatch):
    if KERAS_2 and fault == "gradients are accumulated":
        pytest.skip("Keras 2 cannot")
    scenario, tells = BUILT[fault]
    sound(scenario, "rehearse", "smoke")
    faults(monkeypatch)[fault](monkeypatch.setattr)
    first, wrong = diagnosed(scenario, sound, ("rehearse", "smoke"))
    assert first == "rehearse"
    assert tells in wrong


@pytest.mark.parametrize("fault", DONE)
def test_what_training_does_differently_is_blamed_on_the_loop(fault, sound, eager, monkeypatch):
    sound("gs2_ideal", "loop", "replay")
    faults(monkeypatch)[fault](monkeypatch.setattr)
    first, wrong = diagnosed("gs2_ideal", sound, *SEEN)
    assert first == "loop"
    assert DONE[fault] in wrong


def test_without_a_fault_nothing_differs_whether_a_graph_is_traced_or_not(sound, eager, monkeypatch):
    sound("gs2_ideal", "loop", "replay")
    monkeypatch.undo()
    assert diagnosed("gs2_ideal", sound, *SEEN) == (None, [])


@pytest.mark.parametrize("scenario", ["gs2_base", "gs2_ideal"])
def test_a_rehearsal_meets_its_schema_whatever_the_schedule(scenario):
    schema = Schemas(ROOT / "schemas").of("rehearsal")
    document = schema_document(rehearsed(scenario), schema.identity)
    assert schema.problems(document) == []
    assert (document["values"]["plateau"] is None) == (scenario == "gs2_ideal")


def test_the_smallest_training_holds_groups_out_and_ends_epochs_with_a_short_batch():
    for scenario, gridsize, counts in (("gs2_ideal", 2, (5, 2)), ("gs1_ideal", 1, (8, 2))):
        frames = as_dataset(stored(scenario, "simulate")).frames
        groups = training.two_regions(frames, gridsize)
        config = dataclasses.replace(load_scenario(scenario, "replay").config.train, **training.LOOP)
        learned, held = hold_out(groups, config)
        assert (len(learned), len(held)) == counts
        assert len(learned) % training.LOOP["batch_size"]
        assert not {*learned.members.ravel()} & {*held.members.ravel()}


def test_every_fault_is_tried(monkeypatch):
    assert {*BUILT, *DONE} == {*faults(monkeypatch)}
