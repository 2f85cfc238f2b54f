"""The stage that writes a bundle, reads it again and uses it: what the way through the file changes is caught."""

from __future__ import annotations

import dataclasses

import pytest
from test_training_faults import ROOT, report, silent, stored

from guard import bundles
from guard.pipeline import pipeline
from harness.verify.running.stage_runs import whole_output
from ptycho.config.reading import to_mapping
from ptycho.config.scenario import load_scenario
from ptycho.model import bundle

pytestmark = pytest.mark.slow
SCENARIO = "masked_detector"


def obtained():
    needs = pipeline.stage("bundle").needs
    parts = to_mapping(load_scenario(SCENARIO, "replay", root=ROOT / "goldens").config)
    return whole_output(bundles.bundle(parts, silent, **{need: stored(SCENARIO, need) for need in needs}))


@pytest.fixture(scope="module")
def sound():
    return obtained()


def wrong(sound, monkeypatch, **changes):
    """The values that differ where a bundle is read with other parts than it holds."""
    read = bundle.load_bundle

    def changed(path):
        loaded = read(path)
        return dataclasses.replace(loaded, **{name: change(getattr(loaded, name)) for name, change in changes.items()})

    monkeypatch.setattr(bundle, "load_bundle", changed)
    return [v.path for v in report(SCENARIO, "bundle", "replay", sound, obtained()).verdicts if v.status.failed]


def test_a_sound_bundle_comes_back_and_infers_what_was_trained(sound):
    assert {name: value for name, value in sound.values["same"].items() if value is not True} == {}
    assert sound.values["inferred"] == sound.values["as_trained"]
    assert sound.values["reused"]["exposure"]["ratio"] == pytest.approx(1, rel=1e-4)
    assert sorted(sound.values["files"]) == ["history.json", "history_summary.json"]


def test_a_weight_that_was_rounded_is_caught(sound, monkeypatch):
    def rounded(weights):
        return [w.astype("float16").astype("float32") for w in weights]

    found = wrong(sound, monkeypatch, weights=rounded)
    assert {"same/weights", "inferred/norm"} <= {*found}
    assert "as_trained/norm" not in found


def test_lost_units_and_a_lost_mask_are_caught(sound, monkeypatch):
    found = wrong(sound, monkeypatch, photon_scale=lambda scale: 1.01 * scale, mask=lambda _: None)
    assert {"same/photon_scale", "same/mask", "reused/amplitude/norm"} <= {*found}
