"""Metrics: true ambiguities are aligned, amplitude scale is not one of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import fft
from scipy.ndimage import fourier_shift

from ptycho.optics import objects
from ptycho.quality import metrics


@pytest.fixture(scope="module")
def truth():
    return objects.complex_field(128, 3, 6.0, 0.5)


@pytest.fixture(scope="module")
def support():
    """The middle of the object, away from the borders that a shift wraps around."""
    inside = np.zeros((128, 128), bool)
    inside[24:104, 20:108] = True
    return inside


def leaves(value, path=""):
    """Every figure of a nested result, by its dotted name."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


# Alignment


@given(st.floats(-3.1, 3.1))
@pytest.mark.slow
def test_a_global_phase_is_removed_and_reported(phase):
    obj = objects.complex_field(64, 3, 6.0, 0.5)
    whole = np.ones(obj.shape, bool)
    aligned, how = metrics.align_objects(obj * np.exp(1j * phase), obj, whole)
    np.testing.assert_allclose(aligned, obj, atol=1e-5)
    assert how.global_phase_rad == pytest.approx(-phase, abs=1e-6)
    assert how.plane_rad_per_px == how.shift_px == (0, 0)


@pytest.mark.parametrize("slope", [(0.01, -0.02), (0.3, 0.0), (-1.5, 2.0)])
def test_a_phase_plane_is_removed_when_asked(truth, support, slope):
    rows, columns = np.indices(truth.shape)
    tilted = truth * np.exp(1j * (slope[0] * columns + slope[1] * rows + 0.4))
    aligned, how = metrics.align_objects(tilted, truth, support, plane=True)
    np.testing.assert_allclose(aligned, truth, atol=1e-4)
    assert how.plane_rad_per_px == pytest.approx(slope, abs=1e-6)
    kept, _ = metrics.align_objects(tilted, truth, support)
    assert np.abs(kept - truth)[support].max() > 0.1


@pytest.mark.parametrize("shift", [(0.4, -0.7), (0.0, 0.26), (1.3, -2.2), (3.0, 4.0)])
def test_a_sub_pixel_shift_is_removed_when_asked(truth, support, shift):
    """``shift`` is (row, column); what is reported is what was applied, ``[x, y]``."""
    moved = fft.ifft2(fourier_shift(fft.fft2(truth), shift)) * np.exp(0.7j)
    aligned, how = metrics.align_objects(moved, truth, support, shift=True)
    assert how.shift_px == pytest.approx((-shift[1], -shift[0]), abs=0.05)
    error = np.linalg.norm((aligned - truth)[support]) / np.linalg.norm(truth[support])
    assert error < 0.02


def test_alignment_without_need_changes_nothing(truth, support):
    aligned, how = metrics.align_objects(truth, truth, support, plane=True, shift=True)
    np.testing.assert_allclose(aligned, truth, atol=1e-4)
    assert how.shift_px == pytest.approx((0, 0), abs=1e-9)
    assert how.plane_rad_per_px == pytest.approx((0, 0), abs=1e-7)


def test_amplitude_scale_is_never_aligned(truth, support):
    """The least-squares scalar is a diagnostic: it says 1/1.7 and nothing uses it."""
    aligned, _ = metrics.align_objects(1.7 * truth, truth, support, plane=True, shift=True)
    np.testing.assert_allclose(np.abs(aligned), 1.7 * np.abs(truth), rtol=1e-4)
    result = metrics.quality_scores(aligned, truth, support)["amplitude"]
    assert result["relative_bias"] == pytest.approx(0.7, rel=1e-5)
    assert result["ratio"]["least_squares"] == pytest.approx(1 / 1.7, rel=1e-5)
    assert result["bias_summary"]["mean"] == pytest.approx(0.7 * result["truth_stats"]["mean"], rel=1e-5)
    assert result["pearson_r"] == pytest.approx(1, abs=1e-6)


def test_what_lies_outside_the_support_does_not_turn_the_phase(truth, support):
    spoilt = np.where(support, truth, 50 * truth * np.exp(2j))
    _, how = metrics.align_objects(spoilt, truth, support)
    assert how.global_phase_rad == pytest.approx(0, abs=1e-6)


# Comparison


