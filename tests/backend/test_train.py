"""Training: what it repeats, what it records, and how it ends when it does not end well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import chain, pairwise

import numpy as np
import pytest

from ptycho.errors import PtychoError
from ptycho.model.backend import host, keras, ops, weight_path
from ptycho.model.network import COMPONENTS
from ptycho.training import training as t
from ptycho.training.pinned import first_steps
from ptycho.training.training import GroupBatches, TrainingOutcome, input_maker, train_network

pytestmark = pytest.mark.slow  # its first fixture takes seconds

METRICS = {"loss", *COMPONENTS}


@dataclass(frozen=True)
class Trained:
    model: keras.Model
    outcome: TrainingOutcome
    initial: list[np.ndarray]

    @property
    def weights(self):
        return self.model.get_weights()

    @property
    def finite(self):
        return all(np.isfinite(w).all() for w in self.weights)

    def value(self, name):
        return float(host(getattr(self.model.scaler, name)))


@pytest.fixture(scope="module")
def trained(scene):
    """``trained(*overrides, report=, frames=, learning_rate=, truth=, compiled=)``: a training on the small data set.

    TensorFlow takes four seconds to trace a graph, so only where it matters it is asked to.
    """
    compile_as_ever = t.compile_model

    def eagerly(model, config, steps):
        compile_as_ever(model, config, steps)
        model.run_eagerly = keras.backend.backend() == "tensorflow"

    def run(*overrides, report=None, frames=None, learning_rate=None, truth=False, compiled=False):
        small = scene(*overrides)
        config = small.config.train
        if learning_rate is not None:
            config = replace(config, learning_rate=learning_rate)
        model, maker = small.model()
        initial = model.get_weights()
        known = small.dataset.truth if truth else None
        make = input_maker(maker, frames or small.split.train, known, model.architecture.canvas)
        with pytest.MonkeyPatch.context() as patch:
            if not compiled:
                patch.setattr(t, "compile_model", eagerly)
            outcome = train_network(model, make, small.group.train, config, report)
        return Trained(model, outcome, initial)

    return run


@pytest.fixture(scope="module")
def plain(trained):
    """Two epochs of the cosine schedule, with validation, and what was reported."""
    reports = []
    done = trained("train.validation_fraction=0.1", compiled=True, report=lambda *r: reports.append(r))
    return done, reports


def poisoned(small, value):
    """The training frames with ``value`` at one pixel of the frame that is group 12's seed."""
    diffraction = small.split.train.diffraction.copy()
    diffraction[small.group.train.members[12, 0], 5, 7] = value
    return replace(small.split.train, diffraction=diffraction)


# Batches


def batches(seed, epoch, scene):
    small = scene()
    built = GroupBatches(lambda groups: {"first": groups.members[:, 0]}, small.group.train, 10, seed)
    built.epoch = epoch
    return [built[i][0]["first"].tolist() for i in range(len(built))]


def test_batch_order_is_a_function_of_seed_and_epoch(scene):
    everyone = sorted(scene().group.train.members[:, 0].tolist())
    orders = [batches(seed, epoch, scene) for seed in (1, 2) for epoch in (1, 2, 3)]
    for order in orders:
        assert [len(b) for b in order] == [10, 10, 4]
        assert sorted(chain(*order)) == everyone
    assert len({str(order) for order in orders}) == 6
    assert orders == [batches(seed, epoch, scene) for seed in (1, 2) for epoch in (1, 2, 3)]


def test_without_a_seed_groups_keep_their_order(scene):
    kept = scene().group.train.members[:, 0].tolist()
    assert list(chain(*batches(None, 3, scene))) == kept


def test_batches_are_the_same_made_ahead_or_one_by_one(scene, monkeypatch):
    ahead = batches(5, 1, scene)
    monkeypatch.setattr(t, "CACHE_BYTES", 0)
    assert batches(5, 1, scene) == ahead


