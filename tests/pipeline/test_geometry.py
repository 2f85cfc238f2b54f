"""Where a patch lies: by hand on tiny arrays, by the adjoint identity, and by a round trip at full size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho.config.scenario import load_scenario
from ptycho.data.simulation import make_object, make_probe, scan_positions
from ptycho.optics import objects
from ptycho.optics.geometry import Canvas, extract_patches, required_canvas

TINY = np.arange(12.0).reshape(3, 4)  # TINY[y, x] = 4 y + x
places = st.floats(-12, 30, allow_nan=False, width=32)
positions = arrays(np.float64, st.tuples(st.integers(1, 4), st.just(2)), elements=places)


@pytest.fixture(scope="module")
def gs2_scan():
    """Object, probe and scan of gs2_ideal, as the cpu profile has them."""
    config = load_scenario("gs2_ideal", "cpu").config
    sim = config.simulate
    return make_object(sim.object), make_probe(sim.probe, config.N), scan_positions(sim.scan, sim.object.size)


def complex_noise(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


# extract


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ((1, 1), [[0, 1], [4, 5]]),
        ((3, 2), [[6, 7], [10, 11]]),  # x is the column, y the row
        ((2.5, 1), [[1.5, 2.5], [5.5, 6.5]]),
        ((1, 1.5), [[2, 3], [6, 7]]),
        ((1.5, 1.5), [[2.5, 3.5], [6.5, 7.5]]),
        ((2.25, 1.5), [[3.25, 4.25], [7.25, 8.25]]),
    ],
)
def test_patch_holds_the_object_from_half_a_side_before_its_position(at, wanted):
    np.testing.assert_array_equal(extract_patches(TINY, np.array([at]), 2)[0], wanted)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ((0, 0), [[0, 0], [0, 0]]),  # its last pixel is O(0, 0) = 0
        ((4, 3), [[11, 0], [0, 0]]),
        ((4.5, 3), [[5.5, 0], [0, 0]]),  # half of the last pixel, half of nothing
        ((4, 1), [[3, 0], [7, 0]]),
        ((-7, 1), [[0, 0], [0, 0]]),
        ((1, 40), [[0, 0], [0, 0]]),
    ],
)
def test_the_object_is_zero_outside(at, wanted):
    np.testing.assert_array_equal(extract_patches(TINY, np.array([at]), 2)[0], wanted)


def test_odd_patches_are_centred_on_a_pixel():
    np.testing.assert_array_equal(extract_patches(TINY, np.array([[1.5, 1.5]]), 3)[0], TINY[:, :3])


def test_patches_do_not_depend_on_the_other_positions(rng):
    obj = complex_noise(rng, (20, 30))
    at = np.concatenate([rng.uniform(-20, 50, (6, 2)), rng.integers(0, 20, (3, 2))])
    together = extract_patches(obj, at, 8)
    for patch, position in zip(together, at, strict=True):
        np.testing.assert_array_equal(extract_patches(obj, position[None], 8)[0], patch)


# extract and add


@given(positions, st.integers(0, 2**32 - 1))
def test_adding_is_the_adjoint_of_extracting(at, seed):
    rng = np.random.default_rng(seed)
    obj, y = complex_noise(rng, (18, 14)), complex_noise(rng, (len(at), 6, 6))
    canvas = Canvas(obj.shape)
    canvas.add(y, np.ones((6, 6)), at, "linear")
    left, right = np.vdot(extract_patches(obj, at, 6), y), np.vdot(obj, canvas.weighted)
    assert left == pytest.approx(right, abs=float(1e-5 * np.linalg.norm(y) * np.linalg.norm(obj)))


def test_whole_pixel_patches_are_added_exactly():
    canvas = Canvas((3, 4))
    canvas.add(
        np.array([[[1, 2], [3, 4]], [[10, 20], [30, 40]]]), np.array([[1, 1], [1, 2]]), np.array([[1, 1], [2, 1]])
    )
    np.testing.assert_array_equal(canvas.weighted, [[1, 12, 20, 0], [3, 38, 80, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(canvas.weight, [[1, 2, 1, 0], [1, 3, 2, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(canvas.average(), [[1, 6, 20, 0], [3, 38 / 3, 40, 0], [0, 0, 0, 0]], rtol=1e-6)


def test_half_pixel_patches_are_shared_by_the_linear_kernel():
    canvas = Canvas((2, 4))
    canvas.add(np.array([[[8.0]]]), np.array([[1.0]]), np.array([[2.0, 0.75]]), "linear")
    # Its one pixel starts at (1.5, 0.25): halves along x, quarters along y.
    np.testing.assert_array_equal(canvas.weight, [[0, 0.375, 0.375, 0], [0, 0.125, 0.125, 0]])
    np.testing.assert_array_equal(canvas.weighted, [[0, 3, 3, 0], [0, 1, 1, 0]])


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@given(x=st.floats(6, 9, width=32), y=st.floats(6, 9, width=32))
def test_taps_sum_to_one_and_reproduce_linear_ramps(kernel, x, y):
    canvas = Canvas((16, 16))
    canvas.add(np.ones((1, 1, 1)), np.ones((1, 1)), np.array([[x, y]]), kernel)
    rows, columns = np.indices(canvas.shape)
    assert canvas.weight.sum() == pytest.approx(1, abs=1e-6)
    assert (canvas.weight * columns).sum() == pytest.approx(x - 0.5, abs=1e-5)
    assert (canvas.weight * rows).sum() == pytest.approx(y - 0.5, abs=1e-5)


@given(x=st.floats(6, 9, width=32))
def test_cubic_taps_reproduce_parabolas(x):
    """Keys's kernel is of third order, which is why it hardly blurs."""
    canvas = Canvas((16, 16))
    canvas.add(np.ones((1, 1, 1)), np.ones((1, 1)), np.array([[x, 6.5]]), "cubic")
    assert (canvas.weight * np.arange(16.0) ** 2).sum() == pytest.approx((x - 0.5) ** 2, abs=1e-4)


