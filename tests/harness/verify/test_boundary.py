"""Faults at the boundary to a library, as benchmarks/injections.py puts them into whole environments."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from guard import stages as adapter
from harness.core.project import find_project
from harness.core.trees import join_tree
from harness.judge.comparison import compare_artifact
from harness.judge.tolerances import load_rules
from harness.store.goldens import Goldens
from harness.verify.running.stage_runs import whole_output
from ptycho.config.reading import to_mapping
from ptycho.config.scenario import load_scenario
from ptycho.model.backend import keras

ROOT = Path(__file__).parents[3]
ARTIFACTS = ("simulation", "split", "probe", "groups", "normalized", "trained", "pinned")


def failures():
    """The values of gs2_ideal's pinned tier that are out of tolerance now."""
    names = ("simulate", "split", "probe", "group", "normalize", "train")
    goldens = Goldens.of(find_project(ROOT))
    manifest = goldens.manifest()
    result = (goldens.read(i, manifest[i]).artifact for i in (f"gs2_ideal/replay/{a}" for a in ARTIFACTS))
    *outputs, accepted = (join_tree(a.values, a.arrays) for a in result)
    inputs = dict(zip(names, outputs, strict=True))
    parts = to_mapping(load_scenario("gs2_ideal", "replay").config)
    obtained = whole_output(adapter.pinned(parts, lambda *_: None, **inputs))
    rules = load_rules(ROOT / "goldens/gs2_ideal/tolerances.toml", ROOT / "goldens")
    verdicts = compare_artifact(whole_output(accepted), obtained, rules, "replay/pinned/", {}, "pinned")
    return [v.path for v in verdicts if v.status.failed]


@pytest.mark.parametrize(
    ("fault", "first"),
    [("adam-epsilon", "losses/"), ("no-clipping", "losses/"), ("upsampling", "gradient_norms/")],
)
@pytest.mark.slow
def test_a_change_of_behaviour_in_keras_is_caught(fault, first, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks/boundary")
    faults = importlib.import_module("faults").FAULTS
    for owner in (keras.optimizers.Adam, keras.layers.UpSampling2D):  # put back afterwards
        monkeypatch.setattr(owner.__init__, "__defaults__", owner.__init__.__defaults__)
        monkeypatch.setattr(owner, "__init__", owner.__init__)
    faults[fault].patch()
    assert [path for path in failures() if path.startswith(first)]


@pytest.mark.slow
def test_a_fault_is_put_in_place_when_its_module_is_imported():
    """As benchmarks/injections.py does it: no other process than the one that asks for it is touched."""
    code = "import keras; print(keras.optimizers.Adam().epsilon)"
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT / "benchmarks/boundary"), str(ROOT)])}
    for fault, epsilon in (({"BOUNDARY_FAULT": "adam-epsilon"}, "1e-05"), ({}, "1e-07")):
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | paths | fault, capture_output=True, text=True
        )
        assert done.stdout.split()[-1:] == [epsilon], done.stderr


@pytest.mark.slow
def test_without_one_nothing_is_out_of_tolerance():
    assert failures() == []
