"""The network and the physics around it: where it starts, what it may become, what it must not notice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.model.backend import keras, ops, weight_name
from ptycho.model.network import COMPONENTS, PtychoModel, amplitude_head, initial_weights, losses, physics
from ptycho.training.pinned import first_steps

HEADS = ["positive", "sigmoid", "softplus", "swish", "relu"]
AT_ZERO = {"sigmoid": 0.5, "softplus": np.log(2), "swish": 0.0, "relu": 0.0}
FEATURES = ["amplitude", "conditioned"]
REQUIRED = 1.6  # stands for (N/2) / ||P||
BATCH_SIZES = [1, 7, 16, None]


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, np.float32))


def host(values):
    return np.asarray(ops.convert_to_numpy(values))


def head(kind, logits, start=1.0):
    return host(amplitude_head(kind, tensor(logits), REQUIRED, tensor(start)))


def objects(model, inputs):
    """Canvases ``(B, M, M)`` and where patches gave them a value."""
    output = {name: host(value) for name, value in model(inputs).items()}
    return output["object"][:, 0] + 1j * output["object"][:, 1], output["weight"] > 0.01


def state(model):
    return [host(weight) for weight in model.weights]


# The amplitude heads


def test_positive_head_starts_at_the_required_amplitude():
    assert head("positive", 0.0) == pytest.approx(REQUIRED, rel=1e-5)


def test_positive_head_starts_at_the_estimate():
    start = np.array([0.01, 0.3, 1.0, 5.0, 40.0, 100.0])
    np.testing.assert_allclose(head("positive", np.zeros(6), start), REQUIRED * start, rtol=1e-4, atol=3e-6)


def test_positive_head_starts_at_an_estimate_far_above_the_required_amplitude():
    """A hot frame makes an estimate hundreds of times the mean; infinite amplitude would be NaN one step later."""
    start = np.array([128.0, 300.0, 1e4])
    np.testing.assert_allclose(head("positive", np.zeros(3), start), REQUIRED * start, rtol=1e-4)


@pytest.mark.parametrize("kind", HEADS[1:])
def test_plain_heads_are_the_activation_whatever_the_estimate(kind):
    assert head(kind, 0.0, start=3.0) == pytest.approx(AT_ZERO[kind], abs=1e-6)


def test_sigmoid_head_cannot_exceed_one_and_the_others_can():
    logits = np.linspace(-30, 60, 91)
    assert head("sigmoid", logits).max() <= 1
    for kind in ("positive", "softplus", "swish", "relu"):
        assert head(kind, logits).max() > 50


@pytest.mark.parametrize("kind", ["positive", "sigmoid", "softplus", "relu"])
def test_head_never_gives_a_negative_amplitude(kind):
    result = head(kind, np.linspace(-60, 60, 121))
    assert result.min() >= 0
    assert (np.diff(result) >= 0).all()


def test_positive_head_stays_positive():
    assert head("positive", np.linspace(-20, 20, 41), start=np.full(41, 0.01)).min() > 0


FLAT_AT_START = [kind for kind in HEADS if kind != "relu"]  # a relu starts from random logits instead


@pytest.mark.parametrize("kind", FLAT_AT_START)
def test_head_lets_a_gradient_through_at_its_start(gradient, kind):
    """The untrained network gives zero logits: a head that is flat there can never be trained."""
    slope = gradient(lambda x: ops.sum(amplitude_head(kind, x, REQUIRED)), np.zeros(3))[1]
    assert (slope > 0.1).all()


def test_relu_head_starts_where_some_logits_are_positive(scene):
    """A relu has no gradient at zero or below: from zero logits it could never be trained."""
    small = scene("model.features=amplitude", "model.amplitude_head=relu")
    model, maker = small.model()
    obj, covered = objects(model, maker(small.split.train, small.group.train.take(slice(0, 4))))
    assert 0.2 < np.mean(np.abs(obj[covered]) > 1e-3) <= 1


# Where the model starts


@pytest.mark.parametrize("kind", FLAT_AT_START)
def test_untrained_model_of_amplitude_features_is_flat_at_the_heads_start(scene, kind):
    small = scene("model.features=amplitude", f"model.amplitude_head={kind}")
    model, maker = small.model()
    obj, covered = objects(model, maker(small.split.train, small.group.train.take(slice(0, 4))))
    start = {"positive": small.scales.required_amplitude, **AT_ZERO}[kind]
    assert covered.sum() > 2000
    np.testing.assert_allclose(obj[covered], start, atol=2e-3 * small.scales.required_amplitude)
    np.testing.assert_allclose(obj[covered].imag, 0, atol=1e-6)


def test_untrained_model_of_conditioned_features_is_the_estimate(scene):
    small = scene()
    model, maker = small.model()
    groups = small.group.train.take(slice(0, 4))
    inputs = maker(small.split.train, groups)
    obj, covered = objects(model, inputs)
    canvas = maker.project(groups, inputs["diffraction"])[0] / small.scales.counts_scale
    low = (obj.shape[-1] - canvas.shape[-1]) // 2
    inside = slice(low, low + canvas.shape[-1])
    obj, covered = obj[:, inside, inside], covered[:, inside, inside]
    assert covered.sum() > 2000
    assert np.ptp(np.abs(canvas[covered])) > 0.3 * small.scales.required_amplitude
    np.testing.assert_allclose(obj[covered], canvas[covered], atol=1e-3 * small.scales.required_amplitude)


@pytest.mark.parametrize("kind", [kind for kind in FLAT_AT_START if kind != "positive"])
def test_plain_heads_keep_only_the_estimates_phase(scene, kind):
    small = scene(
        f"model.amplitude_head={kind}",
        "simulate.object.kind=complex_field",
        "simulate.object.correlation_px=6.0",
        "simulate.object.phase_std_rad=0.5",
    )
    model, maker = small.model()
    inputs = maker(small.split.train, small.group.train.take(slice(0, 1)))
    on_grid = physics.interpolation(ops.round(tensor(inputs["offsets"])), model.window, model.architecture.canvas)
    patches = model._refine({k: tensor(v) for k, v in inputs.items()}, on_grid, model.illumination.weight())
    result = host(patches[0]) + 1j * host(patches[1])
    estimate = inputs["estimate"][:, :, 0] + 1j * inputs["estimate"][:, :, 1]
    assert np.angle(estimate).std() > 0.1
    np.testing.assert_allclose(result, AT_ZERO[kind] * estimate / np.abs(estimate), atol=1e-4)


# Shapes


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("window", ["half", "full"])
def test_model_builds_for_both_features_and_windows(scene, features, window):
    small = scene(f"model.features={features}", f"model.window={window}")
    model, maker = small.model()
    inputs = maker(small.split.train, small.group.train)
    obj, covered = objects(model, inputs)
    side = {"half": 32, "full": 64}[window]
    M = side + 2 * small.reach + 2
    assert ("estimate" in inputs) == (features == "conditioned")
    assert obj.shape == (24, M, M)
    assert covered.any()
    assert np.isfinite(obj).all()
    intensity = host(model.intensity(tensor(np.stack([obj.real, obj.imag], 1)), tensor(inputs["offsets"])))
    assert intensity.shape == (24, 4, 64, 64)
    # The start is at the right scale: the mean image's energy is (N/2)**2 in normalised units.
    assert intensity.sum((-2, -1)).mean() == pytest.approx(32**2, rel=0.05)


@pytest.mark.parametrize("features", FEATURES)
def test_model_of_128_pixels_builds_and_runs(scene, canvases, features):
    small = scene(
        "N=128",
        "simulate.object.size=192",
        "simulate.scan.margin_px=64",
        "simulate.scan.images=24",
        "group.train_groups=4",
        f"model.features={features}",
    )
    model, maker = small.model()
    result = canvases(model, maker, small.group.frames, small.group.infer.take(slice(0, 3)), 2)
    assert result.shape == (3, 66 + 2 * small.reach, 66 + 2 * small.reach)
    assert np.isfinite(result).all()
    assert np.abs(result).mean() == pytest.approx(small.scales.required_amplitude, rel=0.3)


def test_loss_components_are_weighted_into_the_loss(scene):
    small = scene("loss.nll_weight=0.5", "loss.mae_weight=3.0", "loss.realspace_weight=0.25", "loss.tv_weight=2.0")
    model, maker = small.model()
    inputs = {k: tensor(v) for k, v in maker(small.split.train, small.group.train.take(slice(0, 2))).items()}
    output = model(inputs)
    result = {name: float(host(value)) for name, value in model.loss_components(inputs, output).items()}
    variation = losses.total_variation((output["object"][:, 0], output["object"][:, 1]), output["weight"])
    assert result["realspace_loss"] == pytest.approx(2 * float(host(variation)), rel=1e-5)
    assert min(result[name] for name in COMPONENTS) > 0
    wanted = 0.5 * result["nll_loss"] + 3 * result["mae_loss"] + 0.25 * result["realspace_loss"]
    assert result["loss"] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("per", ["sample", "patch"])
def test_doubling_the_probe_leaves_the_normalised_mae_as_it_was(scene, per):
    """The probe's scale enters every other loss, and not this one."""

    def components(factor):
        small = scene("loss.mae_weight=1.0", f"loss.amplitude_l2_mae={per}")
        model, maker = small.model()
        inputs = {k: tensor(v) for k, v in maker(small.split.train, small.group.train.take(slice(0, 2))).items()}
        output = model(inputs)
        for weight in (model.illumination.real, model.illumination.imaginary):
            weight.assign(factor * host(weight))
        return {name: float(host(value)) for name, value in model.loss_components(inputs, output).items()}

    once, twice = components(1.0), components(2.0)
    assert once["mae_loss"] > 0
    assert twice["mae_loss"] == pytest.approx(once["mae_loss"], rel=1e-5)
    assert twice["nll_loss"] > 2 * once["nll_loss"]


