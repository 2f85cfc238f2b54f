"""The losses against upstream's numbers (docs/explanation/history.md), hand-worked arrays, and double precision."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import xlogy

from ptycho.data.simulation import diffraction_amplitude
from ptycho.model import losses
from ptycho.model.backend import ops
from ptycho.optics import probes

DOSES = [1e3, 1e9]


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, np.float32))


def number(value):
    return float(ops.convert_to_numpy(value))


def nll(counts, rate):
    return number(losses.poisson_nll(tensor(counts), tensor(rate)))


def exact(counts, rate):
    """The same loss in double precision."""
    counts, rate = np.asarray(counts, float), np.asarray(rate, float) + losses.FLOOR
    return float(np.mean(rate - counts + xlogy(counts, counts / rate)))


@pytest.fixture(scope="module")
def pattern():
    """A disk probe's diffraction, 64 by 64: nine decades between its brightest and darkest pixel."""
    intensity = diffraction_amplitude(probes.idealized(64), 64).astype(float) ** 2
    return intensity / intensity.sum()


def test_elementwise_nll_agrees_with_upstream(shared):
    stored = np.load(shared / "conformance" / "poisson_nll.npz")
    result = ops.convert_to_numpy(losses.poisson_nll_elementwise(tensor(stored["y_true"]), tensor(stored["y_pred"])))
    np.testing.assert_allclose(result, stored["nll_elementwise"], rtol=1e-5, atol=1e-5)
    assert result.mean(dtype=float) == pytest.approx(float(stored["nll_mean"]), rel=1e-6)


def test_elementwise_nll_by_hand():
    result = losses.poisson_nll_elementwise(tensor([0, 2, 3]), tensor([5, 1, np.e]))
    np.testing.assert_allclose(ops.convert_to_numpy(result), [5, 1, np.e - 3], rtol=1e-6)


@pytest.mark.parametrize("dose", DOSES)
def test_nll_is_zero_at_a_perfect_prediction(pattern, dose):
    assert nll(dose * pattern, dose * pattern) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("dose", DOSES)
@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_nll_grows_away_from_a_perfect_prediction(pattern, dose, factor):
    counts = dose * pattern
    result = nll(counts, factor * counts)
    assert result > 0.001 * dose / counts.size
    assert result == pytest.approx(exact(counts, factor * counts), rel=1e-3)


def test_nll_differs_from_the_plain_one_by_what_no_prediction_changes(rng):
    counts = rng.poisson(50, (1, 1, 16, 16))
    first, second = rng.uniform(20, 80, counts.shape), rng.uniform(20, 80, counts.shape)

    def plain(rate):
        return number(ops.mean(losses.poisson_nll_elementwise(tensor(counts), tensor(rate))))

    assert nll(counts, first) - nll(counts, second) == pytest.approx(plain(first) - plain(second), abs=1e-3)