def test_an_object_equals_itself(truth, support):
    result = metrics.quality_scores(truth, truth, support)
    for part in ("amplitude", "phase"):
        figures = result[part]
        assert figures["count"] == support.sum()
        assert figures["pearson_r"] == pytest.approx(1)
        assert max(figures[name] for name in ("mae", "rmse", "max_abs")) < 1e-6
        assert figures["bias_summary"] == pytest.approx(dict.fromkeys(("mean", "median", "p05", "p95"), 0), abs=1e-6)
        assert figures["pred_stats"] == pytest.approx(figures["truth_stats"])
    assert result["amplitude"]["relative_bias"] == 0
    assert result["amplitude"]["ssim"] == pytest.approx(1)
    assert result["amplitude"]["psnr_db"] is None  # infinite, which JSON cannot hold
    assert result["amplitude"]["ratio"]["mean"] == result["amplitude"]["ratio"]["least_squares"] == pytest.approx(1)


def test_amplitude_figures_by_hand():
    truth = np.ones((16, 16), complex)
    truth[8:] = 3
    pred = truth + 0.5
    pred[0, 0] = 3
    whole = np.ones((16, 16), bool)
    result = metrics.quality_scores(pred, truth, whole)["amplitude"]
    assert result["mae"] == pytest.approx((255 * 0.5 + 2) / 256)
    assert result["rmse"] == pytest.approx(np.sqrt((255 * 0.25 + 4) / 256))
    assert result["max_abs"] == 2
    assert result["bias_summary"]["median"] == result["bias_summary"]["p05"] == result["bias_summary"]["p95"] == 0.5
    assert result["relative_bias"] == pytest.approx((255 * 0.5 + 2) / 256 / 2)
    assert result["truth_stats"] == {"min": 1, "max": 3, "mean": 2, "std": 1, "nan_count": 0}
    assert result["ratio"]["median"] == pytest.approx((1 / 1.5 + 3 / 3.5) / 2, abs=0.2)
    assert result["ratio"]["count"] == 256
    p, t = np.abs(pred).ravel(), np.abs(truth).ravel()
    assert result["ratio"]["mean"] == pytest.approx(np.mean(t / p))
    assert result["ratio"]["least_squares"] == pytest.approx(p @ t / (p @ p))
    assert result["pearson_r"] == pytest.approx(np.mean((p - p.mean()) * (t - t.mean())) / (p.std() * t.std()))


def test_only_the_support_counts(truth, support):
    spoilt = np.where(support, truth, 17.0)
    whole = metrics.quality_scores(spoilt, truth, support)
    assert whole["amplitude"]["max_abs"] < 1e-6
    assert whole["phase"]["max_abs"] < 1e-6
    assert whole["amplitude"]["ssim"] == pytest.approx(1)


def test_unknown_surroundings_change_no_figure(truth, support, rng):
    pred = truth * (1 + 0.1 * rng.standard_normal(truth.shape))
    known, wide = np.pad(support, 40), np.pad(truth, 40)
    near, far = (
        dict(leaves(metrics.quality_scores(*case)))
        for case in ((pred, truth, support), (np.pad(pred, 40), wide, known))
    )
    assert near.keys() == far.keys()
    for name, value in near.items():
        assert far[name] == pytest.approx(value, rel=1e-6), name


def test_zeros_where_nothing_was_reconstructed_look_like_a_bias_on_the_full_canvas(truth):
    """A coverage of 14 % alone makes a ratio of 7
    (docs/explanation/physics.md, "Why the seeds' amplitude bias happened", 1)."""
    known = np.zeros(truth.shape, bool)
    known[40:88, 40:88] = True
    pred = np.where(known, truth, 0)
    over_support = metrics.quality_scores(pred, truth, known)["amplitude"]
    everywhere = metrics.quality_scores(pred, truth, np.ones(truth.shape, bool))["amplitude"]
    assert over_support["relative_bias"] == 0
    assert over_support["pearson_r"] == pytest.approx(1)
    assert everywhere["relative_bias"] == pytest.approx(known.mean() - 1, abs=0.05)
    assert everywhere["pearson_r"] < 0.5
    assert everywhere["ratio"]["mean"] == pytest.approx(1)  # pixels without a prediction have no ratio
    assert everywhere["ratio"]["count"] == known.sum()


