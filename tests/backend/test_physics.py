"""The differentiable physics against hand-worked arrays, NumPy, and its own identities."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.data.simulation import diffraction_amplitude
from ptycho.model import physics
from ptycho.model.backend import ops
from ptycho.optics.geometry import extract_patches


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, np.float32))


def host(values):
    return np.asarray(ops.convert_to_numpy(values))


def pair(field):
    return tensor(field.real), tensor(field.imag)


def joined(field):
    return host(field[0]) + 1j * host(field[1])


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def one_patch(x, y, n, M):
    rows, columns = physics.interpolation(tensor([[[x, y]]]), n, M)
    return host(rows)[0, 0], host(columns)[0, 0]


def test_whole_pixel_offset_picks_single_pixels_and_y_moves_rows():
    rows, columns = one_patch(x=1, y=0, n=2, M=4)
    np.testing.assert_array_equal(rows, [[0, 1, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_array_equal(columns, [[0, 0, 1, 0], [0, 0, 0, 1]])


def test_fractional_offset_shares_between_two_pixels():
    rows, columns = one_patch(x=-0.25, y=0.5, n=2, M=4)
    np.testing.assert_array_equal(rows, [[0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5]])
    np.testing.assert_array_equal(columns, [[0.25, 0.75, 0, 0], [0, 0.25, 0.75, 0]])


def test_what_lies_off_the_canvas_has_no_weight():
    rows, columns = one_patch(x=2, y=-1.5, n=2, M=4)
    np.testing.assert_array_equal(rows, [[0.5, 0, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_array_equal(columns, [[0, 0, 0, 1], [0, 0, 0, 0]])


def test_extract_reads_row_y_and_column_x():
    canvas = np.arange(16.0).reshape(1, 4, 4)
    matrices = physics.interpolation(tensor([[[1, 0], [0, -1]]]), 2, 4)
    result = host(physics.cut_windows(tensor(canvas), matrices))
    np.testing.assert_array_equal(result, [[[[6, 7], [10, 11]], [[1, 2], [5, 6]]]])


def test_place_sums_a_groups_patches():
    matrices = physics.interpolation(tensor([[[0, 0], [1, 0]]]), 2, 4)
    result = host(physics.place_windows(tensor([[[[1, 2], [3, 4]], [[10, 20], [30, 40]]]]), matrices))
    np.testing.assert_array_equal(result, [[[0, 0, 0, 0], [0, 1, 12, 20], [0, 3, 34, 40], [0, 0, 0, 0]]])


@pytest.mark.parametrize("largest", [3.0, 8.0], ids=["inside", "over the edge"])
def test_place_is_the_adjoint_of_extract(rng, largest):
    B, C, n, M = 3, 4, 8, 14
    matrices = physics.interpolation(tensor(rng.uniform(-largest, largest, (B, C, 2))), n, M)
    x, y = rng.standard_normal((B, M, M)), rng.standard_normal((B, C, n, n))
    forward = np.sum(host(physics.cut_windows(tensor(x), matrices)) * y)
    backward = np.sum(x * host(physics.place_windows(tensor(y), matrices)))
    assert abs(forward) > 1
    assert forward == pytest.approx(backward, rel=1e-5)


def test_extract_agrees_with_the_simulation_on_the_same_object(rng):
    obj = complex_normal(rng, 40, 52).astype(np.complex64)
    centers = np.array([[20, 18], [31, 22]])
    offsets = rng.uniform(-5, 5, (2, 3, 2)).astype(np.float32)
    canvas = extract_patches(obj, centers, 24)
    matrices = physics.interpolation(tensor(offsets), 10, 24)
    result = joined([physics.cut_windows(part, matrices) for part in pair(canvas)])
    for b in range(2):
        np.testing.assert_allclose(result[b], extract_patches(obj, centers[b] + offsets[b], 10), atol=1e-5)


def test_overlap_average_brings_whole_pixel_patches_of_an_object_back(rng):
    n, M = 8, 18
    obj = complex_normal(rng, 1, M, M)
    offsets = np.array([[[-4, 2], [3, -3], [0, 0], [1, 4]]], np.float32)
    weight = rng.uniform(0.5, 2.0, (n, n))
    matrices = physics.interpolation(tensor(offsets), n, M)
    patches = [physics.cut_windows(part, matrices) for part in pair(obj)]
    average, total = physics.overlap_average(patches, tensor(weight), matrices, outside=7.0)
    average, total = joined(average), host(total)
    expected = np.zeros((M, M))
    for x, y in offsets[0].astype(int):
        expected[5 + y : 13 + y, 5 + x : 13 + x] += weight
    covered = expected > 0
    assert 100 < covered.sum() < M * M
    np.testing.assert_allclose(total[0], expected, rtol=1e-6)
    np.testing.assert_allclose(average[0][covered], obj[0][covered], atol=5e-5)
    np.testing.assert_allclose(average[0][~covered], 7.0, rtol=1e-6)


def test_overlap_average_of_a_constant_is_that_constant_whatever_the_weight(rng):
    """Another weight below than above would show: the weights span three decades."""
    n, M = 8, 16
    constant = 1.7 - 0.6j
    weight = 10 ** rng.uniform(-1, 2, (n, n))
    matrices = physics.interpolation(tensor(rng.uniform(-3, 3, (2, 4, 2))), n, M)
    patches = pair(np.full((2, 4, n, n), constant))
    average, total = physics.overlap_average(patches, tensor(weight), matrices, outside=1.7)
    average, total = joined(average), host(total)
    assert (total > 0.1).sum() > 200
    np.testing.assert_allclose(average[total > 0.1], constant, rtol=3e-5)
    np.testing.assert_allclose(average.real, 1.7, rtol=1e-5)


def test_multiply_is_the_complex_product(rng):
    a, b = complex_normal(rng, 5, 6), complex_normal(rng, 5, 6)
    np.testing.assert_allclose(joined(physics.multiply(pair(a), pair(b))), a * b, rtol=1e-5, atol=1e-6)


def test_intensity_agrees_with_the_simulation(rng):
    psi = complex_normal(rng, 2, 3, 16, 16)
    result = host(physics.diffraction_intensity(pair(psi), 16))
    np.testing.assert_allclose(result, diffraction_amplitude(psi, 16) ** 2, rtol=1e-4, atol=1e-5)


def test_intensity_of_a_padded_exit_wave_is_that_of_the_whole_patch(rng):
    psi = complex_normal(rng, 1, 2, 8, 8)
    whole = np.pad(psi, ((0, 0), (0, 0), (4, 4), (4, 4)))
    result = host(physics.diffraction_intensity(pair(psi), 16))
    assert result.shape == (1, 2, 16, 16)
    np.testing.assert_allclose(result, diffraction_amplitude(whole, 16) ** 2, rtol=1e-4, atol=1e-5)


def test_the_zero_frequency_lies_in_the_middle():
    result = host(physics.diffraction_intensity(pair(np.full((1, 1, 8, 8), 2j)), 8))[0, 0]
    expected = np.zeros((8, 8))
    expected[4, 4] = (2 * 64) ** 2 / 64
    np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("n", [16, 8])
def test_intensity_keeps_the_energy(rng, n):
    psi = complex_normal(rng, 1, 2, n, n)
    energy = host(physics.diffraction_intensity(pair(psi), 16)).sum((-2, -1))
    np.testing.assert_allclose(energy, np.sum(np.abs(psi) ** 2, (-2, -1)), rtol=1e-5)


def test_gradient_through_extract_and_diffraction_agrees_with_finite_differences(rng, gradient):
    """The loss is quadratic in the canvas, so the central difference is exact for any step."""
    n, N, M = 6, 8, 10
    matrices = physics.interpolation(tensor(rng.uniform(-2, 2, (1, 3, 2))), n, M)
    probe, weights = complex_normal(rng, n, n), rng.uniform(0.5, 1.5, (1, 3, N, N))

    def loss(canvas):
        patches = physics.cut_windows(canvas[0], matrices), physics.cut_windows(canvas[1], matrices)
        intensity = physics.diffraction_intensity(physics.multiply(patches, pair(probe)), N)
        return ops.sum(tensor(weights) * intensity)

    point = rng.standard_normal((2, 1, M, M))
    value, slope = gradient(loss, point)
    assert value == pytest.approx(float(host(loss(tensor(point)))), rel=1e-5)
    scale = float(np.linalg.norm(slope))
    for _ in range(5):
        direction = rng.standard_normal(point.shape)
        direction /= np.linalg.norm(direction)
        up, down = (float(host(loss(tensor(point + sign * direction)))) for sign in (1, -1))
        assert float(np.sum(slope * direction)) == pytest.approx((up - down) / 2, abs=1e-4 * scale)