def test_fractional_patches_in_a_batch_leave_whole_pixel_ones_exact(rng):
    patch = complex_noise(rng, (1, 4, 4))
    alone, together = Canvas((20, 20)), Canvas((20, 20))
    alone.add(patch, np.ones((4, 4)), np.array([[5, 5]]))
    together.add(np.concatenate([patch, patch]), np.ones((4, 4)), np.array([[5, 5], [15.3, 14.6]]))
    np.testing.assert_array_equal(together.weighted[:9, :9], alone.weighted[:9, :9])


def test_patches_partly_outside_are_clipped():
    canvas = Canvas((3, 3), origin=(10, 20))
    patch = np.array([[[1, 2], [3, 4]]])
    for at in ((10, 20), (13, 20), (13, 23)):
        canvas.add(patch, np.ones((2, 2)), np.array([at]))
    np.testing.assert_array_equal(canvas.weighted, [[4, 0, 3], [0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("at", [(-9, 1), (1, -9), (30, 1), (1, 30), (-9.5, 1.25), (30.5, 30.5), (-1, 1)])
@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_patches_wholly_outside_add_nothing(at, kernel):
    canvas = Canvas((3, 3))
    canvas.add(np.ones((1, 2, 2)), np.ones((2, 2)), np.array([at]), kernel)
    assert not canvas.weight.any()
    assert not canvas.weighted.any()


def test_origin_is_the_object_coordinate_of_the_first_pixel(rng):
    obj = complex_noise(rng, (30, 30))
    at = rng.integers(8, 22, (12, 2))
    whole, part = Canvas((30, 30)), Canvas((13, 17), origin=(7, 4))
    for canvas in (whole, part):
        canvas.add(extract_patches(obj, at, 6), np.ones((6, 6)), at)
    np.testing.assert_array_equal(part.average(), whole.average()[4:17, 7:24])


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_a_constant_object_comes_back_constant_whatever_the_weights(rng, kernel):
    """The fault of overlap weights that do not match what was summed."""
    canvas, constant = Canvas((40, 40)), np.complex64(2 - 3j)
    weights = rng.uniform(0.05, 3, (60, 8, 8))
    canvas.add(np.full((60, 8, 8), constant), weights, rng.uniform(4, 36, (60, 2)), kernel)
    covered = canvas.support(1.0)
    assert covered.sum() > 800
    np.testing.assert_allclose(canvas.average()[covered], constant, rtol=1e-5)


def test_average_is_zero_where_nothing_landed():
    canvas = Canvas((4, 4))
    canvas.add(np.full((1, 2, 2), 7), np.ones((2, 2)), np.array([[1, 1]]))
    average = canvas.average()
    np.testing.assert_array_equal(average[:2, :2], 7)
    assert not average[2:].any()
    assert not average[:, 2:].any()


def test_support_is_where_enough_weight_gathered():
    canvas = Canvas((1, 4))
    for x in (1, 1, 2):
        canvas.add(np.ones((1, 1, 1)), np.ones((1, 1)), np.array([[x + 0.5, 0.5]]))
    np.testing.assert_array_equal(canvas.support(2.0), [[False, True, False, False]])
    np.testing.assert_array_equal(canvas.support(1.0), [[False, True, True, False]])


def round_trip_error(obj, probe, at):
    """Relative L2 error over the support of ground-truth patches, extracted and averaged with |P|**2."""
    intensity = np.abs(probe) ** 2 / np.max(np.abs(probe) ** 2)
    canvas = Canvas(obj.shape)
    canvas.add(extract_patches(obj, at, probe.shape[-1]), intensity, at, "cubic")
    support = canvas.support(0.5)
    assert support.mean() > 0.8
    return np.linalg.norm((canvas.average() - obj)[support]) / np.linalg.norm(obj[support])


def test_true_patches_come_back_to_one_percent_at_the_real_scan_positions(gs2_scan):
    assert round_trip_error(*gs2_scan) <= 0.01


def test_true_patches_come_back_to_rounding_on_whole_pixels(gs2_scan):
    obj, probe, at = gs2_scan
    assert round_trip_error(obj, probe, np.rint(at)) <= 1e-6


def test_true_complex_patches_come_back_to_rounding_on_whole_pixels(gs2_scan):
    _, probe, at = gs2_scan
    obj = objects.complex_field(392, 1, 6.0, 0.5)
    assert round_trip_error(obj, probe, np.rint(at)) <= 1e-6


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_no_pixel_of_an_average_exceeds_what_was_averaged(gs2_scan, kernel):
    """The fault of amplitudes 1000 times too large where the weights are weak."""
    obj, probe, at = gs2_scan
    canvas = Canvas(obj.shape)
    canvas.add(extract_patches(obj, at, 64), np.abs(probe) ** 2, at, kernel)
    # Cubic weights can cancel at the rim, so that kernel is averaged over a support.
    covered = canvas.support(0.5 * np.max(np.abs(probe) ** 2)) if kernel == "cubic" else None
    assert np.abs(canvas.average(covered)).max() <= 1.2 * np.abs(obj).max()


# required_canvas


@pytest.mark.parametrize(
    ("offsets", "wanted"),
    [
        ([[0, 0]], 8),
        ([[0, 0], [10, 4]], 18),
        ([[0, 0], [1, 0]], 10),  # half a pixel to each side, rounded up
        ([[0, 0], [0, 0], [0, 12]], 24),  # the mean is nearer to the many: 12 - 4 = 8 beyond it
    ],
)
def test_required_canvas_reaches_the_farthest_patch_from_the_mean(offsets, wanted):
    assert required_canvas(np.array(offsets), 8) == wanted


def test_required_canvas_does_not_depend_on_where_the_scan_lies():
    """The fault of offsets that were never centred: 831 pixels asked where half of it is enough."""
    offsets = np.array([[0, 0], [60, 20], [30, 100], [50, 40]])
    assert required_canvas(offsets + np.array([190, 285]), 64) == required_canvas(offsets, 64) == 64 + 2 * 60


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(-400, 400)))
def test_required_canvas_holds_every_patch_and_wastes_at_most_a_pixel_a_side(offsets):
    reach = np.abs(offsets - offsets.mean(axis=0)).max()
    assert 2 * reach <= required_canvas(offsets, 10) - 10 <= 2 * reach + 2
