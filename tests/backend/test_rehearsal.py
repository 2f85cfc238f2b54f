"""What a training is said to do in advance is what it does, in every version of Keras."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ptycho.config.network import TrainConfig
from ptycho.data.grouping import make_groups
from ptycho.training.rehearsal import rehearse_training

COSINE = TrainConfig(
    epochs=4,
    batch_size=8,
    learning_rate=1e-3,
    schedule="cosine",
    seed=3,
    validation_fraction=0.1,
    clip_norm=1.0,
)


@pytest.fixture(scope="module")
def rehearsed():
    at = np.random.default_rng(0).uniform(0, 200, (200, 2))
    return rehearse_training(make_groups(at, 2, 6, np.random.default_rng(1), 60), COSINE)


def test_the_rate_falls_from_epoch_to_epoch_as_the_schedule_says(rehearsed):
    expected = [1e-3 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(5)]
    np.testing.assert_allclose(rehearsed.learning_rate, expected, rtol=1e-5, atol=1e-12)


def test_every_epoch_has_all_learned_groups_in_an_order_of_its_own(rehearsed):
    learned = sorted(rehearsed.learned)
    assert all(sorted(order) == learned for order in rehearsed.order)
    assert len({tuple(order) for order in rehearsed.order}) == 4
    assert len(rehearsed.held) == 6
    assert not set(learned) & set(rehearsed.held)
    assert list(rehearsed.batch_sizes[:-1]) == [8] * (len(rehearsed.batch_sizes) - 1)
    assert sum(rehearsed.batch_sizes) == len(learned)