def test_training_feeds_every_epoch_its_own_order(scene, monkeypatch):
    """Epochs count from 1. Nothing is kept, so every batch that Keras asks for is seen."""
    monkeypatch.setattr(t, "CACHE_BYTES", 0)
    small = scene("model.features=amplitude", "train.validation_fraction=0.0")
    model, maker = small.model()
    inner, seen = input_maker(maker, small.split.train), []

    def make(groups):
        seen.append(groups.members[:, 0].tolist())
        return inner(groups)

    train_network(model, make, small.group.train, small.config.train)
    wanted = []
    for epoch in (1, 2):
        order = np.random.default_rng([small.config.train.seed, epoch]).permutation(24)
        wanted += [small.group.train.members[part, 0].tolist() for part in np.split(order, 3)]
    assert seen[-6:] == wanted


# A training that goes well


def test_history_has_every_component_and_the_rate_of_every_epoch(plain):
    history = plain[0].outcome.history
    assert set(history) == METRICS | {f"val_{name}" for name in METRICS} | {"learning_rate", "gradient_norm"}
    assert {len(values) for values in history.values()} == {2}
    assert all(isinstance(v, float) and math.isfinite(v) for values in history.values() for v in values)


def test_training_lowers_the_loss_and_watches_the_other_part(plain):
    history = plain[0].outcome.history
    assert history["loss"][1] < history["loss"][0]
    for name in ("val_loss", "val_mae_loss"):  # of frames that no group shows: two epochs need not lower it
        assert len(history[name]) == 2
        assert history[name][1] != history[name][0]
    np.testing.assert_allclose(history["loss"], history["nll_loss"], rtol=1e-6)


def test_training_ends_well_and_reports_every_epoch(plain):
    done, reports = plain
    assert done.finite
    assert not done.outcome.interrupted
    assert done.outcome.diverged is None
    assert [r[:2] for r in reports] == [(1, 2), (2, 2)]
    assert all("loss" in r[2] for r in reports)


def test_every_trainable_weight_moves(plain):
    """log_scale among them: it must not be a bare variable that the optimiser never sees."""
    model = plain[0].model
    before = {id(w): value for w, value in zip(model.weights, plain[0].initial, strict=True)}
    assert any(w is model.scaler.log_scale for w in model.trainable_weights)
    for weight in model.trainable_weights:
        assert not np.array_equal(host(weight), before[id(weight)]), weight_path(weight)


def test_the_gradient_norm_of_one_step_is_the_gradient_s(scene, trained):
    """Of the epoch's one step, and equal to what the pinned tier notes weight by weight, before it clips."""
    quiet = ("train.validation_fraction=0.0", "train.epochs=1", "train.batch_size=64")
    result = trained(*quiet).outcome.history["gradient_norm"]
    small = scene(*quiet)
    model, maker = small.model()
    batch = input_maker(maker, small.split.train)(small.group.train)
    norms = first_steps(model, [batch], 2, 1e-4, clip_norm=1e-3).gradient_norms
    assert result == [pytest.approx(math.hypot(*norms.values()), rel=1e-5)]


def test_the_gradient_norm_of_an_epoch_is_its_steps_own(trained):
    """Two epochs of one step each at rate zero's neighbour: the second does not add to the first."""
    quiet = ("train.validation_fraction=0.0", "train.epochs=2", "train.batch_size=64", "train.schedule='constant'")
    first, second = trained(*quiet, learning_rate=1e-12).outcome.history["gradient_norm"]
    assert second == pytest.approx(first, rel=1e-3)


def test_cosine_schedule_lowers_the_rate(plain, scene):
    rates = plain[0].outcome.history["learning_rate"]
    assert rates[0] == pytest.approx(scene().config.train.learning_rate)
    # Half the steps of two epochs: half of the cosine's descent.
    assert rates[1] == pytest.approx(rates[0] / 2, rel=1e-5)


