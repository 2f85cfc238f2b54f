"""What a run measures of itself: worked out by hand, and against the figures of docs/explanation/physics.md."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.diagnostics import measurements
from ptycho.diagnostics.analyses.canvas import canvas_side
from ptycho.diagnostics.measurements import grouping, lost_share, probe_statistics, reassembly, scaling
from ptycho.optics import probes

SQUARE = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [3.0, 4.0]])


def test_grouping_by_hand():
    figures = grouping(SQUARE, np.array([[0, 1], [2, 1]]), N=10, requested=3)
    assert (figures["actual_groups"], figures["requested_groups"], figures["members_each"]) == (2, 3, 2)
    assert figures["neighbour_distance"] == {"mean": 4.0, "min": 3.0, "max": 5.0}
    # Apart by (3, 0) they share 7 x 10 pixels of 100, by (3, 4) 7 x 6.
    assert figures["overlap_fraction"] == pytest.approx((0.70 + 0.42) / 2)
    assert figures["reuse"] == {"mean": 1.0, "max": 2, "unused": 1}
    x, y = figures["coords_offsets"]["axis_stats"]
    assert (x["min"], x["max"], y["min"], y["max"]) == (1.5, 1.5, 0.0, 2.0)
    assert figures["coords_relative"]["max"] == 2.0


def test_a_group_of_one_has_no_neighbours():
    figures = grouping(SQUARE, np.array([[0], [1]]), N=10, requested=2)
    assert figures["neighbour_distance"]["mean"] is None
    assert figures["overlap_fraction"] is None


def test_patches_that_touch_nowhere_share_nothing():
    figures = grouping(10 * SQUARE, np.array([[0, 3]]), N=10, requested=1)
    assert figures["overlap_fraction"] == 0.0


@pytest.mark.parametrize(
    ("offset", "side", "share"),
    [((0, 0), 10, 0.0), ((0, 0), 8, 1 - 0.64), ((3, 0), 10, 0.3), ((-3, -3), 10, 1 - 0.49), ((20, 0), 10, 1.0)],
)
def test_what_falls_off_a_canvas_is_counted(offset, side, share):
    assert lost_share(np.array([offset], float), 10, side) == pytest.approx(share)


def test_what_falls_off_is_what_placing_ones_loses(rng):
    offsets, window, side = rng.integers(-12, 13, (40, 2)), 10, 24
    kept = 0
    for x, y in offsets:
        far = np.zeros((100, 100))
        left, top = 50 - window // 2 + x, 50 - window // 2 + y
        far[top : top + window, left : left + window] = 1
        kept += far[50 - side // 2 : 50 + side // 2, 50 - side // 2 : 50 + side // 2].sum()
    assert lost_share(offsets.astype(float), window, side) == pytest.approx(1 - kept / (40 * window**2))


def test_a_centred_scan_fits_where_an_absolute_one_does_not():
    far = SQUARE * 40 + 200
    figures = reassembly(far, window=32, gridsize=2, given=260)
    assert figures["canvas"]["required_canvas"] == 32 + 2 * 80
    assert figures["canvas"]["required_canvas_uncentred"] == canvas_side(32, 360) == 752
    assert figures["canvas"]["fits_canvas"]
    assert figures["reassembly"]["loss_fraction"] == 0.0
    assert figures["canvas"]["legacy_padded_size"] == 32 + 10 + 4
    assert figures["reassembly"]["loss_fraction_legacy"] == 1.0


def test_the_idealised_probe_has_the_conformance_figures():
    figures = probe_statistics(probes.normalize_probe(probes.idealized(64), 10.0, mask=True))
    assert figures["amplitude"]["l2"] == pytest.approx(20.0205, abs=5e-5)
    assert figures["amplitude"]["max"] == pytest.approx(1.08936, abs=5e-6)
    assert figures["amplitude"]["mean"] == pytest.approx(0.1, rel=1e-6)
    assert figures["mask_energy"] == pytest.approx(1.0)


def test_the_width_of_a_gaussian_is_its_own():
    rows, columns = np.indices((64, 64)) - 31.5
    figures = probe_statistics(np.exp(-(rows**2 + columns**2) / (4 * 5.0**2)).astype(np.complex64))
    assert figures["rms_width_px"] == pytest.approx(5.0, rel=1e-3)
    assert figures["area_above_half_max_px"] == pytest.approx(np.pi * 4 * 25 * np.log(2), rel=0.03)


def test_two_probes_differ_by_what_was_added():
    given = np.ones((4, 4), np.complex64)
    other = given.copy()
    other[1, 2] = 3
    figures = measurements.probes(other, given)["comparison"]
    assert figures["max_abs_delta"] == 2.0
    assert figures["overlap"] == pytest.approx(18 / (4 * np.sqrt(24)))


def test_scaling_by_hand():
    prediction, truth = np.array([[1.0, 2.0, 0.0, 9.0]]), np.array([[2.0, 6.0, 5.0, 9.0]])
    figures = scaling(prediction + 0j, truth + 0j, np.array([[True, True, True, False]]))
    assert (figures["count"], figures["mean"], figures["median"]) == (2, 2.5, 2.5)
    assert figures["least_squares"] == pytest.approx((2 + 12) / 5)
    errors = np.array([2.5 - 2, 5 - 6, 0 - 5])
    assert figures["scaled"]["mean"]["mae"] == pytest.approx(np.abs(errors).mean())
    assert figures["scaled"]["mean"]["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert min(s["rmse"] for s in figures["scaled"].values()) == figures["scaled"]["least_squares"]["rmse"]


def test_a_prediction_of_nothing_has_no_scalar():
    figures = scaling(np.zeros((2, 2), complex), np.ones((2, 2), complex), np.ones((2, 2), bool))
    assert (figures["count"], figures["mean"], figures["least_squares"]) == (0, None, None)
    assert figures["scaled"]["median"] == {"mae": None, "rmse": None}
