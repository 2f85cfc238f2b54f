"""Validation groups share no frame with training groups."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ptycho.config.network import TrainConfig
from ptycho.data.grouping import make_groups
from ptycho.errors import ConfigError
from ptycho.training.training import GroupBatches, train_network
from ptycho.training.validation import hold_out

PLAIN = TrainConfig(
    epochs=1,
    batch_size=8,
    learning_rate=1e-3,
    schedule="constant",
    seed=3,
    validation_fraction=0.1,
    clip_norm=1.0,
)


def grouped(frames=200, gridsize=2, count=None, oversample=False):
    at = np.random.default_rng(0).uniform(0, 200, (frames, 2))
    return make_groups(at, gridsize, 6, np.random.default_rng(1), count, oversample)


def share(fraction):
    return dataclasses.replace(PLAIN, validation_fraction=fraction)


@pytest.mark.parametrize("gridsize", [1, 2])
@pytest.mark.parametrize("count", [60, 200, 500])
@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.25])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_frame_is_trained_on_and_validated_with(gridsize, count, fraction, seed):
    if gridsize == 1 and count > 200:
        pytest.skip("there are no more groups of one than frames")
    groups = grouped(200, gridsize, count, oversample=count > 200)
    learned, held = hold_out(groups, dataclasses.replace(share(fraction), seed=seed))
    assert not set(learned.members.ravel()) & set(held.members.ravel())
    assert len(held) == round(fraction * count)
    assert len(learned) >= (count - len(held)) / 2
    if gridsize == 1:
        assert len(learned) + len(held) == count  # groups of one frame share none, nothing is lost


def test_the_choice_is_the_seed_s_and_lies_together():
    groups = grouped()
    _, one = hold_out(groups, PLAIN)
    _, again = hold_out(groups, PLAIN)
    _, other = hold_out(groups, dataclasses.replace(PLAIN, seed=4))
    np.testing.assert_array_equal(one.members, again.members)
    assert one.members.tolist() != other.members.tolist()
    assert np.ptp(one.centers, axis=0).max() < 120


def test_nothing_asked_holds_nothing_out():
    groups = grouped()
    learned, held = hold_out(groups, share(0.0))
    assert held is None
    assert learned is groups


@pytest.mark.parametrize("frames", [5, 6, 8, 12, 20])
@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_a_small_scan_trains_all_the_same(frames, fraction):
    """On most of its groups, even where none can be held out."""
    groups = grouped(frames)
    learned, held = hold_out(groups, share(fraction))
    assert len(learned) >= frames / 2 - 1
    assert held is None or not set(learned.members.ravel()) & set(held.members.ravel())


def test_a_fraction_that_leaves_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"train.validation_fraction = 0.999 .* leaves none of 200 groups"):
        hold_out(grouped(), share(0.999))


@pytest.mark.slow
def test_training_asks_for_what_hold_out_gives(scene, monkeypatch):
    small, seen = scene("model.features=amplitude", "train.validation_fraction=0.1", "train.epochs=1"), []
    plain = GroupBatches.__init__

    def noted(self, make, groups, *arguments):
        seen.append(groups)
        plain(self, make, groups, *arguments)

    monkeypatch.setattr(GroupBatches, "__init__", noted)
    model, maker = small.model()
    outcome = train_network(model, lambda g: maker(small.split.train, g), small.group.train, small.config.train)
    learned, held = seen
    assert not set(learned.members.ravel()) & set(held.members.ravel())
    assert "val_loss" in outcome.history
