"""The differentiable physics, written once against ``keras.ops`` for every backend.

A complex field is a pair ``(real, imaginary)`` of float32 tensors. ``B`` groups of ``C`` patches of
side ``n`` lie on canvases of side ``M`` (even) whose centre is the group's centre. Equations:
docs/explanation/physics.md, "Forward model".
"""

from __future__ import annotations

from typing import Any, TypeAlias

from ptycho.model.backend import ops

Tensor: TypeAlias = Any
Pair: TypeAlias = tuple[Tensor, Tensor]


def interpolation(offsets: Tensor, n: int, M: int) -> Pair:
    """Bilinear interpolation as two matrices ``(rows, columns)``, each ``(B, C, n, M)``.

    Pixel ``i`` of a patch at offset ``y`` lies at ``M/2 + y - n/2 + i`` on the canvas; its weights
    are the hat function around it. ``offsets`` ``(B, C, 2)``: pixels, ``[x, y]``.
    """
    i = ops.arange(n, dtype="float32")[:, None]
    m = ops.arange(M, dtype="float32")[None, :]
    at = ops.convert_to_tensor(offsets)[..., None, None] + (M / 2 - n / 2) + i - m
    hat = ops.relu(1.0 - ops.abs(at))
    return hat[:, :, 1], hat[:, :, 0]


def cut_windows(canvas: Tensor, matrices: Pair) -> Tensor:
    """Patches ``(B, C, n, n)`` of canvases ``(B, M, M)``: ``rows @ canvas @ columns.T``."""
    rows, columns = matrices
    return ops.matmul(ops.matmul(rows, canvas[:, None]), ops.swapaxes(columns, -1, -2))


def place_windows(patches: Tensor, matrices: Pair) -> Tensor:
    """The adjoint of ``extract``: the group's patches summed onto its canvas, ``(B, M, M)``."""
    rows, columns = matrices
    placed = ops.matmul(ops.matmul(ops.swapaxes(rows, -1, -2), patches), columns)
    return ops.sum(placed, axis=1)


def overlap_average(patches: Pair, weight: Tensor, matrices: Pair, outside: float) -> tuple[Pair, Tensor]:
    """The weighted mean of a group's patches on its canvas, and the weight gathered there.

    Numerator and denominator carry the same ``weight`` ``(n, n)``, plus a trace of the real value
    ``outside`` that fills what no patch covers.
    """
    total = place_windows(ops.broadcast_to(weight, ops.shape(patches[0])), matrices)
    trace = 1e-6
    real = (place_windows(patches[0] * weight, matrices) + trace * outside) / (total + trace)
    imaginary = place_windows(patches[1] * weight, matrices) / (total + trace)
    return (real, imaginary), total


def multiply(a: Pair, b: Pair) -> Pair:
    """The complex product."""
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def squared_modulus(field: Pair) -> Tensor:
    """``|field|**2``."""
    return ops.square(field[0]) + ops.square(field[1])


def padded_transform(fields: Pair, N: int) -> Pair:
    """``FFT2`` of fields ``(B, C, n, n)``, ``n <= N``, padded with zeros to ``N``, which moves nothing but phases."""
    n = fields[0].shape[-1]
    pad = [[0, 0], [0, 0], [0, N - n], [0, N - n]]
    return ops.fft2(tuple(ops.pad(part, pad) for part in fields) if n < N else fields)


def diffraction_intensity(exit_waves: Pair, N: int) -> Tensor:
    """``fftshift(|FFT2(psi)|**2 / N**2)``, ``(B, C, N, N)``, of exit waves ``(B, C, n, n)``, ``n <= N``."""
    intensity = squared_modulus(padded_transform(exit_waves, N)) / N**2
    return ops.roll(intensity, (N // 2, N // 2), axis=(-2, -1))