def test_the_plain_mae_sees_a_doubled_probe(scene):
    small = scene("loss.mae_weight=1.0")
    model, maker = small.model()
    inputs = {k: tensor(v) for k, v in maker(small.split.train, small.group.train.take(slice(0, 2))).items()}
    predicted = model.intensity(model(inputs)["object"], inputs["offsets"])
    measured = model.scaler(inputs["diffraction"])
    plain = float(host(losses.amplitude_mae(measured, predicted)))
    assert float(host(model._mae(measured, predicted, None))) == plain
    assert float(host(model._mae(measured, 4 * predicted, None))) > 2 * plain


def test_nll_is_in_photons(scene):
    """A perfect amplitude costs nothing; half of it costs what the Poisson formula says, in photons."""
    small = scene()
    model, _ = small.model()
    scaler, photons = model.scaler, np.array([[[[4e6, 9e4]]]])
    normalised = host(scaler(tensor(np.sqrt(photons)))) ** 2
    np.testing.assert_allclose(normalised, photons / small.scales.counts_scale**2, rtol=1e-5)
    perfect, quarter = (losses.poisson_nll(tensor(photons), scaler.inverse(tensor(normalised * f))) for f in (1, 0.25))
    assert float(host(perfect)) == pytest.approx(0, abs=1)
    assert float(host(quarter)) == pytest.approx(np.mean(photons * (0.25 - 1 + np.log(4))), rel=1e-4)


