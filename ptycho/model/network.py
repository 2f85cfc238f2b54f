"""The physics-informed network: diffraction in, object out, diffraction predicted from it.

``PtychoModel`` is U-Net, overlap average on the group's canvas, illumination, diffraction, photons.
The object is predicted in *normalised* units (``gain * O``); see ``ptycho.normalize`` for the way back.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.config.network import LossConfig, ModelConfig
from ptycho.data.normalization import Scales
from ptycho.model import losses, physics
from ptycho.model.backend import keras, layers, ops
from ptycho.model.physics import Pair, Tensor
from ptycho.model.precision import Float32Model, float32_products

COMPONENTS = ("nll_loss", "mae_loss", "realspace_loss")
CHANGE_SCALE = 10.0  # the last sweep's change is about a tenth of the error that is left


class IntensityScaler(layers.Layer):
    """One shared ``log_scale``: ``call`` divides the input by its exponential, ``inverse`` multiplies.

    Photons' square roots go in, normalised amplitudes come out, and the other way round.
    """

    def __init__(self, log_scale: float, trainable: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.log_scale = self.add_weight(
            shape=(), name="log_scale", trainable=trainable, initializer=keras.initializers.Constant(log_scale)
        )

    def call(self, x: Tensor) -> Tensor:
        """Photons' square roots as normalised amplitudes."""
        return x * ops.exp(-self.log_scale)

    def inverse(self, intensity: Tensor) -> Tensor:
        """Normalised intensities as photons: times ``exp(log_scale)`` squared."""
        return intensity * ops.exp(2.0 * self.log_scale)


