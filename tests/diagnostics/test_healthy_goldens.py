"""Every scenario's accepted run, diagnosed from its goldens: nothing above info, and an answer of the stated form."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from guard.pipeline import pipeline
from harness.core.project import find_project
from harness.core.protocol import Artifact
from harness.core.trees import numeric_json
from harness.judge.schema import Schema
from harness.store.goldens import Goldens
from ptycho.pipeline.declaration import PIPELINE

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(pipeline.scenarios())
# Of a run's own stages: what the harness adds to them is no part of its record.
MAIN = [pipeline.stage(stage.name).artifact for stage in PIPELINE]


@pytest.fixture(scope="module")
def project():
    return find_project(ROOT)


def accepted(project, name):
    """The scenario's golden artifacts at the cpu profile, numbers as the adapter gets them."""
    goldens = Goldens.of(project)
    manifest = goldens.manifest()
    names = {artifact: f"{name}/cpu/{artifact}" for artifact in MAIN}
    goldens_read = {artifact: goldens.read(i, manifest[i]).artifact for artifact, i in names.items()}
    return {a: Artifact(numeric_json(g.values), g.arrays) for a, g in goldens_read.items()}


def explain(project, name, artifacts):
    return pipeline.explain(dataclasses.replace(project.scenario(name, "cpu"), missing=""), artifacts)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_healthy_scenario_has_no_finding_above_info(project, name):
    answer = explain(project, name, accepted(project, name))
    assert [f for f in answer["findings"] if f["level"] != "info"] == []
    assert [h for h in answer["hypotheses"] if h["status"] == "confirmed"] == []
    assert len(answer["analyses"]) >= 5


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_answer_has_the_form_that_the_core_knows(project, name):
    schema = ROOT / "schemas/harness/diagnosis.schema.json"
    answer = {"version": 1, "runs": [explain(project, name, accepted(project, name))], "together": []}
    assert Schema(json.loads(schema.read_text()), schema).problems(answer) == []


@pytest.mark.parametrize("gone", MAIN)
def test_any_artifact_may_be_missing(project, gone):
    artifacts = accepted(project, "gs2_ideal")
    del artifacts[gone]
    answer = explain(project, "gs2_ideal", artifacts)
    assert [f for f in answer["findings"] if f["level"] != "info"] == []
    assert explain(project, "gs2_ideal", {gone: accepted(project, "gs2_ideal")[gone]})["verdict"]


def test_a_wrong_gain_is_told_from_the_artifacts_alone(project):
    artifacts = accepted(project, "gs2_ideal")
    intensity = artifacts["telemetry"].values["intensity"]
    intensity["gain_ladder"][-1]["measured"] = 1.0
    metrics = artifacts["comparison"].values["metrics"]["network"]["amplitude"]
    metrics["relative_bias"] = intensity["normalize_gain"] - 1
    answer = explain(project, "gs2_ideal", artifacts)
    assert answer["findings"][0]["cause"] == "gain_not_undone"
    # The gain explains all of the bias, so that nothing else is above info.
    assert [f["cause"] for f in answer["findings"] if f["level"] != "info"] == ["gain_not_undone"]