# The scaler and the probe


def test_log_scale_is_one_weight_for_both_directions(scene):
    model, _ = scene().model()
    assert [weight_name(w) for w in model.weights].count("log_scale") == 1
    assert float(host(model.scaler.log_scale)) == pytest.approx(np.log(np.sqrt(1e9) / 32), abs=1e-4)
    x = tensor([1.0, 30.0])
    for value in (0.0, 2.0):
        model.scaler.log_scale.assign(value)
        np.testing.assert_allclose(host(model.scaler(x)), host(x) / np.exp(value), rtol=1e-5)
        np.testing.assert_allclose(host(model.scaler.inverse(model.scaler(x) ** 2)), host(x) ** 2, rtol=1e-5)


@pytest.mark.parametrize("declared", [True, False])
def test_log_scale_is_trainable_exactly_when_declared(scene, declared):
    model, _ = scene(f"model.log_scale_trainable={str(declared).lower()}").model()
    assert any(w is model.scaler.log_scale for w in model.weights)
    assert any(w is model.scaler.log_scale for w in model.trainable_weights) == declared


@pytest.mark.parametrize("declared", [True, False])
def test_probe_is_trainable_exactly_when_declared(scene, declared):
    small = scene(f"model.probe_trainable={str(declared).lower()}")
    model, _ = small.model()
    probe = model.illumination
    for weight in (probe.real, probe.imaginary):
        assert any(w is weight for w in model.weights)
        assert any(w is weight for w in model.trainable_weights) == declared
    np.testing.assert_array_equal(host(probe.real) + 1j * host(probe.imaginary), small.probe[16:48, 16:48])


def test_probe_weight_is_its_intensity_relative_to_the_peak(scene):
    small = scene()
    weight = host(small.model()[0].illumination.weight())
    intensity = np.abs(small.probe[16:48, 16:48]) ** 2
    np.testing.assert_allclose(weight, intensity / intensity.max(), rtol=1e-5, atol=1e-7)


# Weights