def test_phase_differences_wrap():
    rng = np.random.default_rng(0)
    truth = np.exp(1j * (-np.pi + 0.01 + 0.001 * rng.random((16, 16))))
    result = metrics.quality_scores(truth * np.exp(-0.02j), truth, np.ones((16, 16), bool))["phase"]
    assert result["mae"] == result["max_abs"] == pytest.approx(0.02)
    assert result["bias_summary"]["mean"] == pytest.approx(-0.02)
    assert result["pearson_r"] == pytest.approx(1)


def test_a_flat_truth_has_no_correlation():
    rng = np.random.default_rng(0)
    flat, varied = np.full((32, 32), 2.0 + 0j), 1 + rng.random((32, 32)) + 0j
    whole = np.ones((32, 32), bool)
    for pred, truth in ((varied, flat), (flat, varied)):
        assert metrics.quality_scores(pred, truth, whole)["amplitude"]["pearson_r"] is None
    result = metrics.quality_scores(varied, flat, whole)["amplitude"]
    assert result["ssim"] is None
    assert result["psnr_db"] is None
    assert metrics.quality_scores(varied, flat, whole)["phase"]["pearson_r"] is None


@given(st.floats(-5, 5), st.floats(0.1, 10), st.integers(0, 2**32 - 1))
def test_pearson_is_blind_to_offset_and_positive_scale(offset, scale, seed):
    t = np.random.default_rng(seed).standard_normal(50)
    assert metrics.pearson(scale * t + offset, t) == pytest.approx(1)
    assert metrics.pearson(-scale * t + offset, t) == pytest.approx(-1)


def test_a_dark_prediction_has_no_ratio(truth, support):
    result = metrics.quality_scores(np.zeros_like(truth), truth, support)["amplitude"]
    assert result["relative_bias"] == -1
    assert result["ratio"]["count"] == 0
    assert result["ratio"]["mean"] is None
    assert result["ratio"]["least_squares"] is None


def test_every_figure_is_a_plain_finite_number(truth, support, rng):
    pred = truth + 0.1 * rng.standard_normal(truth.shape)
    for name, value in leaves(metrics.quality_scores(pred, truth, support)):
        for item in value if isinstance(value, list) else [value]:
            assert type(item) in (int, float), name
            assert np.isfinite(item), name


def test_summary_counts_nan():
    assert metrics.array_summary(np.array([1.0, 3.0])) == {"min": 1, "max": 3, "mean": 2, "std": 1, "nan_count": 0}
    assert metrics.array_summary(np.array([1.0, np.nan]))["nan_count"] == 1


# Image quality


def test_psnr_by_hand(truth, support):
    amplitude = np.abs(truth)
    span = np.ptp(amplitude[support])
    result = metrics.quality_scores((amplitude + 0.01 * span) + 0j, amplitude + 0j, support)["amplitude"]
    assert result["psnr_db"] == pytest.approx(40, abs=0.01)


def test_image_quality_falls_with_noise(truth, support, rng):
    noise = rng.standard_normal(truth.shape)
    result = [
        metrics.quality_scores(truth * (1 + level * noise), truth, support)["amplitude"] for level in (0.01, 0.05, 0.2)
    ]
    assert 1 > result[0]["ssim"] > result[1]["ssim"] > result[2]["ssim"]
    assert result[0]["psnr_db"] > result[1]["psnr_db"] + 10 > result[2]["psnr_db"] + 20


# Fourier ring correlation


def test_ring_correlation_of_an_object_with_itself_is_one(truth, support):
    result = metrics.ring_correlation(truth, truth, support)
    np.testing.assert_allclose(result["correlation"], 1, atol=1e-5)
    assert result["mean"] == pytest.approx(1)
    assert result["crossing_1_7"] == 0.5
    assert 0 < result["frequency"][0] < result["frequency"][-1] < 0.5
    assert len(result["frequency"]) == len(result["correlation"])


def test_ring_correlation_of_independent_noise_is_near_zero(rng):
    a, b = rng.standard_normal((2, 128, 128)) + 1j * rng.standard_normal((2, 128, 128))
    result = metrics.ring_correlation(a, b, np.ones((128, 128), bool))
    assert abs(result["mean"]) < 0.05
    assert np.abs(result["correlation"][20:]).max() < 0.25
    assert result["crossing_1_7"] < 0.05


