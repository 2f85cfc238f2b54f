"""Split and group: nobody shared, seeds inside, neighbours near, the same from the same seed."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho.config.experiment import SplitConfig
from ptycho.data.frames import Frames
from ptycho.data.grouping import make_groups
from ptycho.data.splitting import split_frames
from ptycho.errors import DataError

# Floats, and few whole numbers, so that many positions coincide.
coordinates = st.one_of(st.floats(-200, 200, width=32), st.integers(0, 3).map(float))
scans = arrays(np.float64, st.tuples(st.integers(4, 30), st.just(2)), elements=coordinates)
seeds = st.integers(0, 2**32 - 1)


def frames_at(positions):
    """Frames whose only pixel tells which they are."""
    count = len(positions)
    return Frames(np.arange(count, dtype=np.float32).reshape(count, 1, 1), positions, 100 + np.arange(count))


# split


@given(scans, st.sampled_from("xy"), st.floats(0.2, 0.8))
@pytest.mark.slow
def test_no_frame_is_in_both_parts_and_none_is_lost(at, axis, fraction):
    parts = split_frames(frames_at(at), SplitConfig(axis, fraction))
    train, test = set(parts.train.ids.tolist()), set(parts.test.ids.tolist())
    assert not train & test
    assert sorted(train | test) == (100 + np.arange(len(at))).tolist()
    assert len(parts.train) + len(parts.test) == len(at)


@given(scans, st.sampled_from("xy"))
@pytest.mark.slow
def test_the_lower_part_trains(at, axis):
    parts = split_frames(frames_at(at), SplitConfig(axis, 0.5))
    column = "xy".index(axis)
    assert len(parts.train) == round(len(at) / 2)
    assert parts.train.positions[:, column].max() <= parts.test.positions[:, column].min()


@given(scans)
@pytest.mark.slow
def test_a_frame_keeps_its_image_and_its_place(at):
    for part in vars(split_frames(frames_at(at), SplitConfig("y", 0.5))).values():
        np.testing.assert_array_equal(part.positions, at[part.ids - 100])
        np.testing.assert_array_equal(part.diffraction[:, 0, 0], part.ids - 100)


def test_split_by_hand():
    at = np.array([[0, 5], [9, 1], [4, 3], [1, 2]])
    by_y, by_x = (split_frames(frames_at(at), SplitConfig(axis, 0.75)) for axis in "yx")
    assert by_y.train.ids.tolist() == [101, 103, 102]
    assert by_x.train.ids.tolist() == [100, 103, 102]
    assert by_y.test.ids.tolist() == [100]
    assert by_x.test.ids.tolist() == [101]


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_an_empty_part_is_refused_with_the_numbers(fraction):
    with pytest.raises(DataError, match=f"split.fraction = {fraction} of 10 frames leaves one part empty"):
        split_frames(frames_at(np.zeros((10, 2))), SplitConfig("y", fraction))


def test_the_smoke_scenario_shares_no_frames(gs2):
    config, dataset = gs2
    parts = split_frames(dataset.frames, config.split)
    assert len(parts.train) == len(parts.test) == 64
    assert np.intersect1d(parts.train.ids, parts.test.ids).size == 0
    assert parts.train.positions[:, 1].max() < parts.test.positions[:, 1].min()


# group


@st.composite
def grouping(draw):
    """Positions, gridsize and a neighbour count that suffice for one group a frame."""
    at = draw(scans)
    gridsize = draw(st.sampled_from([1, 2]))
    neighbors = draw(st.integers(max(1, gridsize**2 - 1), 9))
    return at, gridsize, neighbors


@given(grouping(), seeds)
@pytest.mark.slow
def test_a_group_holds_its_seed_first_and_nobody_twice(case, seed):
    at, gridsize, neighbors = case
    groups = make_groups(at, gridsize, neighbors, np.random.default_rng(seed))
    assert groups.members.shape == (len(at), gridsize**2)
    np.testing.assert_array_equal(groups.members[:, 0], np.arange(len(at)))
    assert all(len(set(row)) == gridsize**2 for row in groups.members.tolist())
    assert groups.members.min() >= 0
    assert groups.members.max() < len(at)


@given(grouping(), seeds)
@pytest.mark.slow
def test_members_are_among_the_nearest_neighbours(case, seed):
    at, gridsize, neighbors = case
    groups = make_groups(at, gridsize, neighbors, np.random.default_rng(seed))
    for first, *others in groups.members.tolist():
        distance = np.linalg.norm(at - at[first], axis=1)
        farthest = np.sort(np.delete(distance, first))[min(neighbors, len(at) - 1) - 1]
        assert all(distance[other] <= farthest + 1e-9 for other in others)


@given(grouping(), seeds)
@pytest.mark.slow
def test_offsets_are_centred_to_half_a_pixel_and_centers_are_whole(case, seed):
    at, gridsize, neighbors = case
    groups = make_groups(at, gridsize, neighbors, np.random.default_rng(seed))
    assert groups.centers.dtype.kind == "i"
    assert groups.offsets.dtype == np.float32
    assert np.abs(groups.offsets.mean(axis=1)).max() <= 0.5 + 1e-4
    np.testing.assert_allclose(groups.centers[:, None] + groups.offsets, at[groups.members], atol=1e-4)


@given(grouping(), seeds)
@pytest.mark.slow
def test_the_same_seed_gives_the_same_groups(case, seed):
    first, again = (make_groups(*case, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first.members, again.members)
    np.testing.assert_array_equal(first.offsets, again.offsets)


def test_another_seed_gives_other_groups(rng):
    at = rng.uniform(0, 100, (40, 2))
    one, other = (make_groups(at, 2, 6, np.random.default_rng(seed)) for seed in (1, 2))
    assert (one.members != other.members).any()


def test_a_group_by_hand():
    at = np.array([[0, 0], [1, 0], [0, 2], [3, 4], [50, 50]])
    groups = make_groups(at, 2, 3, np.random.default_rng(0)).take(slice(0, 1))
    assert set(groups.members[0].tolist()) == {0, 1, 2, 3}
    assert groups.members[0, 0] == 0
    np.testing.assert_array_equal(groups.centers, [[1, 2]])  # of (1, 1.5), which rounds to even
    wanted = {0: (-1, -2), 1: (0, -2), 2: (-1, 0), 3: (2, 2)}
    assert {m: tuple(o) for m, o in zip(groups.members[0].tolist(), groups.offsets[0].tolist(), strict=True)} == wanted
    assert groups.reach == 2


def test_shifts_are_the_offsets_on_whole_pixels(rng):
    groups = make_groups(rng.uniform(0, 60, (30, 2)), 2, 5, rng)
    assert groups.shifts.dtype.kind == "i"
    assert np.abs(groups.shifts - groups.offsets).max() <= 0.5 + 1e-6
    assert groups.reach == np.abs(groups.shifts).max()


def test_single_frames_are_groups_of_themselves(rng):
    at = rng.uniform(0, 60, (8, 2))
    groups = make_groups(at, 1, 4, rng)
    np.testing.assert_array_equal(groups.members, np.arange(8)[:, None])
    np.testing.assert_array_equal(groups.centers, np.rint(at))


@given(scans, seeds, st.data())
@pytest.mark.slow
def test_fewer_groups_than_frames_have_different_seeds(at, seed, draw):
    count = draw.draw(st.integers(1, len(at)))
    groups = make_groups(at, 2, 4, np.random.default_rng(seed), count)
    assert len(groups) == count
    assert len(set(groups.members[:, 0].tolist())) == count


@given(scans, st.integers(3, 6), seeds, st.data())
@pytest.mark.slow
def test_oversampled_groups_are_all_different(at, neighbors, seed, draw):
    available = len(at) * comb(min(neighbors, len(at) - 1), 3)
    assume(available > len(at))
    count = draw.draw(st.integers(len(at) + 1, available))
    groups = make_groups(at, 2, neighbors, np.random.default_rng(seed), count, oversample=True)
    assert len({(row[0], frozenset(row[1:])) for row in groups.members.tolist()}) == count
    assert all(len(set(row)) == 4 for row in groups.members.tolist())


def test_oversampling_to_the_last_finds_every_choice_of_neighbours():
    at = np.array([[0.0, 0], [1, 0], [0, 1], [7, 7], [9, 9]])
    groups = make_groups(at, 2, 4, np.random.default_rng(3), 20, oversample=True)
    result = {(row[0], frozenset(row[1:])) for row in groups.members.tolist()}
    assert result == {(s, frozenset(c)) for s in range(5) for c in combinations(set(range(5)) - {s}, 3)}


def test_taking_some_groups_takes_all_of_their_parts(rng):
    groups = make_groups(rng.uniform(0, 60, (12, 2)), 2, 5, rng)
    part = groups.take(np.array([3, 7]))
    assert len(part) == 2
    for name in ("members", "centers", "offsets"):
        np.testing.assert_array_equal(getattr(part, name), getattr(groups, name)[[3, 7]])


def test_too_few_points_are_refused_with_both_numbers():
    with pytest.raises(DataError, match=r"only 3 points but 4 coordinates per group requested"):
        make_groups(np.zeros((3, 2)), 2, 4, np.random.default_rng(0))


def test_too_few_neighbours_are_refused_with_both_numbers():
    with pytest.raises(DataError, match=r"K = 2 neighbours are fewer than the 3 that a group of C = 4"):
        make_groups(np.eye(9)[:, :2], 2, 2, np.random.default_rng(0))


def test_more_groups_than_frames_need_oversampling():
    with pytest.raises(
        DataError, match=r"11 groups asked of 10 frames: allow group\.oversample, or ask for at most 10"
    ):
        make_groups(np.arange(20.0).reshape(10, 2), 2, 4, np.random.default_rng(0), 11)


def test_more_groups_than_choices_are_refused_with_their_number():
    at = np.arange(20.0).reshape(10, 2)
    with pytest.raises(DataError, match=r"41 groups asked, but 10 frames with K = 4 choose 3 make only 40"):
        make_groups(at, 2, 4, np.random.default_rng(0), 41, oversample=True)
    assert len(make_groups(at, 2, 4, np.random.default_rng(0), 40, oversample=True)) == 40