def test_initial_weights_depend_on_the_seed_alone(scene):
    small = scene()
    keras.utils.set_random_seed(1)
    first = state(small.model()[0])
    keras.utils.set_random_seed(2)
    np.random.seed(3)
    second = state(small.model()[0])
    other = state(scene("model.init_seed=43").model()[0])
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_initial_weights_are_he_normal_and_the_same_on_every_backend(scene):
    """The figures pin NumPy's own stream, so each backend must start from the same numbers."""
    network = scene("model.filters=8").model()[0].network
    values = initial_weights(network, 42)
    shapes = [w.shape for w in network.weights]
    assert [v.shape for v in values] == [tuple(s) for s in shapes]
    np.testing.assert_allclose(values[0].ravel()[:2], np.sqrt(2 / 180) * np.array([0.30471708, -1.03998411]), rtol=1e-6)
    for kernel, bias in zip(values[:-2:2], values[1:-2:2], strict=True):
        assert kernel.std() == pytest.approx(np.sqrt(2 / np.prod(kernel.shape[:-1])), rel=0.1)
        assert not bias.any()
    assert not values[-2].any()


def test_a_rounding_moves_each_initial_weight_by_some_units_in_its_last_place(scene):
    drawn, moved, other = (state(scene(f"model.init_rounding={seed}").model()[0]) for seed in (0, 1, 2))
    kernels = [i for i, weight in enumerate(drawn) if weight.ndim == 4 and weight.any()]
    assert kernels
    for i, (a, b) in enumerate(zip(drawn, moved, strict=True)):
        np.testing.assert_allclose(a, b, rtol=6e-7)
        assert np.array_equal(a, b) is (i not in kernels)
    assert any(not np.array_equal(a, b) for a, b in zip(moved, other, strict=True))


def test_weights_survive_a_round_trip(scene, enliven):
    small = scene()
    model, maker = small.model()
    other = PtychoModel(replace(model.architecture, config=replace(small.config.model, init_seed=1)), small.probe)
    enliven(model).scaler.log_scale.assign(6.5)
    inputs = maker(small.split.train, small.group.train.take(slice(0, 2)))
    assert not np.allclose(objects(other, inputs)[0], objects(model, inputs)[0])
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(objects(other, inputs)[0], objects(model, inputs)[0])


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.slow
def test_a_larger_canvas_changes_nothing_but_its_margin(scene, enliven, features):
    small = scene(f"model.features={features}")
    model, maker = small.model()
    enliven(model)
    M = model.architecture.canvas
    wide = model.with_canvas(M + 10)
    inputs = maker(small.split.train, small.group.train.take(slice(0, 3)))
    here, there = objects(model, inputs)[0], objects(wide, inputs)[0]
    assert model.with_canvas(M) is model
    assert there.shape[-1] == M + 10
    np.testing.assert_allclose(there[:, 5:-5, 5:-5], here, atol=1e-6 * np.abs(here).mean())
    margin = np.ones(there.shape[1:], bool)
    margin[5:-5, 5:-5] = False
    np.testing.assert_allclose(there[:, margin], small.scales.required_amplitude, rtol=1e-6)


# What a prediction must not depend on


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.slow
def test_predictions_do_not_depend_on_the_batch_size(scene, enliven, canvases, features):
    small = scene(f"model.features={features}")
    model, maker = small.model()
    enliven(model)
    frames, groups = small.group.frames, small.group.infer
    result = [canvases(model, maker, frames, groups, size or len(groups)) for size in BATCH_SIZES]
    scale = np.abs(result[-1]).mean()
    assert len(groups) == 36
    for each in result:
        assert each.shape == result[-1].shape
        assert np.abs(each - result[-1]).max() <= 1e-6 * scale


@pytest.mark.parametrize("features", FEATURES)
def test_a_groups_prediction_does_not_depend_on_its_neighbours_in_the_batch(scene, enliven, canvases, features):
    """The other groups of the batch get frames of noise of their own."""
    small = scene(f"model.features={features}")
    model, maker = small.model()
    enliven(model)
    frames, groups = small.group.frames, small.group.infer.take(slice(0, 6))
    rng = np.random.default_rng(1)
    noise = rng.permuted(frames.diffraction.reshape(len(frames), -1), axis=1).reshape(frames.diffraction.shape)
    both = Frames(
        np.concatenate([frames.diffraction, noise]), np.tile(frames.positions, (2, 1)), np.arange(2 * len(frames))
    )
    members = groups.members + len(frames)
    members[3] = groups.members[3]
    mixed = Groups(members, groups.centers, groups.offsets)
    calm, noisy = (canvases(model, maker, both, g, 6) for g in (groups, mixed))
    assert np.abs(noisy[2] - calm[2]).max() > 0.01 * np.abs(calm).mean()
    assert np.abs(noisy[3] - calm[3]).max() <= 1e-6 * np.abs(calm).mean()


