"""Which tier judges a stage, and which artifacts are verified in which track."""

from __future__ import annotations

import dataclasses

import pytest

from harness.core.errors import ProjectError
from harness.core.protocol import Pipeline, Stage
from harness.verify.coverage import judged_tier, stored_outputs, verified_artifacts, verified_parts

STAGES = (
    Stage("make", "scene", print, replay="verify"),
    Stage("learn", "trained", print, needs=("make",), replay="given", tier="statistical"),
    Stage("pin", "pinned", print, needs=("learn",), replay="verify", main=False, tier="pinned"),
    Stage("infer", "picture", print, needs=("learn",), replay="verify", tier="statistical"),
)
PIPELINE = Pipeline("toy", STAGES, scenarios=dict, load=print, source_roots=())


@pytest.mark.parametrize(
    ("name", "main", "replayed"),
    [
        ("make", "deterministic", "deterministic"),
        ("learn", "statistical", "deterministic"),
        ("pin", "pinned", "pinned"),
        ("infer", "statistical", "deterministic"),
    ],
)
def test_what_is_random_only_through_training_is_not_random_in_the_replay(name, main, replayed):
    (stage,) = (stage for stage in STAGES if stage.name == name)
    assert (judged_tier(stage, replayed=False), judged_tier(stage, replayed=True)) == (main, replayed)


def test_every_artifact_is_verified_in_every_track_that_it_has():
    assert verified_artifacts(PIPELINE, "cpu") == [
        *(("cpu", artifact) for artifact in ("configuration", "scene", "trained", "picture")),
        *((PIPELINE.replay_profile, artifact) for artifact in ("scene", "pinned", "picture")),
        ("cpu", "invariants"),
    ]
    assert stored_outputs(PIPELINE) == ["trained"]


def test_what_needs_nothing_trained_is_verified_first_and_what_training_decides_last():
    replay = PIPELINE.replay_profile
    first = [("cpu", "configuration"), ("cpu", "scene"), (replay, "scene")]
    untrained = [*first, (replay, "pinned"), (replay, "picture")]
    assert verified_parts(PIPELINE, "cpu", training=False) == [first, untrained]
    assert verified_parts(PIPELINE, "cpu", training=True) == [first, untrained, verified_artifacts(PIPELINE, "cpu")]


def test_where_nothing_is_trained_there_is_no_part_that_adds_nothing():
    plain = dataclasses.replace(PIPELINE, stages=STAGES[:1])
    untrained = [name for name in verified_artifacts(plain, "cpu") if name != ("cpu", "invariants")]
    assert verified_parts(plain, "cpu", training=False) == [untrained]
    assert verified_parts(plain, "cpu", training=True) == [untrained, verified_artifacts(plain, "cpu")]


def test_the_replays_profile_is_not_verified_by_itself():
    with pytest.raises(ProjectError, match="is the replay's"):
        verified_artifacts(PIPELINE, PIPELINE.replay_profile)