def test_ring_correlation_tells_up_to_where_two_objects_agree(rng):
    """The same below a quarter of a cycle a pixel, independent above."""
    shared, first, second = rng.standard_normal((3, 256, 256))
    radius = np.hypot(*np.meshgrid(fft.fftfreq(256), fft.fftfreq(256)))
    low = np.where(radius < 0.25, fft.fft2(shared), 0)
    a, b = (fft.ifft2(low + np.where(radius < 0.25, 0, fft.fft2(noise))) for noise in (first, second))
    assert metrics.ring_correlation(a, b, np.ones((256, 256), bool))["crossing_1_7"] == pytest.approx(0.25, abs=0.02)


def test_ring_correlation_ignores_what_lies_outside_the_support(truth, support, rng):
    holed = support.copy()
    holed[50:60, 70:75] = False
    spoilt = np.where(holed, truth, 100 * rng.standard_normal(truth.shape))
    np.testing.assert_allclose(metrics.ring_correlation(spoilt, truth, holed)["correlation"], 1, atol=1e-5)


def test_ring_correlation_of_a_tiny_support_is_left_open():
    tiny = np.zeros((32, 32), bool)
    tiny[4:9, 4:9] = True
    result = metrics.ring_correlation(np.ones((32, 32)), np.ones((32, 32)), tiny)
    assert result == {"frequency": [], "correlation": [], "mean": None, "crossing_1_7": None}


# Phase where there is no light


def noisy(obj, rng, error):
    """``obj`` with an additive error of that share of its root mean square."""
    sigma = error * np.sqrt(np.mean(np.abs(obj) ** 2) / 2)
    return obj + sigma * (rng.standard_normal(obj.shape) + 1j * rng.standard_normal(obj.shape))


def test_the_phase_of_an_opaque_part_is_not_counted(truth, rng):
    """An error of 0.5 % turns the phase at random where the object is a ten-thousandth: that is no error of phase."""
    opaque = truth.copy()
    opaque[40:90] *= 1e-4
    whole = np.ones(truth.shape, bool)
    result = metrics.quality_scores(noisy(opaque, rng, 0.005), opaque, whole)["phase"]
    assert result["mae"] < 0.004
    assert result["rmse"] == pytest.approx(0.005 / np.sqrt(2), rel=0.2)
    assert result["max_abs"] < 0.1
    assert result["pearson_r"] > 0.999
    assert max(abs(result["bias_summary"][name]) for name in ("p05", "median", "p95")) < 0.02
    wrong = np.where(np.arange(128)[:, None] < 20, opaque * np.exp(0.5j), opaque)
    assert metrics.quality_scores(wrong, opaque, whole)["phase"]["mae"] > 0.1  # what shines and is wrong still counts


def test_at_one_amplitude_every_phase_counts_alike(rng):
    phase, off = rng.standard_normal((2, 40, 40))
    truth = 2.0 * np.exp(1j * phase)
    result = metrics.quality_scores(truth * np.exp(0.2j * off), truth, np.ones((40, 40), bool))["phase"]
    d = 0.2 * off.ravel()
    assert result["mae"] == pytest.approx(np.abs(d).mean())
    assert result["rmse"] == pytest.approx(np.sqrt(np.mean(d**2)))
    assert result["max_abs"] == pytest.approx(np.abs(d).max())
    p05, median, p95 = np.percentile(d, [5, 50, 95])
    assert result["bias_summary"] == pytest.approx({"mean": d.mean(), "median": median, "p05": p05, "p95": p95})
    assert result["pearson_r"] == pytest.approx(np.corrcoef(np.angle(truth).ravel() + d, np.angle(truth).ravel())[0, 1])


def test_phase_figures_weigh_by_both_amplitudes():
    truth = np.ones((10, 10), complex)
    truth[5:] = 3
    turned = truth * np.exp(1j * np.where(truth.real > 1, 0.1, 0.4))
    result = metrics.quality_scores(turned, truth, np.ones((10, 10), bool))["phase"]
    assert result["mae"] == pytest.approx((0.4 + 9 * 0.1) / 10)
    assert result["rmse"] == pytest.approx(np.sqrt((0.16 + 9 * 0.01) / 10))
    assert result["bias_summary"]["median"] == pytest.approx(0.1)


def test_without_any_light_the_phase_figures_are_finite():
    truth = np.ones((20, 20), complex)
    result = metrics.quality_scores(0 * truth, truth, np.ones((20, 20), bool))["phase"]
    assert all(np.isfinite(value) for name, value in leaves(result) if value is not None), result
