"""The losses, pure functions of tensors on every Keras backend.

``counts`` are photons, ``rate`` is the predicted intensity in photons; amplitudes are in normalised
units. Shapes ``(B, C, N, N)``; every loss is a mean over the ``B * C`` images. Those of diffraction take
``valid`` ``(B, N, N)``, 1 where the detector's pixel is valid and 0 where it is masked, None for everywhere:
they are means over valid pixels, and a masked pixel has no gradient.
"""

from __future__ import annotations

from ptycho.model.backend import ops
from ptycho.model.physics import Pair, Tensor

FLOOR = 1e-6  # photons; keeps the rate strictly positive where nothing is predicted
FAINT = 1e-2  # norm of normalised amplitudes, below which a sample counts as unlit
_NEAR = 0.2  # of (counts - rate) / (counts + rate): up to there the series has all digits of float32
LOWEST = -1 + 1e-6  # of counts / rate - 1; where no photon was counted the logarithm has weight zero


def poisson_nll_elementwise(counts: Tensor, rate: Tensor) -> Tensor:
    """``rate - counts ln(rate)``: the Poisson negative log-likelihood up to ``ln(counts!)``."""
    return rate - counts * ops.log(rate)


def poisson_nll(counts: Tensor, rate: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over valid pixels of the Poisson negative log-likelihood, counted from a perfect prediction.

    ``counts ln(counts / rate) - d`` with ``d = counts - rate``: ``poisson_nll_elementwise`` less its
    value at ``rate = counts``, which no prediction changes. The gradient is the same, zero is the floor.
    Photon noise alone gives about 0.5 a pixel with many photons, left of thousands that cancel, and a
    compiler may round the rate twice, differently. Where counts and rate are near each other, nothing
    cancels in Loader's form ``d v + 2 counts (v^3/3 + v^5/5 + ...)`` with ``v = d / (counts + rate)``
    (C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000). ``FLOOR`` is added to
    the rate, so the loss is finite and keeps a gradient where the rate vanishes.
    """
    rate = rate + FLOOR
    now = ops.stop_gradient(rate)
    d = counts - now
    excess = d / now
    v = d / (counts + now)
    near = ops.abs(v) < _NEAR
    v2 = ops.square(v)
    series = d * v + 2 * counts * v * v2 * (1 / 3 + v2 * (1 / 5 + v2 * (1 / 7 + v2 / 9)))
    far = counts * ops.log1p(ops.maximum(excess, LOWEST)) - d
    # The derivative by the rate is 1 - counts / rate: said so, where all of the above would be differentiated.
    return _mean(ops.where(near, series, far) - excess * (rate - now), valid)


def _mean(values: Tensor, valid: Tensor | None) -> Tensor:
    """The mean of ``values`` ``(B, C, N, N)`` over their valid pixels."""
    if valid is None:
        return ops.mean(values)
    weights = ops.broadcast_to(valid[:, None], ops.shape(values))
    return ops.sum(values * weights) / ops.sum(weights)


def amplitude_mae(measured: Tensor, intensity: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean absolute difference of diffraction amplitudes, ``sqrt(intensity)`` against measured."""
    return _mean(ops.abs(measured - ops.sqrt(intensity + 1e-12)), valid)


def unit_energy(amplitude: Tensor, per: str) -> Tensor:
    """Amplitudes ``(B, C, N, N)`` divided by their L2 norm, so that ``sum(amplitude**2)`` is 1.

    ``per`` "sample": over all channels of a group, which keeps the ratio of its patches; "patch": over
    each patch alone. Below a norm of ``FAINT`` (a lit patch's is about ``N/2``) the divisor stays
    ``FAINT``: a sample without energy stays zero, and neither it nor its gradient is ever NaN.
    """
    axes = {"sample": (1, 2, 3), "patch": (2, 3)}[per]
    energy = ops.sum(ops.square(amplitude), axis=axes, keepdims=True)
    return amplitude / ops.sqrt(ops.maximum(energy, FAINT**2))


def amplitude_l2_mae(measured: Tensor, intensity: Tensor, per: str, valid: Tensor | None = None) -> Tensor:
    """``amplitude_mae`` of diffraction amplitudes of unit energy: it sees structure, and no scale."""
    predicted = ops.sqrt(intensity + 1e-12)
    if valid is not None:
        measured, predicted = measured * valid[:, None], predicted * valid[:, None]
    return _mean(ops.abs(unit_energy(measured, per) - unit_energy(predicted, per)), valid)


def total_variation(obj: Pair, weight: Tensor) -> Tensor:
    """Mean modulus of the object's differences along both axes, over the canvas's weighted part."""
    covered = ops.cast(weight > 0.5 * ops.max(weight, axis=(-2, -1), keepdims=True), "float32")
    total = 0.0
    for axis in (-2, -1):
        after = tuple(slice(1, None) if a == axis else slice(None) for a in (-3, -2, -1))
        before = tuple(slice(None, -1) if a == axis else slice(None) for a in (-3, -2, -1))
        both = covered[after] * covered[before]
        squared = ops.square(obj[0][after] - obj[0][before]) + ops.square(obj[1][after] - obj[1][before])
        total = total + ops.sum(both * ops.sqrt(squared + 1e-12)) / (ops.sum(both) + 1e-12)
    return total


def realspace_mae(obj: Pair, truth: Pair, weight: Tensor) -> Tensor:
    """Mean modulus of ``object - truth`` over the canvas's weighted part (needs a known truth)."""
    covered = ops.cast(weight > 0.5 * ops.max(weight, axis=(-2, -1), keepdims=True), "float32")
    modulus = ops.sqrt(ops.square(obj[0] - truth[0]) + ops.square(obj[1] - truth[1]) + 1e-12)
    return ops.sum(covered * modulus) / (ops.sum(covered) + 1e-12)