class Illumination(layers.Layer):
    """The probe, as a pair of weights ``(w, w)``: fixed, or corrected by training."""

    def __init__(self, probe: Complex, trainable: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.real, self.imaginary = (
            self.add_weight(shape=probe.shape, name=name, trainable=trainable, initializer=keras.initializers.Zeros())
            for name in ("real", "imaginary")
        )
        self.real.assign(np.ascontiguousarray(probe.real))
        self.imaginary.assign(np.ascontiguousarray(probe.imag))

    def call(self, patches: Pair) -> Pair:
        """Exit waves of object patches."""
        return physics.multiply(patches, (ops.convert_to_tensor(self.real), ops.convert_to_tensor(self.imaginary)))

    def weight(self) -> Tensor:
        """``|P|**2`` relative to its peak: how well each pixel of a patch is known."""
        intensity = physics.squared_modulus((self.real, self.imaginary))
        return ops.stop_gradient(intensity / ops.max(intensity))


def amplitude_head(kind: str, logits: Tensor, required: float, start: Tensor | float = 1.0) -> Tensor:
    """The object's amplitude from the network's output.

    ``positive`` is ``required * start`` where the logits are zero, stays positive and has no ceiling; ``start`` is
    relative to ``required``. The others are the plain activations, whose range does not know the data
    (docs/explanation/physics.md, "Why the seeds' amplitude bias happened", 3).
    """
    if kind == "positive":
        ln2 = math.log(2.0)
        wanted = ops.maximum(ln2 * ops.convert_to_tensor(start, "float32"), 1e-6)
        offset = wanted + ops.log(-ops.expm1(-wanted))  # the inverse of softplus, safe for large values
        return required * ops.softplus(logits + offset) / ln2
    activation = {"sigmoid": ops.sigmoid, "softplus": ops.softplus, "swish": ops.silu, "relu": ops.relu}
    return activation[kind](logits)


class RoundedConvolution(layers.Conv2D):
    """A convolution in 16 bits, but for the addition of its bias.

    A bias's gradient is a sum over all pixels: where a backend adds in 16 bits, as JAX does on the CPU, most is lost.
    """

    def call(self, x: Tensor) -> Tensor:
        """``(B, side, side, width)``, in 16 bits."""
        convolved = ops.cast(self.convolution_op(x, self.kernel), "float32") + ops.cast(self.bias, "float32")
        return self.activation(ops.cast(convolved, self.compute_dtype))


def convolution(x: Tensor, width: int, precision: str, activation: str | None = "relu", strides: int = 1) -> Tensor:
    """A convolution of 3 x 3 pixels, ``(B, side, side, width)``, computed in ``precision`` (a Keras dtype policy)."""
    # Zeros, because ``initial_weights`` sets every kernel from NumPy: the same on every backend.
    kind = layers.Conv2D if precision == "float32" else RoundedConvolution
    layer = kind(width, 3, strides, padding="same", activation=activation, kernel_initializer="zeros", dtype=precision)
    return layer(x)


def unet(inputs: Tensor, filters: int, outputs: int, precision: str) -> Tensor:
    """Two halvings with skip connections, the input's own among them; linear output.

    Every layer computes in ``precision`` but the last, which is float32: neither the output nor the
    input that it sees beside the features is rounded. Weights are float32 in any case.
    """

    def double(x: Tensor, width: int) -> Tensor:
        return convolution(convolution(x, width, precision), width, precision)

    def down(x: Tensor) -> Tensor:
        return layers.AveragePooling2D(2, dtype=precision)(x)

    def up(x: Tensor, beside: Tensor) -> Tensor:
        return layers.Concatenate(dtype=precision)([layers.UpSampling2D(2, dtype=precision)(x), beside])

    fine = double(inputs, filters)
    middle = double(down(fine), 2 * filters)
    coarse = double(down(middle), 3 * filters)
    wide = double(up(double(up(coarse, middle), 2 * filters), fine), filters)
    beside = layers.Concatenate(dtype="float32")([wide, inputs])
    return convolution(beside, outputs, "float32", activation=None)


@dataclass(frozen=True)
class Architecture:
    """Everything a model is built from; ``canvas``: side of a group's canvas, which no weight depends on."""

    config: ModelConfig
    loss: LossConfig
    scales: Scales
    group_size: int
    window: int
    canvas: int


class PtychoModel(Float32Model):
    """Inputs (see ``ptycho.features``) to the group's object, and by physics to photons."""

    def __init__(self, architecture: Architecture, probe: Complex) -> None:
        super().__init__()
        self.architecture, self.probe = architecture, probe
        config = architecture.config
        self.N, self.C, self.window = probe.shape[-1], architecture.group_size, architecture.window
        crop = slice((self.N - self.window) // 2, (self.N + self.window) // 2)
        self.scaler = IntensityScaler(architecture.scales.log_scale, config.log_scale_trainable)
        self.illumination = Illumination(probe[crop, crop], config.probe_trainable)
        self.network = self._network()
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("loss", *COMPONENTS)}
        # A relu with nothing to see has no gradient either, and would stay at zero for good.
        start = initial_weights(self.network, config.init_seed, zero_last=config.amplitude_head != "relu")
        for weight, value in zip(self.network.weights, as_if_rounded(start, config.init_rounding), strict=True):
            weight.assign(value)
        self.built = True  # there is no weight that waits for the first input

    @property
    def weights(self) -> list[Any]:
        """Every weight in one order, whichever Keras: the scale, the probe, the network."""
        return [*self.scaler.weights, *self.illumination.weights, *self.network.weights]

    def with_canvas(self, canvas: int) -> PtychoModel:
        """The same weights on another canvas, for groups that reach further."""
        if canvas == self.architecture.canvas:
            return self
        other = PtychoModel(dataclasses.replace(self.architecture, canvas=canvas), self.probe)
        other.set_weights(self.get_weights())
        return other

    @property
    def conditioned(self) -> bool:
        """Whether the network is given a first estimate of the object."""
        return self.architecture.config.features == "conditioned"

    def _network(self) -> keras.Model:
        side, channels = (self.window, 5 * self.C) if self.conditioned else (self.N, self.C)
        filters, precision = self.architecture.config.filters, self.architecture.config.precision
        image = keras.Input((side, side, channels), dtype="float32")
        x = image
        if side > self.window:
            x = convolution(x, filters, precision, strides=side // self.window)
        return keras.Model(image, unet(x, filters, 2 * self.C, precision), name="network")

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        """``object`` ``(B, 2, M, M)`` normalised, and ``weight`` ``(B, M, M)``, on the group's canvas."""
        on_grid = physics.interpolation(ops.round(inputs["offsets"]), self.window, self.architecture.canvas)
        weight = self.illumination.weight()
        patches = self._refine(inputs, on_grid, weight) if self.conditioned else self._invert(inputs)
        obj, total = physics.overlap_average(patches, weight, on_grid, self.architecture.scales.required_amplitude)
        return {"object": ops.stack(obj, axis=1), "weight": total}

    def _invert(self, inputs: dict[str, Tensor]) -> Pair:
        """Patches ``(B, C, w, w)`` from the bare diffraction amplitude, as upstream has it."""
        logits, phase = self._apply(self.scaler(inputs["diffraction"]))
        amplitude = self._amplitude(logits)
        return amplitude * ops.cos(phase), amplitude * ops.sin(phase)

    def _refine(self, inputs: dict[str, Tensor], on_grid: Pair, weight: Tensor) -> Pair:
        """Patches ``(B, C, w, w)`` from the estimate: its amplitude scaled, its phase turned.

        The network sees the estimate, what the last sweep changed (slow errors change in one direction, so they can be
        extrapolated), and how well each pixel is illuminated. The estimate is cut apart before it is scaled: what has
        no gradient needs none padded with zeros.
        """
        required = self.architecture.scales.required_amplitude
        real, imaginary, *changes = (self.scaler(inputs["estimate"][:, :, i]) / required for i in range(4))
        known = physics.place_windows(ops.broadcast_to(weight, ops.shape(real)), on_grid)
        changed = (CHANGE_SCALE * change for change in changes)
        seen = [real - 1.0, imaginary, *changed, physics.cut_windows(known, on_grid)]
        logits, turn = self._apply(ops.concatenate(seen, axis=1))
        modulus = ops.sqrt(physics.squared_modulus((real, imaginary)) + 1e-12)
        amplitude = self._amplitude(logits, modulus) / modulus
        return physics.multiply((real, imaginary), (amplitude * ops.cos(turn), amplitude * ops.sin(turn)))

    def _apply(self, channels: Tensor) -> Pair:
        """The network on ``(B, channels, side, side)``: amplitude logits and phases, ``(B, C, w, w)``."""
        return tuple(ops.split(ops.moveaxis(self.network(ops.moveaxis(channels, 1, -1)), -1, 1), 2, axis=1))

    def _amplitude(self, logits: Tensor, start: Tensor | float = 1.0) -> Tensor:
        kind = self.architecture.config.amplitude_head
        return amplitude_head(kind, logits, self.architecture.scales.required_amplitude, start)

    def intensity(self, obj: Tensor, offsets: Tensor) -> Tensor:
        """Predicted normalised intensity ``(B, C, N, N)`` of an object ``(B, 2, M, M)``."""
        with float32_products():
            matrices = physics.interpolation(offsets, self.window, self.architecture.canvas)
            real, imaginary = (physics.cut_windows(ops.squeeze(p, 1), matrices) for p in ops.split(obj, 2, axis=1))
            return physics.diffraction_intensity(self.illumination((real, imaginary)), self.N)

    def loss_components(self, inputs: dict[str, Tensor], output: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every component of the loss before its weight, and their weighted sum as ``loss``.

        ``inputs["truth"]`` ``(B, 2, M, M)``, normalised, is needed by ``realspace_mae_weight`` only,
        and ``inputs["mask"]`` is there where the detector has masked pixels.
        """
        weights, measured, valid = self.architecture.loss, inputs["diffraction"], inputs.get("mask")
        predicted = self.intensity(output["object"], inputs["offsets"])
        obj = output["object"][:, 0], output["object"][:, 1]
        realspace = ops.zeros(())
        if weights.realspace_weight and weights.tv_weight:
            realspace += weights.tv_weight * losses.total_variation(obj, output["weight"])
        if weights.realspace_weight and weights.realspace_mae_weight:
            truth = inputs["truth"][:, 0], inputs["truth"][:, 1]
            realspace += weights.realspace_mae_weight * losses.realspace_mae(obj, truth, output["weight"])
        parts = {
            "nll_loss": losses.poisson_nll(ops.square(measured), self.scaler.inverse(predicted), valid),
            "mae_loss": self._mae(self.scaler(measured), predicted, valid),
            "realspace_loss": realspace,
        }
        weighted = (getattr(weights, name.replace("_loss", "_weight")) * value for name, value in parts.items())
        return {"loss": sum(weighted), **parts}

    def _mae(self, measured: Tensor, predicted: Tensor, valid: Tensor | None) -> Tensor:
        per = self.architecture.loss.amplitude_l2_mae
        if per == "off":
            return losses.amplitude_mae(measured, predicted, valid)
        return losses.amplitude_l2_mae(measured, predicted, per, valid)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The weighted loss; Keras calls it in every step, on every backend."""
        values = self.loss_components(x, y_pred)
        for name, value in values.items():
            self.trackers[name].update_state(value)
        return values["loss"]

    @property
    def metrics(self) -> list[keras.Metric]:
        """Running means of the loss and its components, reset by Keras at each epoch."""
        return list(self.trackers.values())

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The running means; ``compute_loss`` has updated them."""
        return {name: tracker.result() for name, tracker in self.trackers.items()}


def initial_weights(network: keras.Model, seed: int, zero_last: bool = True) -> list[Real]:
    """He-normal kernels and zero biases from a NumPy generator, so that every backend starts equal.

    With ``zero_last`` the last kernel is zero: an untrained network leaves the head at its start.
    """
    rng = np.random.default_rng(seed)
    shapes = [tuple(weight.shape) for weight in network.weights]
    values = [rng.standard_normal(s) * math.sqrt(2 / math.prod(s[:-1])) if len(s) == 4 else np.zeros(s) for s in shapes]
    if zero_last:
        values[-2] = np.zeros(shapes[-2])
    return [value.astype(np.float32) for value in values]


def as_if_rounded(weights: list[Real], seed: int) -> list[Real]:
    """Weights as another machine might have rounded them: each times 1 + 1e-7 g, g normal; as they are for seed 0."""
    rng = np.random.default_rng(seed)
    return [(w * (1 + 1e-7 * rng.standard_normal(w.shape))).astype(np.float32) if seed else w for w in weights]
