"""What a run measures of itself: worked out by hand on tiny arrays, and against the figures of PHYSICS.md."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.diagnostics import measured
from ptycho.diagnostics.geometry import canvas
from ptycho.optics import probes

SQUARE = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [3.0, 4.0]])


def test_grouping_by_hand():
    found = measured.grouping(SQUARE, np.array([[0, 1], [2, 1]]), N=10, requested=3)
    assert (found["actual_groups"], found["requested_groups"], found["members_each"]) == (2, 3, 2)
    assert found["neighbour_distance"] == {"mean": 4.0, "min": 3.0, "max": 5.0}
    # Apart by (3, 0) they share 7 x 10 pixels of 100, by (3, 4) 7 x 6.
    assert found["overlap_fraction"] == pytest.approx((0.70 + 0.42) / 2)
    assert found["reuse"] == {"mean": 1.0, "max": 2, "unused": 1}
    x, y = found["coords_offsets"]["axis_stats"]
    assert (x["min"], x["max"], y["min"], y["max"]) == (1.5, 1.5, 0.0, 2.0)
    assert found["coords_relative"]["max"] == 2.0


def test_a_group_of_one_has_no_neighbours():
    found = measured.grouping(SQUARE, np.array([[0], [1]]), N=10, requested=2)
    assert found["neighbour_distance"]["mean"] is None
    assert found["overlap_fraction"] is None


def test_patches_that_touch_nowhere_share_nothing():
    found = measured.grouping(10 * SQUARE, np.array([[0, 3]]), N=10, requested=1)
    assert found["overlap_fraction"] == 0.0


@pytest.mark.parametrize(
    ("offset", "side", "share"),
    [((0, 0), 10, 0.0), ((0, 0), 8, 1 - 0.64), ((3, 0), 10, 0.3), ((-3, -3), 10, 1 - 0.49), ((20, 0), 10, 1.0)],
)
def test_what_falls_off_a_canvas_is_counted(offset, side, share):
    assert measured.lost(np.array([offset], float), 10, side) == pytest.approx(share)


def test_what_falls_off_is_what_placing_ones_loses(rng):
    offsets, window, side = rng.integers(-12, 13, (40, 2)), 10, 24
    kept = 0
    for x, y in offsets:
        far = np.zeros((100, 100))
        left, top = 50 - window // 2 + x, 50 - window // 2 + y
        far[top : top + window, left : left + window] = 1
        kept += far[50 - side // 2 : 50 + side // 2, 50 - side // 2 : 50 + side // 2].sum()
    assert measured.lost(offsets.astype(float), window, side) == pytest.approx(1 - kept / (40 * window**2))


def test_a_centred_scan_fits_where_an_absolute_one_does_not():
    far = SQUARE * 40 + 200
    found = measured.reassembly(far, window=32, gridsize=2, given=260)
    assert found["canvas"]["required_canvas"] == 32 + 2 * 80
    assert found["canvas"]["required_canvas_uncentred"] == canvas(32, 360) == 752
    assert found["canvas"]["fits_canvas"]
    assert found["reassembly"]["loss_fraction"] == 0.0
    assert found["canvas"]["legacy_padded_size"] == 32 + 10 + 4
    assert found["reassembly"]["loss_fraction_legacy"] == 1.0


def test_the_idealised_probe_has_the_conformance_figures():
    found = measured.probe(probes.normalize_probe(probes.idealized(64), 10.0, mask=True))
    assert found["amplitude"]["l2"] == pytest.approx(20.0205, abs=5e-5)
    assert found["amplitude"]["max"] == pytest.approx(1.08936, abs=5e-6)
    assert found["amplitude"]["mean"] == pytest.approx(0.1, rel=1e-6)
    assert found["mask_energy"] == pytest.approx(1.0)


def test_the_width_of_a_gaussian_is_its_own():
    rows, columns = np.indices((64, 64)) - 31.5
    found = measured.probe(np.exp(-(rows**2 + columns**2) / (4 * 5.0**2)).astype(np.complex64))
    assert found["rms_width_px"] == pytest.approx(5.0, rel=1e-3)
    assert found["area_above_half_max_px"] == pytest.approx(np.pi * 4 * 25 * np.log(2), rel=0.03)


def test_two_probes_differ_by_what_was_added():
    given = np.ones((4, 4), np.complex64)
    other = given.copy()
    other[1, 2] = 3
    found = measured.probes(other, given)["comparison"]
    assert found["max_abs_delta"] == 2.0
    assert found["overlap"] == pytest.approx(18 / (4 * np.sqrt(24)))


def test_scaling_by_hand():
    prediction, truth = np.array([[1.0, 2.0, 0.0, 9.0]]), np.array([[2.0, 6.0, 5.0, 9.0]])
    found = measured.scaling(prediction + 0j, truth + 0j, np.array([[True, True, True, False]]))
    assert (found["count"], found["mean"], found["median"]) == (2, 2.5, 2.5)
    assert found["least_squares"] == pytest.approx((2 + 12) / 5)
    errors = np.array([2.5 - 2, 5 - 6, 0 - 5])
    assert found["scaled"]["mean"]["mae"] == pytest.approx(np.abs(errors).mean())
    assert found["scaled"]["mean"]["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert min(s["rmse"] for s in found["scaled"].values()) == found["scaled"]["least_squares"]["rmse"]


def test_a_prediction_of_nothing_has_no_scalar():
    found = measured.scaling(np.zeros((2, 2), complex), np.ones((2, 2), complex), np.ones((2, 2), bool))
    assert (found["count"], found["mean"], found["least_squares"]) == (0, None, None)
    assert found["scaled"]["median"] == {"mae": None, "rmse": None}
