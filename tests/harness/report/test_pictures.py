"""Golden, obtained and difference of an array: what is drawn, on which scale, and what the notes say."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from small_reports import RAMP

from harness.report.graphics import pictures, png


def pixels(tile):
    from PIL import Image as Pillow

    content = base64.b64decode(tile.source.removeprefix("data:image/png;base64,"))
    return np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))


def shown(golden, obtained, **more):
    return pictures.compare_pictures(golden, obtained, "label", "place", **more)


def test_three_tiles_on_stated_scales():
    picture = shown(RAMP, RAMP + np.array([[0.5, 0, 0, 0]] * 3))
    golden, obtained, change = picture.tiles
    assert [t.title for t in picture.tiles] == ["golden", "obtained", "difference"]
    assert (golden.low, golden.high) == (obtained.low, obtained.high)
    assert (change.low, change.middle, change.high) == ("−0.5", "0", "+0.5")
    red, white = pixels(change)[0, 0], pixels(change)[0, 1]
    assert red[0] > red[2] + 50  # more than the golden is red
    assert np.ptp(white.astype(int)) < 5
    assert pixels(golden).shape == (3, 4, 3)


def test_less_than_the_golden_is_blue():
    blue = pixels(shown(RAMP, RAMP - 1).tiles[2])[1, 1]
    assert blue[2] > blue[0] + 50


def test_the_common_scale_shows_a_wrong_gain():
    golden, obtained, _ = shown(RAMP, 2 * RAMP).tiles
    assert pixels(obtained).mean() > 1.5 * pixels(golden).mean()


@pytest.mark.parametrize("kind", ["uint8", "uint64", "int16", "bool", "float16", "float64"])
def test_every_kind_of_number_has_a_picture(kind):
    golden = (RAMP % 2).astype(kind)
    picture = shown(golden, (1 - RAMP % 2).astype(kind))
    assert (picture.tiles[2].low, picture.tiles[2].high) == ("−1", "+1")  # unsigned numbers do not wrap
    assert picture.deviation == 1


def test_complex_arrays_differ_by_the_modulus_of_the_difference():
    golden = np.ones((4, 4), np.complex64)
    picture = shown(golden, golden * 1j)
    assert picture.tiles[2].high == "+1.41"
    assert "complex" in picture.notes[0]
    assert np.array_equal(pixels(picture.tiles[0]), pixels(picture.tiles[1]))


def test_what_is_not_finite_has_a_colour_of_its_own_and_is_counted():
    broken = RAMP.copy()
    broken[1, 2], broken[0, 0] = math.nan, math.inf
    picture = shown(RAMP, broken)
    assert tuple(pixels(picture.tiles[1])[1, 2]) == tuple(pixels(picture.tiles[1])[0, 0]) == png.NOT_FINITE
    assert tuple(pixels(picture.tiles[2])[1, 2]) == png.NOT_FINITE
    assert picture.notes == ("2 pixels of the obtained array not finite, shown in magenta.",)
    assert picture.deviation == math.inf


def test_nan_where_the_golden_has_nan_is_no_difference():
    both = RAMP.copy()
    both[0, 0] = math.nan
    assert len(shown(both, both.copy()).tiles) == 1


def test_equal_arrays_are_shown_once():
    picture = shown(RAMP, RAMP.copy())
    assert [t.title for t in picture.tiles] == ["golden = obtained"]
    assert picture.notes == ("Equal to the last bit.",)
    assert picture.deviation == 0


def test_equal_numbers_of_another_dtype_are_not_called_equal():
    picture = shown(RAMP, RAMP.astype(np.float32))
    assert len(picture.tiles) == 3
    assert "The golden is float64, obtained is float32." in picture.notes


def test_other_shapes_are_both_shown_without_a_difference():
    picture = shown(RAMP, RAMP[:, :3])
    assert [t.title for t in picture.tiles] == ["golden", "obtained"]
    assert picture.notes[0] == "No difference can be taken: the golden is 3 × 4, obtained is 3 × 3."
    assert picture.deviation == math.inf


@pytest.mark.parametrize(
    ("before", "after", "note"), [(RAMP, None, "Nothing was obtained."), (None, RAMP, "no golden yet")]
)
def test_one_array_alone_is_shown(before, after, note):
    picture = shown(before, after)
    assert len(picture.tiles) == 1
    assert note in picture.notes[0]


@pytest.mark.parametrize("array", [np.float64(3), np.empty((0, 4)), np.array([["a"]])])
def test_what_has_no_picture_says_so(array):
    picture = shown(np.asarray(array), np.asarray(array))
    assert not picture.tiles
    assert "has no picture" in picture.notes[0]
    assert "Neither" in shown(None, None).notes[0]


def test_a_lone_wrong_pixel_survives_reduction_and_has_a_ring():
    golden = np.zeros((500, 700))
    obtained = golden.copy()
    obtained[123, 456] = -1
    golden[0, 0] = obtained[0, 0] = 5
    picture = shown(golden, obtained, side=100)
    change = pixels(picture.tiles[2]).astype(int)
    assert pixels(picture.tiles[1]).shape == (72, 100, 3)
    assert change.shape == (46, 64, 3)  # coarser, so that one pixel can be seen
    assert change[11, 41, 2] - change[11, 41, 0] > 50
    assert picture.tiles[2].ring == pytest.approx((100 * 456.5 / 700, 100 * 123.5 / 500))
    assert picture.notes == (
        "Shown of 500 × 700: means of 7 × 7 pixels.",
        "Of the difference, the largest of every 11 × 11 pixels.",
    )


def test_differences_everywhere_have_no_ring():
    assert shown(RAMP, RAMP + 1).tiles[2].ring is None


def test_of_many_planes_the_one_that_differs_most_is_shown():
    golden = np.zeros((2, 3, 4, 5))
    obtained = golden.copy()
    obtained[1, 2, 3, 3] = 7
    picture = shown(golden, obtained)
    assert "Plane [1, 2] of 6" in " ".join(picture.notes)
    assert picture.tiles[2].high == "+7"


def test_extreme_numbers_are_drawn_without_a_warning():
    huge = np.array([[1.7e308, -1.7e308]])
    assert len(shown(huge, -huge).tiles) == 3
    assert len(shown(np.full((2, 2), 5e-324), np.zeros((2, 2))).tiles) == 3
    assert len(shown(np.full((2, 2), math.nan), np.zeros((2, 2))).tiles) == 3


def test_an_unknown_colour_map_is_named_and_replaced():
    assert "Colour map 'virdis' is unknown: shown in gray." in shown(RAMP, RAMP, colormap="virdis").notes


@pytest.mark.parametrize("name", [*png.ANCHORS, "cividis"])
def test_colour_maps_are_matplotlibs(name):
    matplotlib = pytest.importorskip("matplotlib")
    ours, theirs = (
        png.colour_table(name)[:255].astype(float),
        matplotlib.colormaps[name](np.linspace(0, 1, 255))[:, :3] * 255,
    )
    assert np.abs(ours - theirs).max() < 8
    assert tuple(png.colour_table(name)[255]) == png.NOT_FINITE


def test_labels_and_masks_are_neither_mixed_nor_blurred():
    labels = np.zeros((100, 100), np.int32)
    labels[:, 51:] = 7
    labels[30:] *= 2
    other = labels.copy()
    other[:9, :9] = 3
    golden, _, change = shown(labels, other, side=20).tiles
    assert golden.nearest
    assert change.nearest
    assert len(np.unique(pixels(golden).reshape(-1, 3), axis=0)) == 3  # a mean would be a fourth
    assert "Shown of 100 × 100: one of every 5 × 5 pixels." in shown(labels, other, side=20).notes
    assert all(tile.nearest for tile in shown(labels > 3, other > 3).tiles)


@pytest.mark.parametrize("array", [
    np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8),
    np.random.default_rng(0).poisson(3, (60, 60)),
    np.add.outer(np.arange(60), np.arange(60)),
    np.zeros((60, 60)),
])  # fmt: skip
def test_photographs_counts_and_floats_are_no_labels(array):
    assert not any(tile.nearest for tile in shown(array, array).tiles)