def test_same_seed_same_training_bit_for_bit(plain, trained):
    again = trained("train.validation_fraction=0.1", compiled=True)
    assert again.outcome.history == plain[0].outcome.history
    for a, b in zip(again.weights, plain[0].weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_groups_are_not_trained_on(scene, trained, monkeypatch):
    parts = []

    class Recorded(GroupBatches):
        def __init__(self, make, groups, *rest):
            super().__init__(make, groups, *rest)
            parts.append(set(groups.members[:, 0].tolist()))

    monkeypatch.setattr(t, "GroupBatches", Recorded)
    trained("train.validation_fraction=0.25", "train.epochs=1")
    training, held = parts
    assert len(held) == 6
    assert len(training) >= 9  # those that share a frame with one that is held out serve neither
    assert not training & held
    assert training | held <= set(scene().group.train.members[:, 0].tolist())


def test_without_validation_nothing_is_said_of_it_and_a_constant_rate_stays(trained):
    done = trained("train.validation_fraction=0.0", "train.schedule='constant'")
    assert set(done.outcome.history) == METRICS | {"learning_rate", "gradient_norm"}
    assert done.outcome.history["learning_rate"] == pytest.approx([1e-3, 1e-3])


def test_plateau_schedule_lowers_the_rate_when_nothing_improves(trained):
    """At a rate of 1e-12 no weight moves: after two epochs without progress the rate is halved."""
    done = trained("train.schedule='plateau'", "train.epochs=5", learning_rate=1e-12)
    rates = done.outcome.history["learning_rate"]
    np.testing.assert_allclose(rates[:3], 1e-12, rtol=1e-6)
    np.testing.assert_allclose(rates[4], 5e-13, rtol=1e-6)
    assert all(b <= a for a, b in pairwise(rates))


def test_weights_not_declared_trainable_stay_and_the_probe_moves_when_declared(trained):
    done = trained("model.log_scale_trainable=false", "model.probe_trainable=true", "train.epochs=1")
    probe = done.model.illumination
    before = {id(w): value for w, value in zip(done.model.weights, done.initial, strict=True)}
    assert done.value("log_scale") == before[id(done.model.scaler.log_scale)]
    for weight in (probe.real, probe.imaginary):
        assert np.abs(host(weight) - before[id(weight)]).max() > 1e-5


# The real-space loss


def test_realspace_loss_is_measured_against_the_truth(trained):
    done = trained("loss.realspace_weight=1.0", "loss.realspace_mae_weight=100.0", "train.epochs=1", truth=True)
    history = done.outcome.history
    assert history["realspace_loss"][0] > 0
    assert history["loss"][0] == pytest.approx(history["nll_loss"][0] + history["realspace_loss"][0], rel=1e-5)


def test_realspace_loss_is_zero_without_its_weights(plain):
    assert plain[0].outcome.history["realspace_loss"] == [0.0, 0.0]


@pytest.mark.parametrize("weight", ["0.0", "1.0"])
def test_untrained_realspace_loss_is_small_for_a_good_estimate(scene, weight):
    """The truth is cut on the group's own pixels: one pixel off would cost more than the estimate's error."""
    small = scene("loss.realspace_weight=1.0", f"loss.realspace_mae_weight={weight}", "model.sweeps=12")
    model, maker = small.model()
    groups = small.group.train
    value = {}
    for name, shift in (("right", 0), ("off", 2)):
        moved = np.roll(small.dataset.truth, shift, axis=1)
        inputs = input_maker(maker, small.split.train, moved, model.architecture.canvas)(groups)
        inputs = {k: ops.convert_to_tensor(v) for k, v in inputs.items()}
        value[name] = float(host(model.loss_components(inputs, model(inputs))["realspace_loss"]))
    if weight == "0.0":
        assert value == {"right": 0.0, "off": 0.0}
    else:
        assert value["right"] < 0.1 * small.scales.required_amplitude
        assert value["off"] > 1.5 * value["right"]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tells when TensorFlow reads from the device")
def test_no_step_reads_anything_from_the_device(trained, monkeypatch):
    from tensorflow.python.framework import ops as framework

    read, inner = [], framework._EagerTensorBase._numpy

    def noted(self):
        if not self.dtype.is_bool:  # whether there is another batch, which the host decides
            read.append(self.shape)
        return inner(self)

    monkeypatch.setattr(framework._EagerTensorBase, "_numpy", noted)

    def reads(batch_size):
        read.clear()
        done = trained("train.validation_fraction=0.0", f"train.batch_size={batch_size}", compiled=True)
        assert len(done.outcome.history["loss"]) == 2
        return len(read)

    few, many = reads(8), reads(4)  # three steps an epoch, and six
    assert few == many > 0


# Endings that are not


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_stops_training_and_is_named(scene, trained, value):
    small = scene("train.validation_fraction=0.0", "model.features=amplitude")
    order = np.random.default_rng([small.config.train.seed, 1]).permutation(24)
    groups = small.group.train.members[order]
    bad = small.group.train.members[12, 0]
    step = 1 + next(i for i in range(3) if (groups[8 * i : 8 * i + 8] == bad).any())
    done = trained("train.validation_fraction=0.0", "model.features=amplitude", frames=poisoned(small, value))
    stopped = done.outcome.diverged
    assert stopped is not None
    assert (stopped.epoch, stopped.step) == (1, step)
    assert "nll_loss" in stopped.components
    assert {*stopped.components} <= {"nll_loss", "mae_loss"}
    for text in ("nll_loss", "epoch 1", f"step {step}"):
        assert text in str(stopped)
    assert done.finite
    assert not done.outcome.interrupted
    assert done.outcome.history["learning_rate"] == []


@pytest.mark.parametrize("rate", [1e30, math.inf])
def test_an_absurd_learning_rate_stops_training_with_finite_weights(trained, rate):
    done = trained("train.schedule='constant'", learning_rate=rate)
    stopped = done.outcome.diverged
    assert stopped is not None
    assert (stopped.epoch, stopped.step) == (1, 1 if rate == math.inf else 2)
    assert stopped.components
    assert done.finite
    if rate == math.inf:  # the first update is already lost, so the weights are those at the start
        assert "weights" in str(stopped)
        for a, b in zip(done.weights, done.initial, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_stopped_model_still_predicts(scene, trained, canvases):
    done = trained("train.schedule='constant'", learning_rate=math.inf)
    small = scene("train.schedule='constant'")
    fresh, maker = small.model()
    groups = small.group.infer.take(slice(0, 2))
    result, wanted = (canvases(model, maker, small.group.frames, groups, 2) for model in (done.model, fresh))
    np.testing.assert_allclose(result, wanted, atol=1e-6)


def test_ctrl_c_keeps_the_weights_and_says_so(trained):
    def interrupt(epoch, epochs, note):
        raise KeyboardInterrupt

    done = trained("train.epochs=3", report=interrupt)
    assert done.outcome.interrupted
    assert done.outcome.diverged is None
    assert done.finite
    assert any(not np.array_equal(a, b) for a, b in zip(done.weights, done.initial, strict=True))


def test_a_validation_fraction_that_leaves_nothing_to_train_on_is_one_sentence(trained):
    with pytest.raises(PtychoError, match="validation_fraction"):
        trained("train.validation_fraction=0.99")


def test_ctrl_c_before_the_first_step_keeps_the_initial_weights(scene, monkeypatch):
    """Keras asks for a batch to build the optimiser before it says that training begins."""
    monkeypatch.setattr(t, "CACHE_BYTES", 0)
    small = scene("model.features=amplitude", "train.validation_fraction=0.0")
    model, maker = small.model()
    initial, inner, calls = model.get_weights(), input_maker(maker, small.split.train), []

    def make(groups):
        calls.append(len(groups))
        if len(groups) > 1:  # the first real batch
            raise KeyboardInterrupt
        return inner(groups)

    outcome = train_network(model, make, small.group.train, small.config.train)
    assert outcome.interrupted
    assert outcome.history == {"learning_rate": [], "gradient_norm": []}
    assert len(calls) == 2
    for a, b in zip(model.get_weights(), initial, strict=True):
        np.testing.assert_array_equal(a, b)
