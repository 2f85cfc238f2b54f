"""The pipeline's declaration: every stage is given what it declares to read, and reads all that it declares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ptycho.config.experiment import MeasuredConfig
from ptycho.config.reading import declared_part
from ptycho.errors import ConfigError
from ptycho.output.artifacts import write_npz
from ptycho.pipeline.declaration import PIPELINE, PREPARED
from ptycho.pipeline.values import Prepared

STAGES = {stage.name: stage for stage in PIPELINE}


def small(scene):
    return scene("train.epochs=1", "group.train_groups=8", "model.features=amplitude").config


def run_all(config):
    """Every stage's output, each from the configuration that it declares and no other."""
    results = {}
    for stage in PIPELINE:
        results[stage.name] = stage.run(config, lambda *_: None, results)
    return results


@pytest.fixture(scope="module")
def outputs(scene):
    """Every stage's output on a small data set."""
    return run_all(small(scene))


@pytest.fixture(scope="module")
def measured(scene, outputs, tmp_path_factory):
    """The same frames out of a file, without their truth and with a probe to refine: configuration and outputs.

    They make the stages read what simulated data spare them: without a truth, half a scan is compared with the other.
    """
    data = outputs["simulate"]
    counts = np.rint((data.photon_scale * data.frames.diffraction.astype(np.float64)) ** 2)
    path = tmp_path_factory.mktemp("measured") / "frames.npz"
    write_npz(path, {"data": counts, "probe": data.probe, "scan": data.frames.positions})
    source = MeasuredConfig(str(path), "counts", True, "xy", refine_probe_sweeps=1)
    config = replace(small(scene), simulate=None, measured=source)
    return config, run_all(config)


@pytest.mark.slow
def test_measured_data_pass_every_stage_on_what_it_declares(measured):
    _, outputs = measured
    assert np.isfinite(outputs["infer"].object).all()
    assert outputs["compare"].metrics["half_scan"]["network"]["amplitude"]["count"] > 0


@pytest.mark.parametrize(("name", "read"), [(stage.name, read) for stage in PIPELINE for read in stage.reads])
@pytest.mark.slow
def test_a_stage_that_does_not_declare_what_it_reads_is_told_so(name, read, scene, outputs, measured):
    stage = STAGES[name]
    config, given = (small(scene), outputs) if read == "simulate" else measured
    fewer = replace(stage, reads=tuple(other for other in stage.reads if other != read))
    with pytest.raises(ConfigError, match=f"stage {name} reads {read}, which it does not declare"):
        fewer.run(config, lambda *_: None, given)


def test_every_read_is_a_key_of_the_configuration(scene):
    """And every key is read by some stage."""
    assert {read for stage in PIPELINE for read in stage.reads} == set(small(scene).__dataclass_fields__)


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