def test_a_frame_far_brighter_than_the_rest_is_predicted_finite(scene, canvases):
    """One hot frame among the test frames: everything stays a number."""
    small = scene()
    model, maker = small.model()
    frames = small.group.frames
    hot = replace(frames, diffraction=frames.diffraction.copy())
    hot.diffraction[0] *= 1000
    assert np.isfinite(canvases(model, maker, hot, small.group.infer, 36)).all()


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.slow
def test_units_of_the_data_and_the_probe_cancel(scene, enliven, canvases, features):
    """Twice the amplitude under twice the probe is the same object; twice the data alone, twice the object."""
    base = scene(f"model.features={features}")
    network = enliven(base.model()[0]).network.get_weights()

    def reconstruct(data, probe):
        small = base.scaled(data, probe)
        model, maker = small.model()
        model.network.set_weights(network)
        gain = small.scales.prediction_to_object_units(float(host(model.scaler.log_scale)))
        return gain * canvases(model, maker, small.group.frames, small.group.infer.take(slice(0, 4)), 4)

    result = reconstruct(1, 1)
    np.testing.assert_allclose(reconstruct(2, 2), result, atol=2e-6 * np.abs(result).mean())
    np.testing.assert_allclose(reconstruct(2, 1), 2 * result, atol=4e-6 * np.abs(result).mean())


# Precision

MIXED = "model.precision=mixed_bfloat16"


@pytest.mark.parametrize(("features", "window"), [("amplitude", "full"), ("conditioned", "half")])
def test_mixed_precision_is_the_networks_alone(scene, features, window):
    """Its last layer gives float32 from float32, so that what it returns is not rounded."""
    small = scene(MIXED, f"model.features={features}", f"model.window={window}")
    model, maker = small.model()
    computing = [layer for layer in model.network.layers if "input" not in layer.name]
    assert {layer.compute_dtype for layer in computing[:-2]} == {"bfloat16"}
    inside = keras.Model(model.network.input, [layer.output for layer in computing])
    result = [str(o.dtype) for o in inside(tensor(np.ones((1, *model.network.input.shape[1:]))))]
    assert ["bfloat16" in dtype for dtype in result] == [True] * (len(result) - 2) + [False] * 2
    assert [layer.compute_dtype for layer in computing[-2:]] == ["float32", "float32"]
    assert {host(weight).dtype.name for weight in model.weights} == {"float32"}
    inputs = {k: tensor(v) for k, v in maker(small.split.train, small.group.train.take(slice(0, 2))).items()}
    output = model(inputs)
    assert {host(value).dtype.name for value in output.values()} == {"float32"}
    assert host(model.intensity(output["object"], inputs["offsets"])).dtype.name == "float32"
    assert {host(v).dtype.name for v in model.loss_components(inputs, output).values()} == {"float32"}


def test_mixed_precision_is_no_global_state(scene):
    scene(MIXED).model()
    assert {layer.compute_dtype for layer in scene().model()[0].network.layers} == {"float32"}
    assert keras.layers.Dense(1).compute_dtype == "float32"


@pytest.mark.slow
def test_mixed_precision_rounds_and_does_no_more(scene, enliven):
    """From the same weights: other digits, the same loss to a few per cent, and finite gradients everywhere."""

    def first(*overrides):
        small = scene(*overrides)
        model, maker = small.model()
        enliven(model)
        inputs = maker(small.split.train, small.group.train)  # all: the rounding of a few groups moves a bias by 10 %
        tensors = {k: tensor(v) for k, v in inputs.items()}
        output = model(tensors)
        loss = float(host(model.loss_components(tensors, output)["loss"]))
        return host(output["object"]), loss, first_steps(model, [inputs], 2, 1e-4, 1e3)

    (plain, loss, steps), (mixed, rounded, mixed_steps) = first(), first(MIXED)
    difference = np.linalg.norm(mixed - plain) / np.linalg.norm(plain)
    assert 1e-6 < difference < 0.01
    assert rounded == pytest.approx(loss, rel=0.02)
    assert mixed_steps.losses == pytest.approx(steps.losses, rel=0.02)
    assert np.isfinite([*mixed_steps.gradient_norms.values(), *mixed_steps.losses]).all()
    whole, rounded_whole = (np.linalg.norm(list(s.gradient_norms.values())) for s in (steps, mixed_steps))
    assert rounded_whole == pytest.approx(whole, rel=0.1)
    ratios = {n: mixed_steps.gradient_norms[n] / norm for n, norm in steps.gradient_norms.items()}
    assert {n: r for n, r in ratios.items() if abs(r - 1) > 0.1} == {}
