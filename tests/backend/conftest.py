"""What the tests of physics, losses, model and pipeline share, on whichever backend is set.

The data is dense and small: 72 frames on an object of 128 pixels, so that groups overlap well and
a training takes seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.scenario import load_scenario
from ptycho.data.frames import Dataset
from ptycho.data.normalization import Scales
from ptycho.data.splitting import Split
from ptycho.model.backend import keras, ops
from ptycho.model.features import FeatureMaker
from ptycho.model.network import PtychoModel
from ptycho.pipeline import stages
from ptycho.pipeline.inference import make_model
from ptycho.pipeline.values import Grouped, Prepared
from ptycho.reconstruction.stitching import predict

SMALL = (
    "simulate.object.kind=gaussian_random_field",
    "simulate.object.correlation_px=5.0",
    "simulate.object.size=128",
    "simulate.scan.images=72",
    "simulate.scan.margin_px=30",
    "group.train_groups=24",
    "model.filters=4",
    "model.sweeps=3",
    "train.epochs=2",
    "train.batch_size=8",
    "reference.sweeps=2",
    "infer.batch_size=16",
)


def silent(*_: Any) -> None:
    """Progress that no one reads."""


@dataclass(frozen=True)
class Scene:
    """The outputs of the stages before training."""

    config: PipelineConfig
    dataset: Dataset
    split: Split
    probe: Any
    group: Grouped
    scales: Scales

    @property
    def prepared(self) -> Prepared:
        return Prepared(self.dataset, self.split, self.probe, self.group)

    @property
    def reach(self) -> int:
        return self.group.reach

    def model(self) -> tuple[PtychoModel, FeatureMaker]:
        return make_model(self.config, self.scales, self.probe, self.reach)

    def scaled(self, data: float, probe: float) -> Scene:
        """The same scene in other units: amplitudes times ``data``, probe times ``probe``."""

        def times(frames):
            return replace(frames, diffraction=frames.diffraction * np.float32(data))

        dataset = replace(self.dataset, frames=times(self.dataset.frames), probe=self.dataset.probe * np.float32(probe))
        return _after_simulation(self.config, dataset)


def _after_simulation(config: PipelineConfig, dataset: Dataset) -> Scene:
    split = stages.split(config, silent, dataset)
    probe = stages.probe(config, silent, dataset, split)
    group = stages.group(config, silent, dataset, split)
    scales = stages.normalize(config, silent, Prepared(dataset, split, probe, group))
    return Scene(config, dataset, split, probe, group, scales)


@pytest.fixture(scope="session")
def scene() -> Callable[..., Scene]:
    """``scene("key=value", ...)``: the small data set under those overrides."""

    @functools.cache
    def make(*overrides: str) -> Scene:
        config = load_scenario("gs2_ideal", "smoke", (*SMALL, *overrides)).config
        return _after_simulation(config, stages.simulate(config, silent))

    return make


@pytest.fixture(scope="session")
def gradient() -> Callable[..., tuple[float, np.ndarray]]:
    """``gradient(f, x)``: value and gradient of a scalar function of one tensor."""
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]


def _tensorflow(function, x):
    import tensorflow as tf

    point = tf.constant(np.asarray(x, np.float32))
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(point)
    return float(value), tape.gradient(value, point).numpy()


def _jax(function, x):
    import jax

    value, slope = jax.value_and_grad(function)(jax.numpy.asarray(x, np.float32))
    return float(value), np.asarray(slope)


def _torch(function, x):
    point = ops.convert_to_tensor(np.asarray(x, np.float32)).requires_grad_()
    value = function(point)
    value.backward()
    return float(value.detach()), point.grad.cpu().numpy()


@pytest.fixture(scope="session")
def enliven() -> Callable[[PtychoModel], PtychoModel]:
    """Give the last kernel, zero in an untrained network, small random values: the network then acts."""

    def act(model: PtychoModel) -> PtychoModel:
        kernel = model.network.weights[-2]
        values = np.random.default_rng(5).standard_normal(tuple(kernel.shape))
        kernel.assign((0.01 * values).astype(np.float32))
        return model

    return act


@pytest.fixture(scope="session")
def canvases() -> Callable[..., np.ndarray]:
    """``canvases(model, maker, frames, groups, batch_size)``: every group's canvas, ``(G, M, M)``."""

    def collect(model, maker, frames, groups, batch_size):
        return np.concatenate([obj for _, obj, _ in predict(model, maker, frames, groups, batch_size)])

    return collect


@pytest.fixture(scope="session", autouse=True)
def _compile_once(tmp_path_factory) -> None:
    """JAX takes ten seconds to compile one training step: let tests of one shape share it."""
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("jax")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
