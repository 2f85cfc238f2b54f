"""Objects and probes: what each kind promises, and what randomness may not touch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho.config.experiment import ObjectConfig, ProbeConfig
from ptycho.data.simulation import make_object, make_probe
from ptycho.errors import DataError
from ptycho.optics import objects, probes

SIZE = 96
KINDS = {
    "lines": objects.lines,
    "points": objects.points,
    "gaussian_random_field": lambda size, seed: objects.gaussian_random_field(size, seed, 5.0),
    "complex_field": lambda size, seed: objects.complex_field(size, seed, 5.0, 0.5),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_object_is_a_finite_complex64_square(kind):
    built = KINDS[kind](SIZE, 7)
    assert built.shape == (SIZE, SIZE)
    assert built.dtype == np.complex64
    assert np.isfinite(built).all()


@kinds
def test_object_amplitude_varies_and_is_positive(kind):
    amplitude = np.abs(KINDS[kind](SIZE, 7))
    assert amplitude.min() > 0
    assert amplitude.std() > 0.05 * amplitude.mean()


@pytest.mark.parametrize("kind", ["lines", "points", "gaussian_random_field"])
def test_real_objects_have_no_phase(kind):
    built = KINDS[kind](SIZE, 7)
    assert not built.imag.any()
    assert built.real.min() > 0


@kinds
def test_object_is_a_function_of_its_seed(kind):
    np.testing.assert_array_equal(KINDS[kind](SIZE, 3), KINDS[kind](SIZE, 3))
    assert np.abs(KINDS[kind](SIZE, 3) - KINDS[kind](SIZE, 4)).max() > 0.1


@kinds
def test_making_an_object_leaves_numpy_s_global_state_alone(kind):
    before = np.random.get_state()
    KINDS[kind](SIZE, 3)
    for was, now in zip(before, np.random.get_state(), strict=True):
        np.testing.assert_array_equal(was, now)


@kinds
def test_a_configured_object_is_the_generator_s(kind):
    random = kind in ("gaussian_random_field", "complex_field")
    config = ObjectConfig(kind, SIZE, 7, 5.0 if random else 0.0, 0.5 if kind == "complex_field" else 0.0)
    np.testing.assert_array_equal(make_object(config), KINDS[kind](SIZE, 7))


def test_complex_field_carries_the_asked_phase_on_the_lines_amplitude():
    built = objects.complex_field(256, 5, 6.0, 0.5)
    phase = np.angle(built)
    assert phase.std() == pytest.approx(0.5, rel=1e-4)
    np.testing.assert_allclose(np.abs(built), objects.lines(256, 5).real, rtol=1e-5)
    assert abs(np.corrcoef(np.abs(built).ravel(), phase.ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("length", [3.0, 6.0])
def test_a_random_field_keeps_its_correlation_length(length):
    """White noise blurred by sigma correlates as exp(-r**2 / (4 sigma**2))."""
    phase = np.angle(objects.complex_field(512, 1, length, 0.1))
    shifted = np.roll(phase, round(2 * length), axis=1)
    assert np.mean(phase * shifted) / phase.var() == pytest.approx(np.exp(-1), abs=0.05)


def test_a_random_field_is_periodic():
    """Its border is no seam: the first column follows the last as smoothly as any other."""
    field = objects.gaussian_random_field(128, 2, 4.0).real
    steps = np.diff(field, axis=1, append=field[:, :1]).std(axis=0)
    assert steps[-1] < 1.5 * steps[:-1].mean()


def test_a_complex_field_s_phase_follows_the_seed_too():
    one, other = (np.angle(objects.complex_field(SIZE, seed, 3.0, 0.5)) for seed in (3, 4))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.3


def test_gaussian_random_field_has_unit_mean_and_the_stated_spread():
    amplitude = objects.gaussian_random_field(256, 0, 4.0).real
    assert amplitude.mean() == pytest.approx(1, abs=0.01)
    assert amplitude.std() == pytest.approx(0.25, abs=0.01)
    assert amplitude.min() >= np.float32(0.1)


def test_points_stand_on_a_flat_background():
    amplitude = objects.points(256, 0, count=20).real
    assert np.median(amplitude) == pytest.approx(0.5, abs=1e-3)
    assert amplitude.max() > 0.7


# probes


@pytest.mark.parametrize("N", [64, 128, 256])
@pytest.mark.parametrize("make", [probes.idealized, probes.defocused])
def test_probe_is_a_complex64_patch_about_half_as_wide(make, N):
    probe = make(N)
    assert probe.shape == (N, N)
    assert probe.dtype == np.complex64
    assert 0.1 * N < probes.rms_width(probe) < 0.25 * N


@pytest.mark.parametrize("N", [64, 128])
def test_idealized_probe_is_a_real_disk_centred_between_pixels(N):
    probe = probes.idealized(N)
    assert not probe.imag.any()
    assert probe.real.min() > 0
    for mirrored in (probe[::-1], probe[:, ::-1], probe.T):
        np.testing.assert_allclose(probe, mirrored, atol=1e-6)


def test_idealized_width_sets_the_disk_s_area():
    """Half maximum of exp(-(r/s)**2 / 2) lies at s sqrt(2 ln 2), with s = N / (0.7 pi**2)."""
    radius = 256 / (0.7 * np.pi**2) * np.sqrt(2 * np.log(2))
    assert np.sum(probes.idealized(256, 0.7).real) == pytest.approx(np.pi * radius**2, rel=0.01)
    assert probes.rms_width(probes.idealized(64, 1.4)) < 0.6 * probes.rms_width(probes.idealized(64, 0.7))


def test_defocused_probe_has_phase_and_no_symmetry_to_hide_a_flip():
    probe = probes.defocused(64)
    peak = np.abs(probe).max()
    assert np.abs(np.angle(probe[np.abs(probe) > 0.2 * peak])).max() > 1
    # A scene and its flip would both explain the data if the probe were its own flip (up to conjugation).
    for flipped in (probe[::-1], probe[:, ::-1], probe[::-1, ::-1].conj()):
        overlap = np.abs(np.vdot(flipped, probe)) / np.linalg.norm(probe) ** 2
        assert overlap < 0.98


def test_mask_holds_the_pixels_within_a_quarter_of_the_side():
    rows, columns = np.indices((8, 8)) - 3.5
    np.testing.assert_array_equal(probes.circular_mask(8), rows**2 + columns**2 < 4)
    assert probes.circular_mask(8).sum() == 12


def test_rms_width_by_hand():
    probe = np.zeros((9, 9), np.complex64)
    probe[2, 4] = probe[6, 4] = 1j
    assert probes.rms_width(probe) == pytest.approx(2)
    assert probes.rms_width(3 * probe) == pytest.approx(2)


def test_rms_width_flags_a_probe_two_pixels_wide():
    """The "ideal" probe of upstream was a spot of 2 x 2 pixels
    (docs/explanation/physics.md, "Why the seeds' amplitude bias happened", 6)."""
    spot = np.zeros((64, 64), np.complex64)
    spot[31:33, 31:33] = 42
    assert probes.rms_width(spot) == pytest.approx(np.sqrt(0.5))
    assert probes.rms_width(probes.idealized(64)) > 7


def test_window_energy_is_the_share_inside_the_middle():
    probe = np.zeros((8, 8), np.complex64)
    probe[3, 4], probe[1, 4], probe[2, 2] = 1j, 2, 1
    assert probes.window_energy(probe, 4) == pytest.approx(2 / 6)
    assert probes.window_energy(probe, 2) == pytest.approx(1 / 6)
    assert probes.window_energy(probe, 8) == pytest.approx(1)


# normalize


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("scale", [4.0, 10.0])
def test_normalized_probe_has_a_mean_amplitude_of_one_over_scale(scale, mask):
    probe = probes.normalize_probe(probes.defocused(64), scale, mask)
    assert np.abs(probe).mean() == pytest.approx(1 / scale, rel=1e-5)
    assert probe.dtype == np.complex64


def test_the_mask_cuts_what_lies_outside_it():
    raw = probes.defocused(64)
    inside = probes.circular_mask(64)
    masked, whole = probes.normalize_probe(raw, 10.0, True), probes.normalize_probe(raw, 10.0, False)
    assert not masked[~inside].any()
    assert np.abs(whole[~inside]).max() > 0
    np.testing.assert_allclose(masked[inside] / masked[31, 31], raw[inside] / raw[31, 31], rtol=1e-4)


@given(st.floats(1e-3, 1e3))
def test_normalizing_forgets_the_probe_s_own_scale(factor):
    raw = probes.idealized(64)
    np.testing.assert_allclose(
        probes.normalize_probe(raw * np.float32(factor), 10.0, True), probes.normalize_probe(raw, 10.0, True), rtol=1e-4
    )


# fourier_crop


def test_cropping_to_the_own_size_changes_nothing():
    probe = probes.defocused(64)
    np.testing.assert_allclose(probes.fourier_crop(probe, 64), probe, atol=1e-6 * np.abs(probe).max())


def test_cropping_keeps_the_beam_s_place_and_its_share_of_the_patch():
    """A Gaussian is its own Fourier transform: half the pixels, each twice as large."""

    def gaussian(N):
        rows, columns = np.indices((N, N)) - N // 2
        x, y = columns * 128 / N - 10, rows * 128 / N - 4
        return np.exp(-(x**2 + y**2) / (2 * 8.0**2) + 0.02j * x * y)

    cropped, wanted = probes.fourier_crop(gaussian(128).astype(np.complex64), 64), gaussian(64)
    assert cropped.shape == (64, 64)
    factor = np.vdot(wanted, cropped) / np.vdot(wanted, wanted)
    assert abs(np.angle(factor)) < 1e-3
    np.testing.assert_allclose(cropped / factor, wanted, atol=1e-4)


def test_another_fft_s_rounding_leaves_no_trace_in_a_cropped_probe(another_fft):
    probe = probes.defocused(128)
    result = probes.fourier_crop(probe, 64)
    another_fft()
    np.testing.assert_allclose(probes.fourier_crop(probe, 64), result, rtol=0, atol=1e-9 * np.abs(result).max())


def test_a_probe_too_small_to_crop_is_refused_with_both_sizes():
    with pytest.raises(DataError, match=r"64 pixels a side, which cannot be cropped to N = 128"):
        probes.fourier_crop(probes.idealized(64), 128)


# shift


@pytest.mark.parametrize("offset", [(3, 0), (0, -2), (5, 4)])
def test_a_whole_pixel_shift_is_a_roll(offset):
    probe = probes.defocused(64)
    moved = probes.shift_probe(probe, np.array(offset, float))
    np.testing.assert_allclose(moved, np.roll(probe, offset[::-1], axis=(0, 1)), atol=2e-6 * np.abs(probe).max())


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_shifting_there_and_back_is_the_identity(x, y):
    probe = probes.idealized(64)
    back = probes.shift_probe(probes.shift_probe(probe, np.array([x, y])), -np.array([x, y]))
    np.testing.assert_allclose(back, probe, atol=5e-6)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_shifting_moves_the_centre_of_mass_and_keeps_the_energy(x, y):
    probe = probes.defocused(64)
    moved = probes.shift_probe(probe, np.array([x, y]))
    assert np.linalg.norm(moved) == pytest.approx(np.linalg.norm(probe), rel=1e-5)

    def centre(field):
        share = np.abs(field) ** 2 / np.sum(np.abs(field) ** 2)
        return np.array([(share * axis).sum() for axis in np.indices(field.shape)[::-1]])

    np.testing.assert_allclose(centre(moved) - centre(probe), [x, y], atol=0.02)


def test_a_stack_of_offsets_gives_a_stack_of_probes():
    probe, offsets = probes.idealized(64), np.array([[[0.5, 0], [0, 0.25]], [[-0.5, 0.1], [0, 0]]])
    stack = probes.shift_probe(probe, offsets)
    assert stack.shape == (2, 2, 64, 64)
    for index in np.ndindex(2, 2):
        np.testing.assert_allclose(stack[index], probes.shift_probe(probe, offsets[index]), atol=1e-6)


# make_probe


def test_a_configured_probe_comes_from_its_file_cropped_and_normalized(tmp_path):
    raw = probes.defocused(128)
    np.save(tmp_path / "probe.npy", raw)
    built = make_probe(ProbeConfig("file", 4.0, False, path=str(tmp_path / "probe.npy")), 64)
    np.testing.assert_allclose(built, probes.normalize_probe(probes.fourier_crop(raw, 64), 4.0, False), rtol=1e-6)


def test_a_configured_probe_is_the_generator_s():
    ideal = make_probe(ProbeConfig("idealized", 10.0, True, width=0.5), 64)
    np.testing.assert_array_equal(ideal, probes.normalize_probe(probes.idealized(64, 0.5), 10.0, True))
    beam = make_probe(ProbeConfig("defocused", 4.0, False), 128)
    np.testing.assert_array_equal(beam, probes.normalize_probe(probes.defocused(128), 4.0, False))


def test_a_missing_probe_file_says_where_it_was_looked_for():
    with pytest.raises(DataError, match=r"'no-such-probe\.npz' does not exist here, nor in \$PTYCHO_TEST_DATA"):
        make_probe(ProbeConfig("file", 4.0, False, path="no-such-probe.npz"), 64)