@pytest.mark.parametrize("rate", [1e2, 1e5, 1e7])
def test_photon_noise_alone_costs_half_a_unit_per_pixel(rng, rate):
    counts = rng.poisson(rate, (1, 1, 128, 128))
    assert nll(counts, np.full(counts.shape, rate)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("dose", DOSES)
@pytest.mark.parametrize("error", [0.0, 0.02])
def test_nll_of_noisy_patterns_agrees_with_double_precision(rng, pattern, dose, error):
    counts, rate = rng.poisson(dose * pattern), (1 + error) * dose * pattern
    resolved = 1e-5 + 2e-11 * dose  # what single precision can tell apart
    assert nll(counts, rate) == pytest.approx(exact(counts, rate), rel=1e-3, abs=resolved)


@pytest.mark.parametrize("rate", [1e2, 1e4, 1e6, 1e9])
@pytest.mark.parametrize("off", [-0.6, -0.3, -0.1, -1e-3, 1e-3, 0.1, 0.3, 0.6])
def test_nll_near_the_counts_has_the_digits_of_its_arguments(rate, off):
    """Also where it goes over from its series."""
    rate, counts = np.float32(rate), np.float32(rate * (1 + off))
    expected = float(rate) - float(counts) + float(xlogy(float(counts), float(counts) / float(rate)))
    if abs(off) < 0.01:  # double precision cancels too
        d = float(counts) - float(rate)
        expected = d**2 / 2 / float(rate) - d**3 / 6 / float(rate) ** 2
    assert nll([counts], [rate]) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("counts", [0.0, 1.0, 1e3, 1e9])
@pytest.mark.parametrize("rate", [0.0, 1e-12, 1e3, 1e9])
def test_nll_and_its_gradient_are_finite_at_every_corner(gradient, counts, rate):
    value, slope = gradient(lambda r: losses.poisson_nll(tensor([counts]), r), [rate])
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    if rate == counts > 0:
        assert slope[0] == pytest.approx(0, abs=1e-6)
    else:
        assert np.sign(slope[0]) == (1 if counts == 0 else np.sign(rate - counts))


@pytest.mark.parametrize("dose", DOSES)
def test_gradient_is_that_of_the_plain_nll(rng, gradient, pattern, dose):
    counts, rate = rng.poisson(dose * pattern), dose * pattern * rng.uniform(0.5, 2, pattern.shape) + 1.0
    slope = gradient(lambda r: losses.poisson_nll(tensor(counts), r), rate)[1]
    plain = gradient(lambda r: ops.mean(losses.poisson_nll_elementwise(tensor(counts), r)), rate)[1]
    np.testing.assert_allclose(slope, plain, atol=2e-5 * np.abs(plain).max())
    np.testing.assert_allclose(slope, (1 - counts / rate) / rate.size, atol=2e-5 * np.abs(plain).max())


def test_amplitude_mae_by_hand(gradient):
    measured, intensity = [[3, 0], [1, 2]], [[4, 0], [0, 9]]
    value, slope = gradient(lambda i: losses.amplitude_mae(tensor(measured), i), intensity)
    assert value == pytest.approx((1 + 0 + 1 + 1) / 4, abs=1e-5)
    assert np.isfinite(slope).all()
    # d|m - sqrt(i)|/di = -1/(2 sqrt(i)) below the measurement, + above, over four pixels.
    assert slope[0, 0] == pytest.approx(-1 / 16, rel=1e-4)
    assert slope[1, 1] == pytest.approx(1 / 24, rel=1e-4)


def variation(real, imaginary, weight):
    return number(losses.total_variation((tensor([real]), tensor([imaginary])), tensor([weight])))


def test_total_variation_adds_the_mean_differences_along_both_axes():
    real = [[0, 1, 1], [0, 1, 1], [0, 3, 0]]
    down, across = (2 + 1) / 6, (1 + 1 + 3 + 3) / 6
    assert variation(real, np.zeros((3, 3)), np.ones((3, 3))) == pytest.approx(down + across, abs=1e-5)


def test_total_variation_is_the_modulus_of_complex_differences():
    down, across = 5 / 2, 5 / 2
    result = variation([[0, 0], [0, 3]], [[0, 0], [0, 4]], np.ones((2, 2)))
    assert result == pytest.approx(down + across, abs=1e-5)


def test_total_variation_leaves_out_pairs_with_a_weakly_weighted_pixel():
    weight = [[1, 1], [1, 0.4]]
    assert variation([[0, 2], [0, 9]], np.zeros((2, 2)), weight) == pytest.approx(2, abs=1e-5)


def test_realspace_mae_is_the_mean_modulus_over_the_weighted_part():
    obj = tensor([[[3, 1], [0, 50]]]), tensor([[[4, 0], [0, 50]]])
    truth = tensor([[[0, 1], [0, 0]]]), tensor([[[0, -1], [0, 0]]])
    result = losses.realspace_mae(obj, truth, tensor([[[2, 2], [2, 0.9]]]))
    assert number(result) == pytest.approx((5 + 1 + 0) / 3, abs=1e-5)


@pytest.mark.parametrize("name", ["total_variation", "realspace_mae"])
def test_realspace_losses_have_a_finite_gradient_on_a_flat_object(gradient, name):
    flat, weight = tensor(np.ones((1, 4, 4))), tensor(np.ones((1, 4, 4)))
    zero = 0.0 * flat
    loss = {
        "total_variation": lambda x: losses.total_variation((x, zero), weight),
        "realspace_mae": lambda x: losses.realspace_mae((x, zero), (flat, zero), weight),
    }[name]
    value, slope = gradient(loss, np.ones((1, 4, 4)))
    assert value == pytest.approx(0, abs=1e-5)
    assert np.isfinite(slope).all()


def l2_mae(measured, intensity, per):
    return number(losses.amplitude_l2_mae(tensor(measured), tensor(intensity), per))


# One group of two patches of two pixels: measured norms 3, 4 and 5 together; predicted 6, 8 and 10.
MEASURED = [[[[3.0, 0.0]], [[0.0, 4.0]]]]
PREDICTED = [[[[0.0, 6.0]], [[0.0, 8.0]]]]


def test_unit_energy_of_a_sample_keeps_the_ratio_of_its_patches():
    result = ops.convert_to_numpy(losses.unit_energy(tensor(MEASURED), "sample"))
    np.testing.assert_allclose(result, [[[[0.6, 0.0]], [[0.0, 0.8]]]], rtol=1e-6)


def test_unit_energy_of_a_patch_makes_them_equal():
    result = ops.convert_to_numpy(losses.unit_energy(tensor(MEASURED), "patch"))
    np.testing.assert_allclose(result, [[[[1.0, 0.0]], [[0.0, 1.0]]]], rtol=1e-6)


@pytest.mark.parametrize(("per", "expected"), [("sample", (0.6 + 0.6 + 0 + 0) / 4), ("patch", (1 + 1 + 0 + 0) / 4)])
def test_l2_mae_by_hand(per, expected):
    assert l2_mae(MEASURED, np.square(PREDICTED), per) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("per", ["sample", "patch"])
def test_l2_mae_does_not_see_a_scale_and_the_plain_one_does(rng, per):
    measured, intensity = rng.uniform(0.1, 3, (3, 4, 8, 8)), rng.uniform(0.1, 3, (3, 4, 8, 8))
    assert l2_mae(measured, 4 * intensity, per) == pytest.approx(l2_mae(measured, intensity, per), rel=1e-5)
    assert l2_mae(2 * measured, intensity, per) == pytest.approx(l2_mae(measured, intensity, per), rel=1e-5)
    plain = [number(losses.amplitude_mae(tensor(measured), tensor(f * intensity))) for f in (1, 4)]
    assert abs(plain[1] / plain[0] - 1) > 0.1


@pytest.mark.parametrize("per", ["sample", "patch"])
def test_l2_mae_treats_each_sample_alone(rng, per):
    measured, intensity = rng.uniform(0.1, 3, (2, 4, 8, 8)), rng.uniform(0.1, 3, (2, 4, 8, 8))
    alone = [l2_mae(measured[i : i + 1], intensity[i : i + 1], per) for i in (0, 1)]
    brighter = np.array([1.0, 50.0])[:, None, None, None]
    assert l2_mae(brighter * measured, intensity, per) == pytest.approx(np.mean(alone), rel=1e-5)


def test_l2_mae_per_sample_sees_a_wrong_ratio_of_patches_and_per_patch_does_not(rng):
    measured = rng.uniform(0.1, 3, (1, 2, 8, 8))
    intensity = np.square(measured) * np.array([1.0, 9.0])[None, :, None, None]
    assert l2_mae(measured, intensity, "patch") == pytest.approx(0, abs=1e-7)
    assert l2_mae(measured, intensity, "sample") > 1e-3


@pytest.mark.parametrize("per", ["sample", "patch"])
@pytest.mark.parametrize("dark", ["measured", "predicted", "both"])
def test_a_sample_without_energy_is_defined_and_so_is_its_gradient(rng, gradient, per, dark):
    lit = rng.uniform(0.1, 3, (2, 2, 4, 4))
    zeros = np.zeros_like(lit)
    measured = zeros if dark in ("measured", "both") else lit
    intensity = zeros if dark in ("predicted", "both") else lit
    value, slope = gradient(lambda i: losses.amplitude_l2_mae(tensor(measured), i, per), intensity)
    assert np.isfinite(slope).all()
    if dark == "both":
        assert value == pytest.approx(0, abs=1e-3)
    else:
        norms = np.sqrt(
            np.square(np.sqrt(lit) if dark == "measured" else lit).sum(
                (1, 2, 3) if per == "sample" else (2, 3), keepdims=True
            )
        )
        unit = (np.sqrt(lit) if dark == "measured" else lit) / norms
        assert value == pytest.approx(unit.mean(), abs=1e-3)


def test_a_dark_pixel_beside_a_lit_one_is_not_lost(gradient):
    value, slope = gradient(lambda i: losses.amplitude_l2_mae(tensor(MEASURED), i, "sample"), np.square(PREDICTED))
    assert np.isfinite(value)
    # Below the measurement in the first pixel: more light there lowers the loss.
    assert slope[0, 0, 0, 0] < 0
