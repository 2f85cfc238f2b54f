"""The pipeline's declaration: every stage is given what it declares to read, and reads all that it declares."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ptycho.config.experiment import MeasuredConfig
from ptycho.config.reading import declared_part
from ptycho.errors import ConfigError
from ptycho.pipeline.declaration import PIPELINE, PREPARED
from ptycho.pipeline.values import Prepared

STAGES = {stage.name: stage for stage in PIPELINE}


@pytest.fixture(scope="module")
def outputs(scene):
    """Every stage's output on a small data set, from the configuration that it declares and no other."""
    config, results = small(scene), {}
    for stage in PIPELINE:
        results[stage.name] = stage.run(config, lambda *_: None, results)
    return results


def small(scene):
    return scene("train.epochs=1", "group.train_groups=8", "model.features=amplitude").config


def measured(config):
    """The same configuration of measured data, whose probe is refined."""
    data = MeasuredConfig("anywhere.npz", "counts", True, "xy", refine_probe_sweeps=1)
    return replace(config, simulate=None, measured=data)


# What is read only of measured data, or where there is no truth.
WITHOUT_TRUTH = {("probe", "reference"), *(("compare", name) for name in ("gridsize", "group", "infer", "reference"))}


@pytest.mark.parametrize(("name", "read"), [(stage.name, read) for stage in PIPELINE for read in stage.reads])
@pytest.mark.slow
def test_a_stage_that_does_not_declare_what_it_reads_is_told_so(name, read, scene, outputs):
    stage, config, given = STAGES[name], small(scene), dict(outputs)
    if (name, read) in WITHOUT_TRUTH:
        config = measured(config)
        given["simulate"] = replace(outputs["simulate"], truth=None)
    fewer = replace(stage, reads=tuple(other for other in stage.reads if other != read))
    with pytest.raises(ConfigError, match=f"stage {name} reads {read}, which it does not declare"):
        fewer.run(config, lambda *_: None, given)


def test_every_read_is_a_key_of_the_configuration(scene):
    keys = set(small(scene).__dataclass_fields__)
    assert all(set(stage.reads) <= keys for stage in PIPELINE)


def test_a_need_is_an_earlier_stage():
    for i, stage in enumerate(PIPELINE):
        assert set(stage.needs) <= {earlier.name for earlier in PIPELINE[:i]}


def test_the_prepared_inputs_are_one_argument(outputs):
    first, *rest = STAGES["measure"].arguments(outputs)
    assert first == Prepared(*(outputs[name] for name in PREPARED))
    assert rest == [outputs[name] for name in ("train", "infer", "compare")]
    assert STAGES["oracle"].arguments(outputs) == [outputs["simulate"], outputs["group"]]


def test_a_part_of_a_configuration_is_as_the_whole(scene):
    config = small(scene)
    part = declared_part(config, ("N", "model"), "a test")
    assert (part.N, part.model, part.window_px) == (config.N, config.model, config.window_px)
    with pytest.raises(ConfigError, match="a test reads measured"):
        _ = part.measured
    with pytest.raises(ConfigError, match="a test reads gridsize"):
        _ = part.group_size
